"""Check an answer: run it on labelled cases, compare with an oracle that knows nothing of our solution, say what came.

A `check.py` holds

    def cases(rng):                      # a list of Case; rng is a seeded numpy Generator; never an input of zeros
        return [Case("a 2 by 3 array", (1, 2), (2, 3), expected=5), ...]

    def oracle(index, shape): ...        # what is right, for every case that has no `expected` of its own

and, where wanted: `run(answer, *args)`, how to use an answer on a case (default: call it); `given(*args)`, a case in
words (default: each argument with its name); an SVG by `picture(expected, got, *args)`; `RTOL` and `ATOL`; `PARTS`,
names for the parts of a tuple; `MUTATES = True` where the answer may change its inputs; `AUTOMATIC`, automatic wrong
answers in a form that fits (see `automatic.py`); `INDEPENDENT_CASES = True` where each case is a question of its own,
so that a learner with two mistakes gets the hint of the first; `watch(answer, *args)`, which looks on while a wrong
answer works and returns the id of the mistake that it sees, or None. Where the answer is a torch module, `modules.py`
gives it the weights of the check and asks it and the oracle the same.

A mistake is recognised by what it does: the results of each wrong answer that ships with the exercise are computed
once, exceptions included, and an answer that gives the same results gets that one's hint, whatever its names and its
order of lines.
"""

import importlib.util
import io
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from dlstudy.course.checking import answers, diagnose, products, traces
from dlstudy.course.checking.case import SEED, UNSET, Case, Check, Mistake, Outcome
from dlstudy.course.checking.compare import Difference, Tolerance, show
from dlstudy.course.checking.verdict import Verdict
from dlstudy.course.content.exercises import Exercise, ExerciseError, WrongAnswer

_UNUSABLE = "What your answer returned cannot be used as the task asks:"


def prepare(exercise: Exercise) -> Check:
    """Read an exercise's check, work out what is right, and what each known mistake does.

    Raises ExerciseError: `check.py` is missing or fails, or the solution does not run.
    """
    module = _load(exercise)
    rng = np.random.default_rng(zlib.crc32(exercise.id.encode()) + SEED)
    try:
        cases = list(module.cases(rng))
    except Exception as error:
        raise ExerciseError(f"{exercise.id}/check.py: cases(rng) failed: {answers.describe(error)}") from error
    tolerance = Tolerance(getattr(module, "RTOL", None), getattr(module, "ATOL", None))
    solution = answers.from_source(exercise, exercise.solution)
    expected = [_expected(exercise, module, case) for case in cases]
    made = Check(exercise, module, cases, expected, tolerance, answers.parameters(solution))
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
    output: answers.Capture | None = None,
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
    if isinstance(answer, str):
        answer = answers.without_mark(answer)
    text = answer if isinstance(answer, str) else (source if source is not None else answers.source_of(answer))
    buffer = output or answers.Capture()
    verdict = _check(exercise, answer, text, prepared, started, buffer)
    return replace(verdict, output=buffer.text(), seconds=time.perf_counter() - begun).in_letters()


def _check(
    exercise: Exercise,
    answer: str | Callable[..., Any],
    text: str,
    prepared: Check | None,
    started: Callable[[str], None] | None,
    output: answers.Capture,
) -> Verdict:
    if text and exercise.is_stub(text):
        return not_yet(exercise)
    prepared = prepared or prepare(exercise)
    with redirect_stdout(output), redirect_stderr(output), _quiet():
        with traces.libraries_kept():
            if isinstance(answer, str):
                try:
                    with traces.switches_kept():
                        function = answers.from_source(exercise, answer)
                except answers.AnswerError as error:
                    return Verdict("error", str(error))
            else:
                function = answer
            if not callable(function):
                return Verdict("error", f"{exercise.function} should be a function, and is {show(function)}.")
            outcomes = prepared.run(function, started)
        return _judged(prepared, outcomes, function, text)


def _judged(made: Check, outcomes: list[Outcome], function: Callable[..., Any], text: str) -> Verdict:
    """The verdict, also where a value of the learner's own stops whoever looks at it."""
    try:
        return _verdict(made, outcomes, function, text)
    except BaseException as error:  # SystemExit too, from a method of a result
        number = next((i for i, outcome in enumerate(outcomes) if not _is_plain(made, outcome, i)), 0)
        given, came = made.given(made.cases[number]), show(outcomes[number].value)
        sentence = "What your answer returned cannot be judged: looking at it stops with"
        return Verdict("failed", f"{given}. {sentence} {answers.describe(error)}.", given=given, got=came)


