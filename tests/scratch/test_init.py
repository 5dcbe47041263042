"""Initial values: torch's own numbers after the same seed, and the variances that the papers ask for."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import dlstudy.scratch as scratch

BOTH = [scratch, torch]
Fill = Callable[[Any, Any], Any]

EXACT: dict[str, Fill] = {  # integers and one rounding: equal bit by bit (in float64, where torch fuses two, to it)
    "uniform_": lambda init, t: init.uniform_(t, -0.3, 0.7),
    "xavier_uniform_": lambda init, t: init.xavier_uniform_(t, gain=1.3),
    "kaiming_uniform_": lambda init, t: init.kaiming_uniform_(t),
    "kaiming_uniform_ out": lambda init, t: init.kaiming_uniform_(t, a=0.2, mode="fan_out"),
    "kaiming_uniform_ tanh": lambda init, t: init.kaiming_uniform_(t, nonlinearity="tanh"),
    "constant_": lambda init, t: init.constant_(t, 0.3),
    "ones_": lambda init, t: init.ones_(t),
    "zeros_": lambda init, t: init.zeros_(t),
}
ROUNDED: dict[str, Fill] = {  # through log and cos
    "normal_": lambda init, t: init.normal_(t, 0.5, 2),
    "xavier_normal_": lambda init, t: init.xavier_normal_(t),
    "kaiming_normal_": lambda init, t: init.kaiming_normal_(t, nonlinearity="relu"),
    "trunc_normal_": lambda init, t: init.trunc_normal_(t),
    "trunc_normal_ narrow": lambda init, t: init.trunc_normal_(t, 0.2, 0.5, -0.3, 0.9),
    "orthogonal_": lambda init, t: init.orthogonal_(t, gain=1.5),
}


@pytest.mark.parametrize("name", [*EXACT, *ROUNDED])
@pytest.mark.parametrize("shape", [(4, 3), (3, 5), (6, 2, 3, 3), (20, 30)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_numbers_as_torch(name: str, shape: tuple[int, ...], dtype: str) -> None:
    filled, after = [], []
    for M in BOTH:
        M.manual_seed(3)
        t = M.empty(shape, dtype=getattr(M, dtype), requires_grad=True)
        result = {**EXACT, **ROUNDED}[name](M.nn.init, t)
        assert result is t
        assert t.requires_grad
        assert t.is_leaf
        filled.append(t.detach().numpy())
        after.append(M.rand(3).numpy())
    if name in EXACT and dtype == "float32":
        np.testing.assert_array_equal(*filled)
    else:
        tolerance = 1e-6 if dtype == "float32" else 1e-15 if name in EXACT else 1e-12
        np.testing.assert_allclose(*filled, rtol=100 * tolerance, atol=tolerance * np.abs(filled[1]).max())
    np.testing.assert_array_equal(*after)  # and the stream goes on from the same place


def test_matrices_that_are_given() -> None:
    for shape in [(3, 5), (4, 4)]:
        tables = [M.nn.init.eye_(M.empty(shape)).numpy() for M in BOTH]
        np.testing.assert_array_equal(*tables)
    for shape, groups in [((4, 2, 3, 3), 2), ((3, 5, 3), 1), ((2, 2, 1, 2, 3), 1)]:
        tables = [M.nn.init.dirac_(M.empty(shape), groups).numpy() for M in BOTH]
        np.testing.assert_array_equal(*tables)


def test_sparse() -> None:
    scratch.manual_seed(0)
    x = scratch.nn.init.sparse_(scratch.empty(50, 20), 0.1, 2.0).numpy()
    assert ((x == 0).sum(0) == 5).all()
    assert 1.7 < x[x != 0].std() < 2.3


LAYERS: dict[str, Callable[[Any], Any]] = {
    "Linear": lambda nn: nn.Linear(7, 5),
    "Linear without bias": lambda nn: nn.Linear(784, 256, bias=False),
    "Bilinear": lambda nn: nn.Bilinear(3, 4, 5),
    "Embedding": lambda nn: nn.Embedding(9, 6, padding_idx=2),
    "MLP": lambda nn: nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
    "BatchNorm2d": lambda nn: nn.BatchNorm2d(4),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_start_with_torchs_numbers(name: str) -> None:
    states = []
    for M in BOTH:
        M.manual_seed(5)
        states.append(LAYERS[name](M.nn).state_dict())
    for key, expected in states[1].items():
        found = states[0][key].numpy()
        if name == "Embedding":
            np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5, atol=1e-6)
        else:
            assert found.tobytes() == expected.numpy().tobytes(), key


# -- the papers --------------------------------------------------------------------------------------------
def variance_test(x: Any, expected: float, kurtosis: float) -> None:
    """Hold the variance of the numbers x, of mean 0, within four standard errors of `expected`."""
    standard_error = expected * math.sqrt((kurtosis - 1) / x.size)
    assert abs((x * x).mean() - expected) < 4 * standard_error
    assert abs(x.mean()) < 4 * math.sqrt(expected / x.size)


NORMAL, UNIFORM = 3.0, 1.8  # the fourth moment over the square of the second


@pytest.mark.parametrize("shape", [(300, 200), (40, 30, 5, 5)])
def test_variances_of_the_papers(shape: tuple[int, ...]) -> None:
    scratch.manual_seed(1)
    init, field = scratch.nn.init, math.prod(shape[2:])
    fan_in, fan_out = shape[1] * field, shape[0] * field

    def fill(name: str, **given: Any) -> Any:
        return getattr(init, name)(scratch.empty(shape, dtype=scratch.float64), **given).numpy()

    glorot = 2 / (fan_in + fan_out)  # Glorot and Bengio, 2010, equation 12
    variance_test(fill("xavier_normal_"), glorot, NORMAL)
    uniform = fill("xavier_uniform_")
    variance_test(uniform, glorot, UNIFORM)
    bound = math.sqrt(6) / math.sqrt(fan_in + fan_out)  # equation 16
    assert bound * 0.999 < np.abs(uniform).max() <= bound

    he = 2 / fan_in  # He et al., arXiv:1502.01852, equation 10
    for mode, fan in (("fan_in", fan_in), ("fan_out", fan_out)):
        variance_test(fill("kaiming_normal_", nonlinearity="relu", mode=mode), 2 / fan, NORMAL)
    variance_test(fill("kaiming_uniform_", nonlinearity="relu"), he, UNIFORM)
    variance_test(fill("kaiming_normal_", a=0.25), 2 / ((1 + 0.25**2) * fan_in), NORMAL)  # equation 15
    variance_test(scratch.nn.Linear(400, 300).weight.detach().numpy(), 1 / (3 * 400), UNIFORM)


def test_signals_keep_their_size_through_thirty_layers() -> None:
    """The reason for the formula (He et al., section 2.2): with ReLU the mean square stays, and with half of that
    variance it halves in every layer.
    """
    scratch.manual_seed(2)
    start = scratch.randn(200, 256, dtype=scratch.float64)
    for shrink, expected in ((1.0, 1.0), (0.5, 0.5)):
        x = start
        for _ in range(30):
            w = scratch.nn.init.kaiming_normal_(scratch.empty(256, 256, dtype=scratch.float64), nonlinearity="relu")
            x = (x @ (w * math.sqrt(shrink)).T).relu()
        factor = (2 * (x * x).mean() / (start * start).mean()).item() ** (1 / 30)
        assert factor == pytest.approx(expected, rel=0.03)


def test_orthogonal_rows() -> None:
    for shape in [(5, 8), (8, 5), (4, 2, 3)]:
        x = scratch.nn.init.orthogonal_(scratch.empty(shape, dtype=scratch.float64), gain=2.0).numpy()
        flat = x.reshape(shape[0], -1)
        small = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
        np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_truncated_normal_far_from_its_mean() -> None:
    """Half of the density's tail: the mean of a normal number given that it is above c is phi(c) / (1 - Phi(c))."""
    scratch.manual_seed(3)
    x = scratch.nn.init.trunc_normal_(scratch.empty(60_000, dtype=scratch.float64), a=1.0, b=9.0).numpy()
    tail = math.exp(-0.5) / math.sqrt(2 * math.pi) / (0.5 * math.erfc(1 / math.sqrt(2)))
    assert x.min() >= 1
    assert abs(x.mean() - tail) < 4 * x.std() / math.sqrt(x.size)


