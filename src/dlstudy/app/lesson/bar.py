"""The bar above a lesson's page: home, previous, next, progress, resets and signs; put into the page engine's HTML."""

from __future__ import annotations

import json
import re
from html import escape

from dlstudy.app import files, icons
from dlstudy.app.state import State, exercise_title
from dlstudy.course.content.catalogue import Lesson
from dlstudy.course.learner import folder as learners

GLOSSARY = "Glossary.md"


def dress(course: State, html: str, file: str) -> str:
    """Return the page with our styles in its head and the bar at the top of its body."""
    course.closed.discard(file)  # it is opened now: whatever ends its kernel next, it was not closed by the course
    lesson = _lesson(course, file)
    name = f"{lesson.id} {lesson.title}" if lesson else file.removesuffix(".md").replace("_", " ")
    head = "".join(
        f'<link rel="stylesheet" href="{files.address(course.base, style)}">'
        for style in ("tokens.css", "lesson.css", "bar.css")
    )
    scripts = (
        f'<script src="{files.address(course.base, "theme.js")}"></script>'
        f'<script src="{files.address(course.base, "bar.js")}" type="module"></script>'
    )
    html = re.sub(r"<title>.*?</title>", f"<title>{escape(name)}</title>", html, count=1, flags=re.DOTALL)
    keep = f'<script src="{files.address(course.base, "keep.js")}" type="module"></script>'
    html = html.replace("<head>", f"<head>{keep}", 1)  # before the page engine's own scripts, which it listens to
    html = html.replace("</head>", f"{head}</head>", 1)
    return re.sub(r"<body[^>]*>", lambda tag: tag[0] + scripts + _bar(course, file, lesson, name), html, count=1)


def _lesson(course: State, file: str) -> Lesson | None:
    for lesson in course.catalogue.pages:
        if file in (lesson.file, lesson.file.removesuffix(".md") + ".new.md"):
            return lesson
    return None


def _bar(course: State, file: str, lesson: Lesson | None, name: str) -> str:
    return (
        '<header id="dls-bar"><nav aria-label="Course">'
        f'<a class="dls-home" href="{course.base}/" title="All lessons">{icons.HOME}<span>Lessons</span></a>'
        f"{_neighbours(course, lesson)}"
        f'<span class="dls-title" title="{escape(name)}">{escape(name)}</span></nav>'
        f'<div class="dls-tools">{_progress(lesson)}'
        '<span id="dls-sign" role="status" aria-live="polite"></span>'
        '<span id="dls-running" role="status" aria-live="polite"></span>'
        '<button id="dls-interrupt" type="button" hidden>Stop it</button>'
        '<button id="dls-again" type="button" hidden>Open it again</button>'
        '<button id="dls-mine" type="button" hidden>Keep this text</button>'
        '<button id="dls-disk" type="button" hidden>Take the other</button>'
        f"{_glossary(course, file)}{_notes(file)}"
        f'<button type="button" data-theme-toggle class="dls-icon">{icons.SUN}{icons.MOON}</button>'
        f'{_menu(course, file, lesson)}</div></header><div id="dls-kept" role="status" hidden></div>{_dialog()}'
        f'<script type="application/json" id="dls-page">{_facts(course, file, lesson)}</script>'
    )


def _neighbours(course: State, lesson: Lesson | None) -> str:
    if lesson is None:
        return ""
    lessons = course.catalogue.pages
    place = next(index for index, other in enumerate(lessons) if other.number == lesson.number)
    before = lessons[place - 1] if place else None
    after = lessons[place + 1] if place + 1 < len(lessons) else None
    return _neighbour(course, before, "Previous", icons.LEFT) + _neighbour(course, after, "Next", icons.RIGHT)


def _neighbour(course: State, other: Lesson | None, word: str, icon: str) -> str:
    if other is None:
        return ""
    label = f"{word}: {other.id} {other.title}"
    kind = word.lower()
    if not other.written:
        return f'<span class="dls-icon dls-planned dls-{kind}" title="{escape(label)} (planned)">{icon}</span>'
    target = f"{course.base}/{other.file}"
    said = f'title="{escape(label)}" aria-label="{escape(label)}"'
    return f'<a class="dls-icon dls-{kind}" href="{escape(target)}" {said}>{icon}</a>'


