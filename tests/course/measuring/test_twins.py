"""Two implementations measured side by side: what is counted, and that the figure says what was measured."""

import re
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest
import torch

from dlstudy.course.measuring import twins

N = 1_000_000


def test_memory_is_counted_alike_on_both_sides():
    def in_numpy():
        a = np.full(N, 1.5, np.float32)
        return float((a + a).sum())

    def in_torch():
        a = torch.full((N,), 1.5)
        return float((a + a).sum())

    found = twins.compare(in_numpy, in_torch, seconds=0)
    for side in (found.numpy, found.torch):  # two arrays of 4 MB are alive together
        assert 8e6 <= side.peak_bytes < 8.2e6, side


def test_memory_that_is_freed_on_the_way_is_not_added_up():
    def one_after_the_other():
        for _ in range(5):
            torch.full((N,), 1.5)

    found = twins.compare(one_after_the_other, lambda: torch.full((N,), 1.5), seconds=0)
    assert 4e6 <= found.torch.peak_bytes < 4.1e6
    assert found.numpy.peak_bytes < 8.2e6


def test_what_was_held_before_the_call_is_not_counted():
    mine, theirs = np.full(N, 1.5), torch.full((N,), 1.5)
    found = twins.compare(lambda: float(mine.sum()), lambda: float(theirs.sum()), seconds=0)
    assert found.numpy.peak_bytes < 1e5
    assert found.torch.peak_bytes < 1e5


def test_both_sides_are_called_in_turn_on_one_thread_and_the_setting_comes_back():
    before = torch.get_num_threads()
    calls = []

    def note(name):
        def call():
            calls.append((name, torch.get_num_threads()))

        return call

    found = twins.compare(note("n"), note("t"), seconds=0)
    assert found.rounds == 3
    assert [name for name, _ in calls[-6:]] == ["n", "t", "t", "n", "n", "t"]
    assert {threads for _, threads in calls} == {1}
    assert torch.get_num_threads() == before


def test_the_slower_side_is_said_to_be_slower():
    def slow():
        sum(range(500_000))

    def quick():
        sum(range(50_000))

    found = twins.compare(slow, quick, seconds=0)
    assert found.ratio == found.numpy.seconds / found.torch.seconds
    assert found.ratio > 2
    html = found._repr_html_()
    assert "NumPy" in html
    assert "times as long" in html
    assert 'role="img"' in html
    assert "lines of code: NumPy 2, PyTorch 2" in html


def test_nothing_is_written_under_the_cell():
    code = "from dlstudy.course.measuring.twins import compare; compare(lambda: 1, lambda: 2, seconds=0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_error_in_a_twin_is_the_twins_own_and_the_threads_come_back():
    before = torch.get_num_threads()

    def broken():
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        twins.compare(broken, lambda: None)
    assert torch.get_num_threads() == before


def documented(a):
    """Not counted.

    Neither is this.
    """
    # nor this

    def inner(b):
        """Nor this."""
        return b

    return inner(a)


def test_lines_are_code_only_and_a_lambda_has_none():
    assert twins.count_lines(documented) == 4
    assert twins.count_lines(lambda: 1) is None
    assert twins.count_lines(len) is None
    found = twins.compare(lambda: 1, lambda: 2, seconds=0)
    assert "lines of code" not in found._repr_html_()
    found = twins.compare(lambda: 1, lambda: 2, seconds=0, code=(documented, documented))
    assert (found.numpy.lines, found.torch.lines) == (4, 4)


@pytest.mark.parametrize(
    ("seconds", "unit"), [(2.5, "2.5 s"), (0.25, "250 ms"), (0.0025, "2.5 ms"), (0.00025, "250 µs")]
)
def test_times_are_said_in_a_unit_that_reads_well(seconds, unit):
    side = twins.Twin("NumPy", seconds, 0, None)
    html = twins.draw(twins.Comparison(side, twins.Twin("PyTorch", seconds, 0, None), 3))._repr_html_()
    assert f"NumPy takes {unit}" in html
    assert "about the same" in html


def test_the_bars_have_the_colours_of_the_cells_names():
    sides = (twins.Twin("NumPy", 0.1, 1_000_000, 5), twins.Twin("PyTorch", 0.2, 2_000_000, 7))
    drawn = re.findall(r'style="fill: var\(--dls-(\w+)', twins.draw(twins.Comparison(*sides, 3))._repr_html_())
    assert drawn == ["orange", "blue"] * 3
    page = (files("dlstudy.app.lesson") / "lesson.css").read_text(encoding="utf-8")
    for name, colour in zip(("NumPy", "PyTorch"), drawn):
        assert f'content: "{name}"; color: var(--dls-{colour})' in page


def test_a_recorded_comparison_says_where_and_when_and_equals_what_was_measured(tmp_path):
    found = twins.Comparison(twins.Twin("NumPy", 0.012, 5_000_000, 7), twins.Twin("PyTorch", 0.03, 9_000_000, 7), 21)
    twins.save(found, tmp_path / "deep" / "one.json")
    back = twins.load(tmp_path / "deep" / "one.json")
    assert (back.numpy, back.torch, back.rounds) == (found.numpy, found.torch, 21)
    assert back.ratio == pytest.approx(0.4)
    caption = twins.draw(back).caption
    assert caption.startswith("Recorded on ")
    assert torch.__version__ in caption
    assert np.__version__ in caption
    assert "Measured here, now" not in caption
    assert twins.draw(found).caption.startswith("Measured here, now, in turn")


def test_the_record_command_runs_the_page_and_keeps_what_has_a_name(tmp_path, monkeypatch):
    from dlstudy.course.content import paths
    from dlstudy.course.page import Page
    from dlstudy.course.running import record

    lesson = next((paths.lessons_folder()).glob("01_*.md")).name
    (tmp_path / "lessons").mkdir()
    (tmp_path / "exercises" / "01").mkdir(parents=True)
    (tmp_path / "lessons" / lesson).write_text(
        "---\ntitle: T\nnumber: 1\nstars: 1\ntrack: Basics\nminutes: 30\nneeds: none\ncode: none\nbudget: 5\n---\n\n"
        '```python {.marimo name="a"}\nimport marimo as mo\n'
        "from dlstudy.course.page import Page\n\npage = Page(1)\n```\n\n"
        '```python {.marimo name="b"}\ngo = page.button("go")\ngo\n```\n\n'
        '```python {.marimo name="c"}\n'
        'page.wait_for(go, instead=page.recorded("sums"))\n'
        'page.compare(lambda: sum(range(9)), lambda: sum(range(99)), name="sums", seconds=0)\n```',
        encoding="utf-8",
    )
    monkeypatch.setenv(paths.CONTENT_VARIABLE, str(tmp_path))
    assert Page(1, learner=tmp_path / "learner").recorded("sums") is None
    assert record.main(["01"]) == 0
    assert Page(1, learner=tmp_path / "learner").recorded("sums").rounds == 3
