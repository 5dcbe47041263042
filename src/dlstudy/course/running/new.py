"""Begin a lesson or an exercise: `python -m dlstudy.course.running.new NN [--exercise SLUG]` writes its empty frame.

A lesson's frame is its page (under the name that the roadmap binds it to, with front matter and all sections), its
files of questions, its package and its first test; what the roadmap had planned moves into the front matter. An
exercise's frame is its folder. Nothing that is there is overwritten. What is left to do is marked TO WRITE, and as long
as the mark stands somewhere, the suite and the audit name the place.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dlstudy.course.content import catalogue, paths
from dlstudy.course.content.exercises import UNWRITTEN, cell_name, exercise_ids
from dlstudy.course.content.lessonfile import LessonError
from dlstudy.course.running import sync

SECTIONS = (
    ("### Three questions to warm up", "three questions from the lessons that this one needs, answers folded."),
    ("### What you will be able to do", "three to five verbs, and the one picture that the lesson is about."),
    ("## 1. The problem · core", "a short experiment that fails without today's idea."),
    ("## 2. The idea · core", "a picture; the formula, every symbol with its shape; the code with the same names."),
    ("## 3. From scratch · core", "the learner's own version, built step by step, with its exercises."),
    ("## 4. The real thing · core", "the library's implementation for reading, and the proof as a small table."),
    ("## 5. Experiments · core", "predict, run, explain; each claim asserted in code."),
    ("## 6. Where it goes wrong · core", "three to five real mistakes, reproduced, each with its symptom."),
    ("## 7. Today · further", "what the field does instead, each change with its line of code."),
    ("## Check yourself", "five questions of quiz.toml, wrong options from real misconceptions."),
    ("## Summary", "what stays, what is open and what is next; a paper with three questions on one figure of it."),
)
"""The sections of a page in their order, and what each one holds."""

PAGE = """---
title: {title}
width: medium
number: {number}
stars: {stars}
track: {track}
minutes: {minutes}
needs: {needs}
code: none
budget: 20
---

# {title}

{unwritten}: what the lesson is about, in five sentences.

```python {{.marimo name="imports"}}
import marimo as mo

from dlstudy.course.page import Page

page = Page({number})
```

{sections}
"""

QUIZ = """# "Check yourself" of lesson {id}. Wrong options are misconceptions that learners really hold.
#
# [[question]]
# id = "same-strip"
# question = "Does `x` change?"
# options = [
#   {{ text = "Yes", why = "What the learner who thinks so has mixed up." }},
#   {{ text = "No", correct = true, why = "Right. Why." }},
# ]
"""

PREDICTIONS = """# Predictions that lesson {id} asks for before it shows an experiment. `answer` is what the page then
# measures; the page recomputes it each time and the suite fails when it comes out otherwise.
#
# [[prediction]]
# id = "smaller-nudge"
# question = "As the nudge gets smaller, the result…"
# answer = "worse"
# options = [
#   {{ id = "better", text = "gets closer and closer to the exact slope" }},
#   {{ id = "worse", text = "gets better at first, and then worse" }},
# ]
"""

PACKAGE = '''"""What lesson {id} measures and draws."""
'''

TESTS = '''"""What lesson {id} measures and draws is right."""

import re

from dlstudy.course.content import paths
from dlstudy.course.content.lessonfile import LessonFile
from dlstudy.lessons import lesson{id}

PAGE = LessonFile.read(paths.lessons_folder() / "{file}")


def test_the_lesson_has_what_its_page_asks_for() -> None:
    asked = {{name for cell in PAGE.cells for name in re.findall(r"\\blesson{id}\\.(\\w+)", cell.code)}}
    assert asked <= set(dir(lesson{id}))
'''

EXERCISE = """title = "{title}"
level = "core"
kind = "body"
order = {order}
source = "solution.py:{function}"
uses = ["import torch"]
task = "{unwritten}: what is to be written, with one example in numbers."
hints = []  # three, opened one by one
explanation = "{unwritten}: why it is so, for a learner who has passed."

