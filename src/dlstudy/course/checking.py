"""Check an answer: run it on labelled cases, compare with an oracle that knows nothing of our solution, say what came.

A `check.py` holds

    def cases(rng):                      # a list of Case; rng is a seeded numpy Generator; never an input of zeros
        return [Case("a 2 by 3 array", (1, 2), (2, 3), expected=5), ...]

    def oracle(index, shape): ...        # what is right, for every case that has no `expected` of its own

and, where wanted: `run(answer, *args)`, how to use an answer on a case (default: call it); `given(*args)`, a case in
words (default: each argument with its name); an SVG by `picture(expected, got, *args)`; `RTOL` and `ATOL`; `PARTS`,
names for the parts of a tuple; `MUTATES = True` where the answer may change its inputs; `AUTOMATIC`, automatic wrong
answers in a form that fits (see `_automatic.py`); `INDEPENDENT_CASES = True` where each case is a question of its own,
so that a learner with two mistakes gets the hint of the first; `watch(answer, *args)`, which looks on while a wrong
answer works and returns the id of the mistake that it sees, or None.

A mistake is recognised by what it does: the results of each wrong answer that ships with the exercise are computed
once, exceptions included, and an answer that gives the same results gets that one's hint, whatever its names and its
order of lines.
"""

import copy
import importlib.util
import io
import random
import sys
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import numpy as np

from dlstudy.course import _answers, _diagnose, _products
from dlstudy.course._compare import Difference, Tolerance, difference, show
from dlstudy.course.exercises import Exercise, ExerciseError, WrongAnswer
from dlstudy.course.verdict import Verdict

__all__ = ["Case", "Check", "Outcome", "Verdict", "check", "not_yet", "prepare"]

_UNSET: Any = object()
_SEED = 20_250_101


class Case:
    """One input: `label` tells a learner what is special about it; `args` and `kwargs` go to the answer.

    `expected` is a result worked by hand (otherwise the oracle is asked); `raises` the exception that is right here.
    `alone` is a sentence for an answer that fails on such a case and on no other kind.
    """

    def __init__(
        self,
        label: str,
        *args: Any,
        expected: Any = _UNSET,
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
    """What an answer did on one case: a value or an exception, and which arguments it changed."""

    value: Any = None
    raised: BaseException | None = None
    changed: tuple[str, ...] = ()

    def same_as(self, other: "Outcome", tolerance: Tolerance) -> bool:
        """Whether both did the same: equal values, or exceptions of one type, and the same inputs changed."""
        if self.raised is not None or other.raised is not None:
            return type(self.raised) is type(other.raised)
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
            if isinstance(outcomes[-1].raised, NotImplementedError):
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
        return type(error) in wanted and _answers.is_own(error, function)

    def difference(self, outcome: Outcome, expected: Outcome) -> Difference | None:
        """Say how one outcome differs from the expected one, or return None."""
        if expected.raised is not None:
            wanted = _answers.kind(expected.raised)
            if outcome.raised is None:
                return Difference("raises", f"Expected {wanted} here, came {show(outcome.value)}.")
            if not isinstance(outcome.raised, type(expected.raised)):
                return Difference("raises", f"Expected {wanted} here, came {_answers.kind(outcome.raised)}.")
            return None
        if outcome.raised is not None:
            return Difference("raised", f"stopped with {_answers.describe(outcome.raised)}.")
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
                one.same_as(other, self.tolerance) for one, other in zip(outcomes, theirs)
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
            gap, spoils = difference(ours.value, theirs.value, self.tolerance), self.difference(theirs, expected)
            if gap and gap.kind == "dtype" and spoils and spoils.kind != "dtype":
                return True
        values = [theirs.value, ours.value, expected.value]
        parts = getattr(self.module, "PARTS", ())
        if not parts or not all(isinstance(value, tuple | list) and len(value) == len(parts) for value in values):
            return False
        spoiled = [i for i in range(len(parts)) if difference(values[0][i], values[2][i], self.tolerance)]
        return bool(spoiled) and not any(difference(values[1][i], values[0][i], self.tolerance) for i in spoiled)

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
            value = run(answer, *args, **kwargs) if run else answer(*args, **kwargs)
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: an answer may raise anything
            return Outcome(raised=error)
        changed = () if getattr(self.module, "MUTATES", False) else self._changed(case, args, kwargs)
        return Outcome(value, changed=changed)

    def _changed(self, case: Case, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, ...]:
        names = (*self.parameters[: len(args)], *(str(n) for n in range(len(self.parameters), len(args))))
        pairs = [*zip(names, case.args, args), *((name, case.kwargs[name], kwargs[name]) for name in kwargs)]
        exact = Tolerance(0.0, 0.0)
        return tuple(name for name, before, after in pairs if difference(after, before, exact) is not None)


def prepare(exercise: Exercise) -> Check:
    """Read an exercise's check, work out what is right, and what each known mistake does.

    Raises:
        ExerciseError: `check.py` is missing or fails, or the solution does not run.
    """
    module = _load(exercise)
    rng = np.random.default_rng(zlib.crc32(exercise.id.encode()) + _SEED)
    try:
        cases = list(module.cases(rng))
    except Exception as error:
        raise ExerciseError(f"{exercise.id}/check.py: cases(rng) failed: {_answers.describe(error)}") from error
    tolerance = Tolerance(getattr(module, "RTOL", None), getattr(module, "ATOL", None))
    solution = _answers.from_source(exercise, exercise.solution)
    expected = [_expected(exercise, module, case) for case in cases]
    made = Check(exercise, module, cases, expected, tolerance, _answers.parameters(solution))
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), _quiet():
        for wrong in exercise.wrong:
            if wrong.outcome == "wrong":
                for _, source in exercise.wrong_sources(wrong):
                    made.mistakes.append(_mistake(made, wrong, source))
    return made


