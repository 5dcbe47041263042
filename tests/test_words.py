"""Numbers as people read them: the boundaries between units, and a larger number that never reads as a smaller one."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstudy import words

SIZES = {"byte": 1, "bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
TIMES = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600}
AMOUNTS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def read(text: str, units: dict[str, float]) -> float:
    """Read "1.2 MB" back."""
    value, _, unit = text.partition(" ")
    return number(value) * units[unit]


def read_span(text: str) -> float:
    """Read "40 s", "45 min" or "2 h 05" back."""
    value, unit, *rest = text.removeprefix("−").split(" ")
    passed = number(value) * TIMES[unit] + 60 * number(rest[0] if rest else "0")
    return -passed if text.startswith("−") else passed


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (2, 4, "2"),
        (0.88079, 4, "0.8808"),
        (-1.5e-8, 4, "−1.5e−8"),
        (1.5e20, 4, "1.5e20"),
        (-0.0, 4, "0"),
        (2e-7, 1, "2e−7"),
        (math.inf, 4, "inf"),
        (-math.inf, 4, "−inf"),
        (math.nan, 4, "nan"),
    ],
)
def test_short_numbers(value: float, digits: int, text: str) -> None:
    assert words.short(value, digits) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (2.14, 2, "2.1"),
        (2.0, 2, "2"),
        (17.2, 2, "17"),
        (99.6, 2, "100"),
        (1666.7, 2, "1,700"),
        (-1666.7, 2, "−1,700"),
        (0.012345, 3, "0.0123"),
        (999.6, 3, "1,000"),
        (0, 3, "0"),
        (math.inf, 3, "inf"),
        (-math.inf, 3, "−inf"),
        (math.nan, 3, "nan"),
    ],
)
def test_a_large_rounded_number_is_written_out(value: float, digits: int, text: str) -> None:
    assert words.rounded(value, digits) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "?"),
        (0, "0"),
        (7, "7"),
        (999, "999"),
        (1000, "1.00 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (11_689_512, "11.7 M"),
        (25_557_032, "25.6 M"),
        (999_600_000, "1.00 G"),
        (4_089_184_256, "4.09 G"),
        (-25_557_032, "−25.6 M"),
        (12_345 * 10**12, "12,300 T"),
    ],
)
def test_amounts_align_in_a_column(number: int | None, text: str) -> None:
    assert words.amount(number) == text


def test_one_thing_and_several() -> None:
    assert [words.counted(n, "cell") for n in (0, 1, 2)] == ["0 cells", "1 cell", "2 cells"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "of unknown size"),
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (999.7, "1 kB"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (1_115_394, "1.12 MB"),
        (102_530_333, "103 MB"),
        (999_600_000, "1 GB"),
        (6_431_829_964, "6.43 GB"),
        (2.5e15, "2,500 TB"),
        (-2_500_000, "−2.5 MB"),
    ],
)
def test_sizes_have_three_digits_and_a_unit(count: float | None, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        (0, "0 s"),
        (3e-8, "30 ns"),
        (4.2e-6, "4.2 µs"),
        (0.000_999_6, "1 ms"),
        (1e-3, "1 ms"),
        (0.01234, "12.3 ms"),
        (0.999_6, "1 s"),
        (1.5, "1.5 s"),
        (4321, "4,320 s"),
        (-0.01234, "−12.3 ms"),
    ],
)
def test_measured_times_have_three_digits_and_a_unit(measured: float, text: str) -> None:
    assert words.seconds(measured) == text


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (0, "0 min"),
        (0.2, "0 min"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (2700, "45 min"),
        (3569, "59 min"),
        (3599, "1 h"),
        (5400, "1 h 30"),
        (7500, "2 h 05"),
        (36_000_000, "10,000 h"),
        (-0.2, "0 min"),
        (-40, "−40 s"),
        (-7500, "−2 h 05"),
    ],
)
def test_spans_as_people_say_them(passed: float, text: str) -> None:
    assert words.span(passed) == text


CASES: list[tuple[Callable[[float], str], Callable[[str], float]]] = [
    (lambda value: words.short(value, 3), number),
    (words.rounded, number),
    (words.size, lambda text: read(text, SIZES)),
    (words.seconds, lambda text: read(text, TIMES)),
]


@pytest.mark.parametrize(("write", "back"), CASES, ids=["short", "rounded", "size", "seconds"])
@given(value=st.floats(-1e20, 1e20))
def test_what_is_written_is_the_number_to_three_digits(
    write: Callable[[float], str], back: Callable[[str], float], value: float
) -> None:
    assert back(write(value)) == pytest.approx(value, rel=0.00501, abs=1e-300)


@given(value=st.integers(-(10**20), 10**20))
def test_an_amount_is_the_number_to_three_digits(value: int) -> None:
    assert read(words.amount(value), AMOUNTS) == pytest.approx(value, rel=0.00501)


@given(value=st.floats(-1e9, 1e9))
def test_a_span_is_the_time_to_the_minute(value: float) -> None:
    assert read_span(words.span(value)) == pytest.approx(value, abs=0.501 if abs(value) < 59 else 30.501)


@pytest.mark.parametrize(
    ("write", "back"), [*CASES, (words.span, read_span)], ids=["short", "rounded", "size", "seconds", "span"]
)
@given(pair=st.tuples(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15)), near=st.floats(0.99, 1.01))
def test_a_larger_number_never_reads_as_a_smaller_one(
    write: Callable[[float], str], back: Callable[[str], float], pair: tuple[float, float], near: float
) -> None:
    for first, second in (pair, (pair[0], pair[0] * near)):
        small, large = sorted((first, second))
        smaller, larger = back(write(small)), back(write(large))
        assert smaller <= larger or smaller == pytest.approx(larger, rel=1e-12)  # the reading back rounds


@given(value=st.floats(1e-9, 9.994e14))
def test_no_text_has_an_exponent_or_four_digits_before_the_point(value: float) -> None:
    for text in (words.size(max(value, 1.0)), words.seconds(value) if value < 999 else "0"):
        assert "e" not in text.removesuffix("bytes").removesuffix("byte")
        assert number(text.split(" ")[0]) < 1000
