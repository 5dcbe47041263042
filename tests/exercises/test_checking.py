"""What a learner is told: every status, every kind of difference, mistakes known and unknown."""

import linecache
import pickle
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from dlstudy.course.checking import answers
from dlstudy.course.checking.check import Verdict, check, prepare
from dlstudy.course.content.exercises import Exercise, ExerciseError


@pytest.fixture
def ask(make: Callable[..., Any]) -> Callable[[str], Verdict]:
    """Check an answer with this body, `def column_means(x):` above it."""
    exercise = make()
    prepared = prepare(exercise)

    def one(body: str) -> Verdict:
        lines = "\n".join("    " + line for line in body.splitlines())
        return check(exercise, f"def column_means(x):\n{lines}\n", prepared=prepared)

    return one


def test_the_solution_passes_and_the_stub_is_not_yet_done(make: Callable[..., Any]) -> None:
    exercise = make()
    passed = check(exercise, exercise.solution)
    assert (passed.status, passed.passed, passed.message) == ("passed", True, "Right on all 3 cases.")
    assert check(exercise, exercise.stub).status == "not-yet"
    assert check(exercise, exercise.stub + "\n# thinking\n").status == "not-yet"


def test_a_placeholder_further_down_is_not_yet_done(ask: Callable[[str], Verdict]) -> None:
    assert ask("if len(x) > 2:\n    raise NotImplementedError\nreturn x.mean(axis=0)").status == "not-yet"


def test_a_bug_hunt_tells_its_symptom(make: Callable[..., Any]) -> None:
    exercise = make(toml=('kind = "body"', 'kind = "bug-hunt"\nbug = "rows"\nsymptom = "One number a row."'))
    verdict = check(exercise, exercise.stub)
    assert verdict.status == "not-yet"
    assert "One number a row." in verdict.message
    # The same bug in other words is an answer, and gets its hint.
    assert check(exercise, exercise.stub.replace("total", "summe")).hint_id == "rows"


def test_a_wrong_value_is_shown_with_its_input(ask: Callable[[str], Verdict]) -> None:
    verdict = ask("return x[0] * 1.0")
    assert verdict.status == "failed"
    assert verdict.message == (
        "A small table: x = [[1.0, 2.0, 3.0], [3.0, 4.0, 8.0]]. Expected [2.0, 3.0, 5.5], came [1.0, 2.0, 3.0]."
    )
    assert verdict.given == "A small table: x = [[1.0, 2.0, 3.0], [3.0, 4.0, 8.0]]"
    assert (verdict.expected, verdict.got) == ("[2.0, 3.0, 5.5]", "[1.0, 2.0, 3.0]")
    assert verdict.hint_id is None


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("return", "The result is None. Does every path end in a return?"),
        ("return x.mean(axis=0)[:2]", "The result should have shape (3,), and has shape (2,)."),
        ("return x.mean(axis=0).tolist()", "The result should be a NumPy array, and is a list: [2.0, 3.0, 5.5]."),
        ("return x.mean(axis=0).astype(np.float32)", "dtype float64, and has float32"),
        ("x -= 1\nreturn x.mean(axis=0) + 1", "the input was changed on the way. x belongs to whoever called"),
        ("return x.mean(axis=0) * 0", "Every number that came is zero"),
        ("return -x.mean(axis=0)", "The size is right and the sign is the other way round."),
        ("return x.mean(axis=0) * 2", "Every number is 2 times what it should be"),
        ("return x", "What came is x itself, unchanged."),
    ],
)
def test_what_came_is_described(body: str, sentence: str, ask: Callable[[str], Verdict]) -> None:
    verdict = ask(body)
    assert verdict.status == "failed"
    assert sentence in verdict.message


def test_a_form_in_a_file_is_recognised_too(make: Callable[..., Any]) -> None:
    exercise = make()
    (exercise.folder / "wrong").mkdir()
    by_list = "def column_means(x):\n    return [sum(column) / len(column) for column in x.T]\n"
    assert check(exercise, by_list).hint_id is None
    (exercise.folder / "wrong" / "columns.list.py").write_text(by_list, encoding="utf-8")
    assert check(exercise, by_list).hint_id == "columns"


