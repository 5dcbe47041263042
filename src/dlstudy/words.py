"""Write numbers for people, in one way everywhere: sizes, times, counts, and short numbers with a true minus sign.

What is rounded is rounded before its unit is chosen: 999,600 bytes are "1 MB" and never "1e+03 kB".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Unit = tuple[str, float]

_BYTES: Sequence[Unit] = (("bytes", 1), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12))
_SECONDS: Sequence[Unit] = (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3), ("s", 1))
_AMOUNTS: Sequence[Unit] = (("", 1), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12))


# ---- numbers without a unit -----------------------------------------------------------------------------------------


def short(value: float, digits: int = 4) -> str:
    """Return `value` with at most `digits` significant digits: `2`, `0.8808`, `−1.5e−8`, `inf`, `nan`."""
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


def rounded(value: float, digits: int = 3) -> str:
    """Return `value` in `digits` significant digits, a large one written out: "0.0123", "2.1", "17", "1,700"."""
    nearest = float(f"{value:.{digits}g}")
    written_out = math.isfinite(nearest) and abs(nearest) >= 10 ** (digits - 1)
    return f"{nearest:,.0f}".replace("-", "−") if written_out else short(nearest, digits)


def amount(number: int | None) -> str:
    """Return a number in three digits that align in a column: "999", "25.6 M" (million), "4.09 G"; "?" for None."""
    if number is None:
        return "?"
    name, one = _fitting(number, _AMOUNTS)
    if one == 1 or abs(number) >= 999.5 * one:
        return f"{rounded(number / one)} {name}".rstrip()
    return f"{number / one:#.3g}".rstrip(".").replace("-", "−") + f" {name}"


def counted(number: int, thing: str) -> str:
    """Return "1 cell" or "3 cells"."""
    return f"{number} {thing}{'s' * (number != 1)}"


# ---- numbers with one -----------------------------------------------------------------------------------------------


def size(count: float | None) -> str:
    """Return `count` bytes in three digits and decimal units: "340 bytes", "1.12 MB"; "of unknown size" for None."""
    if count is None:
        return "of unknown size"
    name, one = _fitting(count, _BYTES)
    text = rounded(count / one)
    return "1 byte" if (text, name) == ("1", "bytes") else f"{text} {name}"


def seconds(measured: float) -> str:
    """Return a measured time in three digits: "4.21 µs", "12.3 ms", "3.4 s"."""
    name, one = unit_of_time(measured)
    return f"{rounded(measured / one)} {name}"


def unit_of_time(measured: float) -> Unit:
    """Return the unit that suits a measured time, and the seconds in one of it: ("ms", 0.001)."""
    return _fitting(measured, _SECONDS) if measured else ("s", 1)


def span(passed: float) -> str:
    """Return how long something takes or took, of `passed` seconds, as people say it: "40 s", "45 min", "2 h 05"."""
    sign = "−" if passed < 0 else ""
    whole = round(abs(passed))
    if 0 < whole < 60:
        return f"{sign}{whole} s"
    hours, minutes = divmod(round(whole / 60), 60)
    if not hours:
        return f"{sign if minutes else ''}{minutes} min"
    return f"{sign}{hours:,} h {minutes:02d}" if minutes else f"{sign}{hours:,} h"


def _fitting(value: float, units: Sequence[Unit]) -> Unit:
    """Return the first unit in which three digits before the point are enough, else the last."""
    return next((unit for unit in units if abs(value) < 999.5 * unit[1]), units[-1])
