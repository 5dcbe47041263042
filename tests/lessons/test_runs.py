"""Every page in lessons/, run as its reader would: once as handed out, once with everything done.

What a page measures in its experiments is measured when it is their turn, when asked (`--live`) and when the recording
belongs to other code; else the recording stands for the result, and the page's claims are held against that.
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from dlstudy.course.content import paths
from dlstudy.course.running.runner import MODES, Mode, run_lesson
from tests.proofs.experiments import Plan

PAGES = sorted(paths.lessons_folder().glob("*.md"))


class OverBudget(UserWarning):
    """A page took more CPU time than its budget, but less than twice as much."""


@pytest.mark.lessons
@pytest.mark.filterwarnings("default::tests.lessons.test_runs.OverBudget")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
def test_page(path: Path, mode: Mode, experiments: Callable[[Path], Plan]) -> None:
    plan = experiments(path) if mode == "worked" else Plan()
    result = run_lesson(path, mode, taken=plan.taken)
    assert not result.problems, "\n".join(["", *result.problems, "", "The page printed last:", result.output[-1500:]])
    for sentence in result.warnings:
        warnings.warn(f"{path.stem}, {mode}: {sentence}", OverBudget, stacklevel=1)
    wrong = "".join(f"\n  {sentence}" for sentence in plan.stale)
    assert not wrong, (
        f"The page holds, but these recordings have to be renewed in the same change, by "
        f"`python -m dlstudy.course.running.record {path.name[:2]} --renew`:{wrong}"
    )
