"""A small GPT learns to write like Shakespeare, letter by letter, with the settings of nanoGPT's example for a CPU.

    python benchmarks/shakespeare.py                     # downloads the text (1.1 MB), writes results/shakespeare.*
                                                         # and the copy that lesson 10 shows
    python benchmarks/shakespeare.py --text FILE         # takes the text from a file
    python benchmarks/shakespeare.py --arm quicker --seeds 0 1       # only these runs; the others stay as recorded
    python benchmarks/shakespeare.py --quick             # one run, a tenth of the steps, writes nothing

nanoGPT's README ("I only have a macbook") trains 4 layers of width 128 with 4 heads on windows of 64 characters, 12 a
step, for 2,000 steps, and reports a loss of 1.88 on the last tenth of the text. Its other settings are those of
config/train_shakespeare_char.py: AdamW with 0.9 and 0.99, a decay of 0.1, 100 steps of warm-up to 1e-3 and a cosine to
1e-4, gradients of norm 1 at most; no dropout. That is the arm "nanoGPT". The arm "quicker" differs in one thing, three
times the learning rate, which is also what lesson 10 trains with: as many steps of the same size, the same computation.

nanoGPT measures its loss on 240 random windows of the held-out text, which leaves an error of one or two in the second
decimal; here it is the mean over the whole held-out text, cut into windows of 64 side by side. Characters of the
vocabulary are those of the whole text.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from measure import RESULTS, THREADS, machine  # fixes the threads

import torch  # isort: skip

from dlstudy.course.content import paths
from dlstudy.data import text
from dlstudy.data.download import DownloadError
from dlstudy.models.gpt import GPT
from dlstudy.training.language_model import evaluate, train

SHOWN = paths.exercises_folder() / "10" / "recorded" / "shakespeare.json"
"""Where lesson 10 reads the same results."""
GOAL = 1.88
SEEDS = (0, 1, 2)
ARMS: dict[str, dict[str, float]] = {
    "nanoGPT": {"learning_rate": 1e-3, "final_learning_rate": 1e-4},
    "quicker": {"learning_rate": 3e-3, "final_learning_rate": 3e-4},
}
MODEL: dict[str, Any] = {"context_length": 64, "embed_dim": 128, "num_layers": 4, "num_heads": 4, "dropout": 0.0}
TRAINING: dict[str, Any] = {
    "steps": 2000, "batch_size": 12, "length": 64, "warmup": 100,
    "weight_decay": 0.1, "betas": (0.9, 0.99), "clip": 1.0,
}  # fmt: skip


def one_run(arm: str, seed: int, whole: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Train once; return the losses, the CPU seconds of the training and a text that the model wrote."""
    vocabulary = text.Vocabulary.of(whole)
    tokens = vocabulary.encode(whole)
    held_out = len(tokens) * 9 // 10
    settings = TRAINING | ARMS[arm] | changes
    torch.manual_seed(seed)
    model = GPT(len(vocabulary), **MODEL)
    log, seconds, began = [], 0.0, time.process_time()
    for report in train(model, tokens[:held_out], seed=seed, report_every=100, **settings):
        seconds += time.process_time() - began
        last = report.step == settings["steps"]
        if report.step % 500 == 0 or last:
            loss = evaluate(model, tokens[held_out:], MODEL["context_length"], windows=None if last else 240)
            log.append((report.step, report.train_loss, loss))
            print(f"{arm}, seed {seed}, step {report.step}: held-out loss {loss:.4f}", flush=True)
        began = time.process_time()
    start = torch.from_numpy(vocabulary.encode("\n"))[None]
    written = model.generate(start, 300, temperature=0.8, generator=torch.Generator().manual_seed(seed))[0]
    return {
        "arm": arm, "seed": seed, "val_loss": log[-1][2], "cpu_seconds": seconds, "log": log,
        "parameters": sum(value.numel() for value in model.parameters()), "vocabulary": len(vocabulary),
        "characters": len(whole), "text": vocabulary.decode(written.tolist()), "machine": machine(),
    }  # fmt: skip


def report(rows: list[dict[str, Any]]) -> str:
    """Return the tables in Markdown."""
    lines = ["# Shakespeare, letter by letter", ""]
    lines += ["Written by `python benchmarks/shakespeare.py`, which says what is trained and how it is measured.", ""]
    lines += [", ".join(f"{key}: {value}" for key, value in rows[-1]["machine"].items()) + ".", ""]
    first = rows[0]
    lines += [
        f"{first['characters']:,} characters, {first['vocabulary']} different ones; {first['parameters']:,} parameters."
    ]
    for arm, rates in ARMS.items():
        runs = [row for row in rows if row["arm"] == arm]
        if not runs:
            continue
        losses = [row["val_loss"] for row in runs]
        lines += ["", f"## {arm}: learning rate {rates['learning_rate']:g} to {rates['final_learning_rate']:g}", ""]
        lines += ["| seed | held-out loss, nats a character | CPU seconds of training |", "|---|---|---|"]
        lines += [f"| {row['seed']} | {row['val_loss']:.4f} | {row['cpu_seconds']:.0f} |" for row in runs]
        spread = f", standard deviation {statistics.stdev(losses):.4f}" if len(losses) > 1 else ""
        reached = sum(loss <= GOAL for loss in losses)
        lines += [
            "",
            f"Mean {statistics.mean(losses):.4f}{spread}. nanoGPT's {GOAL} or better: {reached} of {len(losses)} runs.",
        ]
    best = min(rows, key=lambda row: row["val_loss"])
    lines += ["", f"What the model of {best['arm']}, seed {best['seed']}, writes (temperature 0.8):", "", "```"]
    lines += [*best["text"].strip().splitlines(), "```"]
    return "\n".join(lines) + "\n"


def record(new: dict[str, Any]) -> None:
    """Put this run in the place of an earlier one with the same arm and seed; "rows" are nanoGPT's arm."""
    path = RESULTS / "shakespeare.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    rows = {(row["arm"], row["seed"]): row for row in [*known.get("rows", []), *known.get("quicker", []), new]}
    ordered = sorted(rows.values(), key=lambda row: (list(ARMS).index(row["arm"]), row["seed"]))
    parts = {
        key: [row for row in ordered if row["arm"] == arm] for key, arm in (("rows", "nanoGPT"), ("quicker", "quicker"))
    }
    facts = json.dumps({**machine(), **parts}, indent=1)
    for file in (path, SHOWN):
        file.write_text(facts, encoding="utf-8")
    (RESULTS / "shakespeare.md").write_text(report(ordered), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="a file with the text, in place of the download")
    parser.add_argument("--arm", choices=ARMS, nargs="*", default=list(ARMS))
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    parser.add_argument("--quick", action="store_true", help="one run, a tenth of the steps; write nothing")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    if options.text is not None:
        whole = options.text.read_text(encoding="utf-8")
    else:
        try:
            whole = text.shakespeare()
        except DownloadError as error:
            print(f"Left out, for the text could not be had: {error}")
            return
    if options.quick:
        one_run(options.arm[0], options.seeds[0], whole, {"steps": TRAINING["steps"] // 10})
        return
    for arm in options.arm:
        for seed in options.seeds:
            record(one_run(arm, seed, whole, {}))


if __name__ == "__main__":
    main()
