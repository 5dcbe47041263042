"""Pooling, windows as columns and frames against torch: values, ties, nans, derivatives of both orders, refusals."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import dlstudy.scratch as scratch
from dlstudy.scratch import conv
from dlstudy.scratch.conv import pool

from .parity import compare

SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))
SMALL = st.tuples(st.integers(0, 2), st.integers(0, 2))
PICTURE = st.tuples(st.integers(0, 2), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9))


def rng_of(*key: int) -> np.random.Generator:
    return np.random.default_rng(list(key))


def functional(M: Any) -> Any:
    return M.nn.functional


# -- the largest number ----------------------------------------------------------------------------------------
@SETTINGS
@given(PICTURE, PAIR, st.one_of(st.none(), PAIR), SMALL, PAIR, st.booleans(), st.booleans())
def test_max_pool2d(
    shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, ties: bool
) -> None:
    assume(all(2 * p <= k for p, k in zip(padding, kernel)))  # where torch's forward and backward disagree
    x = rng_of(*shape, *kernel).uniform(-2, 2, shape)
    x = np.round(x) if ties else x
    options = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    compare(lambda M, x: functional(M).max_pool2d(x, kernel, **options), x)
    compare(lambda M, x: functional(M).max_pool2d(x, kernel, return_indices=True, **options), x, second=False)


def test_ties_go_to_the_first_and_nans_to_the_last() -> None:
    nan, inf = float("nan"), float("inf")
    for numbers in [
        [[1, nan, 3, nan], [nan, 2, 5, 5], [1, 1, 1, 1], [1, 1, 1, 1]],
        [[-inf] * 4] * 4,
        [[inf, inf, 0, -inf], [inf, 1, 2, 0], [-inf, -inf, 0, nan], [-inf, -inf, 0, 0]],
    ]:
        x = np.array([[numbers]])
        for options in ({}, {"stride": 1}, {"stride": 1, "padding": 1}, {"kernel_size": 3, "stride": 1, "padding": 1}):
            given: dict[str, Any] = {"kernel_size": 2, **options}
            results = []
            for M in (torch, scratch):
                t = M.tensor(x, requires_grad=True)
                y, index = functional(M).max_pool2d(t, return_indices=True, **given)
                weights = M.tensor(rng_of(1).uniform(1, 2, tuple(y.shape)))
                y.backward(weights)
                results.append([y.detach().numpy(), index.numpy(), t.grad.numpy()])
            for ours, theirs in zip(results[1], results[0]):
                np.testing.assert_allclose(ours, theirs)


def test_max_pool2d_of_integers_and_single_precision() -> None:
    whole = rng_of(2).integers(-9, 9, (2, 3, 5, 6))
    compare(lambda M, x: functional(M).max_pool2d(x, 2), whole)
    compare(lambda M, x: functional(M).max_pool2d(x, 3, 2, 1), whole.astype("float32"), second=False)
    compare(lambda M, x: functional(M).max_pool2d(x.permute(0, 1, 3, 2)[:, :, ::2], 2), whole.astype("float64"))


def test_more_planes_than_are_done_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "BLOCK", 3 * 6 * 6 * 8)  # three planes
    x = rng_of(3).uniform(-2, 2, (2, 5, 6, 6))
    for kernel, stride in ((2, 2), (3, 1), (3, 2)):
        compare(lambda M, x, k=kernel, s=stride: functional(M).max_pool2d(x, k, s), x)
        compare(lambda M, x, k=kernel, s=stride: functional(M).avg_pool2d(x, k, s), x)


# -- the mean ----------------------------------------------------------------------------------------------------
@SETTINGS
@given(PICTURE, PAIR, st.one_of(st.none(), PAIR), SMALL, st.booleans(), st.booleans(), st.sampled_from([None, None, 3]))
def test_avg_pool2d(
    shape: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, count: bool, divisor: Any
) -> None:
    x = rng_of(*shape, *kernel).uniform(-2, 2, shape)
    options = {"ceil_mode": ceil_mode, "count_include_pad": count, "divisor_override": divisor}
    compare(lambda M, x: functional(M).avg_pool2d(x, kernel, stride, padding, **options), x)


@SETTINGS
@given(PICTURE, st.one_of(st.integers(1, 9), st.tuples(*[st.one_of(st.none(), st.integers(1, 9))] * 2)))
def test_adaptive(shape: Any, size: Any) -> None:
    x = rng_of(*shape).uniform(-2, 2, shape)
    compare(lambda M, x: functional(M).adaptive_avg_pool2d(x, size), x)
    compare(lambda M, x: functional(M).adaptive_max_pool2d(x, size), x)
    compare(lambda M, x: functional(M).adaptive_max_pool2d(x, size, return_indices=True), np.round(x), second=False)


def test_pictures_without_a_batch() -> None:
    x = rng_of(4).uniform(-2, 2, (3, 5, 6))
    for name, arguments in [
        ("max_pool2d", (2,)), ("avg_pool2d", (2, 1, 1)), ("adaptive_avg_pool2d", (2,)), ("adaptive_max_pool2d", (2,)),
        ("unfold", (2,)),
    ]:  # fmt: skip
        compare(lambda M, x, name=name, a=arguments: getattr(functional(M), name)(x, *a), x)
    compare(lambda M, x: functional(M).fold(x, (3, 4), 2), rng_of(5).uniform(-2, 2, (8, 6)))


# -- windows as columns, frames ----------------------------------------------------------------------------------
@SETTINGS
@given(PICTURE, PAIR, PAIR, SMALL, PAIR)
def test_unfold_and_fold(shape: Any, kernel: Any, dilation: Any, padding: Any, stride: Any) -> None:
    assume(shape[0])
    x = rng_of(*shape, *kernel).uniform(-2, 2, shape)
    compare(lambda M, x: functional(M).unfold(x, kernel, dilation, padding, stride), x)
    try:
        columns = F.unfold(torch.tensor(x), kernel, dilation, padding, stride)
    except RuntimeError:
        return
    columns = rng_of(6).uniform(-2, 2, tuple(columns.shape))
    compare(lambda M, c: functional(M).fold(c, shape[2:], kernel, dilation, padding, stride), columns)


@SETTINGS
@given(
    PICTURE,
    st.sampled_from(["constant", "reflect", "replicate", "circular"]),
    st.lists(st.integers(-2, 3), min_size=6, max_size=6),
    st.sampled_from([2, 4, 6]),
    st.sampled_from([None, 1.5]),
)
def test_pad(shape: Any, mode: str, widths: list[int], count: int, value: Any) -> None:
    assume(shape[0])
    if mode != "constant":
        widths, value, count = [max(0, w) for w in widths], None, 4
    x = rng_of(*shape).uniform(-2, 2, shape)
    compare(lambda M, x: functional(M).pad(x, widths[:count], mode, value), x)


# -- the clear forms of the lesson -------------------------------------------------------------------------------
@pytest.mark.parametrize(("kernel", "stride"), [(2, None), (3, None), (3, 1), (3, 2), (2, 3)])
def test_clear_max_pooling(kernel: int, stride: int | None) -> None:
    x = np.round(rng_of(7).uniform(-3, 3, (2, 3, 8, 7)))
    t = torch.tensor(x, requires_grad=True)
    y = F.max_pool2d(t, kernel, stride)
    np.testing.assert_array_equal(conv.max_pool2d_windows(x, kernel, stride), y.detach().numpy())
    grad = rng_of(8).uniform(-2, 2, tuple(y.shape))
    (expected,) = torch.autograd.grad(y, t, torch.tensor(grad))
    np.testing.assert_allclose(conv.max_pool2d_backward(grad, x, kernel, stride), expected.numpy(), atol=1e-12)


# -- refusals ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "shape", "arguments", "message"),
    [
        ("max_pool2d", (1, 1, 4, 4), {"kernel_size": 5}, "Output size is too small"),
        ("max_pool2d", (1, 1, 4, 4), {"kernel_size": 2, "padding": 2}, "at most half of effective kernel size"),
        ("max_pool2d", (1, 1, 4, 4), {"kernel_size": 2, "stride": 0}, "stride should not be zero"),
        ("max_pool2d", (4, 4), {"kernel_size": 2}, r"Expected 3D or 4D \(batch mode\) tensor"),
        ("max_pool2d", (1, 0, 4, 4), {"kernel_size": 2}, "Expected 3D or 4D"),
        ("avg_pool2d", (1, 1, 4, 4), {"kernel_size": 2, "divisor_override": 0}, "divisor must be not zero"),
        ("adaptive_avg_pool2d", (1, 1, 4, 4), {"output_size": (2, 2, 2)}, "output_size must be 2"),
        ("adaptive_avg_pool2d", (4, 4), {"output_size": 2}, "non-zero size for non-batch dimensions"),
        ("unfold", (1, 1, 2, 2), {"kernel_size": 3}, "no larger than the padded input"),
        ("fold", (1, 5, 4), {"output_size": 3, "kernel_size": 2}, "divisible by the 4 taps"),
        ("fold", (1, 4, 5), {"output_size": 3, "kernel_size": 2}, r"expected 4 columns \(2 x 2 places\)"),
        ("pad", (1, 1, 4, 4), {"pad": (1,)}, "even number of paddings"),
        ("pad", (1, 1, 4, 4), {"pad": (-3, -2)}, "resulted in a negative output size"),
        ("pad", (1, 1, 4, 4), {"pad": (4, 0, 0, 0), "mode": "reflect"}, "at most 3 elements on a side"),
    ],
)
def test_refusals(name: str, shape: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((RuntimeError, ValueError), match=message):
        getattr(functional(scratch), name)(scratch.ones(*shape), **arguments)
    with pytest.raises((RuntimeError, ValueError)):
        getattr(F, name)(torch.ones(*shape), **arguments)


def test_layers() -> None:
    x = rng_of(9).uniform(-2, 2, (2, 3, 8, 7))
    for make in (
        lambda nn: nn.MaxPool2d(2),
        lambda nn: nn.MaxPool2d((3, 2), stride=(2, 1), padding=1, dilation=2, ceil_mode=True),
        lambda nn: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        lambda nn: nn.AdaptiveAvgPool2d((1, None)),
        lambda nn: nn.AdaptiveMaxPool2d(3),
    ):
        assert repr(make(scratch.nn)) == repr(make(torch.nn))
        compare(lambda M, x, make=make: make(M.nn)(x), x)
    compare(lambda M, x: M.nn.MaxPool2d(2, return_indices=True)(x), x, second=False)
