"""A network of two layers taken apart: every number of its forward and backward pass, and what each is made of.

Nothing here draws. The values come from the arrays themselves, and each number lists the numbers that it was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dlstudy.words import short

Arrays = dict[str, np.ndarray]
Source = tuple[str, tuple[int, ...]]

X = np.array([[1.0, 2.0], [-1.0, 1.0], [2.0, -1.0]])
LABELS = np.array([0, 1, 1])

_USUAL: dict[str, Any] = {
    "W1": [[0.5, -0.2], [-0.4, 0.8], [0.3, 0.6], [-0.7, -0.5]],
    "b1": [0.1, -0.1, 0.0, 0.2],
    "W2": [[0.6, -0.5, 0.4, 0.3], [-0.3, 0.7, 0.2, -0.6]],
    "b2": [0.0, 0.1],
}

PRESETS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "usual": ("A usual start", "Ordinary weights. Some units are off for some examples.", {}),
    "dead": (
        "A dead unit",
        "The last hidden unit is off for all three examples. Nothing comes back through it, so it will never change.",
        {"b1": [0.1, -0.1, 0.0, -3.0]},
    ),
    "alike": (
        "All hidden units alike",
        "The four hidden units have equal weights. What comes back to them is equal, too, so they stay alike for ever.",
        {"W1": [[0.4, 0.3]] * 4, "b1": [0.1] * 4, "W2": [[0.5] * 4, [-0.2] * 4]},
    ),
    "zero-on-top": (
        "Zeros in the last layer",
        "W2 is zero. It gets a gradient, but nothing passes through it: the first layer hears nothing in this step.",
        {"W2": [[0.0] * 4, [0.0] * 4], "b2": [0.0, 0.0]},
    ),
    "sure": (
        "Sure and wrong",
        "The scores lie far apart, mostly on the wrong side. Yet no number of g_s exceeds 1/3, the 1/N of the mean.",
        {"W2": [[-6.0, 5.0, -4.0, 3.0], [3.0, -7.0, 2.0, 6.0]]},
    ),
}
"""Places to start from: a title, what to look for, and the parameters that differ from the usual ones."""

SHAPES = {
    "x": "N × in", "W1": "hidden × in", "b1": "hidden", "z": "N × hidden", "h": "N × hidden", "W2": "out × hidden",
    "b2": "out", "s": "N × out", "p": "N × out", "L": "one number",
}  # fmt: skip
"""Shapes in letters, for the learner."""

ORDER = ("x", "W1", "b1", "W2", "b2", "z", "h", "s", "p", "L", "g_s", "g_W2", "g_b2", "g_h", "g_z", "g_W1", "g_b1")
PARAMETERS = ("W1", "b1", "W2", "b2")


def parameters_of(preset: str) -> Arrays:
    """Return the four parameters of a preset. Raises KeyError for an unknown one."""
    return {name: np.array(value, dtype=float) for name, value in {**_USUAL, **PRESETS[preset][2]}.items()}


def compute(x: np.ndarray, labels: np.ndarray, parameters: Mapping[str, np.ndarray]) -> Arrays:
    """Return every array of the forward and the backward pass of softmax cross-entropy, mean over the batch.

    x (N, in), labels (N,), parameters W1 (hidden, in), b1 (hidden,), W2 (out, hidden), b2 (out,). A gradient has the
    name of its value after `g_`. Proven equal to torch's autograd.
    """
    n = len(x)
    a: Arrays = {"x": x, **{name: np.asarray(parameters[name]) for name in PARAMETERS}}
    a["z"] = x @ a["W1"].T + a["b1"]
    a["h"] = np.maximum(a["z"], 0)
    a["s"] = a["h"] @ a["W2"].T + a["b2"]
    e = np.exp(a["s"] - a["s"].max(axis=1, keepdims=True))
    a["p"] = e / e.sum(axis=1, keepdims=True)
    top = a["s"].max(axis=1)
    a["L"] = np.array((top + np.log(e.sum(axis=1)) - a["s"][np.arange(n), labels]).mean())
    a["g_s"] = (a["p"] - np.eye(a["p"].shape[1])[labels]) / n
    a["g_W2"], a["g_b2"], a["g_h"] = a["g_s"].T @ a["h"], a["g_s"].sum(axis=0), a["g_s"] @ a["W2"]
    a["g_z"] = a["g_h"] * (a["z"] > 0)
    a["g_W1"], a["g_b1"] = a["g_z"].T @ x, a["g_z"].sum(axis=0)
    return a


def made_of(name: str, index: tuple[int, ...], a: Mapping[str, np.ndarray], labels: np.ndarray) -> tuple[
    list[float], list[Source], str
]:  # fmt: skip
    """Say what the number `name[index]` is made of: the terms that add up to it, where they stand, and a sentence.

    For p and L, which are no plain sums, the one term is the value itself.
    """
    value = float(a[name][index])
    call = f"{name}[{', '.join(map(str, index))}]" if index else name
    products = _PRODUCTS.get(name)
    if products:
        pairs, extra = products(index, a)
        terms = [float(a[u][i] * a[v][j]) for (u, i), (v, j) in pairs] + [float(a[u][i]) for u, i in extra]
        texts = [f"{_num(a[u][i])}·{_num(a[v][j])}" for (u, i), (v, j) in pairs] + [_num(a[u][i]) for u, i in extra]
        sources = [place for pair in pairs for place in pair] + list(extra)
        return terms, sources, f"{call} = {' + '.join(texts)} = {short(value, 3)}"
    if name == "h":
        z = float(a["z"][index])
        passed = "positive, so it passes" if z > 0 else "not positive, so the unit is off"
        return [value], [("z", index)], f"{call}: z is {short(z, 3)}, {passed}: {short(value, 3)}"
    if name == "g_z":
        z, g = float(a["z"][index]), float(a["g_h"][index])
        gate = "the gate was open: it passes" if z > 0 else "the gate was shut: nothing passes"
        return [value], [("g_h", index), ("z", index)], f"{call}: {short(g, 3)} arrived, z was {short(z, 3)}, {gate}"
    if name in ("p", "g_s"):
        row = index[0]
        if name == "p":
            scores = ", ".join(short(v, 3) for v in a["s"][row])
            scores_of_row: list[Source] = [("s", (row, k)) for k in range(a["s"].shape[1])]
            return [value], scores_of_row, (
                f"{call}: e to this score, divided by the sum over the row; scores {scores} give {short(value, 3)}"
            )  # fmt: skip
        true = float(labels[row] == index[1])
        n = len(labels)
        terms = [float(a["p"][index]) / n, -true / n]
        return (
            terms,
            [("p", index)],
            f"{call} = (p − y) / N = ({short(a['p'][index], 3)} − {true:.0f}) / {n} = {short(value, 3)}",
        )
    if name == "L":
        picked: list[Source] = [("p", (i, int(k))) for i, k in enumerate(labels)]
        chances = ", ".join(short(a["p"][place], 3) for _, place in picked)
        return [value], picked, f"L: the mean of −log p of the right classes, {chances}: {short(value, 3)}"
    return [value], [], f"{call} is given: {short(value, 3)}"


def _num(value: Any) -> str:
    text = short(float(value), 3)
    return f"({text})" if text.startswith("−") else text


Pairs = tuple[list[tuple[Source, Source]], list[Source]]


def _layer(left: str, weight: str, bias: str) -> Callable[[tuple[int, ...], Mapping[str, np.ndarray]], Pairs]:
    def products(index: tuple[int, ...], a: Mapping[str, np.ndarray]) -> Pairs:
        i, j = index
        return [((left, (i, k)), (weight, (j, k))) for k in range(a[left].shape[1])], [(bias, (j,))]

    return products


def _weights(grad: str, inputs: str) -> Callable[[tuple[int, ...], Mapping[str, np.ndarray]], Pairs]:
    def products(index: tuple[int, ...], a: Mapping[str, np.ndarray]) -> Pairs:
        j, k = index
        return [((grad, (n, j)), (inputs, (n, k))) for n in range(len(a[grad]))], []

    return products


def _bias(grad: str) -> Callable[[tuple[int, ...], Mapping[str, np.ndarray]], Pairs]:
    return lambda index, a: ([], [(grad, (n, index[0])) for n in range(len(a[grad]))])


def _through(grad: str, weight: str) -> Callable[[tuple[int, ...], Mapping[str, np.ndarray]], Pairs]:
    def products(index: tuple[int, ...], a: Mapping[str, np.ndarray]) -> Pairs:
        n, k = index
        return [((grad, (n, j)), (weight, (j, k))) for j in range(a[grad].shape[1])], []

    return products


_PRODUCTS = {
    "z": _layer("x", "W1", "b1"),
    "s": _layer("h", "W2", "b2"),
    "g_W2": _weights("g_s", "h"),
    "g_b2": _bias("g_s"),
    "g_h": _through("g_s", "W2"),
    "g_W1": _weights("g_z", "x"),
    "g_b1": _bias("g_z"),
}

SCRIPT: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("forward", ("x", "W1", "b1", "W2", "b2"), "Three examples of two numbers; all weights are given. {note}"),
    ("forward", ("z",), "z = x W1ᵀ + b1. Each example meets each hidden unit."),
    ("forward", ("h",), "h = relu(z). {off} of {all} places are off."),
    ("forward", ("s",), "s = h W2ᵀ + b2, the scores."),
    ("forward", ("p", "L"), "p = softmax of each row. The loss is the mean surprise at the right classes: {loss}."),
    ("backward", ("g_s",), "g_s = (p − y) / N: the walk back begins. Rows add up to 0. The 1/N enters here only."),
    ("backward", ("g_W2",), "g_W2 from g_s and h, summed over the examples. It has the shape of W2, and stays there."),
    ("backward", ("g_b2",), "g_b2: the bias was used once by each example, so what arrives is added up."),
    ("backward", ("g_h",), "g_h from g_s and W2, summed over the outputs. This goes on, to the left."),
    ("backward", ("g_z",), "g_z: what arrived at h, where z was positive, and 0 where the unit was off."),
    ("backward", ("g_W1",), "g_W1 from g_z and x. The same rule as for W2, one layer further down."),
    ("backward", ("g_b1",), "g_b1, and the walk is over: four gradients, each in the shape of its parameter."),
)  # fmt: skip
"""The passes in steps: the arrays that become known, and what is said about it. {..} is filled in from the numbers."""


def explain(
    parameters: Mapping[str, np.ndarray], note: str = "", x: np.ndarray = X, labels: np.ndarray = LABELS
) -> dict:
    """Return the passes as a JSON-able dict: `tables` (each number, with its sentence and sources) and `steps`.

    `tables[name]` has `rows` of short texts, `shape` (with letters) and, for each number in reading order,
    `words` and `from`: a list of [table, place]. `steps` have `phase`, `known` (names that become known) and
    `words`.
    """
    a = compute(x, labels, parameters)
    tables: dict[str, Any] = {}
    for name in ORDER:
        array = a[name]
        places = list(np.ndindex(*array.shape))
        made = [made_of(name, place, a, labels) for place in places]
        rows = array.reshape(-1, 1) if array.ndim < 2 else array  # a bias stands beside its weight, as a column
        tables[name] = {
            "rows": [[short(v, 2) for v in row] for row in rows],
            "shape": SHAPES[name.removeprefix("g_")],
            "words": [sentence for _, _, sentence in made],
            "from": [[[u, _flat(a[u], place)] for u, place in sources] for _, sources, _ in made],
        }
    tables["p"]["right"] = [int(k) for k in labels]
    fill = {"note": note, "off": int((a["z"] <= 0).sum()), "all": a["z"].size, "loss": short(float(a["L"]), 4)}
    steps = [
        {"phase": phase, "known": list(known), "words": words.format(**fill).strip()} for phase, known, words in SCRIPT
    ]
    return {"tables": tables, "steps": steps, "loss": float(a["L"])}


def _flat(array: np.ndarray, place: Sequence[int]) -> int:
    return int(np.ravel_multi_index(tuple(place), array.shape)) if array.ndim else 0
