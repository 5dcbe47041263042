"""The NumPy tape against torch eager, one thread: time of forward + backward, of second derivatives, and peak memory.

    python benchmarks/autograd.py            # prints the table and writes results/autograd.md and .json
    python benchmarks/autograd.py --quick    # fewer samples, writes nothing

How it measures. Both libraries run the same function on the same numbers, in turn, sample by sample, in one process
with one thread; a sample is the CPU time of the process (so that a busy machine lengthens neither), taken again if the
system interrupted it. The figure is the median over the samples, and the ratio is scratch / torch: below 1 the NumPy
tape is the quicker. Memory is the peak of resident memory above what was there before, in the second of two runs, each
library in a process of its own, with an allocator setting that gives arrays back to the system as soon as they are
freed (otherwise the peak depends on what ran before). The system counts pages in batches: it is exact to about 0.5 MiB.
"""

import argparse
import json
from collections.abc import Callable
from typing import Any

from measure import COUNTER, RESULTS, compare, compare_memory, machine, memory_is_known, peak_of  # fixes the threads

import numpy as np  # isort: skip

LENGTH = 1000


# -- what is measured --------------------------------------------------------------------------------------
def multiply_add(M: Any, x: Any, w: Any) -> Any:
    """1,000 operations, every other one a product with a weight: y = y * w, y = y + w."""
    y = x
    for _ in range(LENGTH // 2):
        y = y * w
        y = y + w
    return y


def mixed(M: Any, x: Any, w: Any) -> Any:
    """1,000 operations of five kinds: product, difference, tanh, quotient with a number, sine."""
    y = x
    for _ in range(LENGTH // 5):
        y = y * w
        y = y - w
        y = y.tanh()
        y = y / 1.5
        y = y.sin()
    return y


def elementwise(M: Any, x: Any, w: Any) -> Any:
    """A few operations on a million numbers."""
    y = (x * w + x).tanh()
    y = y * y - w
    return (y.relu() + x).exp() * 0.5


def broadcast(M: Any, x: Any, w: Any) -> Any:
    """Standardise the columns of a matrix, scale and shift them: reductions and broadcasting."""
    y = (x - x.mean(0)) / (x.var(0) + 1e-5).sqrt()
    return y * w[0] + w[1]


def matrices(M: Any, x: Any, w: Any) -> Any:
    """Eight products of 256 x 256 matrices with tanh in between."""
    y = x
    for _ in range(8):
        y = (y @ w).tanh()
    return y


def large_matrices(M: Any, x: Any, w: Any) -> Any:
    """Two products of 768 x 768 matrices."""
    return (x @ w).relu() @ w


def small_matrices(M: Any, x: Any, w: Any) -> Any:
    """Fifty products of 16 x 16 matrices, with bias and ReLU."""
    y = x
    for _ in range(50):
        y = (y @ w + w[0]).relu()
    return y


def first(M: Any, f: Callable[..., Any], x: Any, w: Any, ones: Any) -> None:
    """Forward and backward."""
    x.grad = w.grad = None
    f(M, x, w).backward(ones)


def second(M: Any, f: Callable[..., Any], x: Any, w: Any, ones: Any) -> None:
    """Forward, the gradient of the weight with a graph, and the derivative of its sum."""
    (g,) = M.autograd.grad(f(M, x, w), w, ones, create_graph=True)
    M.autograd.grad(g.sum(), w)


CASES: list[tuple[str, Callable[..., Any], Callable[..., Any], tuple[int, ...], float]] = [
    ("chain of 1,000: multiply, add; 0-d", first, multiply_add, (), 0.8),
    ("chain of 1,000: multiply, add; 32x32", first, multiply_add, (32, 32), 0.8),
    ("chain of 1,000: five operations; 0-d", first, mixed, (), 0.8),
    ("chain of 1,000: five operations; 32x32", first, mixed, (32, 32), 0.8),
    ("elementwise, 1000x1000", first, elementwise, (1000, 1000), 1.0),
    ("standardise, 1000x1000", first, broadcast, (1000, 1000), 1.0),
    ("8 products 256x256 with tanh", first, matrices, (256, 256), 1.0),
    ("2 products 768x768 with ReLU", first, large_matrices, (768, 768), 1.0),
    ("50 products 16x16, bias, ReLU", first, small_matrices, (16, 16), 1.0),
    ("second derivative, chain multiply, add; 0-d", second, multiply_add, (), 1.0),
    ("second derivative, chain multiply, add; 32x32", second, multiply_add, (32, 32), 1.0),
    ("second derivative, chain of five operations; 0-d", second, mixed, (), 1.0),
    ("second derivative, chain of five operations; 32x32", second, mixed, (32, 32), 1.0),
    ("second derivative, 8 products 256x256 with tanh", second, matrices, (256, 256), 1.0),
]


# -- time --------------------------------------------------------------------------------------------------
def compare_time(how: Any, f: Any, shape: tuple[int, ...], samples: int) -> dict[str, Any]:
    """Return medians in milliseconds and their ratio."""
    import torch

    import dlstudy.scratch as scratch

    rng = np.random.default_rng(0)
    x = np.asarray(rng.uniform(0.2, 0.8, shape), dtype=np.float32)
    w = np.asarray(rng.uniform(-0.5, 0.5, shape) / max(1, len(shape) and shape[0] ** 0.5 / 2), dtype=np.float32)
    runs = {}
    for name, M in (("torch", torch), ("scratch", scratch)):
        a, b = M.tensor(x, requires_grad=True), M.tensor(w, requires_grad=True)
        ones = M.tensor(np.ones_like(x))
        runs[name] = lambda M=M, a=a, b=b, ones=ones: how(M, f, a, b, ones)
        runs[name]()
    return compare(runs, samples)


# -- memory ------------------------------------------------------------------------------------------------
def memory_constants(M: Any, x: Any) -> Any:
    """500 products with a number and sums with a number: no derivative needs an array."""
    y = x
    for _ in range(500):
        y = y * 1.001 + 0.001
    return y


def memory_tanh(M: Any, x: Any) -> Any:
    """100 times tanh of a sum: the derivative needs every result of tanh."""
    y = x
    for _ in range(100):
        y = (y + 0.1).tanh()
    return y


def memory_weights(M: Any, x: Any) -> Any:
    """100 products with a weight that needs a gradient: the derivative needs every factor."""
    w = M.ones(512, 512).requires_grad_()
    y = x
    for _ in range(100):
        y = y * w
    return y


MEMORY = {
    "chain of 1,000 with numbers, 512x512": memory_constants,
    "chain of 200 with tanh, 512x512": memory_tanh,
    "chain of 100 with a weight, 512x512": memory_weights,
}


def measure_memory(module: str, case: str) -> float:
    """Return the peak of resident memory in MiB above what was there before, in this process."""
    M: Any = __import__("importlib").import_module("torch" if module == "torch" else "dlstudy.scratch")
    if module == "torch":
        M.set_num_threads(1)
    x = M.tensor(np.full((512, 512), 0.5, np.float32), requires_grad=True)
    ones = M.tensor(np.ones((512, 512), np.float32))
    MEMORY[case](M, x).backward(ones)  # so that what each library loads on first use is not counted
    x.grad = None
    return peak_of(lambda: MEMORY[case](M, x).backward(ones))


# -- report ------------------------------------------------------------------------------------------------
def report(times: list[dict[str, Any]], memory: list[dict[str, Any]]) -> str:
    """Return the tables in Markdown."""
    facts = machine()
    lines = [
        "# The NumPy tape against torch eager",
        "",
        "Written by `python benchmarks/autograd.py`, which says how it measures.",
        "",
    ]
    lines += [", ".join(f"{key}: {value}" for key, value in facts.items()) + ".", ""]
    lines += [
        "| forward + backward, CPU time | torch, ms | scratch, ms | ratio | goal | n |",
        "|---|---|---|---|---|---|",
    ]
    for row in times:
        sign = "" if row["ratio"] <= row["goal"] else " (missed)"
        figures = f"{row['torch']:.3g} | {row['scratch']:.3g} | {row['ratio']:.2f}{sign} | {row['goal']} | {row['n']}"
        lines.append(f"| {row['case']} | {figures} |")
    if memory:
        lines += [
            "",
            "| peak memory above the inputs | torch, MiB | scratch, MiB | ratio | goal | n |",
            "|---|---|---|---|---|---|",
        ]
        for row in memory:
            sign = "" if row["scratch"] <= row["torch"] + COUNTER else " (missed)"
            figures = f"{row['torch']:.1f} | {row['scratch']:.1f} | {row['ratio']:.2f}{sign} | 1.0 | {row['n']}"
            lines.append(f"| {row['case']} | {figures} |")
    disturbed = sum(row["disturbed"] for row in times)
    lines += ["", f"Samples that the system interrupted at every one of twenty tries: {disturbed}.", ""]
    return "\n".join(lines)


def show(row: dict[str, Any], style: str, unit: str) -> None:
    """Print one result as soon as it is there."""
    torch_, scratch_ = format(row["torch"], style), format(row["scratch"], style)
    print(f"{row['case']:52s} torch {torch_} {unit}  scratch {scratch_} {unit}  ratio {row['ratio']:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples; write nothing")
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--memory-of", choices=["torch", "scratch"], help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print(measure_memory(options.memory_of, options.case))
        return

    import torch

    torch.set_num_threads(1)
    times = []
    for name, how, f, shape, goal in CASES:
        if options.only in name:
            row = {"case": name, "goal": goal, **compare_time(how, f, shape, 9 if options.quick else 31)}
            times.append(row)
            show(row, "8.3f", "ms")
    memory = []
    if memory_is_known():
        for name in MEMORY:
            if options.only in name:
                row = {"case": name, **compare_memory(__file__, name)}
                memory.append(row)
                show(row, "8.1f", "MiB")
    if not options.quick and not options.only:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "autograd.md").write_text(report(times, memory), encoding="utf-8")
        (RESULTS / "autograd.json").write_text(
            json.dumps({**machine(), "times": times, "memory": memory}, indent=1), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
