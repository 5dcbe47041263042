"""What lesson 05 measures and draws: filters, unrolled layers, what a number sees, LeNet's insides, the proof table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

from dlstudy.figures import plots
from dlstudy.figures.palette import BLUE, CYCLE, GREEN, LINE, MUTED, ORANGE, RED
from dlstudy.figures.proofs import Proof
from dlstudy.figures.svg import StaticFigure, figure, subplots
from dlstudy.words import short


def _draw_signed(ax: Any, image: np.ndarray, most: float | None = None) -> None:
    most = most if most is not None else float(np.abs(image).max()) or 1.0
    ax.imshow(image, cmap=plots.signed_colours(), vmin=-most, vmax=most, interpolation="nearest")


def _frame(ax: Any) -> None:
    """Leave only a thin frame around a small picture, so that an empty one is seen to be there."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(True)
        spine.set_color(LINE)


# ---- filters and layers as pictures ---------------------------------------------------------------------------------


def show_filters(photo: Float[np.ndarray, "H W"], results: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> StaticFigure:
    """Draw a photo, and for each name a kernel and what it makes of the photo, each on a scale of its own."""
    n = len(results) + 1
    fig, axes = subplots(2, n, figsize=(7.4, 2.6), height_ratios=(1, 2.4), squeeze=False)
    axes[0, 0].axis("off")
    axes[1, 0].imshow(photo, cmap="gray", interpolation="antialiased")
    axes[1, 0].set_title("the photo", fontsize=10)
    for (name, (kernel, result)), (small, large) in zip(results.items(), axes.T[1:]):
        _draw_signed(small, kernel, 1.7 * float(np.abs(kernel).max()))
        for (i, j), weight in np.ndenumerate(kernel):
            text = str(Fraction(float(weight)).limit_denominator(99)).replace("-", "−")
            small.text(j, i, text, ha="center", va="center", fontsize=8 if len(text) < 3 else 6.5, color="#111111")
        if (result >= 0).all():
            large.imshow(result, cmap="gray", interpolation="antialiased")
        else:
            _draw_signed(large, result, float(np.quantile(np.abs(result), 0.995)))
        large.set_title(name, fontsize=10)
    for ax in axes.flat:
        ax.axis("off")
    names = ", ".join(results)
    return figure(
        fig,
        caption="One photo, four questions. Orange and blue are the two answers of opposite sign; white is none.",
        alt=f"A photo in grey; beside it the results of these kernels: {names}. Edges stand out in orange and blue.",
    )


def as_matrix(kernel: Float[np.ndarray, "K K"], side: int) -> Float[np.ndarray, "windows pixels"]:
    """Return the matrix of a linear layer that does what `kernel` does to an image of `side` x `side` pixels.

    Row i holds the weights of the i-th window; the image is read row by row. Found by asking: the layer's answer to an
    image with a single 1 is a column of its matrix.
    """
    k = len(kernel)
    out = side - k + 1
    matrix = np.zeros((out * out, side * side))
    for i, j in np.ndindex(out, out):
        row = np.zeros((side, side))
        row[i : i + k, j : j + k] = kernel
        matrix[i * out + j] = row.ravel()
    return matrix


def show_matrix(matrix: Float[np.ndarray, "windows pixels"]) -> StaticFigure:
    """Draw the matrix of a convolution."""
    fig, ax = subplots(figsize=(6.4, 3.3))
    _draw_signed(ax, matrix)
    ax.set(xlabel="pixel of the image, row after row", ylabel="number of the result")
    different = len(np.unique(matrix[matrix != 0]))
    return figure(
        fig,
        caption=f"{matrix.size:,} entries, {np.count_nonzero(matrix):,} of them not zero, and these take only "
        f"{different} different values: few connections, and shared weights.",
        alt="A wide matrix with diagonal stripes of colour on white; each row is the row above, moved to the right",
    )


def show_equivariance(errors: Mapping[int, Sequence[float]]) -> StaticFigure:
    """Draw, for each stride, how far the result of a moved image is from the moved result, for shifts of 1, 2, ..."""
    table = np.array(list(errors.values()))
    fig, ax = subplots(figsize=(6.8, 0.9 + 0.45 * len(table)))
    ax.imshow(table > 1e-4, cmap=_two_colours(), vmin=0, vmax=1, aspect="auto")
    for (i, j), error in np.ndenumerate(table):
        ax.text(j, i, short(error, 2 if error >= 1 else 1), ha="center", va="center", fontsize=9, color="#111111")
    ax.set_xticks(range(table.shape[1]), [str(n + 1) for n in range(table.shape[1])])
    ax.set_yticks(range(len(table)), [str(stride) for stride in errors])
    ax.set(xlabel="shift of the image (pixels)", ylabel="stride of the layer")
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)
    return figure(
        fig,
        caption="Largest difference between “shift, then convolve” and “convolve, then shift”. White: only rounding.",
        alt="A table of differences. They vanish exactly where the shift is a multiple of the stride.",
    )


