"""A long measurement: runs in slices, stops, fails aloud, is kept for the next opening and recorded for everybody."""

import inspect
import json
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dlstudy.course.page import experiment
from dlstudy.course.page.experiment import Experiment, cache_name


def three_parts() -> Generator[float, None, dict[str, float]]:
    total = 0.0
    for part in range(3):
        total += part
        yield (part + 1) / 3
    return {"total": total}


def breaks() -> Generator[float, None, None]:
    yield 0.5
    raise ValueError("no digits there")


def make(folder: Path, measure: Any = three_parts) -> tuple[Experiment, list[Any]]:
    card = Experiment("sum", measure, recorded=folder / "recorded.json", cache=folder / "cache" / "sum.json")
    sent: list[Any] = []
    card.send = lambda content, buffers=None: sent.append(content)  # type: ignore[method-assign]
    return card, sent


def ask(card: Experiment, *wishes: str) -> None:
    for wish in wishes:
        card._asked(card, {"do": wish}, [])


def test_the_browser_asks_for_slices_until_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "SLICE", -1.0)  # every slice is over before it begins
    card, sent = make(tmp_path)
    assert card.result is None
    assert card.data["seconds"] is None
    ask(card, "start", "step", "step")
    assert [message["is"] for message in sent] == ["running"] * 3
    assert card.result is None
    monkeypatch.setattr(experiment, "SLICE", 60.0)
    ask(card, "step")
    assert sent[-1] == {"is": "finished"}
    assert card.result == {"total": 3.0}
    assert card.data["here"]
    again, _ = make(tmp_path)
    assert again.result == {"total": 3.0}, "a second opening shows what was measured"
    assert again.data["here"]


def test_progress_is_what_the_work_yields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(1000))
    monkeypatch.setattr(experiment.time, "perf_counter", lambda: next(now) / 8)  # each look at the clock is 1/8 s later
    monkeypatch.setattr(experiment, "SLICE", 0.25)
    card, sent = make(tmp_path)
    ask(card, "start", "step")
    assert sent == [{"is": "running", "done": 0.0}, {"is": "running", "done": 1 / 3}]
    ask(card, "step")
    assert sent[-1] == {"is": "running", "done": 2 / 3}


def test_a_stopped_one_goes_no_further_and_keeps_the_old_result(tmp_path: Path) -> None:
    (tmp_path / "recorded.json").write_text(json.dumps({"result": 7, "seconds": 4.0, "machine": machine()}))
    card, sent = make(tmp_path)
    assert card.result == 7
    assert card.data["where"].startswith("Recorded on a processor with NumPy 2")
    ask(card, "start", "stop", "step")
    assert [message["is"] for message in sent] == ["running"]
    assert card.result == 7


def test_an_error_is_told_and_ends_it(tmp_path: Path) -> None:
    card, sent = make(tmp_path, breaks)
    ask(card, "start", "step", "step")
    assert sent[-1] == {"is": "failed", "words": "ValueError: no digits there"}
    assert card.result is None


def test_run_measures_at_once_and_record_writes_it_down(tmp_path: Path) -> None:
    card, _ = make(tmp_path)
    with pytest.raises(RuntimeError, match="measured before it is recorded"):
        card.record()
    assert card.run() == {"total": 3.0}
    assert card.shipped is None
    card.record()
    assert card.shipped == {"total": 3.0}
    (tmp_path / "cache" / "sum.json").unlink()
    other, _ = make(tmp_path)
    assert other.result == {"total": 3.0}
    assert not other.data["here"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"seconds": 3}'])
def test_a_damaged_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "recorded.json").write_text(text)
    assert make(tmp_path)[0].result is None


def test_the_kept_result_belongs_to_the_code() -> None:
    def first() -> int:
        return 1

    def second() -> int:
        return 2

    names = {
        cache_name(4, "a", functions, ["numpy 2"])
        for functions in ([first], [second], [first, second], [partial(first, 3)], [partial(first, second)])
    }
    assert len(names) == 4  # the last one is the same code as the third
    assert cache_name(4, "a", [first], ["numpy 2"]) == cache_name(4, "a", [first], ["numpy 2"])
    assert cache_name(4, "a", [first], ["numpy 2"]) != cache_name(4, "a", [first], ["numpy 3"])
    assert cache_name(4, "a", [first], []) != cache_name(4, "b", [first], [])
    assert " at 0x" not in experiment._code(partial(first, second))


def machine() -> dict[str, str]:
    return {"processor": "a processor", "python": "3", "numpy": "2", "torch": "2", "date": "2026-01-01"}


def test_a_class_of_a_page_counts_by_its_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    def plus(number: int) -> type:
        if number == 1:

            class Block:
                def forward(self, x: int) -> int:
                    return x + 1
        else:

            class Block:  # type: ignore[no-redef]
                def forward(self, x: int) -> int:
                    return x + 2

        return Block

    source = inspect.getsource

    def no_class(thing: object) -> str:
        """A page is Markdown: looking for a class in it is a SyntaxError, and a function is found by its line."""
        if inspect.isclass(thing):
            raise SyntaxError("invalid character")
        return source(thing)  # type: ignore[arg-type]

    monkeypatch.setattr(inspect, "getsource", no_class)
    assert cache_name(6, "a", [plus(1)], []) == cache_name(6, "a", [plus(1)], [])
    assert cache_name(6, "a", [plus(1)], []) != cache_name(6, "a", [plus(2)], [])
