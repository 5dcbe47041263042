"""The part of the home page between the greeting and the map: this week, what comes back, notes, and open pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from html import escape
from typing import Any

from dlstudy import words
from dlstudy.app import icons
from dlstudy.app.state import State, exercise_title
from dlstudy.course.content import catalogue as catalogues
from dlstudy.course.content.exercises import cell_name
from dlstudy.course.content.questions import ExerciseError, Question, read_quiz
from dlstudy.course.learner import folder as learners
from dlstudy.course.learner import notes, review, weeks
from dlstudy.course.learner.review import Item

SHOWN = 5
"""How many items of review and notes are shown at once."""
MOST = 105
"""How many notes are on the page at all; a page with thousands would be slow to load and to read."""


def render(course: State, snapshot: Mapping[str, Any]) -> str:
    """Return the three panels."""
    return (
        f'{_damaged(course)}{_newer(course)}<section class="today" aria-label="Today">'
        f"{_week(course, snapshot)}{_review(course)}{_notes(course)}</section>{_pages()}"
    )


def _damaged(course: State) -> str:
    """Name the pages that are empty or end in the middle, as after a disk that was full, and offer what there is."""
    rows = "".join(
        f"<p>The page {escape(file)} is empty or ends in the middle. "
        f'<button type="button" data-restore="{escape(file)}">Put back {escape(source)}</button></p>'
        for file, source in learners.damaged(course.learner).items()
    )
    return f'<div id="not-whole" class="newer" role="alert" data-live{"" if rows else " hidden"}>{rows}</div>'


def _newer(course: State) -> str:
    """Name the lessons whose newer version lies beside the learner's own."""
    found = [
        f'<a href="{course.base}/merge?file={escape(lesson.file)}">{lesson.id} {escape(lesson.title)}</a>'
        for lesson in course.catalogue.pages
        if learners.new_version(course.learner, lesson.file)
    ]
    text = (
        f"<p>A newer version has come of what you had changed: {', '.join(found)}. Put yours and the new one together; "
        "your answers are kept.</p>"
        if found
        else ""
    )
    return f'<div id="newer" class="newer" data-live{"" if found else " hidden"}>{text}</div>'


# ---- the weekly plan ------------------------------------------------------------------------------------------------


def _week(course: State, snapshot: Mapping[str, Any]) -> str:
    parts = weeks.plan(course.catalogue, snapshot)
    now = weeks.current(parts, snapshot)
    monday = date.today() - timedelta(date.today().weekday())
    seconds = course.progress.seconds_since(monday)
    spent = f"<p>You have studied {words.span(seconds)} since Monday.</p>" if seconds >= 60 else ""
    if now is None:
        body = "<p>Everything that is written so far is done.</p>"
    else:
        rows = "".join(_lesson(course, lesson, now, snapshot) for lesson in now.lessons)
        body = (
            f'<p class="which">{escape(now.name)} <span>{escape(now.when)} of {parts[-1].last}</span></p>'
            f"<ol>{rows}</ol><p>{_amount(now)}</p>"
        )
    others = "".join(_part(part, part is now) for part in parts)
    beside = ", ".join(f"{lesson.id} {escape(lesson.when)}" for lesson in weeks.beside(course.catalogue))
    return (
        '<section id="week" class="panel" data-live aria-labelledby="week-head"><h2 id="week-head">This week</h2>'
        f'{body}{spent}<details><summary>All {parts[-1].last} weeks</summary><ol class="weeks">{others}</ol>'
        f"<p>Beside them: {beside}.</p></details></section>"
    )


def _lesson(course: State, lesson: catalogues.Lesson, part: weeks.Part, snapshot: Mapping[str, Any]) -> str:
    name = f'<span class="number">{lesson.id}</span> {escape(lesson.title)}'
    if not lesson.written:
        return f'<li class="planned"><span>{name}</span><span class="state">planned</span></li>'
    left = part.left[lesson.number]
    count = catalogues.completion(lesson, snapshot)
    state = f"{words.span(60 * left)} left" if left and count["core_done"] else words.span(60 * lesson.minutes)
    if not left:
        state = f"{icons.CHECK}done"
    done = ' class="complete"' if not left else ""
    link = f'<a href="{course.base}/{escape(lesson.file)}">{name}</a>'
    return f'<li{done}>{link}<span class="state">{state}</span></li>'


def _amount(part: weeks.Part) -> str:
    per_week = part.minutes_left / (part.last - part.first + 1)
    text = f"{words.span(60 * part.minutes_left)} of {words.span(60 * part.minutes)} left"
    if part.last > part.first:
        text += f", about {words.span(300 * round(per_week / 5))} a week"
    return f"{text}."


def _part(part: weeks.Part, here: bool) -> str:
    written = sum(lesson.written for lesson in part.lessons)
    if part.done:
        state = f"{icons.CHECK}done"
    elif not written:
        state = "planned"
    else:
        state = (
            f"{words.span(60 * part.minutes_left)} left"
            if part.minutes_left
            else f"{written} of {len(part.lessons)} written"
        )
    numbers = f"{part.lessons[0].id} to {part.lessons[-1].id}" if len(part.lessons) > 1 else part.lessons[0].id
    mark = ' aria-current="step"' if here else ""
    return (
        f'<li{mark}><span>{escape(part.when.capitalize())}: {escape(part.name)} <span class="number">{numbers}</span>'
        f'</span><span class="state">{state}</span></li>'
    )


