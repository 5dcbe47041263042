import inspect
import json
import re

import numpy as np
import pytest

from dlstudy.course.content import catalogue
from dlstudy.course.measuring import comparison, comparison_code, comparison_table, comparison_tasks
from dlstudy.course.measuring.machine import one_thread
from dlstudy.course.measuring.task import Contender, Disagreement, Task, Timing, recorded
from dlstudy.course.measuring.turns import RETRIES, Rules

TASKS = comparison_tasks.tasks()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.what)
def test_every_contender_of_a_task_computes_the_same(task):
    assert max(comparison._differences(task)) <= task.tolerance


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.what)
def test_no_task_is_agreed_on_because_nothing_happens(task):
    """The results vary, and a run leaves nothing behind that changes the next one."""
    for contender in task.contenders:
        first = [np.array(value) for value in contender.values(contender.run())]
        again = contender.values(contender.run())
        assert all(np.std(value) > 1e-4 for value in first)
        for one, other in zip(first, again):
            np.testing.assert_array_equal(one, other)


def test_the_gradients_are_slopes():
    """Backpropagation by hand against finite differences in float64: a witness from outside both libraries."""
    random = np.random.RandomState(1)
    x, y = random.standard_normal((5, 4)), np.array([0, 2, 1, 2, 0])
    weights = [random.standard_normal(size) for size in [(4, 6), (6,), (6, 3), (3,)]]

    def loss():
        scores = comparison_code.forward_numpy(x, *weights)
        return np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(5), y])

    gradients = comparison_code.backward_numpy(x, y, *weights)
    for weight, gradient in zip(weights, gradients):
        for index in np.ndindex(*weight.shape):
            kept, step = weight[index], 1e-6
            weight[index] = kept + step
            up = loss()
            weight[index] = kept - step
            down = loss()
            weight[index] = kept
            assert gradient[index] == pytest.approx((up - down) / (2 * step), abs=1e-8)


def test_contenders_that_disagree_are_refused():
    def task(value):
        ways = [
            Contender(name, comparison_code.elementwise_numpy, lambda v=v: np.array(v), lambda r: [r])
            for name, v in (("one", [1.0, 2.0]), ("other", value))
        ]
        return Task("Tensor", "a task", 1e-3, tuple(ways))

    comparison.measure(task([1.0, 2.0005]), turns=1)
    with pytest.raises(Disagreement, match=r"other differs from one by 0\.01; expected at most 0\.001"):
        comparison.measure(task([1.0, 2.01]), turns=1)
    with pytest.raises(Disagreement, match="other shapes"):
        comparison.measure(task([1.0]), turns=1)
    with pytest.raises(Disagreement):
        comparison.measure(task([1.0, float("nan")]), turns=1)


def test_the_median_of_turns_taken_in_alternation():
    """A clock that only moves when somebody works: each contender costs what it says, whoever else is measured."""
    now = [0.0]
    order = []

    def costs(name, seconds):
        def run():
            now[0] += seconds[len(order) % len(seconds)] if isinstance(seconds, list) else seconds
            order.append(name)
            return np.ones(2)

        return Contender(name, comparison_code.sgd_numpy, run, lambda result: [result])

    quick, slow = costs("quick", 0.01), costs("slow", 0.03)
    task = Task("Tensor", "a task", 0.0, (quick, slow))
    found = comparison.measure(task, turns=5, rules=Rules(lambda: now[0]))
    assert [timing.contender for timing in found] == ["quick", "slow"]
    assert [timing.seconds for timing in found] == pytest.approx([0.01, 0.03])
    turns = order[-10:]
    assert turns == ["quick", "slow", "slow", "quick"] * 2 + ["quick", "slow"]


def test_a_disturbed_turn_does_not_move_the_result():
    now, calls = [0.0], [0]

    def run():
        calls[0] += 1
        now[0] += 5.0 if calls[0] == 4 else 0.01
        return np.ones(1)

    task = Task("Tensor", "a task", 0.0, (Contender("a", comparison_code.sgd_numpy, run, lambda r: [r]),))
    assert comparison.measure(task, turns=9, rules=Rules(lambda: now[0]))[0].seconds == pytest.approx(0.01)


def test_an_interrupted_turn_is_taken_again_and_in_the_end_taken_as_it_is():
    now, interrupted, runs = [0.0], [0], [0]
    always = [False]

    def run():
        runs[0] += 1
        now[0] += 0.01
        if always[0] or runs[0] % 3 == 0:  # the system steps in, for longer than the work takes
            now[0] += 0.09
            interrupted[0] += 1
        return np.ones(1)

    task = Task("Tensor", "a task", 0.0, (Contender("a", comparison_code.sgd_numpy, run, lambda r: [r]),))
    rules = Rules(lambda: now[0], interruptions=lambda: interrupted[0])
    assert comparison.measure(task, turns=2, rules=rules)[0].seconds == pytest.approx(0.01)
    always[0] = True
    before = runs[0]
    assert comparison.measure(task, turns=2, rules=rules)[0].seconds == pytest.approx(0.1)
    results_and_memory, calls_per_turn = 1 + 2, 1
    assert runs[0] - before == results_and_memory + calls_per_turn + 2 * (1 + RETRIES)


def test_threads_are_given_back():
    import torch

    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


@pytest.mark.slow  # it measures
def test_a_real_measurement_has_every_row_and_reports_its_progress():
    seen = []
    timings = comparison.compare(lambda done, total: seen.append((done, total)), turns=1)
    assert seen == [(k, len(TASKS)) for k in range(1, len(TASKS) + 1)]
    assert {timing.topic for timing in timings} == {row.topic for row in comparison_table.ROWS}
    assert all(timing.seconds > 0 and timing.lines for timing in timings)


