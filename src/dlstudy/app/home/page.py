"""The home page: the map of the lessons, where the learner stands, search, and the machine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from dlstudy.app import icons, layout
from dlstudy.app.home import machine, panels, search_view
from dlstudy.app.routing import CourseRequest, get
from dlstudy.app.state import State
from dlstudy.course.content import catalogue as catalogues
from dlstudy.course.content.catalogue import Catalogue, Lesson
from dlstudy.words import span

TRUNK = "Basics"
"""The track that runs along the top of the map; every other track is a column below it."""


async def home(request: CourseRequest) -> Response | None:
    """Send the home page; an address that names a file is a lesson's page, which marimo shows."""
    if request.asked("file"):
        return None
    text = await request.kept(lambda kept: render(request.course, kept.snapshot()))
    return layout.send(text, keep=False)


async def this_machine(request: CourseRequest) -> Response:
    """Send what this machine is."""
    return JSONResponse(await run_in_threadpool(machine.facts))


def render(course: State, snapshot: Mapping[str, Any]) -> str:
    """Return the page for a learner whose progress is `snapshot` (from `Progress.snapshot()`)."""
    catalogue = course.catalogue
    return (
        '<!doctype html><html lang="en"><head>'
        f"{layout.head(course, 'Deep Learning Study Guide', ('home.css',), ('home.js',))}"
        f'</head><body data-base="{escape(course.base)}"><a class="skip" href="#lessons">Skip to the lessons</a>'
        f"{_top(course)}<main>{_problem(snapshot)}"
        f'<section class="start"><div class="about"><h1>Deep Learning Study Guide</h1>'
        "<p>Twenty-seven lessons, from a first tensor to Stable Diffusion. Every page runs: change the code, see what "
        "it does, and let the exercises tell you why an answer is wrong.</p>"
        f"{_overall(catalogue, snapshot)}</div>{_continue(course, snapshot)}</section>"
        f"{panels.render(course, snapshot)}{_map(course, snapshot)}</main>{_foot(course)}</body></html>"
    )


def rows(catalogue: Catalogue) -> dict[int, int]:
    """Return each lesson's row on the map: the trunk is row 1, and no lesson stands above or beside one it needs."""
    placed: dict[int, int] = {}
    lowest: dict[str, int] = {}
    waiting = sorted(catalogue.lessons, key=lambda lesson: (_depth(catalogue, lesson.number), lesson.number))
    for lesson in waiting:
        if lesson.track == TRUNK:
            placed[lesson.number] = 1
            continue
        below = max((placed[need] for need in lesson.needs), default=1)
        placed[lesson.number] = max(below, lowest.get(lesson.track, 1)) + 1
        lowest[lesson.track] = placed[lesson.number]
    return placed


def next_lesson(catalogue: Catalogue, snapshot: Mapping[str, Any]) -> tuple[Lesson | None, bool]:
    """Return the lesson to offer, and whether the learner was there: the last one, or the one after it if complete."""
    written = [lesson for lesson in catalogue.lessons if lesson.written]
    open_ones = [lesson for lesson in written if not catalogues.completion(lesson, snapshot)["complete"]]
    last = snapshot.get("last")
    here = next((lesson for lesson in written if lesson.id == last), None)
    if here in open_ones:
        return here, True
    if here is not None:
        later = [lesson for lesson in open_ones if lesson.number > here.number]
        open_ones = later or open_ones
    return (open_ones[0], _touched(open_ones[0], snapshot)) if open_ones else (None, bool(written))


def hours(minutes: int) -> str:
    """Return a study time as people say it, to the quarter of an hour: 165 is "2¾ h"."""
    whole, quarter = divmod(round(minutes / 15), 4)
    return f"{whole or ''}{('', '¼', '½', '¾')[quarter]} h"


def _top(course: State) -> str:
    links = ""
    if course.catalogue.overview.written:
        links += f'<a href="{course.base}/{course.catalogue.overview.file}">Overview</a>'
    if course.has_page("Glossary.md"):
        links += f'<a href="{course.base}/Glossary.md">Glossary</a>'
    return (
        f'<header class="top">{search_view.form(course)}'
        f'<nav aria-label="Course">{links}<button type="button" data-theme-toggle class="icon">{icons.SUN}{icons.MOON}'
        "</button></nav></header>"
    )


