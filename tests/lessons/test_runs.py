"""Every page in lessons/, run as its reader would: once as handed out, once with everything done."""

import warnings
from pathlib import Path

import pytest

from dlstudy.course.content import paths
from dlstudy.course.running.runner import MODES, Mode, run_lesson

PAGES = sorted(paths.lessons_folder().glob("*.md"))


class OverBudget(UserWarning):
    """A page took more CPU time than its budget, but less than twice as much."""


@pytest.mark.lessons
@pytest.mark.filterwarnings("default::tests.lessons.test_runs.OverBudget")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
def test_page(path: Path, mode: Mode) -> None:
    result = run_lesson(path, mode)
    assert not result.problems, "\n".join(["", *result.problems, "", "The page printed last:", result.output[-1500:]])
    for sentence in result.warnings:
        warnings.warn(f"{path.stem}, {mode}: {sentence}", OverBudget, stacklevel=1)
