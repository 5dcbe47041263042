import json
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from dlstudy.lessons.lesson01.float_bits import EXAMPLES, FloatBits
from dlstudy.lessons.lesson01.float_bits_numbers import FORMATS, NumberError, explain, read_number

SIGNED = {32: torch.int32, 16: torch.int16}


def single(number):
    return float(torch.tensor(number, dtype=torch.float64).float().double())


def bits_in_torch(number, f):
    stored = torch.tensor([number], dtype=torch.float64).to(getattr(torch, f.name))
    return int(stored.view(SIGNED[f.bits]).item()) % 2**f.bits, float(stored.item())


def samples():
    rng = np.random.default_rng(0)
    edges = [0.0, -0.0, 0.1, 65504.0, 65519.999, 65520.0, 70000.0, 1e-8, 2.0**24 + 1, 3.4e38, 3.41e38, 1e-45, 1e-46,
             2.0**-25, 2.0**-24, 1.5 * 2.0**-24, 257.0, 258.0, 259.0, math.inf, -math.inf]  # fmt: skip
    scales = (rng.standard_normal(600) * 10.0 ** rng.uniform(-48, 40, 600)).tolist()
    return edges + scales + rng.standard_normal(100).tolist()


@pytest.mark.parametrize("f", FORMATS, ids=lambda f: f.name)
def test_bits_and_values_equal_torch(f):
    for number in map(single, samples()):
        pattern = f.encode(number)
        expected, stored = bits_in_torch(number, f)
        assert pattern == expected, (number, f.name)
        assert f.decode(pattern) == stored


def test_a_float64_is_rounded_once_as_in_numpy():
    single_precision, half = FORMATS[:2]
    with np.errstate(over="ignore"):
        for number in samples():
            assert half.encode(number) == int(np.float16(number).view(np.uint16))
            assert single_precision.encode(number) == int(np.float32(number).view(np.uint32))


def test_every_float16_pattern_decodes_as_numpy_does_and_comes_back():
    f = FORMATS[1]
    values = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float64)
    for pattern, value in enumerate(values.tolist()):
        if math.isnan(value):
            assert math.isnan(f.decode(pattern))
        else:
            assert f.decode(pattern) == value
            assert f.encode(value) == pattern


@pytest.mark.parametrize("f", FORMATS, ids=lambda f: f.name)
def test_limits_equal_torch(f):
    info = torch.finfo(getattr(torch, f.name))
    assert float(f.largest) == info.max
    assert float(f.smallest_normal) == info.tiny
    assert 2.0**-f.mantissa == info.eps


def test_spacing_is_the_distance_to_the_next_number():
    for f in FORMATS:
        for number in (0.1, 1.0, 1.999, 1000.0, 3e-5):
            pattern = f.encode(number)
            assert f.spacing(pattern) == f.decode(pattern + 1) - f.decode(pattern)
    assert FORMATS[0].spacing(FORMATS[0].encode(0.1)) == np.spacing(np.float32(0.1))


def row(number, name):
    return next(one for one in explain(number)["formats"] if one["name"] == name)


def test_what_is_said_about_known_numbers():
    assert row(70000.0, "float16")["kind"] == "inf"
    assert "Overflow" in row(70000.0, "float16")["words"]
    assert "Underflow" in row(1e-8, "float16")["words"]
    assert row(65504.0, "float16")["exact"]
    assert row(2.0**24 + 1, "float32")["stored"] == "16777216"
    assert "whole number" in row(2.0**24 + 1, "float32")["words"]
    assert row(0.1, "float32")["stored"] == "0.1"
    assert row(0.1, "float32")["digits"] == "0.100000001490116119384765625"
    assert row(0.1, "float16")["stored"] == "0.1"
    assert row(0.1, "bfloat16")["digits"] == "0.10009765625"
    assert "Subnormal" in row(6e-8, "float16")["words"]
    assert row(257.0, "bfloat16")["stored"] == "256"
    assert row(-0.0, "float32")["stored"] == "−0"


def test_the_exact_digits_are_exact_and_the_short_ones_lead_back():
    for number in samples():
        if not math.isfinite(number):
            continue
        for f, one in zip(FORMATS, explain(number)["formats"]):
            stored = f.decode(f.encode(number))
            if one["digits"]:
                assert Fraction(one["digits"].replace("−", "-")) == Fraction(stored)
            if math.isfinite(stored):
                assert f.decode(f.encode(float(one["stored"].replace("−", "-")))) == stored


def test_the_ruler_shows_the_numbers_that_exist():
    ruler = explain(0.1)["ruler"]
    low, high = (float(ruler[key]) for key in ("low", "high"))
    half = next(one for one in ruler["rows"] if one["name"] == "float16")
    existing = np.arange(2**15, dtype=np.uint16).view(np.float16).astype(float)
    expected = existing[(existing >= low - 1e-6) & (existing <= high + 1e-6)]
    np.testing.assert_allclose([low + tick * (high - low) for tick in half["ticks"]], expected, rtol=1e-5)
    assert ruler["rows"][0]["ticks"] is None
    assert len(ruler["rows"][2]["ticks"]) == 5
    assert 0 <= ruler["at"] <= 1
    assert explain(math.inf)["ruler"] is None
    assert explain(70000.0)["ruler"]["rows"][1]["ticks"] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.1", 0.1), ("2**24 + 1", 16777217.0), ("1/3", 1 / 3), ("-1e-8", -1e-8), (" inf ", math.inf), ("−2", -2.0)],
)
def test_numbers_can_be_typed(text, value):
    assert read_number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "1 +",
        "x * 2",
        "True",
        "'1'",
        "__import__('os')",
        "10**400",
        "1/0",
        "9**9**9",
        "(-1)**0.5",
        "1" * 90,
        "[1]",
    ],
)
def test_anything_else_is_refused_with_a_sentence(text):
    with pytest.raises(NumberError, match=r"\.$"):
        read_number(text)


@pytest.mark.parametrize("text", [text for text, _ in EXAMPLES])
def test_examples_show(text):
    figure = FloatBits(text)
    assert figure.error == ""
    json.dumps(figure.report, allow_nan=False)


def flip(figure, name, bit):
    bits = list(next(one["bits"] for one in figure.report["formats"] if one["name"] == name))
    bits[bit] = "10"[int(bits[bit])]
    for _ in range(2):  # the page engine delivers a change twice
        figure.pattern = [name, "".join(bits)]


def test_flipping_a_bit_twice_comes_back_and_the_sign_bit_is_the_sign():
    figure = FloatBits("0.1")
    flip(figure, "float16", 0)
    stored = float(np.float16(0.1))
    assert float(figure.number) == -stored
    flip(figure, "float16", 0)
    assert float(figure.number) == stored
    flip(figure, "bfloat16", 15)
    assert float(figure.number) != stored
    figure.number = "1"
    flip(figure, "float32", 1)  # the top exponent bit of 1 makes all exponent bits 1
    assert figure.number == "inf"
    flip(figure, "float32", 31)
    assert figure.number == "nan"
    with pytest.raises(ValueError, match="all its bits"):
        figure.pattern = ["float16", "0" * 17]


def test_bad_input_keeps_the_last_report():
    figure = FloatBits("0.5")
    before = figure.report
    figure.number = "half"
    assert "Expected a number" in figure.error
    assert figure.report == before
