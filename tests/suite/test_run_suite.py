"""The closing table of a run, and what its stages measure."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import run_suite
from tests.suite.account import Stage

SPIN = "import time\nwhile time.process_time() < 0.3: pass"


def test_every_stage_stands_in_the_closing_table_with_its_tests() -> None:
    stages = [Stage("fast tests", 61.0, 118.0, True, {"passed": 5262, "skipped": 2}), Stage("browser tests", 20.0, 9.0)]
    text = run_suite.closing("test", stages, earlier=30.0)
    assert text.splitlines() == [
        "set-up                             30 s",
        "fast tests                         61 s     118 CPU s   5262 passed, 2 skipped",
        "browser tests                      20 s       9 CPU s   no result",
        "altogether                        111 s     127 CPU s   the limit is 5,400 s",
        "",
        "make test: all passed, 111 s",
    ]


def test_a_run_that_comes_near_the_limit_says_so() -> None:
    assert "WARNING" not in run_suite.closing("test", [Stage("slow", 2700.0, 1.0)])
    assert "WARNING: 46 of the 90 minutes" in run_suite.closing("test", [Stage("slow", 2700.0, 1.0)], earlier=60.0)


def test_what_failed_and_what_was_unsteady_stands_at_the_end() -> None:
    stages = [Stage("slow", 1.0, 1.0, False, {"failed": 1}), Stage("browser", 1.0, 1.0, note="UNSTEADY: some")]
    lines = run_suite.closing("test", stages).splitlines()
    assert lines[-1] == "make test: FAILED: slow, 2 s"
    assert any(line.endswith("UNSTEADY: some") for line in lines)


def test_a_stage_is_charged_for_its_processes(capsys: pytest.CaptureFixture[str]) -> None:
    def run(stage: Stage) -> bool:
        return subprocess.run([sys.executable, "-c", SPIN], check=False).returncode == 0

    stage = run_suite.run_stage("a stage of a test", run)
    assert stage.passed
    assert stage.cpu >= 0.25  # the system counts in hundredths
    assert "a stage of a test: " in capsys.readouterr().out


def test_children_may_keep_what_they_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("KEPT", "yes")
    environment = run_suite.environment()
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["KEPT"] == "yes"


def test_an_account_is_of_everything() -> None:
    with pytest.raises(SystemExit, match="make test ARGS=--account"):
        run_suite.main(["check", "--account"])


@pytest.mark.parametrize(("stage", "limited"), [("fast_tests", True), ("slow_tests", False)])
def test_only_the_fast_tests_have_a_limit_of_memory(monkeypatch: pytest.MonkeyPatch, stage: str, limited: bool) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(run_suite.subprocess, "run", run)
    assert getattr(run_suite, stage)(2, [], Stage("stage", 0.0, 0.0))
    pytests = [command for command in commands if "pytest" in command]
    assert ["--memory-limit" in command for command in pytests] == [limited]
