"""The graph explorer: type an expression, see its graph, step through forward and backward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from dlstudy.figures.graph.expression import ExpressionError, parse
from dlstudy.figures.graph.graph_explorer_numbers import check_value, explain
from dlstudy.figures.widget import Figure, module, stylesheet

EXAMPLES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("A value used twice", "(a*b + c) * a", {"a": 2.0, "b": 3.0, "c": -1.0}),
    ("A diamond", "h = a * b; h.tanh() + h * c", {"a": 0.5, "b": 1.0, "c": 2.0}),
    ("A neuron", "(w1*x1 + w2*x2 + b).sigmoid()", {"w1": 2.0, "x1": -1.0, "w2": -3.0, "x2": -2.0, "b": -3.0}),
    ("A unit that is switched off", "(w*x + b).relu() * v", {"w": -1.0, "x": 2.0, "b": 1.0, "v": 3.0}),
    ("Overflow: exp(100) is too large", "e = x.exp(); e / (1 + e)", {"x": 100.0}),
    ("A small layer", "((W @ x + b).tanh() * v).sum()",
     {"W": [[1.0, -1.0], [0.5, 2.0]], "x": [0.5, 1.0], "b": [0.0, -2.0], "v": [2.0, -1.0]}),
)  # fmt: skip
"""Worked examples: a title, an expression, values."""

_DEFAULTS = (2.0, 3.0, -1.0, 0.5, -2.0, 1.0)


class GraphExplorer(Figure):
    """Draw the graph of an expression and step backward through it, node by node.

    Args:
        expression: see `expression.parse`; scalars, or small tensors that end in `.sum()`.
        values: a number or nested list for each name; a name without a value gets one.

    The traits `expression`, `values`, `step` and `passes` (how often `backward()` was called without
    clearing) can be set from either side; `graph` is what `graph_explorer_numbers.explain` returned and `error` a
    sentence about input that could not be drawn, in which case the last good graph stays.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    expression = traitlets.Unicode("(a*b + c) * a").tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    passes = traitlets.Int(1).tag(sync=True)
    graph = traitlets.Dict().tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    examples = traitlets.List().tag(sync=True)

    def __init__(self, expression: str = EXAMPLES[0][1], values: Mapping[str, Any] | None = None) -> None:
        known = next((given for _, text, given in EXAMPLES if text == expression), {})
        super().__init__(
            expression=expression,
            values=dict(known if values is None else values),
            examples=[{"title": title, "expression": text, "values": given} for title, text, given in EXAMPLES],
        )
        self._drawn = ""
        self._update()
        self.observe(self._update, names=["expression", "values", "passes"])
        self.observe(self._clamp, names=["step"])

    def _update(self, change: Any = None) -> None:
        """Compute the graph anew; on bad input keep the old one and say what is wrong."""
        try:
            values = self._complete(dict(self.values))
            graph = explain(self.expression, values, min(max(self.passes, 1), 3))
        except ExpressionError as problem:
            self.error = str(problem)
            return
        with self.hold_trait_notifications():
            self.error = ""
            self.values = values
            self.graph = graph
            if self.expression != self._drawn:
                self._drawn = self.expression
                self.passes = 1
                self.step = graph["start"]
        self._clamp()

    def _complete(self, values: dict[str, Any]) -> dict[str, Any]:
        """Check what was given and give a value to each name that has none."""
        for position, name in enumerate(parse(self.expression).inputs):
            if name in values:
                array = check_value(name, values[name])
                values[name] = array.tolist()
            else:
                values[name] = _DEFAULTS[position % len(_DEFAULTS)]
        return values

    def _clamp(self, change: Any = None) -> None:
        last = len(self.graph["steps"]) - 1 if self.graph else 0
        self.step = min(max(self.step, 0), last)
