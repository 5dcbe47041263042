"""What lesson 06 measures and draws: depth with and without shortcuts, what networks cost, scaling, the proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from dlstudy.course.measuring import turns
from dlstudy.figures import tables
from dlstudy.figures.activation_maps import overlaid
from dlstudy.figures.palette import BLUE, CYCLE, GREEN, LINE, MUTED, ORANGE, PAPER
from dlstudy.figures.plots import DASHES
from dlstudy.figures.proofs import largest_error
from dlstudy.figures.svg import StaticFigure, figure, subplots

if TYPE_CHECKING:
    from torch import Tensor, nn


Runs = Sequence[Mapping[str, Any]]
"""What the page's depth experiment returns: one row for each seed and depth."""


def _by_depth(runs: Runs, key: str) -> dict[int, np.ndarray]:
    """{layers: (seeds, ...)} of one entry of the rows."""
    depths = sorted({run["layers"] for run in runs})
    return {depth: np.array([run[key] for run in runs if run["layers"] == depth]) for depth in depths}


# ---- depth ----------------------------------------------------------------------------------------------------------


def show_losses(runs: Mapping[str, Runs], caption: str) -> StaticFigure:
    """Draw the training loss of every depth against the epochs, a panel for each kind of network; thin lines: seeds."""
    fig, axes = subplots(1, len(runs), figsize=(7.2 if len(runs) > 1 else 5.6, 3.0), sharey=True, squeeze=False)
    words = []
    for ax, (kind, rows) in zip(axes[0], runs.items()):
        for n, (depth, losses) in enumerate(_by_depth(rows, "losses").items()):
            epochs = np.arange(1, losses.shape[1] + 1)
            ax.plot(epochs, losses.T, color=CYCLE[n], lw=0.7, alpha=0.45)
            ax.plot(epochs, losses.mean(0), color=CYCLE[n], ls=DASHES[n], lw=2.2, label=f"{depth} layers")
            words.append(f"{kind}, {depth} layers: {losses.mean(0)[-1]:.2f}")
        ax.set(xlabel="epoch", title=kind)
        ax.set_xticks(epochs)
        ax.grid(axis="y")
        ax.legend(facecolor=PAPER)
    axes[0, 0].set_ylabel("training loss")
    return figure(fig, caption=caption, alt=f"Training losses that fall. After the last epoch: {'; '.join(words)}.")


def show_gradients(norms: Mapping[str, Sequence[float] | np.ndarray], caption: str) -> StaticFigure:
    """Draw the size of the gradient of every convolution, from the image to the output; each entry (layers,)."""
    fig, ax = subplots(figsize=(6.8, 3.0))
    for n, (name, values) in enumerate(norms.items()):
        ax.plot(np.arange(1, len(values) + 1), values, color=CYCLE[n], ls=DASHES[n], lw=2, label=name)
    ax.set(xlabel="convolution, from the image to the output", ylabel="size of its gradient", yscale="log")
    ax.grid(axis="y")
    ax.legend(facecolor=PAPER)
    words = "; ".join(f"{name}: {v[0]:.1e} in the first, {v[-1]:.1e} in the last" for name, v in norms.items())
    return figure(fig, caption=caption, alt=f"The gradients of the layers on a logarithmic scale. {words}.")


def show_trust(found: Mapping[str, Any]) -> StaticFigure:
    """Draw the share of the promised descent that came, against the size of the step: `steps`, `kept` {name: rows}."""
    fig, ax = subplots(figsize=(6.8, 3.0))
    words = []
    for n, (name, rows) in enumerate(found["kept"].items()):
        kept = 100 * np.array(rows)
        ax.plot(found["steps"], kept.T, color=CYCLE[n], lw=0.7, alpha=0.5)
        ax.plot(found["steps"], kept.mean(0), color=CYCLE[n], ls=DASHES[n], lw=2.2, marker="o", ms=4, label=name)
        words.append(f"{name}: {kept.mean(0)[2]:.0f} % at a step of {found['steps'][2]:g}")
    ax.set(xlabel="step along the gradient (learning rate)", ylabel="of the promised descent (%)", xscale="log")
    ax.axhline(100, color=MUTED, lw=1, ls=(0, (2, 3)))
    ax.set_ylim(-8, 115)
    ax.grid(axis="y")
    ax.legend(facecolor=PAPER, loc="center right", bbox_to_anchor=(1, 0.42))
    return figure(
        fig,
        caption="How much of what the gradient promises comes true, by the length of the step. Thin lines: seeds.",
        alt=f"Curves that fall from 100 percent as the step grows. {'; '.join(words)}.",
    )


