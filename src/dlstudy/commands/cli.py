"""The `dlstudy` command. Each subcommand imports what it needs when it runs, so that `--help` and `list` stay quick."""

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlstudy import __version__
from dlstudy.commands import terminal
from dlstudy.words import counted

if TYPE_CHECKING:
    from rich.console import Console

    from dlstudy.course.content.catalogue import Catalogue, Lesson
    from dlstudy.course.content.exercises import Exercise
    from dlstudy.course.learner.progress import Progress
    from dlstudy.course.running.runner import GroupResult, RunResult

NOT_DONE, WRONG_INPUT = 1, 2


class Refusal(click.ClickException):
    """Ends the command with one clear sentence and exit code 2: what was asked for does not exist or cannot be done."""

    exit_code = WRONG_INPUT

    def show(self, file: Any = None) -> None:
        """Print the sentence to standard error."""
        click.echo(self.format_message(), err=True)


class NearestNames(click.Group):
    """A group of commands that answers an unknown name with the nearest ones."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or refuse with the nearest names."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            known = self.list_commands(ctx)
            near = difflib.get_close_matches(name, known, n=2, cutoff=0.6)
            meant = f" Did you mean: {' or '.join(near)}?" if near else f" There are: {', '.join(known)}."
            raise Refusal(f"There is no command {name!r}.{meant}")
        return super().resolve_command(ctx, args)


@click.group(cls=NearestNames, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="dlstudy %(version)s")
def main() -> None:
    """Deep learning, from the first tensor to diffusion models: lessons whose code runs, exercises that teach.

    Start with: dlstudy open
    """


@main.command("list")
@click.argument("words", nargs=-1)
def list_lessons(words: tuple[str, ...]) -> None:
    """Show the roadmap with your progress.

    With WORDS, only the lessons about them.
    """
    from rich.table import Table

    from dlstudy.course.content import catalogue

    loaded, progress = _catalogue(), _progress_if_any()
    snapshot = progress.snapshot() if progress else {}
    wanted = loaded.search(" ".join(words)) if words else loaded.lessons
    if not wanted:
        raise Refusal(f"No lesson is about {' '.join(words)!r}. See them all: dlstudy list")
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for title, justify in (("", "right"), ("Lesson", "left"), ("Stars", "left"), ("Min.", "right"), ("When", "left"),
                           ("Done", "right")):  # fmt: skip
        table.add_column(title, justify=justify, no_wrap=title != "Lesson")  # type: ignore[arg-type]
    for group in loaded.groups:
        lessons = [lesson for lesson in group.lessons if lesson in wanted]
        if lessons:
            table.add_row("", f"[bold]{group.name}[/bold]")
        for lesson in lessons:
            done = catalogue.completion(lesson, snapshot)
            state = f"{done['done']}/{done['total']}" if lesson.written else "planned"
            state = f"[green]{state} ✓[/green]" if done["complete"] else state
            row = [lesson.id, lesson.title, "★" * lesson.stars, str(lesson.minutes), lesson.when, state]
            table.add_row(*row, style="" if lesson.written else "dim")
    console = terminal.console()
    console.print(table)
    written = [lesson for lesson in loaded.lessons if lesson.written]
    verb = "is" if len(written) == 1 else "are"
    console.print(f"\n{len(written)} of {len(loaded.lessons)} lessons {verb} written; the others are planned.")
    last = str(snapshot.get("last") or "")
    if last and last != "00":
        console.print(f"You were last in lesson {last}. Go on: [bold]dlstudy open {last}[/bold]")
    elif written:
        console.print(f"Begin: [bold]dlstudy open {written[0].id}[/bold]")
    _tell_problem(progress)


@main.command()
@click.argument("words", nargs=-1, required=True)
@click.option("-n", "limit", default=8, show_default=True, help="How many places to show at most.")
def search(words: tuple[str, ...], limit: int) -> None:
    """Find WORDS in lessons, exercises, the glossary and your notes.

    A place counts when it holds every word; a word also finds longer ones that begin with it.
    """
    from rich.text import Text

    from dlstudy.course.content import paths
    from dlstudy.course.content import search as searching
    from dlstudy.course.learner import notes

    progress = _progress_if_any()
    own = notes.entries(progress, paths.is_page_name) if progress else []
    try:
        found = searching.Library().search(" ".join(words), own, limit)
    except ValueError as error:
        raise Refusal(str(error)) from error
    if not found:
        click.echo(f"Nothing in the course holds {' '.join(words)!r}. Fewer or shorter words find more.")
        sys.exit(NOT_DONE)
    console = terminal.console()
    for number, hit in enumerate(found):
        if number:
            console.print()
        line = Text(hit.entry.title, style="bold")
        line.append(f"  {hit.entry.where}", style="not bold dim")
        console.print(line)
        console.print(Text.assemble(*((text, "bold green" if match else "") for text, match in hit.snippet)))
        if hit.entry.page:
            page = hit.entry.page.removesuffix(".md")
            place = (page[:2] if page[:2].isdecimal() else page) + (f"#{hit.entry.anchor}" if hit.entry.anchor else "")
            console.print(f"dlstudy open {place}", style="dim", markup=False, soft_wrap=True)


@main.command()
def review() -> None:
    """Show what went wrong and comes back today.

    An exercise or a question that failed or needed help comes back after 1, 3, 7, 16 and 35 days, until it is done
    right on its day each time.
    """
    from dlstudy.course.learner import review as reviewing

    progress, catalogue = _progress_if_any(), _catalogue()
    items = reviewing.items(progress, catalogue) if progress else []
    due, console = reviewing.due(items), terminal.console()
    for item in due:
        what = (
            f"exercise {item.lesson}/{item.name}" if item.kind == "exercise" else f"a question of lesson {item.lesson}"
        )
        how = f"dlstudy check {item.lesson}/{item.name}" if item.kind == "exercise" else "dlstudy open"
        console.print(f"[bold]{what}[/bold], {reviewing.WHY[item.why]}  [dim]{how}[/dim]", soft_wrap=True)
    if not due:
        later = f" The next of {len(items)} comes on {min(item.due for item in items)}." if items else ""
        console.print(f"Nothing comes back today.{later}")
    _tell_problem(progress)


@main.command("open")
@click.argument("lesson", required=False)
@click.option("--port", type=int, help="Use this port instead of a free one.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--base-url", default="", help="Path of a proxy in front, such as JupyterHub's /user/ada/course.")
@click.option("--allow-origin", "origins", multiple=True, help="A further address that browsers may come from.")
def open_course(
    lesson: str | None, port: int | None, no_browser: bool, base_url: str, origins: tuple[str, ...]
) -> None:
    """Open the course in the browser; Ctrl-C ends it.

    With LESSON, at its page: 01, or 01#PLACE as `dlstudy search` names places.
    """
    from dlstudy.app import server
    from dlstudy.course.learner.folder import NotALearnerFolder

    if lesson == "all":
        raise Refusal("Expected one lesson. To open the home page: dlstudy open")
    name, _, place = (lesson or "").partition("#")
    file = _lesson_files(name)[0].name if name else None
    try:
        code = server.serve(
            port=port,
            open_browser=not no_browser,
            lesson=file,
            place=place,
            base_url=base_url,
            allow_origins=origins,
        )
    except (NotALearnerFolder, server.CannotStart) as error:
        raise Refusal(str(error)) from error
    sys.exit(code)


@main.command()
@click.argument("lesson", required=False)
@click.option("--opened", "only", flag_value="opened", help="Only the run as handed out.")
@click.option(
    "--worked", "only", flag_value="worked", help="Only the run with everything pressed, answered and solved."
)
@click.option("--report", type=click.Path(file_okay=False, path_type=Path), is_flag=False, flag_value="report",
              help="Write report.json and report.md into this folder (report/ when none is named).")  # fmt: skip
def run(lesson: str | None, only: str | None, report: Path | None) -> None:
    """Run LESSON (or all) without a browser, and judge it.

    Once as handed out, once with every button pressed, every question answered and every exercise solved. Exit code 1
    means that a lesson is broken or took more than twice its budget.
    """
    from dlstudy.course.content.lessonfile import LessonError
    from dlstudy.course.running import reports, runner

    files = _lesson_files(lesson or _none_named("run", ", or all of them: dlstudy run all"))
    console, results = terminal.console(), []
    for path in files:
        for mode in runner.MODES:
            if only in (None, mode):
                console.print(f"[bold]{path.stem}[/bold], {_MODE_WORDS[mode]}")
                try:
                    results.append(_run_one(path, mode, console))
                except LessonError as error:
                    raise Refusal(str(error)) from error
    if report:
        for written in reports.write(results, Path(report)):
            console.print(f"Report: {written}")
    broken = [result for result in results if not result.passed]
    if broken:
        names = sorted({result.lesson for result in broken})
        console.print(f"[red]✗ {len(broken)} of {counted(len(results), 'run')} failed: {', '.join(names)}[/red]")
        sys.exit(NOT_DONE)
    console.print(f"[green]✓ {counted(len(results), 'run')} passed[/green]")


_MODE_WORDS = {"opened": "as handed out", "worked": "with everything pressed, answered and solved"}


def _run_one(path: Path, mode: Any, console: "Console") -> "RunResult":
    from rich.markup import escape

    from dlstudy.course.running import runner

    with terminal.bar("Starting") as step:

        def group_done(group: "GroupResult") -> None:
            lost = mode == "worked" and group.ran < group.cells
            mark = "[green]✓[/green]" if group.ran else "–"
            mark = "[red]✗[/red]" if group.problems or lost else mark
            pictures = f", {counted(group.figures, 'figure')}" if group.figures else ""
            cells = counted(group.cells, "cell")
            cells = f"{group.ran} of {cells}" if group.ran != group.cells else cells
            title = escape(group.title[:48]).ljust(48)
            console.print(f"  {mark} {title} {group.seconds:6.2f} s  {cells}{pictures}", soft_wrap=True)

        result = runner.run_lesson(
            path, mode, on_group=group_done, on_cell=lambda done, total: step(done, total, path.stem)
        )
    memory = result.peak_memory / 2**20
    share = result.cpu_seconds / result.budget
    console.print(
        f"  {result.cpu_seconds:.1f} s of CPU time, {share:.0%} of the budget of {result.budget:g} s; "
        f"peak memory {memory:.0f} MB; {counted(len(result.cells), 'cell')}, "
        f"{counted(result.figures, 'figure')}",
        soft_wrap=True,
    )
    for sentence in result.warnings:
        console.print(f"  [yellow]! {escape(sentence)}[/yellow]", soft_wrap=True)
    for sentence in result.problems:
        console.print(f"  [red]✗ {escape(sentence)}[/red]", soft_wrap=True)
    return result


@main.command()
@click.argument("exercise", required=False)
@click.option("--watch", is_flag=True, help="Check again after every save of the answer, until Ctrl-C.")
def check(exercise: str | None, watch: bool) -> None:
    """Check your answers to exercises.

    All of them, those of a lesson (01) or one (01/flat-index).

    Answers are read from answers/NN/NAME.py in your folder, or else from your copy of the lesson's page. A file that is
    missing is made for you when you name its lesson or exercise.
    """
    from dlstudy.commands import answercheck
    from dlstudy.course.checking.worker import Worker
    from dlstudy.course.content import paths
    from dlstudy.course.content.lessonfile import LessonError
    from dlstudy.course.learner import answerfiles

    chosen = [_exercise(exercise)] if watch else _exercises(exercise)
    lessons, progress = _catalogue(), _progress()
    console, passed = terminal.console(), 0
    if not chosen:
        raise Refusal(f"Lesson {exercise} has no exercises." if exercise else "No lesson has exercises yet.")
    with Worker() as worker:
        if watch:
            file = lessons.find(chosen[0].lesson).file
            terminal.headline(console, chosen[0])
            try:
                right = answercheck.watch(chosen[0], file, worker, progress, console, learner=paths.learner_folder())
            except (LessonError, OSError) as error:
                raise Refusal(str(error)) from error
            _tell_problem(progress)
            sys.exit(0 if right else NOT_DONE)
        for index, item in enumerate(chosen):
            try:
                answer = answerfiles.find_answer(item, lessons.find(item.lesson).file, create=bool(exercise))
            except (LessonError, OSError) as error:
                raise Refusal(str(error)) from error
            if index:
                console.print()
            terminal.headline(console, item)
            if answer.origin == "none":
                console.print(f"[dim]No answer yet. Start one: dlstudy check {item.id}[/dim]")
            elif answer.origin == "created":
                if len(chosen) == 1:
                    terminal.task(console, item)
                console.print(f"Made a file for your answer: {answer.path}", soft_wrap=True)
                console.print(f"Edit it, then: dlstudy check {item.id}")
            else:
                verdict = answercheck.check(item, answer, worker, progress, console, with_task=len(chosen) == 1)
                passed += verdict.passed
    if len(chosen) > 1:
        console.print(f"\n{passed} of {len(chosen)} pass.")
    _tell_problem(progress)
    sys.exit(0 if passed == len(chosen) else NOT_DONE)


@main.command()
@click.argument("exercise", required=False)
def hint(exercise: str | None) -> None:
    """Open the next of the three hints of EXERCISE."""
    item, progress, console = _exercise(exercise), _progress(), terminal.console()
    opened = progress.exercise(item.id).hints
    if opened < len(item.hints):
        opened += 1
        progress.open_hint(item.id, opened)
        more = len(item.hints) - opened
    else:
        more = -1
    terminal.headline(console, item)
    for number, text in enumerate(item.hints[:opened], start=1):
        console.print(f"\n[bold]Hint {number} of {len(item.hints)}[/bold]")
        terminal.markdown(console, text)
    if more < 0:
        console.print(f"\nThat was the last one. The solution, after a try: dlstudy solution {item.id}")
    elif more:
        console.print(f"\n[dim]{more} more: dlstudy hint {item.id}[/dim]")
    _tell_problem(progress)


@main.command()
@click.argument("exercise", required=False)
@click.option("--give-up", is_flag=True, help="Show it without having tried; that is recorded.")
def solution(exercise: str | None, give_up: bool) -> None:
    """Show the solution of EXERCISE, after an honest try."""
    from rich.syntax import Syntax

    item, progress, console = _exercise(exercise), _progress(), terminal.console()
    standing = progress.exercise(item.id)
    if not (give_up or standing.may_see_solution):
        console.print("The solution opens after an honest try, or with --give-up.")
        console.print(f"Try:             dlstudy check {item.id}")
        console.print(f"Take a hint:     dlstudy hint {item.id}")
        sys.exit(NOT_DONE)
    if not standing.passed:
        progress.open_solution(item.id, give_up)
    terminal.headline(console, item)
    colours = Syntax("", "python", theme="ansi_dark", background_color="default")
    # Without line breaks of our own, so that what is copied is what was written.
    console.print(colours.highlight(item.solution.rstrip()), soft_wrap=True)
    console.print()
    terminal.markdown(console, item.explanation)
    _tell_problem(progress)


@main.command()
@click.argument("lesson", required=False)
def where(lesson: str | None) -> None:
    """Show every path that belongs to LESSON."""
    from dlstudy.course.content import paths
    from dlstudy.course.content.lessonfile import LessonFile

    found = _lesson(lesson or _none_named("where"))
    learner, state = paths.learner_folder(), paths.state_folder()
    rows: list[tuple[str, Path]] = [
        ("Lesson as it ships", paths.lessons_folder() / found.file),
        ("Your copy", learner / found.file),
        ("Your answers in files", paths.answers_folder(found.number)),
        ("Exercises (with solutions)", paths.exercises_folder() / found.id),
        ("Backups", state / "backups" / Path(found.file).stem),
        ("Progress", paths.progress_file()),
        ("Stored results", learner / "__marimo__" / "cache"),
    ]
    package = Path(__file__).parents[1]
    if found.written:
        code = LessonFile.read(rows[0][1]).facts().code
        rows += [("Library code", package.joinpath(*Path(name.removeprefix("dlstudy/")).parts)) for name in code]
    console = terminal.console()
    console.print(f"[bold]{found.id} {found.title}[/bold]")
    for name, path in rows:
        click.echo(f"{name + ':':<28}{path}{'' if path.exists() else '  (not there yet)'}")


@main.command()
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), is_flag=False,
              flag_value="dlstudy-report.txt",
              help="Also write the findings to one file for a bug report, without private data.")  # fmt: skip
def doctor(report: Path | None) -> None:
    """Check this machine and say what to do about each problem.

    Looks at versions, processor and GPU, memory, disk, your folder and your progress file.
    """
    from rich.markup import escape

    from dlstudy.course import doctor as checks

    console = terminal.console()
    marks = {"good": "[green]✓[/green]", "note": "[yellow]![/yellow]", "bad": "[red]✗[/red]"}
    findings = []
    with terminal.bar("Looking") as step:
        total = len(checks.CHECKS)
        for number, one in enumerate(checks.CHECKS):
            step(number, total, one.title)
            for finding in one.look():
                findings.append(finding)
                console.print(f"{marks[finding.level]} {finding.title}: {escape(finding.found)}", soft_wrap=True)
                if finding.cure:
                    console.print(f"  [bold]→[/bold] {escape(finding.cure)}", soft_wrap=True)
        step(total, total, "Done")
    bad = sum(finding.level == "bad" for finding in findings)
    if report:
        report.write_text(checks.report_text(findings), encoding="utf-8")
        console.print(f"\nWritten for a bug report, without names and paths of yours: {report}", soft_wrap=True)
    console.print(f"\n{counted(bad, 'problem')} found." if bad else "\nEverything that the course needs is in order.")
    sys.exit(NOT_DONE if bad else 0)


@main.command()
@click.argument("lesson", required=False)
@click.option("--install", default="", metavar="SOURCE",
              help="What the first cell installs where the course is missing: a wheel's path or address.")  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write; by default the lesson's name."
)
def notebook(lesson: str | None, install: str, out: Path | None) -> None:
    """Write a lesson as a Jupyter notebook.

    Exercises are checked there as on the page. Figures are alive where the notebook shows widgets, and fixed elsewhere.
    """
    from dlstudy.course import engine
    from dlstudy.course.content import paths
    from dlstudy.course.content.lessonfile import LessonError, LessonFile
    from dlstudy.course.page import notebook as notebooks

    page = LessonFile.read(paths.lessons_folder() / _written(lesson or _none_named("notebook")).file)
    file = out or Path(page.path.stem + ".ipynb")
    try:
        notebooks.write(page, file, install)
    except (LessonError, engine.PageError, OSError) as error:
        raise Refusal(str(error)) from error
    click.echo(f"Written: {file}")


@main.command()
@click.argument("topic", required=False)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the figures to FILE.")
def compare(topic: str | None, file: Path | None) -> None:
    """Time NumPy beside PyTorch on this machine.

    All rows of the comparison guide, or those whose name begins with TOPIC: time, memory, lines of code, and how far
    the results differ. On one thread, in turn; a GPU is measured too where there is one.
    """
    from dlstudy.course.measuring import comparison, comparison_table, twins
    from dlstudy.course.measuring.machine import machine
    from dlstudy.course.measuring.task import write

    twins.quiet_profiler()
    try:
        topics = comparison_table.topics(topic) if topic else None
    except LookupError as error:
        raise Refusal(str(error)) from error
    if file and not file.parent.is_dir():
        raise Refusal(f"{file} cannot be written: there is no folder {file.parent}")
    with terminal.bar("Taking turns") as step:
        timings = comparison.compare(lambda done, total: step(done, total, "Taking turns"), topics=topics)
    facts = machine()
    click.echo(comparison_table.table(timings, comparison_table.note_of(facts)))
    if file:
        try:
            write(file, timings, facts)
        except OSError as error:
            raise Refusal(f"{file} cannot be written: {error.strerror}") from error
        click.echo(f"Written: {file}")


@main.command()
@click.argument("model", required=False)
@click.option("--download", is_flag=True, help="Fetch the official weights of MODEL; their size is said first.")
def models(model: str | None, download: bool) -> None:
    """List the models with their costs and official weights.

    With MODEL, that one in detail: stage by stage, and what its weights were trained on and reach.
    """
    from dlstudy.commands import modelcards

    if model is None:
        if download:
            raise Refusal("Which model? Name one, such as: dlstudy models resnet50 --download")
        modelcards.print_list(terminal.console())
        return
    try:
        row = modelcards.row(model)
    except ValueError as error:
        raise Refusal(f"{_sentence(error)}. See them all: dlstudy models") from error
    if not download:
        modelcards.print_card(terminal.console(), row)
        return
    from dlstudy.data.download import DownloadError
    from dlstudy.weights import catalogue, hub

    try:
        checkpoint = catalogue.find(model)
        path = hub.obtain(checkpoint, f"{row.entry.title}'s weights", mend=True)
    except (catalogue.NoWeights, DownloadError) as error:
        raise Refusal(_sentence(error)) from error
    click.echo(f"Here, and {checkpoint.checked}: {path}")


@main.group(cls=NearestNames)
def progress() -> None:
    """Export, import or reset your progress."""


@progress.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def progress_export(file: Path) -> None:
    """Write all that is recorded, notes included, to one new FILE."""
    try:
        _progress().export(file)
    except OSError as error:
        raise Refusal(str(error)) from error
    click.echo(f"Written: {file}")


@progress.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def progress_import(file: Path) -> None:
    """Add what an exported FILE holds to what is here.

    Nothing is replaced, and doing it twice does no harm.
    """
    try:
        count = _progress().import_(file, say=lambda sentence: click.echo(sentence, err=True))
    except (OSError, ValueError) as error:
        raise Refusal(str(error)) from error
    click.echo(f"{count} new entries from {file}")


@progress.command("reset")
@click.argument("what", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
def progress_reset(what: str | None, yes: bool) -> None:
    """Start over with everything, a lesson or an exercise.

    Name a lesson (01), an exercise (01/flat-index) or nothing for all. What you wrote stays as it is.
    """
    if what and "/" in what:
        item = _exercise(what)
        subject, lesson, exercise = f"your progress in {item.id}", item.lesson, item.slug
    elif what:
        found = _lesson(what)
        subject, lesson, exercise = f"your progress in lesson {found.id}", found.id, None
    else:
        subject, lesson, exercise = "all your progress", None, None
    if not yes:
        click.confirm(f"Reset {subject}? It is kept in the progress file, but counts no longer.", abort=True)
    _progress().reset(lesson, exercise)
    click.echo(f"Reset {subject}.")


# ---- what the commands share --------------------------------------------------------------------------------------


def _sentence(error: Exception) -> str:
    """Return what an error says, with a capital letter at its beginning."""
    text = str(error)
    return text[:1].upper() + text[1:]


def _catalogue() -> "Catalogue":
    from dlstudy.course.content import catalogue
    from dlstudy.course.content.lessonfile import LessonError

    try:
        return catalogue.load()
    except (LessonError, OSError) as error:
        raise Refusal(str(error)) from error


def _none_named(command: str, more: str = "") -> str:
    there = [lesson.id for lesson in _catalogue().lessons if lesson.written]
    raise Refusal(f"Which lesson? Name one, such as: dlstudy {command} {there[0] if there else '01'}{more}.")


def _lesson(name: str) -> "Lesson":
    from dlstudy.course.content.catalogue import UnknownLesson

    try:
        return _catalogue().find(name)
    except UnknownLesson as error:
        raise Refusal(str(error)) from error


def _written(name: str) -> "Lesson":
    found = _lesson(name)
    if not found.written:
        there = ", ".join(lesson.id for lesson in _catalogue().lessons if lesson.written) or "none yet"
        raise Refusal(f"Lesson {found.id} {found.title} is planned and not written yet. Written: {there}.")
    return found


def _lesson_files(name: str) -> list[Path]:
    from dlstudy.course.content import paths

    folder = paths.lessons_folder()
    files = sorted(folder.glob("*.md"))
    if name == "all":
        if not files:
            raise Refusal(f"There are no lessons in {folder}.")
        return files
    # Pages such as the glossary stand beside the lessons and have no number.
    return [file for file in files if name in (file.name, file.stem)] or [folder / _written(name).file]


def _exercise(name: str | None) -> "Exercise":
    chosen = _exercises(name)
    if name is None or ("/" not in name and name not in {item.slug for item in chosen}):
        there = ", ".join(item.id for item in chosen) or "none"
        of_lesson = f" of lesson {name}" if name else ""
        raise Refusal(f"Which exercise{of_lesson}? Name one: {there}.")
    return chosen[0]


def _exercises(name: str | None) -> "list[Exercise]":
    """Return the exercises that "01", "01/flat-index", "flat-index" or None (all) stand for."""
    from dlstudy.course.content import exercises

    every = exercises.all_exercise_ids()
    if name is None:
        ids = every
    else:
        lesson, slash, slug = name.strip().replace("\\", "/").partition("/")
        if not slash and lesson in {item.partition("/")[2] for item in every}:
            ids = [item for item in every if item.partition("/")[2] == lesson]
        else:
            found = _written(lesson)
            ids = [item for item in every if item.startswith(f"{found.id}/")]
            if slash:
                ids = _one_exercise(ids, found.id, slug.replace("_", "-").removesuffix(".py"))
    try:
        return [exercises.load_exercise(item) for item in ids]
    except exercises.ExerciseError as error:
        raise Refusal(str(error)) from error


def _one_exercise(ids: list[str], lesson: str, slug: str) -> list[str]:
    if f"{lesson}/{slug}" in ids:
        return [f"{lesson}/{slug}"]
    slugs = [item.partition("/")[2] for item in ids]
    near = difflib.get_close_matches(slug, slugs, n=2, cutoff=0.4) or slugs
    advice = f"Nearest: {', '.join(f'{lesson}/{name}' for name in near)}." if near else "It has no exercises."
    raise Refusal(f"Lesson {lesson} has no exercise {slug!r}. {advice}")


def _progress() -> "Progress":
    from dlstudy.course.content import paths
    from dlstudy.course.learner.progress import Progress

    return Progress(paths.progress_file())


def _progress_if_any() -> "Progress | None":
    """Return the progress, or None where there is none yet: looking must not make a folder."""
    from dlstudy.course.content import paths

    return _progress() if paths.progress_file().exists() else None


def _tell_problem(progress: "Progress | None") -> None:
    if progress and progress.problem:
        click.echo(progress.problem, err=True)
