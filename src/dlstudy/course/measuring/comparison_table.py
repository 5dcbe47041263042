"""The rows of the comparison guide with a measurement in them, as a page and a terminal show it.

Five are the study guide's; the last two hold our whole NumPy library against PyTorch.
"""

from __future__ import annotations

import ast
import dataclasses
import html
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dlstudy import words
from dlstudy.course.content import catalogue as roadmap
from dlstudy.course.measuring.task import TURNS, Timing, recorded


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the guide; `lesson` teaches it, `code` names what is timed."""

    topic: str
    numpy: str
    torch: str
    point: str
    lesson: int
    code: tuple[str, ...]


ROWS = (
    Row(
        "Tensor",
        "np.array",
        "torch.tensor",
        "GPU support, automatic differentiation",
        1,
        ("create_numpy", "create_torch", "elementwise_numpy", "elementwise_torch"),
    ),
    Row(
        "Forward Pass",
        "Direct matrix operations",
        "nn.Module.forward",
        "Code conciseness",
        2,
        ("forward_numpy", "Network"),
    ),
    Row(
        "Backpropagation",
        "Manual derivative computation",
        "loss.backward()",
        "Convenience of automatic differentiation",
        3,
        ("backward_numpy", "backward_scratch", "backward_torch"),
    ),
    Row(
        "Convolution",
        "for loop implementation",
        "nn.Conv2d",
        "Performance difference",
        5,
        ("convolve_numpy", "convolve_im2col", "convolve_scratch", "convolve_torch"),
    ),
    Row(
        "Optimization",
        "Direct SGD implementation",
        "optim.SGD",
        "Advanced optimizers",
        4,
        ("sgd_numpy", "adam_numpy", "optimizer_torch"),
    ),
    Row(
        "Training a network",
        "dlstudy.scratch",
        "torch",
        "The same program on either",
        2,
        ("mlp", "train"),
    ),
    Row(
        "Training a CNN",
        "dlstudy.scratch",
        "torch",
        "What compiled kernels add",
        5,
        ("lenet", "train"),
    ),
)


def topics(name: str) -> list[str]:
    """Return the topics of the rows that `name` means: a topic or the beginning of one, in any case.

    Raises LookupError: no row is meant; the sentence names all.
    """
    wanted = name.casefold().strip()
    found = [row.topic for row in ROWS if wanted and row.topic.casefold().startswith(wanted)]
    if not found:
        raise LookupError(
            f"No row of the comparison is called {name!r}. There are: {', '.join(row.topic for row in ROWS)}."
        )
    return found


def table(timings: Sequence[Timing], note: str, lessons: Mapping[int, roadmap.Lesson] | None = None) -> Table:
    """Return the guide with these measurements in it, as a page or a terminal shows it."""
    if lessons is None:
        lessons = {lesson.number: lesson for lesson in roadmap.load().lessons}
    return Table(tuple(timings), note, lessons)


def programs() -> dict[str, str]:
    """Return the programs that are timed, by row of the guide, each row as one fenced block of Markdown.

    They are cut from the text of `comparison_code`, so that showing them does not wait for torch.
    """
    text = Path(__file__).with_name("comparison_code.py").read_text(encoding="utf-8")
    sources = {
        node.name: ast.get_source_segment(text, node) or ""
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    return {row.topic: "```python\n" + "\n\n\n".join(sources[name] for name in row.code) + "\n```" for row in ROWS}


def recorded_table() -> Table:
    """Return the guide with the measurement that ships with the course."""
    timings, facts = recorded()
    return table(timings, f"Not measured here yet; this is a recording. {note_of(facts)}")


@dataclasses.dataclass(frozen=True)
class Table:
    """The comparison guide: under each row what was measured, and which lesson teaches it or will."""

    timings: tuple[Timing, ...]
    note: str
    lessons: Mapping[int, roadmap.Lesson]

    def _lesson(self, row: Row) -> tuple[roadmap.Lesson, str]:
        lesson = self.lessons[row.lesson]
        state = f"Lesson {lesson.id}, {lesson.title}"
        return lesson, state if lesson.written else f"{state}, is still to come"

    def _ratio(self, timing: Timing) -> str:
        """Say how a time compares with that of the task's first contender, NumPy."""
        first = next(other for other in self.timings if other.task == timing.task)
        if first is timing:
            return ""
        ratio = max(timing.seconds, first.seconds) / min(timing.seconds, first.seconds)
        if ratio < 1.1:
            return "about the same"
        return f"{words.rounded(ratio, 2)} × {'slower' if timing.seconds > first.seconds else 'faster'}"

    def __str__(self) -> str:
        lines = []
        for row in self._rows():
            lines.append(f"{row.topic}: {row.numpy} | {row.torch} ({row.point}). {self._lesson(row)[1]}.")
            mine = [t for t in self.timings if t.topic == row.topic]
            for task in dict.fromkeys(t.task for t in mine):
                lines.append(f"  {task}")
                lines.extend(
                    f"    {t.contender:<31} {words.seconds(t.seconds):>8} {self._ratio(t):>15} {words.size(t.peak):>9}"
                    f" {words.counted(t.lines or 0, 'line'):>9}, off by {words.short(t.difference, 1)}"
                    for t in mine
                    if t.task == task
                )
            lines.append("")
        return "\n".join([*lines, self.note])

    def _rows(self) -> list[Row]:
        """Return the rows that something was measured in."""
        measured = {timing.topic for timing in self.timings}
        return [row for row in ROWS if row.topic in measured]

    def _repr_html_(self) -> str:
        rows = "".join(self._row(row) for row in self._rows())
        return f"<style>{_STYLE}</style><div class='dls-compare'>{rows}<p class='note'>{_safe(self.note)}</p></div>"

    def _row(self, row: Row) -> str:
        lesson, state = self._lesson(row)
        where = f"<a href='{lesson.file}'>{_safe(state)}</a>" if lesson.written else _safe(state)
        mine = [timing for timing in self.timings if timing.topic == row.topic]
        tasks = "".join(
            _task([timing for timing in mine if timing.task == task], self._ratio)
            for task in dict.fromkeys(timing.task for timing in mine)
        )
        return (
            f"<h4>{_safe(row.topic)}</h4><p>{_code(row.numpy)} beside {_code(row.torch)}. "
            f"What to compare: {_safe(row.point)}. {where}.</p>{tasks}"
        )


