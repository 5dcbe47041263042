"""The long run of lesson 10: a small GPT reads Python's manual, and its weights and log travel with the course.

    python -m dlstudy.lessons.lesson10.manual [--into FOLDER] [--steps N]

writes manual.safetensors and manual.json (settings, seed, data, versions, log, hash) into exercises/10/recorded. The
page goes the first steps of the same run and compares.
"""

import argparse
import datetime
import hashlib
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from dlstudy.course.content import paths
from dlstudy.data import text
from dlstudy.models.gpt import GPT
from dlstudy.training.language_model import Progress, train
from dlstudy.words import size

SEED = 0
MODEL: dict[str, Any] = {"context_length": 64, "embed_dim": 96, "num_layers": 2, "num_heads": 4, "dropout": 0.0}
TRAINING: dict[str, Any] = {
    "steps": 5500,
    "batch_size": 16,
    "length": 64,
    "learning_rate": 3e-3,
    "warmup": 50,
    "report_every": 50,
    "evaluate_every": 100,
    "evaluation_windows": 60,
    "seed": SEED,
}


def long_run(**changes: Any) -> tuple[GPT, dict[str, Any]]:
    """Train the model and return it with its record; `changes` replace entries of `TRAINING`, for tests."""
    torch.set_num_threads(1)
    manual = text.python_manual()
    alphabet = sorted(set(manual))
    vocabulary = text.Vocabulary(alphabet)
    tokens = vocabulary.encode(manual)
    train_tokens, val_tokens = np.split(tokens, [len(tokens) * 9 // 10])
    settings = TRAINING | changes
    torch.manual_seed(SEED)
    model = GPT(vocab_size=len(alphabet), **MODEL)
    log, begun = [], time.process_time()
    for report in train(model, train_tokens, val_tokens, **settings):
        if report.val_loss is not None:
            log.append((report.step, round(report.val_loss, 4)))
            print(f"step {report.step}: {report.val_loss:.3f} nats a character", flush=True)
    record = {
        "model": {"vocab_size": len(alphabet), **MODEL},
        "training": settings,
        "seed": SEED,
        "alphabet": alphabet,
        "data": {
            "source": f"pydoc_data.topics of Python {platform.python_version()}, the last tenth held out",
            "characters": len(manual),
            "sha256": hashlib.sha256(manual.encode()).hexdigest(),
        },
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "seconds": round(time.process_time() - begun),
        "date": datetime.date.today().isoformat(),
        "command": "python -m dlstudy.lessons.lesson10.manual",
        "log": log,
    }
    return model, record


# ---- the same program on Shakespeare ---------------------------------------------------------------------------------

PLAYS_MODEL: dict[str, Any] = {"context_length": 64, "embed_dim": 128, "num_layers": 4, "num_heads": 4, "dropout": 0.0}
PLAYS_TRAINING: dict[str, Any] = {
    "steps": 2000,
    "batch_size": 12,
    "length": 64,
    "learning_rate": 1e-3,
    "final_learning_rate": 1e-4,
    "warmup": 100,
    "weight_decay": 0.1,
    "betas": (0.9, 0.99),
    "clip": 1.0,
    "seed": SEED,
}


class Plays:
    """The full schedule on Shakespeare's plays: what it takes, then the training itself.

    The settings are those of `benchmarks/shakespeare.py`, which measures it with several seeds. A GPU is used where one
    is. `changes` replace entries of `PLAYS_TRAINING`. Making it downloads the text at the first time; raises what
    `dlstudy.data.text.shakespeare` raises.
    """

    def __init__(self, **changes: Any) -> None:
        plays = text.shakespeare()
        self.vocabulary = text.Vocabulary.of(plays)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.settings = PLAYS_TRAINING | changes
        tokens = self.vocabulary.encode(plays)
        self._train, self._val = np.split(tokens, [len(tokens) * 9 // 10])
        torch.manual_seed(SEED)
        self.model = GPT(vocab_size=len(self.vocabulary), **PLAYS_MODEL).to(self.device)

    @property
    def steps(self) -> int:
        """How many steps the training takes."""
        return int(self.settings["steps"])

    def plan(self) -> str:
        """Return in a sentence how long it will take here, from three steps of a copy."""
        copy = GPT(vocab_size=len(self.vocabulary), **PLAYS_MODEL).to(self.device)
        reports = train(copy, self._train, **(self.settings | {"steps": 3, "warmup": 1, "report_every": 1}))
        seconds = [report.seconds for report in reports]
        minutes = (seconds[-1] - seconds[1]) / 2 * self.steps / 60
        parameters = sum(p.numel() for p in self.model.parameters())
        what = f"{self.steps:,} steps of a model of {parameters:,} parameters on {self.device}"
        return f"{what}: about {minutes:.1f} minutes."

    def train(self) -> Iterator[Progress]:
        """Train, and tell how it goes; see `dlstudy.training.language_model.train`."""
        yield from train(
            self.model, self._train, self._val, report_every=10, evaluate_every=500, evaluation_windows=None,
            **self.settings,
        )  # fmt: skip

    def write(self, length: int = 300) -> str:
        """Return a text that the model writes."""
        start = torch.from_numpy(self.vocabulary.encode("\n"))[None].to(self.device)
        generator = torch.Generator(self.device).manual_seed(SEED)
        return self.vocabulary.decode(
            self.model.generate(start, length, temperature=0.8, generator=generator)[0].tolist()
        )


def main() -> None:
    """Train, and write both files."""
    here = paths.exercises_folder() / "10" / "recorded"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=here, help="where the two files go")
    parser.add_argument("--steps", type=int, default=TRAINING["steps"], help="how many steps")
    arguments = parser.parse_args()
    model, record = long_run(steps=arguments.steps)
    arguments.into.mkdir(parents=True, exist_ok=True)
    file = arguments.into / "manual.safetensors"
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, file)
    record["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    words = json.dumps(record, indent=1, ensure_ascii=False)
    (arguments.into / "manual.json").write_text(words + "\n", encoding="utf-8")
    print(f"{file.name}: {size(file.stat().st_size)}")


if __name__ == "__main__":
    main()
