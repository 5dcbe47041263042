"""One whole training step, scratch against torch eager and other NumPy frameworks: MLP and CNN, SGD and Adam.

    python benchmarks/training.py            # prints the table and writes results/training.md and .json
    python benchmarks/training.py --quick    # fewer samples, writes nothing

A step is zero_grad, forward, loss, backward and the optimizer's step. It is measured on one script, `SCRIPT` below,
written for torch: torch runs it as it stands, scratch runs what `dlstudy.scratch.porting.port` makes of it. Nothing is
tuned for either. The same batch is used again and again, so loading data is no part of it; the losses of the first ten
steps must agree to float32 rounding, or the benchmark stops.

`measure.py` says how times are taken: CPU time of one thread, interleaved, median. With two threads (recorded, not
judged) it is wall time, the least of the samples. Peers that are not installed are left out; to have them:
pip install autograd mygrad
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import RESULTS, THREADS, compare, machine  # fixes the threads

import numpy as np  # isort: skip

from dlstudy.scratch import porting

# the autograd.py beside this file is not the package of that name
sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).parent.resolve()]

SCRIPT = """
import torch
import torch.nn.functional as F
from torch import nn, optim

torch.manual_seed(0)
if network == "MLP":
    model = nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    )
else:
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
    )
optimizer = getattr(optim, rule)(model.parameters(), **settings)
x, y = torch.from_numpy(images), torch.from_numpy(labels)


def step():
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss
"""

# name, network, batch, optimizer, settings, goal for the ratio to torch
CASES: list[tuple[str, str, int, str, dict[str, Any], float]] = [
    ("MLP 784-256-128-10, batch 128, SGD", "MLP", 128, "SGD", {"lr": 0.05}, 0.8),
    ("MLP 784-256-128-10, batch 128, SGD with momentum", "MLP", 128, "SGD", {"lr": 0.05, "momentum": 0.9}, 0.8),
    ("MLP 784-256-128-10, batch 128, Adam", "MLP", 128, "Adam", {"lr": 0.001}, 0.8),
    ("CNN 16-32, 28x28, batch 64, SGD", "CNN", 64, "SGD", {"lr": 0.05}, 1.2),
    ("CNN 16-32, 28x28, batch 64, Adam", "CNN", 64, "Adam", {"lr": 0.001}, 1.2),
]
NOTES = """
The CNN. About two thirds of its step go into the two convolutions, forward and both gradients: NumPy unrolls the input
before it multiplies, and oneDNN, which torch calls, does not. Pooling is quicker here than in torch, and the steps
around it (zero_grad, loss, optimizer, tape) take 0.3 ms together. Tried without gain: pooling before ReLU, which gives
the same numbers with a quarter of ReLU's work, and an allocator that keeps freed memory. Next idea: the weight gradient
of the second convolution from rows that are unrolled once for it and for the input gradient.
"""
PEERS = {"autograd": "HIPS autograd", "mygrad": "mygrad"}


def batch(network: str, size: int) -> tuple[Any, Any]:
    """Return images, with about as many dark pixels as digits have, and labels."""
    rng = np.random.default_rng(0)
    shape = (size, 784) if network == "MLP" else (size, 1, 28, 28)
    pixels = rng.uniform(0, 1, shape) * (rng.uniform(0, 1, shape) < 0.25)
    return pixels.astype(np.float32), rng.integers(0, 10, size)


def run_script(library: str, network: str, size: int, rule: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the names that the script defines on torch or on scratch."""
    images, labels = batch(network, size)
    names = {"network": network, "rule": rule, "settings": settings, "images": images, "labels": labels}
    exec(SCRIPT if library == "torch" else porting.port(SCRIPT), names)
    return names


# -- peers -------------------------------------------------------------------------------------------------
def weights_of(names: dict[str, Any]) -> list[Any]:
    """Return copies of the model's parameters as arrays."""
    return [p.detach().numpy().copy() for p in names["model"].parameters()]


