"""The course's colours for Matplotlib: the light values of `static/tokens.css` by name."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

BLUE = "#0063a6"
ORANGE = "#955f00"
GREEN = "#00734f"
RED = "#b8450a"
PURPLE = "#a0417f"
SKY = "#11759c"
MUTED = "#5b646e"
LINE = "#c9cfd6"
PAPER = "#fefefe"
"""The page itself: use it for the face of a legend or the edge of a marker, never plain white."""

CYCLE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)
"""Order in which Matplotlib takes colours when none is named."""

CSS_NAMES = {
    BLUE: "--dls-blue",
    ORANGE: "--dls-orange",
    GREEN: "--dls-green",
    RED: "--dls-red",
    PURPLE: "--dls-purple",
    SKY: "--dls-sky",
    MUTED: "--dls-muted",
    LINE: "--dls-line",
    PAPER: "--dls-bg",
}
"""Matplotlib colour -> the CSS custom property that replaces it, so that a figure follows the page's theme."""


@cache
def tokens_css() -> str:
    """Return the text of `tokens.css`, the custom properties that every stylesheet of the course builds on."""
    return files(__package__).joinpath("static", "tokens.css").read_text(encoding="utf-8")
