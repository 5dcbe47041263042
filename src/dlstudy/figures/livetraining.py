"""Training that is watched: the browser asks for one short slice of it after another, and draws what comes back.

The page's kernel is free between two slices, so checks and other figures answer while a network trains. And nothing
goes on in secret: when the page is closed, nobody asks any more.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import traitlets

from dlstudy.figures.widget import Figure

SLICE = 0.02  # seconds of training for one picture
POINTS = 240  # of the loss curve that is sent


class LiveTraining(Figure):
    """The base of figures with a network in them that learns while it is watched.

    A subclass says how to begin (`build`), what one step is (`train_step`) and what to show (`draw`); its JavaScript
    calls `liveTraining` of `static/live.js` for the buttons and the loop.

    These traits go to the browser: `step`; `losses`, pairs of step and loss, thinned out; `picture`, facts;
    `pixels`, what is too long for them; `problem`, a sentence when the loss is no number any more, after which
    nothing moves until the next `restart`; and `serial`, which counts the pictures.
    """

    step = traitlets.Int(0).tag(sync=True)
    losses = traitlets.List().tag(sync=True)
    picture = traitlets.Dict().tag(sync=True)
    pixels = traitlets.Bytes(b"").tag(sync=True)
    problem = traitlets.Unicode("").tag(sync=True)
    serial = traitlets.Int(0).tag(sync=True)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._history: list[tuple[int, float]] = []
        self._every = 1  # step of the history: doubled whenever it gets too long
        self._sum, self._count = 0.0, 0
        self.restart()
        self.on_msg(self._asked)

    # ---- what a subclass says --------------------------------------------------------------------------------------

    def build(self) -> None:
        """Make the data and an untrained network from the settings."""
        raise NotImplementedError

    def train_step(self) -> float:
        """Take one step and return its loss."""
        raise NotImplementedError

    def draw(self) -> tuple[dict[str, Any], bytes]:
        """Return what the browser needs to show the network as it is: facts, and bytes for large images."""
        raise NotImplementedError

    # ---- what it does ----------------------------------------------------------------------------------------------

    def restart(self, change: Any = None) -> None:
        """Begin anew with the settings as they are."""
        self._history, self._every, self._sum, self._count = [], 1, 0.0, 0
        self.build()
        with self.hold_sync():
            self.step, self.problem = 0, ""
            self._show()

    def advance(self, steps: int = 1_000_000, seconds: float = SLICE) -> int:
        """Train for so many steps, or so many seconds if that is shorter, and show the result; return the steps taken.

        At least one step is taken, unless there is a problem.
        """
        begun, taken = time.perf_counter(), 0
        with np.errstate(all="ignore"):  # a rate that is too large is one of the things to try
            while not self.problem and taken < max(steps, 1):
                loss = self.train_step()
                taken += 1
                if not math.isfinite(loss):
                    self.problem = (
                        "The loss is no number any more: the steps were too large. Take a smaller learning rate."
                    )
                else:
                    self._remember(self.step + taken, loss)
                if time.perf_counter() - begun >= seconds:
                    break
        with self.hold_sync():
            self.step += taken
            self._show()
        return taken

    def show(self) -> None:
        """Draw the network as it is, without a step."""
        with self.hold_sync():
            self._show()

    def _show(self) -> None:
        with np.errstate(all="ignore"):
            self.picture, self.pixels = self.draw()
        self.losses = [[step, float(f"{loss:.4g}")] for step, loss in self._history]
        self.serial += 1

    def _remember(self, step: int, loss: float) -> None:
        """Keep the mean loss of each stretch of steps; when there are too many, join them two by two."""
        self._sum, self._count = self._sum + loss, self._count + 1
        if self._count < self._every:
            return
        self._history.append((step, self._sum / self._count))
        self._sum, self._count = 0.0, 0
        if len(self._history) > POINTS + 1:  # an even number, so that all have a partner
            pairs = zip(self._history[::2], self._history[1::2])
            self._history = [(b[0], (a[1] + b[1]) / 2) for a, b in pairs]
            self._every *= 2

    def _asked(self, widget: Any, content: Any, buffers: Any) -> None:
        wish = content.get("do") if isinstance(content, dict) else None
        if wish == "advance":
            self.advance(int(content.get("steps", 1_000_000)))
        elif wish == "restart":
            self.restart()
