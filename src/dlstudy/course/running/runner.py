"""Run a lesson as its reader would, without the reader: once as handed out, once with everything done.

Each run is a process of its own with a throwaway home and learner's folder, an empty cache, one thread, and nothing
but loopback to reach. `DLSTUDY_RUN` tells the page which run it is; the page writes its checks' verdicts as JSON lines
into `$DLSTUDY_RUN_LOG`; answers to questions are read from the progress file that the run leaves behind.
"""

import ast
import json
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from dlstudy.course.content import paths
from dlstudy.course.content.exercises import ExerciseError, exercise_ids, load_exercise
from dlstudy.course.content.lessonfile import LessonError, LessonFile
from dlstudy.course.running import lessonrun

Mode = Literal["opened", "worked"]
MODES: tuple[Mode, ...] = ("opened", "worked")
WARN_AT, FAIL_AT = 1.0, 2.0
QUICK = 1.0
"""CPU seconds that a cell may take when a page opens; the cell called "imports" is exempt: imports are slow once."""
PARTS = {"check": "check", "quiz": "quiz", "predict": "prediction"}
"""Methods of a page that must be reached when everything is done, and what to call each."""


@dataclass
class GroupResult:
    """What became of the cells of one section; `seconds` is wall time, `problems` the sentences about its cells."""

    title: str
    cells: int = 0
    done: int = 0
    ran: int = 0
    seconds: float = 0.0
    figures: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class RunResult:
    """One run of one lesson; `cpu_seconds` counts children too.

    `peak_memory` is in bytes: the page's own peak, or what it and its children held together when looked at.

    `taken` are the experiments whose record stood for the result, and the seconds that measuring each took then.
    `parts` maps "check", "quiz" and "prediction" to what was written down for each id. `network` says how the network
    was kept away. The run is good when `problems` is empty.
    """

    lesson: str
    mode: Mode
    budget: float
    groups: list[GroupResult] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)
    taken: dict[str, float] = field(default_factory=dict)
    parts: dict[str, dict[str, str]] = field(default_factory=lambda: {event: {} for event in PARTS.values()})
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_memory: int = 0
    figures: int = 0
    network: str = ""
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    output: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong with the run; warnings do not count."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values."""
        return {**asdict(self), "passed": self.passed}


def run_lesson(
    path: Path,
    mode: Mode,
    *,
    exercises: Path | None = None,
    taken: Mapping[str, float] | None = None,
    record: Collection[str] = (),
    on_group: Callable[[GroupResult], None] | None = None,
    on_cell: Callable[[int, int], None] | None = None,
) -> RunResult:
    """Run the lesson at `path` in one of the two modes and return what was found.

    `exercises` is the folder of all exercises (the course's own when None). `taken` names the experiments whose record
    stands for the result, and the seconds that measuring each took, often of more than the page itself measures: the
    budget counts only what is done here. All others are measured in a worked run. What `record` names ("all" is
    everything) is written down, however long it takes. `on_group` is called when a section's last cell has run,
    `on_cell` with the number of finished cells and of all cells.

    Raises LessonError: the lesson's file, its front matter or one of its exercises cannot be read.
    """
    page = LessonFile.read(path)
    facts = page.facts()
    taken = (taken or {}) if mode == "worked" else {}
    result = RunResult(path.name, mode, facts.budget, taken=dict(taken))
    text = solved_text(page, exercises) if mode == "worked" else page.text
    with tempfile.TemporaryDirectory(prefix="dlstudy-run-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        lesson = lessonrun.set_up(place, path, text)
        reading = _Reading(result, page, on_group, on_cell)
        limit = float("inf") if record else FAIL_AT * facts.budget + 30
        told = {"DLSTUDY_TAKEN": ",".join(taken), "DLSTUDY_RECORD": ",".join(record)}
        variables = {name: value for name, value in told.items() if value}
        run = lessonrun.run_page(lesson, mode, place, cpu_limit=limit, on_event=reading.event, variables=variables)
        reading.end(run)
        reading.left_behind(place)
    _judge(result, page, reading.messages, budgeted=not record)
    return result


def solved_text(page: LessonFile, exercises: Path | None = None) -> str:
    """Return the lesson's text with every exercise's cell filled with its solution."""
    cells = {cell.name for cell in page.cells}
    for name in exercise_ids(page.path.name[:2], exercises):
        try:
            exercise = load_exercise(name, exercises)
            if exercise.cell_name in cells:
                code = f"{exercise.given}\n\n{exercise.solution}" if exercise.given else exercise.solution
                page = LessonFile.parse(page.with_cell(exercise.cell_name, code), page.path)
        except ExerciseError as error:
            raise LessonError(f"{page.path.name}: {error}") from error
    return page.text


def parts_of(page: LessonFile) -> dict[str, list[str]]:
    """Return the ids that a page's cells give to `.check`, `.quiz` and `.predict`, by the event they write down."""
    found: dict[str, list[str]] = {event: [] for event in PARTS.values()}
    for cell in page.cells:
        for method, name in _calls(cell.code):
            if name not in found[PARTS[method]]:
                found[PARTS[method]].append(name)
    return found


def _calls(code: str) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PARTS):
            continue
        owner = node.func.value
        if isinstance(owner, ast.Name) and owner.id == "page" and node.args and isinstance(node.args[0], ast.Constant):
            yield node.func.attr, str(node.args[0].value)


