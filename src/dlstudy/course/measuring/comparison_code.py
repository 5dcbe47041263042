"""The programs that the overview's comparison guide times: what NumPy needs written out beside what PyTorch offers.

Each function is shown on the page as it stands here and its lines are counted, so it is written as a learner would.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from dlstudy import scratch

Array = np.ndarray
Arrays = list[Array]


def create_numpy(rows: list[list[float]]) -> Array:
    """Make an array of a Python list of lists."""
    return np.array(rows, dtype=np.float32)


def create_torch(rows: list[list[float]]) -> torch.Tensor:
    """Make a tensor of a Python list of lists."""
    return torch.tensor(rows)


def elementwise_numpy(x: Array) -> Array:
    """Compute a small expression on every element; (N, D) -> (N, D)."""
    return (2 * x - 1) * x + 0.5


def elementwise_torch(x: torch.Tensor) -> torch.Tensor:
    """Compute the same expression; where `x` requires a gradient, each operation is also recorded."""
    return (2 * x - 1) * x + 0.5


def forward_numpy(x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> Array:
    """Run a two-layer network; x (N, D), w1 (D, H), w2 (H, C) -> scores (N, C)."""
    hidden = np.maximum(x @ w1 + b1, 0)
    return hidden @ w2 + b2


class Network(nn.Module):
    """The same two-layer network as a module."""

    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the network: (N, D) -> (N, C)."""
        return self.second(F.relu(self.first(x)))


def backward_numpy(x: Array, y: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> Arrays:
    """Return the gradients of the mean cross-entropy in w1, b1, w2 and b2, each derived by hand."""
    before = x @ w1 + b1
    hidden = np.maximum(before, 0)
    scores = hidden @ w2 + b2
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    d_scores = p / len(y)
    d_w2 = hidden.T @ d_scores
    d_b2 = d_scores.sum(axis=0)
    d_before = (d_scores @ w2.T) * (before > 0)
    d_w1 = x.T @ d_before
    d_b1 = d_before.sum(axis=0)
    return [d_w1, d_b1, d_w2, d_b2]


def backward_scratch(
    x: scratch.Tensor, y: scratch.Tensor, parameters: Sequence[scratch.Tensor]
) -> list[scratch.Tensor | None]:
    """Return the same gradients from the autograd that lesson 01 builds on NumPy."""
    w1, b1, w2, b2 = parameters
    scores = (x @ w1 + b1).relu() @ w2 + b2
    shifted = scores - scores.detach().max(dim=1, keepdim=True)[0]
    log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    loss = -log_p[scratch.arange(len(y)), y].mean()
    for parameter in parameters:
        parameter.grad = None
    loss.backward()
    return [parameter.grad for parameter in parameters]


def backward_torch(x: torch.Tensor, y: torch.Tensor, parameters: Sequence[torch.Tensor]) -> list[torch.Tensor | None]:
    """Return the same gradients from PyTorch's autograd."""
    w1, b1, w2, b2 = parameters
    loss = F.cross_entropy(F.relu(x @ w1 + b1) @ w2 + b2, y)
    for parameter in parameters:
        parameter.grad = None
    loss.backward()
    return [parameter.grad for parameter in parameters]


def convolve_numpy(image: Array, kernels: Array) -> Array:
    """Slide each kernel over the image, one output pixel at a time; (H, W), (F, k, k) -> (F, H-k+1, W-k+1)."""
    count, k, _ = kernels.shape
    height, width = image.shape[0] - k + 1, image.shape[1] - k + 1
    out = np.empty((count, height, width), dtype=image.dtype)
    for f in range(count):
        for row in range(height):
            for column in range(width):
                out[f, row, column] = np.sum(image[row : row + k, column : column + k] * kernels[f])
    return out


def convolve_im2col(x: Array, weight: Array) -> Array:
    """Copy every window into a column, then multiply once; x (N, C, H, W), weight (F, C, k, k) -> (N, F, H', W')."""
    n, f, k = len(x), len(weight), weight.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))  # (N, C, H', W', k, k)
    height, width = windows.shape[2:4]
    columns = windows.transpose(1, 4, 5, 0, 2, 3).reshape(-1, n * height * width)
    out = weight.reshape(f, -1) @ columns
    return out.reshape(f, n, height, width).transpose(1, 0, 2, 3)


def convolve_scratch(x: scratch.Tensor, weight: scratch.Tensor) -> scratch.Tensor:
    """Let our own NumPy library choose its fastest way; the same shapes."""
    return scratch.nn.functional.conv2d(x, weight)


def convolve_torch(image: torch.Tensor, layer: nn.Conv2d) -> torch.Tensor:
    """Let PyTorch do the same: (N, C, H, W) -> (N, F, H-k+1, W-k+1)."""
    return layer(image)


def sgd_numpy(parameters: Arrays, gradients: Arrays, rate: float) -> None:
    """Take one step of gradient descent, in place."""
    for parameter, gradient in zip(parameters, gradients):
        parameter -= rate * gradient


def adam_numpy(parameters: Arrays, gradients: Arrays, first: Arrays, second: Arrays, step: int, rate: float) -> None:
    """Take step number `step` (from 1) of Adam, in place (Kingma and Ba 2015, algorithm 1)."""
    for parameter, gradient, m, v in zip(parameters, gradients, first, second):
        m += 0.1 * (gradient - m)
        v += 0.001 * (gradient * gradient - v)
        corrected_m = m / (1 - 0.9**step)
        corrected_v = v / (1 - 0.999**step)
        parameter -= rate * corrected_m / (np.sqrt(corrected_v) + 1e-8)


def optimizer_torch(optimizer: torch.optim.Optimizer) -> None:
    """Take one step of whichever optimizer this is; the gradients lie in the parameters' `.grad`."""
    optimizer.step()


def mlp(torch: Any) -> Any:
    """Make a network of three layers, with whichever `torch` it is given: PyTorch or our own on NumPy."""
    nn = torch.nn
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))


def lenet(torch: Any) -> Any:
    """Make a convolutional network after LeNet-5 (LeCun et al. 1998), likewise."""
    nn = torch.nn
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def train(torch: Any, network: Any, x: Any, y: Any, steps: int) -> None:
    """Train with momentum; nothing in here says which `torch` it is."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
