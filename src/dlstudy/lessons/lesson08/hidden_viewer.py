"""What a small recurrent network carries in its state while it reads text that the learner types, and what it says."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import traitlets
from jaxtyping import Float

from dlstudy.figures.widget import Figure, module, stylesheet

MOST_LETTERS = 40
NETWORKS: dict[str, tuple[str, str, str]] = {
    "languages": ("words of ten languages", "gebouwen", "the language of the word"),
    "manual": ("Python's manual", "The value of the expres", "the next character"),
}
"""The networks that ship with the course: a title for the menu, a text to begin with, what it says after each
letter."""
_LIKELIEST = 10


@dataclass(frozen=True, eq=False)
class CharacterNetwork:
    """A character RNN in NumPy, with weights that `python -m dlstudy.lessons.lesson08.characters` made.

    embedding: (V, E), a row for each of `symbols`. weight_ih: (H, E); weight_hh: (H, H); bias: (H,), the sum of both.
    head: (K, H) and head_bias: (K,), scores for each of `labels`. Proven equal to `torch.nn.RNN`, with an embedding
    before it and a linear layer behind it.
    """

    symbols: tuple[str, ...]
    labels: tuple[str, ...]
    embedding: Float[np.ndarray, "V E"]
    weight_ih: Float[np.ndarray, "H E"]
    weight_hh: Float[np.ndarray, "H H"]
    bias: Float[np.ndarray, " H"]
    head: Float[np.ndarray, "K H"]
    head_bias: Float[np.ndarray, " K"]

    @classmethod
    def read(cls, name: str) -> CharacterNetwork:
        """Return one of the `NETWORKS`; raises ValueError when its file is not the one that its note describes."""
        from safetensors.numpy import load

        note = facts(name)
        data = _folder().joinpath(f"{name}.safetensors").read_bytes()
        if (digest := hashlib.sha256(data).hexdigest()) != note["sha256"]:
            raise ValueError(f"expected {name}.safetensors with sha256 {note['sha256'][:12]}..., got {digest[:12]}...")
        tensors = {key: value.astype(np.float64) for key, value in load(data).items()}
        return cls(
            symbols=tuple(note["symbols"]),
            labels=tuple(note["labels"]),
            embedding=tensors["embedding.weight"],
            weight_ih=tensors["rnn.weight_ih_l0"],
            weight_hh=tensors["rnn.weight_hh_l0"],
            bias=tensors["rnn.bias_ih_l0"] + tensors["rnn.bias_hh_l0"],
            head=tensors["head.weight"],
            head_bias=tensors["head.bias"],
        )

    def knows(self, letter: str) -> bool:
        """Whether the network has a row for this letter."""
        return letter in self.symbols

    def drives(self, text: str) -> Float[np.ndarray, "T H"]:
        """Return what each letter adds to the units, biases included; an unknown letter adds the biases only."""
        rows = np.zeros((len(text), self.embedding.shape[1]))
        for t, letter in enumerate(text):
            if self.knows(letter):
                rows[t] = self.embedding[self.symbols.index(letter)]
        return rows @ self.weight_ih.T + self.bias

    def states(self, text: str) -> Float[np.ndarray, "T H"]:
        """Return the state after every letter."""
        h, states = np.zeros(len(self.weight_hh)), []
        for x in self.drives(text):
            h = np.tanh(x + self.weight_hh @ h)
            states.append(h)
        return np.array(states).reshape(len(text), len(self.weight_hh))

    def guesses(self, states: Float[np.ndarray, "T H"]) -> Float[np.ndarray, "T K"]:
        """Return the probability of each of `labels` after every state."""
        scores = states @ self.head.T + self.head_bias
        scores = np.exp(scores - scores.max(1, keepdims=True))
        return scores / scores.sum(1, keepdims=True)


def facts(name: str) -> dict[str, Any]:
    """Return what is known of a network that ships: how it was made, of what, how well it does, its hash."""
    if name not in NETWORKS:
        raise ValueError(f"expected one of {', '.join(NETWORKS)}; got {name!r}")
    return dict(json.loads(_folder().joinpath(f"{name}.json").read_text(encoding="utf-8")))


def weights_file(name: str) -> Any:
    """Return where the weights of a network lie, a path for `safetensors.torch.load_file`."""
    return _folder().joinpath(f"{name}.safetensors")


def _folder() -> Any:
    return Path(__file__).with_name("trained")


@cache
def _network(name: str) -> CharacterNetwork:
    return CharacterNetwork.read(name)


class HiddenViewer(Figure):
    """Show the state of a trained character RNN after every letter of a typed text, and what it says there.

    The traits `network` (one of `NETWORKS`), `text` (at most 40 characters), `at` (a letter) and `unit` can be
    set from either side; `report` is computed from them.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    networks = traitlets.List().tag(sync=True)
    network = traitlets.Unicode("languages").tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)
    at = traitlets.Int(0, min=0).tag(sync=True)
    unit = traitlets.Int(0, min=0).tag(sync=True)
    report = traitlets.Dict().tag(sync=True)

    def __init__(self, network: str = "languages", text: str = "") -> None:
        if network not in NETWORKS:
            raise ValueError(f"expected one of {', '.join(NETWORKS)}; got {network!r}")
        text = text or NETWORKS[network][1]
        super().__init__(
            networks=[[key, title, start] for key, (title, start, _) in NETWORKS.items()],
            network=network,
            text=text,
            at=len(text) - 1,
        )
        self._read()
        self.observe(self._read, ["network", "text"])

    def _read(self, change: Any = None) -> None:
        network = _network(self.network)
        text = self.text[:MOST_LETTERS]
        if self.network == "languages":
            text = text.lower()
        states = network.states(text)
        chances = network.guesses(states)
        guesses = []
        for row in chances:
            order = np.argsort(-row, kind="stable")[:_LIKELIEST]
            chosen = range(len(row)) if len(row) <= _LIKELIEST else order
            guesses.append([[network.labels[k], round(float(row[k]), 4)] for k in chosen])
        self.report = {
            "letters": list(text),
            "unknown": [t for t, letter in enumerate(text) if not network.knows(letter)],
            "states": [[round(float(v), 3) for v in row] for row in states],
            "guesses": guesses,
            "asks": NETWORKS[self.network][2],
            "units": len(network.weight_hh),
        }
