"""The small Markdown of questions, hints and verdicts as HTML; for the cards of a page and for the home page."""

from __future__ import annotations

import html
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from markdown_it.rules_inline import StateInline

    from dlstudy.course.content.questions import Asked

_FORMULA = re.compile(r"\$\$[^$]+\$\$|\$(?!\s)[^$\n]+(?<!\s)\$(?!\d)")


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")  # HTML is shown as it was typed
    parser.inline.ruler.before("escape", "formula", _formula)
    return parser


def _formula(state: StateInline, silent: bool) -> bool:
    """A formula is no Markdown: its backslashes, stars and underscores stay, for what draws it."""
    found = _FORMULA.match(state.src, state.pos)
    if not found:
        return False
    if not silent:
        state.pending += found[0]
    state.pos = found.end()
    return True


def to_html(text: str, *, inline: bool = False) -> str:
    """Render simple Markdown; raw HTML in it is escaped. With `inline`, a single paragraph loses its <p>."""
    result = _parser().render(text.strip()).strip()
    if inline and result.startswith("<p>") and result.endswith("</p>") and result.count("<p>") == 1:
        result = result[3:-4]
    return result


def sentence_html(text: str) -> str:
    """Render a sentence in which only `code` is marked: names such as __init__ and products stay as they are."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", html.escape(text.strip(), quote=False)).replace("\n", "<br>")


def options_of(question: Asked) -> list[dict[str, Any]]:
    """The options of a question as a card needs them."""
    return [
        {
            "id": option.id,
            "text": to_html(option.text, inline=True),
            "correct": option.correct,
            "why": to_html(option.why),
        }
        for option in question.options
    ]
