"""Write arrays as figures show them: short numbers, row by row or in one line."""

from __future__ import annotations

from typing import Any

from dlstudy.words import short


def rows(value: Any, digits: int = 4) -> list[list[str]]:
    """Return an array of at most two dimensions as rows of short texts; a 0-d value is one row of one."""
    if getattr(value, "ndim", 0) == 0:
        return [[short(value, digits)]]
    if value.ndim == 1:
        return [[short(x, digits) for x in value]]
    return [[short(x, digits) for x in row] for row in value]


def inline(value: Any, digits: int = 4) -> str:
    """Return an array of at most two dimensions in one line: `2`, `[1, 2]`, `[[1, 2], [3, 4]]`."""
    lines = [", ".join(row) for row in rows(value, digits)]
    if getattr(value, "ndim", 0) == 0:
        return lines[0]
    if value.ndim == 1:
        return f"[{lines[0]}]"
    return "[" + ", ".join(f"[{line}]" for line in lines) + "]"
