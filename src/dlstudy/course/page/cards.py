"""The cards on a lesson's page: exercise, quiz, prediction and self-test, as anywidgets without an outside request.

Python holds what is true (progress, solution text); the browser part in `static/` draws `data` and sends one `event`
per action of the learner. Everything a card shows is text, an icon and a word before it is a colour.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from dlstudy.figures import tokens_css
from dlstudy.figures.widget import dom_js

if TYPE_CHECKING:
    from dlstudy.course.checking.verdict import Verdict

# What the learner reads first, by the status of a check: (tone, icon, words). Never a colour alone.
HEADLINES = {
    "not-yet": ("plain", "○", "Not done yet"),
    "failed": ("bad", "✗", "Not right yet"),
    "passed": ("good", "✓", "Right"),
    "error": ("bad", "✗", "Stopped with an error"),
    "timeout": ("warn", "!", "Took too long"),
    "crashed": ("warn", "!", "Crashed"),
}
JUST_SHOW_ME = "just-show-me"


def rows_of(verdict: Verdict) -> list[tuple[str, str]]:
    """The comparison under a verdict's sentence, where the sentence does not say it all: (name, text) each."""
    rows = [("For", verdict.given), ("Expected", verdict.expected), ("Got", verdict.got)]
    if all(text in verdict.message for _, text in rows):
        rows = []
    rows.append(("Printed", verdict.output.rstrip("\n")))
    return [(name, text) for name, text in rows if text]


def _static(name: str) -> str:
    return (files(__package__) / "static" / name).read_text(encoding="utf-8")


def script(name: str) -> str:
    """A card's program. It brings its style with it: what is given to the engine as `_css` is taken away for as long as
    the cell runs again, and the old card would flash up without any.
    """
    style = json.dumps(tokens_css() + _static("cards.css"))
    return f"const STYLE = {style};\n{dom_js()}\n{_static('common.js')}\n{_static(name)}"


class Card(anywidget.AnyWidget):
    """What the four cards share: `data` to draw, and the last `event` that the learner caused."""

    data = traitlets.Dict().tag(sync=True)
    event = traitlets.Dict().tag(sync=True)

    def __init__(self, data: Mapping[str, Any], **traits: Any) -> None:
        super().__init__(data=dict(data), **traits)
        self.observe(self._heard, "event")

    def _heard(self, change: Any) -> None:
        if change.new:
            self.on_event(change.new)

    def on_event(self, event: Mapping[str, Any]) -> None:
        """React to one action of the learner; `event["do"]` names it."""

    def show(self, **changes: Any) -> None:
        """Draw again with these entries of `data` changed."""
        self.data = {**self.data, **changes}


class ExerciseCard(Card):
    """One exercise's state: the verdict on the last try, hints one by one, the solution when it may be shown.

    `open_hint(n)` and `open_solution(gave_up)` are called as the learner asks; the latter returns what to show
    (`source`, `explanation`, `yours`), so that the solution's text is not on the page before.
    """

    _esm = script("exercise.js")

    def __init__(
        self,
        data: Mapping[str, Any],
        *,
        open_hint: Callable[[int], None],
        open_solution: Callable[[bool], Mapping[str, Any] | None],
    ) -> None:
        self._open_hint, self._open_solution = open_hint, open_solution
        super().__init__(data)

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Open a hint, or the solution, and draw it."""
        if event.get("do") == "hint" and self.data["opened"] < len(self.data["hints"]):
            opened = self.data["opened"] + 1
            self._open_hint(opened)
            self.show(opened=opened)
        elif event.get("do") in ("solution", "give-up"):
            self.show(solution=self._open_solution(event["do"] == "give-up"))

    @property
    def passed(self) -> bool:
        """Whether the answer on the page was right when it was checked."""
        return self.data["status"] == "passed"

    def _repr_html_(self) -> str:  # what a page exported without its engine shows
        words = " ".join(HEADLINES[self.data["status"]][1:])
        return f"<p><strong>{html.escape(self.data['title'])}</strong>: {words}</p>{self.data['message']}"


class QuizCard(Card):
    """One question with explained answers; `answered(option, correct)` is called for every answer."""

    _esm = script("quiz.js")
    choice = traitlets.Unicode("").tag(sync=True)

    def __init__(self, data: Mapping[str, Any], *, choice: str | None, answered: Callable[[str, bool], None]) -> None:
        self._answered = answered
        super().__init__(data, choice=choice or "")

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Record an answer."""
        for option in self.data["options"]:
            if option["id"] == event.get("option"):
                self._answered(option["id"], option["correct"])


class PredictCard(Card):
    """A prediction before an experiment; `choice` is "" until one click records it ("just-show-me" counts)."""

    _esm = script("predict.js")
    choice = traitlets.Unicode("").tag(sync=True)

    def __init__(self, data: Mapping[str, Any], *, choice: str | None, predicted: Callable[[str], None]) -> None:
        super().__init__(data, choice=choice or "")
        self.observe(lambda change: predicted(change.new), "choice")

    def text_of(self, option: str) -> str:
        """The words of an option, by its id; KeyError names the options there are."""
        for known in self.data["options"]:
            if known["id"] == option:
                return known["text"]
        ids = ", ".join(known["id"] for known in self.data["options"])
        raise KeyError(f'prediction "{self.data["id"]}" has no option "{option}"; it has {ids}')


class SelfTestCard(Card):
    """All questions on one form; `answered(answers)` gets {question: option} and returns the recommendation to show."""

    _esm = script("selftest.js")

    def __init__(
        self, data: Mapping[str, Any], *, answered: Callable[[Mapping[str, str]], Mapping[str, Any] | None]
    ) -> None:
        self._answered = answered
        super().__init__(data)

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Record all answers and show where to start, or begin again."""
        if event.get("do") == "answer":
            self.show(answers=dict(event["answers"]), result=self._answered(event["answers"]))
        elif event.get("do") == "again":
            self.show(answers={}, result=None)


def note(words: str, tone: str = "plain", icon: str = "") -> str:
    """A line of HTML for a cell's output, in the cards' colours; `tone` is "plain", "good", "bad" or "warn"."""
    sign = f'<span class="dls-icon" aria-hidden="true">{icon}</span> ' if icon else ""
    style = f"<style>{tokens_css()}{_static('note.css')}</style>"
    return f'{style}<div class="dls-note dls-{tone}" role="note">{sign}{words}</div>'


def recommend(questions: Sequence[Mapping[str, Any]], answers: Mapping[str, str]) -> dict[str, Any]:
    """Where to start, from the self-test's answers: the earliest lesson that teaches something missed.

    Each question needs `id`, `lesson` (number, or None for what the course expects beforehand) and `options` as made by
    `options_of`. Returns `right`, `total`, `start` (lesson number or None when nothing was missed), `missed` (lesson
    numbers in order) and `before` (ids of missed questions about what the course expects beforehand).
    """
    missed: set[int] = set()
    before = []
    right = 0
    for question in questions:
        option = answers.get(question["id"])
        if any(known["correct"] for known in question["options"] if known["id"] == option):
            right += 1
        elif question.get("lesson") is None:
            before.append(question["id"])
        else:
            missed.add(int(question["lesson"]))
    return {
        "right": right,
        "total": len(questions),
        "start": min(missed, default=None),
        "missed": sorted(missed),
        "before": before,
    }
