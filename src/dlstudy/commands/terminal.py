"""What the command line prints: exercises, verdicts, progress bars. rich is imported when something is printed."""

import codecs
import io
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from dlstudy.course.checking.verdict import Verdict
    from dlstudy.course.content.exercises import Exercise


_PLAIN = (
    {"★": "*", "✓": "+", "✗": "x", "→": "->", "–": "-", "—": "-", "…": "...", "−": "-", "×": "x", "·": "-", "•": "*"}
    | {"“": '"', "”": '"', "‘": "'", "’": "'", "≥": ">=", "≤": "<=", "≈": "~", "µ": "u", "½": " 1/2", "¼": " 1/4"}
    | {"¾": " 3/4", "│": "|", "─": "-", "━": "-", "╸": "-", "╺": "-", "┃": "|", "▌": "|", "⋯": "..."}
)
"""What stands for a sign where the output cannot carry it."""


def plain(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for the signs that an output's encoding has not: a likeness where there is one, else "?"."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_likeness, error.object[error.start : error.end])), error.end


def _likeness(sign: str) -> str:
    return _PLAIN.get(sign) or unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode() or "?"


def make_safe() -> None:
    """Let every output of this process take any text: a pipe on Windows and an old terminal have few signs."""
    codecs.register_error("dlstudy", plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="dlstudy")


def console() -> "Console":
    """Return where to print; nothing is coloured but what says so."""
    from rich.console import Console

    return Console(highlight=False)


def headline(console: "Console", item: "Exercise") -> None:
    """Print an exercise's id, title and level."""
    console.print(f"[bold]{item.id}[/bold]  {item.title} [dim]({item.level})[/dim]")


def markdown(console: "Console", text: str) -> None:
    """Print Markdown."""
    from rich.markdown import Markdown

    console.print(Markdown(text))


def task(console: "Console", item: "Exercise") -> None:
    """Print what an exercise asks for; a bug hunt's task tells the symptom."""
    markdown(console, item.task)
    console.print()


def show_verdict(console: "Console", item: "Exercise", verdict: "Verdict") -> None:
    """Print what a check found, the hint for a recognised mistake, or the explanation of a right answer."""
    from rich.markup import escape

    if verdict.passed:
        console.print("[green]✓ Right.[/green]")
        markdown(console, item.explanation)
        return
    words = {"not-yet": "Not done yet.", "failed": "Not right yet.", "timeout": "Stopped.", "crashed": "Crashed."}
    tone = "yellow" if verdict.status == "not-yet" else "red"
    console.print(f"[{tone}]✗ {words.get(verdict.status, 'It does not run.')}[/{tone}]")
    # As it is: in Markdown `__init__` would lose its lines and become bold, and line breaks would go.
    console.print(verdict.message, markup=False, highlight=False)
    for name, text in (("Given", verdict.given), ("Expected", verdict.expected), ("Got", verdict.got)):
        if text and text not in verdict.message:
            console.print(f"  [bold]{name:<9}[/bold]{escape(text)}", soft_wrap=True)
    if verdict.output:
        console.print(f"  [bold]{'Printed':<9}[/bold]{escape(verdict.output.rstrip())}", soft_wrap=True)
    if verdict.hint:
        console.print("\n[bold]A hint about this mistake[/bold]")
        markdown(console, verdict.hint)
    console.print(f"\n[dim]A general hint: dlstudy hint {item.id}[/dim]")


@contextmanager
def bar(text: str) -> Iterator[Any]:
    """Show a progress bar on a terminal; give a function that takes what is done, the total, and what is going on."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total, what: bar.update(task, completed=done, total=total, description=what)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show on a terminal that something goes on whose length nobody knows."""
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield
