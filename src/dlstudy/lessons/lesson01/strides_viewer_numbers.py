"""What the strides viewer shows: a chain of views over one strip of memory, and where a copy cannot be avoided.

The arithmetic is on shapes, strides and offsets alone, as in torch: no number is moved unless the strip must be copied.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from dlstudy.scratch.shapes import flat_index, row_major_strides
from dlstudy.words import short

Shape = tuple[int, ...]
MAX_NDIM = 4
MAX_ELEMENTS = 128

APART = "Writing here leaves x as it is."

METHODS = ("t", "transpose", "permute", "reshape", "view", "flatten", "contiguous", "unsqueeze", "squeeze", "expand")


class ChainError(ValueError):
    """A sentence for the learner that says what was expected and what came."""


@dataclass(frozen=True)
class View:
    """A tensor as memory sees it: how to walk over a strip.

    Attributes:
        shape: sizes.
        strides: for each dimension, how many places of the strip one step skips.
        offset: the place of the first element.
        strip: the numbers in memory.
    """

    shape: Shape
    strides: Shape
    offset: int
    strip: tuple[float, ...]

    def places(self) -> list[int]:
        """Return the place in the strip of each element, in row-major order of the elements."""
        return [flat_index(index, self.strides, self.offset) for index in product(*map(range, self.shape))]

    def is_contiguous(self) -> bool:
        """Say whether the elements lie side by side in row-major order; dimensions of size 1 do not matter."""
        wanted = row_major_strides(self.shape)
        return all(size == 1 or own == want for size, own, want in zip(self.shape, self.strides, wanted))

    def copied(self, shape: Shape) -> View:
        """Return a contiguous tensor of `shape` over a new strip."""
        return View(shape, row_major_strides(shape), 0, tuple(self.strip[place] for place in self.places()))


def view_strides(shape: Sequence[int], strides: Sequence[int], wanted: Sequence[int]) -> Shape | None:
    """Return strides that read a tensor as shape `wanted` without a copy, or None where there are none.

    Neighbouring dimensions can be read as one when a step along the outer one equals a whole run of the inner one. Each
    such block can be cut up anew, and nothing can cross from one block to the next. Equal to what `torch.Tensor.view`
    accepts.
    """
    blocks: list[tuple[int, int]] = []  # number of elements and stride of each block, from the right
    for size, stride in zip(reversed(shape), reversed(strides)):
        if size == 1:
            continue
        if blocks and stride == blocks[-1][0] * blocks[-1][1]:
            blocks[-1] = (blocks[-1][0] * size, blocks[-1][1])
        else:
            blocks.append((size, stride))
    found: list[int] = []
    left, step = blocks.pop(0) if blocks else (1, 1)
    for size in reversed(wanted):
        if size != 1 and left == 1 and blocks:
            left, step = blocks.pop(0)
        found.append(step)
        if left % size:
            return None
        left, step = left // size, step * size
    return tuple(reversed(found)) if left == 1 and not blocks else None


def explain(values: Sequence[float], shape: Shape, chain: str) -> dict:
    """Follow `chain` (for example `x.T[:, ::2].reshape(-1)`) from a contiguous tensor `x` of `shape`.

    Returns:
        A JSON-able dict: `stages`, one for each link with its code, shape, strides, offset, whether it copied, and
        words; `strip` (the numbers in memory now, written), `level` (0 to 1, for shading), `places` (for each
        element its place), `copies` (how many strips were made on the way) and `contiguous`.

    Raises ChainError: with a sentence for the learner.
    """
    view = View(tuple(shape), row_major_strides(shape), 0, tuple(map(float, values)))
    start = view.strip
    stages = [_stage("x", "x", view, False, _laid_out(view))]
    for code, whole, link in _links(chain):
        before = view
        view, words = link(before)
        if code.startswith("["):
            words += f" Writing here would change {'x' if view.strip is start else 'the copy, not x'}."
        if len(view.shape) > MAX_NDIM or prod(view.shape) > MAX_ELEMENTS:
            raise ChainError(
                f"`{code}` gives the shape {view.shape}; up to {MAX_NDIM} dimensions and {MAX_ELEMENTS} elements are "
                "drawn here."
            )
        stages.append(_stage(code, whole, view, view.strip is not before.strip, words))
    largest = max(max(view.strip, default=0.0), 1e-30)
    return {
        "stages": stages,
        "strip": [short(value) for value in view.strip],
        "level": [max(0.0, value) / largest for value in view.strip],
        "places": view.places(),
        "copies": sum(stage["copied"] for stage in stages),
        "contiguous": view.is_contiguous(),
    }


def _stage(code: str, whole: str, view: View, copied: bool, words: str) -> dict[str, Any]:
    return {
        "code": code,
        "chain": whole,
        "shape": list(view.shape),
        "strides": list(view.strides),
        "offset": view.offset,
        "copied": copied,
        "words": words,
    }


def _laid_out(view: View) -> str:
    if len(view.shape) < 2:
        return "The elements lie side by side in memory."
    return "The rows lie one after the other in memory: a step along the last dimension is a step to the next number."


# -- reading the chain -----------------------------------------------------------------------------------------------


def _links(chain: str) -> list[tuple[str, str, Any]]:
    """Return (code of the link, the chain up to it, function of a View) for each link."""
    if len(chain) > 200:
        raise ChainError(f"Expected at most 200 characters, got {len(chain)}.")
    try:
        node = ast.parse(chain.strip() or "x", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        detail = getattr(problem, "msg", None) or "it is nested too deeply"
        raise ChainError(f"Python cannot read this: {detail}.") from None
    links: list[tuple[str, str, Any]] = []
    while not isinstance(node, ast.Name):
        whole = ast.unparse(node)
        match node:
            case ast.Attribute(value=inner, attr="T" | "mT"):
                links.append((".T", whole, _transposed))
            case ast.Subscript(value=inner, slice=index):
                code = whole[len(ast.unparse(inner)) :]
                links.append((code, whole, _indexing(index, code)))
            case ast.Call(func=ast.Attribute(value=inner, attr=name), args=arguments, keywords=[]) if name in METHODS:
                code = whole[len(ast.unparse(inner)) :]
                links.append((code, whole, _method(name, [_whole(one) for one in arguments])))
            case _:
                raise ChainError(
                    f"Expected a chain on x such as x.T[:, ::2].reshape(-1), got `{whole}`. The methods are "
                    f"{', '.join(METHODS)}, and .T and [ ] with whole numbers and slices."
                )
        node = inner
    if node.id != "x":
        raise ChainError(f"The tensor here is called x, got `{node.id}`.")
    return links[::-1]


def _whole(node: ast.expr | None) -> int | tuple[int, ...]:
    """Return a whole number or a tuple of them written in the chain."""
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return -number
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            numbers = [_whole(element) for element in elements]
            return tuple(number for number in numbers if isinstance(number, int))
    raise ChainError(f"Expected whole numbers, got `{ast.unparse(node) if node else ''}`.")


# -- the links -------------------------------------------------------------------------------------------------------


def _moved(view: View, order: Sequence[int]) -> View:
    return View(tuple(view.shape[i] for i in order), tuple(view.strides[i] for i in order), view.offset, view.strip)


def _transposed(view: View) -> tuple[View, str]:
    if len(view.shape) < 2:
        return view, "With fewer than two dimensions there is nothing to swap."
    return _moved(view, range(len(view.shape))[::-1]), "The strides changed places. Not one number moved."


def _indexing(node: ast.expr, code: str) -> Any:
    parts = list(node.elts) if isinstance(node, ast.Tuple) else [node]

    def apply(view: View) -> tuple[View, str]:
        shape: list[int] = []
        strides: list[int] = []
        offset, axis = view.offset, 0
        skipped = stepped = False
        gone: list[str] = []
        for part in parts:
            if isinstance(part, ast.Constant) and part.value is None:
                shape.append(1)
                strides.append((view.shape[axis] * view.strides[axis]) if axis < len(view.shape) else 1)
                continue
            if axis >= len(view.shape):
                raise ChainError(f"`{code}` has more indices than the {len(view.shape)} dimensions of {view.shape}.")
            size, stride = view.shape[axis], view.strides[axis]
            if isinstance(part, ast.Slice):
                given = [None if end is None else _number(end) for end in (part.lower, part.upper, part.step)]
                if given[2] is not None and given[2] < 1:
                    raise ChainError("A step has to be at least 1: torch has no negative strides, and flip copies.")
                start, stop, step = slice(*given).indices(size)
                shape.append(len(range(start, stop, step)))
                strides.append(stride * step)
                offset += start * stride if shape[-1] else 0
                skipped |= start > 0
                stepped |= step > 1
            else:
                i = _number(part)
                if not -size <= i < size:
                    raise ChainError(f"Index {i} is out of range for dimension {axis} of size {size}.")
                offset += (i % size) * stride
                gone.append(str(axis))
            axis += 1
        result = View((*shape, *view.shape[axis:]), (*strides, *view.strides[axis:]), offset, view.strip)
        if 0 in result.shape:
            raise ChainError(f"`{code}` leaves no elements: the shape is {result.shape}. Nothing to draw.")
        done = []
        if skipped:
            done.append("the offset says where to begin")
        if stepped:
            done.append("a larger stride skips what is left out")
        if not done and not gone:
            done.append("another shape over the same numbers")
        what = " and ".join(done)
        words = f"{what[0].upper()}{what[1:]}. " if done else ""
        if gone:
            names, each = (f"Axis {gone[0]} is", "it") if len(gone) == 1 else (f"Axes {' and '.join(gone)} are", "each")
            words = f"{names} gone: one place along {each} was picked, and the offset says which. {words}"
        return result, words + "The strip is the same one."

    return apply


def _number(node: ast.expr) -> int:
    number = _whole(node)
    if not isinstance(number, int):
        raise ChainError(
            f"`{ast.unparse(node)}` picks by a list, which no strides can describe: torch copies what it picks. "
            "Use whole numbers and slices here."
        )
    return number


def _method(name: str, given: list[int | tuple[int, ...]]) -> Any:
    numbers = [n for one in given for n in (one if isinstance(one, tuple) else (one,))]

    def apply(view: View) -> tuple[View, str]:
        shape, ndim = view.shape, len(view.shape)
        match name, numbers:
            case "t", []:
                if ndim > 2:
                    raise ChainError(f".t() is for at most two dimensions, got {ndim}; use .transpose(i, j).")
                return _transposed(view)
            case "transpose", [i, j]:
                order = list(range(ndim))
                i, j = _axis(i, ndim), _axis(j, ndim)
                order[i], order[j] = j, i
                return _moved(view, order), "Two strides changed places. Not one number moved."
            case "permute", order if sorted(_axis(i, ndim) for i in order) == list(range(ndim)):
                words = "The strides were put in another order. Not one number moved."
                return _moved(view, [_axis(i, ndim) for i in order]), words
            case "unsqueeze", [i] if -ndim - 1 <= i <= ndim:
                i %= ndim + 1
                stride = shape[i] * view.strides[i] if i < ndim else 1
                sizes, strides = (*shape[:i], 1, *shape[i:]), (*view.strides[:i], stride, *view.strides[i:])
                new = View(sizes, strides, view.offset, view.strip)
                return new, "A dimension of size 1 costs nothing: its stride is never used."
            case "squeeze", []:
                keep = [i for i in range(ndim) if shape[i] != 1]
                return _moved(view, keep), "Dimensions of size 1 are dropped. No number moved."
            case "contiguous", []:
                if view.is_contiguous():
                    return view, "Already in row-major order: contiguous() returns the tensor as it is."
                words = f"A copy: a new strip, filled in the order in which the elements are read. {APART}"
                return view.copied(shape), words
            case "flatten", []:
                return _reshaped(view, (prod(shape),), name)
            case (("reshape" | "view"), [_, *_]):
                return _reshaped(view, _filled(numbers, prod(shape)), name)
            case "expand", [_, *_]:
                return _expanded(view, numbers)
        written = ", ".join(map(str, numbers))
        raise ChainError(f".{name}({written}) does not fit a tensor of shape {shape}.")

    return apply


def _axis(i: int, ndim: int) -> int:
    if not -ndim <= i < ndim:
        raise ChainError(f"Dimension {i} is out of range for {ndim} dimensions.")
    return i % ndim


def _filled(wanted: list[int], total: int) -> Shape:
    """Replace one -1 by what is left over; ChainError unless the sizes hold `total` elements."""
    if wanted.count(-1) > 1 or any(size < 1 and size != -1 for size in wanted):
        raise ChainError(f"Expected positive sizes and at most one -1, got {tuple(wanted)}.")
    rest = prod(size for size in wanted if size != -1)
    filled = tuple(total // rest if size == -1 else size for size in wanted)
    if prod(filled) != total:
        raise ChainError(f"Shape {tuple(wanted)} does not hold {total} elements.")
    return filled


def _reshaped(view: View, wanted: Shape, name: str) -> tuple[View, str]:
    strides = view_strides(view.shape, view.strides, wanted)
    if strides is not None:
        words = "No copy: the same strip, read with other strides. Not one number moved."
        return View(wanted, strides, view.offset, view.strip), words
    if name == "view":
        raise ChainError(
            f"view cannot read shape {view.shape} with strides {view.strides} as {wanted}: no strides walk over the "
            "strip in that order. Use reshape, which copies when it must."
        )
    words = f"A copy: no strides walk over the old strip in this order, so {name} filled a new one. {APART}"
    return view.copied(wanted), words


def _expanded(view: View, wanted: list[int]) -> tuple[View, str]:
    new = len(wanted) - len(view.shape)
    if new < 0:
        raise ChainError(f"expand needs at least {len(view.shape)} sizes, got {len(wanted)}.")
    shape, strides = [], []
    for axis, size in enumerate(wanted):
        own, stride = (view.shape[axis - new], view.strides[axis - new]) if axis >= new else (1, 0)
        if size == -1 and axis < new:
            raise ChainError(f"expand cannot keep (-1) dimension {axis}, which the tensor does not have yet.")
        size = own if size == -1 else size
        if (own != size and own != 1) or size < 1:
            raise ChainError(f"expand can stretch a 1 only: dimension {axis} has size {own}, asked for {size}.")
        shape.append(size)
        strides.append(0 if own != size else stride)
    result = View(tuple(shape), tuple(strides), view.offset, view.strip)
    return result, "Stride 0: every step along the stretched dimension lands on the same number. This is broadcasting."
