"""The hidden-state viewer runs the network that was trained, as torch would; its files are the ones described."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dlstudy.lessons.lesson08 import hidden_viewer as hidden
from dlstudy.lessons.lesson08.hidden_viewer import NETWORKS, CharacterNetwork, HiddenViewer


@pytest.mark.parametrize(("name", "text"), [("languages", "gebouwenß"), ("manual", "The value is not\nNone")])
def test_states_and_guesses_are_those_of_torch(name: str, text: str) -> None:
    network = CharacterNetwork.read(name)
    weights = load_file(str(hidden.weights_file(name)))
    rnn = torch.nn.RNN(weights["rnn.weight_ih_l0"].shape[1], weights["rnn.weight_hh_l0"].shape[0])
    rnn.load_state_dict({key.removeprefix("rnn."): value for key, value in weights.items() if key.startswith("rnn.")})
    known = hidden.facts(name)["symbols"]
    rows = [weights["embedding.weight"][known.index(c)] if c in known else torch.zeros(32) for c in text]
    with torch.no_grad():
        states, _ = rnn(torch.stack(rows))
        chances = (states @ weights["head.weight"].T + weights["head.bias"]).softmax(1)
    np.testing.assert_allclose(network.states(text), states, atol=2e-5)
    np.testing.assert_allclose(network.guesses(network.states(text)), chances, atol=2e-5)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_note_beside_the_weights_says_how_they_were_made(name: str) -> None:
    note = hidden.facts(name)
    assert note["command"].endswith(f"dlstudy.lessons.lesson08.characters {name}")
    assert set(note["log"]) == set(note["test"]) == {"0", "1", "2"}
    assert note["seed"] == 0
    assert {"python", "torch", "numpy"} <= set(note["versions"])
    assert note["bytes"] < 2_000_000
    assert CharacterNetwork.read(name).labels == tuple(note["labels"])
    with pytest.raises(ValueError, match="expected one of languages, manual; got 'other'"):
        hidden.facts("other")


def test_other_weights_than_described_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    data = bytearray(hidden.weights_file("languages").read_bytes())
    data[-1] ^= 1
    (tmp_path / "languages.safetensors").write_bytes(data)
    (tmp_path / "languages.json").write_text(json.dumps(hidden.facts("languages")), encoding="utf-8")
    monkeypatch.setattr(hidden, "_folder", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"expected languages\.safetensors with sha256"):
        CharacterNetwork.read("languages")


def test_it_tells_languages() -> None:
    """Ten words that nobody trained for this test; the network may miss some."""
    network = CharacterNetwork.read("languages")
    words = {
        "gebouwen": "Dutch", "wahrscheinlich": "German", "stazione": "Italian", "niemożliwe": "Polish",
        "tillsammans": "Swedish", "kokoukset": "Finnish", "learning": "English", "schoenen": "Dutch",
    }  # fmt: skip
    right = 0
    for word, language in words.items():
        right += network.labels[int(network.guesses(network.states(word))[-1].argmax())] == language
    assert right >= 6


def test_the_report_follows_what_is_typed() -> None:
    viewer = HiddenViewer()
    assert viewer.report["letters"] == list("gebouwen")
    assert viewer.at == 7
    network = CharacterNetwork.read("languages")
    np.testing.assert_allclose(viewer.report["states"], network.states("gebouwen"), atol=6e-4)
    assert [label for label, _ in viewer.report["guesses"][0]] == list(network.labels)
    viewer.text = "HAUS!"
    assert viewer.report["letters"] == list("haus!")
    assert viewer.report["unknown"] == [4]
    viewer.network, viewer.text = "manual", "the expres"
    manual = CharacterNetwork.read("manual")
    chances = manual.guesses(manual.states("the expres"))[-1]
    best = viewer.report["guesses"][-1]
    assert len(best) == 10
    assert best[0] == [manual.labels[int(chances.argmax())], pytest.approx(float(chances.max()), abs=1e-4)]
    assert [p for _, p in best] == sorted((p for _, p in best), reverse=True)
    viewer.text = ""
    assert viewer.report["states"] == []
    viewer.text = "a" * 99
    assert len(viewer.report["letters"]) == hidden.MOST_LETTERS
    with pytest.raises(ValueError, match="expected one of languages, manual"):
        HiddenViewer("numbers")
