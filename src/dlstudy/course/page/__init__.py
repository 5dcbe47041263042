"""What a lesson's cells call: checks, quiz, predictions, buttons. One `Page` per lesson, thin around the cards.

Two environment variables change it for the suite, which runs every page twice. With DLSTUDY_RUN=opened a page is as a
newcomer finds it; with DLSTUDY_RUN=worked every prediction is made, every question answered and every button pressed.
In both, DLSTUDY_RUN_LOG names a file that gets one JSON line per check. Experiments are measured in a worked run, but
for those that DLSTUDY_TAKEN names: their record belongs to their code (`course.running.provenance`) and stands for the
result. DLSTUDY_RECORD names what is to be written down, or is "all". Names are separated by commas.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache, cached_property
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import marimo as mo

from dlstudy.course import engine
from dlstudy.course.checking.answers import source_of, without_docstrings
from dlstudy.course.content import paths
from dlstudy.course.content.exercises import Exercise, load_exercise
from dlstudy.course.content.lessonfile import LessonFile
from dlstudy.course.content.prose import options_of, sentence_html, to_html
from dlstudy.course.content.questions import Prediction, Question, SelfTest, read_predictions, read_quiz, read_selftest
from dlstudy.course.learner.progress import Progress
from dlstudy.course.page.cards import (
    HEADLINES,
    JUST_SHOW_ME,
    ExerciseCard,
    PredictCard,
    QuizCard,
    SelfTestCard,
    note,
    recommend,
    rows_of,
)

if TYPE_CHECKING:
    from dlstudy.course.checking.verdict import Verdict
    from dlstudy.course.checking.worker import Worker

T = TypeVar("T")

engine.markdown_in_folds()  # here, since a page imports this module before any of its prose is rendered


@cache
def _shared_worker(root: Path) -> Worker:
    """One worker for all pages of this process that have their exercises in `root`."""
    from dlstudy.course.checking.worker import Worker

    return Worker(root=root)


class Page:
    """The lesson with this number, for the cells of its page.

    `content` is the folder that holds `exercises/`, `learner` the learner's folder; both are found by themselves.
    """

    def __init__(self, number: int, *, content: Path | None = None, learner: Path | None = None, worker: Any = None):
        self.number = number
        self.lesson = f"{number:02d}"
        self.mode = os.environ.get("DLSTUDY_RUN", "")
        self._exercises = (content or paths.content_root()) / "exercises"
        self._learner = learner or paths.learner_folder()
        self._worker = worker or _shared_worker(self._exercises)
        self._worker.warm()  # while the learner still reads the first lines
        self.progress = Progress(paths.progress_file(self._learner))
        self.progress.visit(self.lesson)

    @property
    def worked(self) -> bool:
        """Whether the suite runs this page with everything answered and pressed."""
        return self.mode == "worked"

    # ---- exercises ----------------------------------------------------------------------------------------------

    def check(self, slug: str, answer: Any) -> ExerciseCard:
        """Check `answer`, a function or class, as exercise `slug` of this lesson, record the try and show the card.

        `answer` may also be a lambda that returns it, `lambda: flat_index`: then a cell that does not define it,
        because of a syntax error or another name, gets a card that says so, where the bare name is a NameError.
        Raises ExerciseError when the lesson has no such exercise.
        """
        exercise = load_exercise(f"{self.lesson}/{slug}", self._exercises)
        if getattr(answer, "__name__", "") == "<lambda>" and not signature(answer).parameters:
            try:
                answer = answer()
            except NameError as error:
                return self._card(exercise, _missing(error.name or exercise.function), "")
        source = self._source(answer, exercise)
        verdict = self._worker.check(exercise, answer, source)
        self._log(exercise, verdict)
        self.progress.record_check(exercise.id, verdict, source)
        return self._card(exercise, verdict, source)

    def _card(self, exercise: Exercise, verdict: Verdict, source: str) -> ExerciseCard:
        key = exercise.id

        def solution() -> dict[str, str]:
            return {
                "source": without_docstrings(exercise.solution),
                "explanation": to_html(exercise.explanation),
                "yours": without_docstrings(source) if verdict.passed else "",
            }

        def open_solution(gave_up: bool) -> dict[str, str] | None:
            if not (gave_up or self.progress.exercise(key).may_see_solution):
                return None
            self.progress.open_solution(key, gave_up)
            return solution()

        tone, icon, headline = HEADLINES[verdict.status]
        standing = self.progress.exercise(key)
        data = {
            "id": key,
            "title": exercise.title,
            "level": exercise.level,
            "status": verdict.status,
            "tone": tone,
            "icon": icon,
            "headline": headline,
            "message": sentence_html(verdict.message),
            "rows": rows_of(verdict),
            "hint": to_html(verdict.hint),
            "picture": verdict.picture_svg,
            "hints": [to_html(text) for text in exercise.hints],
            "opened": standing.hints,
            "attempts": standing.attempts,
            "passed_before": standing.passed,
            "may_show": standing.may_see_solution,
            "solution": solution() if verdict.passed or standing.solution_opened else None,
            "problem": self.progress.problem,
        }
        return ExerciseCard(data, open_hint=lambda n: self.progress.open_hint(key, n), open_solution=open_solution)

    def _source(self, answer: Any, exercise: Exercise) -> str:
        """The text that the learner wrote: from the running cell, else from the page as it was saved last."""
        if source := source_of(answer):
            return source
        for file in sorted(self._learner.glob(f"{self.lesson}_*.md")):
            for cell in LessonFile.read(file).cells:
                if cell.name == exercise.cell_name:
                    return cell.code
        return ""

    def _log(self, exercise: Exercise, verdict: Verdict) -> None:
        if self.mode and (log := os.environ.get("DLSTUDY_RUN_LOG")):
            line = {"event": "check", "exercise": exercise.id, **asdict(verdict)}
            with open(log, "a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def when_solved(self, *cards: ExerciseCard) -> None:
        """Go on with this cell only when the answers that these cards checked are right; until then name the open ones.

        What stands below uses the learner's own functions, so it is the answer on the page that counts, now, and not
        one that was right on another day.
        """
        waiting = [f"<em>{html.escape(card.data['title'])}</em>" for card in cards if not card.passed]
        if waiting:
            named = " and ".join(filter(None, [", ".join(waiting[:-1]), waiting[-1]]))
            words = f"once the exercise {named} is" if len(waiting) == 1 else f"once the exercises {named} are"
            mo.stop(True, mo.Html(note(f"This runs {words} solved.", icon="○")))

    # ---- quiz and self-test ----------------------------------------------------------------------------------------

    @cached_property
    def _questions(self) -> dict[str, Question]:
        return {question.id: question for question in read_quiz(self.lesson, self._exercises)}

    @cached_property
    def _predictions(self) -> dict[str, Prediction]:
        return {prediction.id: prediction for prediction in read_predictions(self.lesson, self._exercises)}

    def _entry(self, entries: Mapping[str, T], key: str, name: str) -> T:
        if key not in entries:
            known = ", ".join(entries) or "nothing"
            raise KeyError(f'there is no "{key}" in exercises/{self.lesson}/{name}; it holds {known}')
        return entries[key]

    def quiz(self, key: str) -> QuizCard:
        """Show question `key` of `exercises/NN/quiz.toml`; the answer is recorded and explained.

        Raises KeyError when there is no such question.
        """
        question = self._entry(self._questions, key, "quiz.toml")
        options = options_of(question)
        if self.worked:
            self.progress.record_quiz(self.lesson, key, question.right, True)
        choice = self.progress.quiz_answer(self.lesson, key)
        return QuizCard(
            {
                "id": key,
                "question": to_html(question.question, inline=True),
                "options": options,
                "problem": self.progress.problem,
            },
            choice=choice if choice in {option["id"] for option in options} else None,
            answered=lambda option, correct: self.progress.record_quiz(self.lesson, key, option, correct),
        )

    def selftest(self) -> SelfTestCard:
        """Show the questions of `exercises/NN/selftest.toml` on one form, and recommend where to start.

        Raises ExerciseError when the lesson has none.
        """
        facts = read_selftest(self.lesson, self._exercises)
        questions: list[dict[str, Any]] = [
            {
                "id": entry.id,
                "question": to_html(entry.question, inline=True),
                "options": options_of(entry),
                "lesson": entry.lesson,
                "why": to_html(entry.why),
            }
            for entry in facts.questions
        ]

        def result(answers: Mapping[str, str]) -> dict[str, str]:
            return self._advice(facts, recommend(questions, answers))

        def answered(answers: Mapping[str, str]) -> dict[str, str]:
            for question in questions:
                option = answers.get(question["id"], "")
                correct = any(known["correct"] for known in question["options"] if known["id"] == option)
                self.progress.record_quiz(self.lesson, question["id"], option, correct)
            return result(answers)

        if self.worked:
            answered({entry.id: entry.right for entry in facts.questions})
        before = {q["id"]: self.progress.quiz_answer(self.lesson, q["id"]) for q in questions}
        answers = {key: option for key, option in before.items() if option}
        done = any(option is not None for option in before.values())
        return SelfTestCard(
            {
                "title": facts.title,
                "questions": questions,
                "answers": answers,
                "result": result(answers) if done else None,
                "problem": self.progress.problem,
            },
            answered=answered,
        )

    def _advice(self, facts: SelfTest, found: Mapping[str, Any]) -> dict[str, str]:
        from dlstudy.course.content import catalogue

        lessons = {lesson.number: lesson for lesson in catalogue.load().lessons}
        names = {number: f"{lesson.id} {lesson.title}" for number, lesson in lessons.items()}
        headline = f"{found['right']} of {found['total']} right. "
        advice = [facts.before] if found["before"] else []
        start = found["start"]
        if start is not None:
            headline += f"Start with {names.get(start, start)}."
            if start in lessons and not lessons[start].written:
                advice.append(
                    f"Lesson {lessons[start].id} is planned and not written yet; until it is, read {names[1]}."
                )
            later = [names.get(number, str(number)) for number in found["missed"][1:]]
            if later:
                advice.append("What else you missed is taught in: " + "; ".join(later) + ".")
        elif found["before"]:
            headline += f"Brush up first, then start with {names[1]}."
        else:
            headline += "Start where you like."
            advice.append(facts.all_right)
        return {"headline": headline, "advice": to_html("\n\n".join(advice))}

    # ---- predictions and buttons ----------------------------------------------------------------------------------

    def predict(self, key: str) -> Any:
        """Ask prediction `key` of `exercises/NN/predictions.toml`; cells that use it run again when it is made.

        Raises KeyError when there is no such prediction.
        """
        entry = self._entry(self._predictions, key, "predictions.toml")
        options = [{"id": o.id, "text": to_html(o.text, inline=True)} for o in entry.options]
        ids = {option["id"] for option in options} | {JUST_SHOW_ME}
        if self.worked:
            self.progress.record_prediction(self.lesson, key, entry.answer or entry.options[0].id)
        choice = self.progress.prediction(self.lesson, key)
        card = PredictCard(
            {
                "id": key,
                "question": to_html(entry.question, inline=True),
                "options": options,
                "skip": JUST_SHOW_ME,
                "answer_checked": entry.answer,
                "problem": self.progress.problem,
            },
            choice=choice if choice in ids else None,
            predicted=lambda option: self.progress.record_prediction(self.lesson, key, option),
        )
        return mo.ui.anywidget(card)

    def reveal(self, prediction: Any) -> None:
        """Go on with this cell only when the prediction has been made."""
        waiting = mo.Html(note("The result appears here once you have said what you expect."))
        mo.stop(not prediction.choice, waiting)

    def verdict(self, prediction: Any, measured: str) -> mo.Html:
        """Put the learner's prediction beside `measured`, the id of the option that the experiment came out with.

        In the suite's runs a result other than the `answer` in the file is an AssertionError: the page would be wrong.
        """
        came = prediction.text_of(measured)
        expected = prediction.data["answer_checked"]
        if self.mode and expected and measured != expected:
            raise AssertionError(f'"{prediction.data["id"]}" came out as {measured}, the page says {expected}')
        choice, more = prediction.choice, ""
        if not choice or choice == JUST_SHOW_ME:
            tone, icon, words = "plain", "→", "You looked first."
        elif choice == measured:
            tone, icon, words = "good", "✓", f"You expected: {prediction.text_of(choice)}."
        else:
            tone, icon, words = "bad", "✗", f"You expected: {prediction.text_of(choice)}."
            more = " Open <em>What happened, and why</em> below."
        return mo.Html(note(f"{words} <strong>Measured here: {came}.</strong>{more}", tone, icon))

    def button(self, label: str) -> Any:
        """Return a button that starts what takes longer than a second; give it to `wait_for` in the next cell."""
        return mo.ui.run_button(label=label)

    def wait_for(self, button: Any, instead: Any = None) -> None:
        """Go on with this cell only when `button` has been pressed; until then show `instead`, a recorded figure."""
        if instead is None:
            instead = mo.Html(note("Press the button above to run this."))
        mo.stop(not (self.worked or button.value), instead)

    def compare(
        self, numpy_twin: Callable[[], Any], torch_twin: Callable[[], Any], *, name: str = "", **options: Any
    ) -> Any:
        """Measure two twins in one run and draw time, memory and lines of code; see `twins.compare`.

        With a `name`, `python -m dlstudy.course.running.record NN` writes the result down for `recorded`.
        """
        from dlstudy.course.measuring import twins

        found = twins.compare(numpy_twin, torch_twin, **options)
        if name and _named_in("DLSTUDY_RECORD", name):
            twins.save(found, self._recording(name))
        return found

    def recorded(self, name: str) -> Any:
        """Return the comparison called `name` that ships with the course, to show until the learner makes their own."""
        from dlstudy.course.measuring import twins

        file = self._recording(name)
        return twins.load(file) if file.is_file() else None

    def experiment(self, name: str, measure: Callable[[], Any], *, uses: Sequence[Any] = ()) -> Any:
        """Show a long measurement as it was recorded, with a button that runs it here; see `experiment.Measure`.

        `measure` yields how much is done, from 0 to 1, and returns what JSON can hold. Cells that use the card run
        again when it is finished; `result` gives them what there is. What was measured here is kept until the code
        changes: that of `measure` and its module, and of the page's functions named in `uses`.
        `python -m dlstudy.course.running.record NN` writes the result down for everybody.
        """
        from importlib.metadata import version

        from dlstudy.course.page.experiment import Experiment, cache_name

        versions = [f"{package} {version(package)}" for package in ("numpy", "torch")]
        cache = paths.state_folder(self._learner) / "cache" / "experiments"
        cache /= cache_name(self.number, name, (measure, *uses), versions)
        card = Experiment(name, measure, recorded=self._recording(name), cache=cache)
        if self.worked and not _named_in("DLSTUDY_TAKEN", name):
            card.run()
            if _named_in("DLSTUDY_RECORD", name):
                card.record()
        return mo.ui.anywidget(card)

    def result(self, experiment: Any) -> Any:
        """Return what an experiment has found; without any, stop this cell until there is something."""
        waiting = mo.Html(note("Nothing is recorded here yet. Press the button above to measure it."))
        mo.stop(experiment.result is None, waiting)
        return experiment.result

    def shipped(self, experiment: Any) -> Any:
        """Return what ships with the course as an experiment's result, where the page itself measures only a part."""
        waiting = mo.Html(note("Nothing is recorded here yet."))
        mo.stop(experiment.shipped is None, waiting)
        return experiment.shipped

    def _recording(self, name: str) -> Path:
        return self._exercises / self.lesson / "recorded" / f"{name}.json"


def _named_in(variable: str, name: str) -> bool:
    """Whether an environment variable of the suite names this experiment or comparison, or all of them."""
    names = os.environ.get(variable, "").split(",")
    return name in names or "all" in names


def _missing(name: str) -> Verdict:
    from dlstudy.course.checking.verdict import Verdict

    return Verdict(
        "not-yet",
        f"There is no `{name}` to check. If the cell above shows an error, mend that first; and the name has to stay "
        "as it is.",
    )
