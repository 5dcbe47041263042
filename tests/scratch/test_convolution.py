"""Convolution against torch: every kernel and every form, over generated geometry; derivatives of both orders."""

import threading
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import dlstudy.scratch as scratch
from dlstudy.scratch import conv
from dlstudy.scratch.conv import buffers, flat, kernel_choice, pointwise, rows, winograd
from dlstudy.scratch.conv.geometry import Geometry, geometry

from .parity import compare, draw

SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
SIDE = st.integers(1, 9)


def rng_of(*key: int) -> np.random.Generator:
    return np.random.default_rng(list(key))


def functional(M: Any) -> Any:
    return M.nn.functional


@st.composite
def problems(draw_: Any, most: int = 3, stride: int = 3, groups: int = 3) -> dict[str, Any]:
    """Arrays and settings of a convolution that exists."""
    pair = lambda low, high: st.tuples(st.integers(low, high), st.integers(low, high))  # noqa: E731
    g = draw_(st.integers(1, groups))
    kernel, dilation, padding = draw_(pair(1, 4)), draw_(pair(1, 3)), draw_(pair(0, 3))
    sizes = draw_(pair(1, 9))
    size = tuple(
        max(1, n + d * (k - 1) - 2 * p if n > 4 else n) for n, k, d, p in zip(sizes, kernel, dilation, padding)
    )
    assume(all(n + 2 * p >= d * (k - 1) + 1 for n, k, d, p in zip(size, kernel, dilation, padding)))
    n = draw_(st.sampled_from([0, 1, 2, 5]))
    c, f = draw_(st.integers(1, most)), draw_(st.integers(1, most))
    r = rng_of(*size, *kernel, n, c, f)
    arguments: dict[str, Any] = {
        "stride": draw_(st.one_of(st.just((1, 1)), pair(1, stride))), "padding": padding, "dilation": dilation,
        "groups": g,
    }  # fmt: skip
    x, w = r.uniform(-2, 2, (n, g * c, *size)), r.uniform(-2, 2, (g * f, c, *kernel))
    return {"x": x, "w": w, "b": r.uniform(-2, 2, g * f), **arguments}


def split(problem: dict[str, Any]) -> tuple[Any, Any, Any, dict[str, Any]]:
    rest = {key: value for key, value in problem.items() if key not in "xwb"}
    return problem["x"], problem["w"], problem["b"], rest


# -- the public function -----------------------------------------------------------------------------------
@settings(SETTINGS, max_examples=60)
@given(problems(), st.booleans())
def test_conv2d_and_its_derivatives(problem: Any, with_bias: bool) -> None:
    x, w, b, rest = split(problem)
    if with_bias:
        compare(lambda M, x, w, b: functional(M).conv2d(x, w, b, **rest), x, w, b)
    else:
        compare(lambda M, x, w: functional(M).conv2d(x, w, **rest), x, w)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 5), (4, 1)])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
def test_named_padding(padding: str, kernel: tuple[int, int], dilation: int) -> None:
    r = rng_of(1)
    x, w = draw(r, (2, 3, 9, 8)), draw(r, (4, 3, *kernel))
    compare(lambda M, x, w: functional(M).conv2d(x, w, padding=padding, dilation=dilation), x, w)


@settings(SETTINGS, max_examples=30)
@given(problems(), st.integers(0, 2), st.integers(0, 2))
def test_conv_transpose2d_and_its_derivatives(problem: Any, down: int, across: int) -> None:
    x, w, _, rest = split(problem)
    assume(len(x))  # torch does not check an empty batch
    x = rng_of(3).uniform(-2, 2, (len(x), len(w), *x.shape[2:]))
    b = rng_of(4).uniform(-2, 2, w.shape[1] * rest["groups"])
    rest["output_padding"] = (down, across)
    compare(lambda M, x, w, b: functional(M).conv_transpose2d(x, w, b, **rest), x, w, b)