def test_of_two_mistakes_the_one_that_explains_the_first_wrong_case_is_told(ask: Callable[[str], Verdict]) -> None:
    # All that "columns" spoils (the square is no test of it) came as it comes there, and the square is wrong besides.
    both = ask("return x.sum(axis=0) / x.shape[1] + (len(x) == 3)")
    assert both.hint_id == "columns"
    # One agreement alone may be chance.
    assert ask("return x.sum(axis=0) / x.shape[1] if len(x) == 2 else x.mean(axis=0) + 1").hint_id is None
    # The first wrong case is not explained: nothing is said.
    assert ask("return x.sum(axis=0) / x.shape[1] if len(x) != 2 else x.mean(axis=0) + 1").hint_id is None


def test_a_pattern_counts_only_if_it_holds_wherever_the_answer_is_wrong(ask: Callable[[str], Verdict]) -> None:
    assert "Every number is 2 times" in ask("return x.mean(axis=0) * 2").message
    assert "Every number is" not in ask("return x.mean(axis=0) * (2 if len(x) == 2 else 3.5)").message


def test_a_known_mistake_is_known_in_any_words(ask: Callable[[str], Verdict]) -> None:
    for body in (
        "return x.sum(axis=0)",
        "s = 0\nfor row in x:\n    s = s + row\nreturn s",
        "return np.einsum('nd->d', x)",
    ):
        verdict = ask(body)
        assert (verdict.status, verdict.hint_id) == ("failed", "sum")
        assert verdict.hint == "Twice as many rows, twice the result. Should that be so?"
        assert "times what it should be" not in verdict.message  # the hint says it better


def test_a_mistake_that_agrees_on_some_cases_only_is_not_taken_for_a_known_one(ask: Callable[[str], Verdict]) -> None:
    assert ask("return x.sum(axis=0) if len(x) < 20 else x.mean(axis=0) + 1").hint_id is None


def test_an_exception_names_its_line_and_keeps_what_was_expected(ask: Callable[[str], Verdict]) -> None:
    verdict = ask("y = x\nreturn y[7]")
    assert verdict.status == "error"
    assert "stopped with IndexError: index 7 is out of bounds" in verdict.message
    assert "It happened in line 3: `return y[7]`." in verdict.message
    assert "Expected [2.0, 3.0, 5.5]." in verdict.message


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("return column_means(x)", "about a thousand calls"),
        ("raise MemoryError", "more memory than a check may have"),
        ("raise SystemExit", "exit() ends the program"),
        ("return means(x)", "Is the name spelled"),
        ("raise KeyboardInterrupt", "stopped with KeyboardInterrupt"),
        ("class E(Exception):\n    def __str__(self):\n        return 1 / 0\nraise E", "stopped with E."),
    ],
)
def test_exceptions_get_advice(body: str, advice: str, ask: Callable[[str], Verdict]) -> None:
    verdict = ask(body)
    assert verdict.status == "error"
    assert advice in verdict.message


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            "def column_means(x):\n    retrun x\n",
            "Python cannot read line 2 of your answer, `retrun x`: invalid syntax.",
        ),
        ("def columns(x):\n    return x\n", "Expected a function called column_means, found columns."),
        ("", "found no function"),
        ("column_means = 3", "column_means should be a function, and is 3."),
        ("1 / 0", "Your answer stopped with ZeroDivisionError: division by zero in line 1, before column_means was"),
        ("exit(3)", "stopped with SystemExit"),
    ],
)
def test_a_text_that_cannot_be_run(source: str, sentence: str, make: Callable[..., Any]) -> None:
    verdict = check(make(), source)
    assert verdict.status == "error"
    assert sentence in verdict.message


def test_a_function_is_checked_and_its_lines_are_named(make: Callable[..., Any]) -> None:
    exercise = make()

    def column_means(x: np.ndarray) -> np.ndarray:
        wrong = x[:, 9]
        return wrong

    verdict = check(exercise, column_means)
    assert "It happened in line 2: `wrong = x[:, 9]`." in verdict.message
    text = "# my cell\n\ndef column_means(x):\n    wrong = x[:, 9]\n"
    assert "It happened in line 4: `wrong = x[:, 9]`." in check(exercise, column_means, text).message
    assert check(exercise, lambda x: x.mean(axis=0)).passed
    assert check(exercise, lambda x: x.sum(axis=0)).hint_id == "sum"