def _two_colours() -> Any:
    from matplotlib.colors import ListedColormap

    return ListedColormap(["#ffffff", "#f0cf9b"])


# ---- what a number sees ---------------------------------------------------------------------------------------------

_LAYER = re.compile(r"(conv|pool)(\d+)(?:s(\d+))?(?:d(\d+))?")
_MOST_LAYERS, _MOST_PIXELS = 12, 4000


def parse_layers(text: str) -> list[tuple[str, int, int, int]]:
    """Return [(name, kernel, stride, dilation), ...] of layers written as "conv3 pool2 conv3s2 conv3d4".

    A pooling layer's stride is its kernel unless it says otherwise. Raises ValueError with a sentence about the word
    that cannot be read.
    """
    layers = []
    for word in text.replace(",", " ").split():
        found = _LAYER.fullmatch(word.lower())
        if found is None:
            raise ValueError(f"cannot read {word!r}: write conv3, conv3s2 (stride), conv3d2 (dilation) or pool2")
        kind, kernel, stride, dilation = found[1], int(found[2]), found[3], int(found[4] or 1)
        steps = int(stride) if stride else (kernel if kind == "pool" else 1)
        if not (1 <= kernel <= 31 and 1 <= steps <= 16 and 1 <= dilation <= 32):
            raise ValueError(f"{word!r} is out of range: kernels go from 1 to 31, strides to 16, dilations to 32")
        layers.append((word, kernel, steps, dilation))
    if len(layers) > _MOST_LAYERS:
        raise ValueError(f"expected at most {_MOST_LAYERS} layers, got {len(layers)}")
    return layers


def paths_to(layers: Sequence[tuple[str, int, int, int]]) -> Float[np.ndarray, " pixels"]:
    """Return, for a row of pixels, by how many ways each reaches one number after `layers`: only pixels that do.

    Measured: the layers are run in PyTorch with all weights 1, and the gradient of one number is read off.
    """
    import torch
    from torch.nn import functional as F

    needed = 1
    for _, kernel, stride, dilation in reversed(layers):  # how long a row gives one number
        needed = (needed - 1) * stride + dilation * (kernel - 1) + 1
        if needed > _MOST_PIXELS:
            raise ValueError(
                f"these layers see more than {_MOST_PIXELS:,} pixels a side: take fewer, or smaller strides"
            )
    x = torch.ones(1, 1, needed, dtype=torch.float64, requires_grad=True)
    y: Any = x
    for _, kernel, stride, dilation in layers:
        y = F.conv1d(y, torch.ones(1, 1, kernel, dtype=torch.float64), None, stride, 0, dilation)
    (slope,) = torch.autograd.grad(y.sum(), x)
    return slope.flatten().numpy()


