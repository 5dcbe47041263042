"""Everything the course uses of marimo that marimo does not promise to keep: this file and no other.

marimo is pinned to `TESTED_VERSION`; each assumption below has a test in `tests/course/test_engine.py` that names it,
so an upgrade that breaks one says which. Importing this module does not import marimo.
"""

import graphlib
import hmac
import os
import re
import tempfile
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

TESTED_VERSION = "0.25.2"

FIGURE = re.compile(r"<svg\b|<img\b|<canvas\b|<marimo-anywidget\b|<marimo-vega\b|<marimo-mermaid\b")


def marimo_version() -> str:
    """Return the version of marimo that is installed."""
    return version("marimo")


@dataclass(frozen=True)
class CellResult:
    """What became of one cell: `status` is "ran", "stopped" (by `mo.stop`), "skipped" (waits for another) or "error".

    `index` counts the page's code cells from 0 (prose is not counted). `error` is one sentence with the line within the
    cell, `trace` the whole traceback; `figures` counts pictures in the output; `seconds` is wall time and `cpu` this
    process's CPU time.
    """

    index: int
    name: str
    status: str
    seconds: float = 0.0
    cpu: float = 0.0
    error: str = ""
    trace: str = ""
    figures: int = 0


class PageError(ValueError):
    """A page cannot be run at all: a cell is not Python, or two cells define one name."""


def saved_text(text: str, name: str = "lesson.md") -> str:
    """Return what marimo's editor writes when a page with this `text` is saved unchanged.

    A lesson is committed in this form, else a copy that nobody touched would look edited.
    """
    from marimo._server.models.models import SaveNotebookRequest
    from marimo._session.notebook.file_manager import AppFileManager

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8", newline="\n")
        manager = AppFileManager(path)
        cells = list(manager.app.cell_manager.cell_data())
        manager.save(
            SaveNotebookRequest(
                cell_ids=[cell.cell_id for cell in cells],
                codes=[cell.code for cell in cells],
                names=[cell.name for cell in cells],
                configs=[cell.config for cell in cells],
                filename=str(path),
            )
        )
        return path.read_text(encoding="utf-8")


def markdown_in_folds() -> None:
    """Let prose inside `<details markdown="1">` be Markdown, as it is on GitHub; the engine leaves it raw by itself."""
    from marimo._output.md import _get_extensions, _get_markdown

    extensions = _get_extensions()  # cached: the list that every later call gets
    if "md_in_html" not in extensions:
        extensions.append("md_in_html")
        _get_markdown.cache_clear()  # a kernel has rendered labels by now, with a converter built without it


@asynccontextmanager
async def kernel_lifespan(_: Any) -> AsyncIterator[None]:
    """Prepare a kernel of the course before it renders the prose of its page (entry point `marimo.kernel.lifespan`).

    Does nothing in a marimo that the course did not start.
    """
    if os.environ.get("DLSTUDY_SERVER") == "1":
        from dlstudy.course.measuring.twins import quiet_profiler

        markdown_in_folds()
        quiet_profiler()
    yield


@contextmanager
def pressed_buttons() -> Iterator[None]:
    """Make every `mo.ui.run_button` created inside count as pressed."""
    from marimo._plugins.ui._impl.run_button import run_button

    original = run_button._convert_value
    run_button._convert_value = lambda self, value: True  # type: ignore[method-assign]
    try:
        yield
    finally:
        run_button._convert_value = original  # type: ignore[method-assign]


def run(
    path: Path,
    *,
    press: bool = False,
    before_cell: Callable[[int, str], None] | None = None,
    after_cell: Callable[[CellResult], None] | None = None,
) -> list[CellResult]:
    """Run the page at `path` in this process, in dependency order, and return what became of each code cell.

    A failing cell ends only what depends on it. With `press`, run buttons count as pressed. The callbacks get each
    cell's index and name before it runs and its result afterwards; outputs are rendered as the page would.

    Raises PageError: the page cannot be run at all; the message says why.
    """
    with pressed_buttons() if press else _nothing():
        return _Run(path, before_cell, after_cell).results()


@contextmanager
def _nothing() -> Iterator[None]:
    yield


