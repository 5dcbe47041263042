"""What once gave a wrong result without a word, or leaned on Python's fall-back: each beside torch."""

import operator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import dlstudy.scratch as scratch

BOTH = pytest.mark.parametrize("M", [torch, scratch], ids=["torch", "scratch"])
INTEGERS = ["uint8", "int8", "int64"]


@BOTH
@pytest.mark.parametrize("counts", [(1, 1), (1, 1, 1), (2, 1)])
def test_a_repeated_tensor_is_a_copy(M: ModuleType, counts: tuple[int, ...]) -> None:
    for repeat in (M.Tensor.repeat, M.tile):
        x = M.ones(2, 3)
        repeat(x, counts).zero_()
        assert x.sum() == 6


@BOTH
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_padding_by_nothing_is_a_copy(M: ModuleType, mode: str) -> None:
    x = M.ones(1, 2, 3)
    M.nn.functional.pad(x, (0, 0), mode=mode).zero_()
    assert x.sum() == 6


def sizes_or_data() -> list[tuple[Any, ...]]:
    return [
        (4,), (2, 3), (np.int64(3),), (0,), (), ([4],), ((2, 3),), (np.ones(2),), (range(3),), (torch.Size([2, 3]),),
        (2.5,), (True,), (None,), ("a",), (2, 2.5), (-1,),
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", sizes_or_data(), ids=repr)
@pytest.mark.parametrize("name", ["Tensor", "FloatTensor", "LongTensor", "BoolTensor", "ByteTensor", "DoubleTensor"])
def test_the_old_constructors(name: str, arguments: tuple[Any, ...]) -> None:
    ours = tuple(scratch.Size(a) if isinstance(a, torch.Size) else a for a in arguments)
    try:
        expected = getattr(torch, name)(*arguments)
    except (TypeError, RuntimeError):
        with pytest.raises((TypeError, RuntimeError), match="expected"):
            getattr(scratch, name)(*ours)
        return
    found = getattr(scratch, name)(*ours)
    assert str(found.dtype) == str(expected.dtype)
    assert tuple(found.shape) == tuple(expected.shape)
    if not arguments or not isinstance(arguments[0], int | np.integer | torch.Size):
        assert found.tolist() == expected.tolist()


@BOTH
def test_a_tensor_of_a_tensor_shares_its_memory(M: ModuleType) -> None:
    x = M.ones(2)
    M.Tensor(x)[0] = 5
    assert x.tolist() == [5, 1]


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("shapes", [((1, 2), (2, 1)), ((3, 1), (1, 4)), ((4,), (2, 4)), ((2, 3), (2, 3))])
def test_cosine_similarity_broadcasts_first(shapes: tuple[tuple[int, ...], ...], dim: int) -> None:
    rng = np.random.default_rng(3)
    a, b = (rng.normal(size=shape) for shape in shapes)
    expected = F.cosine_similarity(torch.tensor(a), torch.tensor(b), dim)
    found = scratch.nn.functional.cosine_similarity(scratch.tensor(a), scratch.tensor(b), dim)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)


OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "eq", "ne", "lt", "le", "gt", "ge"]


@pytest.mark.parametrize("name", OPERATORS)
def test_an_array_beside_a_tensor_gives_a_tensor(name: str) -> None:
    """As `tensor + array` in torch, which refuses some of these: never an array, nor Python's own answer."""
    array = np.array([2.0, 3.0, 5.0])
    x = scratch.tensor([1.0, 3.0, 7.0], dtype=scratch.float64, requires_grad=True)
    found = getattr(operator, name)(x, array)
    expected = getattr(operator, name)(x, scratch.tensor(array))
    assert isinstance(found, scratch.Tensor)
    assert found.tolist() == expected.tolist()
    assert found.requires_grad == expected.requires_grad
    if name not in ("matmul", "floordiv", "mod", "pow"):
        turned = getattr(operator, name)(array, x)
        assert isinstance(turned, scratch.Tensor)
        straight = getattr(operator, name)(scratch.tensor(array), x)
        np.testing.assert_allclose(turned.numpy(force=True), straight.numpy(force=True), rtol=1e-15)


