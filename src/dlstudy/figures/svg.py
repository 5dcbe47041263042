"""Matplotlib figures as inline SVG that reads in light and dark, keeps its text as text and describes itself."""

from __future__ import annotations

import hashlib
import html
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlstudy.figures.palette import CSS_NAMES, CYCLE, LINE, PAPER, tokens_css

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"

_COLOUR_STYLE = re.compile(r"\b(fill|stroke|stop-color):\s*(#[0-9a-fA-F]{6})\b")
_COLOUR_ATTRIBUTE = re.compile(r"\b(fill|stroke|stop-color)=\"(#[0-9a-fA-F]{6})\"")


def use_course_style() -> None:
    """Set Matplotlib's defaults for this process: the course's colours, no box around the axes, a light grid."""
    import matplotlib
    from cycler import cycler

    matplotlib.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=list(CYCLE)),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "axes.axisbelow": True,
            "grid.color": LINE,
            "grid.linewidth": 0.6,
            "axes.titlesize": 11,
            "axes.labelsize": 10,
            "legend.facecolor": PAPER,
            "legend.edgecolor": "none",
            "legend.framealpha": 0.85,
            "figure.constrained_layout.use": True,
        }
    )


def subplots(*shape: int, **options: Any) -> Any:
    """Return what `pyplot.subplots` returns, a figure and its axes, in the course's style."""
    from matplotlib import pyplot

    use_course_style()
    return pyplot.subplots(*shape, **options)


@dataclass(frozen=True)
class StaticFigure:
    """An inline SVG with a caption; what a cell shows when this is its last expression."""

    svg: str
    caption: str
    alt: str
    max_width: int = field(default=720)

    def _repr_html_(self) -> str:
        """Return the figure element: colours, picture, caption."""
        caption = f"<figcaption>{_inline(self.caption)}</figcaption>" if self.caption else ""
        return (
            f'<figure class="dls-figure" style="margin:0.6rem 0;max-width:{self.max_width}px">'
            f"<style>{_compact(tokens_css())}{_FIGURE_CSS}</style>"
            f'<div class="dls-picture">{self.svg}</div>{caption}</figure>'
        )

    def __str__(self) -> str:
        return self._repr_html_()


_FIGURE_CSS = (
    ".dls-figure svg{display:block;width:100%;height:auto;color:var(--dls-fg)}"
    # On a phone a picture is scrolled sideways rather than shrunk until its words cannot be read.
    "@media(max-width:600px){.dls-figure .dls-picture{overflow-x:auto}.dls-figure svg{min-width:30rem}}"
    ".dls-figure figcaption{color:var(--dls-muted);font-size:.9rem;line-height:1.45;margin-top:.4rem}"
    ".dls-figure figcaption code{background:var(--dls-code-bg);border-radius:3px;padding:0 .25em}"
)


def figure(fig: Figure, caption: str, alt: str) -> StaticFigure:
    """Turn a Matplotlib figure into a captioned inline SVG in the page's own colours, and close it.

    Black becomes the page's text colour, the palette's colours become the theme's, the background is transparent, text
    stays text (no font travels). Plain white and near-black such as `"#111111"` stay what they are: use those for
    numbers written on coloured cells, and `palette.PAPER` for what should look like the page. Ids are unique to the
    picture's content, so two figures on a page never clash.

    Args:
        fig: the figure; give it labelled axes with units.
        caption: one sentence that says what to see; `` `code` `` is allowed.
        alt: what the picture shows, for someone who cannot see it.

    Raises ValueError: if `alt` is empty.
    """
    if not alt.strip():
        raise ValueError("expected a description of the picture in alt=, got an empty text")
    import matplotlib
    from matplotlib import pyplot

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "dlstudy"}):
        fig.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    width = fig.get_size_inches()[0]
    pyplot.close(fig)
    return StaticFigure(_themed(buffer.getvalue(), alt), caption, alt, max_width=round(width * 100))


def _themed(svg: str, alt: str) -> str:
    """Rewrite Matplotlib's SVG document as an inline element that takes colours and font from the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Matplotlib's own style element would restyle every line of the page it is put in.
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    salt = "dls" + hashlib.sha256((svg + alt).encode()).hexdigest()[:8]
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{salt}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{salt}-\1)", svg)
    svg = re.sub(r'\bhref="#([^"]+)"', rf'href="#{salt}-\1"', svg)
    svg = _COLOUR_STYLE.sub(lambda m: f"{m[1]}: {_css_colour(m[2])}", svg)
    svg = _COLOUR_ATTRIBUTE.sub(lambda m: f'{m[1]}="{m[2]}" style="{m[1]}: {_css_colour(m[2])}"', svg)
    # `font: 10px 'DejaVu Sans', ...` names a font few readers have; formulas keep theirs.
    svg = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", _FONT, svg)
    svg = re.sub(r"font-family: ?'?DejaVu Sans'?[^;\"]*", f"font-family: {_FONT}", svg)
    opening = re.match(r"<svg[^>]*>", svg)
    assert opening is not None
    view_box = re.search(r'viewBox="([^"]+)"', opening[0])
    assert view_box is not None
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{view_box[1]}" '
        f'role="img" aria-label="{html.escape(alt, quote=True)}" fill="currentColor" '
        'style="stroke-linejoin:round;stroke-linecap:butt">'
    )
    return re.sub(r"\s*\n\s*", "\n", head + svg[opening.end() :]).strip()


def _css_colour(hex_: str) -> str:
    hex_ = hex_.lower()
    if hex_ == "#000000":
        return "currentColor"
    name = CSS_NAMES.get(hex_)
    return f"var({name}, {hex_})" if name else hex_


def _compact(css: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)).strip()


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
