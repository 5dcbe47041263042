"""What a cache of keys and values saves when a GPT writes, and how quick transformers is with the same weights.

    python benchmarks/decoding.py            # prints the table and writes results/decoding.md and .json
    python benchmarks/decoding.py --quick    # short texts, writes nothing

Each writes the same text from the same prompt of 16 tokens, always taking the likeliest token: our GPT with its cache,
our GPT without (the whole text goes through the model for every token), and transformers' GPT-2 with its cache. The
texts must be equal, or the benchmark stops. `measure.py` says how times are taken: CPU time of one thread, interleaved,
median.
"""

import argparse
import importlib.metadata
import json
import statistics
import warnings
from typing import Any

from measure import RESULTS, THREADS, interleave, machine  # fixes the threads

import torch  # isort: skip

from dlstudy.models import gpt_names
from dlstudy.models.gpt import GPT

VOCAB_SIZE, CONTEXT, WIDTH, LAYERS, HEADS, PROMPT = 2048, 1024, 256, 4, 4, 16
LENGTHS = {64: 9, 256: 5, 512: 3}
"""New tokens, and how many samples are taken."""


def models() -> tuple[GPT, Any]:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCAB_SIZE, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
        bos_token_id=None, eos_token_id=None, initializer_range=0.2,
    )  # fmt: skip
    theirs = GPT2LMHeadModel(config).eval()
    ours = GPT(VOCAB_SIZE, CONTEXT, WIDTH, LAYERS, HEADS).eval()
    ours.load_state_dict(gpt_names.to_ours(theirs.state_dict()), strict=True)
    return ours, theirs


def measured(new: int, samples: int) -> dict[str, Any]:
    ours, theirs = models()
    prompt = torch.randint(VOCAB_SIZE, (1, PROMPT))
    runs = {
        "cached": lambda: ours.generate(prompt, new, temperature=0),
        "whole": lambda: ours.generate(prompt, new, temperature=0, use_cache=False),
        "transformers": lambda: theirs.generate(
            prompt, max_new_tokens=new, do_sample=False, attention_mask=torch.ones_like(prompt), pad_token_id=0
        ),
    }
    texts = {name: run() for name, run in runs.items()}
    for name, text in texts.items():
        if not torch.equal(text, texts["whole"]):
            raise SystemExit(f"{name} writes another text")
    times, disturbed = interleave(runs, samples)
    found = {name: 1e3 * statistics.median(seconds) / new for name, seconds in times.items()}
    return {
        "new": new, **found, "n": samples, "disturbed": disturbed,
        "speedup": found["whole"] / found["cached"], "ratio": found["cached"] / found["transformers"],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="short texts; write nothing")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    warnings.filterwarnings("ignore", module="transformers")
    rows = []
    for new, samples in {32: 3}.items() if options.quick else LENGTHS.items():
        rows.append(row := measured(new, samples))
        print(
            f"{new:4d} tokens: {row['cached']:.2f} ms a token with cache, {row['whole']:.2f} without "
            f"({row['speedup']:.1f} times), transformers {row['transformers']:.2f} (ratio {row['ratio']:.3f})",
            flush=True,
        )
    if options.quick:
        return
    about = machine() | {"transformers": importlib.metadata.version("transformers")}
    lines = ["# Writing with and without a cache of keys and values", ""]
    lines += ["Written by `python benchmarks/decoding.py`, which says how it measures.", ""]
    lines += [", ".join(f"{key}: {value}" for key, value in about.items()) + ".", ""]
    lines += [f"GPT, {LAYERS} layers of width {WIDTH}, {HEADS} heads, one text from a prompt of {PROMPT} tokens.", ""]
    head = [
        "new tokens",
        "with cache, ms a token",
        "without",
        "speed-up",
        "transformers with cache",
        "ours / theirs",
        "n",
    ]
    lines += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        cells = [row["new"], f"{row['cached']:.3g}", f"{row['whole']:.3g}", f"{row['speedup']:.1f}"]
        cells += [f"{row['transformers']:.3g}", f"{row['ratio']:.2f}", row["n"]]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    disturbed = sum(row["disturbed"] for row in rows)
    lines += ["", f"Samples that the system interrupted at every one of twenty tries: {disturbed}."]
    (RESULTS / "decoding.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (RESULTS / "decoding.json").write_text(json.dumps({**about, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