def _problem(snapshot: Mapping[str, Any]) -> str:
    problem = snapshot.get("problem")
    text = f'<p>{escape(problem)}</p><button type="button" data-dismiss>Understood</button>' if problem else ""
    return f'<div id="problem" class="problem" role="alert" data-live{"" if problem else " hidden"}>{text}</div>'


def _overall(catalogue: Catalogue, snapshot: Mapping[str, Any]) -> str:
    written = [lesson for lesson in catalogue.lessons if lesson.written]
    counts = [catalogues.completion(lesson, snapshot) for lesson in written]
    done, total = sum(count["done"] for count in counts), sum(count["total"] for count in counts)
    complete = sum(count["complete"] for count in counts)
    seconds = sum(state.get("seconds", 0.0) for state in snapshot.get("lessons", {}).values())
    if not total:
        return '<div id="overall" class="overall" data-live></div>'
    spent = f", {span(seconds)} so far" if seconds >= 60 else ""
    ready = f"{len(written)} of {len(catalogue.lessons)} lessons are written so far"
    finished = f"{complete} finished. " if complete else ""
    return (
        f'<div id="overall" class="overall" data-live><progress value="{done}" max="{total}" aria-label="All exercises '
        f'and questions"></progress><p><strong>{done} of {total}</strong> exercises and questions done{spent}. '
        f"{finished}{ready}.</p></div>"
    )


def _continue(course: State, snapshot: Mapping[str, Any]) -> str:
    lesson, been_there = next_lesson(course.catalogue, snapshot)
    overview = course.catalogue.overview
    if lesson is None:
        text = "You have finished every lesson that is written so far." if been_there else "No lesson is written yet."
        return f'<section id="continue" class="continue" data-live><p>{text}</p></section>'
    counts = catalogues.completion(lesson, snapshot)
    if been_there:
        head, action = "Continue where you were", "Continue"
        last = snapshot.get("lessons", {}).get(lesson.id, {}).get("last")
        state = f"{counts['done']} of {counts['total']} done" if counts["total"] else ""
        detail = ", ".join(part for part in (state, _ago(last)) if part)
    else:
        head, action = ("Begin here", "Open") if not snapshot.get("last") else ("Next", "Open")
        detail = f"{escape(lesson.topics)}"
    hint = ""
    if overview.written and not snapshot.get("last"):
        hint = (
            f'<p class="hint">Not sure where to begin? <a href="{course.base}/{overview.file}">The overview</a> has a '
            "self-test of ten questions.</p>"
        )
    return (
        f'<section id="continue" class="continue" data-live aria-labelledby="continue-head">'
        f'<h2 id="continue-head">{head}</h2><p class="which"><span>{lesson.id}</span> {escape(lesson.title)}</p>'
        f'<p class="detail">{detail}</p>'
        f'<a class="go" href="{course.base}/{escape(lesson.file)}">{action}{icons.RIGHT}</a>{hint}</section>'
    )


def _map(course: State, snapshot: Mapping[str, Any]) -> str:
    place = rows(course.catalogue)
    sections = []
    tracks = list(dict.fromkeys(lesson.track for lesson in course.catalogue.lessons))
    tracks.sort(key=lambda track: track != TRUNK)
    for column, track in enumerate(tracks):
        lessons = [lesson for lesson in course.catalogue.lessons if lesson.track == track]
        lessons.sort(key=lambda lesson: (place[lesson.number], lesson.number))
        cards = "".join(
            _card(course, lesson, snapshot, f"c{index + 1 if track == TRUNK else column}", place[lesson.number])
            for index, lesson in enumerate(lessons)
        )
        where = "trunk" if track == TRUNK else f"c{column}"
        sections.append(
            f'<section class="track" aria-labelledby="track-{column}">'
            f'<h3 id="track-{column}" class="{where}">{escape(track)}</h3>'
            f"<ol>{cards}</ol></section>"
        )
    return (
        '<section id="lessons" aria-labelledby="map-head" tabindex="-1"><div class="map-head">'
        '<h2 id="map-head">The lessons</h2><p class="legend">'
        '<span class="key-arrow">An arrow leads from a lesson to those that need it.</span> '
        f"{_stars(1)} to {_stars(4)} say how hard; hours are for the core of a lesson.</p></div>"
        f'<div class="map"><svg class="edges" aria-hidden="true"></svg>{"".join(sections)}</div></section>'
    )


