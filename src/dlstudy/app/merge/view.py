"""The view that puts an edited lesson and its newer version together: what differs, a choice for each, the result."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable
from html import escape
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from dlstudy.app import guard, icons, layout
from dlstudy.app.desk import BadRequest
from dlstudy.app.lesson.bar import exercise_title
from dlstudy.course.learner import merging
from dlstudy.course.learner.merging import CannotMerge, Choice, Merge, Part

if TYPE_CHECKING:
    from dlstudy.app.site import Site
    from dlstudy.course.content.catalogue import Lesson

CONTEXT = 3
"""Lines shown around a line that differs."""
Wish = dict[str, Any]
Engine = Callable[..., Awaitable[Any]]


class MergeView:
    """Answers for one `site`."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.routes: dict[str, Callable[[Wish, Engine], Awaitable[Any]]] = {
            "/api/course/merge/preview": self._preview,
            "/api/course/merge": self._apply,
            "/api/course/merge/undo": self._undo,
        }

    async def get(self, file: str) -> HTMLResponse:
        """Return the view for one page."""
        policy = {"Content-Security-Policy": guard.HOME_POLICY, "Cache-Control": "no-store"}
        if not self.site.has_page(file):
            return HTMLResponse(layout.missing(self.site), 404, headers=policy)
        undo = await run_in_threadpool(merging.can_undo, self.site.learner, file)
        try:
            merge = await run_in_threadpool(merging.prepare, self.site.learner, file)
        except CannotMerge as error:
            return HTMLResponse(
                _page(self.site, file, f'<p role="status">{escape(str(error))}</p>', undo), headers=policy
            )
        body = await run_in_threadpool(_choices, self.site, merge)
        return HTMLResponse(_page(self.site, file, body, undo=False), headers=policy)

    async def _preview(self, wish: Wish, engine: Engine) -> Wish:
        file, sides = self._asked(wish)
        merge = await self._try(merging.prepare, self.site.learner, file)
        return {"text": merge.text(sides)}

    async def _apply(self, wish: Wish, engine: Engine) -> Wish:
        file, sides = self._asked(wish)
        merge = await self._try(merging.prepare, self.site.learner, file)
        if merge.stamp == wish.get("stamp"):  # an open page would save its old text over the new one
            await self.site.end_sessions(engine, file)
        kept = await self._try(merging.apply, self.site.learner, file, sides, str(wish.get("stamp")))
        return {"backup": kept.relative_to(self.site.learner).as_posix()}

    async def _undo(self, wish: Wish, engine: Engine) -> Wish:
        file, _ = self._asked(wish)
        if not merging.can_undo(self.site.learner, file):
            raise BadRequest("There is nothing to take back for this page.")
        await self.site.end_sessions(engine, file)
        kept = await self._try(merging.undo, self.site.learner, file)
        return {"backup": kept.relative_to(self.site.learner).as_posix()}

    def _asked(self, wish: Wish) -> tuple[str, dict[str, str]]:
        file, sides = str(wish.get("file", "")), wish.get("sides") or {}
        if not self.site.has_page(file):
            raise BadRequest(f"There is no page {file!r}.")
        if not isinstance(sides, dict) or not set(sides.values()) <= {"yours", "new"}:
            raise BadRequest('Expected "yours" or "new" for each place.')
        return file, sides

    async def _try(self, work: Callable[..., Any], *values: Any) -> Any:
        try:
            return await run_in_threadpool(work, *values)
        except CannotMerge as error:
            raise BadRequest(str(error)) from error


def _page(site: Site, file: str, body: str, undo: bool) -> str:
    lesson = next((one for one in (site.catalogue.overview, *site.catalogue.lessons) if one.file == file), None)
    name = f"{lesson.id} {lesson.title}" if lesson else file.removesuffix(".md")
    back = '<button type="button" data-do="undo">Take the last one back</button>' if undo else ""
    done = (
        f'<div id="done" class="done"{"" if undo else " hidden"}><p class="said" role="status"></p><p class="buttons">'
        f'<a class="go" href="{site.base}/{escape(file)}">Open the lesson{icons.RIGHT}</a> {back}</p></div>'
    )
    return (
        '<!doctype html><html lang="en"><head>'
        f"{layout.head(site, f'Two versions: {name}', ('home.css', 'merge.css'), ('merge.js',))}</head>"
        f'<body data-base="{escape(site.base)}" data-file="{escape(file)}"><header class="top">'
        f'<nav aria-label="Course"><a href="{site.base}/">Lessons</a>'
        f'<a href="{site.base}/{escape(file)}">{escape(name)}</a></nav>'
        f'<button type="button" data-theme-toggle class="icon">{icons.SUN}{icons.MOON}</button></header>'
        f'<main class="merge"><h1>Your page and the new one</h1>{body}{done}</main></body></html>'
    )


def _choices(site: Site, merge: Merge) -> str:
    places = merge.differing
    to_ask = sum(choice.open for choice in places)
    decided = len(places) - to_ask
    how = (
        "Where only you or only the new version changed something, that is taken."
        if merge.based
        else "Your answers are kept, and everything else is taken from the new version. (The version that you began "
        "with was not kept by the course then, so nothing tells who changed what.)"
    )
    asked = {0: "No place needs you", 1: "One place needs a look"}.get(to_ask, f"{to_ask} places need a look")
    rest = f", {decided} more {'is' if decided == 1 else 'are'} decided and folded" if decided else ""
    lesson = next((one for one in (site.catalogue.overview, *site.catalogue.lessons) if one.file == merge.file), None)
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
    if lesson and choice.title.startswith("exercise_"):
        titled = f"Exercise: {escape(exercise_title(lesson, choice.title.removeprefix('exercise_').replace('_', '-')))}"
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
