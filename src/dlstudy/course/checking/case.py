"""What a check is made of: cases, outcomes, known mistakes, and the `Check` that runs an answer on all of them."""

import copy
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from dlstudy.course.checking import answers, traces
from dlstudy.course.checking.compare import Difference, Tolerance, difference, show
from dlstudy.course.content.exercises import Exercise, WrongAnswer

UNSET: Any = object()
"""Stands for an expected result that a case does not give, since None may be one."""
SEED = 20_250_101


class Case:
    """One input: `label` tells a learner what is special about it; `args` and `kwargs` go to the answer.

    `expected` is a result worked by hand (otherwise the oracle is asked); `raises` the exception that is right here.
    `alone` is a sentence for an answer that fails on such a case and on no other kind.
    """

    def __init__(
        self,
        label: str,
        *args: Any,
        expected: Any = UNSET,
        raises: type[Exception] | None = None,
        alone: str = "",
        **kwargs: Any,
    ) -> None:
        self.label, self.args, self.kwargs = label, args, kwargs
        self.expected, self.raises, self.alone = expected, raises, alone

    def inputs(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return a deep copy of the arguments, so that no answer can spoil the next one's input."""
        return copy.deepcopy((self.args, self.kwargs))


@dataclass(frozen=True)
class Outcome:
    """What an answer did on one case: a value or an exception, and which arguments it changed.

    `refused` tells that an answer's own `raise` was at work; `outside`, that what it made could not be used by the
    check's lines.
    """

    value: Any = None
    raised: BaseException | None = None
    changed: tuple[str, ...] = ()
    refused: bool = False
    outside: bool = False

    @property
    def unwritten(self) -> bool:
        """Whether the answer's own text still has a placeholder; torch raises the same type for its own reasons."""
        return self.refused and isinstance(self.raised, NotImplementedError)

    def same_as(self, other: "Outcome", tolerance: Tolerance) -> bool:
        """Whether both did the same: equal values and the same inputs changed, or the same exception.

        Exceptions are the same if they say the same (names that an answer chose apart), or if both answers raise them
        themselves, each in words of its own: two TypeErrors out of a library may well be two mistakes.
        """
        if self.raised is not None or other.raised is not None:
            if self.raised is None or other.raised is None or type(self.raised) is not type(other.raised):
                return False
            return (self.refused and other.refused) or answers.gist(self.raised) == answers.gist(other.raised)
        return self.changed == other.changed and difference(self.value, other.value, tolerance) is None


@dataclass(frozen=True)
class Mistake:
    """One form of a known mistake: what it does on every case, and the numbers of the cases that it spoils."""

    wrong: WrongAnswer
    outcomes: list[Outcome]
    spoiled: list[int]


@dataclass
class Check:
    """The cases and the oracle of one exercise, with the expected results and those of the known mistakes."""

    exercise: Exercise
    module: ModuleType
    cases: list[Case]
    expected: list[Outcome]
    tolerance: Tolerance
    parameters: tuple[str, ...]
    mistakes: list["Mistake"] = field(default_factory=list)

    def run(self, answer: Callable[..., Any], started: Callable[[str], None] | None = None) -> list[Outcome]:
        """Run `answer` on every case; `started` is told the label of each before it begins."""
        outcomes: list[Outcome] = []
        right = True
        for case, expected in zip(self.cases, self.expected):
            if started:
                # Should this one never end, the learner hears what was right until then.
                started(self.given(case) + (" (every case before this one was right)" if outcomes and right else ""))
            outcomes.append(self._run_case(answer, case))
            if outcomes[-1].unwritten:
                break
            right = right and (not started or self.difference(outcomes[-1], expected) is None)
        return outcomes

    def wrong_in(self, outcomes: list[Outcome]) -> int | None:
        """Return the number of the first case on which the outcome is not the expected one, or None."""
        for number, (outcome, expected) in enumerate(zip(outcomes, self.expected)):
            if self.difference(outcome, expected) is not None:
                return number
        return None

    def wrong_cases(self, outcomes: list[Outcome]) -> list[Case]:
        """Return every case on which the outcome is not the expected one."""
        cases = zip(self.cases, outcomes, self.expected)
        return [case for case, outcome, expected in cases if self.difference(outcome, expected) is not None]

    def is_refusal(self, error: BaseException, function: Callable[..., Any]) -> bool:
        """Whether the answer itself raised what is right for other inputs: it turns this one away, and did not fail."""
        wanted = {type(outcome.raised) for outcome in self.expected if outcome.raised is not None}
        return type(error) in wanted and answers.is_own(error, function)

    def difference(self, outcome: Outcome, expected: Outcome) -> Difference | None:
        """Say how one outcome differs from the expected one, or return None."""
        if expected.raised is not None:
            wanted = answers.kind(expected.raised)
            if outcome.raised is None:
                return Difference("raises", f"Expected {wanted} here, came {show(outcome.value)}.")
            if not isinstance(outcome.raised, type(expected.raised)):
                return Difference("raises", f"Expected {wanted} here, came {answers.kind(outcome.raised)}.")
            return None
        if outcome.raised is not None:
            if outcome.outside:
                return Difference("unusable", f"{answers.describe(outcome.raised)}.")
            return Difference("raised", f"stopped with {answers.describe(outcome.raised)}.")
        found = difference(*self._named(outcome.value, expected.value), self.tolerance)
        if found is None and outcome.changed:
            return Difference("changed", "The result is right, but the input was changed on the way.")
        return found

    def recognise(
        self, outcomes: list[Outcome], answer: Callable[..., Any] | None = None
    ) -> tuple[WrongAnswer, int] | None:
        """Return the known mistake that does the same on every case, and the number of the case that shows it best.

        Who makes two mistakes at once gets the hint of a known one that explains the first wrong case: its results must
        have come on *every* case that it spoils, and on at least two of them, lest it be chance. An exception counts
        there only from an answer that does not stop everywhere. Last, the check's own `watch` may see a mistake in how
        `answer` works.
        """
        first = self.wrong_in(outcomes)
        if first is None:
            return None
        for mistake in self.mistakes:
            theirs = mistake.outcomes
            if len(theirs) == len(outcomes) and all(
                self._alike(one, other, expected) for one, other, expected in zip(outcomes, theirs, self.expected)
            ):
                return mistake.wrong, self._shown(mistake.wrong, outcomes, first)
        enough = 1 if getattr(self.module, "INDEPENDENT_CASES", False) else 2
        works_somewhere = any(outcome.raised is None for outcome in outcomes)
        explaining = [
            mistake
            for mistake in self.mistakes
            if first in mistake.spoiled
            and sum(works_somewhere or mistake.outcomes[i].raised is None for i in mistake.spoiled) >= enough
            and all(self._explains(mistake.outcomes[i], outcomes[i], self.expected[i]) for i in mistake.spoiled)
        ]
        if explaining:
            wrong = max(explaining, key=lambda mistake: len(mistake.spoiled)).wrong
            return wrong, self._shown(wrong, outcomes, first)
        return self._watched(outcomes, answer)

    def _explains(self, theirs: Outcome, ours: Outcome, expected: Outcome) -> bool:
        """Whether what a mistake does to a case has come: all of it or, in a tuple with named parts, what it spoils.

        A list in place of a tuple, or another dtype, is a matter of its own and hides no mistake in the values.
        """
        if ours.same_as(theirs, self.tolerance):
            return True
        if ours.raised is None and theirs.raised is None:
            loose = self.tolerance.of_values
            spoils = difference(theirs.value, expected.value, loose) is not None
            if spoils and difference(ours.value, theirs.value, loose) is None:
                return True
        values = [theirs.value, ours.value, expected.value]
        parts = getattr(self.module, "PARTS", ())
        if not parts or not all(isinstance(value, tuple | list) and len(value) == len(parts) for value in values):
            return False
        spoiled = [i for i in range(len(parts)) if difference(values[0][i], values[2][i], self.tolerance)]
        return bool(spoiled) and not any(difference(values[1][i], values[0][i], self.tolerance) for i in spoiled)

    def _alike(self, one: Outcome, other: Outcome, expected: Outcome) -> bool:
        """Whether two answers did the same on a case; where both are right, how they say so does not count."""
        if one.same_as(other, self.tolerance):
            return True
        return all(self.difference(outcome, expected) is None for outcome in (one, other))

    def _shown(self, wrong: WrongAnswer, outcomes: list[Outcome], first: int) -> int:
        """Return the case that a hint speaks of, where it speaks of one and that one is wrong; else the first."""
        for number, case in enumerate(self.cases):
            if wrong.on and case.label == wrong.on and self.difference(outcomes[number], self.expected[number]):
                return number
        return first

    def _watched(self, outcomes: list[Outcome], answer: Callable[..., Any] | None) -> tuple[WrongAnswer, int] | None:
        watch = getattr(self.module, "watch", None)
        if watch is None or answer is None:
            return None
        for number, (case, outcome) in enumerate(zip(self.cases, outcomes)):
            if self.difference(outcome, self.expected[number]) is None:
                continue
            args, kwargs = case.inputs()
            try:
                name = watch(answer, *args, **kwargs)
            except BaseException:  # whatever the answer raises, it has been told already
                continue
            if name:
                return self.exercise.wrong_answer(name), number
        return None

    def given(self, case: Case) -> str:
        """Put a case's input in words: its label, then each argument by the name the answer gives it."""
        label = case.label[0].upper() + case.label[1:]
        words = getattr(self.module, "given", None)
        if words is not None:
            return f"{label}: {words(*case.args, **case.kwargs)}"
        names = self.parameters + ("",) * len(case.args)
        parts = [f"{name} = {show(value)}" if name else show(value) for name, value in zip(names, case.args)]
        parts += [f"{name} = {show(value)}" for name, value in case.kwargs.items()]
        return f"{label}: {', '.join(parts)}" if parts else label

    def picture(self, case: Case, outcome: Outcome, expected: Outcome) -> str:
        """Return the check's picture (SVG) of one case, or an empty text."""
        draw = getattr(self.module, "picture", None)
        if draw is None or outcome.raised is not None or expected.raised is not None:
            return ""
        args, kwargs = case.inputs()
        try:
            return str(draw(expected.value, outcome.value, *args, **kwargs) or "")
        except Exception:  # a picture of a strange result is worth less than the sentence about it
            return ""

    def _named(self, got: Any, expected: Any) -> tuple[Any, Any]:
        """Give the parts of a tuple the names that the check has for them, so that a message can use them."""
        parts = getattr(self.module, "PARTS", ())
        if parts and isinstance(got, tuple | list) and len(got) == len(expected) == len(parts):
            return dict(zip(parts, got)), dict(zip(parts, expected))
        return got, expected

    def _run_case(self, answer: Callable[..., Any], case: Case) -> Outcome:
        args, kwargs = case.inputs()
        run = getattr(self.module, "run", None)
        _seed()
        try:
            with traces.switches_kept():
                value = run(answer, *args, **kwargs) if run else answer(*args, **kwargs)
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: an answer may raise anything
            own = answers.files(answer)
            outside = bool(run) and answers.is_from(error, str(self.exercise.check_file), own)
            return Outcome(raised=error, refused=answers.is_raised_in(error, own), outside=outside)
        changed = () if getattr(self.module, "MUTATES", False) else self._changed(case, args, kwargs)
        return Outcome(value, changed=changed)

    def _changed(self, case: Case, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, ...]:
        names = (*self.parameters[: len(args)], *(str(n) for n in range(len(self.parameters), len(args))))
        pairs = [*zip(names, case.args, args), *((name, case.kwargs[name], kwargs[name]) for name in kwargs)]
        exact = Tolerance(0.0, 0.0)
        return tuple(name for name, before, after in pairs if difference(after, before, exact) is not None)


def _seed() -> None:
    """Give every case the same random numbers, so that an answer that draws some can be compared."""
    random.seed(SEED)
    np.random.seed(SEED)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(SEED)
