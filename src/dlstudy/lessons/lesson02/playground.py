"""The decision-boundary playground: a small network of dlstudy.scratch learns to part two kinds of points, live."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import traitlets
from jaxtyping import Float, Float32, Int64

from dlstudy.figures.livetraining import LiveTraining
from dlstudy.figures.widget import module, stylesheet

REACH = 1.15  # the picture shows -REACH to REACH in both directions
SIDE = 48  # pixels of the large map
UNIT_SIDE = 16  # pixels of a hidden unit's map
TRAIN, FRESH = 160, 160  # points to learn from, and new points to be judged by
BATCH = 16

Cloud = tuple[np.ndarray, np.ndarray]


def _ring(rng: np.random.Generator, n: int) -> Cloud:
    y = np.arange(n) % 2
    radius = np.where(y == 1, rng.uniform(0, 0.42, n), rng.uniform(0.62, 1, n))
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), y


def _xor(rng: np.random.Generator, n: int) -> Cloud:
    x = rng.uniform(0.06, 1, (n, 2)) * rng.choice([-1, 1], (n, 2))
    return x, (x[:, 0] * x[:, 1] < 0).astype(np.int64)


def _clouds(rng: np.random.Generator, n: int) -> Cloud:
    y = np.arange(n) % 2
    return np.where(y == 1, 0.45, -0.45)[:, None] + rng.normal(size=(n, 2)) * 0.2, y


def _moons(rng: np.random.Generator, n: int) -> Cloud:
    y = np.arange(n) % 2
    angle = rng.uniform(0, np.pi, n)
    x = np.stack([np.cos(angle), np.sin(angle)], 1) * 0.62
    x = np.where(y[:, None] == 1, -x + [0.31, 0.16], x - [0.31, 0.16])
    return x + rng.normal(size=(n, 2)) * 0.06, y


def _spirals(rng: np.random.Generator, n: int) -> Cloud:
    y = np.arange(n) % 2
    along = rng.uniform(0.12, 1, n)
    angle = along * 3.2 * np.pi + np.pi * y
    x = along[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1)
    return x + rng.normal(size=(n, 2)) * 0.015, y


DATA: dict[str, tuple[str, Callable[[np.random.Generator, int], Cloud]]] = {
    "clouds": ("two clouds", _clouds),
    "ring": ("a ring", _ring),
    "xor": ("XOR", _xor),
    "moons": ("two moons", _moons),
    "spirals": ("two spirals", _spirals),
}
"""Name -> (title, how to draw n points and their kinds, 0 or 1)."""

BENDS: dict[str, tuple[str, str]] = {
    "relu": ("ReLU", "ReLU"),
    "tanh": ("tanh", "Tanh"),
    "sigmoid": ("sigmoid", "Sigmoid"),
    "leaky_relu": ("LeakyReLU", "LeakyReLU"),
    "gelu": ("GELU", "GELU"),
    "none": ("none at all", ""),
}
"""Name -> (title, the layer's name in `nn`; none for "no activation")."""
RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
DEEPEST, WIDEST = 4, 8


def points(data: str, seed: int, n: int) -> tuple[Float32[np.ndarray, "n 2"], Int64[np.ndarray, " n"]]:
    """Draw `n` points of a data set and their kinds, 0 or 1; the same for the same seed."""
    x, y = DATA[data][1](np.random.default_rng(seed), n)
    return x.astype(np.float32), y.astype(np.int64)


def grid(side: int) -> Float32[np.ndarray, "pixels 2"]:
    """Return the places of a side x side map's pixels, row after row, the top row first."""
    line = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 * REACH - REACH
    return np.stack([np.tile(line, side), np.repeat(-line, side)], 1)


class Playground(LiveTraining):
    """A network with two inputs, drawn as the map of what it says, while dlstudy.scratch trains it by SGD.

    Args:
        data: a name in DATA.
        depth: hidden layers, 0 to 4.
        width: units in each of them, 1 to 8.
        bend: a name in BENDS, the activation after each hidden layer.
        rate: the learning rate.

    All are traits that can be set from either side, and `seed`, which draws points and weights; all but the rate
    begin anew. `picture` holds the points and the shares of right answers; `pixels` the map (SIDE x SIDE, 0 for kind 0
    to 255 for kind 1) and then each hidden unit's own (UNIT_SIDE x UNIT_SIDE, 128 for nothing, above for positive).
    """

    _esm = module(__file__, "live")
    _css = stylesheet(__file__)

    data = traitlets.Enum(list(DATA), default_value="ring").tag(sync=True)
    depth = traitlets.Int(1, min=0, max=DEEPEST).tag(sync=True)
    width = traitlets.Int(4, min=1, max=WIDEST).tag(sync=True)
    bend = traitlets.Enum(list(BENDS), default_value="relu").tag(sync=True)
    rate = traitlets.Float(0.1, min=0).tag(sync=True)
    seed = traitlets.Int(0, min=0).tag(sync=True)
    menus = traitlets.Dict().tag(sync=True)

    def __init__(
        self, data: str = "ring", depth: int = 1, width: int = 4, bend: str = "relu", rate: float = 0.1, seed: int = 0
    ) -> None:
        menus = {
            "data": [[name, title] for name, (title, _) in DATA.items()],
            "bend": [[name, title] for name, (title, _) in BENDS.items()],
            "rate": list(RATES),
            "side": SIDE,
            "unitSide": UNIT_SIDE,
            "reach": REACH,
        }
        super().__init__(data=data, depth=depth, width=width, bend=bend, rate=rate, seed=seed, menus=menus)
        self.observe(self.restart, names=["data", "depth", "width", "bend", "seed"])

    def build(self) -> None:
        """Draw the points and make a network with torch's own start; the global random numbers stay untouched."""
        from dlstudy import scratch
        from dlstudy.scratch import nn

        self._x, self._y = points(self.data, 2 * self.seed, TRAIN)
        self._fresh = points(self.data, 2 * self.seed + 1, FRESH)
        kept = scratch.random.get_rng_state()
        scratch.manual_seed(self.seed)
        sizes = [2, *[self.width] * self.depth]
        layers: list[Any] = []
        for into, out in pairwise(sizes):
            layers.append(nn.Linear(into, out))
            if BENDS[self.bend][1]:
                layers.append(getattr(nn, BENDS[self.bend][1])())
        self._net = nn.Sequential(*layers, nn.Linear(sizes[-1], 2))
        scratch.random.set_rng_state(kept)
        self._parameters = list(self._net.parameters())
        self._order = np.random.default_rng(self.seed)
        self._queue = np.zeros(0, np.int64)

    def train_step(self) -> float:
        """Take a step of SGD on the next sixteen points, and return their loss."""
        from dlstudy import scratch
        from dlstudy.scratch.nn import functional

        if len(self._queue) < BATCH:
            self._queue = self._order.permutation(TRAIN)
        batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
        # the coordinates are doubled: inputs of about size one suit the start of the weights
        scores = self._net(scratch.tensor(2 * self._x[batch]))
        loss = functional.cross_entropy(scores, scratch.tensor(self._y[batch]))
        self._net.zero_grad()
        loss.backward()
        with scratch.no_grad():
            for parameter in self._parameters:
                parameter -= self.rate * parameter.grad
        return float(loss.item())

    def share_of_kind_1(self, x: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
        """Return the probability of kind 1 that the network gives to each point."""
        from dlstudy import scratch

        with scratch.no_grad():
            scores = self._net(scratch.tensor(2 * x.astype(np.float32))).numpy()
        return 1 / (1 + np.exp(np.clip(scores[:, 0] - scores[:, 1], -50, 50)))

    def hidden(self, x: Float[np.ndarray, "n 2"]) -> list[Float[np.ndarray, "n width"]]:
        """Return what each hidden layer makes of the points, after its activation."""
        from dlstudy import scratch

        found, h = [], scratch.tensor(2 * x.astype(np.float32))
        with scratch.no_grad():
            for layer in list(self._net)[:-1]:
                h = layer(h)
                if self.bend == "none" or type(layer).__name__ != "Linear":
                    found.append(h.numpy())
        return found

    def draw(self) -> tuple[dict[str, Any], bytes]:
        """Return the points with the shares of right answers, and the maps."""
        fresh_x, fresh_y = self._fresh
        share = np.nan_to_num(self.share_of_kind_1(_MAP), nan=0.5)
        parts = [np.round(share * 255).astype(np.uint8).tobytes()]
        dead = []
        for layer in self.hidden(_UNIT_MAP):
            values = np.nan_to_num(layer, nan=0.0, posinf=0.0, neginf=0.0).T  # (width, pixels)
            size = np.abs(values).max(1, keepdims=True)
            dead.append((size[:, 0] == 0).tolist())
            scaled = np.divide(values, size, out=np.zeros_like(values), where=size > 0)
            parts.append(np.round(128 + 127 * scaled).astype(np.uint8).tobytes())
        facts = {
            "points": [[round(float(a), 3), round(float(b), 3), int(c)] for (a, b), c in zip(self._x, self._y)],
            "right": float(((self.share_of_kind_1(self._x) > 0.5) == self._y).mean()),
            "fresh": float(((self.share_of_kind_1(fresh_x) > 0.5) == fresh_y).mean()),
            "dead": dead,
            "numbers": sum(parameter.numel() for parameter in self._parameters),
        }
        return facts, b"".join(parts)


_MAP, _UNIT_MAP = grid(SIDE), grid(UNIT_SIDE)