@settings(SETTINGS, max_examples=20)
@given(st.integers(1, 9), st.integers(1, 3), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3))
def test_conv1d(length: int, kernel: int, stride: int, padding: int, dilation: int) -> None:
    x, w, b = (rng_of(5, i).uniform(-2, 2, s) for i, s in enumerate([(2, 4, length), (6, 2, kernel), (6,)]))
    rest = {"stride": stride, "padding": padding, "dilation": dilation, "groups": 2}
    compare(lambda M, x, w, b: functional(M).conv1d(x, w, b, **rest), x, w, b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "case",
    [  # N, C, F, H, W, kernel, groups, stride, padding, dilation: each kernel as `kernel_choice` takes it
        (2, 64, 64, 10, 13, 3, 1, 1, 1, 1),
        (1, 48, 64, 8, 8, 3, 1, 1, 0, 1),
        (3, 12, 12, 12, 16, 3, 12, 1, 1, 1),
        (2, 6, 18, 11, 9, 3, 6, 2, 1, 1),
        (2, 72, 8, 7, 6, 3, 1, 1, 2, 1),
        (2, 8, 4, 5, 6, 1, 2, 1, 0, 1),
        (2, 3, 16, 12, 12, 5, 1, 2, 2, 1),
        (1, 4, 4, 11, 12, 3, 2, 1, 5, 2),
    ],
)
def test_layers_of_usual_sizes(case: tuple[int, ...], dtype: str) -> None:
    n, c, f, h, w_, k, g, s, p, d = case
    r = rng_of(*case)
    x, w, b = (r.standard_normal(size).astype(dtype) for size in ((n, c, h, w_), (f, c // g, k, k), (f,)))
    rest = {"stride": s, "padding": p, "dilation": d, "groups": g}
    compare(lambda M, x, w, b: functional(M).conv2d(x, w, b, **rest), x, w, b, second=dtype == "float64")


def test_inputs_that_do_not_lie_in_order() -> None:
    r = rng_of(6)
    x, w = draw(r, (5, 6, 3, 2)), draw(r, (3, 3, 2, 4))

    def f(M: Any, x: Any, w: Any) -> Any:
        return functional(M).conv2d(x.permute(3, 2, 0, 1), w.permute(3, 0, 2, 1).flip(3), padding=1)

    compare(f, x, w)
    compare(lambda M, x, w: f(M, x[::2], w[:, ::2]), x, w)
    wide = draw(r, (2, 5, 5)), draw(r, (3, 2, 3, 3))
    compare(lambda M, x, w: functional(M).conv2d(x.expand(3, 2, 5, 5), w, padding=2).sum((0, 3)), *wide)


def test_gradient_arrives_broadcast_or_transposed() -> None:
    r = rng_of(7)
    x, w = draw(r, (2, 3, 6, 5)), draw(r, (4, 3, 3, 3))
    compare(lambda M, x, w: functional(M).conv2d(x, w, padding=1).sum(), x, w)
    compare(lambda M, x, w: functional(M).conv2d(x, w, padding=1).permute(3, 0, 2, 1).cos(), x, w)


def test_half_precision_is_computed_in_single() -> None:
    r = rng_of(8)
    x, w = draw(r, (2, 3, 6, 5), dtype="float16"), draw(r, (4, 3, 3, 3), dtype="float16")
    ours = functional(scratch).conv2d(scratch.tensor(x), scratch.tensor(w)).numpy()
    assert ours.dtype == np.float16
    expected = F.conv2d(torch.tensor(x).double(), torch.tensor(w).double()).numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=2e-2)


def test_a_single_picture_without_a_batch() -> None:
    r = rng_of(9)
    x, w, b = draw(r, (3, 6, 5)), draw(r, (4, 3, 3, 3)), draw(r, (4,))
    compare(lambda M, x, w, b: functional(M).conv2d(x, w, b), x, w, b)
    compare(lambda M, x, w: functional(M).conv_transpose2d(x, w, stride=2), x, draw(r, (3, 2, 2, 3)))


# -- float64 differences -----------------------------------------------------------------------------------
@settings(SETTINGS, max_examples=15)
@given(problems(most=2, groups=2))
def test_gradients_by_differences(problem: Any) -> None:
    """(f(x + h) - f(x - h)) / 2h: no other library has a say in this one. f is linear in each, so h may be large."""
    x, w, b, rest = split(problem)
    assume(x.size)
    leaves = [scratch.tensor(a, requires_grad=True) for a in (x, w, b)]
    y = functional(scratch).conv2d(*leaves, **rest)
    weights = rng_of(10).uniform(0.5, 1.5, tuple(y.shape))
    (y * scratch.tensor(weights)).sum().backward()

    def loss(*arrays: Any) -> float:
        given = [scratch.tensor(a) for a in arrays]
        return float((functional(scratch).conv2d(*given, **rest).numpy() * weights).sum())

    for i, leaf in enumerate(leaves):
        r = rng_of(11, i)
        for _ in range(4):
            where = tuple(r.integers(0, size) for size in leaf.shape)
            arrays = [[x.copy(), w.copy(), b.copy()] for _ in range(2)]
            arrays[0][i][where] += 0.5
            arrays[1][i][where] -= 0.5
            assert leaf.grad.numpy()[where] == pytest.approx(loss(*arrays[0]) - loss(*arrays[1]), abs=1e-9)


# -- every kernel, also where `kernel_choice` would take another ------------------------------------------------------
KERNELS: dict[str, Any] = {
    "flat": flat, "rows": rows, "winograd": winograd, "pointwise": pointwise,
}  # fmt: skip


def applies(name: str, geo: Geometry, x: Any) -> bool:
    module = KERNELS[name]
    if name == "flat":
        return True
    return bool(module.fits(geo))


def check_kernel(name: str, x: Any, w: Any, b: Any, rest: dict[str, Any]) -> None:
    """All that a kernel module offers, in both formats, against torch in float64."""
    module = KERNELS[name]
    geo = geometry(x.shape[2:], w.shape[2:], rest["stride"], rest["padding"], rest["dilation"], rest["groups"])
    if not applies(name, geo, x):
        return
    X, W = (torch.tensor(a, requires_grad=True) for a in (x, w))
    y = F.conv2d(X, W, torch.tensor(b), **rest)
    grad = rng_of(12).standard_normal(tuple(y.shape))
    expected_x, expected_w = torch.autograd.grad(y, (X, W), torch.tensor(grad))
    for dtype, tolerance in (("float64", 1e-11), ("float32", 2e-5)):
        x_, w_, b_, grad_ = (a.astype(dtype) for a in (x, w, b, grad))
        close = {
            "rtol": tolerance,
            "atol": tolerance * max(1, *(float(t.detach().abs().max()) for t in (y, expected_x, expected_w))),
        }
        for bias in (b_, None):
            out = np.full(y.shape, np.nan, dtype)
            module.forward(x_, w_, bias, geo, out)
            left = y.detach().numpy() - (0 if bias is not None else b[:, None, None])
            np.testing.assert_allclose(out, left, **close, err_msg=f"{name} forward {dtype}")
        if hasattr(module, "weight_gradient"):
            np.testing.assert_allclose(module.weight_gradient(x_, grad_, geo), expected_w.numpy(), **close)
        if hasattr(module, "input_gradient"):
            out = np.full(x.shape, np.nan, dtype)
            module.input_gradient(grad_, w_, geo, out)
            np.testing.assert_allclose(out, expected_x.numpy(), **close)


@settings(SETTINGS, max_examples=40)
@given(problems())
def test_flat(problem: Any) -> None:
    x, w, b, rest = split(problem)
    assume(len(x))
    check_kernel("flat", x, w, b, rest)


@settings(SETTINGS, max_examples=40)
@given(problems(groups=1))
def test_rows(problem: Any) -> None:
    x, w, b, rest = split(problem)
    assume(len(x))
    check_kernel("rows", x, w, b, {**rest, "dilation": (1, rest["dilation"][1])})


@settings(SETTINGS, max_examples=30)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), SIDE, SIDE, st.integers(0, 3), st.integers(0, 3))
def test_winograd(n: int, c: int, f: int, h: int, w: int, top: int, left: int) -> None:
    assume(h + 2 * top >= 3 and w + 2 * left >= 3)
    r = rng_of(n, c, f, h, w)
    rest = {"stride": (1, 1), "padding": (top, left), "dilation": (1, 1), "groups": 1}
    check_kernel("winograd", *(r.standard_normal(s) for s in ((n, c, h, w), (f, c, 3, 3), (f,))), rest)


