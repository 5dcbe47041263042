"""The network taken apart, against torch's autograd: every array, and every number as the sum of what it is made of."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from dlstudy.lessons.lesson03.backprop_stepper import BackpropStepper
from dlstudy.lessons.lesson03.backprop_stepper_numbers import (
    LABELS,
    ORDER,
    PARAMETERS,
    PRESETS,
    SCRIPT,
    X,
    compute,
    explain,
    made_of,
    parameters_of,
)

RNG = np.random.default_rng(7)


def random_parameters(n_in=2, hidden=4, out=2):
    return {
        "W1": RNG.normal(size=(hidden, n_in)), "b1": RNG.normal(size=hidden),
        "W2": RNG.normal(size=(out, hidden)), "b2": RNG.normal(size=out),
    }  # fmt: skip


def by_torch(x, labels, parameters):
    leaves = {name: torch.tensor(parameters[name], requires_grad=True) for name in PARAMETERS}
    z = torch.nn.functional.linear(torch.tensor(x), leaves["W1"], leaves["b1"])
    h = z.relu()
    s = torch.nn.functional.linear(h, leaves["W2"], leaves["b2"])
    loss = torch.nn.functional.cross_entropy(s, torch.tensor(labels))
    for value in (z, h, s):
        value.retain_grad()
    loss.backward()
    found = {"z": z, "h": h, "s": s, "p": s.softmax(1), "L": loss}
    found = {name: value.detach().numpy() for name, value in found.items()}
    grads = {"g_z": z, "g_h": h, "g_s": s, **{f"g_{name}": leaf for name, leaf in leaves.items()}}
    return found | {name: value.grad.numpy() for name, value in grads.items()}


SETTINGS = [(X, LABELS, parameters_of(preset)) for preset in PRESETS] + [
    (RNG.normal(size=(5, 3)), RNG.integers(0, 4, size=5), random_parameters(3, 6, 4)),
    (RNG.normal(size=(1, 2)), np.array([1]), random_parameters()),
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_array_is_torchs(setting):
    arrays = compute(*setting)
    for name, value in by_torch(*setting).items():
        np.testing.assert_allclose(arrays[name], value, rtol=1e-12, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_number_is_the_sum_of_what_it_is_made_of(setting):
    x, labels, parameters = setting
    arrays = compute(x, labels, parameters)
    for name in ORDER:
        for place in np.ndindex(*arrays[name].shape):
            terms, sources, words = made_of(name, place, arrays, labels)
            assert sum(terms) == pytest.approx(arrays[name][place], rel=1e-12, abs=1e-15), (name, place)
            assert words.startswith(name)
            for source, spot in sources:
                arrays[source][spot]  # exists
                assert ORDER.index(source) < ORDER.index(name), "a number is made of what was known before it"


def test_sources_are_all_that_matters_and_nothing_else():
    """Nudge each number of the weights' gradients' sources; others may not be named."""
    arrays = compute(X, LABELS, parameters_of("usual"))
    _, sources, _ = made_of("g_W2", (1, 2), arrays, LABELS)
    assert sorted(sources) == sorted([("g_s", (n, 1)) for n in range(3)] + [("h", (n, 2)) for n in range(3)])
    _, sources, _ = made_of("z", (2, 3), arrays, LABELS)
    assert sorted(sources) == sorted([("x", (2, 0)), ("x", (2, 1)), ("W1", (3, 0)), ("W1", (3, 1)), ("b1", (3,))])
    _, sources, _ = made_of("g_h", (0, 1), arrays, LABELS)
    assert sorted(sources) == sorted([("g_s", (0, 0)), ("g_s", (0, 1)), ("W2", (0, 1)), ("W2", (1, 1))])


def test_sentences_hold_the_numbers():
    arrays = compute(X, LABELS, parameters_of("usual"))
    _, _, words = made_of("z", (0, 1), arrays, LABELS)
    sum_, result = words.removeprefix("z[0, 1] = ").split(" = ")
    sum_ = sum_.replace("·", "*").replace("−", "-")
    assert eval(sum_) == pytest.approx(1 * -0.4 + 2 * 0.8 - 0.1)
    assert float(result.replace("−", "-")) == pytest.approx(1.1)


def test_presets_do_what_they_say():
    dead = compute(X, LABELS, parameters_of("dead"))
    assert not dead["g_W1"][3].any()
    assert not dead["g_b1"][3]
    assert dead["g_W1"][:3].any()
    alike = compute(X, LABELS, parameters_of("alike"))
    assert alike["g_W1"].any()
    assert (alike["g_W1"] == alike["g_W1"][0]).all()
    zero = compute(X, LABELS, parameters_of("zero-on-top"))
    assert not zero["g_W1"].any()
    assert zero["g_W2"].any()
    sure = compute(X, LABELS, parameters_of("sure"))
    assert 0.33 < np.abs(sure["g_s"]).max() < 1 / 3
    assert sure["L"] > 3


def test_explanation_is_complete_and_json():
    shown = explain(parameters_of("usual"), "A note.")
    json.dumps(shown, allow_nan=False)
    assert {name for step in shown["steps"] for name in step["known"]} == set(ORDER) == set(shown["tables"])
    assert len(shown["steps"]) == len(SCRIPT)
    for name, table in shown["tables"].items():
        count = sum(map(len, table["rows"]))
        assert count == len(table["words"]) == len(table["from"]), name
        for sources in table["from"]:
            for source, place in sources:
                assert 0 <= place < sum(map(len, shown["tables"][source]["rows"]))
    assert shown["steps"][0]["words"].endswith("A note.")
    assert re.search(r"\b[1-9] of 12 places are off", shown["steps"][2]["words"])


class TestWidget:
    def test_steps_downhill_are_torchs_sgd(self):
        figure = BackpropStepper(rate=0.3)
        leaves = [torch.tensor(parameters_of("usual")[name], requires_grad=True) for name in PARAMETERS]
        optimizer, losses = torch.optim.SGD(leaves, lr=0.3), []
        for _ in range(4):
            h = torch.nn.functional.linear(torch.tensor(X), leaves[0], leaves[1]).relu()
            s = torch.nn.functional.linear(h, leaves[2], leaves[3])
            loss = torch.nn.functional.cross_entropy(s, torch.tensor(LABELS))
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        figure.descents = 1
        figure.descents = 3
        assert figure.losses == pytest.approx(losses, rel=1e-12)
        assert "3 steps" in figure.shown["steps"][0]["words"]
        figure.descents = 0
        assert figure.losses == pytest.approx(losses[:1])
        figure.descents = 2
        assert figure.losses == pytest.approx(losses[:3])

    def test_preset_begins_anew_and_step_stays_inside(self):
        figure = BackpropStepper()
        figure.step = 99
        assert figure.step == len(SCRIPT) - 1
        figure.descents = 2
        figure.preset = "dead"
        assert (figure.step, figure.descents, len(figure.losses)) == (0, 0, 1)
        assert PRESETS["dead"][1] in figure.shown["steps"][0]["words"]
        figure.preset = "nothing"
        assert figure.preset == "dead"
        with pytest.raises(ValueError, match="got 'nothing'"):
            BackpropStepper("nothing")
