"""Grad-CAM: where in an image a network found what speaks for a class (Selvaraju et al. 2016, arXiv 1610.02391)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dlstudy.figures import activation_maps
from dlstudy.figures.svg import StaticFigure, figure, subplots

if TYPE_CHECKING:
    from torch import Tensor, nn


def grad_cam(model: nn.Module, layer: nn.Module, x: Tensor, target: int) -> Tensor:
    """Return the map (h, w) of class `target` for one prepared image x (1, 3, H, W): see `activation_maps.grad_cam`.

    Raises ValueError for more than one image, or a layer whose output is no map or that did not run.
    """
    if x.ndim != 4 or len(x) != 1:
        raise ValueError(f"expected one image (1, 3, H, W), got {tuple(x.shape)}")
    return activation_maps.grad_cam(model, layer, x, [target])[0]


def show_grad_cam(
    images: Sequence[np.ndarray], maps: Sequence[np.ndarray], titles: Sequence[str], alt: str
) -> StaticFigure:
    """Draw each image (H, W, 3), from 0 to 1, under its map, enlarged smoothly; bright is where it counts.

    The map darkens what does not speak for the class, so that the photograph itself stays to be seen.
    """
    import torch
    from torch.nn import functional as F

    fig, axes = subplots(1, len(images), figsize=(7.4, 7.4 / len(images) + 0.35), squeeze=False)
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