@settings(SETTINGS, max_examples=30)
@given(problems(), st.integers(2, 4))
def test_depthwise(problem: Any, channels: int) -> None:
    x, w, _, rest = split(problem)
    assume(len(x))
    r = rng_of(13, channels)
    x = r.uniform(-2, 2, (len(x), channels, *x.shape[2:]))
    w = r.uniform(-2, 2, (channels * w.shape[1], 1, *w.shape[2:]))
    check_kernel("flat", x, w, r.uniform(-2, 2, len(w)), {**rest, "groups": channels})


@pytest.mark.parametrize("groups", [1, 2])
def test_pointwise(groups: int) -> None:
    r = rng_of(14)
    rest = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": groups}
    check_kernel("pointwise", draw(r, (3, 4, 5, 2)), draw(r, (6, 4 // groups, 1, 1)), draw(r, (6,)), rest)


@pytest.mark.parametrize("name", ["flat", "rows", "winograd"])
def test_several_samples_at_a_time_with_a_rest(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of two or three samples of seven; and blocks of one, when a sample alone is more than a block."""
    r = rng_of(15)
    x, w, b = r.standard_normal((7, 4, 9, 10)), r.standard_normal((4, 4, 3, 3)), r.standard_normal(4)
    rest = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    for block in (1, 100_000):
        monkeypatch.setattr(KERNELS[name], "BLOCK", block)
        check_kernel(name, x, w, b, rest)


def test_large_pictures_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a tiny limit every picture is done four output rows at a time: the same numbers, gradients included."""
    monkeypatch.setattr(kernel_choice, "BAND", 1)
    r = rng_of(16)
    for c, f, k, g, s, p, d in [
        (3, 5, 3, 1, 1, 1, 1), (64, 64, 3, 1, 1, 1, 1), (4, 4, 3, 4, 1, 2, 1), (2, 9, 2, 1, 3, 0, 2),
        (2, 9, 3, 1, 1, 6, 1),
    ]:  # fmt: skip
        x, w, b = draw(r, (2, c, 13, 6)), draw(r, (f, c // g, k, k)), draw(r, (f,))
        rest = {"stride": s, "padding": p, "dilation": d, "groups": g}
        compare(lambda M, x, w, b, rest=rest: functional(M).conv2d(x, w, b, **rest), x, w, b, second=False)


def test_the_choice_of_kernel() -> None:
    def chosen(c: int, f: int, size: int = 28, groups: int = 1, **changes: Any) -> str:
        given: dict[str, Any] = {"kernel": (3, 3), "stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), **changes}
        geo = geometry((size, size), given["kernel"], given["stride"], given["padding"], given["dilation"], groups)
        return kernel_choice.kernel(geo, c, f)

    assert chosen(3, 16) == "flat"
    assert chosen(16, 32) == "rows"
    assert chosen(64, 64) == "winograd"
    assert chosen(64, 64, kernel=(5, 5)) == "flat"
    assert chosen(64, 64, stride=(2, 2)) == "flat"
    assert chosen(3, 16, dilation=(2, 2)) == "flat"
    assert chosen(3, 3, groups=3) == "flat"


def test_winograds_transforms() -> None:
    """y = A^T [(G g) * (B^T d)] is the sliding product of 6 numbers with 3, and six products suffice for it."""
    at, g, bt = winograd.transforms()
    assert (at.shape, g.shape, bt.shape) == ((4, 6), (6, 3), (6, 6))
    d, kernel = rng_of(23).standard_normal(6), rng_of(24).standard_normal(3)
    np.testing.assert_allclose(at @ ((g @ kernel) * (bt @ d)), np.correlate(d, kernel, "valid"), atol=1e-12)
    at, g, bt = winograd.transforms((0.0, 1.0, -1.0, 2.0, -2.0))  # Lavin and Gray's points, any others do as well
    np.testing.assert_allclose(at @ ((g @ kernel) * (bt @ d)), np.correlate(d, kernel, "valid"), atol=1e-12)


def test_winograd_is_about_as_exact_as_a_direct_product() -> None:
    """The docstring says: about three times the error in float32."""
    r = rng_of(17)
    x, w = r.standard_normal((2, 64, 16, 16)).astype("f"), r.standard_normal((32, 64, 3, 3)).astype("f")
    geo = geometry((16, 16), (3, 3), (1, 1), (1, 1), (1, 1))
    exact = F.conv2d(torch.tensor(x).double(), torch.tensor(w).double(), padding=1).numpy()
    errors = {}
    for name in ("flat", "winograd"):
        out = np.empty(exact.shape, "f")
        KERNELS[name].forward(x, w, None, geo, out)
        errors[name] = np.sqrt(((out - exact) ** 2).mean())
    assert 1.5 < errors["winograd"] / errors["flat"] < 5


# -- the clear forms of the lesson -----------------------------------------------------------------------------
@settings(SETTINGS, max_examples=25)
@given(
    st.integers(1, 2), st.integers(1, 2), st.integers(1, 2), st.integers(1, 2), st.integers(1, 3), st.integers(1, 3),
    st.integers(1, 3), st.integers(0, 2), st.integers(1, 2), st.integers(1, 6), st.integers(1, 6),
)  # fmt: skip
def test_clear_forms(
    n: int, g: int, c: int, f: int, k: int, m: int, stride: int, padding: int, dilation: int, h: int, w: int
) -> None:
    assume(h + 2 * padding >= dilation * (k - 1) + 1 and w + 2 * padding >= dilation * (m - 1) + 1)
    r = rng_of(18, h, w)
    x, kernels, b = (r.uniform(-2, 2, s) for s in ((n, g * c, h, w), (g * f, c, k, m), (g * f,)))
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, kernels, b)]
    y = F.conv2d(*tensors, stride=stride, padding=padding, dilation=dilation, groups=g)
    for form in (conv.conv2d_loops, conv.conv2d_im2col):
        np.testing.assert_allclose(form(x, kernels, b, stride, padding, dilation, g), y.detach().numpy(), atol=1e-10)
        without = y.detach().numpy() - b[:, None, None]
        np.testing.assert_allclose(form(x, kernels, None, stride, padding, dilation, g), without, atol=1e-10)
    grad = r.uniform(-2, 2, tuple(y.shape))
    expected = torch.autograd.grad(y, tensors, torch.tensor(grad))
    for ours, theirs in zip(conv.conv2d_backward(grad, x, kernels, stride, padding, dilation, g), expected):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-10)
    columns = conv.im2col(x, (k, m), stride, padding, dilation)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    np.testing.assert_array_equal(columns, F.unfold(torch.tensor(x), (k, m), **options).numpy())
    folded = F.fold(torch.tensor(columns), (h, w), (k, m), **options).numpy()
    np.testing.assert_allclose(conv.col2im(columns, (h, w), (k, m), stride, padding, dilation), folded, atol=1e-10)


# -- held against the outside: sizes ---------------------------------------------------------------------------
def test_table_of_output_sizes() -> None:
    """Every size that torch gives for these settings, and a refusal wherever torch refuses: a table of 2,268 rows."""
    found = 0
    for n in range(1, 8):
        for k in (1, 2, 3, 5):
            for s in (1, 2, 3):
                for p in (0, 1, 2):
                    for d in (1, 2, 3):
                        size = conv.output_size(n, k, s, p, d)
                        try:
                            shape = F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, k), stride=s, padding=p, dilation=d).shape  # fmt: skip  # noqa: E501
                        except RuntimeError:
                            assert n + 2 * p < d * (k - 1) + 1
                            with pytest.raises(RuntimeError, match="no larger than the padded input"):
                                geometry((1, n), (1, k), (1, s), (0, p), (1, d))
                            continue
                        found += 1
                        assert shape[-1] == size
                        assert geometry((1, n), (1, k), (1, s), (0, p), (1, d)).output == (1, size)
    assert found > 500


def test_table_of_transposed_sizes() -> None:
    """The sizes of transposed convolutions; and a convolution with the same settings leads back from each."""
    for n in range(1, 5):
        for k in (1, 2, 3, 4):
            for s in (1, 2, 3):
                for p in (0, 1):
                    for d in (1, 2):
                        for extra in range(max(s, d)):
                            size = conv.transposed_output_size(n, k, s, p, extra, d)
                            if size < 1:
                                continue
                            x, w = torch.zeros(1, 1, n), torch.zeros(1, 1, k)
                            assert F.conv_transpose1d(x, w, None, s, p, extra, 1, d).shape[-1] == size
                            if extra < s:
                                assert conv.output_size(size, k, s, p, d) == n


def test_published_sizes() -> None:
    """LeNet-5 (LeCun et al. 1998, figure 2), AlexNet's and ResNet's first layers."""
    assert conv.output_size(32, 5) == 28
    assert conv.output_size(conv.output_size(28, 2, 2), 5) == 10
    assert conv.output_size(227, 11, 4) == 55
    assert conv.output_size(224, 7, 2, 3) == 112
    assert conv.transposed_output_size(4, 4, 2, 1) == 8  # DCGAN's layers double


# -- refusals --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("shapes", "arguments", "message"),
    [
        (((1, 2, 4, 4), (2, 3, 3, 3)), {}, r"expected input\[1, 2, 4, 4\] to have 3 channels, but got 2"),
        (((1, 3, 4, 4), (2, 3, 3, 3)), {"groups": 2}, "to have 6 channels, but got 3"),
        (((1, 4, 4, 4), (3, 2, 3, 3)), {"groups": 2}, "divisible by groups=2, got 3"),
        (((1, 3, 4, 4), (2, 3, 5, 5)), {}, "no larger than the padded input, got kernel"),
        (((3, 4), (2, 3, 3, 3)), {}, r"3D \(unbatched\) or 4D \(batched\) input to conv2d, but got input of size"),
        (((1, 3, 4, 4), (2, 3, 3)), {}, "expected a 4D weight, got 3D"),
        (((1, 3, 4, 4), (2, 3, 3, 3)), {"stride": 0}, "stride greater than 0"),
        (((1, 3, 4, 4), (2, 3, 3, 3)), {"stride": (1, 2, 3)}, "stride to be one int or two"),
        (((1, 3, 4, 4), (2, 3, 3, 3)), {"padding": -1}, "padding of 0 or more"),
        (((1, 3, 4, 4), (2, 3, 3, 3)), {"dilation": 0}, "dilation greater than 0"),
        (((1, 3, 4, 4), (2, 3, 3, 3)), {"groups": 0}, "groups greater than 0"),
        (((1, 3, 4, 4), (2, 3, 3, 3)), {"stride": 2, "padding": "same"}, "not supported for strided"),
        (((1, 3, 4, 4), (2, 3, 3, 3), (3,)), {}, r"bias of shape \[2\], got \[3\]"),
    ],
)
def test_refusals(shapes: Any, arguments: dict[str, Any], message: str) -> None:
    arrays = [np.ones(s) for s in shapes]
    with pytest.raises(RuntimeError, match=message):
        functional(scratch).conv2d(*[scratch.tensor(a) for a in arrays], **arguments)
    with pytest.raises(RuntimeError):
        F.conv2d(*[torch.tensor(a) for a in arrays], **arguments)


def test_settings_are_whole_numbers_of_any_kind() -> None:
    x, w = scratch.ones(1, 1, 5, 5), scratch.ones(1, 1, 2, 2)
    assert functional(scratch).conv2d(x, w, stride=np.int64(2)).shape == (1, 1, 2, 2)
    assert functional(scratch).max_pool2d(x, (np.int32(2), 3)).shape == (1, 1, 2, 1)
    for wrong in (1.5, (1, 1.5), None):
        with pytest.raises(TypeError, match="expected stride to be one int or two"):
            functional(scratch).conv2d(x, w, stride=wrong)
    with pytest.raises(ValueError, match="'same', got 'full'"):
        functional(scratch).conv2d(x, w, padding="full")


def test_formats_must_agree() -> None:
    x, w = scratch.ones(1, 1, 3, 3), scratch.ones(1, 1, 2, 2, dtype=scratch.float64)
    with pytest.raises(RuntimeError, match=r"one dtype, got torch.float32 and torch.float64"):
        functional(scratch).conv2d(x, w)


# -- buffers -----------------------------------------------------------------------------------------------------
def test_buffers_are_bounded_and_found_again() -> None:
    buffers.release()
    with buffers.borrowed((4, 5), "f", zeroed="corner") as first:
        assert not first.any()
        first[0] = 7
        with buffers.borrowed((4, 5), "f", zeroed="corner") as second:
            assert second is not first  # taken once, it cannot be taken again
            assert not second.any()
    with buffers.borrowed((4, 5), "f", zeroed="corner") as again:
        assert again is first
        with buffers.borrowed((4, 5), "f", zeroed="corner") as other:
            assert other is second  # of two that came back, each is lent once
    for i in range(40):
        with buffers.borrowed((2**18, i % 7 + 1), "f"):
            pass
        assert buffers.kept_bytes() <= buffers.LIMIT
    with buffers.borrowed((buffers.LIMIT // 4 + 1,), "f"):
        pass
    assert buffers.kept_bytes() <= buffers.LIMIT
    with pytest.raises(ZeroDivisionError), buffers.borrowed((3, 3), "f", zeroed="lost") as lost:
        lost[...] = 1 / 0
    with buffers.borrowed((3, 3), "f", zeroed="lost") as fresh:
        assert fresh is not lost
    buffers.release()
    assert buffers.kept_bytes() == 0


def test_a_frame_is_not_mixed_up_with_another() -> None:
    """Two geometries with frames of one shape but zeros in different places, in turn."""
    r = rng_of(19)
    small, large, w = r.standard_normal((1, 2, 6, 6)), r.standard_normal((1, 2, 8, 6)), r.standard_normal((3, 2, 3, 3))
    for _ in range(2):
        for x, padding in ((small, (2, 1)), (large, (1, 1)), (small, (1, 2))):
            expected = F.conv2d(torch.tensor(x), torch.tensor(w), padding=padding).numpy()
            ours = functional(scratch).conv2d(scratch.tensor(x), scratch.tensor(w), padding=padding).numpy()
            np.testing.assert_allclose(ours, expected, atol=1e-12)


def test_many_threads() -> None:
    """Eight threads, each its own numbers again and again: buffers are not shared."""
    wrong: list[str] = []

    def work(seed: int) -> None:
        r = rng_of(20, seed)
        x, w = r.standard_normal((2, 3, 8, 8)), r.standard_normal((4, 3, 3, 3))
        expected = F.conv2d(torch.tensor(x), torch.tensor(w), padding=1).numpy()
        for _ in range(30):
            y = functional(scratch).conv2d(scratch.tensor(x), scratch.tensor(w), padding=1).numpy()
            if not np.allclose(y, expected, atol=1e-11):
                wrong.append(f"thread {seed}")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# -- layers ------------------------------------------------------------------------------------------------------
LAYERS: list[tuple[str, Any, tuple[int, ...]]] = [
    ("Conv2d", lambda nn: nn.Conv2d(1, 6, 5, padding=2), (2, 1, 9, 8)),
    ("Conv2d", lambda nn: nn.Conv2d(4, 8, (3, 1), stride=2, groups=2, bias=False, padding=1), (2, 4, 7, 8)),
    ("Conv2d", lambda nn: nn.Conv2d(3, 3, 3, padding="same", groups=3, dilation=2), (2, 3, 6, 6)),
    ("Conv2d", lambda nn: nn.Conv2d(3, 2, (2, 3), padding="same", padding_mode="reflect"), (2, 3, 6, 6)),
    ("Conv2d", lambda nn: nn.Conv2d(3, 2, 3, padding=(2, 1), padding_mode="replicate"), (2, 3, 6, 6)),
    ("Conv2d", lambda nn: nn.Conv2d(3, 2, 3, padding=(2, 1), padding_mode="circular"), (2, 3, 6, 6)),
    ("ConvTranspose2d", lambda nn: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2, dilation=2), (2, 4, 5, 4)),
    ("ConvTranspose2d", lambda nn: nn.ConvTranspose2d(4, 6, 3, bias=False), (4, 5, 4)),
    ("Conv1d", lambda nn: nn.Conv1d(3, 4, 4, dilation=2, padding=3), (2, 3, 9)),
    ("Conv1d", lambda nn: nn.Conv1d(3, 4, 3, padding="same", padding_mode="reflect"), (2, 3, 9)),
    (
        "Sequential",
        lambda nn: nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3)),
        (2, 2, 6, 7),
    ),
]