class _Reading:
    """Turns the events of a page's process into a result, section by section."""

    def __init__(
        self,
        result: RunResult,
        page: LessonFile,
        on_group: Callable[[GroupResult], None] | None,
        on_cell: Callable[[int, int], None] | None,
    ) -> None:
        self.result, self.page = result, page
        self.on_group, self.on_cell = on_group, on_cell
        self.groups = _groups(page)
        self.result.groups = _unique(self.groups)
        self.messages: dict[str, str] = {}
        self.current = ""
        self.ended = False

    def event(self, event: dict[str, Any]) -> None:
        """Take in one event."""
        kind = event.pop("event")
        if kind == "begin":
            self.result.network = event["network"]
        elif kind == "cell-begins":
            self.current = _label(event["index"], event["name"])
        elif kind == "cell":
            self.current = ""
            self._cell(event)
        elif kind == "page-error":
            self.ended = True
            self.result.problems.append(event["message"])
        elif kind == "thread-error":
            self.result.problems.append(f"A thread that the page started failed: {event['message']}")
        elif kind == "end":
            self.ended = True
            self.result.cpu_seconds = event["cpu_seconds"]
            self.result.peak_memory = max(self.result.peak_memory, event["peak_memory"])

    def _cell(self, cell: dict[str, Any]) -> None:
        group = self.groups[cell["index"]]
        cell["section"] = group.title
        cell["line"] = self.page.cells[cell["index"]].start_line
        self.result.cells.append(cell)
        group.done += 1
        group.ran += cell["status"] == "ran"
        group.seconds += cell["seconds"]
        group.figures += cell["figures"]
        self.result.figures += cell["figures"]
        problem = _cell_problem(cell, self.result.mode)
        if problem:
            group.problems.append(problem)
            self.result.problems.append(problem)
        if self.on_cell:
            self.on_cell(len(self.result.cells), len(self.groups))
        if self.on_group and group.done == group.cells:
            self.on_group(group)

    def end(self, end: lessonrun.ChildEnd) -> None:
        """Take in how the process ended."""
        result = self.result
        result.output, result.wall_seconds = end.output, end.wall_seconds
        result.peak_memory = max(result.peak_memory, end.peak_memory)
        where = f"in the cell {self.current}" if self.current else "outside its cells"
        if end.too_much and not self.ended:
            result.cpu_seconds = end.cpu_seconds
        if end.too_much == "cpu":
            result.problems.append(f"Ended after {end.cpu_seconds:.0f} s of CPU time, {where}: does it ever finish?")
        elif end.too_much:
            result.problems.append(f"Ended after {end.wall_seconds:.0f} s, {where}: it waits for something.")
        elif not self.ended:
            last = end.output.strip().splitlines()[-1:] or ["it said nothing"]
            result.problems.append(f"The process died {where} (exit code {end.code}): {last[0]}")

    def left_behind(self, place: Path) -> None:
        """Take in what the page wrote down: verdicts, attempts on the network, answers to questions."""
        parts = self.result.parts
        log = place / "log.jsonl"
        for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else []:
            record = json.loads(line)
            if record["event"] == "network":
                sentence = f"The page asked the network for {record['address']}; a lesson works without it."
                if sentence not in self.result.problems:
                    self.result.problems.append(sentence)
            elif record["event"] == "check":
                slug = record["exercise"].partition("/")[2]
                parts["check"][slug] = record["status"]
                self.messages[slug] = record.get("message", "")
        progress = paths.progress_file(place / "learner")
        if progress.is_file():
            from dlstudy.course.learner.progress import Progress

            with Progress(progress) as left:
                state = left.snapshot().get("lessons", {}).get(self.page.path.name[:2], {})
            for question, answer in state.get("quiz", {}).items():
                parts["quiz"][question] = "right" if answer.get("correct") else "wrong"
            for prediction in state.get("predictions", {}):
                parts["prediction"][prediction] = "made"