class _Run:
    """One run of one page; keeps marimo's script runner going where it would stop at the first error."""

    def __init__(
        self,
        path: Path,
        before_cell: Callable[[int, str], None] | None,
        after_cell: Callable[[CellResult], None] | None,
    ) -> None:
        from marimo._ast.app import InternalApp
        from marimo._ast.load import load_app
        from marimo._runtime.app.script_runner import AppScriptRunner

        self.before_cell = before_cell
        self.after_cell = after_cell
        app = load_app(path)
        if app is None:
            raise PageError(f"{path.name}: the page is empty")
        internal = InternalApp(app)
        self.names: dict[Any, str] = {}
        self.index: dict[Any, int] = {}
        for data in internal.cell_manager.cell_data():
            if data.cell is None:
                raise PageError(f"{path.name}: {_syntax_problem(data.name, data.code)}")
            if not _is_prose(data.cell, data.code):
                self.index[data.cell_id] = len(self.index)
                self.names[data.cell_id] = "" if data.name == "_" else data.name
        self.found: dict[Any, CellResult] = {}
        try:
            internal.execution_order  # noqa: B018 - builds the graph, which refuses circles and names defined twice
        except Exception as error:
            raise PageError(f"{path.name}: {_conflict(internal) or _in_words(error)}") from error

        outer = self

        class KeepGoing(AppScriptRunner):
            def _handle_run_result(self, cid: Any, result: Any, outputs: Any) -> None:
                outer.record(cid, result, self.app.graph)
                if result.exception is not None:
                    self._scheduler.cancel(cid)
                    outer.skip(self._scheduler.cancelled)

        class Timed:
            def __init__(self, inner: Any) -> None:
                self.inner = inner

            def evaluate_sync(self, cell: Any, glbls: Any) -> Any:
                outer.announce(cell.cell_id)
                return self.inner.evaluate_sync(cell, glbls)

            async def evaluate(self, cell: Any, glbls: Any) -> Any:
                outer.announce(cell.cell_id)
                return await self.inner.evaluate(cell, glbls)

        self.runner = KeepGoing(internal, filename=str(path))
        self.runner._evaluator = Timed(self.runner._evaluator)  # type: ignore[assignment]
        self.started = self.started_cpu = 0.0

    def results(self) -> list[CellResult]:
        from marimo._output.formatters.formatters import register_formatters
        from marimo._output.formatting import FORMATTERS

        # Formatters hook into imports, so they must be there before a cell imports matplotlib; scripts skip this step.
        if FORMATTERS.is_empty():
            register_formatters()
        self.runner.run()
        self.skip(lambda cell: True)
        return sorted((self.found[cell] for cell in self.index), key=lambda result: result.index)

    def announce(self, cell_id: Any) -> None:
        self.started, self.started_cpu = time.perf_counter(), time.process_time()
        if self.before_cell and cell_id in self.index:
            self.before_cell(self.index[cell_id], self.names[cell_id])

    def skip(self, lost: Callable[[Any], bool]) -> None:
        """Report the cells that will not run, as soon as that is known."""
        for cell in self.index:
            if cell not in self.found and lost(cell):
                self.found[cell] = CellResult(self.index[cell], self.names[cell], "skipped")
                if self.after_cell:
                    self.after_cell(self.found[cell])

    def record(self, cell_id: Any, result: Any, graph: Any) -> None:
        from marimo._output.formatting import try_format
        from marimo._runtime.control_flow import MarimoStopError
        from marimo._runtime.exceptions import MarimoRuntimeException, unwrap_user_exception

        if cell_id not in self.index:
            return
        status, error, trace, figures = "ran", "", "", 0
        exception = result.exception
        if isinstance(exception, MarimoRuntimeException):
            exception = unwrap_user_exception(exception, graph) or exception
        output = result.output
        if isinstance(exception, MarimoStopError):
            status, output, exception = "stopped", exception.output, None
        if exception is not None:
            status, error = "error", _in_words(exception)
            trace = "".join(traceback.format_exception(exception))
        elif output is not None:
            shown = try_format(output)
            if shown.exception is not None or shown.traceback:
                status, trace = "error", shown.traceback or ""
                reason = _in_words(shown.exception) if shown.exception else trace.strip().splitlines()[-1]
                error = f"the output cannot be shown: {reason}"
            elif shown.mimetype.startswith("image/") or "mimebundle" in shown.mimetype:
                figures = int("image/" in shown.mimetype + str(shown.data))
            elif isinstance(shown.data, str) and not _is_card(output):
                figures = len(FIGURE.findall(shown.data))
        seconds, cpu = time.perf_counter() - self.started, time.process_time() - self.started_cpu
        self.found[cell_id] = CellResult(
            self.index[cell_id], self.names[cell_id], status, seconds, cpu, error, trace, figures
        )
        if self.after_cell:
            self.after_cell(self.found[cell_id])


def _is_card(output: Any) -> bool:
    """Whether an output is one of the course's own cards (check, question, prediction), which are no figures."""
    return any(
        type(item).__module__.startswith("dlstudy.course.") for item in (output, getattr(output, "widget", None))
    )


