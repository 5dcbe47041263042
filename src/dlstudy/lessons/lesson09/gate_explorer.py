"""The gate explorer: one unit of an LSTM whose gates are set by hand, its cell, and the gradient that comes back."""

from __future__ import annotations

import traitlets

from dlstudy.figures.widget import Figure, module, stylesheet

STEPS = 10

_SIGNAL = (0.9, -0.5, 0.3, -0.7, 0.4, -0.2, 0.6, -0.4, 0.2, -0.6)
_FIRST = (1.0, *(0.0,) * 9)
_OPEN, _SHUT = (1.0,) * STEPS, (0.0,) * STEPS

PRESETS: tuple[tuple[str, str, tuple[float, ...], tuple[float, ...], tuple[float, ...], tuple[float, ...]], ...] = (
    ("Remember", "lstm", _SIGNAL, _FIRST, _OPEN, _OPEN),
    ("Forget", "lstm", _SIGNAL, _FIRST, (0.5,) * STEPS, _OPEN),
    (
        "Latch",
        "lstm",
        _SIGNAL,
        (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
        (1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0),
        (0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    ),
    ("Count", "lstm", (1.0,) * STEPS, (0.3,) * STEPS, _OPEN, _OPEN),
    ("A new nn.LSTM", "lstm", _SIGNAL, (0.5,) * STEPS, (0.5,) * STEPS, (0.5,) * STEPS),
    ("GRU: keep", "gru", _SIGNAL, _SHUT, (0.0, *(1.0,) * 9), _OPEN),
    ("GRU: running mean", "gru", _SIGNAL, _SHUT, (0.8,) * STEPS, _OPEN),
)
"""Settings to begin with: a title, the view, then what the proposal and the three gates are at each step."""


class GateExplorer(Figure):
    """Set the gates of one LSTM unit step by step, by mouse, finger or keys, and see what it holds and what it learns.

    Args:
        preset: one of the titles in `PRESETS`.

    The traits `proposals` (g, from -1 to 1), `inputs`, `forgets` and `outputs` (i, f, o, from 0 to 1), one
    value a step, `view` ("lstm" or "gru") and `step`, the one that is spelled out, can be set from either side.
    Worked out in the browser, from a cell that begins with 0: c = f c + i g, h = o tanh(c), and the gradient of the
    last h with respect to each c and each g, the gates being fixed. In the GRU view `forgets` is z, i is 1 - z, and h
    is c itself.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    proposals = traitlets.List(traitlets.Float(min=-1, max=1)).tag(sync=True)
    inputs = traitlets.List(traitlets.Float(min=0, max=1)).tag(sync=True)
    forgets = traitlets.List(traitlets.Float(min=0, max=1)).tag(sync=True)
    outputs = traitlets.List(traitlets.Float(min=0, max=1)).tag(sync=True)
    view = traitlets.Enum(("lstm", "gru"), "lstm").tag(sync=True)
    step = traitlets.Int(0, min=0, max=STEPS - 1).tag(sync=True)
    presets = traitlets.List().tag(sync=True)

    def __init__(self, preset: str = "Remember") -> None:
        known = {title: rest for title, *rest in PRESETS}
        if preset not in known:
            raise ValueError(f"expected one of {', '.join(known)}; got {preset!r}")
        view, *values = known[preset]
        proposals, inputs, forgets, outputs = (list(row) for row in values)
        super().__init__(
            proposals=proposals,
            inputs=inputs,
            forgets=forgets,
            outputs=outputs,
            view=view,
            presets=[[title, view, *(list(row) for row in rows)] for title, view, *rows in PRESETS],
        )
