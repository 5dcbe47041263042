"""One training step of our readable models against the official ones, on the same weights.

    python benchmarks/models.py            # prints the table and writes results/models.md and .json
    python benchmarks/models.py --quick    # fewer samples, writes nothing

A step is zero_grad, forward, loss, backward and one step of the optimizer. The references are as their libraries make
them, GPT-2 with the attention that transformers takes by default, torch's fused one. `measure.py` says how times are
taken: CPU time of one thread, interleaved, median. The losses of the first three steps must agree, or the benchmark
stops.
"""

import argparse
import copy
import importlib.metadata
import json
from collections.abc import Callable
from typing import Any

from measure import RESULTS, THREADS, compare, machine  # fixes the threads

import torch  # isort: skip
from torch import Tensor, nn
from torch.nn import functional as F

from dlstudy.models import gpt_names, registry
from dlstudy.models.gpt import GPT

GOAL = 1.03


def step_of(
    model: nn.Module, inputs: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer, field: str = ""
) -> Callable[[], float]:
    """One training step on a batch that stays the same, giving the loss; `field` is where a result has its scores."""

    def step() -> float:
        optimizer.zero_grad()
        scores = getattr(model(inputs), field) if field else model(inputs)
        loss = F.cross_entropy(scores.flatten(0, -2), labels.flatten())
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


Steps = tuple[Callable[[], float], Callable[[], float]]


def images_against_torchvision(name: str, size: int, batch: int) -> Steps:
    """The steps of our model and torchvision's, with the weights of the latter: SGD with momentum."""
    import torchvision

    torch.manual_seed(0)
    theirs = torchvision.models.get_model(name, weights=None, num_classes=10)
    ours = registry.build(name, num_classes=10)
    ours.load_state_dict(copy.deepcopy(theirs.state_dict()), strict=True)
    inputs, labels = torch.randn(batch, 3, size, size), torch.randint(10, (batch,))

    def step(model: nn.Module) -> Callable[[], float]:
        return step_of(model, inputs, labels, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9))

    return step(ours), step(theirs)


def gpt_against_transformers(batch: int, length: int, rule: str) -> Steps:
    """The steps of GPT-2 with 4 layers of width 256, 4 heads, a vocabulary of 2,048 and no dropout."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    vocab_size = 2048
    config = GPT2Config(
        vocab_size=vocab_size, n_positions=length, n_embd=256, n_layer=4, n_head=4,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    theirs = GPT2LMHeadModel(config).train()
    ours = GPT(vocab_size, length, 256, 4, 4)
    ours.load_state_dict(gpt_names.to_ours(copy.deepcopy(theirs.state_dict())), strict=True)
    inputs, labels = torch.randint(vocab_size, (2, batch, length))

    def step(model: nn.Module, field: str = "") -> Callable[[], float]:
        settings: dict[str, Any] = {"lr": 0.01, "momentum": 0.9} if rule == "SGD" else {"lr": 3e-4}
        return step_of(model, inputs, labels, getattr(torch.optim, rule)(model.parameters(), **settings), field)

    return step(ours), step(theirs, "logits")


CASES = {
    "ResNet-18, 32x32, batch 32, torchvision": lambda: images_against_torchvision("resnet18", 32, 32),
    "ResNet-50, 64x64, batch 4, torchvision": lambda: images_against_torchvision("resnet50", 64, 4),
    "VGG-11 with BatchNorm, 32x32, batch 4, torchvision": lambda: images_against_torchvision("vgg11_bn", 32, 4),
    "EfficientNet-B0, 64x64, batch 8, torchvision": lambda: images_against_torchvision("efficientnet_b0", 64, 8),
    "GPT, 4 layers, width 256, 4 x 256 tokens, SGD, transformers": lambda: gpt_against_transformers(4, 256, "SGD"),
    "GPT, 4 layers, width 256, 4 x 256 tokens, AdamW, transformers": lambda: gpt_against_transformers(4, 256, "AdamW"),
}


def measured(case: str, samples: int) -> dict[str, Any]:
    torch.manual_seed(1)
    ours, theirs = CASES[case]()
    for number in range(3):
        torch.manual_seed(number)  # dropout draws the same
        mine = ours()
        torch.manual_seed(number)
        reference = theirs()
        if abs(mine - reference) > 1e-3 * abs(reference):
            raise SystemExit(f"{case}: the losses of step {number} differ, {mine} and {reference}")
    found = compare({"scratch": ours, "torch": theirs}, samples)
    return {"case": case, "ours": found["scratch"], "reference": found["torch"], **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples; write nothing")
    parser.add_argument("--only", default="", help="only cases whose name contains this; write nothing")
    parser.add_argument("--samples", type=int, default=21)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    rows = []
    for case in CASES:
        if options.only not in case:
            continue
        row = measured(case, 5 if options.quick else options.samples)
        rows.append(row)
        print(
            f"{case:62s} reference {row['reference']:7.1f} ms  ours {row['ours']:7.1f} ms  ratio {row['ratio']:.3f}",
            flush=True,
        )
    if options.quick or options.only:
        return
    versions = {library: importlib.metadata.version(library) for library in ("torchvision", "transformers")}
    about = machine() | versions
    facts = ", ".join(f"{key}: {value}" for key, value in about.items())
    lines = ["# One training step: our models against the official ones", ""]
    lines += ["Written by `python benchmarks/models.py`, which says how it measures.", "", facts + ".", ""]
    lines += [
        "| one step, CPU time of one thread | reference, ms | ours, ms | ratio | goal | n |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        judged = f"{row['ratio']:.3f}" + (" (missed)" if row["ratio"] > GOAL else "")
        lines.append(f"| {row['case']} | {row['reference']:.4g} | {row['ours']:.4g} | {judged} | {GOAL} | {row['n']} |")
    lines += [
        "",
        f"Samples that the system interrupted at every one of twenty tries: {sum(r['disturbed'] for r in rows)}.",
    ]
    (RESULTS / "models.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (RESULTS / "models.json").write_text(json.dumps({**about, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