def show_receptive_field(text: str) -> StaticFigure:
    """Draw what one number sees after each layer of `text`, measured by gradients; see `parse_layers`."""
    layers = parse_layers(text)
    seen = [paths_to(layers[:n]) for n in range(len(layers) + 1)]
    widest = len(seen[-1])
    fig, axes = subplots(1, 2, figsize=(7.2, 0.8 + 0.34 * len(seen)), width_ratios=(2, 1.1))
    names = ["the image", *(name for name, *_ in layers)]
    for row, paths in enumerate(seen):
        half = len(paths) / 2
        strength = paths / paths.max()
        axes[0].imshow(
            strength[None] ** 0.5, extent=(-half, half, row - 0.4, row + 0.4), cmap="Blues", vmin=-0.25, vmax=1,
            aspect="auto", interpolation="nearest",
        )  # fmt: skip
        axes[0].text(half + widest * 0.02, row, f"{len(paths)}", va="center", fontsize=10)
    axes[0].set_xlim(-widest * 0.55, widest * 0.6)
    axes[0].set_ylim(len(seen) - 0.5, -0.5)
    axes[0].set_yticks(range(len(seen)), names)
    axes[0].set(xlabel="pixels to the left and right", title="one number after this layer sees")
    paths = seen[-1] / seen[-1].sum()
    axes[1].bar(np.arange(len(paths)) - (len(paths) - 1) / 2, paths, width=1.0, color=BLUE)
    axes[1].set(xlabel="pixel", ylabel="share of the ways", title="and how much of each")
    middle = paths[np.abs(np.arange(len(paths)) - (len(paths) - 1) / 2) <= len(paths) / 4].sum()
    return figure(
        fig,
        caption=f"Measured by gradients: {len(paths)} pixels a side, so {len(paths) ** 2:,} in all. Along a side, the "
        f"middle half of the pixels carries {middle:.0%} of the ways.",
        alt=f"For each layer a bar as wide as what one number sees: {', '.join(str(len(p)) for p in seen)} pixels. "
        "Beside it a bell-shaped curve: pixels in the middle reach the result by more ways than those at the rim.",
    )


# ---- LeNet's insides ------------------------------------------------------------------------------------------------


def show_gaps(single: Float[np.ndarray, " steps"], double: Float[np.ndarray, " fewer"]) -> StaticFigure:
    """Draw how far apart the losses of two libraries are at each step, in float32 and in float64."""
    fig, ax = subplots(figsize=(6.8, 2.9))
    for name, gap, colour, dash in (("float32", single, BLUE, "-"), ("float64", double, ORANGE, (0, (5, 2)))):
        shown = np.maximum(gap, 1e-17)  # a logarithmic axis has no 0
        ax.plot(np.arange(1, len(gap) + 1), shown, color=colour, ls=dash, lw=1.6, label=name)
    ax.set(xlabel="step", ylabel="difference of the losses", yscale="log")
    ax.grid(axis="y")
    ax.legend()
    return figure(
        fig,
        caption="How far the two libraries are apart: in float64 by rounding; in float32, rounding tips decisions.",
        alt=f"Two curves on a logarithmic scale. float64 stays below {double.max():.0e}. float32 begins near 1e-7 and "
        f"rises to {single.max():.0e}.",
    )


def show_maps(
    filters: Float[np.ndarray, "F K K"], image: Float[np.ndarray, "H W"], maps: Float[np.ndarray, "F h w"]
) -> StaticFigure:
    """Draw the kernels of a first layer, and under each what it makes of `image`."""
    fig, axes = subplots(2, len(filters) + 1, figsize=(7.4, 2.5), squeeze=False)
    axes[0, 0].imshow(image, cmap="gray_r", interpolation="nearest")
    axes[0, 0].set_title("digit", fontsize=10)
    most, largest = float(np.abs(filters).max()), float(np.abs(maps).max())
    for n, (kernel, made) in enumerate(zip(filters, maps)):
        _draw_signed(axes[0, n + 1], kernel, most)
        axes[0, n + 1].set_title(f"kernel {n}", fontsize=10)
        _draw_signed(axes[1, n + 1], made, 0.7 * largest)
        _frame(axes[1, n + 1])
    for ax in (*axes[0], axes[1, 0]):
        ax.axis("off")
    return figure(
        fig,
        caption="Above, what each kernel learned to look for; below, its feature map: where in the digit it found it.",
        alt=f"{len(filters)} small kernels in blue and orange; below each, the digit with different edges lit",
    )


def show_later_maps(maps: Float[np.ndarray, "F h w"]) -> StaticFigure:
    """Draw the feature maps of a deeper layer in two rows."""
    columns = (len(maps) + 1) // 2
    fig, axes = subplots(2, columns, figsize=(7.4, 2.1), squeeze=False)
    for ax, one in zip(axes.flat, maps):
        _draw_signed(ax, one, 0.7 * float(maps.max()))
        _frame(ax)
    return figure(
        fig,
        caption="The same digit after the second layer: coarser, and each map answers for a combination of edges.",
        alt=f"{len(maps)} coarse maps of the digit with different strokes lit, some of them nearly empty",
    )


