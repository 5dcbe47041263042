"""The two character networks: their parts, their losses, and that the command writes what it says."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dlstudy.data import text as texts
from dlstudy.lessons.lesson08 import characters
from dlstudy.lessons.lesson08.characters import CharacterRNN
from tests.proofs import note


def test_the_network_is_an_embedding_a_recurrent_layer_and_a_head() -> None:
    torch.manual_seed(0)
    model = CharacterRNN(symbols=9, labels=4, units=6, width=5).double()
    theirs = torch.nn.RNN(5, 6, batch_first=True).double()
    theirs.load_state_dict(model.rnn.state_dict())
    ids, state = torch.randint(9, (3, 7)), torch.randn(1, 3, 6, dtype=torch.float64)
    states, last = theirs(model.embedding.weight[ids], state)
    scores, ours = model(ids, state)
    torch.testing.assert_close(scores, states @ model.head.weight.T + model.head.bias)
    torch.testing.assert_close(ours, last)


def test_scores_are_taken_after_the_last_letter() -> None:
    scores, lengths = torch.randn(3, 5, 2), torch.tensor([5, 1, 3])
    expected = torch.stack([scores[0, 4], scores[1, 0], scores[2, 2]])
    assert torch.equal(characters.last_scores(scores, lengths), expected)


def test_the_rate_falls_from_its_most_to_nothing() -> None:
    rates = [characters.rate(step, 100, 0.5) for step in range(101)]
    assert rates[0] == 0.5
    assert rates == sorted(rates, reverse=True)
    assert rates[50] == pytest.approx(0.5 * np.cos(np.pi / 4))
    assert rates[100] == pytest.approx(0, abs=1e-12)


def test_a_step_is_one_of_the_given_rate_along_a_clipped_gradient() -> None:
    model = torch.nn.Linear(3, 1, bias=False)
    before = model.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), 9.0)
    characters.take_step(model, optimizer, 100 * model(torch.tensor([1.0, 2, 2])).sum(), 0.25)
    torch.testing.assert_close(before - model.weight.detach(), 0.25 * torch.tensor([[1.0, 2, 2]]) / 3)


def test_the_manual_is_cut_in_three_in_its_order() -> None:
    parts = characters.manual_parts()
    whole = texts.python_manual()
    assert parts["train"] + parts["val"] + parts["test"] == whole
    assert [round(len(part) / len(whole), 2) for part in parts.values()] == [0.9, 0.05, 0.05]


def test_the_loss_of_a_stream_is_the_mean_over_its_characters() -> None:
    torch.manual_seed(1)
    model = CharacterRNN(symbols=6, labels=6, units=5, width=3)
    tokens = np.random.default_rng(0).integers(0, 6, 61)
    total = 0.0
    for strip in range(4):  # (61 - 1) / 4 = 15 characters each
        ids = torch.from_numpy(tokens[strip * 15 : strip * 15 + 16])
        log_p = model(ids[None, :-1])[0][0].log_softmax(1)
        total -= log_p[torch.arange(15), ids[1:]].sum().item()
    assert characters.stream_loss(model, tokens, strips=4) == pytest.approx(total / 60, rel=1e-5)


@pytest.mark.proof
@pytest.mark.slow
def test_a_few_steps_learn_and_tell_how_far_they_are() -> None:
    shares: list[float] = []
    _, log = characters.finished(characters.train_manual(0, steps=250, units=32), shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert [step for step, _ in log] == [250]
    assert log[0][1] < 3.0  # what knows nothing is at 4.6; what knows the letters' frequencies at 3.3
    words, accuracies = characters.finished(characters.train_languages(0, epochs=1, units=48), lambda share: None)
    note(loss=log[0][1], accuracy=accuracies[0][1])
    assert accuracies[0][1] > 0.35
    assert characters.on_test("languages", words) == pytest.approx(accuracies[0][1], abs=0.08)


def test_what_is_written_can_be_read_and_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def quick(seed: int):
        torch.manual_seed(seed)
        yield 0.5
        return CharacterRNN(len(characters.language_symbols()), 10, units=8), [[1, 0.1 * seed]]

    monkeypatch.setattr(characters, "train_languages", quick)
    said: list[str] = []
    file = characters.write("languages", [4, 5], tmp_path, said.append)
    note = json.loads((tmp_path / "languages.json").read_text(encoding="utf-8"))
    assert note["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert note["log"] == {"4": [[1, 0.4]], "5": [[1, 0.5]]}
    assert (note["seed"], note["bytes"]) == (4, file.stat().st_size)
    torch.manual_seed(4)
    expected = CharacterRNN(len(characters.language_symbols()), 10, units=8)
    for key, value in load_file(str(file)).items():
        assert torch.equal(value, expected.state_dict()[key])
    assert set(note["test"]) == {"4", "5"}
    assert said[0] == "languages, seed 4"