def _task(timings: Sequence[Timing], ratio: Callable[[Timing], str]) -> str:
    slowest = max(timing.seconds for timing in timings)
    most = max(1, *(timing.peak for timing in timings))
    lines = "".join(
        f"<tr><th scope='row'>{_safe(timing.contender)}</th>"
        f"<td>{words.seconds(timing.seconds)}"
        f"<span class='bar' style='width:{100 * timing.seconds / slowest:.2f}%'></span></td>"
        f"<td>{ratio(timing)}</td><td>{words.size(timing.peak)}"
        f"<span class='bar memory' style='width:{100 * timing.peak / most:.2f}%'></span></td>"
        f"<td>{timing.lines}</td><td>{words.short(timing.difference, 1)}</td></tr>"
        for timing in timings
    )
    heads = "".join(
        f"<th scope='col'>{head}</th>" for head in ("way", "time", "against NumPy", "memory", "lines", "differs by")
    )
    caption = _safe(timings[0].task)
    return f"<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def _code(text: str) -> str:
    """Return what is Python as code and what is words as words."""
    name = re.fullmatch(r"\w+(\.\w+)+(\(\))?", text)
    return f"<code>{text}</code>" if name else _safe(text)


def _safe(text: str) -> str:
    return html.escape(text, quote=False)


_STYLE = """
.dls-compare table{border-collapse:collapse;width:100%;margin:.3rem 0 1rem;font-size:.9rem}
.dls-compare table{font-variant-numeric:tabular-nums}
.dls-compare caption{text-align:left;color:var(--dls-muted,#5b646e);padding:.2rem 0;caption-side:top}
.dls-compare th,.dls-compare td{text-align:left;padding:.25rem .6rem .25rem 0;font-weight:400;vertical-align:top}
.dls-compare th,.dls-compare td{border-bottom:1px solid var(--dls-line,#c9cfd6)}
.dls-compare thead th{font-weight:600}
.dls-compare .bar{display:block;height:4px;min-width:1px;background:var(--dls-blue,#0063a6);border-radius:2px}
.dls-compare .memory{background:var(--dls-orange,#b35900)}
.dls-compare td:nth-child(2){width:20%}
.dls-compare td:nth-child(4){width:14%}
.dls-compare th:first-child{width:30%}
.dls-compare h4{margin:1.6rem 0 .2rem;font-weight:700;font-size:1.05rem}
.dls-compare code{font-size:.9em}
.dls-compare a{color:var(--dls-accent,#0063a6);text-decoration:underline}
.dls-compare p{margin:.2rem 0}
.dls-compare .note{color:var(--dls-muted,#5b646e)}
@media(max-width:500px){.dls-compare :is(th,td):nth-child(n+5){display:none}}
"""


def note_of(facts: Mapping[str, str]) -> str:
    """Return the sentence under the table: where and how it was measured."""
    return (
        f"Measured on {facts['date']} with {facts['processor']}, one thread, Python {facts['python']}, NumPy "
        f"{facts['numpy']}, torch {facts['torch']}; medians of {TURNS} turns, taken in alternation."
    )
