"""Where in an image a network sees a class: class activation maps, and Grad-CAM for networks of any build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from torch import Tensor, nn


def class_activation_maps(
    features: Float[Tensor, "B C H W"], linear: nn.Linear, classes: list[int] | None = None
) -> Float[Tensor, "B K H W"]:
    """Return, for each class, what every position of the last feature map adds to the score of that class.

    For a network that ends in the mean over all positions and one linear layer (ResNet, EfficientNet). The mean of a
    map over its positions is the score of its class, exactly: the linear layer's bias is spread over the positions.
    `classes` picks some, by default all. Source: Zhou et al. (arXiv 1512.04150, equation 2), and the bias.
    """
    import torch

    chosen = slice(None) if classes is None else classes
    weight, bias = linear.weight[chosen], None if linear.bias is None else linear.bias[chosen]
    maps = torch.einsum("kc,bchw->bkhw", weight, features)  # (B, K, H, W)
    return maps if bias is None else maps + bias[:, None, None]


def grad_cam(
    model: nn.Module, layer: nn.Module, images: Float[Tensor, "B 3 H W"], classes: list[int]
) -> Float[Tensor, "B h w"]:
    """Return where `layer` of `model` speaks for class `classes[b]` of image b: not negative, in the layer's size.

    The channels of the layer's output are weighed by the mean of their gradients and added up, and what is negative is
    cut off. The model stays as it is: mode, parameters and gradients. Source: Selvaraju et al. (arXiv 1610.02391,
    equations 1 and 2). For a network that ends in the mean over all positions and a linear layer, and its last feature
    map, it is the class activation map without bias, divided by the number of positions and cut off at 0.
    Raises ValueError for another number of classes than of images, or a layer that puts out no maps or did not run.
    """
    import torch

    if len(classes) != len(images):
        raise ValueError(f"expected one class for each of {len(images)} images, got {len(classes)}")
    kept: list[Tensor] = []

    def keep(_: Any, __: Any, output: Tensor) -> Tensor:
        # The layers behind may work in place, on what is handed on; what is kept must not change.
        kept.append(output)
        return output.clone()

    handle = layer.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            images = images.detach().requires_grad_()  # so that frozen networks have gradients, too
            scores = model(images)
            if not kept or kept[-1].ndim != 4:
                raise ValueError("expected a layer of the model that puts out maps (B, C, h, w)")
            chosen = scores[torch.arange(len(images)), torch.as_tensor(classes)].sum()
            (slope,) = torch.autograd.grad(chosen, kept[-1])
    finally:
        handle.remove()
    weights = slope.mean((2, 3), keepdim=True)  # (B, C, 1, 1)
    return (weights * kept[-1]).sum(1).clamp(min=0).detach()


def enlarged(activation: Float[np.ndarray, "h w"], shape: tuple[int, int]) -> Float[np.ndarray, "H W"]:
    """Return a map in the size of its image, interpolated linearly."""
    import torch
    from torch.nn import functional as F

    small = torch.from_numpy(np.ascontiguousarray(activation, dtype=np.float32))[None, None]
    return F.interpolate(small, size=shape, mode="bilinear", align_corners=False)[0, 0].numpy()


def overlaid(photo: Float[np.ndarray, "H W 3"], activation: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "H W 3"]:
    """Return a photo (0 to 1) that keeps its colours where the map is large and is dim and grey where it is small.

    The map is scaled to run from 0 to 1; a map that is the same everywhere leaves the photo as it is.
    """
    large = enlarged(activation, (photo.shape[0], photo.shape[1]))
    spread = float(large.max() - large.min())
    share = ((large - large.min()) / spread if spread > 0 else np.ones_like(large))[..., None]
    grey = photo.mean(2, keepdims=True) * 0.25
    return np.clip(share * photo + (1 - share) * grey, 0, 1)
