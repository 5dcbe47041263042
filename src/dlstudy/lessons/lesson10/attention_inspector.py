"""The attention inspector: type a text, pick a layer and a head, and see what each token looks at."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets
from jaxtyping import Float

from dlstudy.figures.widget import Figure, module, stylesheet

SHOWN = 5  # guesses at each token


@dataclass(frozen=True)
class Reading:
    """What a model made of a text: its tokens (T), its weights (layers, heads, T, T) and chances (T, V) of what comes.

    `note` is a sentence about the text that was read, where it is not quite the one that was typed.
    """

    tokens: Sequence[str]
    weights: Float[np.ndarray, "layers heads T T"]
    chances: Float[np.ndarray, "T V"]
    note: str = ""


class AttentionInspector(Figure):
    """Show what every token of a typed text looks at, in one head of one layer, and what the model expects next.

    Args:
        read: a function of a text that returns a `Reading`.
        vocabulary: the V tokens as texts, for the guesses.
        text: the text to begin with.
        longest: how many characters can be typed.
        examples: pairs of a title and a text, offered in a menu.

    The traits `text`, `layer`, `head` and `token` (whose weights are shown) can be set from either side;
    `reading` holds tokens, weights (as bytes, 255 for 1, in base64) and guesses.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    text = traitlets.Unicode().tag(sync=True)
    layer = traitlets.Int(0, min=0).tag(sync=True)
    head = traitlets.Int(0, min=0).tag(sync=True)
    token = traitlets.Int(0, min=0).tag(sync=True)
    longest = traitlets.Int(64).tag(sync=True)
    examples = traitlets.List().tag(sync=True)
    reading = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        read: Callable[[str], Reading],
        vocabulary: Sequence[str],
        text: str,
        *,
        longest: int = 64,
        examples: Sequence[tuple[str, str]] = (),
        layer: int = 0,
        head: int = 0,
    ) -> None:
        self._read, self._vocabulary = read, list(vocabulary)
        super().__init__(text=text, longest=longest, examples=[list(pair) for pair in examples], layer=layer, head=head)
        self._update()
        self.token = max(len(self.reading["tokens"]) - 1, 0)
        self.observe(self._update, names=["text"])

    def _update(self, change: Any = None) -> None:
        """Let the model read what is typed."""
        text = self.text[: self.longest]
        if not text:
            self.reading = {
                "tokens": [],
                "weights": "",
                "layers": 0,
                "heads": 0,
                "guesses": [],
                "note": "Type something.",
            }
            return
        found = self._read(text)
        layers, heads, length, _ = found.weights.shape
        best = np.argsort(-found.chances, axis=1)[:, :SHOWN]
        guesses = [[[self._vocabulary[v], float(found.chances[t, v])] for v in best[t].tolist()] for t in range(length)]
        packed = np.round(255 * np.asarray(found.weights, np.float64).clip(0, 1)).astype(np.uint8)
        self.reading = {
            "tokens": list(found.tokens),
            "weights": base64.b64encode(packed.tobytes()).decode(),
            "layers": layers,
            "heads": heads,
            "guesses": guesses,
            "note": found.note,
        }
