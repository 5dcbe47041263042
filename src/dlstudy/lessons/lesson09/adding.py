"""The adding problem: can a network carry two numbers over many steps, and add them?

Task of Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997, experiment 4, in the form of Le, Jaitly and Hinton,
2015 (arXiv 1504.00941). `python -m dlstudy.lessons.lesson09.adding FILE` trains RNN, LSTM and GRU on 50 and on 100
steps, three seeds each, and writes down how the error fell, with versions and date; the lesson keeps the file under
`exercises/09/recorded`.
"""

import json
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dlstudy.layers import recurrent

SOLVED = 0.01
"""A mean squared error below this counts as solved; 1/6 is what one gets by always saying 1."""
LIBRARIES: dict[str, Any] = {"RNN": recurrent, "LSTM": nn, "GRU": recurrent}
"""Where each network comes from: the quicker one on a CPU. Ours and torch's are proven equal."""
RATES = {"RNN": 0.005, "LSTM": 0.01, "GRU": 0.01}
MOST_STEPS = 1500


def adding_problem(count: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return x (count, length, 2) and y (count,): random numbers from 0 to 1, two of them marked; y is their sum.

    x[..., 0] holds the numbers and x[..., 1] the marks: a 1 in the first half, another in the second, 0 elsewhere.
    """
    numbers, marks = torch.rand(count, length, generator=generator), torch.zeros(count, length)
    half = length // 2
    for low, high in ((0, half), (half, length)):
        place = torch.randint(low, high, (count, 1), generator=generator)
        marks.scatter_(1, place, 1.0)
    return torch.stack([numbers, marks], 2), (numbers * marks).sum(1)


class Adder(nn.Module):
    """A recurrent network that reads x (B, T, 2), and a linear layer that says one number after the last step: (B,)."""

    def __init__(self, kind: str, hidden: int = 32) -> None:
        super().__init__()
        self.rnn = getattr(LIBRARIES[kind], kind)(2, hidden, batch_first=True)
        self.output = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the layer says after the last step."""
        states, _ = self.rnn(x)
        return self.output(states[:, -1]).squeeze(1)


def train_adder(
    kind: str, length: int, seed: int, *, hidden: int = 32, batch: int = 50, steps: int = MOST_STEPS, every: int = 50
) -> Iterator[tuple[int, float]]:
    """Train a new `Adder` and yield (steps done, validation error) after every so many steps; end soon when solved.

    The error is the mean squared one on 500 sequences that are never trained on.
    """
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    model = Adder(kind, hidden)
    optimizer = torch.optim.Adam(model.parameters(), RATES[kind])
    val_x, val_y = adding_problem(500, length, generator)
    for step in range(1, steps + 1):
        x, y = adding_problem(batch, length, generator)
        loss = (model(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % every == 0:
            with torch.no_grad():
                error = (model(val_x) - val_y).square().mean().item()
            yield step, error
            if error < SOLVED / 4:
                return


def main(file: str) -> None:
    """Train everything and write the log."""
    torch.set_num_threads(1)
    runs: list[dict[str, Any]] = []
    for length in (50, 100):
        for kind in LIBRARIES:
            for seed in range(3):
                begun = time.process_time()
                curve = [list(point) for point in train_adder(kind, length, seed)]
                spent = round(time.process_time() - begun, 1)
                runs.append({"kind": kind, "length": length, "seed": seed, "curve": curve, "cpu_seconds": spent})
                print(f"{kind}, {length} steps, seed {seed}: {curve[-1][1]:.4f} after {curve[-1][0]}", flush=True)
    versions = {name: version(name) for name in ("numpy", "torch")}
    log = {"runs": runs, "versions": versions, "date": time.strftime("%Y-%m-%d")}
    Path(file).write_text(json.dumps(log) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
