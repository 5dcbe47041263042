"""Dates: no day in two parts, the loss is that of the next symbol, the kept weights are those of the log."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from dlstudy.course.content.paths import exercises_folder
from dlstudy.data.text import date_pairs
from dlstudy.lessons.lesson09 import dates
from tests.proofs import note

RECORDED = exercises_folder() / "09" / "recorded"


def test_a_day_is_in_one_part_whichever_way_it_is_written() -> None:
    made = dates.parts(4000)
    days = {name: {iso for _, iso in pairs} for name, pairs in made.items()}
    assert not days["train"] & days["val"]
    assert not days["train"] & days["test"]
    assert not days["val"] & days["test"]
    assert sum(map(len, made.values())) == 4000
    assert 100 < len(made["val"]) < 300
    assert 100 < len(made["test"]) < 300
    assert dates.parts(4000) == made


def test_every_spelling_can_be_encoded_and_comes_back() -> None:
    import numpy as np

    pairs = date_pairs(3000, np.random.default_rng(3))
    source, lengths, target = dates.as_tensors(pairs)
    assert target.shape == (3000, 12)
    for (written, iso), row, length, symbols in zip(pairs, source.tolist(), lengths.tolist(), target.tolist()):
        assert dates.WRITTEN.decode(row[:length]) == written
        assert not any(row[length:])
        assert symbols[0] == dates.ISO.bos
        assert symbols[-1] == dates.ISO.eos
        assert dates.ISO.decode(symbols) == iso


def test_the_loss_is_that_of_the_next_symbol_given_the_right_ones_before() -> None:
    model = dates.new_model(1).double()
    source, lengths, target = dates.as_tensors(dates.parts(60)["train"][:3])
    found = dates.loss_of(model, source, lengths, target)
    total = 0.0
    for row in range(3):
        for step in range(11):  # each beginning by itself, without padding
            logits, _ = model(source[row : row + 1, : lengths[row]], target[row : row + 1, : step + 1])
            total -= F.log_softmax(logits[0, -1], 0)[target[row, step + 1]].item()
    assert found.item() == pytest.approx(total / 33, rel=1e-9)


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [dates.rate_at(step) for step in range(dates.STEPS)]
    assert rates[0] == pytest.approx(dates.RATE / 50)
    assert rates[49] == rates[200] == dates.RATE
    assert rates[-1] == pytest.approx(3 * dates.RATE / dates.STEPS)
    assert rates[:50] == sorted(rates[:50])
    assert rates[50:] == sorted(rates[50:], reverse=True)


@pytest.mark.proof
@pytest.mark.slow
def test_a_short_training_is_the_beginning_of_a_long_one_and_learns() -> None:
    pairs = dates.parts(2000)["train"]
    one, other = dates.new_model(0), dates.new_model(0)
    losses = [loss for _, loss in dates.train(one, pairs, 0, stop=12)]
    again = [loss for _, loss in dates.train(other, pairs, 0, stop=6)]
    assert losses[:6] == again
    note(first_loss=losses[0], last_loss=losses[-1])
    assert losses[-1] < losses[0] - 0.2


def test_the_weights_that_came_with_the_course_read_dates() -> None:
    model, log = dates.load(RECORDED)
    held_out = dates.parts()["test"]
    assert dates.exact_match(model, held_out[:200]) > 0.98
    assert set(log["seeds"]) == {"0", "1", "2"}
    assert min(run["test"] for run in log["seeds"].values()) > 0.98
    assert (RECORDED / "dates.safetensors").stat().st_size < 2e6
    with pytest.raises(ValueError, match="expected a date; got an empty text"):
        dates.read(model, ["3 May 1987", ""])
    said, weights = dates.read(model, ["3 May 1987", "Thursday, 5 March 2026"])
    assert said == ["1987-05-03", "2026-03-05"]
    torch.testing.assert_close(weights.sum(2), torch.ones(weights.shape[:2]))
    assert not weights[0, :, 10:].any(), "nothing is read beyond the end"


def test_other_weights_than_those_of_the_log_are_refused(tmp_path: Path) -> None:
    for name in dates.FILES:
        shutil.copy(RECORDED / name, tmp_path / name)
    log = json.loads((tmp_path / "dates.json").read_text())
    (tmp_path / "dates.json").write_text(json.dumps(log | {"sha256": "0" * 64}))
    with pytest.raises(ValueError, match=r"expected dates.safetensors with the hash 000000000000\.\.\.; got "):
        dates.load(tmp_path)
