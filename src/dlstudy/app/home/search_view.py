"""The search box of the home page, and the page with all results for it."""

from __future__ import annotations

from html import escape
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from dlstudy.app import icons, layout
from dlstudy.app.routing import CourseRequest, get
from dlstudy.app.state import State
from dlstudy.course.content.search import Hit
from dlstudy.words import counted

ALL = 60
"""How many places the page with all results shows."""
FEW = 9
"""How many the box shows; its script knows the number too."""
LONGEST = 200
"""Characters of a question that count."""
KINDS = {"section": "", "exercise": "exercise", "term": "", "lesson": "lesson", "note": "your note"}


async def all_places(request: CourseRequest) -> Response:
    """Send the page with all results."""
    words = request.asked("q")[:LONGEST]
    return layout.send(page(request.course, words, await _find(request, words, ALL)))


async def few_places(request: CourseRequest) -> Response:
    """Send the first results as data, for the box."""
    hits = await _find(request, request.asked("q")[:LONGEST], FEW)
    return JSONResponse({"hits": [as_data(request.course, hit) for hit in hits]})


async def _find(request: CourseRequest, words: str, limit: int) -> list[Hit]:
    course = request.course
    return await run_in_threadpool(lambda: course.library.search(words, course.notes.index(), limit))


def form(course: State, words: str = "") -> str:
    """Return the search box; without its script it leads to the page of results."""
    return (
        f'<form class="search" role="search" action="{course.base}/search">'
        f'{icons.SEARCH}<label class="hidden" for="search">Search lessons, exercises, glossary and notes</label>'
        f'<input id="search" name="q" type="search" value="{escape(words)}" placeholder="Search the course" '
        'autocomplete="off" spellcheck="false" maxlength="200" aria-describedby="found">'
        '<kbd aria-hidden="true">/</kbd><div class="results" hidden><ul></ul></div>'
        '<span id="found" role="status"></span></form>'
    )


def as_data(course: State, hit: Hit) -> dict[str, Any]:
    """Return a result as plain data for the script; the address is empty for a lesson that is not written."""
    entry = hit.entry
    return {
        "kind": KINDS[entry.kind],
        "title": entry.title,
        "where": entry.where,
        "address": f"{course.base}/{entry.address}" if entry.page else "",
        "snippet": [list(piece) for piece in hit.snippet],
    }


def page(course: State, words: str, hits: list[Hit]) -> str:
    """Return the page with all results."""
    if not words.strip():
        said = "Type what you look for: a word of a lesson, a function, a term of the glossary."
    elif not hits:
        said = "Nothing in the course holds all these words. Fewer or shorter words find more."
    else:
        said = counted(len(hits), "place") + (" at least" if len(hits) == ALL else "")
    rows = "".join(_row(course, hit) for hit in hits)
    return (
        '<!doctype html><html lang="en"><head>'
        f"{layout.head(course, 'Search', ('home.css',))}</head><body>"
        f'<header class="top">{form(course, words)}<nav aria-label="Course"><a href="{course.base}/">Lessons</a>'
        f'<button type="button" data-theme-toggle class="icon">{icons.SUN}{icons.MOON}</button></nav></header>'
        f'<main class="found"><h1>Search</h1><p role="status">{said}</p><ul class="places">{rows}</ul></main>'
        "</body></html>"
    )


def _row(course: State, hit: Hit) -> str:
    entry = hit.entry
    kind = f'<span class="kind">{KINDS[entry.kind]}</span>' if KINDS[entry.kind] else ""
    title = escape(entry.title)
    link = f'<a href="{course.base}/{escape(entry.address)}">{title}</a>' if entry.page else f"<span>{title}</span>"
    text = "".join(f"<mark>{escape(part)}</mark>" if match else escape(part) for part, match in hit.snippet)
    return f'<li>{link} <span class="where">{escape(entry.where)}</span>{kind}<p>{text}</p></li>'


routes = [get("/search", all_places), get("/api/course/search", few_places)]