def show_deleted(runs: Mapping[str, Runs], layers: int) -> StaticFigure:
    """Draw the accuracy that is left when one block is taken out, block by block, with that of the whole network."""
    fig, axes = subplots(1, len(runs), figsize=(7.2, 2.9), sharey=True, squeeze=False)
    words = []
    for ax, (kind, rows), colour in zip(axes[0], runs.items(), (ORANGE, BLUE)):
        without = 100 * _by_depth(rows, "without")[layers]
        whole = 100 * _by_depth(rows, "right")[layers]
        places = np.arange(1, without.shape[1] + 1)
        ax.bar(places, without.mean(0), color=colour, width=0.75)
        for row in without:
            ax.plot(places, row, ls="", marker="o", ms=2.5, color="#111111", mfc=PAPER, mew=0.7)
        ax.axhline(whole.mean(), color=GREEN, lw=1.8, label=f"with all blocks: {whole.mean():.0f} %")
        ax.axhline(10, color=MUTED, lw=1, ls=(0, (2, 3)))
        ax.set(xlabel="the block that is taken out", title=kind, ylim=(0, 100))
        ax.legend(facecolor=PAPER, loc="upper left")
        words.append(
            f"{kind}: {whole.mean():.0f} % whole, {np.median(without):.0f} % in the middle case without one block"
        )
    axes[0, 0].set_ylabel("named right (%)")
    return figure(
        fig,
        caption="One block taken out, nothing trained again. Bars: means; points: seeds; dotted: guessing.",
        alt=f"Two bar charts. {'; '.join(words)}.",
    )


# ---- what networks cost ---------------------------------------------------------------------------------------------

PAPERS: dict[str, tuple[float | None, float | None]] = {
    "vgg16": (138, 15.3),
    "vgg19": (144, 19.6),
    "resnet18": (None, 1.8),
    "resnet34": (None, 3.6),
    "resnet50": (None, 3.8),
    "resnet101": (None, 7.6),
    "resnet152": (None, 11.3),
    "efficientnet_b0": (5.3, 0.39),
    "efficientnet_b4": (19, 4.2),
    "efficientnet_b7": (66, 37),
}
"""What the papers' tables say: millions of parameters (VGG: table 2; EfficientNet: table 2) and 10^9 multiply-adds
(ResNet: table 1; VGG: section 4.1 of the ResNet paper; EfficientNet: table 2). ResNet's paper counts no parameters."""


def costs(names: Sequence[str] = tuple(PAPERS)) -> list[dict[str, Any]]:
    """Return for each model its size of image, parameters, multiply-adds, activation bytes, and the paper's two."""
    from dlstudy.lessons.lesson06 import architecture_explorer_numbers as architectures
    from dlstudy.models.registry import REGISTRY

    rows = []
    for name in names:
        size = REGISTRY[name].image_size or 224
        stages = architectures.stages(name, size)
        rows.append({
            "name": name,
            "title": REGISTRY[name].title,
            "size": size,
            "parameters": sum(stage.parameters for stage in stages),
            "multiply_adds": sum(stage.multiply_adds for stage in stages),
            "activation_bytes": sum(stage.activation_bytes for stage in stages),
            "paper": PAPERS.get(name, (None, None)),
        })  # fmt: skip
    return rows


