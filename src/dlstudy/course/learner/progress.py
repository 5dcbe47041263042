"""A learner's progress: attempts with their text, hints, solutions, quiz answers, predictions, time.

A reset archives rows, it never deletes them. How all of it survives a damaged file or a full disk stands in
`progressstore`, what it looks like in the file in `progressfile`. Only the standard library is used: the middleware and
`dlstudy --help` import this.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from dlstudy.course.learner import progressfile
from dlstudy.course.learner.progressrules import LONGEST_NAME, LONGEST_TEXT
from dlstudy.course.learner.progressstore import Store


@dataclass(frozen=True)
class Attempt:
    """One recorded try at an exercise: when (ISO time, UTC), the text that was checked, and the check's verdict."""

    at: str
    passed: bool
    verdict: str
    source: str
    hint_id: str | None
    seconds: float


@dataclass(frozen=True)
class Standing:
    """Where a learner stands with one exercise since the last reset.

    `attempts` counts the tries, `passed` tells whether one of them was right, `tried` whether an answer other than the
    stub has failed, `hints` how many of the three are open, `solution_opened` whether the solution has been shown.
    """

    attempts: int = 0
    passed: bool = False
    tried: bool = False
    hints: int = 0
    solution_opened: bool = False

    @property
    def may_see_solution(self) -> bool:
        """Whether the solution may be seen without giving up: after an honest try, or once it was found or shown."""
        return self.tried or self.passed or self.solution_opened


class Checked(Protocol):
    """What a check has found, as far as progress keeps it; a `checking.verdict.Verdict` is one."""

    @property
    def status(self) -> str:
        """ "passed", "failed" and so on; "not-yet" where the answer is still the stub."""

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""

    @property
    def hint_id(self) -> str | None:
        """Which of the known mistakes it is."""

    @property
    def seconds(self) -> float:
        """How long the check took."""