@pytest.mark.parametrize(("name", "make", "shape"), LAYERS)
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
def test_layers(name: str, make: Any, shape: tuple[int, ...]) -> None:
    """The same seed gives the same weights, the same input the same numbers, the settings the same printed form."""
    results = []
    for M in (torch, scratch):
        M.manual_seed(3)
        layer = make(M.nn)
        x = M.tensor(rng_of(21).standard_normal(shape).astype("f"), requires_grad=True)
        y = layer(x)
        (y * y).sum().backward()
        parameters = list(layer.named_parameters())
        results.append(
            (repr(layer), [k for k, _ in parameters], [p.detach().numpy() for _, p in parameters],
             [y.detach().numpy(), x.grad.numpy(), *(p.grad.numpy() for _, p in parameters)])
        )  # fmt: skip
    (repr_t, names_t, start_t, computed_t), (repr_s, names_s, start_s, computed_s) = results
    assert repr_s == repr_t
    assert names_s == names_t
    for ours, theirs in zip(start_s, start_t):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(computed_s, computed_t):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


def test_conv_and_relu_together_are_as_they_are_apart() -> None:
    """Sequential does both at once; a hook between the two sees everything, and the numbers stay the same."""
    scratch.manual_seed(0)
    net = scratch.nn.Sequential(scratch.nn.Conv2d(2, 4, 3, padding=1), scratch.nn.ReLU())
    values = rng_of(22).standard_normal((3, 2, 6, 5)).astype("f")

    def run() -> list[Any]:
        net.zero_grad()
        x = scratch.tensor(values, requires_grad=True)
        y = net(x)
        g = scratch.autograd.grad((y**3 + 2 * y).sum(), x, create_graph=True)[0]
        (g * g).sum().backward()
        return [y.detach().numpy(), g.detach().numpy(), x.grad.numpy(), *(p.grad.numpy() for p in net.parameters())]

    together = run()
    assert net(scratch.tensor(values)).grad_fn.name() == "ReluBackward0"
    seen: list[Any] = []
    handle = net[0].register_forward_hook(lambda module, args, out: seen.append(out.detach().numpy().copy()))
    apart = run()
    handle.remove()
    for a, b in zip(together, apart):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
    assert seen[0].min() < 0
    np.testing.assert_allclose(np.maximum(seen[0], 0), together[0], rtol=1e-6)


