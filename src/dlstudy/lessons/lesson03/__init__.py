"""What lesson 03 measures and draws beyond the shared figures: real ravines, Jacobians, losses, the network by hand."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from dlstudy.course.measuring import turns
from dlstudy.figures.descent.surfaces import Surface, quadratic
from dlstudy.figures.palette import BLUE, CYCLE, GREEN, LINE, MUTED, ORANGE, PAPER, RED
from dlstudy.figures.proofs import Proof
from dlstudy.figures.svg import StaticFigure, figure, subplots

Weights = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


# --- the network by hand --------------------------------------------------------------------------------------------


def score_slopes(scores: Float[np.ndarray, "N C"], labels: Integer[np.ndarray, " N"]) -> Float[np.ndarray, "N C"]:
    """Return the gradient of the mean cross-entropy along the scores: (softmax(scores) - one-hot labels) / N.

    Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.109. Proven equal to torch's autograd.
    """
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)


def linear_backward(
    grad: Float[np.ndarray, "N out"], x: Float[np.ndarray, "N in"], weight: Float[np.ndarray, "out in"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of x, weight and bias of `x @ weight.T + bias`, given the gradient of its result.

    Proven equal to torch's autograd.
    """
    return grad @ weight, grad.T @ x, grad.sum(axis=0)


def mlp_by_hand(
    x: Float[np.ndarray, "N D"], labels: Integer[np.ndarray, " N"], weights: Weights
) -> tuple[float, Weights]:
    """Return the mean cross-entropy of a network of two layers, and the gradient of each of its four parameters.

    x (N, D), labels (N,) from 0 to C - 1, weights (H, D), (H,), (C, H), (C,). Proven equal to torch's autograd.
    """
    w1, b1, w2, b2 = weights
    n = len(labels)
    # forward: every line keeps what the way back will ask for
    z = x @ w1.T + b1  # (N, H)
    h = np.maximum(z, 0)  # (N, H)
    s = h @ w2.T + b2  # (N, C)
    s = s - s.max(axis=1, keepdims=True)
    e = np.exp(s)
    total = e.sum(axis=1, keepdims=True)  # (N, 1)
    loss = (np.log(total[:, 0]) - s[np.arange(n), labels]).mean()
    # backward: the same lines, from the last to the first
    g_s = e / total
    g_s[np.arange(n), labels] -= 1
    g_s /= n  # (N, C), the mean over the batch, here and nowhere else
    g_w2 = g_s.T @ h  # (C, H)
    g_b2 = g_s.sum(axis=0)  # (C,)
    g_h = g_s @ w2  # (N, H)
    g_z = g_h * (z > 0)  # (N, H)
    g_w1 = g_z.T @ x  # (H, D)
    g_b1 = g_z.sum(axis=0)  # (H,)
    return float(loss), (g_w1, g_b1, g_w2, g_b2)


# --- surfaces that a photo makes ------------------------------------------------------------------------------------


def photo_surfaces(image: np.ndarray) -> tuple[Surface, Surface]:
    """Return the loss of a line green ≈ x · red + y through a photo's pixels, and of the same with red centred.

    image (H, W, 3) uint8. The loss is the mean squared error, its lowest value taken away. The first is a ravine,
    since red never lies around zero: raise the slope a little, and the height must come down with it.
    """
    red, green = (image[::4, ::4, k].reshape(-1) / 255 for k in (0, 1))
    return (
        _line_through("photo", "A line through a photo's colours", red, green, "red"),
        _line_through("centred", "The same, its red centred and scaled", (red - red.mean()) / red.std(), green, "red"),
    )


def _line_through(id: str, title: str, feature: np.ndarray, target: np.ndarray, name: str) -> Surface:
    design = np.stack([feature, np.ones_like(feature)], axis=1)
    curvature = 2 * design.T @ design / len(target)
    minimum = np.linalg.lstsq(design, target, rcond=None)[0]
    low, high = np.linalg.eigvalsh(curvature)
    x, y = minimum
    return quadratic(
        id,
        title,
        curvature,
        minimum,
        formula=f"mean (x · {name} + y − green)², curvature {low:.2g} to {high:.2g}",
        x=(x - 1.5, x + 1.5),
        y=(y - 1.5, y + 1.5),
        start=(round(x - 1.2, 3), round(y - 0.3, 3)),
        rate=0.3,
        note="Real data: every fourth pixel of the coffee photo.",
    )


def curvatures(surface: Surface) -> tuple[float, float]:
    """Return the smallest and the largest curvature of a quadratic surface."""
    (x, y), step = surface.minima[0], 1.0
    first = np.array(surface.slope(x + step, y))
    second = np.array(surface.slope(x, y + step))
    low, high = np.linalg.eigvalsh(np.stack([first, second]))
    return float(low), float(high)


