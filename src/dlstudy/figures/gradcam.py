"""Grad-CAM: where in an image a network found what speaks for a class (Selvaraju et al. 2016, arXiv 1610.02391)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dlstudy.figures.svg import StaticFigure


def grad_cam(model: nn.Module, layer: nn.Module, x: Tensor, target: int) -> Tensor:
    """Return ReLU(sum over k of alpha_k A_k), the map of class `target` at the feature maps A of `layer`.

    x (1, 3, H, W) is one prepared image; A (1, K, h, w) is what `layer` makes of it on its way through `model`, and
    alpha_k is the mean over all places of the gradient of the class's logit with respect to A_k (equations 1 and 2).
    The result has shape (h, w) and is not scaled. The model stays as it is, gradients of its parameters included.
    Raises ValueError for more than one image, or a layer whose output is no map or that did not run.
    """
    import torch

    if x.ndim != 4 or len(x) != 1:
        raise ValueError(f"expected one image (1, 3, H, W), got {tuple(x.shape)}")
    kept: list[Tensor] = []
    hook = layer.register_forward_hook(lambda module, args, output: kept.append(output))
    try:
        # A gradient of the input makes the maps part of a graph even where every parameter is frozen.
        with torch.enable_grad():
            score = model(x.detach().requires_grad_())[0, target]
    finally:
        hook.remove()
    if not kept or kept[-1].ndim != 4:
        raise ValueError("expected a layer of the model that puts out maps (1, K, h, w)")
    maps = kept[-1]
    (slope,) = torch.autograd.grad(score, maps)
    weights = slope.mean((2, 3), keepdim=True)  # (1, K, 1, 1)
    return torch.relu((weights * maps).sum(1))[0].detach()


def show_grad_cam(
    images: Sequence[np.ndarray], maps: Sequence[np.ndarray], titles: Sequence[str], alt: str
) -> StaticFigure:
    """Draw each image (H, W, 3), from 0 to 1, under its map, enlarged smoothly; bright is where it counts.

    The map darkens what does not speak for the class, so that the photograph itself stays to be seen.
    """
    import torch
    from matplotlib import pyplot as plt
    from torch.nn import functional as F

    from dlstudy.figures.svg import figure, use_course_style

    use_course_style()
    fig, axes = plt.subplots(1, len(images), figsize=(7.4, 7.4 / len(images) + 0.35), squeeze=False)
    for ax, image, heat, title in zip(axes[0], images, maps, titles, strict=True):
        side = tuple(image.shape[:2])
        grown = F.interpolate(torch.tensor(heat)[None, None], side, mode="bicubic", align_corners=False)[0, 0].numpy()
        strength = np.clip(grown / max(float(grown.max()), 1e-12), 0, 1)[..., None]
        ax.imshow(image * (0.18 + 0.82 * strength))
        ax.set_title(title, fontsize=9)
        ax.axis("off")
    return figure(
        fig,
        caption="Bright: the places whose features raise the score of the class named above; the rest is darkened.",
        alt=alt,
    )
