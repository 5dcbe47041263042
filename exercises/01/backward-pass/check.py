"""Oracle: PyTorch runs the same program on its own tensors; hand-worked numbers for the two smallest.

A case is a few lines of Python, as a learner could type them, and the values of its leaves. It runs twice: with nodes
that look like the page's `Var`, on which the answer walks, and with torch tensors.
"""

import numpy as np
import torch

from dlstudy.course.checking import Case


class Node:
    def __init__(self, value, parents=(), pull=None):
        self.value = np.asarray(value, dtype=np.float64)
        self.parents, self.hand_on, self.pull = parents, pull, self.turn if pull else None
        self.turns = self.misfits = 0
        self.grad = np.zeros_like(self.value)

    def turn(self, gradient):
        """Hand on `gradient`, and note that it was done and whether it fits."""
        self.turns += 1
        self.misfits += np.shape(gradient) != self.value.shape
        return self.hand_on(gradient)

    def __add__(self, other):
        return Node(self.value + other.value, (self, other), lambda g: (g, g))

    def __mul__(self, other):
        return Node(self.value * other.value, (self, other), lambda g: (g * other.value, g * self.value))

    def tanh(self):
        t = np.tanh(self.value)
        return Node(t, (self,), lambda g: (g * (1 - t * t),))

    def sum(self):
        return Node(self.value.sum(), (self,), lambda g: (np.broadcast_to(g, self.value.shape),))


def chain(x, length):
    """Add a small constant to x, `length` times over."""
    step = type(x)(0.001) if isinstance(x, Node) else torch.tensor(0.001, dtype=torch.float64)
    for _ in range(length):
        x = x + step
    return x


def bent(x, times):
    for _ in range(times):
        x = x + x.tanh()
    return x


def doubled(x, times):
    for _ in range(times):
        x = x + x
    return x


FRESH = "Right wherever every `.grad` is still at zero; here something is there already."
SHALLOW = "Right on every graph but this one, which is 10,000 nodes deep."


def cases(rng):
    def array(*shape):
        return np.round(rng.normal(size=shape), 2)

    return [
        Case(
            "the example of the task",
            "result = a * b + a",
            {"a": 2.0, "b": 3.0},
            expected=grads(a=4.0, b=2.0, result=1.0),
        ),
        Case("a value times itself", "result = a * a", {"a": 3.0}, expected=grads(a=6.0, result=1.0)),
        Case("one node alone", "result = a", {"a": 5.0}, expected=grads(turns=0, a=1.0)),
        Case(
            "a node and its own tanh, multiplied",
            "p = a * b; q = p.tanh(); result = p * q",
            {"a": 0.5, "b": 1.5},
        ),
        Case(
            "the same, with the factors exchanged",
            "p = a * b; q = p.tanh(); result = q * p",
            {"a": 0.5, "b": 1.5},
        ),
        Case(
            "a diamond: one value, two ways, one result",
            "p = a * b; q = p.tanh(); r = p * p; result = q + r",
            {"a": 0.5, "b": -1.5},
        ),
        Case(
            "a short way and a long way to the same node",
            "p = a * b; q = p.tanh(); r = q.tanh(); s = r * q; result = p * s",
            {"a": 0.7, "b": 1.2},
        ),
        Case(
            "the long way first",
            "p = a * b; q = p.tanh(); r = q.tanh(); s = r * q; result = s * p",
            {"a": 0.7, "b": 1.2},
        ),
        Case(
            "arrays, one of them used twice",
            "p = a + b; q = p + a; result = (q * c).sum()",
            {"a": array(2, 2), "b": array(2, 2), "c": array(2, 2)},
        ),
        Case(
            "a shared part inside arrays",
            "p = (a * b).tanh(); q = p + p; r = q * p; result = (r + q).sum()",
            {"a": array(3), "b": array(3)},
        ),
        Case("a result that is an array", "p = a + b; result = p * a", {"a": array(2, 3), "b": array(2, 3)}),
        Case("ten times over, a value and its tanh, added", "result = bent(a, 10)", {"a": 0.1}),
        Case(
            "equal numbers, a zero, and an axis of one",
            "p = a * b; result = (p + p.tanh()) * a",
            {"a": np.array([[0.0, 2.0, 2.0]]), "b": np.array([[1.5, -0.5, -0.5]])},
        ),
        Case("a leaf whose .grad held 10 before", "result = a * b", {"a": 2.0, "b": 3.0}, {"a": 10.0}, alone=FRESH),
        Case("the same graph walked twice", "p = a * b; result = p * p", {"a": 2.0, "b": 0.5}, times=2, alone=FRESH),
        Case(
            "the same graph walked three times",
            "p = a + b; q = p.tanh(); result = q * p",
            {"a": 0.3, "b": 0.5},
            times=3,
            alone=FRESH,
        ),
        Case("a value added to itself, sixty times over", "result = doubled(a, 60)", {"a": 1.0}),
        Case("a chain of 10,000 additions", "result = chain(a, 10_000)", {"a": 1.0}, alone=SHALLOW),
    ]


