"""conv2d of scratch against torch eager and other NumPy frameworks: forward, forward + backward, and peak memory.

    python benchmarks/convolution.py            # prints the tables and writes results/convolution.md and .json
    python benchmarks/convolution.py --quick    # fewer samples, writes nothing
    python benchmarks/convolution.py --kernels  # times every kernel of scratch: see conv/kernel_choice.py

How it measures. Both libraries convolve the same numbers in turn, sample by sample, in one process with one thread; a
sample is CPU time (see `measure.py`). Before, one large array is freed: from then on the C library keeps freed memory
of both sides, so that neither has to fetch its result from the system, page by page, in every sample. What a script of
its own spends, such fetching included, is the column "each library alone": each in a fresh process, on arrays made by
itself. (There torch fetches memory for every result, until a larger tensor has been freed; scratch uses the memory of
its work arrays again.) Memory is the peak above the inputs, each library in a process of its own. float32, kernel 3,
padding 1, with bias.

The other frameworks are measured beside ours if they are installed:

    python -m pip install --target peers --no-deps autograd mygrad numpy-ml
    PYTHONPATH=peers python benchmarks/convolution.py     (PYTHONPATH=peers; python ... in two steps on Windows)
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import (
    COUNTER,
    RESULTS,
    THREADS,
    clock,
    compare,
    compare_memory,
    interleave,
    machine,
    memory_is_known,
    peak_of,
)

import numpy as np  # isort: skip - after the threads are set

# this folder's autograd.py must not stand in for the package of that name
sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).parent.resolve()]

# N, C, F, size; goals for the ratio of forward, and of forward + backward, to torch
SIZES: list[tuple[int, int, int, int, float, float]] = [
    (32, 3, 16, 28, 0.8, 0.7),
    (32, 16, 32, 28, 1.1, 2.2),
    (8, 64, 64, 56, 1.3, 1.7),
]
PEERS = {"autograd": "HIPS autograd", "mygrad": "mygrad", "numpy_ml": "numpy-ml"}
WHY = """Where a goal is missed: "NumPy's products alone" is what the matrix products of a direct convolution take with
nothing around them (once forward, three times with backward). Where that is already more than the goal allows, no
arrangement of copies can reach it: NumPy's OpenBLAS would have to be quicker. In the other missed rows it is the copies
around the products that are too much, the more so the busier the caches are with other programs. The case of 64
channels is below its products, as Winograd's algorithm needs a quarter of them; with few channels its transforms cost
more than they save."""
FASTER = {"forward": 5, "forward + backward": 7}  # than numpy-ml: the goals


def name_of(size: tuple[Any, ...], what: str) -> str:
    n, c, f, side = size[:4]
    return f"N={n}: {c}->{f}, {side}x{side}; {what}"


def numbers(n: int, c: int, f: int, side: int) -> list[Any]:
    """Return input, kernels, bias and the gradient of the result."""
    rng = np.random.default_rng(0)
    shapes = [(n, c, side, side), (f, c, 3, 3), (f,), (n, f, side, side)]
    return [rng.standard_normal(shape, np.float32) for shape in shapes]


# -- what is measured --------------------------------------------------------------------------------------
def convolution(M: Any, arrays: list[Any]) -> dict[str, Callable[[], Any]]:
    """Return the forward pass, and forward with backward, of torch or scratch."""
    x, w, b = (M.tensor(a, requires_grad=True) for a in arrays[:3])
    grad = M.tensor(arrays[3])

    def forward() -> Any:
        with M.no_grad():
            return M.nn.functional.conv2d(x, w, b, padding=1)

    def both() -> Any:
        x.grad = w.grad = b.grad = None
        M.nn.functional.conv2d(x, w, b, padding=1).backward(grad)
        return x.grad, w.grad, b.grad

    return {"forward": forward, "forward + backward": both}


def other_operations(M: Any) -> dict[str, Callable[[], Any]]:
    """Return forward + backward of other layers, for which there is no goal."""
    rng = np.random.default_rng(0)
    F = M.nn.functional
    cases: dict[str, tuple[tuple[int, ...], tuple[int, ...], Callable[[Any, Any], Any]]] = {
        "LeNet's second: 6->16, 5x5, 14x14": ((64, 6, 14, 14), (16, 6, 5, 5), lambda x, w: F.conv2d(x, w)),
        "stride 2: 16->32, 28x28": ((32, 16, 28, 28), (32, 16, 3, 3), lambda x, w: F.conv2d(x, w, None, 2, 1)),
        "1x1: 64->64, 28x28": ((16, 64, 28, 28), (64, 64, 1, 1), lambda x, w: F.conv2d(x, w)),
        "depthwise: 64, 28x28": ((16, 64, 28, 28), (64, 1, 3, 3), lambda x, w: F.conv2d(x, w, None, 1, 1, 1, 64)),
        "deep: 128->128, 14x14": ((16, 128, 14, 14), (128, 128, 3, 3), lambda x, w: F.conv2d(x, w, None, 1, 1)),
        "transposed, stride 2: 32->16, 14x14": (
            (32, 32, 14, 14), (32, 16, 4, 4), lambda x, w: F.conv_transpose2d(x, w, None, 2, 1)
        ),
        "max_pool2d 2, 16x28x28": ((64, 16, 28, 28), (1,), lambda x, w: F.max_pool2d(x, 2)),
        "max_pool2d 3 stride 2, 64x56x56": ((8, 64, 56, 56), (1,), lambda x, w: F.max_pool2d(x, 3, 2)),
        "avg_pool2d 2, 16x28x28": ((64, 16, 28, 28), (1,), lambda x, w: F.avg_pool2d(x, 2)),
    }  # fmt: skip

    def maker(shape: tuple[int, ...], kernel: tuple[int, ...], f: Callable[[Any, Any], Any]) -> Callable[[], Any]:
        x, w = (M.tensor(rng.standard_normal(s, np.float32), requires_grad=True) for s in (shape, kernel))
        grad = M.tensor(rng.standard_normal(tuple(f(x, w).shape), np.float32))

        def both() -> None:
            x.grad = w.grad = None
            f(x, w).backward(grad)

        return both

    return {name: maker(*case) for name, case in cases.items()}


# -- peers -------------------------------------------------------------------------------------------------
def with_autograd(arrays: list[Any]) -> dict[str, Callable[[], Any]]:
    """HIPS autograd, with its own convolution; it flips the kernels, as mathematics does."""
    import autograd.numpy as anp
    from autograd import make_vjp
    from autograd.scipy.signal import convolve

    x, w, b, grad = arrays

    def f(args: Any) -> Any:
        x, w, b = args
        x = anp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "constant")
        y = convolve(x, w[:, :, ::-1, ::-1], axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")
        return y + b[:, None, None]

    def both() -> Any:
        vjp, _ = make_vjp(f)((x, w, b))
        return vjp(grad)

    return {"forward": lambda: f((x, w, b)), "forward + backward": both}


def with_mygrad(arrays: list[Any]) -> dict[str, Callable[[], Any]]:
    import mygrad as mg
    from mygrad.nnet.layers import conv_nd

    x, w, b = (mg.tensor(a) for a in arrays[:3])
    grad = arrays[3]

    def forward() -> Any:
        with mg.no_autodiff:
            return (conv_nd(x, w, stride=1, padding=1) + b.reshape(1, -1, 1, 1)).data

    def both() -> Any:
        for t in (x, w, b):
            t.null_grad()
        (conv_nd(x, w, stride=1, padding=1) + b.reshape(1, -1, 1, 1)).backward(grad)
        return x.grad, w.grad, b.grad

    return {"forward": forward, "forward + backward": both}


def with_numpy_ml(arrays: list[Any]) -> dict[str, Callable[[], Any]]:
    """numpy-ml's layer: channels last, so the numbers are laid out for it beforehand."""
    import collections
    import collections.abc
    import warnings

    collections.Hashable = collections.abc.Hashable  # type: ignore[attr-defined]  # it was written for Python < 3.10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from numpy_ml.neural_nets.layers import Conv2D

    x, w, b, grad = arrays
    x, grad = (np.ascontiguousarray(a.transpose(0, 2, 3, 1)) for a in (x, grad))
    layer = Conv2D(out_ch=len(w), kernel_shape=(3, 3), pad=1, stride=1)
    layer.forward(x[:1])  # makes the parameters
    layer.parameters["W"] = np.ascontiguousarray(w.transpose(2, 3, 1, 0))
    layer.parameters["b"] = b.reshape(1, 1, 1, -1).copy()

    def both() -> Any:
        layer.flush_gradients()
        layer.forward(x)
        gx = layer.backward(grad)
        g = layer.gradients
        return gx.transpose(0, 3, 1, 2), g["W"].transpose(3, 2, 0, 1), g["b"].reshape(-1)

    return {"forward": lambda: layer.forward(x, retain_derived=False).transpose(0, 3, 1, 2), "forward + backward": both}


