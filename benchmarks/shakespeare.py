"""A small GPT learns to write like Shakespeare, letter by letter, with the settings of nanoGPT's example for a CPU.

    python benchmarks/shakespeare.py                     # downloads the text (1.1 MB), writes results/shakespeare.*
    python benchmarks/shakespeare.py --text FILE         # takes the text from a file
    python benchmarks/shakespeare.py --quick             # one seed, a tenth of the steps, writes nothing

nanoGPT's README ("I only have a macbook") trains 4 layers of width 128 with 4 heads on windows of 64 characters, 12 a
step, for 2,000 steps, and reports a loss of 1.88 on the last tenth of the text. Its other settings are those of
config/train_shakespeare_char.py: AdamW with 0.9 and 0.99, a decay of 0.1, 100 steps of warm-up to 1e-3 and a cosine to
1e-4, gradients of norm 1 at most; no dropout. The same number of steps of the same size is taken here.

nanoGPT measures its loss on 240 random windows of the held-out text; here it is the mean over the whole held-out text,
cut into windows of 64 side by side. Characters of the vocabulary are those of the whole text.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from measure import RESULTS, THREADS, machine  # fixes the threads

import torch  # isort: skip

from dlstudy.data import text
from dlstudy.data.download import DownloadError
from dlstudy.models.gpt import GPT
from dlstudy.training.language_model import evaluate, train

GOAL = 1.88
SEEDS = (0, 1, 2)
MODEL: dict[str, Any] = {"context_length": 64, "embed_dim": 128, "num_layers": 4, "num_heads": 4, "dropout": 0.0}
TRAINING: dict[str, Any] = {
    "steps": 2000, "batch_size": 12, "length": 64, "learning_rate": 1e-3, "final_learning_rate": 1e-4, "warmup": 100,
    "weight_decay": 0.1, "betas": (0.9, 0.99), "clip": 1.0,
}  # fmt: skip


def one_run(seed: int, whole: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Train once; return the losses, the CPU seconds of the training and a text that the model wrote."""
    vocabulary = text.Vocabulary.of(whole)
    tokens = vocabulary.encode(whole)
    held_out = len(tokens) * 9 // 10
    settings = TRAINING | changes
    torch.manual_seed(seed)
    model = GPT(len(vocabulary), **MODEL)
    log, seconds, began = [], 0.0, time.process_time()
    for report in train(model, tokens[:held_out], seed=seed, report_every=100, **settings):
        seconds += time.process_time() - began
        last = report.step == settings["steps"]
        if report.step % 500 == 0 or last:
            loss = evaluate(model, tokens[held_out:], MODEL["context_length"], windows=None if last else 240)
            log.append((report.step, report.train_loss, loss))
            print(f"seed {seed}, step {report.step}: held-out loss {loss:.4f}", flush=True)
        began = time.process_time()
    start = torch.from_numpy(vocabulary.encode("\n"))[None]
    written = model.generate(start, 300, temperature=0.8, generator=torch.Generator().manual_seed(seed))[0]
    return {
        "seed": seed, "val_loss": log[-1][2], "cpu_seconds": seconds, "log": log,
        "parameters": sum(value.numel() for value in model.parameters()), "vocabulary": len(vocabulary),
        "text": vocabulary.decode(written.tolist()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="a file with the text, in place of the download")
    parser.add_argument("--quick", action="store_true", help="one seed, a tenth of the steps; write nothing")
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
    rows = [
        one_run(seed, whole, {"steps": TRAINING["steps"] // 10} if options.quick else {})
        for seed in (SEEDS[:1] if options.quick else SEEDS)
    ]
    if options.quick:
        return
    losses = [row["val_loss"] for row in rows]
    judged = "reached" if max(losses) <= GOAL else "missed"
    about = machine()
    lines = ["# Shakespeare, letter by letter", ""]
    lines += ["Written by `python benchmarks/shakespeare.py`, which says what is trained and how it is measured.", ""]
    lines += [", ".join(f"{key}: {value}" for key, value in about.items()) + ".", ""]
    lines += [
        f"{len(whole):,} characters, {rows[0]['vocabulary']} different ones; {rows[0]['parameters']:,} parameters."
    ]
    lines += ["", "| seed | held-out loss, nats a character | CPU seconds of training |", "|---|---|---|"]
    lines += [f"| {row['seed']} | {row['val_loss']:.4f} | {row['cpu_seconds']:.0f} |" for row in rows]
    lines += [
        "",
        f"Mean {statistics.mean(losses):.4f}, standard deviation {statistics.stdev(losses):.4f} (n = {len(rows)}).",
    ]
    lines += [f"The goal, nanoGPT's {GOAL} with as many steps of the same size, is {judged} with every seed."]
    if judged == "missed":
        lines[-1] = f"The goal, nanoGPT's {GOAL} with as many steps of the same size, is missed."
    lines += ["", "What the model of the first seed writes (temperature 0.8):", "", "```"]
    lines += [*rows[0]["text"].strip().splitlines(), "```"]
    (RESULTS / "shakespeare.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (RESULTS / "shakespeare.json").write_text(json.dumps({**about, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