def now() -> str:
    """Return the present moment as the progress file writes it: ISO time, UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def after(moment: str, earlier: str | None) -> str:
    """Return `moment`, or the microsecond after `earlier` where a clock that was set back would put it before that."""
    if earlier is None or earlier < moment:
        return moment
    try:
        return (datetime.fromisoformat(earlier) + timedelta(microseconds=1)).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return moment


def _name(text: str) -> str:
    """Return an identifier or a chosen option as the file can hold it."""
    return _clean(str(text))[: LONGEST_NAME // 4]


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair, pasted, would be refused by SQLite


class Progress(Store):
    """What a learner has done, in the file at a path.

    The file is changed in one transaction a method, and none raises because of it: see `Store`.
    """

    # ---- exercises ------------------------------------------------------------

    def record_attempt(
        self,
        exercise_id: str,
        *,
        passed: bool,
        source: str,
        verdict: str,
        hint_id: str | None = None,
        seconds: float = 0.0,
    ) -> bool:
        """Keep one try at `exercise_id` ("01/flat-index") with the text that was checked; `verdict` is its status.

        A repetition of the last try (a page that was reloaded runs its checks again) is not counted: then False. After
        `start_again` the same text is a new try: it was written once more.
        """
        source, moment = _clean(source)[: LONGEST_TEXT // 4], now()
        hint = None if hint_id is None else _name(hint_id)
        values = (exercise_id, moment, int(passed), _name(verdict), source, hint, _span(seconds))

        def work(db: sqlite3.Connection) -> bool:
            last = db.execute(
                "SELECT source, verdict, at FROM attempts WHERE exercise = ? AND archived IS NULL "
                "ORDER BY id DESC LIMIT 1",
                (exercise_id,),
            ).fetchone()
            started = db.execute(
                "SELECT MAX(at) FROM starts WHERE exercise = ? AND archived IS NULL", (exercise_id,)
            ).fetchone()[0]
            if last and last[:2] == (source, verdict) and not (started and started > last[2]):
                return False
            db.execute(
                "INSERT INTO attempts (exercise, at, passed, verdict, source, hint, seconds) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            db.execute("UPDATE starts SET at = ? WHERE exercise = ? AND at > ?", (moment, exercise_id, moment))
            return True

        return self.write(work, False)

    def start_again(self, exercise_id: str) -> None:
        """Remember that the answer was put back to its starting text, to be written once more from memory."""
        moment = now()

        def work(db: sqlite3.Connection) -> None:
            (last,) = db.execute("SELECT MAX(at) FROM attempts WHERE exercise = ?", (exercise_id,)).fetchone()
            db.execute("INSERT INTO starts (exercise, at) VALUES (?, ?)", (exercise_id, after(moment, last)))

        self.write(work, None)

    def attempts(self, exercise_id: str, *, archived: bool = False) -> list[Attempt]:
        """Every recorded try, oldest first; with `archived`, those from before a reset too."""
        rows = self.rows(
            "SELECT at, passed, verdict, source, hint, seconds FROM attempts WHERE exercise = ? "
            "AND (? OR archived IS NULL) ORDER BY id",
            exercise_id,
            int(archived),
        )
        return [
            Attempt(at, bool(passed), verdict, source, hint, sec) for at, passed, verdict, source, hint, sec in rows
        ]

    def exercise(self, exercise_id: str) -> Standing:
        """Return where the learner stands with `exercise_id`, all of it at one moment."""

        def work(db: sqlite3.Connection) -> Standing:
            attempts, passed, tried = db.execute(
                "SELECT COUNT(*), MAX(passed), MAX(NOT passed AND verdict != 'not-yet') FROM attempts "
                "WHERE exercise = ? AND archived IS NULL",
                (exercise_id,),
            ).fetchone()
            # They open one by one, so the number of the last one is how many are open.
            hints = "SELECT MAX(n) FROM hints WHERE exercise = ? AND archived IS NULL"
            solution = "SELECT COUNT(*) FROM solutions WHERE exercise = ? AND archived IS NULL"
            (opened,), (shown,) = (db.execute(sql, (exercise_id,)).fetchone() for sql in (hints, solution))
            return Standing(attempts, bool(passed), bool(tried), opened or 0, bool(shown))

        return self.read(work, Standing())

    def record_check(self, exercise_id: str, verdict: Checked, source: str) -> bool:
        """Keep a check of `source` as a try; an answer that was not begun is none, else opening a page would be one."""
        if verdict.status == "not-yet":
            return False
        return self.record_attempt(
            exercise_id,
            passed=verdict.passed,
            source=source,
            verdict=verdict.status,
            hint_id=verdict.hint_id,
            seconds=verdict.seconds,
        )

    def open_hint(self, exercise_id: str, n: int) -> None:
        """Remember that hint `n` (1, 2, 3) was opened."""
        moment = now()

        def work(db: sqlite3.Connection) -> None:
            here = "SELECT 1 FROM hints WHERE exercise = ? AND n = ? AND archived IS NULL"
            if not db.execute(here, (exercise_id, n)).fetchone():
                db.execute("INSERT INTO hints (exercise, n, at) VALUES (?, ?, ?)", (exercise_id, n, moment))

        self.write(work, None)

    def open_solution(self, exercise_id: str, gave_up: bool) -> None:
        """Remember that the solution was shown, and whether by giving up before an honest try."""
        moment = now()

        def work(db: sqlite3.Connection) -> None:
            if not db.execute(
                "SELECT 1 FROM solutions WHERE exercise = ? AND archived IS NULL", (exercise_id,)
            ).fetchone():
                db.execute(
                    "INSERT INTO solutions (exercise, gave_up, at) VALUES (?, ?, ?)",
                    (exercise_id, int(gave_up), moment),
                )

        self.write(work, None)

    # ---- quiz, predictions, time ------------------------------------------------------------

    def record_quiz(self, lesson_id: str, question_id: str, option: str, correct: bool) -> None:
        """Keep one answer to a quiz question; every answer is kept, the last one is shown."""
        values = (lesson_id, question_id, _name(option), int(correct), now())
        sql = "INSERT INTO quiz (lesson, question, option, correct, at) VALUES (?, ?, ?, ?, ?)"
        self.write(lambda db: db.execute(sql, values) and None, None)

    def quiz_answer(self, lesson_id: str, question_id: str) -> str | None:
        """The last option chosen for a question, or None."""
        rows = self.rows(
            "SELECT option FROM quiz WHERE lesson = ? AND question = ? AND archived IS NULL ORDER BY id DESC LIMIT 1",
            lesson_id,
            question_id,
        )
        return rows[0][0] if rows else None

    def record_prediction(self, lesson_id: str, prediction_id: str, option: str) -> None:
        """Keep a prediction made before an experiment; "just-show-me" when the learner would rather look."""
        values = (lesson_id, prediction_id, _name(option), now())
        sql = "INSERT INTO predictions (lesson, prediction, option, at) VALUES (?, ?, ?, ?)"
        self.write(lambda db: db.execute(sql, values) and None, None)

    def prediction(self, lesson_id: str, prediction_id: str) -> str | None:
        """The last prediction recorded, or None."""
        rows = self.rows(
            "SELECT option FROM predictions WHERE lesson = ? AND prediction = ? AND archived IS NULL "
            "ORDER BY id DESC LIMIT 1",
            lesson_id,
            prediction_id,
        )
        return rows[0][0] if rows else None

    def add_time(self, lesson_id: str, seconds: float) -> None:
        """Add seconds spent on a lesson's page (0 only marks it as the page last visited)."""
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"expected seconds >= 0, got {seconds}")
        sql = (
            "INSERT INTO visits VALUES (?, ?, ?) "
            "ON CONFLICT (lesson) DO UPDATE SET seconds = MIN(1e9, seconds + excluded.seconds), last = excluded.last"
        )
        per_day = (
            "INSERT INTO days VALUES (?, ?, ?) "
            "ON CONFLICT (day, lesson) DO UPDATE SET seconds = MIN(1e9, seconds + excluded.seconds)"
        )
        values = (lesson_id, _span(seconds), now())
        before = (datetime.fromisoformat(values[2]) - timedelta(microseconds=1)).isoformat(timespec="microseconds")
        today = (datetime.now().date().isoformat(), lesson_id, _span(seconds))

        def work(db: sqlite3.Connection) -> None:
            # A page cannot have been visited later than now: a clock was wrong, and this page is the last one.
            db.execute("UPDATE visits SET last = ? WHERE last > ? AND lesson != ?", (before, values[2], lesson_id))
            db.execute(sql, values)
            if seconds:
                db.execute(per_day, today)

        self.write(work, None)

    def seconds_since(self, day: date) -> float:
        """Seconds spent on lessons on `day` (the learner's own calendar) and since."""
        rows = self.rows("SELECT COALESCE(SUM(seconds), 0) FROM days WHERE day >= ?", day.isoformat())
        return float(rows[0][0]) if rows else 0.0

    def visit(self, lesson_id: str) -> None:
        """Mark `lesson_id` ("01") as the page the learner is on: where "continue" leads."""
        self.add_time(lesson_id, 0.0)

    # ---- settings ------------------------------------------------------------

    def setting(self, name: str) -> str | None:
        """What the learner chose for `name`, or None; a choice of this machine, which import does not bring."""
        rows = self.rows("SELECT value FROM meta WHERE key = ?", f"setting:{name}")
        return str(rows[0][0]) if rows else None

    def choose(self, name: str, value: str) -> None:
        """Keep a choice of the learner's."""
        sql = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        self.write(lambda db: db.execute(sql, (f"setting:{name}", value)) and None, None)

    # ---- the whole ------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Everything that counts now, as plain data for JSON; keys are lesson numbers ("01") and exercise slugs."""
        moment = now()
        return self.read(lambda db: _snapshot(db, moment), _empty()) | {"problem": self.problem}

    def reset(self, lesson_id: str | None = None, exercise: str | None = None) -> None:
        """Start over: everything, one lesson ("01"), or one exercise (its slug). What was done is archived."""
        if exercise is not None and "/" not in exercise:
            if lesson_id is None:
                raise ValueError(f'expected a lesson beside the exercise "{exercise}", as in reset("01", "{exercise}")')
            exercise = f"{lesson_id}/{exercise}"
        moment = now()

        def work(db: sqlite3.Connection) -> None:
            for table, columns in progressfile.COLUMNS.items():
                where, values = "archived IS NULL", [moment]
                if exercise is not None:
                    if columns[0] != "exercise":
                        continue
                    where, values = where + " AND exercise = ?", [moment, exercise]
                elif lesson_id is not None:
                    where += " AND lesson = ?" if columns[0] == "lesson" else " AND substr(exercise, 1, ?) = ?"
                    values += [lesson_id] if columns[0] == "lesson" else [len(lesson_id) + 1, lesson_id + "/"]  # type: ignore[list-item]
                db.execute(f"UPDATE {table} SET archived = ? WHERE {where}", values)

        self.write(work, None)