def check(
    exercise: Exercise,
    answer: str | Callable[..., Any],
    source: str | None = None,
    *,
    prepared: Check | None = None,
    started: Callable[[str], None] | None = None,
    output: _answers.Capture | None = None,
) -> Verdict:
    """Check an answer in this process; an endless one never returns, which is why pages use `worker.Worker`.

    Args:
        exercise: what was asked.
        answer: the answer's source text, or the function itself.
        source: the text of a function, where it is known: it tells an untouched stub and names lines in messages.
        prepared: what `prepare(exercise)` returned, to save time.
        started: told the input of each case before it begins.
        output: where what the answer prints goes; by default it is kept for the verdict.
    """
    begun = time.perf_counter()
    text = answer if isinstance(answer, str) else (source if source is not None else _answers.source_of(answer))
    buffer = output or _answers.Capture()
    verdict = _check(exercise, answer, text, prepared, started, buffer)
    return replace(verdict, output=buffer.text(), seconds=time.perf_counter() - begun)


def _check(
    exercise: Exercise,
    answer: str | Callable[..., Any],
    text: str,
    prepared: Check | None,
    started: Callable[[str], None] | None,
    output: _answers.Capture,
) -> Verdict:
    if text and exercise.is_stub(text):
        return not_yet(exercise)
    prepared = prepared or prepare(exercise)
    with redirect_stdout(output), redirect_stderr(output), _quiet():
        if isinstance(answer, str):
            try:
                function = _answers.from_source(exercise, answer)
            except _answers.AnswerError as error:
                return Verdict("error", str(error))
        else:
            function = answer
        if not callable(function):
            return Verdict("error", f"{exercise.function} should be a function, and is {show(function)}.")
        outcomes = prepared.run(function, started)
    return _verdict(prepared, outcomes, function, text)


