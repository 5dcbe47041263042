"""Teach a sequence-to-sequence network with attention to read dates: "3rd May '87" is 1987-05-03.

`python -m dlstudy.lessons.lesson09.dates FOLDER` trains three seeds for `STEPS` steps and writes `dates.safetensors`
(the first seed's weights) and `dates.json` (all that was measured, with versions and the file's hash) into the folder.
The lesson keeps both under `exercises/09/recorded`, and trains a third of the way again on its page.
"""

import hashlib
import json
import string
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlstudy.data.text import Vocabulary, date_pairs, pad
from dlstudy.models.seq2seq import Seq2Seq

Pair = tuple[str, str]
WRITTEN = Vocabulary(string.ascii_letters + string.digits + " ,.'/-", pad=True)
ISO = Vocabulary(string.digits + "-", bos=True, eos=True)
STEPS, BATCH, RATE = 450, 64, 5e-3
FILES = ("dates.safetensors", "dates.json")


def parts(count: int = 24_000, seed: int = 0) -> dict[str, list[Pair]]:
    """Return pairs for train, val and test. A day is in one part only, whichever way it is written there."""
    made: dict[str, list[Pair]] = {"train": [], "val": [], "test": []}
    for written, iso in date_pairs(count, np.random.default_rng(seed)):
        number = int.from_bytes(hashlib.sha256(iso.encode()).digest()[:4]) % 20
        made["val" if number == 0 else "test" if number == 1 else "train"].append((written, iso))
    return made


def as_tensors(pairs: Sequence[Pair]) -> tuple[Tensor, Tensor, Tensor]:
    """Return source (N, S), its lengths (N,), and target (N, 12), which begins with bos and ends with eos."""
    source, lengths = pad([WRITTEN.encode(written) for written, _ in pairs], WRITTEN.pad or 0)
    target = np.stack([ISO.encode(iso, bos=True, eos=True) for _, iso in pairs])
    return torch.from_numpy(source), torch.from_numpy(lengths), torch.from_numpy(target)


def new_model(seed: int = 0) -> Seq2Seq:
    """Return an untrained network for dates: 64 units, 32 numbers a symbol."""
    torch.manual_seed(seed)
    return Seq2Seq(len(WRITTEN), len(ISO), embed_dim=32, hidden_dim=64)


def loss_of(model: Seq2Seq, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross-entropy of the next symbol, each step being given the right symbol before it."""
    logits, _ = model(source, target[:, :-1], lengths)  # (N, 11, symbols)
    return F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten())


def rate_at(step: int, steps: int = STEPS) -> float:
    """Return the learning rate of a step: up within 50 steps, level, and down to nought over the last third."""
    return RATE * min(1.0, (step + 1) / 50, 3 * (steps - step) / steps)


def train(
    model: Seq2Seq, pairs: Sequence[Pair], seed: int, *, stop: int = STEPS, steps: int = STEPS
) -> Iterator[tuple[int, float]]:
    """Train on batches drawn from `pairs` and yield (steps done, loss) after each; end after `stop` of `steps`."""
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    rng = np.random.default_rng(seed)
    for step in range(stop):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, steps)
        batch = as_tensors([pairs[place] for place in rng.integers(0, len(pairs), BATCH)])
        loss = loss_of(model, *batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        yield step + 1, loss.item()


def read(model: Seq2Seq, written: Sequence[str]) -> tuple[list[str], Tensor]:
    """Return what the network makes of each text, decoded greedily, and its attention (N, steps, S).

    Raises ValueError for a text that is empty or has a symbol that no date has.
    """
    if not all(written):
        raise ValueError("expected a date; got an empty text")
    source, lengths = pad([WRITTEN.encode(text) for text in written], WRITTEN.pad or 0)
    assert ISO.bos is not None
    assert ISO.eos is not None
    ids, weights = model.write(
        torch.from_numpy(source), torch.from_numpy(lengths), bos=ISO.bos, eos=ISO.eos, max_length=12
    )
    return [ISO.decode(row) for row in ids.tolist()], weights


def exact_match(model: Seq2Seq, pairs: Sequence[Pair]) -> float:
    """Return the share of dates of which every figure is right."""
    said, _ = read(model, [written for written, _ in pairs])
    return float(np.mean([text == iso for text, (_, iso) in zip(said, pairs)]))


def load(folder: Path) -> tuple[Seq2Seq, dict[str, Any]]:
    """Return the network that was kept in `folder`, ready to use, and its log.

    Raises ValueError when the weights are not those that the log belongs to.
    """
    from safetensors.torch import load_file

    weights, log = (folder / name for name in FILES)
    facts = json.loads(log.read_text(encoding="utf-8"))
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    if found != facts["sha256"]:
        raise ValueError(f"expected {weights.name} with the hash {facts['sha256'][:12]}...; got {found[:12]}...")
    model = new_model()
    model.load_state_dict(load_file(weights))
    return model.eval(), facts


def main(folder: str) -> None:
    """Train all seeds and write weights and log."""
    from safetensors.torch import save_file

    torch.set_num_threads(1)
    data, place = parts(), Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    log: dict[str, Any] = {"steps": STEPS, "batch": BATCH, "rate": RATE, "seeds": {}}
    for seed in range(3):
        model, begun, curve = new_model(seed), time.process_time(), []
        for step, loss in train(model, data["train"], seed):
            if step % 50 == 0:
                curve.append([step, loss, exact_match(model, data["val"][:500])])
                print(f"seed {seed}, step {step}: loss {loss:.4f}, {curve[-1][2]:.1%} of the validation dates right")
        spent = time.process_time() - begun
        log["seeds"][str(seed)] = {"curve": curve, "test": exact_match(model, data["test"]), "cpu_seconds": spent}
        if seed == 0:
            save_file(model.state_dict(), place / FILES[0])
    log |= {
        "sizes": {name: len(pairs) for name, pairs in data.items()},
        "sha256": hashlib.sha256((place / FILES[0]).read_bytes()).hexdigest(),
        "versions": {name: version(name) for name in ("numpy", "torch")},
        "date": time.strftime("%Y-%m-%d"),
    }
    (place / FILES[1]).write_text(json.dumps(log) + "\n", encoding="utf-8")
    print({seed: f"{facts['test']:.2%}" for seed, facts in log["seeds"].items()}, "of the test dates right")


if __name__ == "__main__":
    main(sys.argv[1])