def peers(arrays: list[Any]) -> tuple[dict[str, dict[str, Callable[[], Any]]], list[str]]:
    """Return the runs of the frameworks that are installed, and the names of those that are not."""
    makers = {"autograd": with_autograd, "mygrad": with_mygrad, "numpy_ml": with_numpy_ml}
    found, missing = {}, []
    for module, maker in makers.items():
        try:
            found[PEERS[module]] = maker(arrays)
        except ImportError as error:
            missing.append(f"{PEERS[module]} ({error})")
    return found, missing


# -- measuring ---------------------------------------------------------------------------------------------
def settle() -> None:
    """Free one large array: glibc then keeps freed memory below that size instead of giving it back each time."""
    np.zeros(30 * 2**20, np.uint8).fill(1)


def bare_product(n: int, c: int, f: int, side: int, samples: int) -> float:
    """Return the milliseconds of the matrix products alone, without which no direct convolution in NumPy can be."""
    rng = np.random.default_rng(0)
    rows, columns = rng.standard_normal((f, 9 * c), np.float32), rng.standard_normal((9 * c, side * side), np.float32)
    out = np.empty((f, side * side), np.float32)

    def run() -> None:
        for _ in range(n):
            np.dot(rows, columns, out=out)

    run()
    times, _ = interleave({"it": run}, samples)
    return 1e3 * float(np.median(times["it"]))


