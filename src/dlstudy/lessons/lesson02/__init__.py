"""What lesson 02 measures and draws: perceptrons, folded planes, activations, fits, signals through fifty layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer

from dlstudy.figures import plots
from dlstudy.figures.palette import BLUE, CYCLE, LINE, MUTED, ORANGE, PAPER
from dlstudy.figures.proofs import Proof
from dlstudy.figures.svg import StaticFigure, figure, subplots

# ---- the perceptron ---------------------------------------------------------------------------------------------


def train_perceptron(
    points: Float[np.ndarray, "N d"], labels: Sequence[int], rounds: int = 30
) -> dict[str, np.ndarray]:
    """Show all points to a perceptron, round after round, by Rosenblatt's rule (Psychological Review 65, 1958).

    points (N, d), labels 0 or 1. Returns "mistakes" (rounds,) and "weights" (rounds * N, d + 1), the bias last, after
    each example.
    """
    w, b = np.zeros(points.shape[1]), 0.0
    mistakes, weights = [], []
    for _ in range(rounds):
        wrong = 0
        for x, label in zip(points, labels):
            error = label - int(w @ x + b > 0)
            w, b, wrong = w + error * x, b + error, wrong + abs(error)
            weights.append([*w, b])
        mistakes.append(wrong)
    return {"mistakes": np.array(mistakes), "weights": np.array(weights)}


def show_perceptrons(runs: Mapping[str, dict[str, np.ndarray]], tables: Mapping[str, Sequence[int]]) -> StaticFigure:
    """Draw each truth table with the line that its perceptron ended on, and those of its last round faint behind it."""
    fig, axes = subplots(1, len(runs), figsize=(7.2, 2.75), sharey=True)
    for ax, (name, run) in zip(axes, runs.items()):
        weights = run["weights"]
        for w in weights[-4:-1]:
            _draw_line(ax, w, color=MUTED, lw=1.2, ls=(0, (4, 3)))
        _draw_line(ax, weights[-1], color=BLUE, lw=2.2)
        _draw_corners(ax, tables[name])
        calm = run["mistakes"][-1] == 0
        ending = f"calm from round {int(np.argmin(run['mistakes'])) + 1}" if calm else "never calm"
        ax.set_title(f"{name}: {ending}")
        ax.set(xlabel="x₁", xlim=(-0.4, 1.4), ylim=(-0.4, 1.4), xticks=[0, 1], yticks=[0, 1], aspect="equal")
    axes[0].set_ylabel("x₂")
    return figure(
        fig,
        caption="Filled points are 1, hollow ones 0. Blue: where the sum is zero at the end; dashed: a little before.",
        alt="Three squares of four points. For AND and OR a line parts filled from hollow ones; for XOR none does.",
    )


def _draw_line(ax: Any, w: np.ndarray, **style: Any) -> None:
    """The points with w₁x₁ + w₂x₂ + b = 0, if there are any."""
    if abs(w[1]) > 1e-9:
        x = np.array([-1.0, 2.0])
        ax.plot(x, -(w[0] * x + w[2]) / w[1], **style)
    elif abs(w[0]) > 1e-9:
        ax.axvline(-w[2] / w[0], **style)


def _draw_corners(ax: Any, labels: Sequence[int]) -> None:
    for (x1, x2), label in zip(((0, 0), (0, 1), (1, 0), (1, 1)), labels):
        ax.plot(x1, x2, "o", ms=11, mec=ORANGE, mew=2.2, mfc=ORANGE if label else PAPER, zorder=5)


# ---- XOR with a hidden layer --------------------------------------------------------------------------------------


def xor_starts(hidden: int, starts: int = 100, steps: int = 800, rate: float = 0.5, seed: int = 0) -> Bool[Any, " S"]:
    """Train `starts` networks 2 -> hidden -> 1 (ReLU) on XOR by gradient descent, all at once; return which solve it.

    Weights and biases start as `nn.Linear`'s do, evenly within ±1/√fan-in. The loss is cross-entropy for two classes.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int, fan_in: int) -> torch.Tensor:
        return ((torch.rand(shape, generator=generator) * 2 - 1) / math.sqrt(fan_in)).requires_grad_()

    x = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    y = torch.tensor([0.0, 1, 1, 0]).expand(starts, 4)
    parameters = [
        uniform(starts, 2, hidden, fan_in=2),
        uniform(starts, 1, hidden, fan_in=2),
        uniform(starts, hidden, 1, fan_in=hidden),
        uniform(starts, 1, 1, fan_in=hidden),
    ]
    w1, b1, w2, b2 = parameters
    for _ in range(steps + 1):
        score = ((x @ w1 + b1).relu() @ w2 + b2)[..., 0]  # (starts, 4)
        loss = binary_cross_entropy_with_logits(score, y, reduction="none").mean(1).sum()
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients):
                parameter -= rate * gradient
    return ((score > 0) == (y > 0.5)).all(1).numpy()