def test_an_answer_cannot_spoil_the_next_ones_input(make: Callable[..., Any]) -> None:
    exercise = make()
    prepared = prepare(exercise)
    assert check(exercise, "def column_means(x):\n    x[:] = 0\n    return x[0]", prepared=prepared).status == "failed"
    assert check(exercise, exercise.solution, prepared=prepared).passed


def test_printing_is_kept_and_shortened(ask: Callable[[str], Verdict]) -> None:
    assert ask("print('n =', len(x))\nreturn x.mean(axis=0)").output == "n = 2\nn = 3\nn = 20\n"
    flood = ask("print('y' * 10_000)\nreturn x.mean(axis=0)")
    assert flood.passed
    assert flood.output.startswith("y" * 2000)
    assert flood.output.endswith("... and 28003 more characters")


def test_warnings_of_an_answer_are_not_errors(ask: Callable[[str], Verdict]) -> None:
    assert ask("np.log(np.array([0.0]))\nreturn x.mean(axis=0)").passed


def test_the_same_random_numbers_every_time(ask: Callable[[str], Verdict]) -> None:
    body = "import random, torch\nreturn x.mean(axis=0) + random.random() + np.random.rand() + torch.rand(1).item()"
    assert ask(body).got == ask(body).got


def test_an_expected_exception(make: Callable[..., Any]) -> None:
    exercise = make(
        solution=("    # add up the rows\n", "    if x.ndim != 2:\n        raise ValueError\n"),
        check=('Case("a square"', 'Case("a row", np.array([1.0, 2]), raises=ValueError),\n        Case("a square"'),
    )  # fmt: skip
    assert check(exercise, exercise.solution).passed
    late = check(exercise, "def column_means(x):\n    return x.mean(axis=0)")
    assert late.message.startswith("A row: x = [1.0, 2.0]. Expected a ValueError here, came 1.5.")
    other = check(exercise, "def column_means(x):\n    return x.sum(axis=0) / x.shape[1] / x.shape[0] * x.shape[1]")
    assert (other.status, other.expected) == ("failed", "a ValueError")
    assert "Expected a ValueError here, came an IndexError." in other.message


def test_independent_cases_give_the_hint_of_the_first_mistake(make: Callable[..., Any]) -> None:
    single = ("import numpy as np\n", "import numpy as np\n\nINDEPENDENT_CASES = True\n")
    two = "def column_means(x):\n    return x.sum(axis=0) if len(x) == 2 else x.mean(axis=0) + (len(x) == 20)"
    only_first = (
        'find = "total / len(x)"\nreplace = "total"',
        'find = "total / len(x)"\nreplace = "(total if len(x) == 2 else total / len(x))"',
    )
    assert check(make(toml=only_first, check=single), two).hint_id == "sum"
    assert check(make(toml=only_first), two).hint_id is None


def test_a_verdict_is_plain_data(ask: Callable[[str], Verdict]) -> None:
    verdict = ask("return x.sum(axis=0)")
    assert Verdict.from_json(verdict.to_json()) == verdict
    assert pickle.loads(pickle.dumps(verdict)) == verdict


def test_a_broken_check_is_told(make: Callable[..., Any]) -> None:
    with pytest.raises(ExerciseError, match=r"check\.py: line 6: ZeroDivisionError"):
        prepare(make(check=("def cases(rng):", "A = 1 / 0\n\n\ndef cases(rng):")))
    with pytest.raises(ExerciseError, match=r"cases\(rng\) failed: ZeroDivisionError"):
        prepare(make(check=("    return [\n", "    1 / 0\n    return [\n")))


MATMUL = "def matmul_backward(grad, a, b):\n    return {}\n"


def load(name: str) -> tuple[Exercise, Any]:
    from dlstudy.course.content.exercises import load_exercise

    exercise = load_exercise(name)
    return exercise, prepare(exercise)


def test_parts_of_a_tuple_have_names() -> None:
    exercise, prepared = load("01/matmul-backward")
    verdict = check(exercise, MATMUL.format("grad @ b.T, a.T @ grad + 1"), prepared=prepared)
    assert "For the gradient of b: expected [[10.0], [20.0]], came [[11.0], [21.0]]." in verdict.message
    assert "2 elements, and has 1" in check(exercise, MATMUL.format("(grad @ b.T,)"), prepared=prepared).message


