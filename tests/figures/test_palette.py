import re

import pytest

from dlstudy.figures import palette

DATA = ("blue", "orange", "green", "red", "purple", "sky")
TEXT = ("fg", "muted", "accent", "good", "bad", "warn", *DATA)


def tokens(theme: str) -> dict[str, str]:
    blocks = re.findall(r"([^{}]+)\{([^}]*)\}", re.sub(r"/\*.*?\*/", "", palette.tokens_css(), flags=re.DOTALL))
    (body,) = [body for selector, body in blocks if f".{theme}" in selector]
    return dict(re.findall(r"--dls-([a-z-]+):\s*(#[0-9a-f]{6})", body))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", TEXT)
def test_every_text_colour_reads_on_page_and_surface(theme, name):
    colours = tokens(theme)
    for ground in ("bg", "surface", "code-bg"):
        assert contrast(colours[name], colours[ground]) >= 4.5, (theme, name, ground)


def test_both_themes_define_the_same_names():
    assert tokens("light").keys() == tokens("dark").keys()
    assert set(TEXT) | {"bg", "line", "surface", "code-bg"} == tokens("light").keys()


def test_matplotlib_colours_equal_the_light_tokens():
    light = tokens("light")
    for name in (*DATA, "muted", "line"):
        assert getattr(palette, name.upper()) == light[name]
    assert palette.CSS_NAMES[palette.PAPER] == "--dls-bg"


def simulated(colour: str, matrix: list[list[float]]) -> list[float]:
    """How a dichromat sees it: Machado, Oliveira and Fernandes (2009), severity 1, in linear RGB."""
    channels = [(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
    return [max(0.0, sum(m * c for m, c in zip(row, channels))) ** (1 / 2.2) for row in matrix]


PROTAN = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTAN = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("matrix", [PROTAN, DEUTAN], ids=["protan", "deutan"])
@pytest.mark.parametrize("pair", [("blue", "orange"), ("blue", "red"), ("good", "bad"), ("blue", "warn")])
def test_pairs_that_carry_meaning_stay_apart_for_the_colour_blind(theme, matrix, pair):
    one, other = (simulated(tokens(theme)[name], matrix) for name in pair)
    assert sum((a - b) ** 2 for a, b in zip(one, other)) ** 0.5 > 0.15