def _progress(lesson: Lesson | None) -> str:
    if lesson is None or not (lesson.exercises or lesson.quiz):
        return ""
    marks = "".join(f'<i data-exercise="{escape(slug)}"></i>' for slug in lesson.exercises)
    return (
        f'<div id="dls-progress" role="status"><span class="dls-marks" aria-hidden="true">{marks}</span>'
        '<span class="dls-count"></span></div>'
    )


def _glossary(course: State, file: str) -> str:
    if file == GLOSSARY or not course.has_page(GLOSSARY):
        return ""
    opens = f'href="{course.base}/{GLOSSARY}" target="_blank" title="Terms and notation" aria-label="Glossary"'
    return f'<a class="dls-glossary" {opens}>{icons.BOOK}<span>Glossary</span></a>'


def _notes(file: str) -> str:
    if file.endswith(".new.md"):
        return ""
    return (
        '<details id="dls-notes"><summary class="dls-icon" title="Notes and bookmarks" '
        f'aria-label="Notes and bookmarks on this page">{icons.RIBBON}<span class="dls-many"></span></summary>'
        '<div class="dls-sheet"><form><h2>Mark this place</h2><p class="dls-place"></p>'
        '<label for="dls-words" class="dls-label">A note, if you like</label>'
        '<textarea id="dls-words" rows="3" maxlength="20000"></textarea>'
        '<p class="dls-buttons"><button type="button" class="dls-cancel" hidden>Leave it as it was</button>'
        '<button type="submit">Keep</button></p><p class="dls-said" role="status"></p></form>'
        "<ul></ul></div></details>"
    )


def _menu(course: State, file: str, lesson: Lesson | None) -> str:
    if lesson is None or not lesson.written or file != lesson.file:
        return ""
    newer = learners.new_version(course.learner, file)
    note = (
        f'<p class="dls-newer">You have changed this lesson, so its newer version lies beside it. '
        f'<a href="{course.base}/merge?file={escape(file)}">Put the two together</a>, or '
        f'<a href="{course.base}/{escape(newer)}">look at it</a>. Starting the lesson again gives you that one.</p>'
        if newer
        else ""
    )
    items = "".join(_item(slug, escape(exercise_title(lesson, slug))) for slug in lesson.exercises)
    listing = f"<h2>Exercises</h2><ul>{items}</ul>" if items else ""
    return (
        '<details id="dls-menu"><summary class="dls-icon" title="Start again" aria-label="Start again">'
        f'{icons.UNDO}</summary><div class="dls-sheet">{note}{listing}'
        '<button type="button" data-reset="" class="dls-whole">Start the whole lesson again</button></div></details>'
    )


def _item(slug: str, title: str) -> str:
    return (
        f'<li><span class="dls-state" data-exercise="{escape(slug)}"></span><span>{title}</span>'
        f'<button type="button" data-reset="{escape(slug)}" aria-label="Start {title} again">Start again</button></li>'
    )


def _dialog() -> str:
    return (
        '<dialog id="dls-dialog" aria-labelledby="dls-dialog-title"><form method="dialog">'
        '<h2 id="dls-dialog-title"></h2><p class="dls-text"></p>'
        '<label><input type="checkbox" id="dls-forget"> <span></span></label>'
        '<p class="dls-problem" role="alert" hidden></p>'
        '<div class="dls-buttons"><button value="no" autofocus>Keep my text</button>'
        '<button value="yes" type="button" class="dls-yes">Start again</button></div></form></dialog>'
    )


def _facts(course: State, file: str, lesson: Lesson | None) -> str:
    facts = {
        "base": course.base,
        "file": file,
        "lesson": lesson.id if lesson else None,
        "title": lesson.title if lesson else file,
        "exercises": {slug: exercise_title(lesson, slug) for slug in lesson.exercises} if lesson else {},
    }
    return json.dumps(facts).replace("<", "\\u003c")