def test_what_ships_is_a_whole_measurement_of_todays_tasks():
    timings, machine = recorded()
    expected = [(task.topic, task.what, entry.name) for task in TASKS for entry in task.contenders]
    found = [(timing.topic, timing.task, timing.contender) for timing in timings]
    assert [entry for entry in found if "GPU" not in entry[2]] == [entry for entry in expected if "GPU" not in entry[2]]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", machine["date"])
    assert machine["processor"]


def test_what_the_page_says_of_the_table_is_so_in_the_recorded_one():
    """The list "How to read it" of the overview: who wins which row, and who needs more lines."""
    timings, _ = recorded()
    by_name = {timing.contender: timing for timing in reversed(timings)}  # the first of each name
    assert by_name["NumPy"].seconds < by_name["PyTorch"].seconds
    assert by_name["np.array"].seconds < by_name["torch.tensor"].seconds
    assert by_name["matrix operations"].seconds < by_name["nn.Module"].seconds
    assert by_name["nn.Module"].lines > by_name["matrix operations"].lines
    assert by_name["derived by hand"].lines > by_name["loss.backward()"].lines
    margins = []
    for task in dict.fromkeys(timing.task for timing in timings):
        times = [timing.seconds for timing in timings if timing.task == task]
        margins.append((max(times) / min(times), task))
    assert max(margins)[1] == by_name["for loops"].task
    assert by_name["for loops"].seconds > 100 * by_name["nn.Conv2d"].seconds


def timing(contender, seconds, difference=0.0):
    return Timing("Tensor", "a task", contender, seconds, 2, difference, 2_500_000)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.0, "about the same"),
        (2.14, "2.1 × slower"),
        (0.5, "2 × faster"),
        (0.0006, "1,700 × faster"),
        (17.2, "17 × slower"),
    ],
)
def test_a_ratio_is_said_in_words(seconds, words):
    drawn = comparison_table.table([timing("NumPy", 1.0), timing("PyTorch", seconds, 2e-7)], "a note")
    assert words in str(drawn)
    assert words in drawn._repr_html_()
    assert "2e−7" in str(drawn)
    assert "2.5 MB" in str(drawn)
    assert "2.5 MB" in drawn._repr_html_()


def test_rows_say_whether_their_lesson_is_there():
    lessons = {lesson.number: lesson for lesson in catalogue.load().lessons}
    one_each = [Timing(row.topic, "a task", "NumPy", 1.0, 2, 0.0, 10) for row in comparison_table.ROWS]
    drawn = comparison_table.table(one_each, "a note", lessons)._repr_html_()
    for row in comparison_table.ROWS:
        lesson = lessons[row.lesson]
        assert (f"href='{lesson.file}'" in drawn) == lesson.written
        assert (f"{lesson.title}, is still to come" in drawn) != lesson.written
        assert f"<h4>{row.topic}</h4>" in drawn
    assert "<code>loss.backward()</code>" in drawn
    assert "<code>for loop" not in drawn


def test_the_programs_shown_are_the_programs_timed():
    shown = comparison_table.programs()
    for task in TASKS:
        for contender in task.contenders:
            assert inspect.getsource(contender.program).strip() in shown[task.topic]


def test_the_recording_is_written_by_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(comparison, "compare", lambda: [timing("NumPy", 1.0)])
    comparison.main(["--record", str(tmp_path / "out.json")])
    content = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert content["timings"][0]["seconds"] == 1.0
    assert set(content["machine"]) == {"processor", "python", "numpy", "torch", "date"}
    assert "one thread" in capsys.readouterr().out


@pytest.mark.slow  # every row once more
def test_a_gpu_is_measured_where_there_is_one_and_waited_for(monkeypatch):
    """Without a GPU here, its place is taken by the CPU: what is tested is that each row has it and waits for it."""
    import torch

    calls = []
    monkeypatch.setattr(comparison_tasks, "_gpu", lambda: "cpu")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: calls.append("waited"))
    tasks = comparison_tasks.tasks()
    by_topic = {row.topic: [] for row in comparison_table.ROWS}
    for task in tasks:
        comparison._differences(task)
        by_topic[task.topic] += [entry for entry in task.contenders if entry.on_gpu]
    assert all(by_topic.values())
    assert len(calls) == sum(len(entries) for entries in by_topic.values())
    assert all(entry.name.endswith(" on the GPU") for entries in by_topic.values() for entry in entries)


def test_a_contender_s_own_tolerance_counts():
    ways = [
        Contender(name, comparison_code.elementwise_numpy, lambda v=v: np.array(v), lambda r: [r], allowed)
        for name, v, allowed in (("one", [1.0, 2.0], None), ("other", [1.0, 2.01], 0.1))
    ]
    task = Task("Tensor", "a task", 1e-3, tuple(ways))
    assert comparison._differences(task) == pytest.approx([0.0, 0.01])


def test_the_memory_of_each_way_is_what_it_holds():
    def holds(megabytes):
        return Contender(
            str(megabytes), comparison_code.sgd_numpy, lambda: np.ones(megabytes * 125_000), lambda r: [r.sum() * 0]
        )

    found = comparison.measure(Task("Tensor", "a task", 0.0, (holds(1), holds(3))), turns=1)
    assert [timing.peak / 1e6 for timing in found] == pytest.approx([1, 3], abs=0.05)


def test_only_the_rows_asked_for_are_measured():
    timings = comparison.compare(topics=["Forward Pass"], turns=1)
    assert {timing.topic for timing in timings} == {"Forward Pass"}
