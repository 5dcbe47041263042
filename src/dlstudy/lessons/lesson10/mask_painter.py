"""The mask painter: paint who may look at whom, and see the weights and what a changed word can change."""

from __future__ import annotations

import numpy as np
import traitlets

from dlstudy.figures.widget import Figure, module, stylesheet

WORDS = ("the", "cat", "that", "ate", "the", "fish", "is", "asleep")
WIDTH = 4

PRESETS = (
    ("Everybody", lambda i, j: True, "an encoder: the whole text is there, and every word may use all of it"),
    ("Causal", lambda i, j: j <= i, "a language model: no word sees what comes after it"),
    ("Local", lambda i, j: i - 2 <= j <= i, "a window of three words: cheap on long texts"),
    ("Prefix", lambda i, j: j < 3 or j <= i, "three words of a prompt, seen by all, then one word after the other"),
    ("Padding", lambda i, j: j < 6, "the last two places are filling: nobody looks at them"),
    ("Inverted", lambda i, j: j > i, "a mistake: True and False changed places"),
)
"""Masks to begin with: a title, who may look at whom (a function of the two positions), and what it is good for."""


class MaskPainter(Figure):
    """Show a square of who may look at whom, to be painted on, with the softmax of each row and the words it reaches.

    Args:
        preset: one of the titles in `PRESETS`.
        layers: how many layers of attention, 1 to 3, stand on top of each other.
        changed: the number of the word that is exchanged for another one, to see which outputs change.

    Every word is a vector of 4 numbers; queries, keys and values are products with three fixed matrices, the same in
    each layer, and a layer's output is its input plus what attention fetched. The traits `mask` (64 numbers, 1 for
    "may look"), `layers`, `changed` and `row` (whose weights are spelled out) can be set from either side.
    What is worked out in the browser is `softmax(mask(q k / sqrt(4))) v`; tests compare it with PyTorch.
    """

    _esm = module(__file__, "drawing")
    _css = stylesheet(__file__)

    words = traitlets.List(traitlets.Unicode()).tag(sync=True)
    vectors = traitlets.List().tag(sync=True)
    other = traitlets.List().tag(sync=True)
    matrices = traitlets.List().tag(sync=True)
    presets = traitlets.List().tag(sync=True)
    mask = traitlets.List(traitlets.Int(min=0, max=1)).tag(sync=True)
    layers = traitlets.Int(1, min=1, max=3).tag(sync=True)
    changed = traitlets.Int(1, min=0).tag(sync=True)
    row = traitlets.Int(3, min=0).tag(sync=True)

    def __init__(self, preset: str = "Causal", *, layers: int = 1, changed: int = 1) -> None:
        n = len(WORDS)
        known = {title: [int(rule(i, j)) for i in range(n) for j in range(n)] for title, rule, _ in PRESETS}
        if preset not in known:
            raise ValueError(f"expected one of {', '.join(known)}; got {preset!r}")
        if not 0 <= changed < n:
            raise ValueError(f"expected a word from 0 to {n - 1}, got {changed}")
        vectors, other, matrices = numbers()
        super().__init__(
            words=list(WORDS),
            vectors=vectors.tolist(),
            other=other.tolist(),
            matrices=matrices.tolist(),
            presets=[[title, known[title], words] for title, _, words in PRESETS],
            mask=known[preset],
            layers=layers,
            changed=changed,
        )


def numbers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the words' vectors (8, 4), the vector of the word that comes in another's place (4,), and (wq, wk, wv)."""
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(len(WORDS), WIDTH)) + 0.4 * np.sin(np.arange(len(WORDS)))[:, None]
    other = rng.normal(size=WIDTH)
    matrices = rng.normal(size=(3, WIDTH, WIDTH)) * np.array([0.9, 0.9, 0.5])[:, None, None]
    return vectors.round(3), other.round(3), matrices.round(3)
