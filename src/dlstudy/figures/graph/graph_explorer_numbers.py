"""What the graph explorer shows: an expression computed on the tape, and its backward pass taken apart step by step.

Nothing here draws. The numbers come from the tape itself: each operation's node is called with its upstream gradient,
as the engine would, and with ones to read off the local derivative.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from dlstudy.figures.graph.expression import ExpressionError, Operation, Program, parse
from dlstudy.figures.graph.layout import layered
from dlstudy.figures.numbers import inline, rows
from dlstudy.scratch.shapes import sum_to_shape

MAX_ELEMENTS = 9

_DRAWN = {"*": "×", "-": "−", "/": "÷", "**": "xⁿ"}
"""How an operator is drawn, where that differs from how it is typed."""

RULES: dict[str, tuple[str, ...]] = {
    "+": ("a sum grows one for one with each term", "a sum grows one for one with each term"),
    "-": ("a difference grows one for one with its first term", "a difference falls one for one with its second term"),
    "*": ("the derivative of a product is the other factor", "the derivative of a product is the other factor"),
    "/": ("the derivative of u/v by u is 1/v", "the derivative of u/v by v is −u/v²"),
    "**": ("the derivative of uⁿ is n·uⁿ⁻¹", "the derivative of uⁿ by n is uⁿ·log u"),
    "@": ("the gradient of u @ v by u is upstream @ vᵀ", "the gradient of u @ v by v is uᵀ @ upstream"),
    "neg": ("the derivative of −u is −1",),
    "tanh": ("the derivative of tanh is 1 − tanh²",),
    "sigmoid": ("the derivative of the sigmoid s is s·(1 − s)",),
    "relu": ("relu passes everything on where its input is positive and nothing elsewhere",),
    "exp": ("exp is its own derivative",),
    "log": ("the derivative of log u is 1/u",),
    "sqrt": ("the derivative of √u is 1/(2√u)",),
    "sin": ("the derivative of sin is cos",),
    "cos": ("the derivative of cos is −sin",),
    "abs": ("the derivative of |u| is the sign of u",),
    "sum": ("every element counts once in a sum",),
    "mean": ("each of n elements counts 1/n in a mean",),
}
"""The local derivative of each operation with respect to each operand, in words that follow "because"."""


def explain(expression: str, values: Mapping[str, Any], passes: int = 1, backend: ModuleType | None = None) -> dict:
    """Compute `expression` and take its backward pass apart.

    Args:
        expression: what `expression.parse` accepts.
        values: a number or nested list (at most 2-d, 9 elements) for each name; float32, as torch makes of them.
        passes: how many times `backward()` is called without clearing `.grad` in between, 1 to 3.
        backend: a module with torch's `tensor`; `dlstudy.scratch` unless given.

    Returns:
        A JSON-able dict: `nodes` and `edges` with their places, `steps` (forward, ready, seed, backward, done),
        each with a sentence and the state to draw, `start` (the step in which all values are known and no gradient
        is), `seeds` (the first step of each pass), `grads` (the final `.grad` of each name, in full precision)
        and `inputs`.

    Raises ExpressionError: with a sentence for the learner.
    """
    return _Explanation(parse(expression), values, passes, backend or _scratch()).as_dict()


def _scratch() -> ModuleType:
    import dlstudy.scratch

    return dlstudy.scratch


def check_value(name: str, value: Any) -> np.ndarray:
    """Return the value of `name` as an array; ExpressionError unless it is a number or a small table of numbers."""
    try:
        if value is None:
            raise TypeError
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ExpressionError(
            f"Expected a number such as 2, or a list such as [1, 2] or [[1, 2], [3, 4]], for {name}; got {value!r}."
        ) from None
    if array.ndim > 2 or not 0 < array.size <= MAX_ELEMENTS:
        raise ExpressionError(
            f"Expected at most two dimensions and 1 to {MAX_ELEMENTS} elements for {name}, so that the graph stays "
            f"readable; got shape {array.shape}."
        )
    return array


class _Explanation:
    def __init__(self, program: Program, values: Mapping[str, Any], passes: int, backend: ModuleType) -> None:
        self.program = program
        self.operations = program.operations
        self.passes = passes
        self.backend = backend
        self.tensors: list[Any] = []
        with np.errstate(all="ignore"):
            for operation in self.operations:
                self.tensors.append(self._compute(operation, values))
        self.arrays = [np.asarray(t.detach().numpy()) for t in self.tensors]
        self.edges = [(i, place, k) for place, o in enumerate(self.operations) for k, i in enumerate(o.inputs)]
        self.differentiable = [bool(t.requires_grad) for t in self.tensors]
        if self.arrays[-1].size != 1:
            raise ExpressionError(
                "backward() starts from a single number, and this expression gives the shape "
                f"{self.arrays[-1].shape}. Put .sum() or .mean() around it."
            )
        self.steps: list[dict] = []
        self.grads: dict[int, list[np.ndarray]] = {}
        self.seeds: list[int] = []
        with np.errstate(all="ignore"):
            self._forward()
            for number in range(passes):
                self._backward(number)

    # -- computing ---------------------------------------------------------------------------------------------

    def _compute(self, operation: Operation, values: Mapping[str, Any]) -> Any:
        make = self.backend.tensor
        if operation.symbol == "name":
            if operation.text not in values:
                raise ExpressionError(f"`{operation.text}` has no value yet.")
            value = check_value(operation.text, values[operation.text])
            return make(value.tolist(), dtype=self.backend.float32, requires_grad=True)
        if operation.symbol == "constant":
            # As a 0-d tensor, so that every operation of the text is one node of the tape.
            return make(operation.number, dtype=self.backend.float32)
        inputs = [self.tensors[i] for i in operation.inputs]
        if operation.symbol == "**" and self.operations[operation.inputs[1]].symbol == "constant":
            inputs[1] = self.operations[operation.inputs[1]].number
        try:
            match operation.symbol, inputs:
                case "+", [u, v]:
                    return u + v
                case "-", [u, v]:
                    return u - v
                case "-", [u]:
                    return -u
                case "*", [u, v]:
                    return u * v
                case "/", [u, v]:
                    return u / v
                case "**", [u, v]:
                    return u**v
                case "@", [u, v]:
                    return u @ v
                case function, [u]:
                    return getattr(u, function)()
        except (RuntimeError, ValueError, TypeError) as problem:
            shapes = " and ".join(str(tuple(self.tensors[i].shape)) for i in operation.inputs)
            sentence = str(problem).strip().splitlines()[0].rstrip(".")
            raise ExpressionError(f"`{operation.text}` does not fit shapes {shapes}: {sentence}.") from None
        raise AssertionError(operation)

    def _pull(self, place: int, upstream: np.ndarray) -> list[np.ndarray | None]:
        """Call the node of operation `place` with an upstream gradient: what it passes to each operand."""
        node = self.tensors[place].grad_fn
        found = node(self.backend.tensor(upstream.tolist(), dtype=self.backend.float32).reshape(upstream.shape))
        results = list(found) if isinstance(found, tuple | list) else [found]
        out: list[np.ndarray | None] = []
        for k, i in enumerate(self.operations[place].inputs):
            if not self.differentiable[i]:
                out.append(None)
                continue
            grad = np.asarray(results[k].detach().numpy())
            # A broadcast operand got several gradients; torch's engine sums them outside the node.
            out.append(sum_to_shape(grad, self.arrays[i].shape))
        return out

    # -- words -------------------------------------------------------------------------------------------------

    def _called(self, place: int) -> str:
        """How a sentence refers to a value: its name, or the text that computes it."""
        operation = self.operations[place]
        if place in self.program.names:
            return self.program.names[place]
        return operation.text

    def _symbol(self, place: int) -> str:
        operation = self.operations[place]
        return "neg" if operation.symbol == "-" and len(operation.inputs) == 1 else operation.symbol

    # -- steps -------------------------------------------------------------------------------------------------

    def _step(
        self, phase: str, words: str, known: int, node: int | None = None, flows: list[dict] | None = None
    ) -> None:
        grads = {
            str(place): {
                "terms": [inline(term) for term in terms],
                "held": inline(_total(terms[:-1])) if len(terms) > 1 else "",
                "total": rows(_total(terms)),
            }
            for place, terms in self.grads.items()
        }
        self.steps.append(
            {"phase": phase, "words": words, "known": known, "node": node, "grads": grads, "flows": flows or []}
        )

    def _forward(self) -> None:
        inputs = [i for i, operation in enumerate(self.operations) if not operation.inputs]
        named = ", ".join(
            f"{self.operations[i].text} = {inline(self.arrays[i])}"
            for i in inputs
            if self.operations[i].symbol == "name"
        )
        self._step("forward", f"Forward. The inputs: {named}. Each operation computes one value from its inputs.", -1)
        for place, operation in enumerate(self.operations):
            if operation.inputs:
                used = " and ".join(dict.fromkeys(inline(self.arrays[i]) for i in operation.inputs))
                self._step(
                    "forward",
                    f"Forward. {self._operator(place)} takes {used} and gives {self._result(place)}.",
                    place,
                    place,
                )
        self._step(
            "ready",
            f"All values are known: the result is {inline(self.arrays[-1])}. No gradient exists yet, and every .grad "
            "is None. Step on to call backward().",
            len(self.operations) - 1,
        )
        self.start = len(self.steps) - 1

    def _operator(self, place: int) -> str:
        symbol = self.operations[place].symbol
        return f"The node {_DRAWN.get(symbol, symbol)}"

    def _result(self, place: int) -> str:
        name = self.program.names.get(place)
        return f"{name} = {inline(self.arrays[place])}" if name else inline(self.arrays[place])

    def _backward(self, number: int) -> None:
        """Visit the operations from the result backward; each after all that use its value."""
        last = len(self.operations) - 1
        leaves = {i for i, operation in enumerate(self.operations) if operation.symbol == "name"}
        self.grads = {place: terms for place, terms in self.grads.items() if place in leaves}
        self.grads[last] = [np.ones_like(self.arrays[last])]
        self.seeds.append(len(self.steps))
        again = "" if number == 0 else f"backward() a {('second', 'third')[number - 1]} time, with nothing cleared. "
        kept = "" if number == 0 else " The .grad of every input still holds what the passes before left there."
        self._step(
            "seed",
            f"{again}Start at the result: its derivative with respect to itself is 1.{kept}",
            last,
            last,
        )
        for place in range(last, -1, -1):
            if not self.operations[place].inputs or not self.differentiable[place] or place not in self.grads:
                continue
            terms = self.grads[place]
            upstream = _total(terms)
            passed, local = self._pull(place, upstream), self._pull(place, np.ones_like(upstream))
            flows: list[dict] = []
            passing: list[tuple[str, str]] = []  # what goes to whom, and the rule that says so
            adding: list[str] = []
            scalar = all(self.arrays[i].ndim == 0 for i in (place, *self.operations[place].inputs))
            for k, i in enumerate(self.operations[place].inputs):
                contribution, slope = passed[k], local[k]
                if contribution is None or slope is None:
                    continue
                sent = inline(contribution)
                if scalar:
                    sent = f"{inline(upstream)} × {inline(slope)} = {sent}"
                passing.append((f"{sent} to {self._called(i)}", RULES[self._symbol(place)][k]))
                adding += self._adding(place, i, contribution)
                flows.append(
                    {
                        "edge": self.edges.index((i, place, k)),
                        "upstream": inline(upstream),
                        "local": inline(slope) if scalar else None,
                        "contribution": inline(contribution),
                    }
                )
                self.grads[i] = [*self.grads.get(i, []), contribution]
            added = " + ".join(inline(term) for term in terms) + " = " if len(terms) > 1 else ""
            has = f"{self._operator(place)} has its whole gradient, {added}{inline(upstream)}."
            self._step("backward", " ".join([has, _because(passing), *adding]), last, place, flows)
        listed = ", ".join(
            f"{self.operations[i].text}.grad = {inline(_total(terms))}"
            for i, terms in sorted(self.grads.items())
            if i in leaves
        )
        note = "" if number == 0 else f" That is {number + 1} times the gradient: .grad adds up until it is cleared."
        self._step("done", f"Done. {listed}.{note}", last)

    def _adding(self, place: int, i: int, contribution: np.ndarray) -> list[str]:
        """Say what happens where the gradient arrives, if more happens than being written down."""
        target, sentences = self._called(i), []
        if self.arrays[i].shape != self.arrays[place].shape and self._symbol(place) in ("+", "-", "*", "/", "**"):
            sentences.append(f"{target} was stretched to fit, so the gradients of its copies are summed.")
        if before := self.grads.get(i, []):
            held = _total(before)
            sentences.append(
                f"{target} already held {inline(held)}, so it now holds {inline(held)} + {inline(contribution)} = "
                f"{inline(held + contribution)}: gradients add, they do not replace."
            )
        return sentences

    # -- result ------------------------------------------------------------------------------------------------

    def as_dict(self) -> dict:
        """Return everything that the drawing needs, as plain data."""
        layout = layered(len(self.operations), [(source, target) for source, target, _ in self.edges])
        nodes = []
        for place, operation in enumerate(self.operations):
            kind = {"name": "leaf", "constant": "constant"}.get(operation.symbol, "operation")
            label = {"leaf": operation.text, "constant": inline(self.arrays[place])}.get(kind, operation.symbol)
            nodes.append(
                {
                    "kind": kind,
                    "label": label,
                    "name": self.program.names.get(place, ""),
                    "text": operation.text,
                    "node": self.tensors[place].grad_fn.name() if self.tensors[place].grad_fn is not None else "",
                    "value": rows(self.arrays[place]),
                    "shape": list(self.arrays[place].shape),
                    "differentiable": self.differentiable[place],
                    "layer": layout.layer[place],
                    "row": layout.row[place],
                }
            )
        edges = [
            {"source": source, "target": target, "operand": k, "bends": [list(bend) for bend in layout.bends[number]]}
            for number, (source, target, k) in enumerate(self.edges)
        ]
        leaves = {operation.text: i for i, operation in enumerate(self.operations) if operation.symbol == "name"}
        return {
            "nodes": nodes,
            "edges": edges,
            "steps": self.steps,
            "start": self.start,
            "seeds": self.seeds,
            "inputs": list(self.program.inputs),
            "grads": {name: _plain(_total(self.grads[i])) for name, i in leaves.items()
                      if i in self.grads},
        }  # fmt: skip


def _total(terms: list[np.ndarray]) -> np.ndarray:
    """Add up what arrived; infinities of both signs make nan, as on the tape, and no warning."""
    total = terms[0]
    with np.errstate(all="ignore"):
        for term in terms[1:]:
            total = total + term
    return total


def _because(passing: list[tuple[str, str]]) -> str:
    """Join what is passed on with the reason, which is said once where it is the same."""
    if len({rule for _, rule in passing}) == 1:
        return f"It passes {' and '.join(sent for sent, _ in passing)}: {passing[0][1]}."
    return " ".join(f"It passes {sent}: {rule}." for sent, rule in passing)


def _plain(array: np.ndarray) -> Any:
    """Return numbers and nested lists, with nan and infinities as texts, because JSON has neither."""
    if array.ndim:
        return [_plain(part) for part in array]
    number = float(array)
    return number if np.isfinite(number) else str(number)