def show_sliding_digit(shifts: Sequence[int], logits: Float[np.ndarray, "shifts 10"], label: int) -> StaticFigure:
    """Draw the logits of a digit that slides sideways: that of its label, those that win somewhere, and the rest."""
    fig, ax = subplots(figsize=(6.8, 3.1))
    winners = logits.argmax(1)
    named = [label, *(int(c) for c in np.unique(winners) if c != label)]
    for c in range(10):
        if c not in named:
            ax.plot(shifts, logits[:, c], color=LINE, lw=1)
    for n, c in enumerate(named[:6]):
        style = {"ls": plots.DASHES[n % len(plots.DASHES)], "color": CYCLE[n % len(CYCLE)]}
        ax.plot(shifts, logits[:, c], lw=3 if c == label else 1.8, label=f"{c}", **style)
    right = np.asarray(shifts)[winners == label]
    ax.axvline(0, color=MUTED, lw=1, ls=(0, (2, 3)))
    ax.legend(title="logit of", ncols=2, fontsize=9)
    ax.set(xlabel="shift to the right (pixels)", ylabel="logit")
    ax.grid(axis="y")
    return figure(
        fig,
        caption=f"The same {label}, moved sideways. It is read right for {len(right)} of {len(shifts)} places, from "
        f"{right.min():+d} to {right.max():+d} at most."
        if len(right)
        else f"The same {label}, moved sideways, is never read right.",
        alt=f"Ten curves of logits against the shift. That of {label} is highest around no shift and falls on both "
        "sides, where other digits overtake it.",
    )


def show_shift_accuracy(result: Mapping[str, Any]) -> StaticFigure:
    """Draw accuracy against shift for several networks: mean over seeds as a line, every seed as a dot."""
    fig, ax = subplots(figsize=(6.8, 3.2))
    shifts = result["shifts"]
    for n, (name, runs) in enumerate(result["accuracy"].items()):
        runs = 100 * np.array(runs)
        ax.plot(shifts, runs.mean(0), color=CYCLE[n], ls=plots.DASHES[n], lw=2, label=name)
        for run in runs:
            ax.plot(shifts, run, ".", color=CYCLE[n], ms=4, alpha=0.7)
    ax.axhline(10, color=MUTED, lw=1, ls=(0, (2, 3)))
    ax.annotate("guessing", (1, 10), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=MUTED)
    ax.set(xlabel="digits moved to the right by (pixels)", ylabel="read right (%)", ylim=(0, 102))
    ax.grid(axis="y")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    names = "; ".join(
        f"{name}: {100 * np.mean(runs, axis=0)[0]:.0f} % unmoved, {100 * np.mean(runs, axis=0)[-1]:.0f} % at "
        f"{shifts[-1]} pixels" for name, runs in result["accuracy"].items()
    )  # fmt: skip
    return figure(
        fig,
        caption="Lines are means over seeds, dots single seeds. Level is who saw moved digits, or was built for them.",
        alt=f"Curves of accuracy against shift. {names}.",
    )


def show_columns() -> StaticFigure:
    """Draw the numbers of a 3 x 3 image, its four 2 x 2 windows, and the columns that they become."""
    from matplotlib.patches import Rectangle

    fig, ax = subplots(figsize=(7.0, 2.5))
    image = np.arange(1, 10).reshape(3, 3)
    colours = (BLUE, ORANGE, GREEN, RED)
    for (i, j), value in np.ndenumerate(image):
        ax.add_patch(Rectangle((j, -i), 1, 1, fill=False, edgecolor=LINE))
        ax.text(j + 0.5, -i + 0.5, str(value), ha="center", va="center")
    for n, (i, j) in enumerate(np.ndindex(2, 2)):
        inset = 0.06 + 0.05 * n
        ax.add_patch(
            Rectangle(
                (j + inset, -i - 1 + inset), 2 - 2 * inset, 2 - 2 * inset, fill=False, edgecolor=colours[n], lw=1.8
            )
        )
        for row, value in enumerate(image[i : i + 2, j : j + 2].ravel()):
            ax.text(5.5 + n, 0.5 - row + 0.5, str(value), ha="center", va="center", color=colours[n])
        ax.add_patch(Rectangle((5.06 + n, -2.44), 0.88, 3.88, fill=False, edgecolor=colours[n], lw=1.5))
    ax.text(1.5, 1.35, "image", ha="center", color=MUTED)
    ax.text(7, 1.6, "columns: one for each window", ha="center", color=MUTED)
    ax.annotate("", (4.7, -0.5), (3.4, -0.5), arrowprops={"arrowstyle": "->", "color": MUTED})
    ax.set(xlim=(-0.2, 13.2), ylim=(-2.7, 2))
    ax.text(
        9.6, -0.5, "kernels as rows\n@ columns\n= every number\nof the result", va="center", color=MUTED, fontsize=10
    )
    ax.axis("off")
    ax.set_aspect("equal")
    return figure(
        fig,
        caption="im2col: each window is laid out as a column, so that all the dot products become one matrix product.",
        alt="A 3 by 3 image of the numbers 1 to 9 with its four windows outlined, and four columns: 1 2 4 5, 2 3 5 6, "
        "4 5 7 8, 5 6 8 9",
    )


