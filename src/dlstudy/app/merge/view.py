"""The view that puts an edited lesson and its newer version together: what differs, a choice for each, the result."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from html import escape
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dlstudy.app import icons, layout
from dlstudy.app.routing import Answer, BadRequest, CourseRequest, get, put
from dlstudy.app.state import State, exercise_title
from dlstudy.course.content.catalogue import Lesson
from dlstudy.course.content.exercises import slug_of
from dlstudy.course.learner import merging
from dlstudy.course.learner.merging import CannotMerge, Choice, Merge, Part

CONTEXT = 3
"""Lines shown around a line that differs."""


async def view(request: CourseRequest) -> Response:
    """Send the view for one page."""
    course, file = request.course, request.asked("file")
    if not course.has_page(file):
        return layout.no_such_page(course, keep=False)
    undo = await run_in_threadpool(merging.can_undo, course.learner, file)
    try:
        merge = await run_in_threadpool(merging.prepare, course.learner, file)
    except CannotMerge as error:
        return layout.send(_page(course, file, f'<p role="status">{escape(str(error))}</p>', undo), keep=False)
    body = await run_in_threadpool(_choices, course, merge)
    return layout.send(_page(course, file, body, undo=False), keep=False)


async def preview(request: CourseRequest) -> Answer:
    """Tell what the page would be with these choices."""
    file, sides = request.page(), _sides(request)
    merge = await _try(merging.prepare, request.course.learner, file)
    return {"text": merge.text(sides)}


async def apply(request: CourseRequest) -> Answer:
    """Put the two together with these choices."""
    file, sides, learner = request.page(), _sides(request), request.course.learner
    merge, stamp = await _try(merging.prepare, learner, file), request.fields.get("stamp")
    if merge.stamp == stamp:  # an open page would save its old text over the new one
        await request.marimo.end_sessions(file)
    kept = await _try(merging.apply, learner, file, sides, str(stamp))
    return {"backup": kept.relative_to(learner).as_posix()}


async def undo(request: CourseRequest) -> Answer:
    """Take the last merge of a page back."""
    file, learner = request.page(), request.course.learner
    if not merging.can_undo(learner, file):
        raise BadRequest("There is nothing to take back for this page.")
    await request.marimo.end_sessions(file)
    kept = await _try(merging.undo, learner, file)
    return {"backup": kept.relative_to(learner).as_posix()}


def _sides(request: CourseRequest) -> dict[str, str]:
    sides = request.fields.get("sides") or {}
    if not isinstance(sides, dict) or not set(sides.values()) <= {"yours", "new"}:
        raise BadRequest('Expected "yours" or "new" for each place.')
    return sides


async def _try(work: Callable[..., Any], *values: Any) -> Any:
    try:
        return await run_in_threadpool(work, *values)
    except CannotMerge as error:
        raise BadRequest(str(error)) from error


def _page(course: State, file: str, body: str, undo: bool) -> str:
    lesson = course.catalogue.of_file(file)
    name = f"{lesson.id} {lesson.title}" if lesson else file.removesuffix(".md")
    back = '<button type="button" data-do="undo">Take the last one back</button>' if undo else ""
    done = (
        f'<div id="done" class="done"{"" if undo else " hidden"}><p class="said" role="status"></p><p class="buttons">'
        f'<a class="go" href="{course.base}/{escape(file)}">Open the lesson{icons.RIGHT}</a> {back}</p></div>'
    )
    return (
        '<!doctype html><html lang="en"><head>'
        f"{layout.head(course, f'Two versions: {name}', ('home.css', 'merge.css'), ('merge.js',))}</head>"
        f'<body data-base="{escape(course.base)}" data-file="{escape(file)}"><header class="top">'
        f'<nav aria-label="Course"><a href="{course.base}/">Lessons</a>'
        f'<a href="{course.base}/{escape(file)}">{escape(name)}</a></nav>'
        f'<button type="button" data-theme-toggle class="icon">{icons.SUN}{icons.MOON}</button></header>'
        f'<main class="merge"><h1>Your page and the new one</h1>{body}{done}</main></body></html>'
    )


def _choices(course: State, merge: Merge) -> str:
    places = merge.differing
    to_ask = sum(choice.open for choice in places)
    decided = len(places) - to_ask
    how = (
        "Where only you or only the new version changed something, that is taken."
        if merge.based
        else "Your answers are kept, and everything else is taken from the new version. (The version that you began "
        "with is no longer in your folder's .dlstudy, so nothing tells who changed what.)"
    )
    asked = {0: "No place needs you", 1: "One place needs a look"}.get(to_ask, f"{to_ask} places need a look")
    rest = f", {decided} more {'is' if decided == 1 else 'are'} decided and folded" if decided else ""
    lesson = course.catalogue.of_file(merge.file)
    rows = "".join(_place(number, choice, lesson) for number, choice in enumerate(places, start=1))
    return (
        f"<p>You have changed this lesson, and a newer version of it has come. {how} {asked}{rest}. "
        "Your page as it is now is kept, whatever you choose, and you can take all of it back.</p>"
        f'<form id="merge" data-stamp="{merge.stamp}"><p class="buttons"><button type="button" data-all="yours">Mine '
        'everywhere</button> <button type="button" data-all="new">The new one everywhere</button> '
        f'<button type="button" data-all="">As proposed</button></p>{rows}'
        '<p class="buttons end"><button type="button" data-do="preview">Preview</button> '
        '<button type="submit" class="go">Put them together</button></p>'
        '<p class="problem-said bad" role="alert"></p></form>'
        '<section id="preview" aria-labelledby="preview-head" hidden><h2 id="preview-head">What your page would be</h2>'
        '<pre tabindex="0" role="region" aria-label="The page as text"></pre></section>'
    )


def _place(number: int, choice: Choice, lesson: Lesson | None) -> str:
    key = f"place-{choice.id}"
    yours, new = _columns(choice.yours, choice.new)
    titled = escape(choice.title)
    if lesson and (slug := slug_of(choice.title)):
        titled = f"Exercise: {escape(exercise_title(lesson, slug))}"
    kind = "cell" if "cell" in {part.kind for part in (choice.new, choice.yours) if part} else "text"

    def side(name: str, label: str, part: Part | None, lines: str) -> str:
        checked = " checked" if choice.default == name else ""
        text = f'<pre tabindex="0" role="region" aria-label="{label}: {titled}">{lines}</pre>' if part else ""
        words = label if part else f"{label}: leave it out"
        return (
            f'<div class="side"><label><input type="radio" name="{choice.id}" value="{name}" data-proposed='
            f'"{choice.default}"{checked}><span>{words}</span></label>{text}</div>'
        )

    return (
        f'<details class="place"{" open" if choice.open else ""}><summary><span class="number">{number}</span> '
        f'<strong>{titled}</strong> <span class="where">{kind}</span></summary><fieldset aria-describedby="{key}">'
        f'<legend class="hidden">{titled}</legend><p id="{key}">{escape(choice.why)}</p><div class="sides">'
        f"{side('yours', 'Yours', choice.yours, yours)}{side('new', 'New', choice.new, new)}</div></fieldset></details>"
    )


def _columns(yours: Part | None, new: Part | None) -> tuple[str, str]:
    """Both texts as lines of HTML; a line that the other side has otherwise is marked, by a sign and a colour.

    Long stretches that both sides share are left out, so that what differs is in sight.
    """
    left, right = _lines(yours), _lines(new)
    blocks = difflib.SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    same_left = {a + step for a, _, size in blocks for step in range(size)}
    same_right = {b + step for _, b, size in blocks for step in range(size)}
    if not (yours and new):
        return _side(left, set(), ""), _side(right, set(), "")
    return _side(left, same_left, "−"), _side(right, same_right, "+")


def _lines(part: Part | None) -> list[str]:
    lines = part.body.split("\n") if part else []
    return lines[1:-1] if part and part.kind == "cell" else lines  # a cell without its fences


def _side(texts: list[str], same: set[int], sign: str) -> str:
    near = {
        number + step for number in range(len(texts)) if number not in same for step in range(-CONTEXT, CONTEXT + 1)
    }
    rows = []
    number = 0
    while number < len(texts):
        hidden = number
        while hidden < len(texts) and hidden not in near:
            hidden += 1
        if sign and hidden - number > 2:
            rows.append(f'<span class="line cut">  ⋯ {hidden - number} lines that are the same\n</span>')
            number = hidden
            continue
        differs = bool(sign) and number not in same
        mark = f"{sign} " if differs else "  "
        rows.append(f'<span class="line{" differs" if differs else ""}">{mark}{escape(texts[number])}\n</span>')
        number += 1
    return "".join(rows)


routes = [
    get("/merge", view),
    put("/api/course/merge/preview", preview),
    put("/api/course/merge", apply),
    put("/api/course/merge/undo", undo),
]