def test_gains() -> None:
    for name in ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]:
        assert scratch.nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert scratch.nn.init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)


@pytest.mark.parametrize(
    ("misuse", "words"),
    [
        (lambda M: M.nn.init.calculate_gain("nonsense"), "Unsupported nonlinearity nonsense"),
        (lambda M: M.nn.init.calculate_gain("leaky_relu", "steep"), "not a valid number"),
        (lambda M: M.nn.init.xavier_uniform_(M.empty(3)), "fewer than 2 dimensions"),
        (lambda M: M.nn.init.kaiming_normal_(M.empty(3, 2), mode="fan_sideways"), "not supported"),
        (lambda M: M.nn.init.eye_(M.empty(3)), "2 dimensions"),
        (lambda M: M.nn.init.dirac_(M.empty(3, 2)), "3, 4, or 5 dimensions"),
        (lambda M: M.nn.init.dirac_(M.empty(3, 2, 1), groups=2), "divisible by groups"),
        (lambda M: M.nn.init.orthogonal_(M.empty(3)), "2 or more dimensions"),
        (lambda M: M.nn.init.sparse_(M.empty(3), 0.5), "2 dimensions"),
    ],
)
def test_misuse(misuse: Callable[[Any], Any], words: str) -> None:
    for M in BOTH:
        with pytest.raises(ValueError, match=words):
            misuse(M)


def test_warnings() -> None:
    for M in BOTH:
        with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
            M.nn.init.kaiming_uniform_(M.empty(0, 3))
        with pytest.warns(UserWarning, match="more than 2 std from"):
            M.nn.init.trunc_normal_(M.empty(2), 4.5, 1.0, -2.0, 2.0)
