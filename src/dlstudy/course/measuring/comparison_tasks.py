"""What the comparison guide times: the programs of `comparison_code` on real digits, with equal inputs for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from dlstudy import data, scratch
from dlstudy.course.measuring import comparison_code as code
from dlstudy.course.measuring.task import Contender, Task

DIGITS, HIDDEN, CLASSES, KERNELS, STEPS, TRAIN_STEPS = 200, 128, 10, 2, 20, 2
MAPS = (32, 16, 28, 28)  # images, channels, height, width
TF32 = 1e-2  # PyTorch lets a GPU convolve with factors of 10 bits of mantissa, unless told otherwise
Arrays = list[np.ndarray]


def tasks() -> list[Task]:
    """Return the tasks of all rows, in the order of the guide; inputs are real digits and fixed random weights."""
    digits = data.load("digits").split("train").take(list(range(DIGITS)))
    x, y = digits.arrays(flat=True)
    random = np.random.RandomState(0)
    sizes = [(x.shape[1], HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,)]
    weights = [(0.1 * random.standard_normal(size)).astype(np.float32) for size in sizes]
    return [
        _create(x),
        _elementwise(x),
        _forward(x, weights),
        _backward(x, y, weights),
        _convolution(data.load("mnist").x[0, 0], random),
        _layer(random),
        *_optimizers(weights, random),
        *_training(),
    ]


def _numpy(result: Any) -> Sequence[np.ndarray]:
    """Turn whatever a contender returned into a list of arrays."""
    results = result if isinstance(result, list) else [result]
    return [one if isinstance(one, np.ndarray) else one.detach().cpu().numpy() for one in results]


def _gpu() -> str | None:
    """Return the name of the GPU, as torch calls it, or None where there is none."""
    return "cuda" if torch.cuda.is_available() else None


def _by_torch(
    name: str, program: Any, make: Callable[[str], Callable[[], Any]], gpu_tolerance: float | None = None
) -> list[Contender]:
    """Return PyTorch's way on the CPU, and on the GPU where there is one; `make(device)` returns the program to run."""
    ways = [Contender(name, program, make("cpu"), _numpy)]
    gpu = _gpu()
    if gpu is not None:
        there = make(gpu)

        def run() -> Any:
            result = there()
            torch.cuda.synchronize()  # the call returns before the work is done
            return result

        ways.append(Contender(f"{name} on the GPU", program, run, _numpy, gpu_tolerance, on_gpu=True))
    return ways


def _create(x: np.ndarray) -> Task:
    rows = x.tolist()
    return Task(
        "Tensor",
        f"make a {x.shape[0]} × {x.shape[1]} array of a Python list",
        0.0,
        (
            Contender("np.array", code.create_numpy, lambda: code.create_numpy(rows), _numpy),
            Contender("torch.tensor", code.create_torch, lambda: code.create_torch(rows), _numpy),
        ),
    )


def _elementwise(x: np.ndarray) -> Task:
    def by_torch(device: str, recorded: bool = False) -> Callable[[], Any]:
        x_t = torch.tensor(x, device=device, requires_grad=recorded)
        return lambda: code.elementwise_torch(x_t)

    f = code.elementwise_torch
    return Task(
        "Tensor",
        f"(2x − 1)·x + 0.5 on {x.shape[0]} × {x.shape[1]} numbers",
        1e-6,
        (
            Contender("NumPy", code.elementwise_numpy, lambda: code.elementwise_numpy(x), _numpy),
            *_by_torch("PyTorch", f, by_torch),
            Contender("PyTorch, recording for backward", f, by_torch("cpu", recorded=True), _numpy),
        ),
    )


def _forward(x: np.ndarray, weights: Arrays) -> Task:
    def by_torch(device: str) -> Callable[[], Any]:
        network = code.Network(x.shape[1], HIDDEN, CLASSES)
        with torch.no_grad():
            for parameter, weight in zip(network.parameters(), weights):
                parameter.copy_(torch.from_numpy(weight.T.copy()))  # torch keeps a layer's matrix as (out, in)
        network.to(device)
        x_t = torch.tensor(x, device=device)
        return lambda: network(x_t)

    return Task(
        "Forward Pass",
        f"{DIGITS} digits through a {x.shape[1]}-{HIDDEN}-{CLASSES} network",
        1e-5,
        (
            Contender("matrix operations", code.forward_numpy, lambda: code.forward_numpy(x, *weights), _numpy),
            *_by_torch("nn.Module", code.Network, by_torch),
        ),
    )


def _backward(x: np.ndarray, y: np.ndarray, weights: Arrays) -> Task:
    ours = [scratch.tensor(weight, requires_grad=True) for weight in weights]
    x_np, y_np = scratch.tensor(x), scratch.tensor(y)

    def by_torch(device: str) -> Callable[[], Any]:
        theirs = [torch.tensor(weight, device=device, requires_grad=True) for weight in weights]
        x_t, y_t = torch.tensor(x, device=device), torch.tensor(y, device=device)
        return lambda: code.backward_torch(x_t, y_t, theirs)

    return Task(
        "Backpropagation",
        "the gradients of all weights of that network",
        1e-6,
        (
            Contender("derived by hand", code.backward_numpy, lambda: code.backward_numpy(x, y, *weights), _numpy),
            Contender(
                "our autograd on NumPy", code.backward_scratch, lambda: code.backward_scratch(x_np, y_np, ours), _numpy
            ),
            *_by_torch("loss.backward()", code.backward_torch, by_torch),
        ),
    )