def _card(course: State, lesson: Lesson, snapshot: Mapping[str, Any], column: str, row: int) -> str:
    counts = catalogues.completion(lesson, snapshot)
    needs = ", ".join(f"{need:02d}" for need in lesson.needs)
    words = f"{lesson.id} {lesson.title} {lesson.topics} {lesson.group} {lesson.track}".casefold()
    kind = "planned" if not lesson.written else "complete" if counts["complete"] else "written"
    if kind == "planned":
        state = '<span class="state">planned</span>'
    elif kind == "complete":
        state = f'<span class="state">{icons.CHECK}done</span>'
    elif counts["total"]:
        state = f'<span class="state">{counts["done"]} of {counts["total"]}</span>'
    else:
        state = ""
    bar = (
        f'<progress value="{counts["done"]}" max="{counts["total"]}" aria-hidden="true" tabindex="-1"></progress>'
        if lesson.written and counts["total"]
        else ""
    )
    inner = (
        f'<span class="line"><span class="number">{lesson.id}</span>{state}</span>'
        f'<span class="title">{escape(lesson.title)}</span><span class="topics">{escape(lesson.topics)}</span>'
        f'<span class="line meta">{_stars(lesson.stars)}<span class="when">{hours(lesson.minutes)}</span>'
        f"{f'<span class=needs>after {needs}</span>' if needs else ''}</span>{bar}"
    )
    body = f'<a href="{course.base}/{escape(lesson.file)}">{inner}</a>' if lesson.written else f"<div>{inner}</div>"
    return (
        f'<li id="lesson-{lesson.id}" class="card {kind} {column} r{row}" data-live data-number="{lesson.number}" '
        f'data-row="{row}" data-needs="{" ".join(map(str, lesson.needs))}" data-words="{escape(words)}">{body}</li>'
    )


def _foot(course: State) -> str:
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in machine.known().items()
    )
    overview = course.catalogue.overview
    more = (
        f'<a href="{course.base}/{overview.file}#gpu-check">Check it in the overview</a>, or run '
        "<code>dlstudy doctor</code>."
        if overview.written
        else "Check it: run <code>dlstudy doctor</code>."
    )
    return (
        f'<footer><h2>This machine</h2><dl id="machine">{facts}</dl><p>{more}</p>'
        f'<p class="folder">Your work is in <code>{escape(str(course.learner))}</code>.</p></footer>'
    )


def _stars(count: int) -> str:
    return f'<span class="stars" role="img" aria-label="difficulty {count} of 4">{icons.STAR * count}</span>'


def _depth(catalogue: Catalogue, number: int) -> int:
    needs = {lesson.number: lesson.needs for lesson in catalogue.lessons}

    def depth(lesson: int) -> int:
        return 1 + max((depth(need) for need in needs[lesson]), default=0)

    return depth(number)


def _touched(lesson: Lesson, snapshot: Mapping[str, Any]) -> bool:
    return snapshot.get("lessons", {}).get(lesson.id, {}).get("last") is not None


def _ago(moment: str | None) -> str:
    """Return when that was, in words a person would use; an empty text for what cannot be read."""
    try:
        then = datetime.fromisoformat(moment or "")
        if then.tzinfo is None:
            then = then.replace(tzinfo=UTC)
        days = (datetime.now(UTC).astimezone().date() - then.astimezone().date()).days
    except (ValueError, OverflowError):
        return ""
    if days <= 0:
        return "opened today"
    return "opened yesterday" if days == 1 else f"opened {days} days ago"


routes = [get("/", home), get("/api/course/machine", this_machine)]
