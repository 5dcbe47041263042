"""Figures that pages share: static pictures that follow the theme, and interactive ones.

Names are loaded on first use, so that the colours can be read without Matplotlib, anywidget or NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dlstudy.figures.palette import BLUE, CYCLE, GREEN, LINE, MUTED, ORANGE, PAPER, PURPLE, RED, SKY, tokens_css

if TYPE_CHECKING:
    from dlstudy.figures.descent.surface_descent import SurfaceDescent
    from dlstudy.figures.graph.graph_explorer import GraphExplorer
    from dlstudy.figures.svg import StaticFigure, figure, use_course_style

_HOMES = {
    "GraphExplorer": "graph.graph_explorer",
    "figure": "svg",
    "StaticFigure": "svg",
    "SurfaceDescent": "descent.surface_descent",
    "use_course_style": "svg",
}

__all__ = [
    "BLUE",
    "CYCLE",
    "GREEN",
    "LINE",
    "MUTED",
    "ORANGE",
    "PAPER",
    "PURPLE",
    "RED",
    "SKY",
    "GraphExplorer",
    "StaticFigure",
    "SurfaceDescent",
    "figure",
    "tokens_css",
    "use_course_style",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