def costs_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows of `costs` as a Markdown table."""
    lines = []
    for row in rows:
        of_paper = ["" if value is None else f"{value:g}" for value in row["paper"]]
        parameters, multiply_adds = f"{row['parameters'] / 1e6:.1f}", f"{row['multiply_adds'] / 1e9:.2f}"
        memory = f"{row['activation_bytes'] / 2**20:.0f}"
        lines.append((row["title"], row["size"], parameters, of_paper[0], multiply_adds, of_paper[1], memory))
    return tables.markdown(
        ("network", "image", "parameters (M)", "in the paper", "multiply-adds (G)", "in the paper", "memory (MiB)"),
        lines,
    )


def efficientnet_multiply_adds(width: float, depth: float, size: int) -> int:
    """Return the multiply-adds of an EfficientNet for one image, by arithmetic from the rows of table 1.

    Proven equal to counting the model (`models/counting.py`).
    """
    from dlstudy.models.efficientnet import STAGES, scaled_channels, scaled_depth

    side = -(-size // 2)
    channels = scaled_channels(32, width)
    total = side**2 * 27 * channels
    for stage in STAGES:
        out = scaled_channels(stage.channels, width)
        for place in range(scaled_depth(stage.depth, depth)):
            inner = channels * stage.expansion
            squeezed = max(1, channels // 4)
            if stage.expansion != 1:
                total += side**2 * channels * inner  # 1x1 to more channels
            side = -(-side // stage.stride) if place == 0 else side
            total += side**2 * inner * stage.kernel_size**2  # depthwise
            total += 2 * inner * squeezed  # squeeze-and-excitation
            total += side**2 * inner * out  # 1x1 to few
            channels = out
    return total + side**2 * channels * 4 * channels + 4 * channels * 1000


def show_scaling() -> StaticFigure:
    """Draw what B0 costs when it is scaled in one way alone, and what B0 to B7 cost beside doubling at each step."""
    from dlstudy.models.efficientnet import VARIANTS

    fig, (left, right) = subplots(1, 2, figsize=(7.2, 3.1))
    base = efficientnet_multiply_adds(1, 1, 224)
    factors = np.array([1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2])
    ways = {
        "depth": [efficientnet_multiply_adds(1, f, 224) for f in factors],
        "width": [efficientnet_multiply_adds(f, 1, 224) for f in factors],
        "resolution": [efficientnet_multiply_adds(1, 1, round(224 * f)) for f in factors],
    }
    for n, (name, cost) in enumerate(ways.items()):
        left.plot(
            factors, np.array(cost) / base, color=CYCLE[n], ls=DASHES[n], lw=2, marker="osD"[n], ms=4.5, label=name
        )
    for power, drop in ((1, -12), (2, 3)):
        left.plot(factors, factors**power, color=MUTED, lw=1, ls=(0, (2, 3)))
        words = f"factor{'²' if power == 2 else ''}"
        left.annotate(
            words,
            (factors[-1], factors[-1] ** power),
            (-6, drop),
            textcoords="offset points",
            color=MUTED,
            fontsize=9,
            ha="right",
        )
    left.set(xlabel="factor by which one of the three grows", ylabel="multiply-adds (B0 = 1)")
    left.legend(facecolor=PAPER)
    scaled = [efficientnet_multiply_adds(v.width, v.depth, v.resolution) / base for v in VARIANTS.values()]
    right.plot(range(8), scaled, color=BLUE, lw=2, marker="o", ms=4.5, label="as published")
    right.plot(range(8), [2.0**n for n in range(8)], color=MUTED, lw=1.2, ls=(0, (2, 3)), label="twice at each step")
    right.set(xlabel="EfficientNet-B…", ylabel="multiply-adds (B0 = 1)", yscale="log")
    right.set_yticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    right.set_xticks(range(8))
    right.legend(facecolor=PAPER)
    for ax in (left, right):
        ax.grid(axis="y", color=LINE)
    return figure(
        fig,
        caption="Left: depth costs its factor, width and resolution their square. Right: B0 to B7, all three together.",
        alt=f"Left, three rising curves: at a factor of 2, depth costs {ways['depth'][5] / base:.1f} times as much, "
        f"width {ways['width'][5] / base:.1f}, resolution {ways['resolution'][5] / base:.1f}. Right, the cost of B0 "
        f"to B7 on a logarithmic scale, up to {cost[-1]:.0f} times that of B0, near a straight line of doublings.",
    )


# ---- class activation maps ------------------------------------------------------------------------------------------


def show_activation_maps(
    photo: Float[np.ndarray, "H W 3"], maps: Mapping[str, Float[np.ndarray, "h w"]], caption: str
) -> StaticFigure:
    """Draw a photo and, for each class, the photo with what speaks for that class left in colour."""
    n = len(maps) + 1
    fig, axes = subplots(1, n, figsize=(7.4, 7.4 / n * photo.shape[0] / photo.shape[1] + 0.35), squeeze=False)
    axes[0, 0].imshow(photo, interpolation="antialiased")
    axes[0, 0].set_title("the image", fontsize=10)
    for ax, (name, activation) in zip(axes[0, 1:], maps.items()):
        ax.imshow(
            overlaid(photo, np.maximum(activation, 0)), interpolation="antialiased"
        )  # what speaks against it is 0
        ax.set_title(f"“{name}”", fontsize=10)
    for ax in axes[0]:
        ax.axis("off")
    return figure(
        fig,
        caption=caption,
        alt=f"An image, and for each of {', '.join(maps)} the same image, grey but for what speaks for that class",
    )


# ---- the proof ------------------------------------------------------------------------------------------------------


def compare(ours: nn.Module, theirs: nn.Module, x: Tensor, names: Mapping[str, str] | None = None) -> dict[str, float]:
    """Return the largest differences of two models with the same weights, relative to the largest number.

    The weights of `theirs`, moved off their first values, are loaded into `ours` by name; both run in float64 in train
    mode on x, with a random gradient at the output. Compared are the output, the gradient of every parameter and of x,
    every running statistic, and the output in eval mode afterwards; the time is that of a pass forward and backward.
    `names` says what a tensor of theirs is called in ours, where that differs; both list theirs in the same order.
    """
    import torch

    torch.manual_seed(0)
    theirs = theirs.double().train()
    with torch.no_grad():
        for name, value in theirs.state_dict().items():
            if value.is_floating_point():
                value += (0.1 * torch.rand_like(value)) if "running_var" in name else 0.1 * torch.randn_like(value)
    ours = ours.double().train()
    ours.load_state_dict({(names or {}).get(name, name): value for name, value in theirs.state_dict().items()})
    upstream: list[Tensor] = []

    def forward_and_backward(model: nn.Module, images: Tensor) -> Tensor:
        torch.manual_seed(1)  # the same units are dropped
        y: Tensor = model(images)
        upstream[:] = upstream or [torch.randn_like(y)]
        y.backward(upstream[0])
        return y.detach()

    def results(model: nn.Module) -> dict[str, list[Any]]:
        images = x.double().requires_grad_()
        y = forward_and_backward(model, images)
        leaves: list[Any] = [images, *model.parameters()]
        gradients = [leaf.grad.clone() for leaf in leaves]
        statistics = [b.clone() for b in model.buffers() if b.is_floating_point()]
        with torch.no_grad():
            after = model.eval()(images)
        return {"output": [y, after], "gradients": gradients, "running statistics": statistics}

    found = [results(model) for model in (ours, theirs)]
    errors = {key: largest_error(found[0][key], found[1][key], relative=True) for key in found[1]}
    both = (partial(forward_and_backward, model.train(), x.double()) for model in (ours, theirs))
    return errors | {"time, ours / theirs": turns.ratio(*both, turns=1)}


def proof() -> list[dict[str, Any]]:
    """Compare small relatives of VGG, ResNet and EfficientNet with torchvision's on the same weights; see `compare`."""
    import torch
    from torchvision.models import efficientnet as their_efficientnet
    from torchvision.models import resnet as their_resnet
    from torchvision.models import vgg as their_vgg

    from dlstudy.models.efficientnet import EfficientNet
    from dlstudy.models.resnet import BasicBlock, BottleneckBlock, ResNet
    from dlstudy.models.vgg import VGG

    settings, _ = their_efficientnet._efficientnet_conf("efficientnet_b0", width_mult=0.5, depth_mult=0.4)
    their_small_vgg = their_vgg.VGG(
        their_vgg.make_layers([8, "M", 16, "M"], batch_norm=True), num_classes=5, dropout=0.0
    )
    their_small_vgg.classifier = torch.nn.Sequential(
        torch.nn.Linear(16 * 49, 12), torch.nn.ReLU(), torch.nn.Dropout(0.0),
        torch.nn.Linear(12, 12), torch.nn.ReLU(), torch.nn.Dropout(0.0), torch.nn.Linear(12, 5),
    )  # fmt: skip
    pairs: dict[str, tuple[nn.Module, nn.Module]] = {
        "VGG with BatchNorm": (
            VGG((8, "pool", 16, "pool"), 5, batch_norm=True, hidden_dim=12, dropout=0.0), their_small_vgg,
        ),
        "ResNet, basic blocks": (
            ResNet(BasicBlock, (1, 2, 1, 1), 5), their_resnet.ResNet(their_resnet.BasicBlock, [1, 2, 1, 1], 5),
        ),
        "ResNet, bottlenecks": (
            ResNet(BottleneckBlock, (1, 1, 2, 1), 5), their_resnet.ResNet(their_resnet.Bottleneck, [1, 1, 2, 1], 5),
        ),
        "EfficientNet": (
            EfficientNet(0.5, 0.4, 5, dropout=0.0, drop_probability=0.0),
            their_efficientnet.EfficientNet(settings, 0.0, stochastic_depth_prob=0.0, num_classes=5),
        ),
    }  # fmt: skip
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    return [{"network": name, **compare(ours, theirs, x)} for name, (ours, theirs) in pairs.items()]


def proof_note(facts: Mapping[str, Any]) -> str:
    """Return the sentence under a recorded comparison: with what, when, and how to do it again."""
    versions = " and ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return f"<small>Recorded with {versions} on {facts['date']} by `{facts['command']}`.</small>"
