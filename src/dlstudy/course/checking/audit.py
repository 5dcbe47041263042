"""Hold every exercise to what a learner may expect: nothing right is refused, nothing wrong passes, every hint fits.

`python -m dlstudy.course.checking.audit [01/flat-index ...]` prints what it finds; the test suite runs it over every
exercise.
"""

import ast
import gc
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from dlstudy.course.checking import answers, automatic, caserules, rewrite
from dlstudy.course.checking import check as checking
from dlstudy.course.checking.compare import arrays_in, to_array
from dlstudy.course.checking.verdict import Verdict
from dlstudy.course.checking.worker import Worker
from dlstudy.course.content import exercises
from dlstudy.course.content.exercises import Exercise, ExerciseError, WrongAnswer

BUDGET = 1.0  # seconds of CPU time for a check; twice that is an error
FEWEST = 3  # wrong answers, hints, and automatic wrong answers that apply


@dataclass(frozen=True)
class Finding:
    """What is wrong with an exercise: the rule it breaks, in a word, and a sentence. `error` is False for a warning."""

    rule: str
    message: str
    error: bool = True

    def __str__(self) -> str:
        return f"{'' if self.error else 'warning: '}{self.rule}: {self.message}"


def audit(name: str, root: Path | None = None, worker: Worker | None = None, budget: float = BUDGET) -> list[Finding]:
    """Return everything that is wrong with the exercise `name`; an empty list is what one hopes for.

    `worker` runs the wrong answers that never end (one is started if there is none). `budget` is in seconds of CPU.
    """
    try:
        exercise = exercises.load_exercise(name, root)
        stub, solution = exercise.stub, exercise.solution
    except ExerciseError as error:
        return [Finding("edit" if "exactly once" in str(error) else "spec", str(error))]
    findings = list(_texts(exercise))
    findings += _names(exercise, stub, solution)
    try:
        wrong = {item.id: exercise.wrong_sources(item) for item in exercise.wrong}
    except ExerciseError as error:
        return [*findings, Finding("edit", str(error))]
    try:
        made = checking.prepare(exercise)
        function = answers.from_source(exercise, solution)
    except (ExerciseError, answers.AnswerError) as error:
        return [*findings, Finding("check", str(error))]
    gc.freeze()  # as the worker does: a check with many objects is three times faster
    try:
        findings += _cases(exercise, made)
        findings += _right(exercise, made)
        findings += _stub(exercise, made, stub)
        findings += _wrong(exercise, made, wrong, root, worker)
        findings += _automatics(exercise, made, function)
        findings += _case_list(exercise, made)
        findings += _by_worker(exercise, worker)
        findings += _speed(exercise, made, budget)
    finally:
        gc.unfreeze()
    return findings


def _texts(exercise: Exercise) -> Iterator[Finding]:
    for name in ("exercise.toml", "solution.py", "check.py"):
        file = exercise.folder / name
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines() if file.is_file() else (), 1):
            if exercises.UNWRITTEN in line:
                yield Finding("unwritten", f"{name}, line {number} is still that of the empty frame: {line.strip()}")
    if len(exercise.wrong) < FEWEST:
        yield Finding("few-wrong", f"there are {len(exercise.wrong)} wrong answers, and {FEWEST} are needed")
    known = {wrong.id for wrong in exercise.wrong}
    for file in sorted((exercise.folder / "wrong").glob("*.py")):
        if file.name.partition(".")[0] not in known:
            yield Finding(
                "spec", f"wrong/{file.name} belongs to no wrong answer; there are: {', '.join(sorted(known))}"
            )
    if len(exercise.hints) != FEWEST:
        yield Finding("few-hints", f"there are {len(exercise.hints)} hints to open, and {FEWEST} are needed")
    if not exercise.accepted:
        yield Finding("few-accepted", "there is no other right answer in accept/")
    lines = {line.partition("#")[0].strip() for line in exercise.solution.splitlines()}
    lines -= {line.partition("#")[0].strip() for line in exercise.stub.splitlines()}
    for text in (*exercise.hints[:-1], *(wrong.hint for wrong in exercise.wrong)):
        for line in lines:
            if len(line) >= 12 and line in text:
                yield Finding("gives-away", f"a hint contains a line of the solution, `{line}`")
    for wrong in exercise.wrong:
        if "?" not in wrong.hint:
            yield Finding("no-question", f"the hint of {wrong.id!r} asks nothing; a hint explains the symptom and asks")


