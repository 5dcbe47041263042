"""The adding problem is what it says, and the networks that are trained on it learn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from dlstudy.lessons.lesson09 import adding
from tests.proofs import note


@pytest.mark.parametrize("length", [2, 7, 20])
def test_two_numbers_are_marked_and_their_sum_is_asked_for(length: int) -> None:
    x, y = adding.adding_problem(200, length, torch.Generator().manual_seed(0))
    half = length // 2
    numbers, marks = x[..., 0], x[..., 1]
    assert set(marks.flatten().tolist()) <= {0.0, 1.0}
    assert (marks[:, :half].sum(1) == 1).all()
    assert (marks[:, half:].sum(1) == 1).all()
    if length > 2:
        assert marks.sum(0).count_nonzero() == length, "every place is marked now and then"
    for row, marked, total in zip(numbers.tolist(), marks.tolist(), y.tolist()):
        assert total == pytest.approx(sum(n for n, m in zip(row, marked) if m), abs=1e-6)
    assert 0 <= numbers.min() < 0.05
    assert 0.95 < numbers.max() < 1
    assert ((y - 1) ** 2).mean() == pytest.approx(1 / 6, abs=0.04), "the variance of a sum of two such numbers"


def test_the_answer_comes_from_the_last_state() -> None:
    torch.manual_seed(0)
    for kind in adding.LIBRARIES:
        model = adding.Adder(kind, 5)
        x, _ = adding.adding_problem(3, 6, torch.Generator().manual_seed(1))
        states = getattr(torch.nn, kind)(2, 5, batch_first=True)
        states.load_state_dict(model.rnn.state_dict())
        wanted = states(x)[0][:, -1] @ model.output.weight[0] + model.output.bias
        torch.testing.assert_close(model(x), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.proof
@pytest.mark.slow
def test_an_lstm_learns_to_add_over_a_few_steps_and_says_when() -> None:
    curve = list(adding.train_adder("LSTM", 6, 0, hidden=16, steps=800))
    steps, errors = zip(*curve)
    assert list(steps) == list(range(50, 50 * len(steps) + 1, 50))
    note(steps=steps[-1], error=errors[-1])
    assert errors[-1] < adding.SOLVED / 4
    assert min(errors[:-1]) >= adding.SOLVED / 4, "it ends when it is solved"
    again = list(adding.train_adder("LSTM", 6, 0, hidden=16, steps=100))
    assert again == curve[:2], "one seed, one training"


@pytest.mark.slow
def test_the_command_writes_what_it_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adding, "train_adder", lambda kind, length, seed: iter([(50, length + seed / 10)]))
    adding.main(str(tmp_path / "log.json"))
    log = json.loads((tmp_path / "log.json").read_text())
    assert {(run["kind"], run["length"], run["seed"]) for run in log["runs"]} == {
        (kind, length, seed) for kind in ("RNN", "LSTM", "GRU") for length in (50, 100) for seed in range(3)
    }
    assert log["runs"][0]["curve"] == [[50, 50.0]]
    assert (
        log["versions"]["torch"] == torch.__version__.partition("+")[0] or log["versions"]["torch"] in torch.__version__
    )
