import json
import math

import numpy as np
import pytest
import torch

from dlstudy.figures.graph.expression import FUNCTIONS, ExpressionError
from dlstudy.figures.graph.graph_explorer import EXAMPLES, GraphExplorer
from dlstudy.figures.graph.graph_explorer_numbers import RULES, explain


def oracle(expression, values, passes=1):
    """Run the same text as Python on torch tensors."""
    tensors = {name: torch.tensor(value, dtype=torch.float32, requires_grad=True) for name, value in values.items()}
    scope = dict(tensors)
    for name in FUNCTIONS:
        scope[name] = getattr(torch, name)
    *before, last = [line.strip() for line in expression.replace(";", "\n").splitlines()]
    for _ in range(passes):
        local = dict(scope)
        for line in before:
            exec(line, local)
        result = eval(last, local)
        result.backward()
    return result, {name: tensor.grad for name, tensor in tensors.items() if tensor.grad is not None}


def random_expression(rng, depth):
    if depth == 0 or rng.random() < 0.15:
        return str(rng.choice(["a", "b", "c", "a", "b", "c", "2", "0.5"]))
    kind = rng.integers(0, 8)
    first = random_expression(rng, depth - 1)
    if kind == 0:
        return f"({first}).{rng.choice(['tanh', 'sigmoid', 'sin', 'cos', 'relu', 'exp', 'abs'])}()"
    if kind == 1:
        return f"({first})**{rng.choice(['2', '3'])}"
    if kind == 2:
        return f"(-({first}))"
    return f"({first} {rng.choice(['+', '-', '*', '*', '/'])} {random_expression(rng, depth - 1)})"


@pytest.mark.parametrize("seed", range(80))
def test_final_gradients_equal_torch_on_random_expressions(seed):
    rng = np.random.default_rng(seed)
    while True:
        expression = f"{random_expression(rng, 4)} * a"
        try:
            values = {name: float(rng.uniform(0.3, 1.7) * rng.choice([-1, 1])) for name in "abc"}
            graph = explain(expression, values)
        except ExpressionError:
            continue
        if len(graph["nodes"]) > 5:
            break
    result, grads = oracle(expression, values)
    if torch.isfinite(result):
        shown = float(graph["nodes"][-1]["value"][0][0].replace("−", "-"))
        assert shown == pytest.approx(result.item(), rel=1e-3, abs=1e-6)
    for name, grad in grads.items():
        if math.isfinite(grad.item()):
            assert graph["grads"][name] == pytest.approx(grad.item(), rel=2e-4, abs=1e-5), expression


TENSORS = {
    "((W @ x + b).tanh()).sum()": {"W": [[1.0, -1.0], [0.5, 2.0]], "x": [0.5, 1.0], "b": [0.0, -2.0]},
    "(M * r).mean()": {"M": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "r": [1.0, -1.0, 0.5]},
    "(c * r + s).sum()": {"c": [[1.0], [2.0]], "r": [3.0, 4.0, -5.0], "s": 0.5},
    "h = A @ B; (h * h).sum() / k": {"A": [[1.0, 2.0]], "B": [[0.5, 1.0, -1.0], [2.0, 0.0, 3.0]], "k": [4.0]},
    "x.exp().log().sqrt().sum()": {"x": [1.0, 4.0]},
    "(x ** y).sum()": {"x": [1.5, 2.0], "y": 3.0},
}


