"""Every activation, as a function and as a layer, against torch: values, first and second derivatives, printed form."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

import dlstudy.scratch as scratch

from .parity import compare, draw

QUICK = settings(max_examples=25, deadline=None, derandomize=True)

# name: the settings to try. hardsigmoid, whose derivative torch cannot differentiate again, has a test of its own
FUNCTIONS: dict[str, list[dict[str, Any]]] = {
    "relu": [{}],
    "relu6": [{}],
    "leaky_relu": [{}, {"negative_slope": 0.3}, {"negative_slope": 1.5}],
    "hardtanh": [{}, {"min_val": -0.4, "max_val": 2.2}],
    "threshold": [{"threshold": 0.4, "value": -3.0}],
    "hardshrink": [{}, {"lambd": 1.2}],
    "softshrink": [{}, {"lambd": 1.2}],
    "hardswish": [{}],
    "elu": [{}, {"alpha": 0.7}],
    "selu": [{}],
    "celu": [{}, {"alpha": 2.0}],
    "softplus": [{}, {"beta": 1.7, "threshold": 2.0}],
    "logsigmoid": [{}],
    "sigmoid": [{}],
    "tanh": [{}],
    "silu": [{}],
    "mish": [{}],
    "gelu": [{}, {"approximate": "tanh"}],
    "softsign": [{}],
    "tanhshrink": [{}],
    "rrelu": [{}, {"lower": 0.2, "upper": 0.6}],
    "softmax": [{"dim": -1}],
    "softmin": [{"dim": -1}],
    "log_softmax": [{"dim": -1}],
}
ONCE_ONLY = {"softsign"}  # torch loads its compiler for the second derivative, which takes seconds
CASES = [(name, given) for name, several in FUNCTIONS.items() for given in several]
# Where curves bend and where exponentials overflow
EDGES = np.array([0, -0.0, 0.5, -0.5, 1, -1, 3, -3, 6, -6, 20, -20, 90, -90, 800, -800, np.nan])


def call(name: str, given: dict[str, Any]) -> Callable[..., Any]:
    return lambda M, x: getattr(M.nn.functional, name)(x, **given)


@pytest.mark.parametrize(("name", "given"), CASES)
def test_function(name: str, given: dict[str, Any]) -> None:
    rng = np.random.default_rng(1)
    second = name not in ONCE_ONLY
    for shape in ((), (5,), (3, 4), (2, 0, 3), (2, 3, 2)):
        compare(call(name, given), draw(rng, shape, -4, 4), second=second)
    compare(call(name, given), draw(rng, (40,), -8, 8, "float32"), second=second)
    compare(call(name, given), draw(rng, (6,), -3, 3, "float16"), second=False)
    compare(call(name, given), np.array([1, -2, 3]), second=False)  # integers: the same answer or both refuse


@pytest.mark.parametrize(("name", "given"), [c for c in CASES if "softm" not in c[0]])
def test_edges(name: str, given: dict[str, Any]) -> None:
    compare(call(name, given), EDGES, second=False)
    compare(call(name, given), EDGES.astype("float32"), second=False)


@QUICK
@given(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
def test_shapes(shape: tuple[int, ...]) -> None:
    x = draw(np.random.default_rng(0), shape, -4, 4)
    for name in ("gelu", "elu", "silu", "hardswish"):
        compare(call(name, {}), x)
    compare(lambda M, a: M.nn.functional.glu(a, 0), x)
    for dim in range(-1, len(shape)):
        compare(call("softmax", {"dim": dim}), x)


def has_inplace(name: str) -> bool:
    function = getattr(torch.nn.functional, name)
    return inspect.isfunction(function) and "inplace" in inspect.signature(function).parameters


@pytest.mark.parametrize("name", [n for n in (*FUNCTIONS, "dropout") if has_inplace(n)])
def test_in_place(name: str) -> None:
    given = FUNCTIONS.get(name, [{}])[0]

    def f(M: Any, x: Any) -> Any:
        M.manual_seed(3)
        y = x * 1.5
        result = getattr(M.nn.functional, name)(y, **given, inplace=True)
        return y, result * 2

    compare(f, draw(np.random.default_rng(2), (4, 3), -4, 4), second=name not in ONCE_ONLY)


@pytest.mark.parametrize("shape", [(), (40,), (2, 0), (17,)])
def test_hardsigmoid(shape: tuple[int, ...]) -> None:
    x = EDGES.astype("float32") if shape == (17,) else draw(np.random.default_rng(8), shape, -5, 5, "float32")
    results = []
    for M in (scratch, torch):
        a = M.tensor(x, requires_grad=True)
        for y in (
            M.nn.functional.hardsigmoid(a),
            M.nn.Hardsigmoid()(a),
            M.nn.functional.hardsigmoid(a * 1, inplace=True),
        ):
            (y * M.tensor(x + 2)).sum().backward()
        results.append((y.detach().numpy(), a.grad.numpy()))
    for ours, theirs in zip(*results):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
def test_softsign_twice() -> None:
    compare(call("softsign", {}), draw(np.random.default_rng(9), (3, 4), -4, 4))


def test_prelu() -> None:
    rng = np.random.default_rng(3)
    for shape, weights in [((4,), 1), ((), 1), ((3, 4), 4), ((2, 3, 2), 3), ((2, 3, 2), 1), ((0, 3), 3), ((3, 4), 3)]:
        compare(lambda M, x, w: M.nn.functional.prelu(x, w), draw(rng, shape), draw(rng, (weights,)))
    compare(lambda M, x, w: M.nn.functional.prelu(x, w), np.array([0.0, -0.0, 1.0]), draw(rng, (1,)), second=False)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rrelu_draws_the_same_slopes(dtype: str) -> None:
    def f(M: Any, x: Any) -> Any:
        M.manual_seed(5)
        return M.nn.functional.rrelu(x, 0.1, 0.4, True), M.rand(3)

    compare(f, draw(np.random.default_rng(4), (60,), dtype=dtype))


def test_gelu_in_single_precision_keeps_its_digits() -> None:
    x = np.linspace(-5, 5, 2001).astype("float32")
    exact = torch.nn.functional.gelu(torch.tensor(x, dtype=torch.float64)).numpy()
    ours = scratch.nn.functional.gelu(scratch.tensor(x)).numpy()
    np.testing.assert_allclose(ours, exact, rtol=2e-7, atol=1e-7)


def test_error_function_to_its_last_digits() -> None:
    x = np.concatenate([np.linspace(-6, 6, 3001), [1e-300, 1e-9, 0.46875, 4.0, 9.0, 26.0]])
    found = scratch.erf(scratch.tensor(x)).numpy()
    np.testing.assert_allclose(found, [math.erf(v) for v in x], rtol=5e-16, atol=0)
    found = scratch.erfc(scratch.tensor(x)).numpy()
    np.testing.assert_allclose(found, [math.erfc(v) for v in x], rtol=3e-13, atol=0)


LAYERS: dict[str, list[tuple[Any, ...]]] = {
    "Threshold": [(0.1, 2.0), (0.1, 2.0, True)],
    "ReLU": [(), (True,)],
    "RReLU": [(), (0.1, 0.3, True)],
    "Hardtanh": [(), (-2, 2.5, True)],
    "ReLU6": [(), (True,)],
    "Sigmoid": [()],
    "Tanh": [()],
    "SiLU": [(), (True,)],
    "Mish": [(), (True,)],
    "Hardswish": [(), (True,)],
    "ELU": [(), (0.5, True)],
    "CELU": [(), (0.5, True)],
    "SELU": [(), (True,)],
    "GLU": [(), (0,)],
    "GELU": [(), ("tanh",)],
    "Hardshrink": [(), (1.0,)],
    "LeakyReLU": [(), (0.2, True)],
    "LogSigmoid": [()],
    "Softplus": [(), (2.0, 3.0)],
    "Softshrink": [(), (1.0,)],
    "PReLU": [(), (6, 0.1)],
    "Softsign": [()],
    "Tanhshrink": [()],
    "Softmin": [(0,), (-1,)],
    "Softmax": [(0,), (-1,)],
    "LogSoftmax": [(0,), (-1,)],
    "Softmax2d": [()],
}
FOREIGN = {"MultiheadAttention", "Hardsigmoid"}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str) -> None:
    x = draw(np.random.default_rng(5), (4, 6, 2) if name == "Softmax2d" else (4, 6), -4, 4)
    for arguments in LAYERS[name]:
        ours, theirs = (getattr(nn, name)(*arguments) for nn in (scratch.nn, torch.nn))
        assert repr(ours) == repr(theirs)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        for training in (True, False):

            def f(M: Any, a: Any, training: bool = training, arguments: Any = arguments) -> Any:
                M.manual_seed(6)
                return getattr(M.nn, name)(*arguments).double().train(training)(a * 1)

            compare(f, x, second=name.lower() not in ONCE_ONLY)


def test_no_activation_is_missing() -> None:
    theirs = set(torch.nn.modules.activation.__all__)
    assert theirs - set(LAYERS) == FOREIGN


def test_the_guess_of_softmax_is_torchs_and_warns() -> None:
    for shape in [(3,), (2, 3), (2, 3, 2), (1, 2, 3, 2)]:
        x = draw(np.random.default_rng(7), shape)
        with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
            ours = scratch.nn.functional.softmax(scratch.tensor(x))
        with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
            theirs = torch.nn.functional.softmax(torch.tensor(x))
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda nn: nn.Hardtanh(2, 1), "max_val"),
        (lambda nn: nn.Softmax2d()(nn.Parameter()), "3D or 4D"),
    ],
)
def test_refusals(make: Callable[..., Any], message: str) -> None:
    for nn in (torch.nn, scratch.nn):
        with pytest.raises((AssertionError, ValueError), match=message if nn is scratch.nn else None):
            make(nn)
