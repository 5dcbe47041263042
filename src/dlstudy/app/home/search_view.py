"""The search box of the home page, and the page with all results for it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from dlstudy.app import icons, layout

if TYPE_CHECKING:
    from dlstudy.app.site import Site
    from dlstudy.course.content.search import Hit

ALL = 60
"""How many places the page with all results shows."""
KINDS = {"section": "", "exercise": "exercise", "term": "", "lesson": "lesson", "note": "your note"}


def form(site: Site, words: str = "") -> str:
    """Return the search box; without its script it leads to the page of results."""
    return (
        f'<form class="search" role="search" action="{site.base}/search">'
        f'{icons.SEARCH}<label class="hidden" for="search">Search lessons, exercises, glossary and notes</label>'
        f'<input id="search" name="q" type="search" value="{escape(words)}" placeholder="Search the course" '
        'autocomplete="off" spellcheck="false" maxlength="200" aria-describedby="found">'
        '<kbd aria-hidden="true">/</kbd><div class="results" hidden><ul></ul></div>'
        '<span id="found" role="status"></span></form>'
    )


def as_data(site: Site, hit: Hit) -> dict[str, Any]:
    """Return a result as plain data for the script; the address is empty for a lesson that is not written."""
    entry = hit.entry
    return {
        "kind": KINDS[entry.kind],
        "title": entry.title,
        "where": entry.where,
        "address": f"{site.base}/{entry.address}" if entry.page else "",
        "snippet": [list(piece) for piece in hit.snippet],
    }


def page(site: Site, words: str, hits: list[Hit]) -> str:
    """Return the page with all results."""
    if not words.strip():
        said = "Type what you look for: a word of a lesson, a function, a term of the glossary."
    elif not hits:
        said = "Nothing in the course holds all these words. Fewer or shorter words find more."
    else:
        said = f"{len(hits)} place{'s' * (len(hits) != 1)}" + (" at least" if len(hits) == ALL else "")
    rows = "".join(_row(site, hit) for hit in hits)
    return (
        '<!doctype html><html lang="en"><head>'
        f"{layout.head(site, 'Search', ('home.css',))}</head><body>"
        f'<header class="top">{form(site, words)}<nav aria-label="Course"><a href="{site.base}/">Lessons</a>'
        f'<button type="button" data-theme-toggle class="icon">{icons.SUN}{icons.MOON}</button></nav></header>'
        f'<main class="found"><h1>Search</h1><p role="status">{said}</p><ul class="places">{rows}</ul></main>'
        "</body></html>"
    )


def _row(site: Site, hit: Hit) -> str:
    entry = hit.entry
    kind = f'<span class="kind">{KINDS[entry.kind]}</span>' if KINDS[entry.kind] else ""
    title = escape(entry.title)
    link = f'<a href="{site.base}/{escape(entry.address)}">{title}</a>' if entry.page else f"<span>{title}</span>"
    text = "".join(f"<mark>{escape(part)}</mark>" if match else escape(part) for part, match in hit.snippet)
    return f'<li>{link} <span class="where">{escape(entry.where)}</span>{kind}<p>{text}</p></li>'
