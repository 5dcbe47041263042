"""Tensors themselves: making, describing, converting, printing them, and random numbers, all against torch."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import dlstudy.scratch as scratch

from .cases import ALL_FORMATS
from .parity import assert_same, compare

BOTH = pytest.mark.parametrize("M", [torch, scratch], ids=["torch", "scratch"])
rng = np.random.default_rng(5)

# -- making -------------------------------------------------------------------------------------------------
MADE = """
tensor(1); tensor(1.5); tensor(True); tensor([]); tensor([1, 2]); tensor([1, 2.5]); tensor([[True], [False]])
tensor([[]]); tensor(np.arange(3)); tensor(np.array([1.5, 2.5])); tensor(np.float32(3)); tensor(np.int32(3))
tensor([np.float64(1.5)]); tensor((1, (2))); tensor([tensor(1.5), tensor(2)]); tensor([1, 2], dtype=float32)
tensor([1.7, -2.7], dtype=int64); tensor([0, 2], dtype=bool); tensor([1.5], dtype=float64); tensor(range(3))
Tensor([1, 2]); Tensor(); tensor([1.5, float("nan"), float("inf")]); tensor([300], dtype=int64).to(uint8)
tensor([1, "a"]); zeros(2, 3); zeros((2, 3)); zeros([2]); zeros(()); zeros(0); ones(2, dtype=int64)
ones(2, 3, dtype=bool); full((2, 2), 7); full((2,), 1.5); full((2,), True); full((2,), 7, dtype=float64)
full((), 3); zeros_like(tensor([1, 2])); ones_like(tensor([1.5]), dtype=int64); empty(0, 3)
full_like(tensor([1.5]), 2); empty(2, 3).shape; empty_like(tensor([1])).dtype; eye(3); eye(2, 3)
eye(2, dtype=int64); arange(5); arange(1, 5); arange(1, 5, 2); arange(0, 1, 0.25); arange(5.0); arange(5, 0, -2)
arange(0); arange(1, 0); arange(0, 5, 0); arange(3, dtype=float64); linspace(0, 1, 5); linspace(-2, 3, 7)
linspace(0, 1, 1); linspace(0, 1, 0); linspace(0, 10, 5, dtype=int64); linspace(0, 1, -1)
tensor([1, 2]).new_zeros(3); tensor([1.5]).new_ones((2, 2)); tensor([1]).new_full((2,), 5)
tensor([1.5]).new_tensor([1, 2]); tensor([1.5]).new_zeros(2, dtype=int64); as_tensor([1, 2])
as_tensor(np.arange(3.0)); as_tensor(np.arange(3.0), dtype=float32); as_tensor(tensor([1])); asarray([1.5])
zeros(2, device="cpu"); from_numpy(np.arange(3)); from_numpy(np.array([True])); from_numpy([1])
from_numpy(np.array(["a"])); from_numpy(np.arange(3)[::-1]); broadcast_tensors(tensor([1, 2]), tensor([[1], [2]]))
numel(zeros(2, 3)); is_tensor(zeros(1)); is_tensor(1); tensor([1, 2], requires_grad=True)
result_type(tensor(1), 1.5); result_type(tensor([1]), tensor(1.5)); promote_types(int64, float16)
promote_types(uint8, int8); finfo(float32).eps; finfo(float32).max; finfo(float16).max; finfo(float64).tiny
iinfo(int64).max; iinfo(uint8).max; float32.is_floating_point; float32.itemsize; get_default_dtype(); device("cpu")
device("cpu").type; str(device("cpu")); device("cpu") == zeros(1).device; Size([2, 3]); Size([2, 3]).numel()
str(float32); cuda.is_available() and 0
""".replace("\n", ";").split(";")


@pytest.mark.parametrize("text", [t.strip() for t in MADE if t.strip()])
def test_making(text: str) -> None:
    results: list[Any] = []
    for M in (torch, scratch):
        try:
            results.append(
                eval(text, {"np": np, **{n: getattr(M, n) for n in dir(M)}, "range": range, "str": str, "float": float})
            )
        except (RuntimeError, TypeError, ValueError) as error:
            assert len(str(error)) > 10  # noqa: PT017 - either may refuse, as long as both do
            results.append(None)
    theirs, ours = results
    assert (theirs is None) == (ours is None), f"{text}: torch gives {theirs}, scratch {ours}"
    if isinstance(theirs, tuple) and not isinstance(theirs, torch.Size):
        for a, b in zip(ours, theirs):
            assert_same(a, b, text)
    elif isinstance(theirs, torch.Tensor):
        assert_same(ours, theirs, text)
    else:
        assert str(ours) == str(theirs)


@BOTH
def test_memory_shared_with_numpy(M: Any) -> None:
    array = np.arange(6.0).reshape(2, 3)
    t = M.from_numpy(array)
    t[0, 0] = 9
    assert array[0, 0] == 9
    array[1, 1] = -1
    assert t[1, 1] == -1
    assert np.shares_memory(t.numpy(), array)
    assert np.shares_memory(M.as_tensor(array).numpy(), array)
    assert not np.shares_memory(M.tensor(array).numpy(), array)
    assert np.asarray(t).shape == (2, 3)
    assert np.shares_memory(np.asarray(t), array)
    if M is scratch:  # torch's own __array__ warns here
        assert not np.shares_memory(np.array(t), array)


# -- describing --------------------------------------------------------------------------------------------
DESCRIBED: dict[str, Any] = {
    "shape": lambda M, t: (
        tuple(t.shape),
        tuple(t.size()),
        t.size(0),
        t.size(-1),
        t.ndim,
        t.dim(),
        t.numel(),
        t.nelement(),
        len(t),
    ),
    "strides": lambda M, t: (t.stride(), t.stride(0), t.T.stride(), t[:, 1:].stride(), t[0].stride()),
    "offset": lambda M, t: (
        t.storage_offset(),
        t[1].storage_offset(),
        t[1:, 2:].storage_offset(),
        t.T[2].storage_offset(),
        t.diagonal(1).storage_offset(),
    ),
    "contiguous": lambda M, t: (
        t.is_contiguous(),
        t.T.is_contiguous(),
        t[1:].is_contiguous(),
        t[:, 1:].is_contiguous(),
        t.T.contiguous().is_contiguous(),
    ),
    "address": lambda M, t: (
        t[1].data_ptr() - t.data_ptr(),
        t.T.data_ptr() == t.data_ptr(),
        t.clone().data_ptr() == t.data_ptr(),
    ),
    "storage": lambda M, t: (
        t.untyped_storage().nbytes(),
        t[1].untyped_storage().nbytes(),
        t[1].untyped_storage().data_ptr() == t.data_ptr(),
    ),
    "bytes": lambda M, t: (t.element_size(), t.itemsize, t.nbytes, t.is_cuda),
    "kind": lambda M, t: (t.is_floating_point(), str(t.dtype), str(t.device)),
    "flags": lambda M, t: (t.requires_grad, t.is_leaf, t.grad_fn, t.grad),
    "views": lambda M, t: (t._is_view(), t[0]._is_view(), t[0]._base is t, t.clone()._is_view()),
    "same object": lambda M, t: (
        t.contiguous() is t,
        t.to(t.dtype) is t,
        t.float() is t,
        t.cpu() is t,
        t.to("cpu") is t,
        t.detach() is t,
    ),
    "python": lambda M, t: (
        t[0, 0].item(),
        t.tolist(),
        t[0].tolist(),
        int(t[0, 1]),
        float(t[0, 1]),
        bool(t[0, 1]),
        f"{t[0, 1]:.3f}",
        0.5 in t,
    ),
    "expanded": lambda M, t: (t[:, :1].expand(2, 5).stride(), t[None].expand(4, 2, 3).stride()[0]),
    "reversed": lambda M, t: t.T.reshape(-1).tolist(),
    "index": lambda M, t: ([1, 2, 3][M.tensor(1)], list(range(M.tensor(2)))),
    "hash": lambda M, t: len({t, t, t[0]}),
    "iterate": lambda M, t: [r.tolist() for r in t],
    "unpack": lambda M, t: [x.item() for x in t[0]],
    "not equal": lambda M, t: (t == None, t != "a"),  # noqa: E711
}


@pytest.mark.parametrize("name", DESCRIBED)
def test_describing(name: str) -> None:
    data = np.arange(6, dtype=np.float32).reshape(2, 3) / 2
    assert DESCRIBED[name](scratch, scratch.tensor(data)) == DESCRIBED[name](torch, torch.tensor(data))


@BOTH
def test_copies(M: Any) -> None:
    x = M.tensor([1.0, 2.0], requires_grad=True)
    (x * 2).sum().backward()
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), copy.copy(x)):
        assert other.tolist() == [1.0, 2.0]
        assert other.requires_grad
        assert other.is_leaf
    other = copy.deepcopy(x)
    assert other.grad.tolist() == [2.0, 2.0]
    other.data[0] = 5
    assert x[0].item() == 1
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(x * 2)


def test_numpy_and_numbers_on_the_left() -> None:
    compare(
        lambda M, a: (np.float64(2) * a, np.float32(2) + a, 2 - a, True + a, a * np.int64(3)), rng.uniform(1, 2, (2, 3))
    )


def test_default_dtype() -> None:
    for M in (torch, scratch):
        try:
            M.set_default_dtype(M.float64)
            assert str(M.tensor(1.5).dtype) == "torch.float64"
            assert str((M.tensor([1, 2]) / 2).dtype) == "torch.float64"
            assert str(M.zeros(1)) == "tensor([0.])"
        finally:
            M.set_default_dtype(M.float32)


# -- printing ----------------------------------------------------------------------------------------------
PRINTED = [
    *[
        np.asarray(rng.uniform(-3, 3, s)).astype("float32")
        for s in [(), (1,), (5,), (30,), (2, 3), (2, 1, 3), (1, 2, 2, 2), (0,), (2, 0), (3, 0, 2)]
    ],
    *[
        np.asarray(rng.uniform(-3, 3, 6) * 10.0**k).astype(d)
        for k in (-9, -4, -1, 2, 5, 9)
        for d in ("float32", "float64")
    ],
    *[
        np.asarray(10.0 ** rng.uniform(-6, 6, 7)),
        np.array([1.0, 2.0, 30.0]),
        np.array([0.0]),
        np.array([1e10]),
        np.array([1.0, 1e9]),
        np.array(-0.0),
    ],
    *[
        np.array([1.5, np.nan, np.inf, -np.inf]),
        np.array([1.0, np.nan, -np.inf]),
        np.array([np.nan]),
        np.array([np.inf, 1e-7]),
        np.array([0.00001, 1.0]),
    ],
    *[rng.integers(-500, 500, s) for s in [(), (4,), (40,), (3, 4), (2, 2, 2)]],
    *[np.arange(6).astype(d) for d in ALL_FORMATS],
    *[
        rng.uniform(0, 1, s).astype("float32")
        for s in [(1001,), (40, 40), (12, 12, 12), (2, 600), (600, 2), (7, 3, 60)]
    ],
    *[
        np.arange(2000),
        np.zeros((50, 50), dtype=bool),
        np.arange(6).astype("float16"),
        np.array([99999.0, 1.5]),
        np.array([1000.0, 1.0]),
        np.array([1001.5, 1.0]),
    ],
    *[
        np.array([[1.0, 1e-5], [1e5, 0.0]]),
        np.array([123456789]),
        np.full((3,), 1 / 3),
        np.array([1e8]),
        np.array([1.0001e8]),
        np.array([True]),
    ],
]


@pytest.mark.parametrize("number", range(len(PRINTED)))
def test_printing(number: int) -> None:
    data = PRINTED[number]
    assert repr(scratch.tensor(data)) == repr(torch.tensor(data))
    if data.dtype.kind == "f":
        for f in (
            lambda t: t.requires_grad_(),
            lambda t: t.requires_grad_() * 1,
            lambda t: t.requires_grad_().reshape(-1),
        ):
            assert repr(f(scratch.tensor(data))) == repr(f(torch.tensor(data)))
    assert str(scratch.tensor(data).shape) == str(torch.tensor(data).shape)


def test_printing_pairs() -> None:
    data = rng.uniform(0, 1, (2, 3))
    for f in (lambda M, t: M.max(t, 0), lambda M, t: t.sort(), lambda M, t: t.topk(2), lambda M, t: [t[0], t.min(1)]):
        assert repr(f(scratch, scratch.tensor(data))) == repr(f(torch, torch.tensor(data)))


# -- random numbers ----------------------------------------------------------------------------------------
EXACT = [
    "rand(5)",
    "rand(3, 4)",
    "rand(())",
    "rand(3, dtype=M.float64)",
    "randperm(10)",
    "randperm(0)",
    "randperm(1000)",
    "randint(0, 10, (7,))",
    "randint(5, (3, 2))",
    "randint(-3, 4, (5,))",
    "randint(0, 2**40, (4,))",
    "empty(20).uniform_(-1, 2)",
    "rand_like(M.zeros(2, 3))",
    "randint_like(M.zeros(4), 10)",
    "randint(0, 10, (3,), dtype=M.int32)",
    "rand(5, generator=M.Generator().manual_seed(3))",
    "rand(4, dtype=M.float16)",
    "randperm(7, generator=M.Generator().manual_seed(3))",
]
ROUNDED = [
    "empty(3, dtype=M.float64).uniform_(2, 5)",
    "randn(5)",
    "randn(15)",
    "randn(16)",
    "randn(100)",
    "randn(37)",
    "randn(3, dtype=M.float64)",
    "randn(64, dtype=M.float64)",
    "randn(1)",
    "empty(40).normal_(1, 2)",
    "empty(4).normal_(1, 2)",
    "randn_like(M.zeros(5, 5))",
    "randn(33, dtype=M.float64)",
]


@pytest.mark.parametrize("seed", [0, 1, 1234567, 2**31 + 5, 2**40 + 3])
def test_random_stream(seed: int) -> None:
    torch.manual_seed(seed)
    scratch.manual_seed(seed)
    order = np.random.default_rng(seed % 1000).permutation(len(EXACT) + len(ROUNDED))
    for i in order:  # mixed, so that each must leave the stream where torch leaves it
        call = [*EXACT, *ROUNDED][i]
        theirs = eval("torch." + call.replace("M.", "torch."))
        ours = eval("scratch." + call.replace("M.", "scratch."))
        assert str(ours.dtype) == str(theirs.dtype), call
        if call in EXACT:
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=call)
        else:
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-5, atol=2e-6, err_msg=call)


@BOTH
def test_generator_state(M: Any) -> None:
    g = M.manual_seed(7)
    assert g.initial_seed() == 7
    assert M.initial_seed() == 7
    state = M.get_rng_state()
    first = M.rand(3).tolist()
    M.set_rng_state(state)
    assert M.rand(3).tolist() == first
    with pytest.raises(RuntimeError):
        M.randint(3, 3, (1,))
    with pytest.raises(RuntimeError):
        M.randperm(-1)
    with pytest.raises(RuntimeError):
        M.zeros(2).normal_(0, -1)


def test_random_fill_keeps_the_graph_rules() -> None:
    with pytest.raises(RuntimeError, match="leaf Variable"):
        scratch.zeros(2, requires_grad=True).uniform_()
    x = scratch.zeros(2, requires_grad=True)
    with scratch.no_grad():
        x.uniform_()
    assert x.is_leaf
    assert 0 < x.sum().item() < 2