@pytest.mark.parametrize("wanted", ["weight", "bias"])
def test_conv_and_relu_together_when_only_one_needs_a_gradient(wanted: str) -> None:
    """As in a network's first layer, whose input needs none."""
    grads = []
    for M in (torch, scratch):
        M.manual_seed(0)
        net = M.nn.Sequential(M.nn.Conv2d(2, 4, 3, padding=1), M.nn.ReLU())
        for name in ("weight", "bias"):
            getattr(net[0], name).requires_grad_(name == wanted)
        y = net(M.tensor(rng_of(22).standard_normal((3, 2, 6, 5)).astype("f")))
        (y * (y + 3)).sum().backward()  # the gradient is not 0 where y is
        grads.append(getattr(net[0], wanted).grad.numpy())
    np.testing.assert_allclose(grads[1], grads[0], rtol=1e-5, atol=1e-5)


def test_settings_of_layers_are_checked() -> None:
    nn = scratch.nn
    for make, message in [
        (lambda nn: nn.Conv2d(3, 4, 3, groups=2), "in_channels must be divisible by groups"),
        (lambda nn: nn.Conv2d(4, 3, 3, groups=2), "out_channels must be divisible by groups"),
        (lambda nn: nn.Conv2d(4, 4, 3, groups=0), "groups must be a positive integer"),
        (lambda nn: nn.Conv2d(4, 4, 3, padding_mode="mirror"), "padding_mode must be one of"),
        (lambda nn: nn.Conv2d(4, 4, 3, padding="full"), "Invalid padding string"),
        (lambda nn: nn.Conv2d(4, 4, 3, padding="same", stride=2), "not supported for strided"),
        (lambda nn: nn.ConvTranspose2d(4, 4, 3, padding_mode="reflect"), 'Only "zeros" padding mode'),
    ]:
        with pytest.raises(ValueError, match=message):
            make(nn)
        with pytest.raises(ValueError, match=message):
            make(torch.nn)
    for size in ((9, 10), (2, 4, 10, 9)):
        for M in (torch, scratch):
            layer = M.nn.ConvTranspose2d(4, 4, 3, 2, 1)
            assert tuple(layer(M.ones(2, 4, 5, 5), output_size=size).shape[-2:]) == size[-2:]
            with pytest.raises(ValueError, match="valid sizes range from"):
                layer(M.ones(2, 4, 5, 5), output_size=(11, 9))
