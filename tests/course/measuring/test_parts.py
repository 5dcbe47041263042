"""The settings of an experiment that is recorded whole and run live in part."""

import pytest

from dlstudy.course.measuring.parts import plan


def test_the_plan_is_the_whole_only_while_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLSTUDY_RECORD", raising=False)
    assert plan({"n": 3}, {"n": 1}) == {"n": 1}
    monkeypatch.setenv("DLSTUDY_RECORD", "all")
    assert plan({"n": 3}, {"n": 1}) == {"n": 3}
