"""What lesson 09 draws and measures is right: the proof sees a wrong layer, biases are what they are called."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from dlstudy.course.content.paths import content_root
from dlstudy.course.measuring.turns import Rules
from dlstudy.layers import recurrent
from dlstudy.lessons import lesson09
from dlstudy.lessons.lesson09.gate_explorer import PRESETS, STEPS, GateExplorer


def test_the_proof_compares_both_layers_and_would_see_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {row["layer"]: row for row in lesson09.proof(rounds=2, seed=1)}
    assert set(rows) == {"LSTM", "GRU"}
    for row in rows.values():
        assert row["networks"] == 2
        assert 0 < max(row["value error"], row["gradient error"]) < 1e-10
    right = recurrent.GRU.forward

    def slightly_off(self, *args):
        output, state = right(self, *args)
        return output, state * 1.001

    monkeypatch.setattr(recurrent.GRU, "forward", slightly_off)
    wrong = {row["layer"]: row for row in lesson09.proof(rounds=2, seed=1)}
    assert wrong["GRU"]["value error"] > 1e-5
    assert wrong["GRU"]["gradient error"] > 1e-5
    assert wrong["LSTM"]["value error"] < 1e-10
    assert [row["networks"] for row in rows.values()] == [2, 2]


def test_biases_are_set_where_the_gate_hears_them_and_nowhere_else() -> None:
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(3, 4, batch_first=True)
    before = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach().clone()
    lesson09.set_biases(lstm, forget=3.0, input=-2.0)
    after = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach()
    assert after[:4].tolist() == [-2.0] * 4
    assert after[4:8].tolist() == [3.0] * 4
    assert torch.equal(after[8:], before[8:])
    with pytest.raises(ValueError, match="expected one of input, forget, output; got 'g'"):
        lesson09.set_biases(lstm, g=1.0)


def test_the_passage_is_the_one_with_most_of_the_symbol() -> None:
    text = (
        "a" * 30
        + '\n""twice" and ""twice"\nno quotes here at all\nsay "one" and "two" now\nthe end of it all, with a tail\n'
    )
    assert lesson09.passage_with(text, '"', 20) == 'say "one" and "two" '


def test_a_text_is_drawn_symbol_by_symbol_on_its_colours() -> None:
    drawn = lesson09.show_strips('a "b"\nc', {"cell": np.linspace(-1, 1, 7)}, caption="x", alt="y", width=4)
    for symbol in ("a", "b", "c", "↵"):
        assert re.search(rf">{symbol}</", drawn.svg)
    assert "#0063a6" in drawn.svg or "--dls-blue" in drawn.svg or "fill:" in drawn.svg
    with pytest.raises(ValueError, match="expected 2 numbers for 'cell', got 3"):
        lesson09.show_strips("ab", {"cell": np.ones(3)}, caption="x", alt="y")


def test_every_rung_is_timed_in_every_turn() -> None:
    calls = {"a": 0, "b": 0}

    def rung(name: str):
        def call():
            calls[name] += 1
            return torch.ones(3, requires_grad=True) * 2

        return call

    work = lesson09.time_rungs({name: rung(name) for name in calls}, 3, rules=Rules(retries=0))
    shares = []
    while True:
        try:
            shares.append(next(work))
        except StopIteration as end:
            times = end.value
            break
    assert shares == [pytest.approx(1 / 3), pytest.approx(2 / 3), 1.0]
    assert calls == {"a": 6, "b": 6}
    assert all(t["forward"] > 0 and 0 < t["both"] < 1e3 for t in times.values())
    assert lesson09.show_rungs(times).alt.startswith("Bars of time. a: ")


def test_attention_is_drawn_with_its_symbols() -> None:
    weights = np.eye(2, 4)
    drawn = lesson09.show_attention("3 May", "19", np.pad(weights, ((0, 3), (0, 2))))
    assert drawn.alt.endswith("1 at '3'; 9 at ' '.")


def test_errors_are_drawn_a_curve_a_seed_and_described() -> None:
    runs = [
        {"kind": kind, "length": length, "seed": seed, "curve": [[50, 0.17], [100, 0.1 / (seed + 1)]]}
        for kind in ("RNN", "LSTM")
        for length in (20, 50)
        for seed in range(2)
    ]
    drawn = lesson09.show_errors(runs)
    assert "RNN over 20 steps ends at 0.100, 0.050" in drawn.alt
    assert "50 steps" in drawn.svg


def test_presets_are_settings_of_the_explorer_and_an_unknown_one_is_named() -> None:
    for title, view, *rows in PRESETS:
        figure = GateExplorer(title)
        assert figure.view == view
        assert [figure.proposals, figure.inputs, figure.forgets, figure.outputs] == [list(row) for row in rows]
        assert all(len(row) == STEPS for row in rows)
    with pytest.raises(ValueError, match=r"expected one of Remember, Forget, .*; got 'Reset'"):
        GateExplorer("Reset")


def test_the_opening_picture_describes_itself() -> None:
    svg = (content_root() / "lessons" / "images" / "09_cell.svg").read_text(encoding="utf-8")
    assert '<title id="t">One step of an LSTM' in svg
    for symbol in ("f", "i", "g", "o", "tanh"):
        assert f">{symbol}</text>" in svg
