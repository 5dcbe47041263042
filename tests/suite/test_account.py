"""The account of a small run, figure by figure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.suite.account import (
    Run,
    Stage,
    account,
    as_markdown,
    by_lesson,
    figures_of,
    keep,
    last_run,
    lesson_of,
    mean_of_lessons,
    room,
)

TESTS = {
    "tests/lessons/test_runs.py::test_page[01_Tensors_and_Autograd-worked]": 40.0,
    "tests/lessons/lesson01/test_strides.py::test_a": 2.0,
    "tests/exercises/test_audit.py::test_sound[02/softmax]": 20.04,
    "tests/lessons/test_pages.py::test_parts[00_Overview]": 3.0,
    "tests/exercises/test_checking.py::test_made_up[90/means]": 7.0,
    "tests/models/test_counting.py::test_it[resnet18]": 0.05,
}


def small_run(command: str = "make test") -> Run:
    stages = [Stage("fast tests", 30.0, 50.0, True, {"passed": 5}), Stage("browser tests", 20.0, 22.5)]
    return Run(command, stages, TESTS)


@pytest.mark.parametrize(
    ("test", "lesson"),
    [
        ("tests/lessons/lesson07/test_lesson07_browser.py::test_slider", "07"),
        ("tests/lessons/test_runs.py::test_page[05_CNN_Basics.md-worked]", "05"),
        ("tests/lessons/test_runs.py::test_page[worked-05_CNN_Basics]", "05"),
        ("tests/exercises/test_audit.py::test_sound[10/attention]", "10"),
        ("tests/scratch/test_losses.py::test_it[10-0.5]", None),
        ("tests/models/test_counting.py::test_it[efficientnet_b7]", None),
    ],
)
def test_a_test_names_its_lesson(test: str, lesson: str | None) -> None:
    assert lesson_of(test) == lesson


def test_every_lesson_has_its_sum_and_the_overview_is_no_lesson() -> None:
    lessons = by_lesson(TESTS)
    assert lessons == {"00": 3.0, "01": 42.0, "02": 20.04, "90": 7.0}
    assert mean_of_lessons(lessons) == pytest.approx(31.02)
    assert mean_of_lessons({}) == 0.0


def test_what_fits_is_counted_from_the_cores_time() -> None:
    assert room(cpu=240.0, mean=100.0) == 30  # 1800 s on 2 cores, busy 90 % of the time, are 3240
    assert room(cpu=9999.0, mean=100.0) == 0
    assert room(cpu=0.0, mean=0.0) == 0


def test_the_account_says_what_the_run_was(tmp_path: Path) -> None:
    said = account(small_run(), {"date": "2026-12-01"}, {})
    assert said["cpu"] == 72.5
    assert next(iter(said["dearest"])) == "tests/lessons/test_runs.py::test_page[01_Tensors_and_Autograd-worked]"
    assert said["mean of a lesson"] == 31.0
    assert said["longest"]["tests/exercises/test_audit.py::test_sound[02/softmax]"] == 20.0
    assert "tests/models/test_counting.py::test_it[resnet18]" not in said["longest"]
    text = as_markdown(said)
    assert "| fast tests | 5 | 30 | 50 |" in text
    assert "| browser tests |  | 20 | 22 |" in text
    assert "| 01 | 42 |" in text
    assert f"{said['more lessons that fit']} more fit into 30 minutes" in text


def test_what_came_from_its_record_keeps_its_place_until_all_is_proven_live() -> None:
    before = {"tests/models/test_counting.py::test_it[resnet18]": 60.0, "tests/test_gone.py::test_it": 99.0}
    kept = account(small_run(), {}, before)["longest"]
    assert kept["tests/models/test_counting.py::test_it[resnet18]"] == 60.0
    assert "tests/test_gone.py::test_it" not in kept
    live = account(small_run("make test --live"), {}, before)["longest"]
    assert "tests/models/test_counting.py::test_it[resnet18]" not in live


def test_a_run_is_kept_and_read_again(tmp_path: Path) -> None:
    run = small_run()
    keep(run.command, run.stages, tmp_path)
    figures = {"tests": {name: [cpu, 2 * cpu] for name, cpu in TESTS.items()}}
    figures_of("fast tests", tmp_path).write_text(json.dumps(figures), encoding="utf-8")
    assert last_run(tmp_path) == run