def test_a_shape_mistake_is_drawn() -> None:
    exercise, prepared = load("01/broadcast-shape")
    verdict = check(exercise, "def broadcast_shape(a, b):\n    return a", prepared=prepared)
    assert verdict.picture_svg.startswith("<svg")
    assert "your result is (3, 1)" in verdict.picture_svg


def test_a_drawing_of_a_strange_result_is_still_a_drawing() -> None:
    exercise, prepared = load("01/broadcast-shape")
    for result in ("(a, '<b>&\"')", "()", "(1,) * 99", "(None, 4)"):
        verdict = check(exercise, f"def broadcast_shape(a, b):\n    return {result}", prepared=prepared)
        assert verdict.status == "failed"
        if verdict.picture_svg:
            assert (
                ElementTree.fromstring(verdict.picture_svg).get("aria-label", "").startswith("Shapes (3, 1) and (4,)")
            )


@pytest.mark.slow
def test_a_backward_pass_may_be_written_with_nodes_in_sets() -> None:
    # Learners keep nodes themselves in sets and dictionaries; the checked nodes must allow that.
    exercise, prepared = load("01/backward-pass")
    source = (
        "def backward_pass(result):\n"
        "    order, seen, stack = [], set(), [(result, iter(result.parents))]\n"
        "    seen.add(result)\n"
        "    while stack:\n"
        "        node, parents = stack[-1]\n"
        "        for parent in parents:\n"
        "            if parent not in seen:\n"
        "                seen.add(parent)\n"
        "                stack.append((parent, iter(parent.parents)))\n"
        "                break\n"
        "        else:\n"
        "            order.append(node)\n"
        "            stack.pop()\n"
        "    grads = {node: np.zeros_like(node.value) for node in order}\n"
        "    grads[result] += 1\n"
        "    for node in reversed(order):\n"
        "        node.grad += grads[node]\n"
        "        if node.pull:\n"
        "            for parent, g in zip(node.parents, node.pull(grads[node])):\n"
        "                grads[parent] = grads[parent] + g\n"
    )
    verdict = check(exercise, source, prepared=prepared)
    assert verdict.passed, verdict.message


def test_results_of_torch_are_compared_too(make: Callable[..., Any]) -> None:
    exercise = make(
        solution=("    return total / len(x) * count", "    return torch.from_numpy(total / len(x) * count)"),
        toml=('uses = ["import numpy as np"]', 'uses = ["import torch"]'),
        check=[
            ("import numpy as np\n", "import numpy as np\nimport torch\n"),
            ("expected=np.array([2.0, 3, 5.5])", "expected=torch.tensor([2.0, 3, 5.5], dtype=torch.float64)"),
            ("np.array([sum(column) / len(column) for column in x.T.tolist()])", "torch.from_numpy(x).mean(0)"),
        ],
    )  # fmt: skip
    assert check(exercise, exercise.solution).passed
    assert (
        "dtype torch.float64, and has torch.float32"
        in check(exercise, lambda x: torch.tensor(x.mean(0)).float()).message
    )
    assert "should be a PyTorch tensor, and is a NumPy array" in check(exercise, lambda x: x.mean(0)).message


def test_a_long_result_is_described_by_its_first_difference(make: Callable[..., Any]) -> None:
    exercise = make(check=("rng.normal(size=(20, 4))", "np.arange(60.0).reshape(3, 20)"))

    def column_means(x: np.ndarray) -> np.ndarray:
        means = x.mean(axis=0)
        means[17:] += 2
        return means if x.shape[1] == 20 else x.mean(axis=0)

    message = check(exercise, column_means).message
    assert "The first difference is at index 17: expected 37, came 39; 3 of 20 elements differ." in message
    assert "x = an array of shape (3, 20), float64" in message


def ask_about(name: str, source: str) -> Verdict:
    exercise, prepared = load(name)
    return check(exercise, source, prepared=prepared)


