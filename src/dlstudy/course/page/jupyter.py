"""A lesson's page without the page engine: what `page` and `mo` are in a notebook made by `dlstudy notebook`.

The course's cards and figures are anywidgets, so they are alive in JupyterLab, VS Code and Colab too. Where widgets are
not shown (a saved notebook, a printout) each has a fixed picture or text instead. The engine's own controls, such as
sliders, keep the value they start with; to try another, change it in the cell.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from dlstudy.course import page as live
from dlstudy.course.content.prose import to_html
from dlstudy.course.measuring.twins import quiet_profiler
from dlstudy.course.page.cards import HEADLINES, Card, ExerciseCard, note

quiet_profiler()
_solved: set[str] = set()  # the exercises whose answer in this notebook was right when it was last checked


class Html:
    """A piece of HTML as a cell's output."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        return self.text


class Shown:
    """A widget as a cell's output: alive where the notebook shows widgets, `fixed` (HTML) elsewhere.

    Everything else is asked of the widget itself; `value` is what it holds, by name.
    """

    def __init__(self, widget: Any, fixed: str) -> None:
        self.widget, self._fixed = widget, fixed

    @property
    def value(self) -> Mapping[str, Any]:
        """The widget's values that the browser may change, by name."""
        return {name: getattr(self.widget, name) for name in self.widget.traits(sync=True) if not name.startswith("_")}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.widget, name)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = self.widget._repr_mimebundle_(**options)
        data, *more = bundle if isinstance(bundle, tuple) else (bundle,)
        data = {**(data or {}), "text/html": self._fixed}
        return (data, *more) if more else data


class Page(live.Page):
    """The lesson with this number in a notebook: nothing waits, everything can be run again.

    A prediction is asked for and the next cell does not wait for it; a button is the run key of the cell below it.
    """

    def __init__(self, number: int, **options: Any) -> None:
        super().__init__(number, **options)
        _add_magic()

    def check(self, slug: str, answer: Any) -> Any:
        """Check `answer` as exercise `slug`, record the try and show what was found, with hints to open."""
        card = super().check(slug, answer)
        (_solved.add if card.passed else _solved.discard)(slug)
        return Shown(card, _exercise(card))

    def when_solved(self, *cards: Any) -> None:
        """Do nothing: in a notebook the cell's first line, `%%when_solved`, has asked already."""

    def quiz(self, key: str) -> Any:
        """Show question `key`; where widgets are not shown, each option opens its explanation."""
        card = super().quiz(key)
        return Shown(card, _question(card.data["question"], card.data["options"]))

    def selftest(self) -> Any:
        """Show the self-test's questions."""
        card = super().selftest()
        return Shown(card, "".join(_question(one["question"], one["options"]) for one in card.data["questions"]))

    def predict(self, key: str) -> Any:
        """Ask prediction `key`."""
        card = super().predict(key).widget
        options = "".join(f"<li>{option['text']}</li>" for option in card.data["options"])
        asked = f"<p><strong>{card.data['question']}</strong></p><ul>{options}</ul>"
        return Shown(card, asked + "<p>Decide before you run the next cell.</p>")

    def reveal(self, prediction: Any) -> None:
        """Do nothing: running the cell below the question is the answer to whether one has thought about it."""

    def verdict(self, prediction: Any, measured: str) -> Any:
        """Put the prediction, if one was made, beside what was measured."""
        return Html(super().verdict(prediction, measured).text)

    def button(self, label: str) -> Any:
        """Return the words of a button; the cell below it runs when it is run."""
        return Html(note(f"To do this, run the next cell: {html.escape(label)}"))

    def wait_for(self, button: Any, instead: Any = None) -> None:
        """Do nothing: the cell has been run, which is what the button is for."""

    def experiment(self, name: str, measure: Callable[[], Any], *, uses: Sequence[Any] = ()) -> Any:
        """Show a long measurement as it was recorded, and measure it where nothing is recorded."""
        card = super().experiment(name, measure, uses=uses).widget
        if card.result is None:
            card.run()
        return Shown(card, note("A long measurement; the cells below draw what was recorded."))

    def result(self, experiment: Any) -> Any:
        """Return what an experiment has found."""
        return experiment.result


def _exercise(card: ExerciseCard) -> str:
    data = card.data
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><td><code>{html.escape(text)}</code></td></tr>"
        for name, text in data["rows"]
    )
    parts = [f"<p><strong>{HEADLINES[data['status']][1]} {html.escape(data['title'])}: {data['headline']}</strong></p>"]
    parts += [
        f"<p>{data['message']}</p>",
        f"<table>{rows}</table>" if rows else "",
        data["picture"] or "",
        data["hint"],
    ]
    if card.passed:
        solution = data["solution"]
        parts.append(_fold("Our solution", f"<pre>{html.escape(solution['source'])}</pre>{solution['explanation']}"))
    else:
        parts += [_fold(f"Hint {number}", hint) for number, hint in enumerate(data["hints"], start=1)]
    return "".join(parts)


def _question(question: str, options: Sequence[Mapping[str, Any]]) -> str:
    folds = "".join(
        _fold(
            option["text"],
            f"<p><strong>{'Right' if option['correct'] else 'Not this one'}.</strong></p>{option['why']}",
        )
        for option in options
    )
    return f"<p><strong>{question}</strong></p>{folds}"


def _fold(summary: str, inside: str) -> str:
    return f"<details><summary>{summary}</summary>{inside}</details>"