def numpy_update(rule: str, settings: dict[str, Any]) -> Callable[[list[Any], list[Any]], None]:
    """Return an optimizer's step on arrays, as a user of such a framework writes it."""
    lr, momentum, state, t = settings["lr"], settings.get("momentum", 0), {}, 0

    def update(parameters: list[Any], gradients: list[Any]) -> None:
        nonlocal t
        t += 1
        for i, (p, g) in enumerate(zip(parameters, gradients)):
            if rule == "SGD":
                if momentum:
                    g = state[i] = momentum * state[i] + g if i in state else g
                p -= lr * g
                continue
            m, v = state.setdefault(i, (np.zeros_like(p), np.zeros_like(p)))
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= lr / (1 - 0.9**t) * m / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)

    return update


def with_autograd(network: str, names: dict[str, Any], rule: str, settings: dict[str, Any]) -> Callable[[], Any]:
    """Return the step in HIPS autograd: a function of the list of parameters, and its gradient."""
    import autograd.numpy as anp
    from autograd import value_and_grad
    from autograd.scipy.signal import convolve

    parameters, (x, y) = weights_of(names), (names["x"].numpy(), names["y"].numpy())
    rows = np.arange(len(y))

    def block(h: Any, w: Any, b: Any) -> Any:
        h = anp.pad(h, ((0, 0), (0, 0), (1, 1), (1, 1)), "constant")
        h = convolve(h, w[:, :, ::-1, ::-1], axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")
        h = anp.maximum(h + b[:, None, None], 0)
        n, c, height, width = h.shape
        return anp.max(anp.reshape(h, (n, c, height // 2, 2, width // 2, 2)), axis=(3, 5))

    def loss(parameters: list[Any]) -> Any:
        h, rest = x, parameters
        if network == "CNN":
            h = block(block(h, rest[0], rest[1]), rest[2], rest[3])
            h, rest = anp.reshape(h, (len(y), -1)), rest[4:]
        while len(rest) > 2:
            h, rest = anp.maximum(anp.dot(h, rest[0].T) + rest[1], 0), rest[2:]
        z = anp.dot(h, rest[0].T) + rest[1]
        z = z - anp.max(z, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(z), axis=1)) - z[rows, y])

    gradient, update = value_and_grad(loss), numpy_update(rule, settings)

    def step() -> Any:
        value, gradients = gradient(parameters)
        update(parameters, gradients)
        return value

    return step


def with_mygrad(network: str, names: dict[str, Any], rule: str, settings: dict[str, Any]) -> Callable[[], Any]:
    """Return the step in mygrad."""
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.layers import conv_nd, max_pool
    from mygrad.nnet.losses import softmax_crossentropy

    parameters = [mg.tensor(p) for p in weights_of(names)]
    x, y = names["x"].numpy(), names["y"].numpy()
    update = numpy_update(rule, settings)

    def step() -> Any:
        h, rest = x, parameters
        while len(rest) > 2 and rest[0].ndim == 4:
            h = conv_nd(h, rest[0], stride=1, padding=1) + rest[1].reshape(1, -1, 1, 1)
            h, rest = max_pool(relu(h), (2, 2), (2, 2)), rest[2:]
        h = h.reshape(len(y), -1) if network == "CNN" else h
        while len(rest) > 2:
            h, rest = relu(mg.matmul(h, rest[0].T) + rest[1]), rest[2:]
        loss = softmax_crossentropy(mg.matmul(h, rest[0].T) + rest[1], y)
        loss.backward()
        gradients = [p.grad for p in parameters]
        update([p.data for p in parameters], gradients)
        for p in parameters:
            p.null_grad()
        return loss

    return step


def peers(network: str, size: int, rule: str, settings: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """Return the steps of the peers that are installed, from the same start."""
    makers = {"autograd": with_autograd, "mygrad": with_mygrad}
    start = run_script("scratch", network, size, rule, settings)
    return {
        PEERS[module]: make(network, start, rule, settings)
        for module, make in makers.items()
        if importlib.util.find_spec(module) is not None
    }


# -- measuring ---------------------------------------------------------------------------------------------
def measure(case: tuple[str, str, int, str, dict[str, Any], float], quick: bool, only_ours: bool) -> dict[str, Any]:
    """Return the medians in milliseconds a step, and the ratio."""
    name, network, size, rule, settings, goal = case
    repeats = 4 if network == "MLP" else 1
    steps = {library: run_script(library, network, size, rule, settings)["step"] for library in ("torch", "scratch")}
    check = {**steps, **({} if only_ours else peers(network, size, rule, settings))}
    losses = {library: [step().item() for _ in range(10)] for library, step in check.items()}
    for library, values in losses.items():
        np.testing.assert_allclose(values, losses["torch"], rtol=1e-4, err_msg=f"{library} computes something else")

    def several(step: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(repeats):
                step()

        return run

    row = compare({library: several(step) for library, step in steps.items()}, 11 if quick else 61)
    others = {library: step for library, step in check.items() if library not in steps}
    slow = {}
    if others:  # in a run of their own, beside torch, so that they do not stretch the one above
        together = {library: several(step) for library, step in [*steps.items(), *others.items()]}
        found = compare(together, 3 if quick else 7)
        slow = {library: found[library] / found["torch"] for library in others}
    scaled = {library: row[library] / repeats for library in steps}
    return {"case": name, "goal": goal, **row, **scaled, "peers": slow}


def two_threads(quick: bool) -> list[dict[str, Any]]:
    """Return the rows measured in a process with two threads."""
    command = [sys.executable, __file__, "--rows", *(["--quick"] if quick else [])]
    done = subprocess.run(
        command, env={**os.environ, "DLSTUDY_THREADS": "2"}, capture_output=True, text=True, check=True
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


# -- report ------------------------------------------------------------------------------------------------
def report(rows: list[dict[str, Any]], more: list[dict[str, Any]]) -> str:
    """Return the tables in Markdown."""
    names = list(dict.fromkeys(peer for row in rows for peer in row["peers"]))
    lines = ["# One training step: scratch against torch eager and other NumPy frameworks", ""]
    lines += ["Written by `python benchmarks/training.py`, which says how it measures.", ""]
    lines += [", ".join(f"{key}: {value}" for key, value in machine().items()) + ".", ""]
    head = ["one step, CPU time of one thread", "torch, ms", "scratch, ms", "scratch / torch", "goal"]
    head += [f"{peer} / torch" for peer in names]
    lines += ["| " + " | ".join([*head, "n"]) + " |", "|---" * (len(head) + 1) + "|"]
    for row in rows:
        sign = "" if row["ratio"] <= row["goal"] else " (missed)"
        cells = [row["case"], f"{row['torch']:.3g}", f"{row['scratch']:.3g}", f"{row['ratio']:.2f}{sign}", row["goal"]]
        cells += [f"{row['peers'][peer]:.2f}" if peer in row["peers"] else "" for peer in names]
        lines.append("| " + " | ".join(str(cell) for cell in [*cells, row["n"]]) + " |")
    if more:
        lines += ["", "| two threads, least wall time, recorded only | torch, ms | scratch, ms | scratch / torch | n |"]
        lines += ["|---|---|---|---|---|"]
        for row in more:
            lines.append(
                f"| {row['case']} | {row['torch']:.3g} | {row['scratch']:.3g} | {row['ratio']:.2f} | {row['n']} |"
            )
    if any(row["ratio"] > row["goal"] for row in rows if "CNN" in row["case"]):
        lines += ["", NOTES.strip()]
    disturbed = sum(row["disturbed"] for row in rows)
    lines += ["", f"Samples that the system interrupted at every one of twenty tries: {disturbed}.", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples; write nothing")
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--no-peers", action="store_true", help="torch and scratch only")
    parser.add_argument("--rows", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()

    import torch

    torch.set_num_threads(THREADS)
    rows = []
    for case in CASES:
        if options.only in case[0]:
            row = measure(case, options.quick, options.no_peers or options.rows)
            rows.append(row)
            if not options.rows:
                others = "".join(f"  {peer} {ratio:.2f}" for peer, ratio in row["peers"].items())
                times = f"torch {row['torch']:7.3f} ms  scratch {row['scratch']:7.3f} ms"
                print(f"{row['case']:50s} {times}  ratio {row['ratio']:.2f} (goal {row['goal']}){others}", flush=True)
    if options.rows:
        print(json.dumps(rows))
        return
    if not options.quick and not options.only:
        more = two_threads(options.quick)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "training.md").write_text(report(rows, more), encoding="utf-8")
        results = {**machine(), "rows": rows, "two_threads": more}
        (RESULTS / "training.json").write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