def _names(exercise: Exercise, stub: str, solution: str) -> Iterator[Finding]:
    for what, source in (("stub", stub), ("solution", solution)):
        own = [*exercise.names, *_defined(exercise.given)]
        unknown = rewrite.unknown_names(source, tuple(own))
        if unknown:
            yield Finding("names", f"the {what} uses {', '.join(unknown)}, which it may not: add the import to uses")


def _cases(exercise: Exercise, made: checking.Check) -> Iterator[Finding]:
    if len(made.cases) < FEWEST:
        yield Finding("cases", f"there are {len(made.cases)} cases, and {FEWEST} are needed")
    labels = [case.label for case in made.cases]
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        yield Finding("cases", f'two cases are labelled "{label}"')
    for case in made.cases:
        for array in arrays_in([*case.args, *case.kwargs.values()]):
            values = to_array(array)
            if values.size and not values.any():
                yield Finding("zeros", f'the case "{case.label}" feeds nothing but zeros, on which many mistakes agree')
    module, _, _ = exercise.source.partition(":")
    check = exercise.check_file.read_text(encoding="utf-8")
    if module != "solution.py" and (f"from {module} import" in check or f"import {module}" in check):
        yield Finding("oracle", f"check.py imports {module}: an oracle must not be the solution itself")
    elif "import solution" in check or "from solution" in check or "solution.py" in check:
        yield Finding("oracle", "check.py reads solution.py: an oracle must not be the solution itself")


def _right(exercise: Exercise, made: checking.Check) -> Iterator[Finding]:
    verdict = checking.check(exercise, exercise.solution, prepared=made)
    if not verdict.passed:
        yield Finding("solution-fails", f"the solution is refused: {verdict.message}")
    for name, source in exercise.accepted:
        verdict = checking.check(exercise, source, prepared=made)
        if not verdict.passed:
            yield Finding("accepted-fails", f"accept/{name}.py is refused: {verdict.message}")
    outcomes = made.run(answers.from_source(exercise, exercise.solution))
    if hasattr(made.module, "picture"):
        args, kwargs = made.cases[0].inputs()
        try:
            drawing = made.module.picture(outcomes[0].value, outcomes[0].value, *args, **kwargs)
            root = ElementTree.fromstring(drawing)
            if not root.get("aria-label"):
                yield Finding("picture", "the picture has no aria-label that says what to see")
        except Exception as error:
            yield Finding("picture", f"the picture of the first case is no SVG: {answers.describe(error)}")


def _stub(exercise: Exercise, made: checking.Check, stub: str) -> Iterator[Finding]:
    verdict = checking.check(exercise, stub, prepared=made)
    if verdict.status != "not-yet":
        yield Finding("stub-passes", f'the stub should read as "not yet", and reads as {verdict.status}')
    try:
        function = answers.from_source(exercise, stub)
    except answers.AnswerError as error:
        yield Finding("names", f"the stub does not run with the allowed names: {error}")
        return
    outcomes = made.run(function)
    unfinished = any(isinstance(outcome.raised, NotImplementedError) for outcome in outcomes)
    if not unfinished and made.wrong_in(outcomes) is None:
        yield Finding("stub-passes", "the stub gives the right result on every case")


def _wrong(
    exercise: Exercise,
    made: checking.Check,
    sources: dict[str, list[tuple[str, str]]],
    root: Path | None,
    worker: Worker | None,
) -> Iterator[Finding]:
    reached: set[str | None] = set()
    for wrong in exercise.wrong:
        for form, source in sources[wrong.id]:
            if wrong.outcome == "timeout":
                verdict = _endless(exercise, source, root, worker)
                reached.add(verdict.hint_id)
                if verdict.status != "timeout":
                    yield Finding("wrong-passes", f"{wrong.id!r} should not end in time, and is {verdict.status}")
                continue
            in_other_words = rewrite.reordered(rewrite.renamed(source))
            for how, version in ((form, source), (f"{form}, names changed, lines exchanged", in_other_words)):
                if exercise.is_stub(version):
                    continue  # the bug hunt's own text is "not yet"; its other versions are judged
                verdict = checking.check(exercise, version, prepared=made)
                reached.add(verdict.hint_id)
                yield from _judged(wrong, how, verdict)
    for wrong in exercise.wrong:
        if wrong.id not in reached:
            yield Finding("unreachable", f"no answer reaches the hint of {wrong.id!r}")
    texts = [wrong.hint for wrong in exercise.wrong]
    if len(set(texts)) < len(texts):
        yield Finding("other-hint", "two wrong answers share one hint")