def _convolution(image: np.ndarray, random: np.random.RandomState) -> Task:
    kernels = random.standard_normal((KERNELS, 3, 3)).astype(np.float32)

    def by_torch(device: str) -> Callable[[], Any]:
        layer = nn.Conv2d(1, KERNELS, 3, bias=False)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(kernels[:, None]))
        layer.requires_grad_(False).to(device)
        image_t = torch.tensor(image, device=device)[None, None]
        return lambda: code.convolve_torch(image_t, layer)[0]

    return Task(
        "Convolution",
        f"{KERNELS} kernels of 3 × 3 over one {image.shape[0]} × {image.shape[1]} digit",
        1e-5,
        (
            Contender("for loops", code.convolve_numpy, lambda: code.convolve_numpy(image, kernels), _numpy),
            *_by_torch("nn.Conv2d", code.convolve_torch, by_torch, TF32),
        ),
    )


def _layer(random: np.random.RandomState) -> Task:
    x = random.standard_normal(MAPS).astype(np.float32)
    weight = (0.1 * random.standard_normal((MAPS[1], MAPS[1], 3, 3))).astype(np.float32)
    ours = scratch.from_numpy(x), scratch.from_numpy(weight)

    def by_torch(device: str) -> Callable[[], Any]:
        layer = nn.Conv2d(MAPS[1], MAPS[1], 3, bias=False)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight))
        layer.requires_grad_(False).to(device)
        x_t = torch.tensor(x, device=device)
        return lambda: code.convolve_torch(x_t, layer)

    return Task(
        "Convolution",
        f"a layer from {MAPS[1]} to {MAPS[1]} channels, {MAPS[0]} images of {MAPS[2]} × {MAPS[3]}",
        1e-4,  # sums of 144 products in another order
        (
            Contender("columns and one product", code.convolve_im2col, lambda: code.convolve_im2col(x, weight), _numpy),
            Contender("our library on NumPy", code.convolve_scratch, lambda: code.convolve_scratch(*ours), _numpy),
            *_by_torch("nn.Conv2d", code.convolve_torch, by_torch, TF32),
        ),
    )


def _training() -> list[Task]:
    """Return the tasks in which one program trains a network with either library, from the same start."""
    every = data.load("mnist")
    chosen = np.random.RandomState(0).permutation(len(every.x))
    made = []
    for topic, make, what, flat, batch in (
        ("Training a network", code.mlp, "784-256-128-10 on 128 digits", True, 128),
        ("Training a CNN", code.lenet, "LeNet on 32 digits", False, 32),
    ):
        x, y = (array[chosen[:batch]] for array in every.arrays(flat=flat))
        program = _trainer(make, x, y)
        ours = Contender("our library on NumPy", code.train, program(scratch, "cpu"), _numpy)
        theirs = _by_torch("PyTorch", code.train, partial(program, torch), TF32)
        made.append(Task(topic, f"{TRAIN_STEPS} steps: {what}", 1e-5, (ours, *theirs)))
    return made


def _trainer(make: Callable[[Any], Any], x: np.ndarray, y: np.ndarray) -> Callable[[Any, str], Callable[[], Any]]:
    def program(library: Any, device: str) -> Callable[[], Any]:
        library.manual_seed(0)
        network = make(library).to(device)
        start = {name: value.clone() for name, value in network.state_dict().items()}
        inputs, labels = library.tensor(x, device=device), library.tensor(y, device=device)

        def run() -> list[Any]:
            network.load_state_dict(start)
            code.train(library, network, inputs, labels, TRAIN_STEPS)
            return list(network.parameters())

        return run

    return program


def _optimizers(weights: Arrays, random: np.random.RandomState) -> list[Task]:
    gradients = [random.standard_normal(weight.shape).astype(np.float32) for weight in weights]

    def by_torch(kind: Callable[..., torch.optim.Optimizer], rate: float, device: str) -> Callable[[], Any]:
        """Return a program that starts anew from `weights` and takes `STEPS` steps."""
        starts = [torch.tensor(weight, device=device) for weight in weights]
        parameters = [start.clone().requires_grad_() for start in starts]
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = torch.tensor(gradient, device=device)

        def run() -> list[torch.Tensor]:
            with torch.no_grad():
                for parameter, start in zip(parameters, starts):
                    parameter.copy_(start)
            optimizer = kind(parameters, lr=rate)
            for _ in range(STEPS):
                code.optimizer_torch(optimizer)
            return parameters

        return run

    def sgd() -> Arrays:
        parameters = [weight.copy() for weight in weights]
        for _ in range(STEPS):
            code.sgd_numpy(parameters, gradients, 0.01)
        return parameters

    def adam() -> Arrays:
        parameters = [weight.copy() for weight in weights]
        first, second = ([np.zeros_like(weight) for weight in weights] for _ in range(2))
        for step in range(1, STEPS + 1):
            code.adam_numpy(parameters, gradients, first, second, step, 0.001)
        return parameters

    return [
        Task(
            "Optimization",
            f"{STEPS} steps of SGD on the weights of that network, start to finish",
            2e-5,  # rounding, added up over the steps
            (
                Contender("by hand", code.sgd_numpy, sgd, _numpy),
                *_by_torch("optim.SGD", code.optimizer_torch, partial(by_torch, torch.optim.SGD, 0.01)),
            ),
        ),
        Task(
            "Optimization",
            f"{STEPS} steps of Adam on the same weights, start to finish",
            2e-5,  # rounding, added up over the steps
            (
                Contender("by hand", code.adam_numpy, adam, _numpy),
                *_by_torch("optim.Adam", code.optimizer_torch, partial(by_torch, torch.optim.Adam, 0.001)),
            ),
        ),
    ]
