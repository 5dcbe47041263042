"""What all interactive figures share: their JavaScript and CSS, put together from the files under ``static/``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import anywidget

from dlstudy.figures.palette import tokens_css


@cache
def _static(name: str) -> str:
    return files(__package__).joinpath("static", name).read_text(encoding="utf-8")


def module(*names: str) -> str:
    """Return the JavaScript module of one figure: the shared helpers, then ``static/<name>.js`` for each name."""
    return "\n".join((_static("shared.js"), *(_static(f"{name}.js") for name in names)))


def stylesheet(name: str) -> str:
    """Return the stylesheet of one figure: colours, shared rules, then ``static/<name>.css``."""
    return "\n".join((tokens_css(), _static("shared.css"), _static(f"{name}.css")))


class Figure(anywidget.AnyWidget):
    """A figure whose numbers are computed in Python and drawn in the browser.

    Everything that can be changed in the browser is a synchronised trait, so that a test, or a cell of the page, can
    drive it from Python.
    """