def grads(turns=1, **values):
    return {f"{name}.grad": np.asarray(value) for name, value in values.items()} | once(turns)


def once(turns, misfits=0):
    """What is asked of the walk itself: the most calls of one `.pull` in a pass, and gradients of another shape."""
    return {"the most calls of one .pull": turns, "gradients that have not the shape of their node": misfits}


def given(program, values, before=None, times=1):
    text = f"{program}, with " + ", ".join(f"{name} = {np.asarray(value).tolist()}" for name, value in values.items())
    for name, value in (before or {}).items():
        text += f", and {name}.grad at {value} before"
    return text + (f", backward_pass(result) called {times} times" if times > 1 else "")


def run(answer, program, values, before=None, times=1):
    names = {name: Node(value) for name, value in values.items()}
    for name, value in (before or {}).items():
        names[name].grad = np.asarray(value)
    kept = [(node, node.value.copy()) for node in names.values()]
    exec(program, {"chain": chain, "doubled": doubled, "bent": bent}, names)
    nodes, turns = list(_behind(names["result"])), 0
    for _ in range(times):
        answer(names["result"])
        turns = max([turns, *(node.turns for node in nodes)])
        for node in nodes:
            node.turns = 0
    for node, value in kept:
        if not np.array_equal(node.value, value):
            raise AssertionError("a node's .value was changed; only .grad may be")
    found = {f"{name}.grad": np.array(node.grad) for name, node in names.items() if name not in _twins(names)}
    return found | once(turns, sum(node.misfits for node in nodes))


def oracle(program, values, before=None, times=1):
    names = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in values.items()}
    for name, value in (before or {}).items():
        names[name].grad = torch.tensor(value, dtype=torch.float64)
    exec(program, {"chain": chain, "doubled": doubled, "bent": bent}, names)
    for tensor in names.values():
        tensor.retain_grad()
    for _ in range(times):
        names["result"].backward(torch.ones_like(names["result"]), retain_graph=True)
    found = {f"{name}.grad": tensor.grad.numpy() for name, tensor in names.items() if name not in _twins(names)}
    return found | once(1)


def _twins(names):
    """`result` where it is only another name for a leaf."""
    return {"result"} if any(names["result"] is other for name, other in names.items() if name != "result") else set()


def watch(answer, program, values, before=None, times=1):
    """See a node hand its gradient on before one that it flows into had its own turn."""
    names = {name: Node(value) for name, value in values.items()}
    exec(program, {"chain": chain, "doubled": doubled, "bent": bent}, names)
    nodes = [node for node in _behind(names["result"]) if node.pull is not None]
    turns = []
    for node in nodes:
        node.pull = _noting(node, turns)
    answer(names["result"])
    turn = {node: number for number, node in enumerate(turns)}
    if len(turn) < len(turns):
        return None  # a node may hand on each share by itself: slow, and another mistake
    pairs = [(node, parent) for node in turn for parent in node.parents if parent in turn]
    return "too-early" if any(turn[parent] < turn[node] for node, parent in pairs) else None


def _noting(node, turns):
    pull = node.pull

    def noted(gradient):
        turns.append(node)
        return pull(gradient)

    return noted


def nothing(solution):
    """Zeros: the walk that never happened."""
    return lambda result: None


def scaled(factor):
    def make(solution):
        def answer(result):
            solution(result)
            for node in _behind(result):
                node.grad = node.grad * factor

        return answer

    return make


def narrow(solution):
    def answer(result):
        solution(result)
        for node in _behind(result):
            node.grad = node.grad.astype(np.float32)

    return answer


def _behind(result):
    found, waiting = {}, [result]
    while waiting:
        node = waiting.pop()
        if id(node) not in found:
            found[id(node)] = node
            waiting.extend(node.parents)
    return found.values()


AUTOMATIC = {"zeros": nothing, "negated": scaled(-1.0), "sum-for-mean": scaled(3.0), "wrong-dtype": narrow}
