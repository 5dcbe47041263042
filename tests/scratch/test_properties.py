"""Broadcasting and indexing over shapes and indices that hypothesis makes up, against torch."""

import doctest
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dlstudy.scratch as scratch
from dlstudy.scratch import shapes

from .parity import compare

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
SHAPE = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def numbers(shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.asarray(np.random.default_rng(seed).uniform(0.5, 2, shape))


# -- broadcasting ------------------------------------------------------------------------------------------
@QUICK
@given(st.lists(SHAPE, min_size=0, max_size=4))
def test_broadcast_shapes(many: list[tuple[int, ...]]) -> None:
    try:
        expected = tuple(torch.broadcast_shapes(*many))
    except RuntimeError:
        try:
            found = shapes.broadcast_shapes(*many)
        except RuntimeError as error:
            assert "in dimension" in str(error)  # noqa: PT017
            return
        raise AssertionError(f"torch refuses {many}, we return {found}") from None
    assert shapes.broadcast_shapes(*many) == expected


@QUICK
@given(
    hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4),
    st.sampled_from(["add", "mul", "div", "sub", "maximum", "pow"]),
)
def test_two_inputs(pair: Any, name: str) -> None:
    a, b = (numbers(s, i) for i, s in enumerate(pair.input_shapes))
    compare(lambda M, x, y: getattr(M, name)(x, y), a, b)


@QUICK
@given(SHAPE, SHAPE)
def test_shapes_that_may_not_fit(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    compare(lambda M, x, y: x * y, numbers(a, 1), numbers(b, 2), second=False)


@QUICK
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4))
def test_sum_to_shape(pair: Any) -> None:
    shape, result = pair.input_shapes[0], pair.result_shape
    grad = numbers(result, 3)
    expected = torch.tensor(grad).sum_to_size(shape).numpy()
    np.testing.assert_allclose(shapes.sum_to_shape(grad, shape), expected)
    found = shapes.sum_to_shape(scratch.tensor(grad), shape)
    assert tuple(found.shape) == shape
    np.testing.assert_allclose(found.numpy(), expected)


@QUICK
@given(SHAPE, st.data())
def test_strides_and_flat_index(shape: tuple[int, ...], data: Any) -> None:
    strides = shapes.row_major_strides(shape)
    assert strides == torch.empty(shape).stride()
    if 0 in shape:
        return
    flat = torch.arange(int(np.prod(shape)))
    index = tuple(data.draw(st.integers(0, size - 1)) for size in shape)
    assert flat[shapes.flat_index(index, strides)] == flat.reshape(shape)[index]
    assert shapes.flat_index(index, strides, 5) == shapes.flat_index(index, strides) + 5


def test_flat_index_wants_one_index_per_stride() -> None:
    for bad in [((1,), (4, 1)), ((1, 2, 3), (4, 1))]:
        with pytest.raises(ValueError, match=str(len(bad[0]))):
            shapes.flat_index(*bad)


def test_examples_in_the_docstrings() -> None:
    result = doctest.testmod(shapes)
    assert result.attempted >= 4
    assert result.failed == 0


# -- reductions --------------------------------------------------------------------------------------------
@QUICK
@given(SHAPE, st.sampled_from(["sum", "mean", "var", "amax", "logsumexp"]), st.booleans(), st.data())
def test_reductions(shape: tuple[int, ...], name: str, keep: bool, data: Any) -> None:
    dims = (
        data.draw(st.lists(st.integers(-len(shape), len(shape) - 1), min_size=1, max_size=3, unique=True))
        if shape
        else [0]
    )
    compare(lambda M, x: getattr(M, name)(x, tuple(dims), keepdim=keep), numbers(shape))


# -- indexing ----------------------------------------------------------------------------------------------
def one_index(size: int) -> Any:
    """Return a strategy for one entry of an index along a dimension of `size`, sometimes out of range."""
    small = st.one_of(st.none(), st.integers(-size - 1, size + 1))
    basic = st.one_of(
        st.integers(-size - (size == 0), max(size - 1, 0)), st.builds(slice, small, small, st.integers(1, 3))
    )
    if not size:
        return basic
    advanced = hnp.arrays(
        np.int64, hnp.array_shapes(min_dims=1, max_dims=2, max_side=3), elements=st.integers(-size, size - 1)
    )
    return st.one_of(basic, basic, advanced, hnp.arrays(bool, (size,)))


