"""What the float explorer shows: a number's bits in float32, float16 and bfloat16, and what rounding does."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from dlstudy.words import short


class NumberError(ValueError):
    """A sentence for the learner that says what was expected and what came."""


@dataclass(frozen=True)
class Format:
    """A binary floating-point format of IEEE 754's kind.

    Attributes:
        name: its name in torch.
        exponent: number of exponent bits.
        mantissa: number of mantissa bits that are stored.
    """

    name: str
    exponent: int
    mantissa: int

    @property
    def bits(self) -> int:
        """Number of bits in all, the sign included."""
        return 1 + self.exponent + self.mantissa

    @property
    def bias(self) -> int:
        """What is subtracted from the stored exponent."""
        return 2 ** (self.exponent - 1) - 1

    @property
    def largest(self) -> Fraction:
        """The largest finite number."""
        return (2 - Fraction(1, 2**self.mantissa)) * 2**self.bias

    @property
    def smallest(self) -> Fraction:
        """The smallest number above 0, a subnormal one."""
        return Fraction(1, 2 ** (self.bias - 1 + self.mantissa))

    @property
    def smallest_normal(self) -> Fraction:
        """The smallest number that has all its bits of precision."""
        return Fraction(1, 2 ** (self.bias - 1))

    def encode(self, number: float) -> int:
        """Return the bit pattern of the nearest number, ties to the even one, as an integer.

        Equal to torch for every float32. A float64 is rounded once here and by NumPy; torch rounds it to float32 on the
        way to 16 bits, so a float64 within a hair of a tie can come out one step apart.
        """
        negative = math.copysign(1.0, number) < 0
        top = (1 << (self.bits - 1)) if negative else 0
        infinity = ((1 << self.exponent) - 1) << self.mantissa
        if math.isnan(number):
            return infinity | 1 << (self.mantissa - 1)
        if math.isinf(number):
            return top | infinity
        exact = abs(Fraction(number))
        if exact == 0:
            return top
        power = max(_floor_log2(exact), 1 - self.bias)
        steps = round(exact / Fraction(2) ** (power - self.mantissa))  # Python rounds halves to even, as IEEE 754 does
        # A count of steps that reaches 2**(mantissa + 1) carries into the exponent by itself.
        pattern = ((power + self.bias - 1) << self.mantissa) + steps
        return top | min(pattern, infinity)

    def decode(self, pattern: int) -> float:
        """Return the number that a bit pattern stands for."""
        sign = -1.0 if pattern >> (self.bits - 1) else 1.0
        exponent = pattern >> self.mantissa & ((1 << self.exponent) - 1)
        fraction = pattern & ((1 << self.mantissa) - 1)
        if exponent == (1 << self.exponent) - 1:
            return math.nan if fraction else sign * math.inf
        if exponent == 0:
            return sign * math.ldexp(fraction, 1 - self.bias - self.mantissa)
        return sign * math.ldexp(fraction + (1 << self.mantissa), exponent - self.bias - self.mantissa)

    def spacing(self, pattern: int) -> float:
        """Return the distance from a finite number to the next one away from zero."""
        exponent = pattern >> self.mantissa & ((1 << self.exponent) - 1)
        return math.ldexp(1.0, max(exponent, 1) - self.bias - self.mantissa)


FORMATS = (Format("float32", 8, 23), Format("float16", 5, 10), Format("bfloat16", 8, 7))


def _floor_log2(value: Fraction) -> int:
    power = value.numerator.bit_length() - value.denominator.bit_length()
    return power if Fraction(2) ** power <= value else power - 1


def read_number(text: str) -> float:
    """Return the float64 that `text` means: a number, inf, nan, or arithmetic such as `2**24 + 1` or `1/3`.

    Raises NumberError: for anything else.
    """
    if len(text) > 80:
        raise NumberError(f"Expected at most 80 characters, got {len(text)}.")
    text = text.strip().replace("−", "-")
    try:
        return float(_value(ast.parse(text, mode="eval").body))
    except (SyntaxError, RecursionError, MemoryError, ValueError) as problem:
        if isinstance(problem, NumberError):
            raise
        raise NumberError(f"Expected a number such as 0.1, 1e-8 or 2**24 + 1, got {text!r}.") from None
    except OverflowError:
        raise NumberError(f"`{text}` is larger than even a float64 can hold, about 1.8e308.") from None
    except ZeroDivisionError:
        raise NumberError(f"`{text}` divides by zero; type inf for infinity.") from None


def _value(node: ast.expr) -> int | float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id="inf" | "nan" as name):
            return float(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _value(left), _value(right)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div():
                    return a / b
                case ast.Pow():
                    # Whole numbers stay exact as long as they are of a size that a float could have.
                    small = isinstance(a, int) and isinstance(b, int) and 0 <= b <= 1100 and abs(a) <= 1000
                    power = a**b if small else float(a) ** float(b)
                    if isinstance(power, int | float):
                        return power
    raise NumberError(f"Expected a number such as 0.1, 1e-8 or 2**24 + 1, got `{ast.unparse(node)}`.")


def explain(number: float) -> dict:
    """Say how `number` is stored in each format.

    Returns:
        A JSON-able dict with `number` (as typed), `words` and `formats`: for each its name, sizes, bit pattern as
        a text of 0 and 1, what is stored (`stored`, the fewest digits that name it, and `digits`, all of them), the
        formula, the spacing, a kind ("normal", "subnormal", "zero", "inf", "nan"), `exact`, and sentences; `ruler`,
        tick marks between the neighbours of the number in the coarsest format.
    """
    formats = [_explain(f, number) for f in FORMATS]
    stored = ", ".join(f"{one['digits'] or one['stored']} in {one['name']}" for one in formats)
    words = f"{_shortest(number)} is stored as {stored}."
    return {"number": _shortest(number), "words": words, "formats": formats, "ruler": _ruler(number)}


def _explain(f: Format, number: float) -> dict[str, Any]:
    pattern = f.encode(number)
    stored = f.decode(pattern)
    text = format(pattern, f"0{f.bits}b")
    exponent = int(text[1 : 1 + f.exponent], 2)
    fraction = int(text[1 + f.exponent :], 2)
    kind = "normal"
    if math.isnan(stored):
        kind = "nan"
    elif math.isinf(stored):
        kind = "inf"
    elif stored == 0:
        kind = "zero"
    elif exponent == 0:
        kind = "subnormal"
    return {
        "name": f.name,
        "sizes": [1, f.exponent, f.mantissa],
        "bits": text,
        "stored": _nearest_text(f, stored),
        "digits": _exact_text(stored),
        "kind": kind,
        "exact": stored == number or (math.isnan(stored) and math.isnan(number)),
        "formula": _formula(f, kind, text[0], exponent, fraction),
        "spacing": short(f.spacing(pattern)) if math.isfinite(stored) else "",
        "words": _words(f, number, stored, kind, pattern),
        "limits": f"from {short(float(f.smallest))} to {short(float(f.largest), 5)}; after 1 comes 1 + "
        f"{short(2.0**-f.mantissa)}",
    }


def _formula(f: Format, kind: str, sign: str, exponent: int, fraction: int) -> str:
    minus = "−" if sign == "1" else "+"
    if kind in ("inf", "nan"):
        return f"exponent bits all 1: {'infinity, mantissa 0' if kind == 'inf' else 'not a number, mantissa not 0'}"
    if kind in ("zero", "subnormal"):
        return f"{minus} 2^({1 - f.bias}) × (0 + {fraction}/{2**f.mantissa})".replace("(-", "(−")
    return f"{minus} 2^({exponent} − {f.bias}) × (1 + {fraction}/{2**f.mantissa})"


def _words(f: Format, number: float, stored: float, kind: str, pattern: int) -> str:
    typed = _shortest(number)
    if math.isnan(number) or math.isinf(number):
        return "A special value: the exponent bits are all 1."
    if kind == "inf":
        largest = short(float(f.largest), 6)
        return f"Overflow: {typed} is beyond the largest {f.name}, {largest}, so it becomes {short(stored)}."
    if stored == 0 and number != 0:
        return f"Underflow: the smallest {f.name} above 0 is {short(float(f.smallest))}; {typed} is nearer to 0."
    spacing = short(f.spacing(pattern))
    parts = []
    if stored == number:
        parts.append(f"Stored exactly. The next number away from 0 is {spacing} further.")
    else:
        error = abs(Fraction(stored) - Fraction(number))
        share = float(error / abs(Fraction(number)))
        parts.append(f"Rounded: off by {short(float(error), 3)}, {short(100 * share, 2)} % of it.")
        parts.append(f"Neighbours here are {spacing} apart.")
    if kind == "subnormal":
        parts.append("Subnormal: too small for a leading 1, so it has fewer digits of precision.")
    elif abs(stored) >= 2 ** (f.mantissa + 1):
        parts.append("At this size not even every whole number can be stored.")
    return " ".join(parts)


def _shortest(number: float) -> str:
    if not math.isfinite(number):
        return short(number)
    text = repr(number)
    if text.endswith(".0"):
        text = text[:-2]
    return text.replace("e+", "e").replace("e-0", "e-").replace("-", "−")


def _nearest_text(f: Format, stored: float) -> str:
    """Write a stored number with the fewest digits that lead back to it, as torch prints it."""
    if not math.isfinite(stored) or stored == 0:
        return "−0" if stored == 0 and math.copysign(1, stored) < 0 else short(stored)
    for digits in range(1, 18):
        text = f"{stored:.{digits}g}"
        if f.decode(f.encode(float(text))) == stored:
            return _shortest(float(text))
    return _shortest(stored)


def _exact_text(stored: float) -> str:
    """Write every digit of a finite number; its binary fraction always ends in decimal too."""
    if not math.isfinite(stored):
        return ""
    exact = Fraction(stored)
    power = exact.denominator.bit_length() - 1  # the denominator is 2**power, so power decimals are enough
    digits = abs(exact.numerator) * 5**power
    text = str(digits).rjust(power + 1, "0")
    if power:
        text = f"{text[:-power]}.{text[-power:]}"
    if len(text) > 40:
        return ""
    return ("−" if exact < 0 else "") + text


def _ruler(number: float) -> dict[str, Any] | None:
    """Return where the numbers of each format lie around `number`, as shares of a window four coarse steps wide."""
    coarse = FORMATS[-1]
    if not math.isfinite(number) or abs(Fraction(number)) >= coarse.largest or number == 0:
        return None
    centre = Fraction(coarse.decode(coarse.encode(number)))
    step = Fraction(coarse.spacing(coarse.encode(number)))
    low, high = centre - 2 * step, centre + 2 * step
    rows = []
    for f in FORMATS:
        ticks: list[float] | None = []
        spacing = Fraction(f.spacing(f.encode(float(centre)))) if abs(centre) <= f.largest else None
        inside = 0 if spacing is None else int((high - low) / spacing)
        if inside > 70:
            ticks = None  # too many to draw one by one: a filled band
        elif spacing is not None:
            pattern = f.encode(float(low))
            here = Fraction(f.decode(pattern))
            while here <= high and len(ticks or []) < 100:
                if here >= low and ticks is not None:
                    ticks.append(float((here - low) / (high - low)))
                here += Fraction(f.spacing(f.encode(float(here))))
        rows.append({"name": f.name, "ticks": ticks, "inside": inside})
    return {
        "low": short(float(low), 6),
        "high": short(float(high), 6),
        "at": float((Fraction(number) - low) / (high - low)),
        "rows": rows,
    }
