"""Write numbers as figures show them: short, with a true minus sign, never misleadingly round."""

from __future__ import annotations

import math
from typing import Any


def short(value: float, digits: int = 4) -> str:
    """Return ``value`` with at most ``digits`` significant digits: ``2``, ``0.8808``, ``−1.5e−8``, ``inf``, ``nan``."""
    value = float(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "−inf"
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa}e{int(exponent)}"
    elif "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text.replace("-", "−")


def rows(value: Any, digits: int = 4) -> list[list[str]]:
    """Return an array of at most two dimensions as rows of short texts; a 0-d value is one row of one."""
    if getattr(value, "ndim", 0) == 0:
        return [[short(value, digits)]]
    if value.ndim == 1:
        return [[short(x, digits) for x in value]]
    return [[short(x, digits) for x in row] for row in value]


def inline(value: Any, digits: int = 4) -> str:
    """Return an array of at most two dimensions in one line: ``2``, ``[1, 2]``, ``[[1, 2], [3, 4]]``."""
    lines = [", ".join(row) for row in rows(value, digits)]
    if getattr(value, "ndim", 0) == 0:
        return lines[0]
    if value.ndim == 1:
        return f"[{lines[0]}]"
    return "[" + ", ".join(f"[{line}]" for line in lines) + "]"
