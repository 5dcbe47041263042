"""Our recurrent layers against torch.nn's, forward and backward in train mode, and one LSTM written five ways.

    python benchmarks/recurrent.py            # prints the tables and writes results/recurrent.md and .json
    python benchmarks/recurrent.py --quick    # fewer samples, writes nothing

A step is zero_grad, forward and backward; the input wants its gradient too, as it does inside a network. `measure.py`
says how times are taken: CPU time of one thread, interleaved, median. Outputs and gradients must agree, or the
benchmark stops.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from typing import Any

from measure import RESULTS, THREADS, interleave, machine  # fixes the threads

import torch  # isort: skip
from statistics import median

from torch import Tensor, nn

from dlstudy.layers import recurrent, recurrent_ladder

GOALS = {"LSTM": 2.0}  # of nn.LSTM; nn.RNN and nn.GRU have no kernel of their own on a CPU, there we only look
SIZES = [(32, 16, 64, 128), (64, 32, 64, 128), (35, 20, 200, 200), (100, 16, 32, 64)]  # T, B, input, hidden
LADDER = (50, 32, 64, 128)


def step_of(
    run: Callable[[Tensor], Tensor], parameters: Sequence[Tensor], x: Tensor, along: Tensor
) -> Callable[[], Any]:
    """One pass forwards and backwards; it returns the output and the gradients."""

    def step() -> list[Tensor]:
        for value in (x, *parameters):
            value.grad = None
        output = run(x)
        output.backward(along)
        return [output, *(value.grad for value in (x, *parameters) if value.grad is not None)]

    return step


def must_agree(case: str, found: Sequence[Sequence[Tensor]]) -> None:
    for values in found[1:]:
        for mine, reference in zip(values, found[0], strict=True):
            if (mine - reference).abs().max() > 1e-4 * reference.abs().max():
                raise SystemExit(f"{case}: outputs or gradients differ")


def layers(kind: str, shape: tuple[int, int, int, int], samples: int) -> dict[str, Any]:
    """Our layer, our layer as it is to be read, and torch's."""
    length, batch, input_size, hidden_size = shape
    torch.manual_seed(0)
    theirs = getattr(nn, kind)(input_size, hidden_size)
    ours, readable = (getattr(recurrent, kind)(input_size, hidden_size) for _ in range(2))
    readable.fast = False
    x, along = torch.randn(length, batch, input_size, requires_grad=True), torch.randn(length, batch, hidden_size)
    steps = []
    for layer in (theirs, ours, readable):
        layer.load_state_dict(theirs.state_dict())
        steps.append(step_of(lambda x, layer=layer: layer(x)[0], list(layer.parameters()), x, along))
    case = f"{kind}, T {length}, batch {batch}, {input_size} to {hidden_size}"
    must_agree(case, [[value.clone() for value in step()] for step in steps])
    times, disturbed = interleave(dict(zip(("torch", "ours", "readable"), steps)), samples)
    reference, fast, slow = (median(seconds) for seconds in times.values())
    return {
        "case": case,
        "torch": 1e3 * reference,
        "ours": 1e3 * fast,
        "ratio": fast / reference,
        "readable ratio": slow / reference,
        "disturbed": disturbed,
        "goal": GOALS.get(kind),
        "n": samples,
    }


def ladder(samples: int) -> list[dict[str, Any]]:
    length, batch, input_size, hidden_size = LADDER
    weights = recurrent_ladder.random_weights(input_size, hidden_size)
    parameters = [part for part in weights if part is not None]
    torch.manual_seed(0)
    x, along = torch.randn(length, batch, input_size, requires_grad=True), torch.randn(length, batch, hidden_size)
    steps = {
        name: step_of(lambda x, rung=rung: rung(x, weights), parameters, x, along)
        for name, rung in recurrent_ladder.RUNGS.items()
    }
    must_agree("the ladder", [[value.clone() for value in step()] for step in steps.values()])
    times, _ = interleave(steps, samples)
    last = median(times[list(times)[-1]])
    return [
        {"rung": name, "ms": 1e3 * median(seconds), "ratio": median(seconds) / last, "n": samples}
        for name, seconds in times.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples; write nothing")
    parser.add_argument("--samples", type=int, default=21, help="how many of each; fewer on a machine that is busy")
    options = parser.parse_args()
    samples = min(options.samples, 7) if options.quick else options.samples
    torch.set_num_threads(THREADS)
    rows = []
    for kind in ("LSTM", "GRU", "RNN"):
        for shape in SIZES:
            rows.append(row := layers(kind, shape, samples))
            print(
                f"{row['case']:36s} torch {row['torch']:6.2f} ms  ours {row['ours']:6.2f} ms  "
                f"ratio {row['ratio']:.2f}  readable {row['readable ratio']:.2f}",
                flush=True,
            )
    rungs = ladder(samples)
    for rung in rungs:
        print(f"{rung['rung']:24s} {rung['ms']:7.2f} ms  {rung['ratio']:.2f}", flush=True)
    if options.quick:
        return
    facts = ", ".join(f"{key}: {value}" for key, value in machine().items())
    lines = ["# Recurrent layers: ours against torch.nn's", ""]
    lines += ["Written by `python benchmarks/recurrent.py`, which says how it measures.", "", facts + ".", ""]
    lines += [
        "Forward and backward in train mode, CPU time of one thread. On a CPU torch.nn has a kernel for the LSTM only;"
    ]
    lines += ["its RNN and GRU are loops of single operations, which is why ours take less time.", ""]
    lines += ["| layer | torch.nn, ms | ours, ms | ratio | goal | the readable loop, ratio | n |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for row in rows:
        judged = f"{row['ratio']:.2f}" + (" (missed)" if row["goal"] and row["ratio"] > row["goal"] else "")
        lines.append(
            f"| {row['case']} | {row['torch']:.3g} | {row['ours']:.3g} | {judged} | {row['goal'] or ''} | "
            f"{row['readable ratio']:.2f} | {row['n']} |"
        )
    shape = dict(zip(("T", "batch", "input", "hidden"), LADDER))
    lines += ["", "## The speed ladder", ""]
    lines += [
        f"One LSTM layer, {', '.join(f'{name} {size}' for name, size in shape.items())}: the same numbers, five ways"
    ]
    lines += ["(`dlstudy.layers.recurrent_ladder`).", "", "| | ms | times the kernel | n |", "|---|---|---|---|"]
    lines += [f"| {rung['rung']} | {rung['ms']:.3g} | {rung['ratio']:.2f} | {rung['n']} |" for rung in rungs]
    (RESULTS / "recurrent.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    content = {**machine(), "rows": rows, "ladder": {"shape": shape, "rungs": rungs}}
    (RESULTS / "recurrent.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
