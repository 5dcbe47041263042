"""Gradient through time: how much the state after one letter still depends on the state at an earlier one."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import traitlets
from jaxtyping import Float

from dlstudy.figures.widget import Figure, module, stylesheet

MOST_LETTERS = 24
KINDS: dict[str, tuple[str, str]] = {
    "random": ("random numbers", "16 units, every weight drawn at random, then scaled."),
    "rotation": ("a rotation", "16 units. A rotation times the scale: all singular values are equal to it."),
    "sheared": ("two units, sheared", "Two units, [[scale, 5], [0, scale]]: unit 2 shouts at unit 1."),
    "trained": ("trained on words", "The network that tells ten languages apart; the scale multiplies its matrix."),
}  # fmt: skip
"""Recurrent matrices on offer: a word for the menu, and what to say about it."""
_UNITS = 16


def recurrent_matrix(kind: str, scale: float) -> Float[np.ndarray, "H H"]:
    """Return a recurrent matrix of one of the `KINDS` that can be made, of spectral radius `scale`.

    Raises ValueError for another kind.
    """
    rng = np.random.default_rng(3)
    if kind == "random":
        matrix = rng.normal(size=(_UNITS, _UNITS))
        return matrix * (scale / np.abs(np.linalg.eigvals(matrix)).max())
    if kind == "rotation":
        turned, upper = np.linalg.qr(rng.normal(size=(_UNITS, _UNITS)))
        return turned * np.sign(np.diag(upper)) * scale
    if kind == "sheared":
        return np.array([[scale, 5.0], [0.0, scale]])
    raise ValueError(f"expected random, rotation or sheared; got {kind!r}")


def drives(text: str, units: int, loudness: float) -> Float[np.ndarray, "T H"]:
    """Return what each letter adds to the units: a random vector for each letter, the same wherever it stands."""
    vectors = [np.random.default_rng(ord(letter)).normal(size=units) for letter in text]
    return loudness * np.array(vectors).reshape(len(text), units)


def run(
    matrix: Float[np.ndarray, "H H"], inputs: Float[np.ndarray, "T H"], bent: bool
) -> tuple[Float[np.ndarray, "T H"], Float[np.ndarray, "T H"]]:
    """Return the states after every step of h = matrix @ h + input, bent by tanh or not, and the slopes of the bend."""
    h, states = np.zeros(len(matrix)), []
    for x in inputs:
        h = matrix @ h + x
        h = np.tanh(h) if bent else h
        states.append(h)
    all_states = np.array(states).reshape(len(inputs), len(matrix))
    return all_states, 1 - all_states**2 if bent else np.ones_like(all_states)


def jacobian_norms(matrix: Float[np.ndarray, "H H"], slopes: Float[np.ndarray, "T H"]) -> Float[np.ndarray, "T T"]:
    """Return the largest singular value of dh_t / dh_s in row t, column s <= t; 0 above the diagonal.

    dh_t / dh_s is a product of t - s factors diag(slope) @ matrix, the latest on the left.
    """
    steps = len(slopes)
    norms = np.zeros((steps, steps))
    products = np.zeros((0, *matrix.shape))
    for t in range(steps):
        factor = slopes[t][:, None] * matrix
        products = np.concatenate([factor @ products, np.eye(len(matrix))[None]])
        squared = np.linalg.eigvalsh(products.mT @ products)[:, -1]  # three times as fast as all singular values
        norms[t, : t + 1] = np.sqrt(np.maximum(squared, 0))
    return norms


class GradientMap(Figure):
    """Show |dh_t / dh_s| for every pair of letters: choose the recurrent matrix, its scale, the bend and the text.

    The traits `kind` (one of `KINDS`), `scale` (0.1 to 2: spectral radius of what is made, factor of what was
    trained), `bent` (tanh or none), `loudness` (of the letters), `text` and `at` (the pair t, s) can be set
    from either side; `report` is computed from them.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    kinds = traitlets.List().tag(sync=True)
    kind = traitlets.Unicode("random").tag(sync=True)
    scale = traitlets.Float(0.9, min=0.1, max=2.0).tag(sync=True)
    bent = traitlets.Bool(True).tag(sync=True)
    loudness = traitlets.Float(0.5, min=0.0, max=3.0).tag(sync=True)
    text = traitlets.Unicode("learning takes time").tag(sync=True)
    at = traitlets.List(traitlets.Int(), default_value=[0, 0]).tag(sync=True)
    report = traitlets.Dict().tag(sync=True)

    def __init__(self, kind: str = "random", **settings: Any) -> None:
        if kind not in KINDS:
            raise ValueError(f"expected one of {', '.join(KINDS)}; got {kind!r}")
        super().__init__(kinds=[[key, title] for key, (title, _) in KINDS.items()], kind=kind, **settings)
        self._measure()
        self.at = [len(self.report["letters"]) - 1, 0]
        self.observe(self._measure, ["kind", "scale", "bent", "loudness", "text"])

    def _measure(self, change: Any = None) -> None:
        letters = (self.text or "a")[:MOST_LETTERS]
        if self.kind == "trained":
            matrix, inputs = _trained(letters)
            matrix = matrix * self.scale
        else:
            matrix = recurrent_matrix(self.kind, self.scale)
            inputs = drives(letters, len(matrix), self.loudness)
        with np.errstate(over="ignore", invalid="ignore"):
            _, slopes = run(matrix, inputs, self.bent)
            norms = jacobian_norms(matrix, slopes)
        self.report = {
            "letters": list(letters),
            "norms": [[float(norm) for norm in row[: t + 1]] for t, row in enumerate(norms)],
            "sigma": float(np.linalg.svd(matrix, compute_uv=False)[0]),
            "rho": float(np.abs(np.linalg.eigvals(matrix)).max()),
            "slope": float(slopes.mean()),
            "note": KINDS[self.kind][1],
        }


def _trained(letters: str) -> tuple[np.ndarray, np.ndarray]:
    """The trained network's matrix, and what each letter adds to its units."""
    network = _network()
    return network.weight_hh, network.drives(letters)


@cache
def _network() -> Any:
    from dlstudy.lessons.lesson08.hidden_viewer import CharacterNetwork

    return CharacterNetwork.read("languages")