def _judge(result: RunResult, page: LessonFile, messages: dict[str, str], budgeted: bool = True) -> None:
    """Add what only the whole run can tell: parts never reached, wrong verdicts, and the budget where there is one."""
    worked = result.mode == "worked"
    wanted = "passed" if worked else "not-yet"
    for slug, status in result.parts["check"].items():
        if status != wanted:
            with_what = "its solution" if worked else "the exercise as handed out"
            said = f" It said: {messages[slug]}" if messages.get(slug) else ""
            result.problems.append(
                f"The check {slug!r} says {status!r} to {with_what} and should say {wanted!r}.{said}"
            )
    lost = [_label(cell["index"], cell["name"]) for cell in result.cells if cell["status"] == "skipped"]
    if worked and lost:
        some = ", ".join(lost[:12]) + (f" and {len(lost) - 12} more" if len(lost) > 12 else "")
        result.problems.append(
            f"{len(lost)} of {len(result.cells)} cells never ran, because one they need stopped or failed: {some}."
        )
    for event, names in parts_of(page).items() if worked else ():
        verb = "reached" if event == "check" else "answered"
        absent = [repr(name) for name in names if name not in result.parts[event]]
        if len(absent) == 1:
            result.problems.append(f"The {event} {absent[0]} was never {verb}.")
        elif absent:
            result.problems.append(
                f"{len(absent)} of {len(names)} {event} cards were never {verb}: {', '.join(absent)}."
            )
        for name, status in result.parts[event].items():
            if status == "wrong":
                result.problems.append(f"The quiz {name!r} was answered wrong although everything is done.")
    for cell in result.cells:
        if not worked and cell["cpu"] > QUICK and cell["name"] != "imports":
            result.warnings.append(
                f"Cell {_label(cell['index'], cell['name'])}, line {cell['line']}: takes {cell['cpu']:.1f} s of CPU "
                "time when the page opens; what takes over a second belongs behind a button."
            )
    spent, budget = result.cpu_seconds, result.budget
    if spent > FAIL_AT * budget and budgeted:
        result.problems.append(f"It took {spent:.1f} s of CPU time, more than twice its budget of {budget:g} s.")
    elif spent > WARN_AT * budget and budgeted:
        result.warnings.append(f"It took {spent:.1f} s of CPU time; its budget is {budget:g} s.")


def _cell_problem(cell: dict[str, Any], mode: Mode) -> str:
    label = f"Cell {_label(cell['index'], cell['name'])}, line {cell['line']}:"
    if cell["status"] == "error":
        return f"{label} {cell['error']}"
    if mode == "worked" and cell["status"] == "stopped":
        return f"{label} stopped at mo.stop, although every button is pressed and every question answered."
    return ""


def _label(index: int, name: str) -> str:
    return name or f"number {index + 1}"


def _groups(page: LessonFile) -> list[GroupResult]:
    """Return for each cell the group of its section: the last heading of depth 1 or 2 above it."""
    made: dict[int, GroupResult] = {}
    groups = []
    for cell in page.cells:
        above = [section for section in page.sections if section.line < cell.start_line and section.depth <= 2]
        key = above[-1].line if above else 0
        group = made.setdefault(key, GroupResult(above[-1].title if above else "Beginning"))
        group.cells += 1
        groups.append(group)
    return groups


def _unique(groups: list[GroupResult]) -> list[GroupResult]:
    seen: list[GroupResult] = []
    for group in groups:
        if not any(group is other for other in seen):
            seen.append(group)
    return seen