# --- Jacobians ------------------------------------------------------------------------------------------------------


def _peak(call: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def jacobian_against_vjp(widths: Sequence[int], batch: int = 8) -> list[dict[str, float]]:
    """Find the gradient of a layer's weights through its whole Jacobian, and by one product; time and memory of both.

    The layer is x @ W.T with x (batch, n) and W (n, n), and a gradient (batch, n) arrives. Its Jacobian along W has
    batch · n rows and n² columns. Both ways must agree to 1e-10 (AssertionError otherwise). One row per n: `width`,
    `jacobian_s`, `vjp_s`, `jacobian_bytes`, `vjp_bytes`, `full` (the share of the Jacobian that is not zero).
    """
    rows = []
    for n in widths:
        rng = np.random.default_rng(n)
        x, arriving = rng.normal(size=(batch, n)), rng.normal(size=(batch, n))

        def jacobian(x: np.ndarray = x, n: int = n) -> np.ndarray:
            table = np.zeros((batch, n, n, n))  # output (b, o) along the weight (p, i)
            for o in range(n):
                table[:, o, o, :] = x  # only the output's own row of W matters
            return table.reshape(batch * n, n * n)

        def by_jacobian(arriving: np.ndarray = arriving, n: int = n) -> np.ndarray:
            return (arriving.reshape(-1) @ jacobian()).reshape(n, n)

        def by_vjp(x: np.ndarray = x, arriving: np.ndarray = arriving) -> np.ndarray:
            return arriving.T @ x

        assert np.abs(by_jacobian() - by_vjp()).max() < 1e-10
        taken = turns.seconds({"jacobian": by_jacobian, "vjp": by_vjp}, 7)
        rows.append(
            {
                "width": n,
                "jacobian_s": taken["jacobian"],
                "vjp_s": taken["vjp"],
                "jacobian_bytes": _peak(by_jacobian),
                "vjp_bytes": _peak(by_vjp),
                "full": float((jacobian() != 0).mean()),
            }
        )
    return rows


def show_jacobian_against_vjp(rows: list[dict[str, float]]) -> StaticFigure:
    """Draw the result of `jacobian_against_vjp`: seconds on the left, bytes on the right."""
    fig, axes = subplots(1, 2, figsize=(7.2, 3.0))
    widths = [row["width"] for row in rows]
    for ax, unit, label in ((axes[0], "s", "seconds"), (axes[1], "bytes", "bytes at most held")):
        ax.loglog(
            widths, [row[f"jacobian_{unit}"] for row in rows], color=RED, marker="s", lw=2, label="whole Jacobian"
        )
        ax.loglog(widths, [row[f"vjp_{unit}"] for row in rows], color=BLUE, marker="o", lw=2, label="one product")
        ax.set(xlabel="width n of the layer", ylabel=label)
        ax.set_xticks(widths, [str(width) for width in widths])
        ax.minorticks_off()
        ax.grid(axis="y", color=LINE, lw=0.6)
    axes[0].legend(facecolor=PAPER)
    return figure(
        fig,
        caption="The same gradient of the weights, to the last digit: one way writes down every slope first.",
        alt="Two charts against the layer's width. The Jacobian's rise steeply, the product's hardly",
    )


# --- losses ---------------------------------------------------------------------------------------------------------


def show_error_losses(delta: float = 1.0) -> StaticFigure:
    """Draw squared, absolute and Huber loss of one error, and the slope of each."""
    e = np.linspace(-4, 4, 401)
    curves = {
        "squared": (e**2, 2 * e),
        "absolute": (np.abs(e), np.sign(e)),
        "Huber": (
            np.where(np.abs(e) < delta, e**2 / 2, delta * (np.abs(e) - delta / 2)),
            np.clip(e, -delta, delta),
        ),
    }
    fig, axes = subplots(1, 2, figsize=(7.2, 2.9))
    for (name, both), colour, dash in zip(curves.items(), CYCLE, ("-", (0, (5, 2)), (0, (1.5, 1.5)))):
        for ax, y in zip(axes, both):
            ax.plot(e, y, color=colour, lw=2, ls=dash, label=name)
    axes[0].set(xlabel="error: prediction − target", ylabel="loss", ylim=(0, 8))
    axes[1].set(xlabel="error: prediction − target", ylabel="slope of the loss", ylim=(-5, 5))
    for ax in axes:
        ax.grid(axis="y", color=LINE, lw=0.6)
    axes[0].legend(facecolor=PAPER)
    return figure(
        fig,
        caption="The slope is the pull of one example. Squared: the further, the harder. Absolute: always the same.",
        alt="Left, three curves over the error: a parabola, a V, and one between the two. Right, their slopes",
    )


def loss_proof() -> list[dict[str, Any]]:
    """Compare every loss of `dlstudy.scratch.nn.functional` with torch's on random float64 numbers.

    One row a loss: its name, how many settings were tried (reductions, weights, smoothing, ignored targets, ...), and
    the largest error of the values and of the gradients over all of them.
    """
    import torch

    from dlstudy import scratch

    rng = np.random.default_rng(3)
    n, c = 48, 7
    real, target = rng.normal(size=(n, c)) * 2, rng.normal(size=(n, c)) * 2
    chances, weight = rng.uniform(size=(n, c)), rng.uniform(0.2, 2, size=c)
    labels = rng.integers(0, c, size=n)
    skipping = np.where(rng.uniform(size=n) < 0.2, -100, labels)
    p = np.exp(target) / np.exp(target).sum(1, keepdims=True)
    log_p = real - np.log(np.exp(real).sum(1, keepdims=True))
    every = [{"reduction": reduction} for reduction in ("mean", "sum", "none")]
    tried: dict[str, list[tuple[str, tuple[np.ndarray, ...], dict[str, Any]]]] = {
        "mean squared error": [("mse_loss", (real, target), one) for one in every],
        "mean absolute error": [("l1_loss", (real, target), one) for one in every],
        "Huber": [("huber_loss", (real, target), {**one, "delta": d}) for one in every for d in (0.5, 1.0, 2.5)],
        "binary cross-entropy with logits": [
            ("binary_cross_entropy_with_logits", (real * 20, chances), {**one, **more})
            for one in every
            for more in ({}, {"weight": weight}, {"pos_weight": weight})
        ],
        "cross-entropy": [
            ("cross_entropy", (real, labels), {**one, **more}) for one in every for more in ({}, {"weight": weight})
        ],
        "… with an ignored index": [
            ("cross_entropy", (real, skipping), {**one, "ignore_index": -100}) for one in every
        ],
        "… with label smoothing": [
            ("cross_entropy", (real, labels), {**one, **more, "label_smoothing": 0.1})
            for one in every
            for more in ({}, {"weight": weight})
        ],
        "… with probabilities as targets": [("cross_entropy", (real, p), one) for one in every],
        "negative log-likelihood": [("nll_loss", (log_p, skipping), {**one, "weight": weight}) for one in every],
        "Kullback-Leibler divergence": [
            ("kl_div", (log_p, target_), {**one, "log_target": logs})
            for one in ({"reduction": kind} for kind in ("batchmean", "sum", "none"))
            for logs, target_ in ((False, p), (True, np.log(p)))
        ],
    }

    def run(lib: Any, name: str, arrays: tuple[np.ndarray, ...], options: dict[str, Any]) -> list[np.ndarray]:
        x = lib.tensor(arrays[0], requires_grad=True)
        more = {key: lib.tensor(v) if isinstance(v, np.ndarray) else v for key, v in options.items()}
        value = getattr(lib.nn.functional, name)(x, lib.tensor(arrays[1]), **more)
        upstream = np.cos(np.arange(value.numel())).reshape(tuple(value.shape)) + 1.5
        value.backward(lib.tensor(upstream))
        return [value.detach().numpy(), x.grad.numpy()]

    found = Proof("loss", "settings")
    for title, settings in tried.items():
        for one in settings:
            found.case(title, run(scratch, *one), run(torch, *one))
    return found.rows


# --- the paper's figure ---------------------------------------------------------------------------------------------


def show_symmetry(weights: np.ndarray, bias: np.ndarray) -> StaticFigure:
    """Draw the six weights into each of two hidden units as bars: Figure 1 of Rumelhart, Hinton and Williams (1986)."""
    fig, axes = subplots(1, 2, figsize=(7.2, 2.4), sharey=True)
    for k, ax in enumerate(axes):
        ax.bar(range(1, 7), weights[k], color=[BLUE if w < 0 else ORANGE for w in weights[k]], width=0.65)
        for i, w in enumerate(weights[k]):
            ax.annotate(
                f"{w:.1f}".replace("-", "−"), (i + 1, w), ha="center", va="bottom" if w > 0 else "top", fontsize=9
            )
        ax.axhline(0, color=MUTED, lw=0.8)
        ax.axvline(3.5, color=GREEN, lw=1.2, ls=(0, (4, 3)))
        ax.set(title=f"hidden unit {k + 1}, bias {bias[k]:.1f}".replace("-", "−"), xlabel="place in the row of six")
        ax.margins(y=0.2)
    axes[0].set_ylabel("weight")
    return figure(
        fig,
        caption="Nobody wrote these weights: mirrored about the middle, the sign turned, and in the ratio 1 : 2 : 4.",
        alt="Bars of six weights for each of two hidden units, about the middle equal in size and opposite in sign",
    )