def _add_magic() -> None:
    """Give the notebook its `%%when_solved`."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:  # a plain script
        return
    shell = get_ipython()
    if shell is not None:
        magic: Any = shell.register_magic_function  # a decorated method, whose type its decorator loses
        magic(_when_solved, magic_kind="cell", magic_name="when_solved")


class _Told(Exception):
    """The cell below `%%when_solved` failed, and its error has been shown already."""

    def _render_traceback_(self) -> list[str]:
        return []


def _when_solved(line: str, cell: str) -> None:
    """Run a cell once the exercises named in `line` are solved in this notebook; until then say which are not."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    shell: Any = get_ipython()
    waiting = [slug for slug in line.split() if slug not in _solved]
    if waiting:
        display(Html(note(f"This runs once these exercises above are solved: {', '.join(waiting)}.", icon="○")))
    elif not shell.run_cell(cell).success:
        raise _Told


class _Control:
    """A control of the page engine that keeps the value it starts with."""

    def __init__(self, kind: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> None:
        self.kind, self.label = kind, str(options.get("label", ""))
        self.value = _first_value(kind, arguments, options)

    def _repr_html_(self) -> str:
        return f"<p>{to_html(self.label or self.kind, inline=True)}: <code>{html.escape(str(self.value))}</code></p>"


def _first_value(kind: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """Return the value that the page engine would give a control before anybody touches it."""
    value = options.get("value")
    if kind in ("dropdown", "radio"):
        choices = arguments[0] if arguments else options.get("options", ())
        return choices[value] if isinstance(choices, Mapping) and value is not None else value
    if value is not None:
        return value
    if kind in ("slider", "number"):
        steps = options.get("steps")
        return steps[0] if steps else arguments[0] if arguments else options.get("start", 0)
    empty = {"checkbox": False, "switch": False, "text": "", "text_area": ""}
    if kind in empty:  # these take their value first
        return arguments[0] if arguments else empty[kind]
    return {"run_button": True, "button": None}.get(kind)


class _Controls:
    """Stands for `mo.ui`."""

    def __getattr__(self, kind: str) -> Callable[..., Any]:
        return lambda *arguments, **options: _Control(kind, arguments, options)

    @staticmethod
    def anywidget(widget: Any) -> Shown:
        """Show a widget, as the widget that it is."""
        if isinstance(widget, Card):
            return Shown(widget, note("This card needs a notebook that shows widgets."))
        what = (type(widget).__doc__ or type(widget).__name__).strip().splitlines()[0].rstrip(".:")
        return Shown(widget, note(f"A figure to play with, where the notebook shows widgets: {html.escape(what)}."))


class _Status:
    """Stands for `mo.status`."""

    @staticmethod
    @contextmanager
    def progress_bar(*_: Any, **__: Any) -> Iterator[Any]:
        """Show nothing while something long runs; the notebook shows that the cell is busy."""
        yield _Nothing()

    spinner = progress_bar


class _Nothing:
    def update(self, *_: Any, **__: Any) -> None:
        """Do nothing."""


class _Engine:
    """Stands for `marimo` in a notebook: the few functions that pages use, each as a notebook can show it."""

    ui, status, Thread = _Controls(), _Status(), threading.Thread

    @staticmethod
    def md(text: str) -> Any:
        """Return Markdown as an output."""
        return _Markdown(text)

    @staticmethod
    def as_html(item: Any) -> Html:
        """Return anything as HTML."""
        return Html(_html_of(item))

    @staticmethod
    def vstack(items: Sequence[Any], **_: Any) -> Html:
        """Put things under each other."""
        return Html("".join(f"<div>{_html_of(item)}</div>" for item in items))

    @staticmethod
    def hstack(items: Sequence[Any], **_: Any) -> Html:
        """Put things beside each other."""
        inside = "".join(f"<div>{_html_of(item)}</div>" for item in items)
        return Html(f"<div style='display:flex;flex-wrap:wrap;gap:1rem'>{inside}</div>")

    @staticmethod
    def accordion(items: Mapping[str, Any], **_: Any) -> Html:
        """Put things behind summaries."""
        return Html("".join(_fold(html.escape(name), _html_of(item)) for name, item in items.items()))

    tabs = accordion

    @staticmethod
    def callout(item: Any, kind: str = "neutral") -> Html:
        """Set something off."""
        tone = {"success": "good", "danger": "bad", "warn": "warn"}.get(kind, "plain")
        return Html(note(_html_of(item), tone))

    @staticmethod
    def state(value: Any) -> tuple[Callable[[], Any], Callable[[Any], None]]:
        """Return a getter and a setter; cells do not run again by themselves in a notebook."""
        held = [value]
        return (lambda: held[0]), (lambda new: held.__setitem__(0, new(held[0]) if callable(new) else new))

    @staticmethod
    def stop(condition: Any, output: Any = None) -> None:
        """End the cell if `condition` holds, with an error that says so: a notebook has no quieter way."""
        if condition:
            raise RuntimeError(_html_of(output) if output is not None else "this cell is not ready to run yet")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"mo.{name} is not there in a notebook; the course's own page has it: dlstudy open")


class _Markdown:
    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_markdown_(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return to_html(self.text)


def _html_of(item: Any) -> str:
    """Return how an object shows itself in HTML: its own way, Markdown, or its text."""
    if isinstance(item, str):
        return to_html(item)
    if isinstance(item, Shown):
        return item._fixed
    for name, form in (("_repr_html_", str), ("_repr_svg_", str), ("_repr_markdown_", to_html)):
        shown = getattr(item, name, None)
        if shown is not None and (text := shown()) is not None:
            return form(text)
    return f"<pre>{html.escape(str(item))}</pre>"


_Engine.Html = Html  # type: ignore[attr-defined]  # here: inside the class its own methods would mean this name
mo = _Engine()