# ---- helpers ------------------------------------------------------------


def _span(seconds: float) -> float:
    """Return how long something took as the file can hold it; what is no time is none."""
    return min(max(float(seconds), 0.0), 1e9) if seconds == seconds else 0.0


def _empty() -> dict[str, Any]:
    return {"version": 0, "last": None, "problem": None, "lessons": {}}


def _snapshot(db: sqlite3.Connection, moment: str) -> dict[str, Any]:
    lessons: dict[str, dict[str, Any]] = {}

    def lesson(key: str) -> dict[str, Any]:
        return lessons.setdefault(key, {"seconds": 0.0, "last": None, "exercises": {}, "quiz": {}, "predictions": {}})

    def exercise(key: str) -> dict[str, Any]:
        number, _, slug = key.partition("/")
        fresh = {"attempts": 0, "passed": False, "hints": 0, "solution": False, "gave_up": False}
        return lesson(number)["exercises"].setdefault(slug, fresh)

    for key, seconds, last in db.execute("SELECT lesson, seconds, last FROM visits"):
        lesson(key).update(seconds=seconds, last=last)
    query = "SELECT exercise, COUNT(*), MAX(passed) FROM attempts WHERE archived IS NULL GROUP BY exercise"
    for key, count, passed in db.execute(query):
        exercise(key).update(attempts=count, passed=bool(passed))
    for key, n in db.execute("SELECT exercise, MAX(n) FROM hints WHERE archived IS NULL GROUP BY exercise"):
        exercise(key)["hints"] = n
    for key, gave_up in db.execute("SELECT exercise, gave_up FROM solutions WHERE archived IS NULL"):
        exercise(key).update(solution=True, gave_up=bool(gave_up))
    # The option shown is the last one; a question answered right once stays right, so that trying again costs nothing.
    query = "SELECT lesson, question, option, correct FROM quiz WHERE archived IS NULL ORDER BY id"
    for key, question, option, correct in db.execute(query):
        before = lesson(key)["quiz"].get(question, {"correct": False})
        lesson(key)["quiz"][question] = {"option": option, "correct": bool(correct) or before["correct"]}
    query = "SELECT lesson, prediction, option FROM predictions WHERE archived IS NULL ORDER BY id"
    for key, prediction, option in db.execute(query):
        lesson(key)["predictions"][prediction] = option
    # A moment that is still to come was written while a clock was wrong.
    last = db.execute("SELECT lesson FROM visits ORDER BY last <= ? DESC, last DESC LIMIT 1", (moment,)).fetchone()
    version = db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    return _empty() | {"version": int(version[0]), "last": last[0] if last else None, "lessons": lessons}