@pytest.mark.parametrize("expression", TENSORS)
def test_final_gradients_equal_torch_on_tensors(expression):
    _, grads = oracle(expression, TENSORS[expression])
    found = explain(expression, TENSORS[expression])["grads"]
    assert found.keys() == grads.keys()
    for name, grad in grads.items():
        np.testing.assert_allclose(np.asarray(found[name], dtype=float), grad.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("expression", TENSORS)
def test_torch_taken_apart_in_the_same_way_gives_the_same_steps(expression):
    # torch's nodes leave the summing of a broadcast operand to the engine, ours do it themselves: both must look alike.
    ours = explain(expression, TENSORS[expression])["steps"]
    theirs = explain(expression, TENSORS[expression], backend=torch)["steps"]
    for mine, other in zip(ours, theirs, strict=True):
        assert [flow["edge"] for flow in mine["flows"]] == [flow["edge"] for flow in other["flows"]]
        assert mine["grads"].keys() == other["grads"].keys()
        for place, grad in mine["grads"].items():
            for row, expected in zip(grad["total"], other["grads"][place]["total"], strict=True):
                assert list(map(number, row)) == pytest.approx(list(map(number, expected)), rel=2e-3, abs=1e-6)


@pytest.mark.parametrize(("title", "expression", "values"), EXAMPLES, ids=[title for title, _, _ in EXAMPLES])
def test_examples_equal_torch(title, expression, values):
    graph = explain(expression, values)
    _, grads = oracle(expression, values)
    for name, grad in grads.items():
        np.testing.assert_allclose(np.asarray(graph["grads"][name], dtype=float), grad.numpy(), rtol=1e-5, atol=1e-6)
    json.loads(json.dumps(graph, allow_nan=False))


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_passes_without_clearing_add_up_as_in_torch(passes):
    values = {"a": 2.0, "b": 3.0, "c": -1.0}
    graph = explain("(a*b + c) * a", values, passes=passes)
    _, grads = oracle("(a*b + c) * a", values, passes=passes)
    assert graph["grads"] == {name: grad.item() for name, grad in grads.items()}
    assert len(graph["seeds"]) == passes


def number(text):
    return float(text.replace("−", "-"))


@pytest.mark.parametrize("seed", range(20))
def test_every_flow_is_upstream_times_local_and_every_total_the_sum_of_its_terms(seed):
    rng = np.random.default_rng(seed)
    values = {name: float(np.round(rng.uniform(0.5, 2), 2)) for name in "abc"}
    graph = explain("h = a*b - c/a; h.tanh() * h + (h*c).sin() * a", values)
    flows = [flow for step in graph["steps"] for flow in step["flows"]]
    assert len(flows) == len(graph["edges"])
    assert sorted(flow["edge"] for flow in flows) == list(range(len(graph["edges"])))
    for flow in flows:
        product = number(flow["upstream"]) * number(flow["local"])
        assert number(flow["contribution"]) == pytest.approx(product, rel=2e-3, abs=1e-6)
    for step in graph["steps"]:
        for grad in step["grads"].values():
            assert number(grad["total"][0][0]) == pytest.approx(sum(map(number, grad["terms"])), rel=5e-3, abs=2e-3)


def test_the_gradient_of_a_value_used_twice_is_seen_to_add():
    graph = explain("(a*b + c) * a", {"a": 2, "b": 3, "c": -1})
    states = [step["grads"].get("0", {}).get("terms") for step in graph["steps"]]
    assert [state for i, state in enumerate(states) if state != states[i - 1]] == [None, ["5"], ["5", "6"]]
    words = next(step["words"] for step in graph["steps"] if "already held" in step["words"])
    assert "a already held 5, so it now holds 5 + 6 = 11: gradients add, they do not replace." in words


def test_a_node_is_visited_only_when_all_its_users_have_passed_on():
    graph = explain("h = a * b; k = h.tanh(); k * h + h.exp() * k", {"a": 0.5, "b": 1.0})
    order = [step["node"] for step in graph["steps"] if step["phase"] == "backward"]
    assert len(order) == len(set(order))
    for edge in graph["edges"]:
        if edge["source"] in order:
            assert order.index(edge["target"]) < order.index(edge["source"])


def test_constants_get_no_gradient():
    graph = explain("2 * a + 1", {"a": 3.0})
    constants = {str(i) for i, node in enumerate(graph["nodes"]) if node["kind"] == "constant"}
    assert len(constants) == 2
    assert all(not constants & step["grads"].keys() for step in graph["steps"])


def test_every_operation_has_a_rule_in_words():
    assert set(FUNCTIONS) <= RULES.keys()
    expression = "(((-a + b) / 2 - c) ** 2).exp().log().sqrt().abs().sin().cos().relu().sigmoid().tanh().mean().sum()"
    graph = explain(expression, {"a": 0.5, "b": 2.0, "c": 1.5})
    assert sum(step["phase"] == "backward" for step in graph["steps"]) == 16


@pytest.mark.parametrize(
    ("expression", "values", "sentence"),
    [
        ("a * b", {"a": [1, 2], "b": 3}, ".sum() or .mean()"),
        ("(a + b).sum()", {"a": [1, 2], "b": [1, 2, 3]}, "does not fit shapes (2,) and (3,)"),
        ("a * 2", {"a": "two"}, "Expected a number"),
        ("a * 2", {"a": None}, "Expected a number"),
        ("a.sum() * 2", {"a": [[1, 2], [3]]}, "Expected a number"),
        ("a.sum() * 2", {"a": list(range(10))}, "1 to 9 elements"),
        ("a * 2", {"a": []}, "1 to 9 elements"),
        ("a * 2", {}, "no value"),
    ],
)
def test_values_that_cannot_be_used_are_explained(expression, values, sentence):
    with pytest.raises(ExpressionError) as caught:
        explain(expression, values)
    assert sentence in str(caught.value)


# -- the widget, without a browser -----------------------------------------------------------------------------------


def test_typing_a_new_expression_gives_new_names_values_and_starts_over():
    explorer = GraphExplorer()
    assert explorer.step == explorer.graph["start"]
    explorer.step = 7
    explorer.passes = 2
    explorer.expression = "(p*q).tanh() * p"
    assert explorer.error == ""
    assert set(explorer.graph["inputs"]) == {"p", "q"} <= explorer.values.keys()
    assert explorer.step == explorer.graph["start"]
    assert explorer.passes == 1
    _, grads = oracle(explorer.expression, {name: explorer.values[name] for name in "pq"})
    assert explorer.graph["grads"]["p"] == pytest.approx(grads["p"].item(), rel=1e-5)


def test_bad_input_keeps_the_last_good_graph():
    explorer = GraphExplorer()
    good = explorer.graph
    explorer.expression = "a *"
    assert "cannot read" in explorer.error
    assert explorer.graph == good
    explorer.expression = "a * a"
    assert explorer.error == ""
    assert explorer.graph["grads"]["a"] == 2 * explorer.values["a"]
    explorer.values = {**explorer.values, "a": "seven"}
    assert "for a; got 'seven'" in explorer.error


def test_moving_a_value_keeps_the_step_and_moves_the_gradient():
    explorer = GraphExplorer("a * a + b", {"a": 3.0, "b": 1.0})
    explorer.step = 6
    explorer.values = {"a": -4.0, "b": 1.0}
    assert explorer.step == 6
    assert explorer.graph["grads"] == {"a": -8.0, "b": 1.0}


def test_the_step_stays_within_what_there_is():
    explorer = GraphExplorer()
    explorer.step = 999
    assert explorer.step == len(explorer.graph["steps"]) - 1
    explorer.step = -3
    assert explorer.step == 0