# ---- review ---------------------------------------------------------------------------------------------------------


def _review(course: State) -> str:
    items = review.items(course.progress, course.catalogue)
    due = review.due(items)
    if due:
        rows = "".join(_item(course, item) for item in due[:SHOWN])
        more = f"<p>{len(due) - SHOWN} more wait behind these.</p>" if len(due) > SHOWN else ""
        body = f"<p>What went wrong comes back. Do it once more, without looking.</p><ul>{rows}</ul>{more}"
    elif items:
        soonest = min(item.due for item in items)
        days = (soonest - date.today()).days
        when = "tomorrow" if days == 1 else f"in {days} days"
        things = "1 thing comes" if len(items) == 1 else f"{len(items)} things come"
        body = f"<p>Nothing for today. {things} back, the next {when}.</p>"
    else:
        pauses = ", ".join(map(str, review.PAUSES[:-1]))
        body = (
            "<p>Nothing yet. An exercise or a question that went wrong, or needed a hint, comes back here after "
            f"{pauses} and {review.PAUSES[-1]} days, until you can do it.</p>"
        )
    count = f' <span class="count">{len(due)}</span>' if due else ""
    return (
        '<section id="review" class="panel" data-live aria-labelledby="review-head">'
        f'<h2 id="review-head">Once more{count}</h2>{body}</section>'
    )


def _item(course: State, item: Item) -> str:
    lesson = course.catalogue.find(item.lesson)
    where = f'<span class="where">{lesson.id} {escape(lesson.title)}, {review.WHY[item.why]}</span>'
    if item.kind == "question":
        entry = question(item.lesson, item.name)
        return _question(course, lesson, item, entry, where) if entry else ""
    title = escape(exercise_title(lesson, item.name))
    address = f"{course.base}/{escape(lesson.file)}#{cell_name(item.name)}"
    if not item.solved:
        return f'<li><a href="{address}">{title}</a>{where}<span class="hint">Still open.</span></li>'
    return (
        f'<li><a href="{address}">{title}</a>{where}<button type="button" data-again="{escape(item.name)}" '
        f'data-lesson="{lesson.id}" data-address="{address}">Write it again</button></li>'
    )


def _question(course: State, lesson: catalogues.Lesson, item: Item, entry: Question, where: str) -> str:
    from dlstudy.course.content.prose import options_of, to_html

    key = f"q-{lesson.id}-{escape(item.name)}"
    options = "".join(
        f'<label><input type="radio" name="{key}" value="{escape(option["id"])}"><span>{option["text"]}</span></label>'
        for option in options_of(entry)
    )
    return (
        f'<li><details class="question"><summary>{to_html(entry.question, inline=True)}</summary>'
        f'<form data-question="{escape(item.name)}" data-lesson="{lesson.id}"><fieldset>'
        f'<legend class="hidden">{to_html(entry.question, inline=True)}</legend>{options}</fieldset>'
        '<div class="answer" role="status"></div>'
        '<p class="buttons"><button type="submit">Answer</button> '
        f'<a href="{course.base}/{escape(lesson.file)}">Look at the lesson</a></p></form></details>{where}</li>'
    )


def question(lesson: str, name: str) -> Question | None:
    """Return a question of a lesson's quiz, or None."""
    try:
        found = read_quiz(lesson)
    except ExerciseError:
        return None
    return next((entry for entry in found if entry.id == name), None)


# ---- notes ----------------------------------------------------------------------------------------------------------


def _notes(course: State) -> str:
    found, count = notes.latest(course.progress, course.has_page, MOST)

    def row(note: notes.Note) -> str:
        lesson = course.catalogue.of_file(note.page)
        page = f"{lesson.id} {lesson.title}" if lesson and lesson.number else note.page.removesuffix(".md")
        text = f'<span class="text">{escape(note.text)}</span>' if note.text else ""
        where = f'<span class="where">{escape(page)}</span>' if note.title != page else ""
        return f'<li><a href="{course.base}/{escape(note.address)}">{escape(note.title or page)}</a>{where}{text}</li>'

    rows = "".join(row(note) for note in found[:SHOWN])
    more = "".join(row(note) for note in found[SHOWN:])
    if more:
        rest = f"<p>{count - MOST:,} older ones are found by the search.</p>" if count > MOST else ""
        more = f"<details><summary>{count - SHOWN:,} more</summary><ul>{more}</ul>{rest}</details>"
    empty = (
        f"<p>None yet. In a lesson, the ribbon {icons.RIBBON} in the bar marks the place where you are, with a note if "
        "you like. Notes are found by the search, and saved with your progress.</p>"
    )
    return (
        '<section id="notes" class="panel" data-live aria-labelledby="notes-head">'
        f'<h2 id="notes-head">Notes and bookmarks</h2>{f"<ul>{rows}</ul>{more}" if found else empty}</section>'
    )


# ---- open pages -----------------------------------------------------------------------------------------------------


def _pages() -> str:
    """Filled by the script: what is open changes without any progress."""
    return (
        '<section id="pages" class="pages" aria-labelledby="pages-head" hidden><h2 id="pages-head">Open pages</h2>'
        '<ul></ul><p class="rule"></p><p class="said" role="status"></p></section>'
    )
