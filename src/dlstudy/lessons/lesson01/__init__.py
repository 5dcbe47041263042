"""What lesson 01 measures and draws beyond the shared figures: exact slopes, the proof table, the cost of a device."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Float64, Integer

from dlstudy.course.measuring import turns
from dlstudy.figures import plots
from dlstudy.figures.proofs import Proof

if TYPE_CHECKING:
    from dlstudy.figures.svg import StaticFigure


def exact_slope(
    pixels: Float[np.ndarray, "N 64"], labels: Integer[np.ndarray, " N"], w: Float64[np.ndarray, " 650"]
) -> Float64[np.ndarray, " 650"]:
    """Return the gradient of the page's `digit_loss` at `w` by its formula: (650,), float64.

    pixels (N, 64), labels (N,) from 0 to 9, w 640 weights then 10 biases. With p the softmax of the scores and y the
    one-hot labels it is (1/N) xᵀ(p - y) for the weights and the mean of p - y for the biases (Bishop, Pattern
    Recognition and Machine Learning, 2006, eq. 4.109). Proven equal to torch's autograd.
    """
    scores = pixels @ w[:640].reshape(64, 10) + w[640:]
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(labels)), labels] -= 1
    return np.concatenate([(pixels.T @ p).ravel(), p.sum(axis=0)]) / len(labels)


_PROOF: dict[str, tuple[tuple[tuple[int, ...], ...], Callable[..., Any]]] = {
    "a + b, broadcast": (((64, 1), (32,)), lambda a, b: a + b),
    "a * b": (((64, 32), (64, 32)), lambda a, b: a * b),
    "a / b": (((64, 32), (64, 32)), lambda a, b: a / (b * b + 1)),
    "a @ b": (((64, 32), (32, 48)), lambda a, b: a @ b),
    "a @ b, batched": (((4, 1, 8, 16), (3, 16, 5)), lambda a, b: a @ b),
    "exp": (((64, 32),), lambda a: a.exp()),
    "tanh": (((64, 32),), lambda a: a.tanh()),
    "sum over an axis": (((64, 32),), lambda a: a.sum(1, keepdim=True)),
    "logsumexp": (((64, 32),), lambda a: a.logsumexp(1)),
    "rows picked twice": (((64, 32),), lambda a: a[[0, 3, 3, 7]]),
    "reshape and transpose": (((64, 32),), lambda a: a.reshape(32, 64).T),
}


def proof(repeats: int = 15) -> list[dict[str, Any]]:
    """Compare some operations of `dlstudy.scratch` with torch on the same random float64 numbers, values and gradients.

    Returns one row an operation: its name, the largest error of the value and of the gradients, and the time of scratch
    as a share of torch's (forward and backward, medians of `repeats` turns).
    """
    import torch

    from dlstudy import scratch

    rng = np.random.default_rng(0)
    found = Proof("operation")
    for name, (shapes, operation) in _PROOF.items():
        arrays = [rng.normal(size=shape) for shape in shapes]
        upstream = rng.normal(size=tuple(operation(*map(torch.tensor, arrays)).shape))

        def run(lib: Any, arrays: Any = arrays, operation: Any = operation, upstream: Any = upstream) -> list:
            inputs = [lib.tensor(a, requires_grad=True) for a in arrays]
            result = operation(*inputs)
            result.backward(lib.tensor(upstream))
            return [result.detach().numpy(), *(x.grad.numpy() for x in inputs)]

        found.case(name, run(scratch), run(torch))
        both = partial(run, scratch), partial(run, torch)
        found.rows[-1]["time, NumPy / torch"] = turns.ratio(*both, turns=repeats)
    return found.rows


_SIDES = (64, 128, 256, 512, 768, 1024)


@cache
def _measured(device: str) -> tuple[float, ...]:
    """Seconds for a product of two n x n float32 tables on `device`, numbers there and back included, for each n."""
    import torch

    seconds = []
    for n in _SIDES:
        a, b = torch.randn(n, n), torch.randn(n, n)

        def there_and_back(a: Any = a, b: Any = b) -> None:
            (a.to(device) @ b.to(device)).cpu()

        there_and_back()  # the first one also starts the device
        taken = islice(turns.rounds([there_and_back], rules=turns.Rules(turns.passing)), 3)  # by all threads
        seconds.append(turns.median([turn for (turn,) in taken]))
    return tuple(seconds)


def device_cost(bus_gb_s: float, gpu_tflop_s: float) -> dict[str, Any]:
    """Return seconds per n x n product on this CPU (measured) and on a GPU: measured if there is one, else modelled.

    The model: 3 n² float32 numbers cross a bus of `bus_gb_s` gigabytes a second, 2 n³ operations run at `gpu_tflop_s`
    teraflops, and each of the three copies and the launch cost ten microseconds.
    """
    import torch

    n = np.array(_SIDES, dtype=np.float64)
    trip = 3 * n**2 * 4 / (bus_gb_s * 1e9) + 3e-5
    work = 2 * n**3 / (gpu_tflop_s * 1e12) + 1e-5
    has_gpu = torch.cuda.is_available()
    return {
        "n": n,
        "cpu": np.array(_measured("cpu")),
        "gpu": np.array(_measured("cuda")) if has_gpu else trip + work,
        "gpu work only": work,
        "measured": has_gpu,
    }


def show_device_cost(cost: dict[str, Any]) -> StaticFigure:
    """Draw the result of `device_cost`."""
    kind = "measured here" if cost["measured"] else "model"
    curves = {
        "this CPU, measured": cost["cpu"],
        f"GPU with the trip, {kind}": cost["gpu"],
        "GPU, numbers already there, model": cost["gpu work only"],
    }
    return plots.lines(
        cost["n"],
        curves,
        xlabel="n, for two tables of n × n float32 numbers",
        ylabel="seconds",
        logx=True,
        logy=True,
        caption="For small tables the trip is the whole cost; as n grows, the work outgrows it.",
        alt="Time against n: the CPU's curve is steepest, the GPU's with the trip starts flat, the GPU alone is lowest",
    )
