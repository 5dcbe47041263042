"""Linear, dropout, embedding, normalization and flattening layers against torch, in training and in evaluation."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dlstudy.scratch as scratch

from .modules import compare_call, numeric_gradient_check, pair
from .parity import compare, draw

QUICK = settings(max_examples=20, deadline=None, derandomize=True)
Make = Callable[[Any], Any]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# -- linear ------------------------------------------------------------------------------------------------
@QUICK
@given(
    st.lists(st.integers(0, 4), max_size=3), st.integers(1, 5), st.integers(1, 5), st.booleans(),
    st.sampled_from(["float32", "float64"]),
)  # fmt: skip
def test_linear(leading: list[int], n_in: int, n_out: int, bias: bool, dtype: str) -> None:
    ours, theirs = pair(lambda M: M.nn.Linear(n_in, n_out, bias), dtype=dtype)
    compare_call(ours, theirs, draw(rng(1), (*leading, n_in), dtype=dtype))
    compare_call(ours, theirs, draw(rng(2), (*leading, n_in), dtype=dtype))
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("shape", [(5, 3), (3,), (0, 3), (2, 4, 3), (2, 2), ()])
@pytest.mark.parametrize("weight", [(4, 3), (1, 3), (3,)])
@pytest.mark.parametrize("bias", [None, (4,), (1,), (), (3,)])
def test_functional_linear(shape: tuple[int, ...], weight: tuple[int, ...], bias: Any) -> None:
    rest = [] if bias is None else [draw(rng(3), bias)]
    compare(lambda M, x, w, *b: M.nn.functional.linear(x, w, *b), draw(rng(1), shape), draw(rng(2), weight), *rest)


def test_linear_needs_one_format() -> None:
    x, w = draw(rng(), (2, 3)), draw(rng(), (4, 3), dtype="float32")
    compare(lambda M, x, w: M.nn.functional.linear(x, w), x, w)
    compare(lambda M, x, w, b: M.nn.functional.linear(x, w, b), x, w.astype(float), draw(rng(), (4,), dtype="float32"))


@pytest.mark.parametrize("bias", [True, False])
def test_bilinear(bias: bool) -> None:
    ours, theirs = pair(lambda M: M.nn.Bilinear(3, 2, 4, bias))
    compare_call(ours, theirs, draw(rng(1), (5, 3)), draw(rng(2), (5, 2)))
    assert repr(ours) == repr(theirs)


# -- Linear and ReLU in one operation -----------------------------------------------------------------------
def mlp(M: Any) -> Any:
    nn = M.nn
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 70), nn.ReLU(), nn.Linear(70, 5, bias=False), nn.ReLU(), nn.Tanh())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [0, 1, 64])
def test_sequential_of_linear_and_relu(rows: int, dtype: str) -> None:
    ours, theirs = pair(mlp, dtype=dtype)
    compare_call(ours, theirs, draw(rng(1), (rows, 2, 3), dtype=dtype))


@pytest.mark.parametrize("bias", [True, False])
def test_linear_relu_has_both_derivatives(bias: bool) -> None:
    from dlstudy.scratch.ops.linear import linear_relu

    def f(M: Any, *tensors: Any) -> Any:
        if M is torch:
            hidden = torch.relu(torch.nn.functional.linear(*tensors))
        else:
            hidden = linear_relu(*tensors)
            assert hidden.grad_fn is None or hidden.grad_fn.name() == "ReluBackward0"
        return hidden, hidden * hidden, hidden.detach()

    parameters = [draw(rng(2), (4, 3)), *([draw(rng(3), (4,))] if bias else [])]
    for shape in ((5, 3), (3,), (2, 2, 3), (0, 3)):
        compare(f, draw(rng(1), shape), *parameters)


def count_nodes(t: Any) -> int:
    seen, stack = set(), [t.grad_fn]
    while stack:
        node = stack.pop()
        if node is not None and node not in seen:
            seen.add(node)
            stack += [edge for edge, _ in node.next_functions]
    return len([node for node in seen if not node.is_leaf])


def test_the_two_are_merged_only_when_nobody_looks_between_them() -> None:
    x = scratch.tensor(draw(rng(1), (3, 6)), requires_grad=True)
    nn = scratch.nn

    def operations(change: Callable[[Any], Any] = lambda m: m) -> int:
        model = nn.Sequential(nn.Linear(6, 4), nn.ReLU()).double()
        return count_nodes((change(model) or model)(x))

    assert operations() == 1
    seen: list[str] = []
    assert operations(lambda m: m[0].register_forward_hook(lambda *_: seen.append("linear")) and None) == 2
    assert operations(lambda m: m[1].register_forward_pre_hook(lambda *_: seen.append("relu")) and None) == 2
    assert seen == ["linear", "relu"]
    assert operations(lambda m: setattr(m[0], "forward", lambda v: v * 1)) == 2  # and not the layer's own forward

    class Doubled(nn.Linear):
        def forward(self, input: Any) -> Any:
            return super().forward(input) * 2

    model = nn.Sequential(Doubled(6, 4), nn.ReLU()).double()
    np.testing.assert_allclose(model(x).detach().numpy(), model[1](model[0](x)).detach().numpy())


def test_hooks_inside_a_sequential_see_what_torch_shows_them() -> None:
    reports = []
    for model in pair(lambda M: M.nn.Sequential(M.nn.Linear(3, 4), M.nn.ReLU(), M.nn.Linear(4, 2))):
        M = scratch if isinstance(model, scratch.nn.Module) else torch
        seen: list[Any] = []
        for i, part in enumerate(model):
            part.register_forward_hook(lambda m, a, o, i=i, seen=seen: seen.append((i, a[0].detach(), o.detach())))
            part.register_full_backward_hook(lambda m, gi, go, i=i, seen=seen: seen.append((i, gi[0], go[0])))
        x = M.tensor(draw(rng(1), (5, 3)), requires_grad=True)
        (model(x) ** 2).sum().backward()
        reports.append([(i, a.numpy(), b.numpy()) for i, a, b in seen])
    assert [r[0] for r in reports[0]] == [r[0] for r in reports[1]] == [0, 1, 2, 2, 1, 0]
    for mine, other in zip(*reports):
        for a, b in zip(mine[1:], other[1:]):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_relu_of_large_arrays_and_views() -> None:
    for shape in [(4096,), (5000,), (3, 4096), (64, 300), (2, 3000)]:
        compare(lambda M, x: M.relu(x), draw(rng(1), shape), second=False)
        compare(lambda M, x: (M.relu(x.T), M.relu(x[..., ::2])), draw(rng(1), shape, dtype="float32"), second=False)
    special = np.full(5000, np.nan)
    special[:3], special[4500:4503] = (-0.0, np.inf, -np.inf), (-0.0, np.inf, -np.inf)
    compare(lambda M, x: M.relu(x), special, second=False)


# -- normalization -----------------------------------------------------------------------------------------
BATCH_NORMS = [("BatchNorm1d", (6, 3)), ("BatchNorm1d", (4, 3, 5)), ("BatchNorm2d", (2, 3, 4, 2))]
SETTINGS: list[dict[str, Any]] = [
    {}, {"momentum": 0.3, "eps": 0.1}, {"momentum": None}, {"affine": False}, {"bias": False},
    {"track_running_stats": False},
]  # fmt: skip


@pytest.mark.parametrize(("name", "shape"), [*BATCH_NORMS, ("BatchNorm3d", (2, 3, 2, 2, 2))])
@pytest.mark.parametrize("given", SETTINGS)
def test_batch_norm_over_several_batches(name: str, shape: tuple[int, ...], given: dict[str, Any]) -> None:
    for dtype in ("float64", "float32"):
        ours, theirs = pair(lambda M: getattr(M.nn, name)(3, **given), dtype=dtype)
        assert repr(ours) == repr(theirs)
        for step, training in enumerate((True, True, False, True, False)):
            ours.train(training)
            theirs.train(training)
            compare_call(ours, theirs, draw(rng(step), shape, -3, 5, dtype) * (step + 1))
        ours.reset_running_stats()
        theirs.reset_running_stats()
        compare_call(ours, theirs, draw(rng(9), shape, dtype=dtype))


def test_batch_norm_that_stops_tracking() -> None:
    ours, theirs = pair(lambda M: M.nn.BatchNorm1d(3))
    for tracks, training in ((True, True), (False, True), (False, False), (True, True)):
        for layer in (ours, theirs):
            layer.track_running_stats = tracks
            layer.train(training)
        compare_call(ours, theirs, draw(rng(1), (5, 3)) * 2)


@QUICK
@given(
    st.lists(st.integers(0, 3), min_size=0, max_size=3), st.integers(0, 4), st.integers(1, 3), st.booleans(),
    st.sampled_from(["none", "weight", "both"]),
)  # fmt: skip
def test_functional_batch_norm(places: list[int], n: int, channels: int, training: bool, affine: str) -> None:
    weights = [draw(rng(i), (channels,)) for i in range(("none", "weight", "both").index(affine))]

    def f(M: Any, x: Any, *rest: Any) -> Any:
        mean, var = (M.tensor(rng(5).uniform(0.5, 2, channels)) for _ in range(2))
        wb = [*rest, None, None][:2]
        out = M.nn.functional.batch_norm(x, mean, var, *wb, training, 0.2, 1e-3)
        return out, mean, var

    compare(f, draw(rng(3), (n, channels, *places)), *weights)


def test_batch_norm_without_statistics() -> None:
    for training in (True, False):
        compare(lambda M, x, t=training: M.nn.functional.batch_norm(x, None, None, training=t), draw(rng(), (4, 3)))


LAYER_NORMS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("LayerNorm", (3,), {}, (4, 3)),
    ("LayerNorm", ((2, 3),), {"eps": 0.1}, (4, 2, 3)),
    ("LayerNorm", ([3],), {"elementwise_affine": False}, (4, 2, 3)),
    ("LayerNorm", (3,), {"bias": False}, (0, 3)),
    ("LayerNorm", (3,), {}, (3,)),
    ("RMSNorm", (3,), {}, (4, 3)),
    ("RMSNorm", ((2, 3),), {"eps": 0.1}, (4, 2, 3)),
    ("RMSNorm", (3,), {"elementwise_affine": False}, (4, 3)),
    ("GroupNorm", (2, 4), {}, (3, 4, 2, 2)),
    ("GroupNorm", (4, 4), {"eps": 0.1}, (3, 4, 3)),
    ("GroupNorm", (1, 4), {"affine": False}, (3, 4)),
    ("GroupNorm", (2, 4), {"bias": False}, (3, 4)),
    ("InstanceNorm1d", (3,), {}, (2, 3, 4)),
    ("InstanceNorm1d", (3,), {"affine": True}, (3, 4)),
    ("InstanceNorm2d", (3,), {"affine": True, "track_running_stats": True}, (2, 3, 4, 2)),
    ("InstanceNorm2d", (3,), {"track_running_stats": True, "momentum": 0.4}, (3, 4, 2)),
]


@pytest.mark.parametrize(("name", "arguments", "given", "shape"), LAYER_NORMS)
def test_norms_of_single_examples(name: str, arguments: Any, given: Any, shape: tuple[int, ...]) -> None:
    for dtype in ("float64", "float32"):
        ours, theirs = pair(lambda M: getattr(M.nn, name)(*arguments, **given), dtype=dtype)
        assert repr(ours) == repr(theirs)
        for step, training in enumerate((True, True, False)):
            ours.train(training)
            theirs.train(training)
            compare_call(ours, theirs, draw(rng(step), shape, -3, 5, dtype))


@QUICK
@given(
    st.lists(st.integers(0, 3), min_size=0, max_size=3), st.lists(st.integers(1, 3), min_size=1, max_size=2),
    st.booleans(),
)  # fmt: skip
def test_functional_layer_norm(leading: list[int], shape: list[int], affine: bool) -> None:
    weights = [draw(rng(i), tuple(shape)) for i in range(2 * affine)]
    x = draw(rng(3), (*leading, *shape))
    compare(lambda M, x, *wb: M.nn.functional.layer_norm(x, shape, *wb), x, *weights)
    compare(lambda M, x, *w: M.nn.functional.rms_norm(x, shape, *w, eps=1e-3), x, *weights[:1])
    compare(lambda M, x: M.nn.functional.layer_norm(x, [*shape, 2]), x)


@QUICK
@given(st.lists(st.integers(1, 3), max_size=2), st.integers(0, 3), st.integers(1, 3), st.integers(1, 3))
def test_functional_group_norm(places: list[int], n: int, groups: int, per_group: int) -> None:
    c = groups * per_group
    x, w, b = draw(rng(1), (n, c, *places)), draw(rng(2), (c,)), draw(rng(3), (c,))
    compare(lambda M, x, w, b: M.nn.functional.group_norm(x, groups, w, b), x, w, b)
    compare(lambda M, x: M.nn.functional.group_norm(x, groups + 1), x)


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "group_norm"])
def test_half_precision_is_computed_in_single(name: str) -> None:
    x = draw(rng(1), (6, 4), dtype="float16")

    def f(M: Any, x: Any) -> Any:
        function = getattr(M.nn.functional, name)
        if name == "batch_norm":
            return function(x, None, None, training=True)
        return function(x, (4,)) if name == "layer_norm" else function(x, 1)

    compare(f, x, second=False)


def test_statistics_are_those_of_the_paper() -> None:
    """Normalize by the variance over n, track the one over n - 1 (Ioffe and Szegedy, algorithms 1 and 2)."""
    x = rng(1).normal(3, 2, (5, 2))
    layer = scratch.nn.BatchNorm1d(2, eps=0, momentum=1.0).double()
    y = layer(scratch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(y, (x - x.mean(0)) / x.std(0, ddof=0), rtol=1e-10)
    np.testing.assert_allclose(layer.running_var.numpy(), x.var(0, ddof=1), rtol=1e-10)
    np.testing.assert_allclose(layer.running_mean.numpy(), x.mean(0), rtol=1e-10)


# -- embedding ---------------------------------------------------------------------------------------------
INDICES = [np.array([[1, 2, 1], [0, 4, 1]]), np.array(2), np.zeros((0, 2), "int64"), np.array([3, 3, 3])]
TABLES: list[dict[str, Any]] = [
    {}, {"padding_idx": 1}, {"padding_idx": -2}, {"scale_grad_by_freq": True},
    {"scale_grad_by_freq": True, "padding_idx": 1},
]  # fmt: skip


@pytest.mark.parametrize("given", TABLES)
def test_embedding(given: dict[str, Any]) -> None:
    ours, theirs = pair(lambda M: M.nn.Embedding(5, 3, **given))
    assert repr(ours) == repr(theirs)
    for index in [*INDICES, INDICES[0].astype("int32")]:
        compare_call(ours, theirs, index)
        f: Callable[..., Any] = lambda M, w, i=index: M.nn.functional.embedding(M.tensor(i), w, **given)  # noqa: E731
        compare(f, draw(rng(1), (5, 3)), second="scale_grad_by_freq" not in given)


def test_embedding_adds_up_many_repeats() -> None:
    index = rng(1).integers(0, 7, (40, 11))
    compare(lambda M, w: M.nn.functional.embedding(M.tensor(index), w), draw(rng(2), (9, 4), dtype="float32"))


@pytest.mark.parametrize("norm", [1, 2, 3.0])
def test_embedding_with_a_longest_length(norm: float) -> None:
    ours, theirs = pair(lambda M: M.nn.Embedding(5, 3, max_norm=0.8, norm_type=norm))
    assert repr(ours) == repr(theirs)
    for _ in range(2):
        compare_call(ours, theirs, INDICES[0])
        np.testing.assert_allclose(ours.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-6)


def test_embedding_refuses_what_is_not_in_the_table() -> None:
    for bad in (np.array([5]), np.array([-1]), np.array([0.5])):
        compare(lambda M, w, bad=bad: M.nn.functional.embedding(M.tensor(bad), w), draw(rng(), (5, 3)))
    for nn in (torch.nn, scratch.nn):
        with pytest.raises(AssertionError, match="Padding_idx must be within num_embeddings"):
            nn.Embedding(5, 3, padding_idx=5)


def test_embedding_from_given_vectors() -> None:
    table = draw(rng(1), (4, 3))
    for freeze in (True, False):
        layers = [M.nn.Embedding.from_pretrained(M.tensor(table), freeze, padding_idx=2) for M in (scratch, torch)]
        assert repr(layers[0]) == repr(layers[1])
        assert [layer.weight.requires_grad for layer in layers] == [not freeze] * 2
        np.testing.assert_array_equal(*[layer.weight.detach().numpy() for layer in layers])


# -- dropout -----------------------------------------------------------------------------------------------
DROPOUTS = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]


@pytest.mark.parametrize("name", DROPOUTS)
@pytest.mark.parametrize("p", [0, 0.3, 1])
def test_dropout_drops_what_torch_drops(name: str, p: float) -> None:
    ours, theirs = pair(lambda M: getattr(M.nn, name)(p))
    assert repr(ours) == repr(theirs)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="dropout[23]d: ", category=UserWarning)
        shapes: list[tuple[int, ...]] = [(30, 4), (5, 4, 3), (0, 3), (2, 6, 3, 2), (2, 6, 3, 2, 2)]
        for shape in shapes[:3] if name == "Dropout1d" else shapes:
            for training in (True, False):
                ours.train(training)
                theirs.train(training)
                for dtype in ("float64", "float32"):
                    compare_call(ours, theirs, draw(rng(1), shape, dtype=dtype), seed=11)


def test_dropout_goes_on_with_the_same_stream() -> None:
    def f(M: Any, x: Any) -> Any:
        M.manual_seed(4)
        return (
            M.nn.functional.dropout(x, 0.4),
            M.nn.functional.dropout(x, 0.7),
            M.rand(4),
            M.bernoulli(M.full((9,), 0.3)),
        )

    compare(f, draw(rng(1), (25,)))
    compare(lambda M, x: (M.manual_seed(1), x.clone().bernoulli_(0.3))[1], np.zeros(50, "int64"))


def test_dropout_keeps_the_mean_and_what_it_keeps() -> None:
    scratch.manual_seed(0)
    y = scratch.nn.functional.dropout(scratch.ones(100_000), 0.3).numpy()
    assert set(np.unique(y)) == {0.0, np.float32(1) / np.float32(0.7)}
    standard_error = np.sqrt(0.3 / 0.7 / 100_000)
    assert abs(y.mean() - 1) < 4 * standard_error
    x = scratch.ones(5)
    assert scratch.nn.Dropout(0.5).eval()(x) is x


def test_dropout_refuses_what_is_no_probability() -> None:
    for nn in (torch.nn, scratch.nn):
        for p in (-0.1, 1.5):
            with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got"):
                nn.Dropout(p)
    compare(lambda M, x: M.nn.functional.dropout(x, 1.5), draw(rng(), (3,)))
    compare(lambda M, x: M.nn.functional.dropout1d(x, 0.5), draw(rng(), (3,)))
    with pytest.warns(UserWarning, match="dropout2d: "):
        compare(lambda M, x: M.nn.functional.dropout2d(x, 0.5), draw(rng(), (3,)))


# -- shapes ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("arguments", [(), (0,), (1, 2), (0, -2), (-2,)])
def test_flatten(arguments: tuple[int, ...]) -> None:
    ours, theirs = pair(lambda M: M.nn.Flatten(*arguments))
    assert repr(ours) == repr(theirs)
    compare_call(ours, theirs, draw(rng(1), (2, 3, 4, 2)))


@pytest.mark.parametrize("sizes", [(2, 3), [3, -1], (1, 6)])
def test_unflatten(sizes: Any) -> None:
    ours, theirs = pair(lambda M: M.nn.Unflatten(1, sizes))
    assert repr(ours) == repr(theirs)
    compare_call(ours, theirs, draw(rng(1), (4, 6)))


# -- against central differences ---------------------------------------------------------------------------
CHECKED: dict[str, tuple[Make, tuple[int, ...]]] = {
    "Linear": (lambda M: M.nn.Linear(3, 2), (4, 3)),
    "MLP": (lambda M: M.nn.Sequential(M.nn.Linear(3, 4), M.nn.ReLU(), M.nn.Linear(4, 2), M.nn.GELU()), (4, 3)),
    "BatchNorm1d": (lambda M: M.nn.BatchNorm1d(2), (4, 2)),
    "BatchNorm2d": (lambda M: M.nn.BatchNorm2d(2), (2, 2, 3, 1)),
    "BatchNorm1d, evaluation": (lambda M: M.nn.BatchNorm1d(2).eval(), (4, 2)),
    "LayerNorm": (lambda M: M.nn.LayerNorm((2, 3)), (2, 2, 3)),
    "GroupNorm": (lambda M: M.nn.GroupNorm(2, 4), (2, 4, 2)),
    "RMSNorm": (lambda M: M.nn.RMSNorm(3), (2, 3)),
    "PReLU": (lambda M: M.nn.PReLU(3), (4, 3)),
    "Dropout": (lambda M: M.nn.Dropout(0.4), (4, 3)),
    "Bilinear": (lambda M: M.nn.Sequential(M.nn.Linear(3, 3), M.nn.Mish(), M.nn.Softplus()), (2, 3)),
}


@pytest.mark.parametrize("name", CHECKED)
def test_gradients_against_central_differences(name: str) -> None:
    make, shape = CHECKED[name]
    ours, _ = pair(make)
    numeric_gradient_check(ours, draw(rng(1), shape))


def test_embedding_against_central_differences() -> None:
    ours, _ = pair(lambda M: M.nn.Embedding(4, 2))
    numeric_gradient_check(ours, np.array([[0, 1, 1], [3, 1, 0]]))
