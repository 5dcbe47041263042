"""Times are taken in turns, by the stated clock, and a disturbed turn again."""

import subprocess
import sys
import time
from itertools import islice

import pytest
import torch

from dlstudy.course.measuring import turns
from dlstudy.course.measuring.turns import Rules, Turn


class Bench:
    """A clock that only moves when somebody works, and a count of interruptions."""

    def __init__(self) -> None:
        self.now, self.interrupted, self.order = 0.0, 0, []
        self.rules = Rules(lambda: self.now, interruptions=lambda: self.interrupted)

    def work(self, name, seconds, disturbed=lambda: False):
        def run():
            self.order.append(name)
            self.now += seconds
            if disturbed():
                self.now += 10 * seconds
                self.interrupted += 1

        return run


def test_every_other_round_goes_backwards_and_results_keep_their_place():
    bench = Bench()
    runs = [bench.work(name, seconds) for name, seconds in (("a", 1.0), ("b", 2.0), ("c", 3.0))]
    found = list(islice(turns.rounds(runs, rules=bench.rules), 3))
    assert bench.order == list("abccbaabc")
    assert [[turn.seconds for turn in one] for one in found] == [[1, 2, 3]] * 3


def test_a_turn_of_several_calls_is_their_mean():
    bench = Bench()
    assert bench.rules.turn(bench.work("a", 0.25), calls=4) == Turn(0.25, undisturbed=True)
    assert bench.order == list("aaaa")


def test_a_disturbed_turn_is_taken_again_until_it_is_quiet():
    bench = Bench()
    assert bench.rules.turn(bench.work("a", 0.01, lambda: len(bench.order) < 3)) == Turn(pytest.approx(0.01), True)
    assert len(bench.order) == 3


def test_what_is_always_disturbed_is_taken_as_it_is_in_the_end():
    bench = Bench()
    assert bench.rules.turn(bench.work("a", 0.01, lambda: True)) == Turn(pytest.approx(0.11), False)
    assert len(bench.order) == 1 + turns.RETRIES


def test_what_takes_long_is_not_taken_again():
    bench = Bench()
    assert not bench.rules.turn(bench.work("a", 0.2, lambda: True)).undisturbed
    assert len(bench.order) == 1


def test_the_ratio_is_that_of_medians_on_one_thread():
    bench, before = Bench(), torch.get_num_threads()
    threads = set()

    def ours():
        threads.add(torch.get_num_threads())
        bench.now += 6.0 if len(bench.order) == 4 else 3.0  # one turn is odd

    assert turns.ratio(ours, bench.work("b", 2.0), turns=5, rules=bench.rules) == 1.5
    assert threads == {1}
    assert torch.get_num_threads() == before


def test_the_clock_counts_work_and_not_what_others_do(monkeypatch):
    if turns.working() is turns.passing:
        pytest.skip("this system tells the processor's time too coarsely")
    assert Rules().turn(lambda: time.sleep(0.05)).seconds < 0.03
    assert Rules(turns.passing).turn(lambda: time.sleep(0.05)).seconds >= 0.05
    monkeypatch.setattr(turns, "FINE", 0.0)
    assert turns.working() is turns.passing


def test_neither_numpy_nor_torch_is_imported_by_looking_at_the_clock():
    code = (
        "import sys; from dlstudy.course.measuring import turns; turns.Rules().turn(lambda: 1); "
        "assert not {'numpy', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
