"""Printing tensors the way torch does: four digits, aligned, the middle of long ones left out."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dtypes
from .types import Array

if TYPE_CHECKING:
    from .tensor import Tensor

PRECISION, THRESHOLD, EDGE, LINE_WIDTH = 4, 1000, 3, 80


class Numbers:
    """How to write the numbers of one tensor so that they line up: as integers with a point, with decimals, or with
    exponents.
    """

    def __init__(self, data: Array):
        self.floating = data.dtype.kind == "f"
        self.whole, self.scientific, self.width = True, False, 1
        if not self.floating:
            self.width = max((len(str(v)) for v in data.ravel().tolist()), default=1)
            return
        shown = data[np.isfinite(data) & (data != 0)].astype(np.float64)
        if shown.size == 0:
            return
        size = np.abs(shown)
        with np.errstate(over="ignore"):
            spread = size.max() / size.min()
        self.whole = bool((shown == np.ceil(shown)).all())
        self.scientific = bool(spread > 1000 or size.max() > 1e8 or size.min() < 1e-4)
        style = f".{PRECISION}e" if self.scientific else ".0f" if self.whole else f".{PRECISION}f"
        point = int(self.whole and not self.scientific)
        self.width = max(1, *(len(format(v, style)) + point for v in shown.tolist()))

    def write(self, value: float) -> str:
        """Return one number as text of at least the common width."""
        if not self.floating:
            text = str(value)
        elif self.scientific:
            text = f"{value:.{PRECISION}e}"
        elif self.whole:
            text = f"{value:.0f}" + ("." if math.isfinite(value) else "")
        else:
            text = f"{value:.{PRECISION}f}"
        return text.rjust(self.width)


def _ends(data: Array) -> Array:
    """Return the elements that are shown when the middle of every long dimension is left out."""
    for dim, size in enumerate(data.shape):
        if size > 2 * EDGE:
            data = np.take(data, [*range(EDGE), *range(size - EDGE, size)], axis=dim)
    return data


def _rows(data: Array, indent: int, summarize: bool, numbers: Numbers) -> str:
    """Return the nested brackets of `data`, `indent` characters to the right."""
    if data.ndim == 0:
        return numbers.write(data.item())
    shorten = summarize and len(data) > 2 * EDGE
    parts: list[Any] = [*data[:EDGE], None, *data[-EDGE:]] if shorten else list(data)
    if data.ndim > 1:
        texts = ["..." if p is None else _rows(p, indent + 1, summarize, numbers) for p in parts]
        return "[" + ("," + "\n" * (data.ndim - 1) + " " * (indent + 1)).join(texts) + "]"
    texts = [" ..." if p is None else numbers.write(p.item()) for p in parts]
    per_line = max(1, (LINE_WIDTH - indent) // (numbers.width + 2))
    lines = [", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def format_tensor(t: "Tensor") -> str:
    """Return the tensor as torch prints it."""
    data = t._data
    indent = len("tensor(")
    notes = []
    usual: tuple[dtypes.dtype, ...] = (dtypes.get_default_dtype(), dtypes.int64, dtypes.bool_)
    if data.size == 0:
        text = "[]"
        if data.ndim != 1:
            notes.append(f"size={tuple(data.shape)}")
        usual = usual[:1]
    else:
        summarize = data.size > THRESHOLD
        text = _rows(data, indent, summarize, Numbers(_ends(data) if summarize else data))
    if t.dtype not in usual:
        notes.append(f"dtype={t.dtype}")
    if t.grad_fn is not None:
        notes.append(f"grad_fn=<{t.grad_fn.name()}>")
    elif t.requires_grad:
        notes.append("requires_grad=True")

    text = "tensor(" + text
    column = len(text) - text.rfind("\n") + 1
    for note in notes:
        if column + len(note) + 2 > LINE_WIDTH:
            text += ",\n" + " " * indent + note
            column = indent + len(note)
        else:
            text += ", " + note
            column += len(note) + 2
    return text + ")"


class ValuesAndIndices(tuple):
    """The pair (values, indices) that max, sort and their kin return along a dimension."""

    operation: str

    def __new__(cls, operation: str, values: "Tensor", indices: "Tensor") -> "ValuesAndIndices":
        """Return the pair."""
        self = super().__new__(cls, (values, indices))
        self.operation = operation
        return self

    @property
    def values(self) -> "Tensor":
        """The elements found."""
        return self[0]

    @property
    def indices(self) -> "Tensor":
        """Where they are along the dimension."""
        return self[1]

    def __repr__(self) -> str:
        return f"torch.return_types.{self.operation}(\nvalues={self[0]!r},\nindices={self[1]!r})"