def _is_prose(cell: Any, code: str) -> bool:
    """Whether marimo writes this cell back as Markdown text rather than as a fence."""
    from marimo._convert.common.format import get_markdown_from_cell

    return get_markdown_from_cell(cell, code) is not None


def _syntax_problem(name: str, code: str) -> str:
    where = f"cell {name!r}" if name and name != "_" else f"the cell that starts with {code.strip()[:40]!r}"
    try:
        compile(code, "<cell>", "exec")
    except SyntaxError as error:
        return f"{where} is not valid Python: {error.msg}, line {error.lineno}"
    return f"{where} cannot be read as a cell"


def _conflict(internal: Any) -> str:
    """Say which cells define one name twice or need each other, "" when none do."""
    cells = {data.name: data.cell._cell for data in internal.cell_manager.cell_data() if data.cell is not None}
    owners: dict[str, list[str]] = {}
    for name, cell in cells.items():
        for defined in cell.defs:
            owners.setdefault(defined, []).append(name)
    for defined, names in owners.items():
        if len(names) > 1:
            return (
                f"the name {defined!r} is defined by the cells {' and '.join(names)}; a name belongs to one cell "
                f"(a throwaway is written _{defined})"
            )
    needs = {name: {owners[ref][0] for ref in cell.refs if ref in owners} - {name} for name, cell in cells.items()}
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        return f"these cells need each other's names, so none can run first: {', '.join(sorted(set(error.args[1])))}"
    return ""


