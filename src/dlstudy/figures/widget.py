"""What all interactive figures share: how a figure's own JavaScript and CSS are put together with the shared ones.

A figure is three files of one stem side by side: `gate_explorer.py`, `gate_explorer.js`, `gate_explorer.css`. The
numbers that it shows, where they take more than a few lines, are made in `gate_explorer_numbers.py` beside them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import anywidget

from dlstudy.figures.palette import tokens_css


@cache
def _static(name: str) -> str:
    return files(__package__).joinpath("static", name).read_text(encoding="utf-8")


@cache
def dom_js() -> str:
    """Return the helpers that make elements, for the front of a widget's program; pages of the course import them."""
    return _static("dom.js").replace("\nexport ", "\n")


def module(own: str, *parts: str) -> str:
    """Return the JavaScript of one figure: the shared helpers, `static/<part>.js` of each part, then its own.

    Args:
        own: `__file__` of the figure's Python file; its JavaScript lies beside it under the same stem.
        parts: what else of `static/` it is made of, for example "drawing".
    """
    shared = (_static(f"{name}.js") for name in ("shared", *parts))
    return "\n".join((dom_js(), *shared, Path(own).with_suffix(".js").read_text(encoding="utf-8")))


def stylesheet(own: str) -> str:
    """Return the stylesheet of the figure whose Python file is `own`: colours, shared rules, then its own."""
    return "\n".join((tokens_css(), _static("shared.css"), Path(own).with_suffix(".css").read_text(encoding="utf-8")))


class Figure(anywidget.AnyWidget):
    """A figure whose numbers are computed in Python and drawn in the browser.

    Everything that can be changed in the browser is a synchronised trait, so that a test, or a cell of the page, can
    drive it from Python.
    """
