"""What the broadcasting visualiser shows: shapes aligned from the right, what stretches, clashes and sums back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from dlstudy.scratch.shapes import broadcast_shapes, sum_to_shape

MAX_SIZE = 5
MAX_NDIM = 3
NAMES = "abc"

Shape = tuple[int, ...]


class ShapeError(ValueError):
    """A sentence for the learner that says what was expected and what came."""


def read_shape(given: Any) -> Shape:
    """Return a shape typed as `(3, 1)`, `3, 1` or `3x1`, or given as a list; `()` and no text mean one number.

    Raises ShapeError: for anything else, more than 3 dimensions, or a size outside 1 to 5.
    """
    if isinstance(given, str):
        text = given.strip().strip("()[]").strip()
        parts = [part for part in re.split(r"[\s,x×]+", text) if part]
        if not all(re.fullmatch(r"\d{1,6}", part) for part in parts):
            raise ShapeError(f"Expected a shape such as 3, 1 (whole numbers with commas), got {given!r}.")
        sizes = tuple(int(part) for part in parts)
    else:
        try:
            sizes = tuple(int(size) for size in given)
        except (TypeError, ValueError):
            raise ShapeError(f"Expected a shape such as (3, 1), got {given!r}.") from None
    if len(sizes) > MAX_NDIM:
        raise ShapeError(f"Up to {MAX_NDIM} dimensions are drawn here, got {len(sizes)}: {sizes}.")
    if any(not 1 <= size <= MAX_SIZE for size in sizes):
        raise ShapeError(f"Sizes from 1 to {MAX_SIZE} are drawn here, got {sizes}.")
    return sizes


def explain(shapes: Sequence[Shape]) -> dict:
    """Say what broadcasting does with `shapes`: two or three of at most 3 dimensions.

    Returns:
        A JSON-able dict: `ok`; `result` (a shape, or None); `axes`, one per aligned dimension from the left, each
        with `sizes` (None where the array has no such dimension), `verdict` ("equal", "stretch" or "clash") and
        `words`; `arrays`, each with name, shape, values, `stretched` (dimensions of the result along which it is
        repeated) and, where it fits, `grad` and the words about it; `total` and `upstream`, the values and an
        example gradient of the result; `words`, one sentence for the whole; `advice` when a shape would fit with a
        1 put in.
    """
    shapes = [tuple(shape) for shape in shapes]
    ndim = max(map(len, shapes))
    padded = [(None,) * (ndim - len(shape)) + shape for shape in shapes]
    axes = [_axis(axis - ndim, [sizes[axis] for sizes in padded]) for axis in range(ndim)]
    ok = all(axis["verdict"] != "clash" for axis in axes)
    arrays = [_array(i, shape) for i, shape in enumerate(shapes)]
    report: dict[str, Any] = {"ok": ok, "axes": axes, "arrays": arrays, "result": None, "advice": ""}
    listed = " and ".join(_written(shape) for shape in shapes)
    if not ok:
        broken = [axis for axis in axes if axis["verdict"] == "clash"]
        report["words"] = f"{listed} cannot be combined. " + " ".join(axis["words"] for axis in broken)
        report["advice"] = _advice(shapes)
        return report
    result = broadcast_shapes(*shapes)
    report["result"] = list(result)
    report["words"] = f"{listed} combine to {_written(result)}."
    values = [np.asarray(array["values"]).reshape(shape) for array, shape in zip(arrays, shapes)]
    report["total"] = np.ravel(sum(np.broadcast_to(value, result) for value in values)).tolist()
    # A gradient with small, varied numbers, so that sums can be checked by eye and a wrong axis shows.
    steps = np.indices(result) if result else np.zeros((0,))
    upstream = 1 + sum((2 * axis + 1) * index for axis, index in enumerate(steps)) % 5 if result else np.asarray(1)
    upstream = np.broadcast_to(np.asarray(upstream), result)
    report["upstream"] = np.ravel(upstream).tolist()
    for array, shape in zip(arrays, shapes):
        array["stretched"] = [axis for axis in range(ndim) if _size(shape, axis, ndim) != result[axis]]
        array["grad"] = np.ravel(sum_to_shape(upstream, shape)).tolist()
        array["words"] = _backward_words(array["name"], shape, result)
    return report


def _size(shape: Shape, axis: int, ndim: int) -> int | None:
    own = axis - (ndim - len(shape))
    return shape[own] if own >= 0 else None


def _written(shape: Shape) -> str:
    return str(tuple(shape))


def _array(i: int, shape: Shape) -> dict[str, Any]:
    values = np.arange(1, int(np.prod(shape, dtype=int)) + 1) * 10**i
    return {"name": NAMES[i], "shape": list(shape), "values": values.tolist(), "stretched": []}


def _axis(position: int, sizes: list[int | None]) -> dict[str, Any]:
    """Judge one aligned dimension; `position` counts from the right, −1 being the last."""
    place = f"Axis {position}".replace("-", "−")
    named = [(NAMES[i], size) for i, size in enumerate(sizes)]
    wide = sorted({size for size in sizes if size is not None and size != 1})
    if len(wide) > 1:
        differing = " and ".join(f"{name} has {size}" for name, size in named if size in wide)
        words = f"{place}: {differing}. They differ and neither is 1, so neither can be stretched."
        return {"position": position, "sizes": sizes, "verdict": "clash", "result": None, "words": words}
    result = wide[0] if wide else 1
    ones = [name for name, size in named if size == 1 and result != 1]
    missing = [name for name, size in named if size is None]
    parts = []
    if ones:
        parts.append(f"the 1 of {' and '.join(ones)} is stretched to {result}")
    if missing:
        parts.append(f"{' and '.join(missing)} has no such axis, which counts as a 1"
                     + (f" and is stretched to {result}" if result != 1 else ""))  # fmt: skip
    words = f"{place}: {'; '.join(parts) if parts else f'all have {result}'}."
    verdict = "stretch" if parts else "equal"
    return {"position": position, "sizes": sizes, "verdict": verdict, "result": result, "words": words}


def _advice(shapes: Sequence[Shape]) -> str:
    """Name one array that would fit if a 1 were put behind its last axis: the most common slip."""
    ndim = max(map(len, shapes))
    for i, shape in enumerate(shapes):
        if not shape or len(shape) >= ndim:
            continue
        changed = (*shape, 1)
        try:
            result = broadcast_shapes(*(changed if j == i else other for j, other in enumerate(shapes)))
        except RuntimeError:
            continue
        name = NAMES[i]
        return (
            f"If {name} was meant to go along an axis further left, say so: {name}.unsqueeze(-1) has shape "
            f"{_written(changed)}, and the result is {_written(result)}."
        )
    return ""


def _backward_words(name: str, shape: Shape, result: Shape) -> str:
    ndim = len(result)
    added = list(range(ndim - len(shape)))
    ones = [axis for axis in range(ndim) if _size(shape, axis, ndim) == 1 and result[axis] != 1]
    if not added and not ones:
        return f"{name} was not stretched: its gradient is the gradient of the result, element by element."
    copies = int(np.prod([result[axis] for axis in (*added, *ones)], dtype=int))
    parts = []
    if added:
        parts.append(f"sum over {_axes(added)}, which {name} does not have")
    if ones:
        parts.append(f"sum over {_axes(ones)}, keeping it as a 1")
    if copies == 1:
        return f"{name}'s gradient has the shape {_written(result)}; reshape it to {_written(shape)}."
    return (
        f"Each element of {name} was used {copies} times, so its gradient is the sum of {copies} numbers: "
        f"{', and '.join(parts)}. From {_written(result)} back to {_written(shape)}."
    )


def _axes(axes: list[int]) -> str:
    if len(axes) == 1:
        return f"axis {axes[0]}"
    return "axes " + " and ".join(map(str, axes))