# ---- activations --------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "softplus": "softplus",
    "SiLU": "silu",
    "GELU": "gelu",
}
"""Name on the page -> name in `torch.nn.functional`, and in `dlstudy.scratch.nn.functional`."""


def show_activations() -> StaticFigure:
    """Draw eight activations with their slopes, both computed by `dlstudy.scratch`."""
    from dlstudy import scratch
    from dlstudy.scratch.nn import functional

    points = np.linspace(-4, 4, 401)
    fig, axes = subplots(2, 4, figsize=(7.2, 3.7), sharex=True, sharey=True)
    for ax, (name, function) in zip(axes.flat, ACTIVATIONS.items()):
        x = scratch.tensor(points, requires_grad=True)
        y = getattr(functional, function)(x)
        y.sum().backward()
        assert x.grad is not None
        ax.axhline(0, color=LINE, lw=0.8)
        ax.plot(points, y.detach().numpy(), color=BLUE, lw=2, label="value")
        ax.plot(points, x.grad.numpy(), color=ORANGE, lw=1.6, ls=(0, (4, 2)), label="slope")
        ax.set(title=name, ylim=(-1.3, 2.2), xticks=[-4, 0, 4], yticks=[-1, 0, 1, 2])
    for ax in axes[1]:
        ax.set_xlabel("x")
    for ax in axes[:, 0]:
        ax.set_ylabel("value, slope")
    axes[0, 0].legend(loc="upper left", fontsize=9)
    return figure(
        fig,
        caption="Eight activations and their slopes. Where the dashed slope is zero, nothing is learned.",
        alt="Eight plots of activation functions with their slopes. Those of sigmoid and tanh fade on both sides, "
        "ReLU's is 0 on the left and 1 on the right, and those of SiLU and GELU dip below zero.",
    )


# ---- width, depth and a curve -------------------------------------------------------------------------------------


def wavy(x: Any) -> Any:
    """The curve to be fitted on [-1, 1]: two waves and a corner; x an array or a tensor."""
    lib: Any = np if isinstance(x, np.ndarray) else __import__("torch")
    return 0.5 * lib.sin(3 * x) + 0.3 * lib.sin(9 * x + 1) + 0.4 * abs(x)