def _judged(wrong: WrongAnswer, how: str, verdict: Verdict) -> Iterator[Finding]:
    name = f"{wrong.id!r} ({how})"
    if verdict.status not in ("failed", "error"):
        yield Finding("wrong-passes", f"the wrong answer {name} is {verdict.status}")
    elif verdict.hint_id != wrong.id:
        got = f"the hint of {verdict.hint_id!r}" if verdict.hint_id else "no hint"
        yield Finding("renamed" if "," in how else "other-hint", f"the wrong answer {name} gets {got}")
    elif wrong.on and not verdict.given.casefold().startswith(wrong.on.casefold()):
        yield Finding("shown", f'the wrong answer {name} should show the case "{wrong.on}", and shows {verdict.given}')


def _endless(exercise: Exercise, source: str, root: Path | None, worker: Worker | None) -> Verdict:
    if worker is not None:
        return worker.check(exercise, source)
    with Worker(root=root) as own:
        return own.check(exercise, source)


def _automatics(exercise: Exercise, made: checking.Check, solution: Any) -> Iterator[Finding]:
    declared = dict(exercise.cannot)
    applied = 0
    wrong_ones = automatic.automatic_answers(made, solution)
    for name in declared:
        if name not in wrong_ones and name not in caserules.RULES:
            known = ", ".join([*wrong_ones, *caserules.RULES])
            yield Finding("spec", f'"cannot" names {name!r}; automatic wrong answers and rules of cases: {known}')
    for name, answer in wrong_ones.items():
        # The very path of a learner's answer: what is said about it is worked out as well, and may fail too.
        verdict = checking.check(exercise, answer, "", prepared=made)
        own = name if name in automatic.NEW_KINDS else ""
        if verdict.status not in ("passed", "failed", "error"):
            yield Finding("automatic-status", f'the automatic wrong answer "{name}" is {verdict.status}')
        if not answer.applied:
            if name not in declared:
                yield Finding(own or "undeclared", f'"{name}" cannot apply, and "cannot" does not say why')
        elif name in declared:
            if not verdict.passed:
                yield Finding("undeclared", f'"cannot" says that "{name}" cannot apply, and it does: {declared[name]}')
        elif verdict.passed:
            yield Finding(own or "automatic-passes", f'the automatic wrong answer "{name}" passes')
        else:
            applied += 1
    if applied < FEWEST:
        yield Finding("few-automatic", f"{applied} automatic wrong answers apply, and {FEWEST} are needed")


def _case_list(exercise: Exercise, made: checking.Check) -> Iterator[Finding]:
    """What the cases lack, unless the exercise says why it must be so; and a reason that is not needed."""
    found = caserules.lacking(exercise, made)
    for name, sentence in found.items():
        if name not in exercise.cannot:
            yield Finding(name, f'{sentence}, and "cannot" does not say why under the name "{name}"')
    for name in caserules.RULES.keys() & exercise.cannot.keys() - found.keys():
        yield Finding("undeclared", f'"cannot" gives a reason for "{name}", which the cases have')


def _by_worker(exercise: Exercise, worker: Worker | None) -> Iterator[Finding]:
    """The same verdict must come from the process that a learner's answer is judged in."""
    if worker is None:
        return
    spoiled = f"{exercise.solution}\n\n\n_right = {exercise.function}\n\n\n"
    spoiled += f"def {exercise.function}(*args, **kwargs):\n    _right(*args, **kwargs)\n"
    for what, source, wanted in (
        ("solution", exercise.solution, {"passed"}),
        ("answer None", spoiled, {"failed", "error"}),
    ):
        if source is spoiled and "none" in exercise.cannot:
            continue
        verdict = worker.check(exercise, source)
        if verdict.status not in wanted:
            yield Finding("worker", f"in the worker the {what} is {verdict.status}: {verdict.message}")


def _speed(exercise: Exercise, made: checking.Check, budget: float) -> Iterator[Finding]:
    begun = time.process_time()
    checking.check(exercise, exercise.solution, prepared=made)
    taken = time.process_time() - begun
    if taken > budget:
        yield Finding("slow", f"the check takes {taken:.2f} s of CPU, and may take {budget:g} s", taken > 2 * budget)


def _defined(source: str) -> list[str]:
    return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]


def main(names: list[str]) -> int:
    """Print the findings on the named exercises, or on all of them; return 1 if there is an error among them."""
    failed = False
    with Worker() as worker:
        for name in names or exercises.all_exercise_ids():
            findings = audit(name, worker=worker)
            failed |= any(finding.error for finding in findings)
            print(f"{name}: {'good' if not findings else ''}")
            for finding in findings:
                print(f"  {finding}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