def test_a_mistake_that_raises_is_known_beside_another_one() -> None:
    # Lines up at the left, and takes the larger size besides: no known mistake does the same on every case.
    verdict = ask_about(
        "01/broadcast-shape",
        "def broadcast_shape(a, b):\n"
        "    n = max(len(a), len(b))\n"
        "    a, b = (*a, *[1] * (n - len(a))), (*b, *[1] * (n - len(b)))\n"
        "    if any(m != n and 1 not in (m, n) for m, n in zip(a, b)):\n"
        "        raise ValueError('these do not fit')\n"
        "    return [max(pair) for pair in zip(a, b)]\n",
    )
    assert (verdict.status, verdict.hint_id) == ("failed", "lines-up-at-the-left")
    assert "Your answer refuses this with ValueError: these do not fit." in verdict.message
    everywhere = ask_about("01/broadcast-shape", "def broadcast_shape(a, b):\n    raise ValueError('no')\n")
    assert everywhere.hint_id is None


def test_the_case_that_a_hint_speaks_of_is_shown() -> None:
    verdict = ask_about("01/sum-to-shape", "def sum_to_shape(grad, shape):\n    return grad.sum(axis=0)\n")
    assert verdict.hint_id == "always-the-first"
    assert verdict.given.startswith("A column stretched to four columns")
    assert "has shape (4,)" in verdict.message


@pytest.mark.parametrize(
    ("product", "sentence"),
    [
        ("b.T @ grad", "shapes (1, 2) and (1, 1) met in `b.T @ grad`"),
        ("np.matmul(grad,\n b)", "shapes (1, 1) and (2, 1) met in `np.matmul(grad, b)`"),
        ("np.dot(grad, b)", "shapes (1, 1) and (2, 1) met in a matrix product"),
        ("(grad + 0) @ b", "two matrices met that cannot be multiplied: 1 and 2 do not agree"),
    ],
)
def test_the_shapes_that_met_in_a_product_are_named(product: str, sentence: str) -> None:
    verdict = ask_about("01/matmul-backward", MATMUL.format(f"{product}, a.T @ grad"))
    assert verdict.status == "error"
    assert sentence in verdict.message
    assert "gufunc" not in verdict.message


EARLY = """import numpy as np
def backward_pass(result):
    result.grad = np.ones_like(result.value)
    stack, seen = [result], set()
    while stack:
        node = stack.pop({})
        if node in seen or node.pull is None:
            continue
        seen.add(node)
        for parent, part in zip(node.parents, node.pull(node.grad)):
            parent.grad = parent.grad + part
            stack.append(parent)
"""


@pytest.mark.slow
@pytest.mark.parametrize("end", ["", "0"])
def test_a_walk_that_is_too_early_is_seen_at_work(end: str) -> None:
    verdict = ask_about("01/backward-pass", EARLY.format(end))
    assert (verdict.status, verdict.hint_id) == ("failed", "too-early")
    assert "tanh, multiplied" in verdict.given or "factors exchanged" in verdict.given


@pytest.mark.slow
def test_an_answer_that_fails_on_depth_alone_is_told_so() -> None:
    from dlstudy.course.content.exercises import load_exercise

    exercise = load_exercise("01/backward-pass")
    verdict = check(exercise, exercise.wrong_source(exercise.wrong_answer("calls-itself")))
    assert verdict.message.startswith("Right on every graph but this one, which is 10,000 nodes deep.")
    assert verdict.hint_id == "calls-itself"


def test_exceptions_alone_are_evidence_from_an_answer_that_works_somewhere() -> None:
    # "only-another-shape" does nothing but raise; who makes another mistake where it does not is told all the same.
    source = "def sum_to_shape(grad, shape):\n    return grad.reshape(shape) * {}\n"
    assert ask_about("01/sum-to-shape", source.format(2)).hint_id == "only-another-shape"
    stops = "def sum_to_shape(grad, shape):\n    raise ValueError\n"
    assert ask_about("01/sum-to-shape", stops).hint_id is None


def test_the_source_of_a_class_is_that_of_its_cell_and_not_of_the_page() -> None:
    """Python looks for a class in the file of its module, which for a cell is the Markdown page."""
    text = "import math\n\nclass Kept:\n    def area(self):\n        return math.pi\n\nother = 1\n"
    file = "cell of a page"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, file, "exec"), names)
    assert answers.source_of(names["Kept"]) == "class Kept:\n    def area(self):\n        return math.pi\n"
    assert answers.source_of(type("Empty", (), {})) == ""
