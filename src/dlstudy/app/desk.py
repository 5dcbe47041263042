"""Routes of the learner's own desk: search, notes, and what comes back for review."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, Response

from dlstudy.app import guard
from dlstudy.app.home import panels, search_view
from dlstudy.course.content import search
from dlstudy.course.learner import folder as learners
from dlstudy.course.learner import notes

if TYPE_CHECKING:
    from dlstudy.app.site import Site

Wish = dict[str, Any]
Engine = Callable[..., Awaitable[Any]]


class BadRequest(ValueError):
    """What a page asked for cannot be done; the message is shown to the learner."""


class Desk:
    """Answers for one `site`."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.routes: dict[str, Callable[[Wish, Engine], Awaitable[Any]]] = {
            "/api/course/note": self._save,
            "/api/course/note/remove": self._remove,
            "/api/course/note/restore": self._restore,
            "/api/course/answer": self._answer,
            "/api/course/again": self._again,
        }

    @cached_property
    def library(self) -> search.Library:
        """The index of the course."""
        return search.Library()

    async def get(self, path: str, query: dict[str, list[str]]) -> Response | None:
        """Answer a page or data of the desk, or return None."""
        words = query.get("q", [""])[0][:200]
        if path == "/search":
            hits = await run_in_threadpool(self._find, words, search_view.ALL)
            return HTMLResponse(
                search_view.page(self.site, words, hits), headers={"Content-Security-Policy": guard.HOME_POLICY}
            )
        if path == "/api/course/search":
            hits = await run_in_threadpool(self._find, words, 9)
            return JSONResponse({"hits": [search_view.as_data(self.site, hit) for hit in hits]})
        if path == "/api/course/notes":
            page = query.get("page", [""])[0]
            found = await run_in_threadpool(notes.notes_on, self.site.progress, page)
            return JSONResponse({"notes": [vars(note) for note in found]})
        return None

    def _find(self, words: str, limit: int) -> list[search.Hit]:
        return self.library.search(words, notes.entries(self.site.progress), limit)

    # ---- notes ---------------------------------------------------------------------------

    async def _save(self, wish: Wish, engine: Engine) -> Wish:
        page, text = str(wish.get("page", "")), str(wish.get("text", ""))
        if not self.site.has_page(page):
            raise BadRequest(f"There is no page {page!r}.")
        place, title = str(wish.get("place", ""))[:300], str(wish.get("title", ""))[:300]
        note = wish.get("id")
        try:
            key = await run_in_threadpool(
                notes.save, self.site.progress, page, place, title, text, str(note) if note else None
            )
        except ValueError as error:
            raise BadRequest(str(error)) from error
        return {"id": key, "problem": self.site.progress.problem}

    async def _remove(self, wish: Wish, engine: Engine) -> Wish:
        await run_in_threadpool(notes.remove, self.site.progress, str(wish.get("id", "")))
        return {"ok": True}

    async def _restore(self, wish: Wish, engine: Engine) -> Wish:
        await run_in_threadpool(notes.restore, self.site.progress, str(wish.get("id", "")))
        return {"ok": True}

    # ---- review --------------------------------------------------------------------------

    async def _answer(self, wish: Wish, engine: Engine) -> Wish:
        """Judge and record an answer to a quiz question; which one is right is told only now."""
        from dlstudy.course.content.prose import options_of

        lesson, name = self.site.lesson(wish), str(wish.get("question", ""))
        entry = panels.question(lesson.id, name)
        chosen = [option for option in options_of(entry) if option["id"] == wish.get("option")] if entry else []
        if not chosen:
            raise BadRequest(f"Lesson {lesson.id} has no question {name!r} with such an answer.")
        (option,) = chosen
        await run_in_threadpool(self.site.progress.record_quiz, lesson.id, name, option["id"], option["correct"])
        return {"correct": option["correct"], "why": option["why"]}

    async def _again(self, wish: Wish, engine: Engine) -> Wish:
        """Put an exercise's cell and file back to the start, to be written once more; what was there is backed up."""
        lesson, exercise = self.site.lesson(wish), wish.get("exercise")
        if exercise not in lesson.exercises:
            raise BadRequest(f"Lesson {lesson.id} has no exercise {exercise!r}.")
        await self.site.end_sessions(engine, lesson.file)
        cell = "exercise_" + exercise.replace("-", "_")
        kept = await run_in_threadpool(learners.reset_cell, self.site.learner, lesson.file, cell)
        await run_in_threadpool(_empty_file, self.site.learner, f"{lesson.id}/{exercise}")
        await run_in_threadpool(self.site.progress.start_again, f"{lesson.id}/{exercise}")
        return {"backup": kept.relative_to(self.site.learner).as_posix()}


def _empty_file(learner: Path, exercise: str) -> None:
    """Put the learner's own file of an answer, where there is one, back to its starting text, after a backup."""
    from dlstudy.course.content.exercises import ExerciseError, load_exercise
    from dlstudy.course.learner import answerfiles

    try:
        item = load_exercise(exercise)
        own = answerfiles.own_file(item, learner)
        if own.is_file() and not item.is_stub(own.read_text(encoding="utf-8", errors="replace")):
            learners.backup_answer(learner, own)
            learners.write(own, item.stub_file)
    except ExerciseError:
        return  # its own message stands where the exercise is shown