def fit_curve(
    width: int, depth: int, *, activation: str = "relu", seeds: int = 3, steps: int = 600, rate: float = 0.01
) -> dict[str, Any]:
    """Fit `wavy` from 64 points by networks of `depth` hidden layers of `width` units, one for each seed.

    All start as He et al. (2015) propose and take `steps` full-batch steps of Adam with a rate that sinks to 0 along a
    cosine. Returns "x" (201,), new points between the old ones; "y" (seeds, 201); "error" (seeds,), the root mean
    square distance from the curve there; and "parameters", how many numbers each network has.
    """
    import torch

    generator = torch.Generator().manual_seed(1)
    bend = getattr(torch.nn.functional, activation)
    x = torch.linspace(-1, 1, 64)[None, :, None].expand(seeds, 64, 1)
    between = torch.linspace(-0.98, 0.98, 201)[None, :, None].expand(seeds, 201, 1)
    sizes = [1, *[width] * depth, 1]
    parameters: list[Any] = []
    for fan_in, fan_out in pairwise(sizes):
        parameters.append(torch.randn(seeds, fan_in, fan_out, generator=generator) * math.sqrt(2 / fan_in))
        spread = 1.0 if fan_in == 1 else 0.1  # the first layer's kinks should begin all along the axis
        parameters.append((torch.rand(seeds, 1, fan_out, generator=generator) * 2 - 1) * spread)
    for parameter in parameters:
        parameter.requires_grad_()

    def run(h: Any) -> Any:
        for k in range(0, len(parameters), 2):
            h = torch.baddbmm(parameters[k + 1], h, parameters[k])
            if k < len(parameters) - 2:
                h = bend(h)
        return h

    optimizer = torch.optim.Adam(parameters, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        ((run(x) - wavy(x)) ** 2).mean((1, 2)).sum().backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        y = run(between)
        error = ((y - wavy(between)) ** 2).mean((1, 2)).sqrt()
    return {
        "x": between[0, :, 0].numpy(),
        "y": y[..., 0].numpy(),
        "error": error.numpy(),
        "parameters": sum(parameter[0].numel() for parameter in parameters),
    }


def fit_all(
    widths: Sequence[int] = (4, 16, 64), depths: Sequence[int] = (1, 2, 3)
) -> Generator[float, None, list[dict[str, Any]]]:
    """Fit `wavy` by a network of each width and depth; yield the share that is done, return what JSON can hold.

    One entry a network: "width", "depth", "parameters", "error" (one a seed), and "x" and "y", the first seed's curve.
    """
    found: list[dict[str, Any]] = []
    for depth in depths:
        for width in widths:
            fit = fit_curve(width, depth)
            kept = {"x": fit["x"].round(3).tolist(), "y": fit["y"][0].round(4).tolist(), "error": fit["error"].tolist()}
            found.append({"width": width, "depth": depth, "parameters": fit["parameters"], **kept})
            yield len(found) / (len(widths) * len(depths))
    return found


def show_fits(fits: Sequence[Mapping[str, Any]]) -> StaticFigure:
    """Draw the first seed's curve of every fit that `fit_all` made, depth downwards and width to the right."""
    widths, depths = sorted({fit["width"] for fit in fits}), sorted({fit["depth"] for fit in fits})
    fig, axes = subplots(
        len(depths), len(widths), figsize=(7.2, 1.75 * len(depths)), sharex=True, sharey=True, squeeze=False
    )
    for fit in fits:
        ax = axes[depths.index(fit["depth"]), widths.index(fit["width"])]
        x = np.array(fit["x"])
        ax.plot(x, wavy(x), color=MUTED, lw=3, alpha=0.45)
        ax.plot(x, fit["y"], color=BLUE, lw=1.6)
        layers = "layer" if fit["depth"] == 1 else "layers"
        ax.set_title(f"{fit['depth']} {layers} of {fit['width']}: off by {np.median(fit['error']):.3f}", fontsize=9)
    for ax in axes[-1]:
        ax.set_xlabel("x")
    for ax in axes[:, 0]:
        ax.set_ylabel("y")
    return figure(
        fig,
        caption="Blue: the network of the first seed. Grey: the curve. Above each: the median error of three seeds.",
        alt="A grid of fitted curves. With 4 units the fit is a few straight pieces; with 64 in two layers or three "
        "it lies on the curve.",
    )


def straight_pieces(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> int:
    """Count the straight pieces of the polyline y over x: one more than the places where the slope changes.

    A kink between two points shows in the slopes on both sides of it; such neighbours count once.
    """
    slopes = np.diff(y) / np.diff(x)
    changed = np.abs(np.diff(slopes)) > 1e-6 * max(1.0, float(np.abs(slopes).max()))
    return 1 + int(changed[0]) + int((changed[1:] & ~changed[:-1]).sum())


# ---- signals through fifty layers -----------------------------------------------------------------------------------


@cache
def _normal_weights(depth: int, width: int, seed: int) -> Any:
    """Random float32 weights (depth, width, width) of deviation 1, drawn once for all starts that are compared."""
    import torch

    return torch.randn(depth, width, width, generator=torch.Generator().manual_seed(seed))


def signal_sizes(
    deviation: float, activation: str = "relu", *, depth: int = 50, width: int = 256, seed: int = 0
) -> tuple[Float[Any, " depth"], Float[Any, " depth"]]:
    """Send 32 random inputs through `depth` layers of normal weights with this deviation, and a random gradient back.

    Returns two arrays (depth,): the root mean square of each layer's sums, and that of the gradient of those sums.
    """
    import torch

    generator = torch.Generator().manual_seed(1000 + seed)
    bend = {"relu": torch.relu, "tanh": torch.tanh, "linear": lambda z: z}[activation]
    weights = _normal_weights(depth, width, seed)
    h: Any = torch.randn(32, width, generator=generator, dtype=torch.float64)
    sums = []
    for weight in weights:
        z = h @ (weight.double() * deviation).T
        if not z.requires_grad:
            z.requires_grad_()
        z.retain_grad()
        sums.append(z)
        h = bend(z)
    h.backward(torch.randn(h.shape, generator=generator, dtype=torch.float64))

    def size(values: Any) -> float:
        return float(values.square().mean().sqrt())

    return np.array([size(z.detach()) for z in sums]), np.array([size(z.grad) for z in sums])


def show_signals(sizes: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> StaticFigure:
    """Draw forward sizes on the left and gradient sizes on the right, one curve a start, on a logarithmic axis."""
    fig, axes = subplots(1, 2, figsize=(7.2, 3.3), sharex=True)
    floor = 1e-20
    for k, (name, both) in enumerate(sizes.items()):
        for ax, values in zip(axes, both):
            layers = np.arange(1, len(values) + 1)
            kept = np.where(values > floor, values, np.nan)  # what has gone to zero leaves the picture
            ax.plot(layers, kept, label=name, color=CYCLE[k], lw=2, ls=plots.DASHES[k % len(plots.DASHES)])
    axes[0].set(title="the signal, on its way forward", ylabel="root mean square")
    axes[1].set(title="its gradient, on its way back")
    for ax in axes:
        ax.set(xlabel="layer", yscale="log", ylim=(floor, 1e20))
        ax.grid(axis="y", color=LINE, lw=0.6)
    axes[0].legend(fontsize=9, loc="upper left")
    return figure(
        fig,
        caption="One curve a start. Only He's stays level through fifty layers of ReLU; zero weights leave no curve.",
        alt="Two logarithmic plots over fifty layers. Small weights fall off the picture, large ones rise out of it, "
        "Xavier's sink steadily, He's stays level. For the gradient the same, mirrored.",
    )


# ---- the proof ----------------------------------------------------------------------------------------------------

_PROOF: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "nn.Linear(32, 16)": ((64, 32), lambda nn: nn.Linear(32, 16)),
    "nn.Sequential of 3 layers": (
        (64, 32),
        lambda nn: nn.Sequential(nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 10)),
    ),
    "nn.ReLU": ((64, 32), lambda nn: nn.ReLU()),
    "nn.LeakyReLU(0.2)": ((64, 32), lambda nn: nn.LeakyReLU(0.2)),
    "nn.ELU": ((64, 32), lambda nn: nn.ELU()),
    "nn.GELU": ((64, 32), lambda nn: nn.GELU()),
    'nn.GELU("tanh")': ((64, 32), lambda nn: nn.GELU("tanh")),
    "nn.SiLU": ((64, 32), lambda nn: nn.SiLU()),
    "nn.Sigmoid": ((64, 32), lambda nn: nn.Sigmoid()),
    "nn.Tanh": ((64, 32), lambda nn: nn.Tanh()),
    "nn.Softplus": ((64, 32), lambda nn: nn.Softplus()),
    "nn.Softmax(1)": ((64, 10), lambda nn: nn.Softmax(1)),
    "nn.LogSoftmax(1)": ((64, 10), lambda nn: nn.LogSoftmax(1)),
}


def proof() -> list[dict[str, Any]]:
    """Compare layers and activations of `dlstudy.scratch.nn` with `torch.nn`: same float64 input, same state dict.

    Returns one row a layer: its name, the largest error of the output, and the largest error of any gradient, that of
    the input and those of all parameters.
    """
    import torch

    from dlstudy import scratch
    from dlstudy.scratch import nn

    rng = np.random.default_rng(0)
    found = Proof("layer")
    for name, (shape, make) in _PROOF.items():
        theirs = make(torch.nn).double()
        for parameter in theirs.parameters():
            parameter.data = torch.tensor(rng.normal(size=tuple(parameter.shape)) * 0.3)
        ours = make(nn).double()
        ours.load_state_dict({key: scratch.tensor(value.numpy()) for key, value in theirs.state_dict().items()})
        x = rng.normal(size=shape) * 2

        results = []
        for lib, layer in ((scratch, ours), (torch, theirs)):
            leaf = lib.tensor(x, requires_grad=True)
            out = layer(leaf)
            weights = np.sin(np.arange(out.numel())).reshape(tuple(out.shape))  # a gradient that is not all ones
            out.backward(lib.tensor(weights))
            leaves = [leaf, *layer.parameters()]
            results.append([out.detach().numpy(), *(each.grad.numpy() for each in leaves)])
        found.case(f"`{name}`", *results)
    return found.rows


# ---- digits, for the experiments on mistakes ------------------------------------------------------------------------


def misread(net: Any, images: Integer[np.ndarray, "N H W"], labels: Integer[np.ndarray, " N"], n: int = 10) -> Any:
    """Draw the first `n` images that `net` reads wrong, each under what it is and what was read."""
    import torch

    flat = torch.tensor(images.reshape(len(images), -1) / images.max(), dtype=torch.float32)
    with torch.no_grad():
        read = net(flat).argmax(1).numpy()
    wrong = np.flatnonzero(read != labels)[:n]
    return plots.image_row(
        [images[i] for i in wrong],
        titles=[f"{labels[i]}, not {read[i]}" for i in wrong],
        caption="Digits that the network misreads: what each is, and what was read. Some would be hard for you, too.",
        alt="A row of handwritten digits that were read wrong, with the right and the wrong class above each",
    )