@st.composite
def indexed(draw: Any) -> tuple[Any, Any]:
    """Return a shape and an index that mixes numbers, slices, None, an ellipsis, index arrays and masks."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
    used = draw(st.integers(0, len(shape)))
    entries: list[Any] = [draw(one_index(size)) for size in shape[:used]]
    if draw(st.booleans()):
        entries.insert(draw(st.integers(0, len(entries))), None)
    if draw(st.booleans()):
        tail = draw(st.integers(0, len(shape) - used))
        entries = [*entries, Ellipsis, *[draw(one_index(size)) for size in shape[len(shape) - tail :]]]
    return shape, tuple(entries)


def to_index(M: Any, index: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(M.tensor(i) if isinstance(i, np.ndarray) else i for i in index)


@settings(QUICK, max_examples=300)
@given(indexed())
def test_reading(case: Any) -> None:
    shape, index = case
    compare(lambda M, x: x[to_index(M, index)], numbers(shape))


@settings(QUICK, max_examples=200)
@given(indexed(), st.booleans())
def test_writing(case: Any, number: bool) -> None:
    shape, index = case
    data = numbers(shape, 1)
    try:
        place = torch.tensor(data)[to_index(torch, index)]
    except (IndexError, RuntimeError):
        place = torch.zeros(())
    # a place that is written twice may keep either value, so the same one is written everywhere
    values = np.full(tuple(place.shape), 7.5)

    def write(M: Any, x: Any, v: Any) -> Any:
        y = x * 2
        y[to_index(M, index)] = 7.5 if number else v * 1
        return y

    repeated = any(isinstance(i, np.ndarray) and i.dtype != bool for i in index)
    compare(write, data, values if not repeated else np.array(7.5))


@QUICK
@given(indexed())
def test_views_share_memory_as_in_torch(case: Any) -> None:
    shape, index = case
    if any(isinstance(i, np.ndarray) for i in index):
        return
    theirs, ours = torch.zeros(shape), scratch.zeros(shape)
    try:
        view = theirs[index]
    except IndexError:
        return
    mine = ours[index]
    assert mine.untyped_storage().data_ptr() == ours.untyped_storage().data_ptr()
    if view.numel():
        assert mine.storage_offset() == view.storage_offset()
        steps = [(a, b) for a, b, size in zip(mine.stride(), view.stride(), view.shape) if size > 1]
        assert all(a == b for a, b in steps)
        assert mine.is_contiguous() == view.is_contiguous()
    view.fill_(3)
    mine.fill_(3)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


SPECIAL_INDICES: list[Any] = [
    True,
    False,
    (True, 0),
    [0, 1],
    ([0, 1], [1, 0]),
    (0, slice(None), [0, 1]),
    (slice(None), 0, [0, 1]),
    ([0, 1], slice(None), 0),
    ([[0, 1]], slice(None), [0, 1]),
    (slice(None), [0, 1], [1, 2]),
    slice(None, None, -1),
    1.5,
    "a",
    (0, 0, 0, 0),
    7,
    [7],
    -9,
    (slice(1, None), None, 0),
    ([True, False],),
    np.int64(1),
    (),
    Ellipsis,
    None,
    slice(5, 1),
    ([0, 1], [0, 1, 2]),
    [],
    (slice(None), []),
    np.array(1),
    np.array(True),
    (np.array([1, 0]), np.array([[0], [1]])),
]


def test_unusual_indices() -> None:
    def convert(M: Any, index: Any) -> Any:
        if isinstance(index, tuple):
            return tuple(convert(M, i) for i in index)
        return M.tensor(index) if isinstance(index, np.ndarray) else index

    data = numbers((2, 3, 4))
    for index in SPECIAL_INDICES:
        try:
            compare(lambda M, x, i=index: x[convert(M, i)], data)
        except Exception as error:
            raise AssertionError(f"index {index!r}") from error


def test_repeated_index_adds_up() -> None:
    x = scratch.zeros(3, requires_grad=True)
    x[[0, 0, 0, 2]].backward(scratch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert x.grad is not None
    assert x.grad.tolist() == [6.0, 0.0, 4.0]


WRITES: list[Any] = [
    lambda M, y, v: y.__setitem__((0, slice(None)), v[0]),
    lambda M, y, v: y.__setitem__(M.tensor([0, 1]), v),
    lambda M, y, v: y.__setitem__(y > 1, 0.0),
    lambda M, y, v: y.__setitem__(M.tensor([0, 1]), v.float()),
    lambda M, y, v: y.__setitem__(0, v.float()[0]),
    lambda M, y, v: y.__setitem__(0, v),
    lambda M, y, v: y.__setitem__(0, v[None, :1]),
    lambda M, y, v: y.__setitem__(0, M.ones(5, dtype=M.float64)),
    lambda M, y, v: y.__setitem__(y > 100, v[0, 0]),
    lambda M, y, v: y.__setitem__((slice(None), 1), 3),
    lambda M, y, v: y.__setitem__(0, [1.0, 2.0, 3.0]),
    lambda M, y, v: y[1].__setitem__(0, v[0, 0]),
    lambda M, y, v: y[:, 1:].__setitem__(M.tensor([0]), v[:1, 1:]),
    lambda M, y, v: y.index_put_((M.tensor([0]), M.tensor([2])), v[0, 0]),
    lambda M, y, v: y.__setitem__(y.detach() > 1, v[v.detach() > 100]),
]


def test_writing_by_hand() -> None:
    for number, write in enumerate(WRITES):

        def f(M: Any, a: Any, v: Any, write: Any = write) -> Any:
            y = a * 1.5
            write(M, y, v)
            return y

        try:
            compare(f, numbers((2, 3)), numbers((2, 3), 5))
        except Exception as error:
            raise AssertionError(f"write number {number}") from error