def _verdict(made: Check, outcomes: list[Outcome], function: Callable[..., Any], text: str) -> Verdict:
    if any(isinstance(outcome.raised, NotImplementedError) for outcome in outcomes):
        return not_yet(made.exercise)
    number = made.wrong_in(outcomes)
    if number is None:
        picture = made.picture(made.cases[0], outcomes[0], made.expected[0])
        return Verdict("passed", f"Right on all {len(outcomes)} cases.", picture_svg=picture)
    wrong, number = made.recognise(outcomes, function) or (None, number)
    case, outcome, expected = made.cases[number], outcomes[number], made.expected[number]
    given = made.given(case)
    found = made.difference(outcome, expected)
    assert found is not None
    if all(one.alone for one in made.wrong_cases(outcomes)):
        given = f"{case.alone} {given}"
    expects = show(expected.value) if expected.raised is None else _answers.kind(expected.raised)
    facts: dict[str, Any] = {"given": made.given(case), "expected": expects}
    if wrong:
        facts |= {"hint_id": wrong.id, "hint": wrong.hint}
    if found.kind == "raised":
        assert outcome.raised is not None
        place = _answers.place(outcome.raised, function, text)
        if made.is_refusal(outcome.raised, function):
            facts["got"] = _answers.kind(outcome.raised)
            sentence = f"Your answer refuses this with {_answers.describe(outcome.raised)}."
            return Verdict("failed", f"{given}. {sentence}{place} Expected {expects}.", **facts)
        met, advice = _products.shapes_met(outcome.raised, function, text)
        sentence = f"stopped with {_answers.kind(outcome.raised)}: {met}." if met else found.sentence
        message = f"{given}. Your answer {sentence}{place} Expected {expects}."
        advice = advice or _answers.advice(outcome.raised)
        return Verdict("error", f"{message} {advice}".strip(), got=met or _answers.describe(outcome.raised), **facts)
    facts["got"] = _answers.describe(outcome.raised) if outcome.raised else show(outcome.value)
    if found.kind == "changed":
        facts["got"] = f"{facts['got']}, and a changed {' and '.join(outcome.changed)}"
    general = "" if wrong else _diagnose.diagnose(made, outcomes, number, found)
    facts["picture_svg"] = made.picture(case, outcome, expected)
    return Verdict("failed", f"{given}. {found.sentence} {general}".strip(), **facts)


def not_yet(exercise: Exercise) -> Verdict:
    """Return the verdict on a starting text that nobody has touched."""
    if exercise.kind == "bug-hunt":
        return Verdict("not-yet", f"This is still the code as it was handed to you. Its symptom: {exercise.symptom}")
    return Verdict("not-yet", "The placeholder is still there: write your answer in its place, then run it again.")


def _mistake(made: Check, wrong: WrongAnswer, source: str) -> Mistake:
    outcomes = made.run(_answers.from_source(made.exercise, source))
    for outcome in outcomes:
        if outcome.raised is not None:
            outcome.raised.__traceback__ = None  # it would keep every frame and its arrays alive
    spoiled = [i for i, outcome in enumerate(outcomes) if made.difference(outcome, made.expected[i]) is not None]
    return Mistake(wrong, outcomes, spoiled)


def _expected(exercise: Exercise, module: ModuleType, case: Case) -> Outcome:
    if case.raises is not None:
        return Outcome(raised=case.raises())
    if case.expected is not _UNSET:
        return Outcome(case.expected)
    args, kwargs = case.inputs()
    try:
        return Outcome(module.oracle(*args, **kwargs))
    except Exception as error:
        raise ExerciseError(
            f'{exercise.id}/check.py: the oracle failed on "{case.label}": {_answers.describe(error)}'
        ) from error


def _load(exercise: Exercise) -> ModuleType:
    name = "_dlstudy_check_" + exercise.id.replace("/", "_").replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, exercise.check_file)
    if spec is None or spec.loader is None or not exercise.check_file.is_file():
        raise ExerciseError(f"{exercise.id}/check.py is missing")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise ExerciseError(f"{exercise.id}/check.py: line {where.lineno}: {_answers.describe(error)}") from error
    return module


def _seed() -> None:
    """Give every case the same random numbers, so that an answer that draws some can be compared."""
    random.seed(_SEED)
    np.random.seed(_SEED)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(_SEED)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings out: an answer is judged by what it returns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