def _in_words(error: BaseException) -> str:
    """Return the error's type and message and, where it came from a cell, the line within that cell."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if "__marimo__cell_" in frame.filename]
    where = f" (line {lines[0]} of the cell)" if lines else ""
    message = str(error).strip()
    return f"{type(error).__name__}: {message}{where}" if message else f"{type(error).__name__}{where}"


def uses(path: Path) -> list[set[int]]:
    """Return, for each code cell of the page at `path` in its order, the numbers of the cells whose names it uses.

    Raises PageError: the page cannot be run; the message says why.
    """
    run = _Run(path, None, None)
    graph = run.runner.app.graph
    return [
        {run.index[parent] for parent in graph.parents[cell] if parent in run.index}
        for cell in sorted(run.index, key=lambda cell: run.index[cell])
    ]


@dataclass(frozen=True)
class OpenPage:
    """A page that has a kernel: `connected` when a browser shows it, `running` when a cell runs or waits."""

    session: str
    path: Path
    pid: int | None
    running: bool
    connected: bool


def open_pages(server: Any) -> list[OpenPage]:
    """Return the pages that have a kernel in a running `server`: its application, as a request's scope has it.

    The page engine's own list of running pages knows neither the processes nor what they are doing.
    """
    from marimo._server.api.deps import AppStateBase
    from marimo._session.model import ConnectionState

    found = []
    for key, session in AppStateBase.from_app(server).session_manager.sessions.items():
        state, path = session.connection_state(), session.app_file_manager.path
        if path is None or state == ConnectionState.CLOSED:
            continue
        cells = session.session_view.cell_notifications.values()
        busy = any(cell.status in ("running", "queued") for cell in cells)
        found.append(OpenPage(str(key), Path(path), session.kernel_pid(), busy, state == ConnectionState.OPEN))
    return found


@dataclass(frozen=True)
class Saving:
    """How the last save of a page went: `state` is "saved", "changed" or "failed"; `why` says it in words.

    "changed": another program has changed the file since the page was read or saved, so nothing was written.
    """

    state: str
    why: str = ""


_savings: dict[str, Saving] = {}


def last_saving(path: Path) -> Saving | None:
    """Return how the last save of the page at `path` went; None where it has not been saved since the start."""
    return _savings.get(os.path.realpath(path))


def save_safely(write: Callable[[Path, str], None]) -> None:
    """Let the page engine save through `write`, and call saved only what lies on the disk.

    By itself it empties a file before it writes it, compares a text with its memory of the last one instead of with the
    file, and replaces whatever another program has written meanwhile. `write` gets the file and its whole new text, and
    raises OSError where that cannot be written.
    """
    from marimo._session.notebook.file_manager import AppFileManager
    from marimo._session.notebook.storage import FilesystemStorage
    from marimo._utils.http import HTTPException

    load, save = AppFileManager._load_app, AppFileManager._save_file

    def load_app(self: Any, path: str | None) -> Any:
        self.dls_seen = _text(Path(path)) if path else None  # before it is read: a change in between is noticed
        return load(self, path)

    def save_file(self: Any, path: Path, *, notebook: Any, persist: bool, previous_path: Path | None = None) -> str:
        if not persist:
            return save(self, path, notebook=notebook, persist=persist, previous_path=previous_path)
        with self._save_lock:
            known, there = os.path.realpath(path), _text(path)
            seen = getattr(self, "dls_seen", None)
            if there is not None and seen is not None and there != seen:
                _savings[known] = Saving("changed", "Another program has changed this page's file.")
                raise HTTPException(409, detail=_savings[known].why)
            self._last_saved_content = None if there is None else there.strip()  # what it compares with
            try:
                text = save(self, path, notebook=notebook, persist=persist, previous_path=previous_path)
            except HTTPException as error:
                _savings[known] = Saving("failed", str(error.detail))
                if (now := _text(path)) == getattr(self.storage, "dls_tried", None):
                    self.dls_seen = now  # it has come to the disk all the same, so it is no other program's
                raise
            self.dls_seen = _text(path)
            _savings[known] = Saving("saved")
            return text

    def write_file(self: Any, path: Path, content: str) -> None:
        self.dls_tried = content
        try:
            write(Path(path), content)
        except OSError as error:
            raise HTTPException(500, detail=f"{error.strerror or error}.") from error

    AppFileManager._load_app = load_app  # type: ignore[method-assign]
    AppFileManager._save_file = save_file  # type: ignore[method-assign]
    FilesystemStorage.write = write_file  # type: ignore[method-assign]


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def save_page(server: Any, session: str) -> Saving:
    """Write a page as its browser last told it to the server, which is newer than its file within the autosave's pause.

    Where it could not be written, the answer says why, and the session keeps its text. The tab itself saves within a
    second of typing.
    """
    from marimo._server.api.deps import AppStateBase
    from marimo._utils.http import HTTPException

    found = AppStateBase.from_app(server).session_manager.sessions.get(session)  # type: ignore[call-overload]
    if found is None or found.app_file_manager.path is None:
        return Saving("failed", "This page is not open any more.")
    try:
        found.app_file_manager.save_from_cells(list(found.document.cells))
    except HTTPException as error:
        return last_saving(Path(found.app_file_manager.path)) or Saving("failed", str(error.detail))
    return Saving("saved")


def page_text(server: Any, session: str) -> str:
    """Return what `save_page` would write."""
    from marimo._server.api.deps import AppStateBase

    found = AppStateBase.from_app(server).session_manager.sessions[session]  # type: ignore[index]
    manager, cells = found.app_file_manager, list(found.document.cells)
    manager.app.with_data(
        cell_ids=[cell.id for cell in cells],
        codes=[cell.code for cell in cells],
        names=[cell.name for cell in cells],
        configs=[cell.config for cell in cells],
    )
    return str(manager._save_file(Path(str(manager.path)), notebook=manager.app.to_ir(), persist=False))


def take_over_file(server: Any, session: str) -> None:
    """Let the next save of a page replace its file as it is now, although another program has changed it."""
    from marimo._server.api.deps import AppStateBase

    manager = AppStateBase.from_app(server).session_manager.sessions[session].app_file_manager  # type: ignore[index]
    if manager.path is not None:
        manager.dls_seen = _text(Path(manager.path))  # type: ignore[attr-defined]


def close_page(server: Any, session: str) -> bool:
    """End a page's kernel; tell whether there was one."""
    from marimo._server.api.deps import AppStateBase

    return AppStateBase.from_app(server).session_manager.close_session(session)  # type: ignore[arg-type]


def is_token(server: Any, word: str) -> bool:
    """Tell whether `word` is the token of a running server; any text may be asked about."""
    return hmac.compare_digest(word.encode("utf-8", "surrogatepass"), _token(server).encode("utf-8"))


def log_in(server: Any, session: Any) -> None:
    """Write into a browser's `session`, as a request's scope has it, what marimo's cookie says of a right token."""
    from marimo._server.api.auth import CookieSession

    CookieSession(session).set_access_token(_token(server))


def _token(server: Any) -> str:
    from marimo._server.api.deps import AppStateBase

    return str(AppStateBase.from_app(server).session_manager.auth_token)


def without_language_servers() -> None:
    """Let marimo, before it starts, know no language server.

    The course uses none, and for each that it knows marimo passes on whatever is asked below "/lsp/" to a port of this
    machine on which nobody of ours listens, so that a program of somebody else can.
    """
    from marimo._server.lsp import CompositeLspServer

    CompositeLspServer.LANGUAGE_SERVERS = {}