def quick_look(run: Callable[[], Any], samples: int) -> float:
    """Return the median seconds of a few runs, disturbed or not: enough for what is many times slower."""
    seconds = []
    for _ in range(samples):
        start = clock()
        run()
        seconds.append(clock() - start)
    return float(np.median(seconds))


def agree(found: Any, expected: Any, who: str) -> None:
    """Raise AssertionError unless all arrays agree to float32 rounding."""
    found, expected = (r if isinstance(r, tuple | list) else (r,) for r in (found, expected))
    for a, b in zip(found, expected, strict=True):
        a, b = (t.detach().numpy() if hasattr(t, "detach") else np.asarray(t) for t in (a, b))
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * float(np.abs(b).max()), err_msg=who)


def libraries() -> dict[str, Any]:
    """Return torch, with its threads set, and scratch."""
    import torch

    import dlstudy.scratch as scratch

    torch.set_num_threads(THREADS)
    return {"torch": torch, "scratch": scratch}


def measure_sizes(options: Any) -> list[dict[str, Any]]:
    """Return a row for each size and pass."""
    rows = []
    for size in SIZES:
        arrays = numbers(*size[:4])
        runs = {name: convolution(M, arrays) for name, M in libraries().items()}
        others, missing = ({}, []) if options.rows else peers(arrays)
        for i, what in enumerate(("forward", "forward + backward")):
            if options.only not in name_of(size, what):
                continue
            settle()
            together = {name: run[what] for name, run in runs.items()}
            expected = together["torch"]()
            for name, run in {**runs, **others}.items():
                agree(run[what](), expected, name)
            row = {"case": name_of(size, what), "what": what, "goal": size[4 + i], "missing": missing}
            row["product"] = (1, 3)[i] * bare_product(*size[:4], 9)
            few = options.quick or options.rows
            row |= compare(together, 9 if few else 31 if size[1] < 64 else 15)
            if others:  # in a run of their own, so that they do not disturb the one above
                ours = quick_look(together["scratch"], 9)
                row["peers"] = {name: quick_look(run[what], 3) / ours for name, run in others.items()}
            rows.append(row)
            if not options.rows:
                more = "".join(f"  {name} {slower:.0f}x" for name, slower in row.get("peers", {}).items())
                show(row, more)
    return rows


