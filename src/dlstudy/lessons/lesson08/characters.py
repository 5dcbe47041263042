"""Train the two small character networks that ship with lesson 08, and write down how: weights, log, hash.

    python -m dlstudy.lessons.lesson08.characters languages
    python -m dlstudy.lessons.lesson08.characters manual

Both are one network: an embedding, a recurrent layer, a linear layer. `languages` reads a word and says after each
letter which of ten languages it is from; `manual` reads Python's own manual and says the next character. Each is
trained from several seeds, and the log holds all of them; the weights are those of the first seed, not of the best.
"""

import argparse
import hashlib
import json
import platform
import sys
import time
from collections.abc import Callable, Generator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlstudy.data import text as texts
from dlstudy.layers.recurrent import RNN

SEEDS = (0, 1, 2)
Log = list[list[float]]  # [step, loss on validation data]


class CharacterRNN(nn.Module):
    """Read symbols one by one and give a score for each label after each of them."""

    def __init__(self, symbols: int, labels: int, units: int, width: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, width)
        self.rnn = RNN(width, units, batch_first=True)
        self.head = nn.Linear(units, labels)

    def forward(self, ids: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return scores (B, T, K) for ids (B, T) and the state (1, B, H) after the last step; None starts from 0."""
        states, last = self.rnn(self.embedding(ids), state)
        return self.head(states), last


def rate(step: int, steps: int, most: float) -> float:
    """Return the learning rate of a step: a quarter of a cosine, from `most` to nothing."""
    return most * float(np.cos(np.pi / 2 * step / steps))


def take_step(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, step_rate: float) -> None:
    """One step of training, with the gradient clipped to a global norm of 1."""
    for group in optimizer.param_groups:
        group["lr"] = step_rate
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


# -- words of ten languages --------------------------------------------------------------------------------
def last_scores(scores: Tensor, lengths: Tensor) -> Tensor:
    """Return the scores (B, K) after the last real step of every word."""
    return scores[torch.arange(len(scores)), lengths - 1]


def train_languages(seed: int, epochs: int = 12, units: int = 128) -> Generator[float, None, tuple[CharacterRNN, Log]]:
    """Train on the words of the training part; yields the share that is done, returns the network and its log."""
    words = texts.words_by_language()
    vocabulary = language_symbols()
    parts = {part: as_tensors(words.split(part), vocabulary) for part in ("train", "val")}
    ids, lengths, labels = parts["train"]
    torch.manual_seed(seed)
    model = CharacterRNN(len(vocabulary), len(words.languages), units)
    optimizer = torch.optim.Adam(model.parameters())
    batch, log, step = 128, [], 0
    steps = epochs * (len(labels) // batch)
    for _ in range(epochs):
        for rows in torch.randperm(len(labels))[: len(labels) // batch * batch].split(batch):
            longest = int(lengths[rows].max())
            scores, _ = model(ids[rows, :longest])
            loss = F.cross_entropy(last_scores(scores, lengths[rows]), labels[rows])
            take_step(model, optimizer, loss, rate(step, steps, 5e-3))
            step += 1
            if step % 20 == 0:
                yield step / steps
        log.append([step, language_accuracy(model, *parts["val"])])
    return model, log


def language_symbols() -> Any:
    """Return the vocabulary of the training words' letters, with marks for padding and for a letter not among them."""
    return texts.Vocabulary.of("".join(texts.words_by_language().split("train").words), pad=True, unknown=True)


def as_tensors(words: Any, vocabulary: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return a part of the words as padded ids (N, T), lengths (N,) and labels (N,)."""
    ids, lengths = texts.pad([vocabulary.encode(word) for word in words.words])
    return torch.from_numpy(ids), torch.from_numpy(lengths), torch.from_numpy(words.labels)


@torch.no_grad()
def language_accuracy(model: CharacterRNN, ids: Tensor, lengths: Tensor, labels: Tensor) -> float:
    """Return the share of words whose language is the best guess after the last letter."""
    return float((last_scores(model(ids)[0], lengths).argmax(1) == labels).double().mean())


# -- Python's manual ---------------------------------------------------------------------------------------
def manual_parts() -> dict[str, str]:
    """Return the manual cut in three, in the order of the text: 90 % train, 5 % val, 5 % test."""
    text = texts.python_manual()
    first, second = int(0.9 * len(text)), int(0.95 * len(text))
    return {"train": text[:first], "val": text[first:second], "test": text[second:]}


def train_manual(
    seed: int, steps: int = 5000, units: int = 128, batch: int = 32, window: int = 48
) -> Generator[float, None, tuple[CharacterRNN, Log]]:
    """Train on the stream of the training part; yields the share that is done, returns the network and its log."""
    parts = manual_parts()
    vocabulary = texts.Vocabulary.of(texts.python_manual())
    tokens, val = vocabulary.encode(parts["train"]), vocabulary.encode(parts["val"])
    torch.manual_seed(seed)
    model = CharacterRNN(len(vocabulary), len(vocabulary), units)
    optimizer = torch.optim.Adam(model.parameters())
    log, step = [], 0
    while step < steps:
        state = None
        for inputs, targets in texts.stream_batches(tokens, batch, window):
            scores, state = model(torch.from_numpy(inputs), state)
            state = state.detach()
            loss = F.cross_entropy(scores.flatten(0, 1), torch.from_numpy(targets).flatten())
            take_step(model, optimizer, loss, rate(step, steps, 3e-3))
            step += 1
            if step % 250 == 0:
                log.append([step, stream_loss(model, val)])
            if step % 10 == 0:
                yield step / steps
            if step == steps:
                break
    return model, log


@torch.no_grad()
def stream_loss(model: CharacterRNN, tokens: np.ndarray, strips: int = 20) -> float:
    """Return the mean cross-entropy (nats a character) over a text, read in strips side by side."""
    inputs, targets = next(texts.stream_batches(tokens, strips, (len(tokens) - 1) // strips))
    scores, _ = model(torch.from_numpy(inputs))
    return float(F.cross_entropy(scores.flatten(0, 1), torch.from_numpy(targets).flatten()))


# -- writing down ------------------------------------------------------------------------------------------
def finished(work: Generator[float, None, Any], told: Callable[[float], None]) -> Any:
    """Run a generator to its end, tell how far it is, and return what it returns."""
    while True:
        try:
            told(next(work))
        except StopIteration as end:
            return end.value


def write(name: str, seeds: Sequence[int], folder: Path, told: Callable[[str], None] = print) -> Path:
    """Train `name` from every seed and write NAME.safetensors (the first seed's weights) and NAME.json beside it."""
    from safetensors.torch import save

    begun, logs, results = time.process_time(), {}, {}
    first: CharacterRNN | None = None
    train: Callable[[int], Generator[float, None, Any]] = train_languages if name == "languages" else train_manual
    for seed in seeds:
        told(f"{name}, seed {seed}")
        model, logs[str(seed)] = finished(train(seed), lambda share: None)
        results[str(seed)] = on_test(name, model)
        told(f"  validation {logs[str(seed)][-1][1]:.4f}, test {results[str(seed)]:.4f}")
        first = first or model
    assert first is not None
    data = save({key: value.contiguous() for key, value in first.state_dict().items()})
    languages = name == "languages"
    vocabulary = language_symbols() if languages else texts.Vocabulary.of(texts.python_manual())
    note = {
        "command": f"python -m dlstudy.lessons.lesson08.characters {name}",
        "seed": seeds[0],
        "measured": "share of words right" if languages else "nats a character",
        "log": logs,
        "test": results,
        "cpu_seconds": round(time.process_time() - begun),
        "versions": {"python": platform.python_version(), "torch": version("torch"), "numpy": version("numpy")}
        | ({"wordfreq": version("wordfreq")} if languages else {}),
        "data": "dlstudy.data.text.words_by_language" if languages else "dlstudy.data.text.python_manual",
        "symbols": list(vocabulary.symbols),
        "labels": list(texts.words_by_language().languages if languages else vocabulary.symbols),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.safetensors").write_bytes(data)
    (folder / f"{name}.json").write_text(json.dumps(note, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder / f"{name}.safetensors"


def on_test(name: str, model: CharacterRNN) -> float:
    """Return the accuracy, or the loss, on the test part, which nothing was chosen by."""
    if name == "languages":
        return language_accuracy(model, *as_tensors(texts.words_by_language().split("test"), language_symbols()))
    return stream_loss(model, texts.Vocabulary.of(texts.python_manual()).encode(manual_parts()["test"]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Train one of the two networks from the command line."""
    parser = argparse.ArgumentParser(prog="python -m dlstudy.lessons.lesson08.characters", description=__doc__)
    parser.add_argument("name", choices=("languages", "manual"))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--to", type=Path, default=Path(__file__).with_name("trained"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print("wrote", write(options.name, options.seeds, options.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