def _is_plain(made: Check, outcome: Outcome, number: int) -> bool:
    try:
        return made.difference(outcome, made.expected[number]) is None
    except BaseException:
        return False


def _verdict(made: Check, outcomes: list[Outcome], function: Callable[..., Any], text: str) -> Verdict:
    if any(outcome.unwritten for outcome in outcomes):
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
    expects = show(expected.value) if expected.raised is None else answers.kind(expected.raised)
    facts: dict[str, Any] = {"given": made.given(case), "expected": expects}
    if wrong:
        facts |= {"hint_id": wrong.id, "hint": wrong.hint}
    if found.kind == "unusable":
        sentence = f"{_UNUSABLE} {found.sentence}"
        return Verdict("error", f"{given}. {sentence} Expected {expects}.", got=found.sentence, **facts)
    if found.kind == "raised":
        assert outcome.raised is not None
        place = answers.place(outcome.raised, function, text)
        if made.is_refusal(outcome.raised, function):
            facts["got"] = answers.kind(outcome.raised)
            sentence = f"Your answer refuses this with {answers.describe(outcome.raised)}."
            return Verdict("failed", f"{given}. {sentence}{place} Expected {expects}.", **facts)
        met, advice = products.shapes_met(outcome.raised, function, text)
        sentence = f"stopped with {answers.kind(outcome.raised)}: {met}." if met else found.sentence
        message = f"{given}. Your answer {sentence}{place} Expected {expects}."
        advice = advice or answers.advice(outcome.raised)
        return Verdict("error", f"{message} {advice}".strip(), got=met or answers.describe(outcome.raised), **facts)
    facts["got"] = answers.describe(outcome.raised) if outcome.raised else show(outcome.value)
    if found.kind == "changed":
        facts["got"] = f"{facts['got']}, and a changed {' and '.join(outcome.changed)}"
    general = "" if wrong else _in_general(made, outcomes, number, found)
    facts["picture_svg"] = made.picture(case, outcome, expected)
    return Verdict("failed", f"{given}. {found.sentence} {general}".strip(), **facts)


def _in_general(made: Check, outcomes: list[Outcome], number: int, found: Difference) -> str:
    try:
        return diagnose.diagnose(made, outcomes, number, found)
    except Exception:  # a pattern in a strange result is worth less than the sentence about it
        return ""


def is_unusable(verdict: Verdict) -> bool:
    """Whether the check's own lines failed on what an answer returned, as they also do in a spoiled process."""
    return _UNUSABLE in verdict.message


def not_yet(exercise: Exercise) -> Verdict:
    """Return the verdict on a starting text that nobody has touched."""
    if exercise.kind == "bug-hunt":
        return Verdict("not-yet", f"This is still the code as it was handed to you. Its symptom: {exercise.symptom}")
    return Verdict("not-yet", "The placeholder is still there: write your answer in its place, then run it again.")


def _mistake(made: Check, wrong: WrongAnswer, source: str) -> Mistake:
    outcomes = made.run(answers.from_source(made.exercise, source))
    for outcome in outcomes:
        if outcome.raised is not None:
            outcome.raised.__traceback__ = None  # it would keep every frame and its arrays alive
    spoiled = [i for i, outcome in enumerate(outcomes) if made.difference(outcome, made.expected[i]) is not None]
    return Mistake(wrong, outcomes, spoiled)


def _expected(exercise: Exercise, module: ModuleType, case: Case) -> Outcome:
    if case.raises is not None:
        return Outcome(raised=case.raises())
    if case.expected is not UNSET:
        return Outcome(case.expected)
    args, kwargs = case.inputs()
    try:
        return Outcome(module.oracle(*args, **kwargs))
    except Exception as error:
        raise ExerciseError(
            f'{exercise.id}/check.py: the oracle failed on "{case.label}": {answers.describe(error)}'
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
        raise ExerciseError(f"{exercise.id}/check.py: line {where.lineno}: {answers.describe(error)}") from error
    return module


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings out: an answer is judged by what it returns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
