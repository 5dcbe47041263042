"""Record how near our GPT-2 and BERT are to the transformers library's.

`python -m tests.lessons.lesson10.record_parity` writes exercises/10/recorded/parity.json, which lesson 10 shows. The
same comparisons, and many more, are tests.
"""

from __future__ import annotations

import copy
import datetime
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.parity import test_transformers as pairs
from tests.parity.tools import off_initial_values, run

COMMAND = "python -m tests.lessons.lesson10.record_parity"
FILE = Path(__file__).resolve().parents[3] / "exercises" / "10" / "recorded" / "parity.json"


def largest_errors(ours: Any, theirs: Any, inputs: list[Any], mapped: dict[str, Any]) -> dict[str, float]:
    """Return the largest error of an output and of a gradient, same weights, float64, train mode without dropout."""
    ours, theirs = ours.double(), theirs.double()
    off_initial_values(theirs)
    ours.load_state_dict(mapped["to_ours"](theirs.state_dict()), strict=True)
    mine, my_gradients = run(ours, inputs, mapped.get("call_ours"))
    other, their_gradients = run(theirs, inputs, mapped["call_theirs"])
    named = mapped["to_ours"](dict(their_gradients))
    shared = my_gradients.keys() & named.keys()
    if len(shared) < len(my_gradients):
        raise AssertionError(f"no gradient to compare with for {sorted(my_gradients.keys() - shared)}")
    return {
        "value error": max(float((a - b).detach().abs().max()) for a, b in zip(mine, other, strict=True)),
        "gradient error": max(float((my_gradients[name] - named[name]).detach().abs().max()) for name in shared),
    }


def rows() -> list[dict[str, Any]]:
    """Return one row a model: what it is held against, parameters, errors, and whether texts are equal."""
    found = []
    gpt, theirs = pairs.small_gpt2()
    errors = largest_errors(copy.deepcopy(gpt), theirs, [pairs.tokens(3, 13, 29)], pairs.GPT2_MAPPED)
    same = 0
    for seed in range(4):
        ours, reference = pairs.pair_to_generate(seed)
        prompt = pairs.tokens(3, 4, 29, seed)
        wanted = pairs.theirs_generated(reference, prompt, 11, None, do_sample=False)
        same += int((ours.generate(prompt, 11, temperature=0) == wanted).all(1).sum())
    count = sum(p.numel() for p in gpt.parameters())
    found.append({"model": "GPT", "held against": "GPT2LMHeadModel", "parameters": f"{count:,}", **errors})
    found[-1]["greedy texts equal"] = f"{same} of 12"
    bert, reference = pairs.small_bert()
    mapped = {"call_ours": None, **pairs.BERT_MAPPED[False]}
    errors = largest_errors(bert, reference, pairs.bert_inputs(), mapped)
    count = sum(p.numel() for p in bert.parameters())
    found.append({"model": "BERT", "held against": "BertModel", "parameters": f"{count:,}", **errors})
    found[-1]["greedy texts equal"] = "writes none"
    return found


def record() -> dict[str, Any]:
    """Return the rows, with versions, date and command."""
    return {
        "rows": rows(),
        "versions": {name: version(name) for name in ("torch", "transformers")},
        "date": datetime.date.today().isoformat(),
        "command": COMMAND,
    }


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(record(), indent=1) + "\n", encoding="utf-8")
    print(FILE.read_text(encoding="utf-8"))
