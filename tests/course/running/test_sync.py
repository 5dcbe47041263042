"""Lessons follow the library and the exercises, and nothing else on the page moves."""

from pathlib import Path

import pytest

from dlstudy.course import engine
from dlstudy.course.content.exercises import load_exercise
from dlstudy.course.content.lessonfile import LessonError, LessonFile
from dlstudy.course.running import sync

EXERCISE = """
title = "Double"
level = "core"
kind = "signature"
order = 1
source = "solution.py:double"
task = "Double it."
hints = ["one", "two", "three"]
explanation = "Twice."
[[wrong]]
id = "same"
find = "2 * x"
replace = "x"
hint = "Is that twice?"
"""
PAGE = """---
title: T
number: 1
needs: []
code: none
marimo-version: 0.25.2
---

# T

```python
# source: dlstudy.course.content.lessonfile:LessonFile.cell
old = 1
```

### Exercise 1

An old task that has to go.

```python {.marimo name="exercise_double"}
def double(x):
    return 2 * x  # the author's own trial
```

```python {.marimo name="other" hide_code="true"}
y = 1
```
"""


@pytest.fixture
def exercises(tmp_path: Path) -> Path:
    folder = tmp_path / "exercises" / "01" / "double"
    folder.mkdir(parents=True)
    (folder / "exercise.toml").write_text(EXERCISE, encoding="utf-8")
    (folder / "solution.py").write_text(
        'def double(x):\n    """Return twice x."""\n    return 2 * x\n', encoding="utf-8"
    )
    return tmp_path / "exercises"


def test_blocks_stubs_and_layout_are_brought_into_step(exercises: Path) -> None:
    text = sync.synced(PAGE, Path("01_T.md"), exercises)
    page = LessonFile.parse(text, Path("01_T.md"))
    block = page.library_blocks[0].code
    assert block.startswith("def cell(self, name: str) -> Cell:\n    '''Return the cell called `name`.")
    assert "old = 1" not in block
    answer = page.cell("exercise_double").code
    assert "2 * x" not in answer
    assert answer.startswith('def double(x):\n    """Return twice x."""')
    assert page.cell("other").code == "y = 1"
    assert page.front["needs"] == "none"
    assert sync.synced(text, Path("01_T.md"), exercises) == text == engine.saved_text(text)


def test_the_task_stands_between_the_heading_and_the_answer_cell(exercises: Path) -> None:
    page = LessonFile.parse(sync.synced(PAGE, Path("01_T.md"), exercises), Path("01_T.md"))
    cell = page.cell("exercise_double")
    heading = max(section.line for section in page.sections if section.line < cell.start_line)
    between = "\n".join(text for line, text in page.prose if heading < line < cell.start_line)
    assert between.strip() == load_exercise("01/double", exercises).task.strip()


def test_a_task_without_a_heading_of_its_own_is_refused_rather_than_eat_a_cell(exercises: Path) -> None:
    broken = PAGE.replace(
        '```python {.marimo name="exercise_double"}',
        '```python {.marimo name="a"}\n1\n```\n\n```python {.marimo name="exercise_double"}',
    )
    with pytest.raises(LessonError, match="expected a heading right above"):
        sync.synced(broken, Path("01_T.md"), exercises)


def test_a_block_of_something_that_is_gone_is_refused(exercises: Path) -> None:
    with pytest.raises(LessonError, match="nothing called vanished"):
        sync.synced(PAGE.replace("LessonFile.cell", "vanished"), Path("01_T.md"), exercises)


def test_source_with_both_kinds_of_quotes_is_refused() -> None:
    assert sync.shown('def f():\n    """Doc."""\n') == "def f():\n    '''Doc.'''"
    with pytest.raises(LessonError, match="both kinds"):
        sync.shown("'''" + '"""')


def test_check_tells_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], exercises: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlstudy.course.content.paths.content_root", lambda: tmp_path)
    (tmp_path / "lessons").mkdir()
    path = tmp_path / "lessons" / "01_T.md"
    path.write_text(PAGE, encoding="utf-8")
    assert sync.main(["--check"]) == 1
    assert path.read_text(encoding="utf-8") == PAGE
    shown = capsys.readouterr().err
    assert "01_T.md: out of step" in shown
    assert "-old = 1" in shown
    assert sync.main([]) == 0
    assert path.read_text(encoding="utf-8") == sync.synced(PAGE, path, exercises)
    assert sync.main(["--check", str(path)]) == 0
    path.write_text("---\nbroken", encoding="utf-8")
    assert sync.main(["--check"]) == 2
    assert "the front matter is never closed" in capsys.readouterr().err
