"""The small Markdown of questions, hints and verdicts as HTML; for the cards of a page and for the home page."""

from __future__ import annotations

import html
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import markdown  # type: ignore[import-untyped]  # marimo brings it

if TYPE_CHECKING:
    from dlstudy.course.content.questions import Asked


@cache
def _parser() -> markdown.Markdown:
    parser = markdown.Markdown(extensions=["fenced_code", "tables", "sane_lists"], output_format="html")
    parser.preprocessors.deregister("html_block")  # raw HTML is shown as it was typed, never interpreted
    parser.inlinePatterns.deregister("html")
    return parser


def to_html(text: str, *, inline: bool = False) -> str:
    """Render simple Markdown; raw HTML in it is escaped. With `inline`, a single paragraph loses its <p>."""
    result = _parser().reset().convert(text.strip())
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