@BOTH
@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")
def test_bytes_as_an_index_are_a_mask(M: ModuleType) -> None:
    x = M.arange(3)
    assert x[M.tensor([1, 0, 1], dtype=M.uint8)].tolist() == [0, 2]
    assert x[np.array([1, 0, 1], dtype=np.uint8)].tolist() == [0, 2]
    assert tuple(x[M.tensor(1, dtype=M.uint8)].shape) == (1, 3)


@pytest.mark.parametrize("mode", ["circular", "reflect", "replicate"])
def test_padding_with_a_negative_side(mode: str) -> None:
    x = np.arange(20.0).reshape(1, 1, 5, 4)
    for before in range(-4, 5):
        for after in range(-4, 5):
            for sides in [(before, after), (before, after, 1, -1)]:
                data = x[:, 0] if len(sides) == 2 else x
                left = min(4, 4 + before, 4 + after, 4 + before + after)
                try:
                    if mode == "circular" and max(before, after) > left:
                        raise RuntimeError("torch would read memory that it has not written, or refuses")
                    expected = F.pad(torch.tensor(data), sides, mode=mode)
                except RuntimeError:
                    with pytest.raises(RuntimeError, match="pad with mode"):
                        scratch.nn.functional.pad(scratch.tensor(data), sides, mode=mode)
                    continue
                found = scratch.nn.functional.pad(scratch.tensor(data), sides, mode=mode)
                assert found.tolist() == expected.tolist(), sides


@pytest.mark.parametrize("kind", ["uint8", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("name", ["sum", "prod", "cumsum"])
def test_a_sum_has_the_format_that_was_asked_for(name: str, kind: str) -> None:
    for given in (np.array([200, 100, 3]), np.array([True, False, True]), np.array([1.5, 2.5, 3.0])):
        expected, found = (getattr(M, name)(M.tensor(given), dim=0, dtype=getattr(M, kind)) for M in (torch, scratch))
        assert str(found.dtype) == str(expected.dtype) == f"torch.{kind}"
        assert found.tolist() == expected.tolist()


VALUES = [float("nan"), float("inf"), 1e300, 300, -1, -300, 2.7, 127, 128, 255, 256]
WRITERS = {
    "fill_": lambda M, x, value: x.fill_(value),
    "full_like": lambda M, x, value: M.full_like(x, value),
    "new_full": lambda M, x, value: x.new_full((2,), value),
    "masked_fill": lambda M, x, value: x.masked_fill(M.tensor([True, False]), value),
    "setitem": lambda M, x, value: x.__setitem__(0, value) or x,
    "index_put": lambda M, x, value: x.__setitem__(M.tensor([1]), value) or x,
}


@pytest.mark.parametrize("writer", sorted(WRITERS))
@pytest.mark.parametrize("kind", [*INTEGERS, "bool", "float16", "float32"])
def test_what_does_not_fit_is_refused(kind: str, writer: str) -> None:
    for value in VALUES:
        try:
            expected = WRITERS[writer](torch, torch.zeros(2, dtype=getattr(torch, kind)), value).tolist()
        except (RuntimeError, OverflowError):
            with pytest.raises(RuntimeError, match="without overflow"):
                WRITERS[writer](scratch, scratch.zeros(2, dtype=getattr(scratch, kind)), value)
            continue
        found = WRITERS[writer](scratch, scratch.zeros(2, dtype=getattr(scratch, kind)), value).tolist()
        assert str(found) == str(expected), value  # as text, in which nan equals nan


def test_a_part_of_a_shape_is_a_shape() -> None:
    for M in (torch, scratch):
        shape = M.zeros(2, 3, 4).shape
        assert shape[1:].numel() == 12
        assert (shape[:1] + shape[2:]).numel() == 8
        assert repr(shape[1:]) == "torch.Size([3, 4])"
        assert isinstance(shape[0], int)


def test_messages_name_the_function_that_was_called() -> None:
    functions = {
        **{name: f for module in scratch.ops.MODULES for name, f in module.FUNCTIONS.items()},
        **{name: f for name, f in vars(scratch.nn.functional).items() if callable(f) and not name.startswith("_")},
        **{f"Tensor.{name}": f for name, f in vars(scratch.Tensor).items() if callable(f)},
    }
    unnamed = [name for name, f in functions.items() if "<" in getattr(f, "__qualname__", "")]
    assert not unnamed
    assert len(functions) > 300
    with pytest.raises(TypeError) as refusal:
        scratch.exp()
    assert "exp()" in str(refusal.value)
