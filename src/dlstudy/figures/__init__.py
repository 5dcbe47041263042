"""Figures that pages share: static pictures that follow the theme, and interactive ones.

Names are loaded on first use, so that the colours can be read without Matplotlib, anywidget or NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dlstudy.figures.palette import BLUE, CYCLE, GREEN, LINE, MUTED, ORANGE, PAPER, PURPLE, RED, SKY, tokens_css

if TYPE_CHECKING:
    from dlstudy.figures.architecture import ArchitectureExplorer
    from dlstudy.figures.biasvariance import BiasVariance
    from dlstudy.figures.broadcast import BroadcastVisualiser
    from dlstudy.figures.canvas import DigitCanvas
    from dlstudy.figures.descent import SurfaceDescent
    from dlstudy.figures.explorer import GraphExplorer
    from dlstudy.figures.floatbits import FloatBits
    from dlstudy.figures.gates import GateExplorer
    from dlstudy.figures.gradientmap import GradientMap
    from dlstudy.figures.hidden import HiddenViewer
    from dlstudy.figures.inspector import AttentionInspector
    from dlstudy.figures.labelbudget import LabelBudget
    from dlstudy.figures.maskpainter import MaskPainter
    from dlstudy.figures.neighbours import NearestNeighbours
    from dlstudy.figures.playground import Playground
    from dlstudy.figures.race import OptimizerRace
    from dlstudy.figures.sliding import SlidingKernel
    from dlstudy.figures.stepper import BackpropStepper
    from dlstudy.figures.strides import StridesViewer
    from dlstudy.figures.svg import StaticFigure, figure, use_course_style

_HOMES = {
    "ArchitectureExplorer": "architecture",
    "AttentionInspector": "inspector",
    "MaskPainter": "maskpainter",
    "BackpropStepper": "stepper",
    "BiasVariance": "biasvariance",
    "OptimizerRace": "race",
    "BroadcastVisualiser": "broadcast",
    "DigitCanvas": "canvas",
    "FloatBits": "floatbits",
    "GateExplorer": "gates",
    "GradientMap": "gradientmap",
    "GraphExplorer": "explorer",
    "HiddenViewer": "hidden",
    "LabelBudget": "labelbudget",
    "NearestNeighbours": "neighbours",
    "Playground": "playground",
    "SlidingKernel": "sliding",
    "figure": "svg",
    "StaticFigure": "svg",
    "StridesViewer": "strides",
    "SurfaceDescent": "descent",
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
    "ArchitectureExplorer",
    "AttentionInspector",
    "BackpropStepper",
    "BiasVariance",
    "BroadcastVisualiser",
    "DigitCanvas",
    "FloatBits",
    "GateExplorer",
    "GradientMap",
    "GraphExplorer",
    "HiddenViewer",
    "LabelBudget",
    "MaskPainter",
    "NearestNeighbours",
    "OptimizerRace",
    "Playground",
    "SlidingKernel",
    "StaticFigure",
    "StridesViewer",
    "SurfaceDescent",
    "figure",
    "tokens_css",
    "use_course_style",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
