"""What lesson 10 draws, measures and carries with it is right: counts, packed weights, the proof, the checkpoint."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dlstudy.course.content.paths import content_root
from dlstudy.data import text
from dlstudy.layers import attention
from dlstudy.lessons import lesson10
from dlstudy.lessons.lesson10.attention_inspector import AttentionInspector, Reading
from dlstudy.lessons.lesson10.mask_painter import PRESETS, WORDS, MaskPainter
from dlstudy.models.gpt import GPT
from dlstudy.training.language_model import evaluate
from tests.proofs import note

RECORDED = content_root() / "exercises" / "10" / "recorded"


# ---- counting and packing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_the_loss_of_counting_is_that_of_counting(reach: int) -> None:
    rng = np.random.default_rng(reach)
    train, val = rng.integers(0, 5, 400), rng.integers(0, 5, 60)
    counts: dict[tuple[int, ...], np.ndarray] = {}
    for i in range(reach, len(train)):
        counts.setdefault(tuple(train[i - reach : i]), np.full(5, 0.1))[train[i]] += 1
    losses = []
    for i in range(reach, len(val)):
        row = counts.get(tuple(val[i - reach : i]), np.full(5, 0.1))
        losses.append(-math.log(row[val[i]] / row.sum()))
    assert lesson10.counting_loss(train, val, 5, reach) == pytest.approx(np.mean(losses), rel=1e-5)


def test_who_counts_further_than_two_is_told_so() -> None:
    with pytest.raises(ValueError, match="reach of 0, 1 or 2, got 3"):
        lesson10.counting_loss(np.arange(9), np.arange(9), 9, 3)


# ---- the proof -------------------------------------------------------------------------------------------------------


def test_the_proof_compares_every_part_and_would_see_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {row["part"]: row for row in lesson10.proof(seed=1)}
    assert list(rows) == ["scaled_dot_product_attention", "MultiHeadAttention", "EncoderLayer", "DecoderLayer"]
    assert all(row["cases"] == 4 for row in rows.values())
    assert max(max(row["value error"], row["gradient error"]) for row in rows.values()) < 1e-11
    right = attention.MultiHeadAttention.split
    woven = lambda self, x: x.reshape(x.shape[0], self.num_heads, x.shape[1], -1)  # noqa: E731 - heads not transposed
    monkeypatch.setattr(attention.MultiHeadAttention, "split", woven)
    wrong = {row["part"]: row for row in lesson10.proof(seed=1)}
    assert wrong["scaled_dot_product_attention"]["value error"] < 1e-11
    assert min(wrong[name]["value error"] for name in list(rows)[1:]) > 1e-3
    monkeypatch.setattr(attention.MultiHeadAttention, "split", right)
    assert all(0.05 < row["time, ours / torch"] < 20 for row in rows.values())


def test_the_recorded_proof_says_what_was_compared_and_how_to_do_it_again() -> None:
    record = json.loads((RECORDED / "parity.json").read_text(encoding="utf-8"))
    assert [row["model"] for row in record["rows"]] == ["GPT", "BERT"]
    assert max(max(row["value error"], row["gradient error"]) for row in record["rows"]) < 1e-11
    words = lesson10.recorded_proof(RECORDED)
    for part in (record["command"], record["date"], f"transformers {record['versions']['transformers']}", "| GPT |"):
        assert part in words


@pytest.mark.proof
@pytest.mark.slow
def test_the_recorded_proof_can_be_done_again() -> None:
    from tests.lessons.lesson10 import record_parity as record_lesson10

    record = json.loads((RECORDED / "parity.json").read_text(encoding="utf-8"))
    again = record_lesson10.record()
    assert again["command"] == record["command"]
    note(largest_error=max(max(row["value error"], row["gradient error"]) for row in again["rows"]))
    for new, old in zip(again["rows"], record["rows"], strict=True):
        assert max(new["value error"], new["gradient error"]) < 1e-11
        errors = ("value error", "gradient error")
        assert [v for k, v in new.items() if k not in errors] == [v for k, v in old.items() if k not in errors]


# ---- the checkpoint --------------------------------------------------------------------------------------------------


def test_the_checkpoint_is_the_one_of_its_record_and_has_its_loss() -> None:
    model, record = lesson10.checkpoint(RECORDED)
    assert (RECORDED / "manual.safetensors").stat().st_size < 2_000_000
    assert record["log"][0][0] == 0
    assert record["log"][-1][0] == record["training"]["steps"]
    manual = text.python_manual()

    if hashlib.sha256(manual.encode()).hexdigest() != record["data"]["sha256"]:
        pytest.skip("this Python has another manual")
    tokens = text.Vocabulary(record["alphabet"]).encode(manual)
    loss = evaluate(model, tokens[len(tokens) * 9 // 10 :], 64, windows=record["training"]["evaluation_windows"])
    assert loss == pytest.approx(record["log"][-1][1], abs=2e-3)


def test_other_weights_than_those_of_the_record_are_refused(tmp_path: Path) -> None:
    for name in ("manual.json", "manual.safetensors"):
        shutil.copy(RECORDED / name, tmp_path / name)
    content = bytearray((tmp_path / "manual.safetensors").read_bytes())
    content[-5] ^= 1
    (tmp_path / "manual.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"manual.safetensors is not the file that .*manual.json describes"):
        lesson10.checkpoint(tmp_path)


def test_the_inspector_shows_what_the_model_computes_and_leaves_out_what_it_does_not_know() -> None:
    torch.manual_seed(0)
    alphabet = list("abcd e")
    model = GPT(len(alphabet), 12, 8, 2, 2).eval()
    for p in model.parameters():
        nn.init.normal_(p, std=0.5)
    figure = lesson10.inspector(model, alphabet)
    figure.text = "ab ☃dé"
    assert figure.reading["tokens"] == list("ab d")
    assert figure.reading["note"] == "Not in the manual, so left out: é ☃"
    with torch.no_grad(), attention.attention_maps(model) as maps:
        logits = model(torch.tensor([[0, 1, 4, 3]]))[0]

    shown = np.frombuffer(base64.b64decode(figure.reading["weights"]), np.uint8).reshape(2, 2, 4, 4) / 255
    expected = np.stack([maps[f"blocks.{n}.attention"][0][0].numpy() for n in range(2)])
    np.testing.assert_allclose(shown, expected, atol=0.5 / 255 + 1e-6)
    best, chance = figure.reading["guesses"][3][0]
    assert best == alphabet[logits[3].argmax()]
    assert chance == pytest.approx(logits[3].softmax(0).max().item(), rel=1e-5)
    figure.text = "☃"
    assert figure.reading["tokens"] == []
    figure.text = "a" * 99
    assert len(figure.reading["tokens"]) == 12, "no more than the model can see"


def test_an_inspector_without_text_asks_for_some() -> None:
    def refuse(text: str) -> Reading:
        raise AssertionError("nobody typed anything")

    assert AttentionInspector(refuse, ["a"], "").reading["note"] == "Type something."


# ---- the mask painter ------------------------------------------------------------------------------------------------


def test_masks_on_offer_are_what_they_are_called() -> None:
    rules = {title: [[rule(i, j) for j in range(8)] for i in range(8)] for title, rule, _ in PRESETS}
    full = {title: torch.tensor(rows) for title, rows in rules.items()}
    causal = attention.causal_mask(8)
    assert torch.equal(full["Causal"], causal)
    assert torch.equal(full["Inverted"], ~causal)
    assert full["Everybody"].all()
    assert torch.equal(full["Padding"], attention.padding_mask(torch.tensor([6]), 8)[0, 0].expand(8, 8))
    assert torch.equal(full["Local"], causal & ~attention.causal_mask(8).tril(-3))
    assert (full["Prefix"] == (causal | (torch.arange(8) < 3))).all()
    assert MaskPainter("Local").mask == full["Local"].int().flatten().tolist()
    with pytest.raises(ValueError, match=r"expected one of Everybody, .*; got 'Diagonal'"):
        MaskPainter("Diagonal")
    with pytest.raises(ValueError, match="expected a word from 0 to 7, got 8"):
        MaskPainter(changed=len(WORDS))


# ---- pictures --------------------------------------------------------------------------------------------------------


def test_every_figure_says_what_it_shows() -> None:
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(3), 2)
    curve = {"largest weight": [0.2, 0.9], "gradient": [1.0, 0.1]}
    runs = {"every": 20, "right": {"1": [[0.1, 0.2], [0.1, 0.3]], "2": [[0.1, 0.9], [0.1, 1.0]]}}
    pictures = [
        lesson10.show_maps(
            {"one": weights, "two": weights}, list("ab"), list("xyz"), caption="Rows: one.", alt="a" * 50, numbers=True
        ),
        lesson10.show_sharpness({"loudness 1": weights[0]}, list("xyz"), "y"),
        lesson10.show_root([4, 16], {"no root": curve, "root of the head": curve}),
        lesson10.show_positions(rng.normal(size=(30, 8))),
        lesson10.show_induction(runs),
        lesson10.show_losses([(0, 4.0), (100, 2.0)], [(0, 4.0), (100, 2.1), (900, 1.5)], {"one by one": 3.1}),
        lesson10.show_sampling({"as it is": weights[0]}, ["a", " ", "\n"]),
    ]  # fmt: skip
    for picture in pictures:
        assert picture.svg.startswith("<svg")
        assert len(picture.alt) > 40
        assert picture.caption.endswith(".")
    assert "Two layers rise steeply to 95 percent, one layer slowly to 25." in pictures[4].alt
    assert "The long run ends at 1.50, that on this page at 2.00" in pictures[5].alt
    with pytest.raises(ValueError, match=r"one: expected weights \(2, 2\), got \(2, 3\)"):
        lesson10.show_maps({"one": weights}, list("ab"), list("xy"), caption="No.", alt="none")


def test_the_record_on_shakespeare_is_told_with_mean_and_deviation(tmp_path: Path) -> None:
    rows = [{"val_loss": loss, "cpu_seconds": 120, "text": "\nROMEO:\nNo more."} for loss in (1.8, 1.9, 1.85)]
    facts = {"cpu": "a fast one", "torch": "2.0", "rows": rows}
    (tmp_path / "shakespeare.json").write_text(json.dumps(facts), encoding="utf-8")
    words = lesson10.shakespeare_record(tmp_path)
    assert "(a fast one, torch 2.0): 1.850 ± 0.050 nats a character" in words
    assert "3 seeds, 2 minutes of CPU each" in words
    assert "reports 1.88 for a model and a schedule of this size; 2 of the 3 get there" in words
    assert "    ROMEO:\n    No more." in words


def test_the_page_shows_what_the_benchmark_measured() -> None:
    shown = content_root() / "exercises" / "10" / "recorded"
    measured = content_root() / "benchmarks" / "results" / "shakespeare.json"
    assert json.loads((shown / "shakespeare.json").read_text()) == json.loads(measured.read_text())
    words = lesson10.shakespeare_record(shown)
    assert "It writes" not in words
    assert "benchmarks" not in words, "a learner has no benchmarks to run"
    assert "mean and standard deviation of 2 seeds" in words


def test_samples_are_shown_as_they_are() -> None:
    shown = lesson10.samples_html({"a <b>": "x < y &\n  z"})
    assert "a &lt;b&gt;" in shown
    assert "x &lt; y &amp;\n  z" in shown
    assert "white-space:pre-wrap" in shown


def test_the_numbers_in_the_opening_picture_are_those_of_a_softmax() -> None:
    picture = (content_root() / "lessons" / "images" / "10_attention.svg").read_text(encoding="utf-8")
    found = {
        name: [
            [float(n) for n in value.replace("−", "-").split(", ")]
            for value in re.findall(rf'data-{name}="1">([^<]+)</text>', picture)
        ]
        for name in ("score", "weight", "value", "out")
    }
    scores, values = (torch.tensor(found[name], dtype=torch.float64) for name in ("score", "value"))
    weights = scores[:, 0].softmax(0)
    assert [round(w, 2) for w in weights.tolist()] == [w for (w,) in found["weight"]]
    assert [round(v, 2) for v in (weights @ values).tolist()] == found["out"][0]
