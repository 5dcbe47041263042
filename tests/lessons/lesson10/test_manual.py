"""The long run of lesson 10 and its Shakespeare: short versions of both; settings that agree with the benchmark's."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from dlstudy.data import text
from dlstudy.lessons.lesson10 import manual as lesson10
from dlstudy.models.gpt import GPT
from dlstudy.training.language_model import evaluate

SHORT = "\n".join(f"line {n} of a play that nobody wrote, {n * n % 7} acts" for n in range(120))


def test_the_record_of_a_run_tells_how_to_make_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "python_manual", lambda: SHORT)
    monkeypatch.setattr(lesson10, "MODEL", lesson10.MODEL | {"context_length": 16, "embed_dim": 8})
    changes = {"steps": 12, "length": 16, "evaluate_every": 4, "report_every": 4, "warmup": 2}
    model, record = lesson10.long_run(**changes)
    assert [step for step, _ in record["log"]] == [0, 4, 8, 12]
    assert record["alphabet"] == sorted(set(SHORT))
    again = GPT(**record["model"])
    again.load_state_dict(model.state_dict())
    tokens = text.Vocabulary(record["alphabet"]).encode(SHORT)
    loss = evaluate(again, tokens[len(tokens) * 9 // 10 :], 16, windows=60)
    assert loss == pytest.approx(record["log"][-1][1], abs=1e-4)
    assert record["log"][-1][1] < record["log"][0][1] - 0.05, "it learned something"
    twin, _ = lesson10.long_run(**changes)
    for one, other in zip(model.parameters(), twin.parameters()):
        assert torch.equal(one, other), "one seed, one model"
    assert record["seconds"] >= 0
    assert record["command"] == "python -m dlstudy.lessons.lesson10.manual"


def test_the_command_writes_weights_and_record_side_by_side(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dlstudy.lessons.lesson10 import checkpoint

    monkeypatch.setattr(text, "python_manual", lambda: SHORT)
    monkeypatch.setattr("sys.argv", ["lesson10", "--into", str(tmp_path / "new"), "--steps", "2"])
    lesson10.main()
    model, record = checkpoint(tmp_path / "new")
    assert record["training"]["steps"] == 2
    assert model.token_embedding.weight.shape[0] == len(set(SHORT))
    assert "manual.safetensors: " in capsys.readouterr().out


def test_shakespeare_is_planned_trained_and_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "shakespeare", lambda: SHORT * 2)
    plays = lesson10.Plays(steps=20, warmup=2)
    before = [p.detach().clone() for p in plays.model.parameters()]
    assert "20 steps of a model of " in plays.plan()
    for one, other in zip(before, plays.model.parameters()):
        assert torch.equal(one, other), "the plan trains a copy"
    reports = list(plays.train())
    assert [report.step for report in reports] == [0, 10, 20]
    losses = [report.val_loss for report in reports if report.val_loss is not None]
    assert losses[-1] < losses[0] - 0.3
    written = plays.write(30)
    assert len(written) == 31
    assert set(written) <= set(SHORT)


def test_the_settings_are_those_of_the_benchmark() -> None:
    file = Path(__file__).resolve().parents[3] / "benchmarks" / "shakespeare.py"
    found = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = ast.literal_eval(node.value)
    assert found["MODEL"] == lesson10.PLAYS_MODEL
    assert found["TRAINING"] | found["ARMS"]["nanoGPT"] | {"seed": 0} == lesson10.PLAYS_TRAINING


def test_evaluation_of_the_plays_reads_all_that_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "shakespeare", lambda: SHORT)
    plays = lesson10.Plays(steps=1, warmup=1)
    first = next(itertools.islice(plays.train(), 1))
    tokens = plays.vocabulary.encode(SHORT)
    held_out = tokens[len(tokens) * 9 // 10 :]
    places = np.arange((len(held_out) - 1) // 64)[:, None] * 64 + np.arange(64)
    with torch.no_grad():
        logits = plays.model(torch.from_numpy(held_out[places]))
    right = torch.from_numpy(held_out[places + 1])
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), right.flatten()).item()
    assert first.val_loss == pytest.approx(expected, rel=1e-5)