# ---- the proof ------------------------------------------------------------------------------------------------------


def proof(rounds: int = 12, seed: int | None = None) -> list[dict[str, Any]]:
    """Compare every form of `dlstudy.scratch` with torch over random geometry, in float64: values and all gradients.

    Returns one row a form: its name, the number of geometries, the largest error of a value and of a gradient. `seed`
    None takes other geometries every time.
    """
    import torch

    from dlstudy import scratch
    from dlstudy.scratch import conv

    rng = np.random.default_rng(seed)
    found = Proof("form", "geometries")

    def both(name: str, function: str, arrays: Sequence[np.ndarray], **options: Any) -> list[Any]:
        """Run a function of `nn.functional` in both libraries, and back; compare, and return torch's results."""
        results = []
        upstream = None
        for lib in (scratch, torch):
            inputs = [lib.tensor(a, requires_grad=True) for a in arrays]
            y = getattr(lib.nn.functional, function)(*inputs, **options)
            if upstream is None:
                upstream = rng.normal(size=tuple(y.shape))
            y.backward(lib.tensor(upstream))
            results.append([y, *(t.grad for t in inputs)])
        found.case(name, *results)
        return [upstream, *results[1]]

    for _ in range(rounds):
        n, groups, k = (int(rng.integers(1, high)) for high in (4, 3, 5))
        c, f = groups * int(rng.integers(1, 4)), groups * int(rng.integers(1, 4))
        stride, padding, dilation = (int(rng.integers(low, 4)) for low in (1, 0, 1))
        h, w = (dilation * (k - 1) + 1 + int(rng.integers(0, 8)) for _ in range(2))
        x, weight, bias = rng.normal(size=(n, c, h, w)), rng.normal(size=(f, c // groups, k, k)), rng.normal(size=f)
        settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        upstream, y, *grads = both("conv2d, what runs", "conv2d", (x, weight, bias), **settings)
        found.case("conv2d as loops", [conv.conv2d_loops(x, weight, bias, **settings)], [y])
        found.case(
            "conv2d by im2col",
            [conv.conv2d_im2col(x, weight, bias, **settings), *conv.conv2d_backward(upstream, x, weight, **settings)],
            [y, *grads],
        )
        more = int(rng.integers(0, max(stride, dilation)))
        x = rng.normal(size=(n, c, 1 + int(rng.integers(1, 5)), 2 + int(rng.integers(1, 5))))
        weight, bias = rng.normal(size=(c, f // groups, k, k)), rng.normal(size=f)
        small = min(padding, dilation * (k - 1) // 2)
        both(
            "conv_transpose2d", "conv_transpose2d", (x, weight, bias),
            stride=stride, padding=small, output_padding=more, groups=groups, dilation=dilation,
        )  # fmt: skip
        k, stride = int(rng.integers(2, 5)), int(rng.integers(1, 4))
        x = rng.normal(size=(n, c, k + int(rng.integers(0, 7)), k + int(rng.integers(0, 7))))
        both("max_pool2d", "max_pool2d", (x,), kernel_size=k, stride=stride, padding=int(rng.integers(0, k // 2 + 1)))
        both("avg_pool2d", "avg_pool2d", (x,), kernel_size=k, stride=stride, padding=int(rng.integers(0, k // 2 + 1)))
    return found.rows