# Three mistakes at least, as edits of the solution, each with a hint that names the symptom and asks a question:
# [[wrong]]
# id = "forgets-the-mean"
# find = "total / len(x)"
# replace = "total"
# hint = "Twice as many rows, twice the result. Should that be so?"
"""

SOLUTION = '''import torch


def {function}(x):
    """{unwritten}: what it returns, with the shapes of what comes in and goes out."""
    return torch.as_tensor(x)
'''

CHECK = '''"""{unwritten}: what answers are held against: numbers by hand, PyTorch, a property, finite differences."""

from dlstudy.course.checking import Case


def cases(rng):
    return [Case("a first case", 1.0, expected=1.0)]  # three at least; values, never shapes alone, never zeros
'''


class CannotBegin(ValueError):
    """A frame cannot be written; the message says why, and nothing has been written."""


def lesson_frame(lesson: catalogue.Lesson, root: Path) -> dict[Path, str]:
    """Return the files of the frame of `lesson` in the checkout `root`, each with its text."""
    names = {"id": lesson.id, "file": lesson.file}
    sections = "\n\n".join(f"{heading}\n\n{UNWRITTEN}: {what}" for heading, what in SECTIONS)
    page = PAGE.format(
        title=lesson.title,
        number=lesson.number,
        stars=lesson.stars,
        track=lesson.track,
        minutes=lesson.minutes,
        needs=", ".join(map(str, lesson.needs)) or "none",
        unwritten=UNWRITTEN,
        sections=sections,
    )
    exercises, name = root / "exercises", f"lesson{lesson.id}"
    path = root / "lessons" / lesson.file
    return {
        path: sync.synced(page, path, exercises),
        exercises / lesson.id / "quiz.toml": QUIZ.format(**names),
        exercises / lesson.id / "predictions.toml": PREDICTIONS.format(**names),
        root / "src" / "dlstudy" / "lessons" / name / "__init__.py": PACKAGE.format(**names),
        root / "tests" / "lessons" / name / "__init__.py": "",
        root / "tests" / "lessons" / name / f"test_{name}.py": TESTS.format(**names),
    }


def exercise_frame(lesson: catalogue.Lesson, slug: str, root: Path) -> dict[Path, str]:
    """Return the files of the frame of an exercise in the checkout `root`, each with its text."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug):
        raise CannotBegin(f"An exercise is named in small letters and hyphens, like flat-index, and not {slug!r}.")
    folder = root / "exercises" / lesson.id / slug
    names = {
        "title": slug.replace("-", " ").capitalize(),
        "function": slug.replace("-", "_"),
        "order": len(exercise_ids(lesson.id, root / "exercises")) + 1,
        "unwritten": UNWRITTEN,
    }
    texts = {"exercise.toml": EXERCISE, "solution.py": SOLUTION, "check.py": CHECK}
    return {folder / name: text.format(**names) for name, text in texts.items()}


def write(frame: Mapping[Path, str], root: Path) -> None:
    """Write the files of a frame.

    Raises CannotBegin: one of them is there already, or `root` is no checkout.
    """
    if not (root / "src" / "dlstudy" / "lessons").is_dir():
        raise CannotBegin(f"Lessons are begun in a checkout of the repository, and {root} is none.")
    if there := [path.relative_to(root).as_posix() for path in frame if path.exists()]:
        raise CannotBegin(f"Nothing has been written, since this is there already: {', '.join(there)}")
    for path, text in frame.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"wrote {path.relative_to(root).as_posix()}")


def forget_plan(lesson: catalogue.Lesson, roadmap: Path) -> None:
    """Take out of the file `roadmap` what the page of `lesson` tells from now on."""
    head, name, rest = roadmap.read_text(encoding="utf-8").partition(f'file = "{lesson.file}"\n')
    own, gap, others = rest.partition("\n[")
    told = "|".join(catalogue.OF_THE_PAGE)
    own = re.sub(rf"(?m)^({told}) = .*\n", "", own + "\n").removesuffix("\n")
    roadmap.write_text(head + name + own + gap + others, encoding="utf-8", newline="\n")
    print(f"took out of {roadmap.name} what the page tells: {', '.join(catalogue.OF_THE_PAGE)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the frame that was asked for and say what is left to do; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m dlstudy.course.running.new", description="Write the empty frame of a lesson or an exercise."
    )
    parser.add_argument("lesson", help="number or name of the lesson")
    parser.add_argument("--exercise", metavar="SLUG", help="begin an exercise of that lesson, like flat-index")
    options = parser.parse_args(arguments)
    root = paths.content_root()
    try:
        lesson = catalogue.load(root).find(options.lesson)
        if options.exercise is None:
            write(lesson_frame(lesson, root), root)
            forget_plan(lesson, root / "src" / "dlstudy" / "course" / "content" / "roadmap.toml")
            print(_next_for_lesson(lesson))
        else:
            write(exercise_frame(lesson, options.exercise, root), root)
            print(_next_for_exercise(lesson, options.exercise))
    except (CannotBegin, LessonError, catalogue.UnknownLesson) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _next_for_lesson(lesson: catalogue.Lesson) -> str:
    return f"""
Next:
  dlstudy run {lesson.id} --opened                    the page as it is runs
  python -m dlstudy.course.running.new {lesson.id} --exercise SLUG
  python -m dlstudy.course.running.sync           after every change of an exercise or of shown library code
  python -m tests.rules.readme_table --write      the lesson is a link in the README now
  lessons/00_Overview.md, lessons/Glossary.md     the same by hand; tests/lessons/lesson00 names the lines
  search for {UNWRITTEN}: until none is left, tests/lessons/test_pages.py names the places"""


def _next_for_exercise(lesson: catalogue.Lesson, slug: str) -> str:
    cell, function = cell_name(slug), slug.replace("-", "_")
    return f"""
Put this on the page, under a heading of its own; sync fills in task and starting text:

```python {{.marimo name="{cell}"}}
```

```python {{.marimo name="{cell.replace("exercise_", "check_", 1)}" hide_code="true"}}
page.check("{slug}", lambda: {function})
```

Next:
  python -m dlstudy.course.running.sync
  python -m dlstudy.course.checking.audit {lesson.id}/{slug}     names what is still missing"""


if __name__ == "__main__":
    sys.exit(main())