def measure_others(options: Any) -> list[dict[str, Any]]:
    """Return a row for each of the other operations."""
    runs = {name: other_operations(M) for name, M in libraries().items()}
    rows = []
    for name in runs["torch"]:
        if options.only in name:
            settle()
            together = {library: run[name] for library, run in runs.items()}
            for run in together.values():
                run()
            rows.append({"case": name, **compare(together, 5 if options.quick else 11)})
            show(rows[-1])
    return rows


def alone(library: str, samples: int) -> list[float]:
    """Return median milliseconds of every size and pass for one library, in this process and on its own arrays."""
    M: Any = importlib.import_module("torch" if library == "torch" else "dlstudy.scratch")
    if library == "torch":
        M.set_num_threads(THREADS)
    M.manual_seed(0)
    found = []
    for n, c, f, side, *_ in SIZES:
        shapes = [(n, c, side, side), (f, c, 3, 3), (f,), (n, f, side, side)]
        tensors = [M.rand(*shape) for shape in shapes]
        for run in convolution(M, [t.numpy() for t in tensors]).values():
            run()
            times, _ = interleave({"it": run}, samples)
            found.append(1e3 * float(np.median(times["it"])))
    return found


def again(arguments: list[str], **environment: str) -> Any:
    """Return what this script, called with `arguments` in a process of its own, prints as JSON."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def memory_of(library: str, case: str) -> float:
    """Return the peak in MiB above the inputs of the second run of a case, in this process."""
    M: Any = importlib.import_module("torch" if library == "torch" else "dlstudy.scratch")
    if library == "torch":
        M.set_num_threads(1)
    size, what = next((s, w) for s in SIZES for w in FASTER if name_of(s, w) == case)
    run = convolution(M, numbers(*size[:4]))[what]
    run()
    if library == "scratch":
        M.conv.buffers.release()  # the work arrays kept from the first run count as well
    return peak_of(run)


# -- which kernel ------------------------------------------------------------------------------------------
def kernel_runs(n: int, c: int, f: int, side: int) -> dict[tuple[str, str], Callable[[], Any]]:
    """Return (what, kernel) and the run of every kernel that can compute it."""
    from dlstudy.scratch.conv import flat, kernel_choice, rows, winograd
    from dlstudy.scratch.conv.geometry import geometry

    x, w, b, grad = numbers(n, c, f, side)
    geo = geometry((side, side), (3, 3), (1, 1), (1, 1), (1, 1))
    y, gx, turned = np.empty_like(grad), np.empty_like(x), kernel_choice.flipped(w, 1)
    modules: dict[str, Any] = {"flat": flat, "rows": rows, "winograd": winograd}
    runs: dict[tuple[str, str], Callable[[], Any]] = {}
    for k, m in modules.items():
        runs["forward", k] = lambda m=m: m.forward(x, w, b, geo, y)
        runs["input", k] = lambda m=m: m.forward(grad, turned, None, geo.flipped, gx)
        if m is not rows:
            runs["weight", k] = lambda m=m: m.weight_gradient(x, grad, geo)
    runs["input", "scatter"] = lambda: flat.input_gradient(grad, w, geo, gx)
    return runs


def kernels(samples: int) -> None:
    """Print the time of every kernel for 3 x 3 convolutions of many channel counts; the quickest is starred."""
    from dlstudy.scratch.conv import kernel_choice
    from dlstudy.scratch.conv.geometry import geometry

    print("ms; * the quickest, [..] what kernel_choice takes; the input gradient by scattering, or as a convolution")
    for n, c, f, side in [
        (32, 1, 8, 28), (32, 3, 16, 28), (32, 8, 16, 28), (32, 16, 16, 28), (32, 16, 32, 28), (32, 32, 32, 28),
        (32, 32, 32, 14), (32, 32, 64, 14), (16, 48, 48, 28), (16, 64, 64, 28), (32, 64, 64, 14), (8, 64, 64, 56),
        (16, 64, 128, 14), (8, 128, 128, 28), (16, 128, 128, 14), (16, 128, 128, 7), (8, 256, 256, 14),
        (16, 256, 256, 7),
    ]:  # fmt: skip
        runs = kernel_runs(n, c, f, side)
        geo = geometry((side, side), (3, 3), (1, 1), (1, 1), (1, 1))
        for run in runs.values():
            run()
        times, _ = interleave({f"{a} {k}": run for (a, k), run in runs.items()}, samples)
        forward = kernel_choice.kernel(geo, c, f)
        back = kernel_choice.kernel(geo.flipped, f, c) if 2 * c >= f else "scatter"
        taken = {("forward", forward), ("weight", "flat" if forward == "rows" else forward), ("input", back)}
        cells = []
        for what in ("forward", "weight", "input"):
            group = {k: 1e3 * float(np.median(times[f"{what} {k}"])) for a, k in runs if a == what}
            quickest = min(group, key=lambda k: group[k])
            parts = [
                f"{'[' if (what, k) in taken else ''}{k} {ms:.2f}{'*' if k == quickest else ''}"
                f"{']' if (what, k) in taken else ''}"
                for k, ms in group.items()
            ]
            cells.append(f"{what}: {' '.join(parts)}")
        print(f"{(n, c, f, side)!s:20s} {' | '.join(cells)}", flush=True)


# -- report ------------------------------------------------------------------------------------------------
def show(row: dict[str, Any], more: str = "") -> None:
    """Print one result as soon as it is there."""
    goal = f" (goal {row['goal']})" if "goal" in row else ""
    print(
        f"{row['case']:46s} torch {row['torch']:8.3f} ms  scratch {row['scratch']:8.3f} ms  ratio {row['ratio']:.2f}"
        f"{goal}{more}",
        flush=True,
    )


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["", f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)]


def judged(value: float, good: bool, style: str = ".2f") -> str:
    return format(value, style) + ("" if good else " (missed)")


def report(found: dict[str, Any]) -> str:
    """Return the tables in Markdown."""
    lines = ["# Convolution: scratch against torch eager and other NumPy frameworks", ""]
    lines += ["Written by `python benchmarks/convolution.py`, which says how it measures.", ""]
    facts = {**machine(), "programs that ran beside (load average)": found["load"]}
    lines += [", ".join(f"{key}: {value}" for key, value in facts.items()) + "."]
    names = list(dict.fromkeys(peer for row in found["rows"] for peer in row.get("peers", {})))
    body = []
    for row, lone in zip(found["rows"], found["alone"]):
        ours = judged(row["ratio"], row["ratio"] <= row["goal"])
        times = [f"{row[key]:.3g}" for key in ("torch", "scratch", "product")]
        cells = [row["case"], *times, ours, judged(lone, lone <= row["goal"]), str(row["goal"])]
        for peer in names:
            slower = row["peers"][peer]
            cells.append(judged(slower, peer != "numpy-ml" or slower >= FASTER[row["what"]], ".1f"))
        body.append([*cells, str(row["n"])])
    head = ["CPU time, one thread", "torch, ms", "scratch, ms", "NumPy's products alone, ms", "ratio"]
    head += ["ratio, each library alone", "goal"]
    lines += table([*head, *(f"{peer}, times slower than scratch" for peer in names), "n"], body)
    if any(row["ratio"] > row["goal"] for row in found["rows"]):
        lines += ["", WHY]
    missing = sorted({name for row in found["rows"] for name in row["missing"]})
    if missing:
        lines += ["", f"Not installed, so not measured: {', '.join(missing)}."]
    plain = lambda rows: [  # noqa: E731
        [r["case"], f"{r['torch']:.3g}", f"{r['scratch']:.3g}", f"{r['ratio']:.2f}", str(r["n"])] for r in rows
    ]
    lines += table(
        ["other layers, forward + backward", "torch, ms", "scratch, ms", "ratio", "n"], plain(found["other"])
    )
    lines += table(
        ["two threads, wall time, recorded only", "torch, ms", "scratch, ms", "ratio", "n"], plain(found["two_threads"])
    )
    if found["memory"]:
        body = [
            [r["case"], f"{r['torch']:.1f}", f"{r['scratch']:.1f}",
             judged(r["ratio"], r["scratch"] <= r["torch"] + COUNTER), "1.0", str(r["n"])]
            for r in found["memory"]
        ]  # fmt: skip
        lines += table(["peak memory above the inputs", "torch, MiB", "scratch, MiB", "ratio", "goal", "n"], body)
    disturbed = sum(row["disturbed"] for row in [*found["rows"], *found["other"]])
    lines += ["", f"Samples that the system interrupted at every one of twenty tries: {disturbed}.", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples; write nothing")
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--kernels", action="store_true", help="time the kernels of scratch beside each other")
    for hidden in ("--rows", "--alone", "--memory-of", "--case"):
        kind = {"action": "store_true"} if hidden == "--rows" else {}
        parser.add_argument(hidden, help=argparse.SUPPRESS, **kind)  # type: ignore[arg-type]
    options = parser.parse_args()
    samples = 5 if options.quick else 15
    if options.memory_of:
        print(memory_of(options.memory_of, options.case))
    elif options.alone:
        print(json.dumps(alone(options.alone, samples)))
    elif options.kernels:
        settle()
        kernels(samples)
    elif options.rows:
        print(json.dumps(measure_sizes(options)))
    else:
        measure_all(options)


def measure_all(options: Any) -> None:
    """Print all tables; write them unless only some were asked for."""
    found: dict[str, Any] = {"rows": measure_sizes(options), "other": measure_others(options), "memory": []}
    if memory_is_known():
        for row in found["rows"]:
            found["memory"].append({"case": row["case"], **compare_memory(__file__, row["case"])})
            last = found["memory"][-1]
            print(f"{row['case']:46s} torch {last['torch']:8.1f} MiB  scratch {last['scratch']:8.1f} MiB", flush=True)
    if options.quick or options.only:
        return
    lone = {library: again(["--alone", library]) for library in ("torch", "scratch")}
    found["alone_ms"] = lone
    found["alone"] = [ours / theirs for ours, theirs in zip(lone["scratch"], lone["torch"])]
    found["two_threads"] = again(["--rows"], DLSTUDY_THREADS="2")
    found["load"] = f"{os.getloadavg()[1]:.1f}" if hasattr(os, "getloadavg") else "not known"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "convolution.md").write_text(report(found), encoding="utf-8")
    (RESULTS / "convolution.json").write_text(json.dumps({**machine(), **found}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
