"""Every lesson as a notebook, run from top to bottom without the page engine and without the network."""

import html
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from dlstudy.course.content import paths
from dlstudy.course.content.exercises import exercise_ids, load_exercise
from dlstudy.course.content.lessonfile import LessonFile
from dlstudy.course.page import notebook
from dlstudy.course.running.runner import parts_of, solved_text
from tests.proofs import note

pytestmark = [pytest.mark.lessons, pytest.mark.timeout(1800)]
PAGES = sorted(paths.lessons_folder().glob("0*.md"))
FIRST = PAGES[1]
# What the home page says of all lessons: only the overview's notebook reads it.
APART = ("roadmap.toml",)
EACH = [
    pytest.param(path, id=path.stem, marks=pytest.mark.proof(page="path", apart=() if path is PAGES[0] else APART))
    for path in PAGES
]


def execute(page: LessonFile, folder: Path) -> Any:
    """The notebook of a page after it has run; the learner's folder is a throwaway."""
    before, after = folder / "before.ipynb", folder / "after.ipynb"
    notebook.write(page, before)
    environment = {
        **os.environ,
        "DLSTUDY_LEARNER": str(folder / "learner"),
        "HOME": str(folder),
        "USERPROFILE": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "tests.lessons.notebook_run", str(before), str(after), str(folder / "helpers")]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return nbformat.read(after, as_version=4)


def outputs(content: Any) -> dict[str, str]:
    """What each named cell shows as HTML or text; fails at the first error or warning of any cell."""
    shown = {}
    for cell in content.cells:
        if cell.cell_type != "code":
            continue
        name = cell.metadata.get("name", cell.source[:60])
        for output in cell.outputs:
            assert output.output_type != "error", f"{name}: {output.ename}: {output.evalue}"
            # said once, where the first drawing of a fresh home takes more than five seconds
            said = output.get("text", "").replace(
                "Matplotlib is building the font cache; this may take a moment.\n", ""
            )
            assert output.get("name") != "stderr" or not said, f"{name}: {output.text}"
        assert cell.execution_count, f"{name} has not run"
        bundles = [output.data for output in cell.outputs if "data" in output]
        shown[name] = html.unescape("\n".join(data.get("text/html", data.get("text/plain", "")) for data in bundles))
    return shown


@pytest.mark.parametrize("path", EACH)
def test_a_solved_lesson_runs_as_a_notebook_and_every_check_passes(path: Path, tmp_path: Path) -> None:
    shutil.copytree(path.parent, tmp_path / "lessons")
    solved = tmp_path / "lessons" / path.name
    page = LessonFile.read(solved)
    page.write(solved_text(page))
    page = LessonFile.read(solved)
    shown = outputs(execute(page, tmp_path))
    for name in exercise_ids(path.name[:2]):
        exercise = load_exercise(name)
        assert f"{exercise.title}: Right" in shown[exercise.cell_name.replace("exercise_", "check_", 1)]
    for event, ids in parts_of(page).items():
        assert ids or path.name.startswith("00"), f"the page has no {event}"
    assert not [name for name, text in shown.items() if "This runs once" in text]
    note(cells_run=len(shown), checks_passed=len(exercise_ids(path.name[:2])))


@pytest.mark.proof(page=FIRST, apart=APART)
def test_as_handed_out_nothing_fails_and_what_needs_answers_says_so(tmp_path: Path) -> None:
    content = execute(LessonFile.read(FIRST), tmp_path)
    shown = outputs(content)
    exercises = [load_exercise(name) for name in exercise_ids(FIRST.name[:2])]
    checks = [shown[exercise.cell_name.replace("exercise_", "check_", 1)] for exercise in exercises]
    for exercise, text in zip(exercises, checks):
        assert f"{exercise.title}: Not done yet" in text
        assert "<summary>Hint 3</summary>" in text
    guarded = [cell for cell in content.cells if cell.source.startswith("%%when_solved")]
    assert guarded
    for cell in guarded:
        assert "This runs once these exercises above are solved" in shown[cell.metadata.name]
    figures = [text for text in shown.values() if "A figure to play with" in text]
    assert len(figures) >= 4
    widgets = [out for cell in content.cells for out in cell.get("outputs", []) if "data" in out]
    assert sum("application/vnd.jupyter.widget-view+json" in out.data for out in widgets) > len(figures) + len(checks)
    note(cells_run=len(shown), checks_waiting=len(checks), figures=len(figures))
