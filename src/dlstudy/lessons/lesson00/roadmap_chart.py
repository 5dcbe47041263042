"""The roadmap drawn from the catalogue: a lane per part of the course, an arrow where a lesson needs its neighbour."""

import html
from collections.abc import Iterable

from dlstudy import words
from dlstudy.course.content.catalogue import Catalogue, Lesson

# The study guide's weeks cover these six; what comes after is taken when it is needed.
_IN_SEQUENCE = 6


def lanes(course: Catalogue) -> list[tuple[str, str, list[Lesson]]]:
    """Return (name, when, lessons) of each lane: the six weekly parts, then the lessons that are taken when needed."""
    weekly = [(group.name, group.lessons[0].when, list(group.lessons)) for group in course.groups[:_IN_SEQUENCE]]
    rest = [lesson for group in course.groups[_IN_SEQUENCE:] for lesson in group.lessons]
    return [*weekly, ("When you need them", "", rest)]


def roadmap_html(course: Catalogue) -> str:
    """Return the roadmap as HTML that reads in light and dark, on paper and at 390 px; written lessons are links."""
    parts = [f"<style>{_STYLE}</style><div class='dls-roadmap'>"]
    for name, when, lessons in lanes(course):
        label = f"<b>{html.escape(name)}</b>" + (f"<span>{html.escape(when)}</span>" if when else "")
        boxes = "".join(_box(lesson, before) for before, lesson in zip([None, *lessons], lessons))
        parts.append(f"<section><h4>{label}</h4><ol>{boxes}</ol></section>")
    return "".join([*parts, "</div>"])


def written_today(course: Catalogue) -> str:
    """Return a Markdown sentence on how much of the course is there, with a link to each lesson that is."""
    there = [lesson for lesson in course.lessons if lesson.written]
    if len(there) == len(course.lessons):
        return f"All {len(there)} lessons are written."
    links = ", ".join(f"[{lesson.id} {lesson.title}]({lesson.file})" for lesson in there) or "none yet"
    return (
        f"**Written today, {len(there)} of {len(course.lessons)}:** {links}. The others are planned and have no link."
    )


def _box(lesson: Lesson, before: Lesson | None) -> str:
    follows = before is not None and before.number in lesson.needs
    said = [f"after {before.number:02d}"] if follows and before else [_when(lesson)]
    elsewhere = [number for number in lesson.needs if f"after {number:02d}" not in said]
    facts = ["" if follows else said[0], _needs(elsewhere), words.span(60 * lesson.minutes)]
    facts += [] if lesson.written else ["planned"]
    title = html.escape(lesson.title)
    if lesson.written:
        title = f"<a href='{lesson.file}'>{title}</a>"
    kind = ("written" if lesson.written else "planned") + (" follows" if follows else "")
    return (
        f"<li class='{kind}'><span class='n'>{lesson.id}</span> "
        f"<span class='s' role='img' aria-label='{lesson.stars} of 4 stars'>{'★' * lesson.stars}</span>"
        f"<span class='t'>{title}</span><span class='f'>{' · '.join(fact for fact in facts if fact)}</span></li>"
    )


def _when(lesson: Lesson) -> str:
    """Return when a lesson outside the weekly parts is taken; the weekly ones say it once, in the lane's heading."""
    return "" if lesson.when.startswith("week") and lesson.number < 23 else lesson.when


def _needs(numbers: Iterable[int]) -> str:
    wanted = " and ".join(f"{number:02d}" for number in numbers)
    return f"needs {wanted}" if wanted else ""


_STYLE = """
.dls-roadmap section{margin:0 0 .7rem}
.dls-roadmap h4{margin:0 0 .3rem;font-size:.9rem;font-weight:400}
.dls-roadmap h4 span{color:var(--dls-muted,#5b646e);margin-left:.6em}
.dls-roadmap ol{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:.4rem 1.2rem}
.dls-roadmap ol{list-style:none;margin:0;padding:0}
.dls-roadmap li{position:relative;margin:0;padding:.4rem .5rem;font-size:.8rem;line-height:1.25}
.dls-roadmap li{border:1px solid var(--dls-line,#c9cfd6);border-radius:6px}
.dls-roadmap li.planned{border-style:dashed;color:var(--dls-muted,#5b646e)}
.dls-roadmap li.written{border:2px solid var(--dls-accent,#0063a6);background:var(--dls-surface,#f6f7f9)}
.dls-roadmap li.follows::before{content:"→";position:absolute;left:-1.05rem;top:50%;transform:translateY(-50%)}
.dls-roadmap li.follows::before{color:var(--dls-muted,#5b646e)}
.dls-roadmap a{color:var(--dls-accent,#0063a6);text-decoration:underline}
.dls-roadmap .n{font-weight:700}
.dls-roadmap .s{letter-spacing:-.05em;color:var(--dls-warn,#8a5a00)}
.dls-roadmap .t,.dls-roadmap .f{display:block}
.dls-roadmap .t{margin:.1rem 0;hyphens:auto;overflow-wrap:break-word}
.dls-roadmap .f{color:var(--dls-muted,#5b646e);font-size:.72rem}
@media(max-width:700px){
.dls-roadmap ol{grid-template-columns:1fr;gap:.9rem}
.dls-roadmap li.follows::before{content:"↓";left:.6rem;top:-1rem;transform:none}
}
"""
