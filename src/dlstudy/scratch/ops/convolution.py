# ruff: noqa: D102 - a derivative is described by the line under its class
"""Convolution: three products of three things, each the derivative of the others.

A convolution y = x * w is linear in the input and in the kernels. Its two gradients are products of the same kind, one
of (grad, w) and one of (x, grad), and the derivatives of these are, again, among the three:

  result           convolve(x, w)      gives y      forwards: what conv2d computes
  input gradient   spread(grad, w)     gives x      also what conv_transpose2d computes
  weight gradient  correlate(x, grad)  gives w

So each derivative is written once, and second, third, ... derivatives come by themselves.
"""

from typing import Any

from dlstudy.scratch import conv
from dlstudy.scratch.array_or_tensor import is_array
from dlstudy.scratch.conv.geometry import Geometry, geometry, pair
from dlstudy.scratch.tape import OUTPUT, Node, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import ArrayOrTensor, Ints

from .functions import relu, relu_array, relu_backward


def convolve(x: ArrayOrTensor, w: ArrayOrTensor, b: ArrayOrTensor | None, geo: Geometry) -> ArrayOrTensor:
    """Return x * w + b for arrays or Tensors: x (N, C, H, W), w (F, C / groups, K, L), b (F,) give (N, F, Ho, Wo)."""
    if is_array(x):
        return conv.forward(x, w, b, geo)
    out = conv.forward(x._data, w._data, None if b is None else b._data, geo)
    return record(ConvolutionBackward0, wrap(out), (x, w, b), geo=geo)


def spread(grad: ArrayOrTensor, w: ArrayOrTensor, geo: Geometry) -> ArrayOrTensor:
    """Return the input whose windows got `grad` (N, F, Ho, Wo) spread over them by the kernels w: (N, C, H, W)."""
    if is_array(grad):
        return conv.input_gradient(grad, w, geo)
    return record(SpreadBackward0, wrap(conv.input_gradient(grad._data, w._data, geo)), (grad, w), geo=geo)


def correlate(x: ArrayOrTensor, grad: ArrayOrTensor, geo: Geometry) -> ArrayOrTensor:
    """Return the kernels made of x's windows, each times its number of `grad`, summed: (F, C / groups, K, L)."""
    if is_array(x):
        return conv.weight_gradient(x, grad, geo)
    return record(CorrelateBackward0, wrap(conv.weight_gradient(x._data, grad._data, geo)), (x, grad), geo=geo)


class ConvolutionBackward0(Node):
    """y = x * w + b"""

    geo: Geometry

    def grad_x(self, grad: ArrayOrTensor, w: ArrayOrTensor) -> ArrayOrTensor:
        return spread(grad, w, self.geo)

    def grad_w(self, grad: ArrayOrTensor, x: ArrayOrTensor) -> ArrayOrTensor:
        return correlate(x, grad, self.geo)

    def grad_b(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad.sum((0, 2, 3))


class ConvolutionReluBackward0(ConvolutionBackward0):
    """y = max(x * w + b, 0): the gradient passes where y is not 0, and then goes on as that of the convolution"""

    keeps = (*ConvolutionBackward0.keeps, "out")
    sources = (*ConvolutionBackward0.sources, OUTPUT)
    users = (*ConvolutionBackward0.users, (0, 1, 2))

    def name(self) -> str:
        return "ReluBackward0"

    def gate(self, grad: ArrayOrTensor, saved: tuple[Any, ...], may_change: bool) -> ArrayOrTensor:
        return relu_backward(grad, saved[-1], may_change)


class SpreadBackward0(Node):
    """x = the input gradient for g and w"""

    geo: Geometry

    def grad_g(self, grad: ArrayOrTensor, w: ArrayOrTensor) -> ArrayOrTensor:
        return convolve(grad, w, None, self.geo)

    def grad_w(self, grad: ArrayOrTensor, g: ArrayOrTensor) -> ArrayOrTensor:
        return correlate(grad, g, self.geo)


class CorrelateBackward0(Node):
    """w = the weight gradient for x and g"""

    geo: Geometry

    def grad_x(self, grad: ArrayOrTensor, g: ArrayOrTensor) -> ArrayOrTensor:
        return spread(g, grad, self.geo)

    def grad_g(self, grad: ArrayOrTensor, x: ArrayOrTensor) -> ArrayOrTensor:
        return convolve(x, grad, None, self.geo)


# -- what users call -----------------------------------------------------------------------------------------
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints | str = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """Return the convolution (cross-correlation) of `input` (N, C, H, W), or (C, H, W), with `weight` (F, C / groups,
    K, L), plus `bias` (F,): (N, F, Ho, Wo) with Ho from `conv.output_size`.

    `stride`, `padding` and `dilation` are ints or pairs (height, width); `padding` may be "same" or "valid".
    RuntimeError if shapes or formats do not fit. Proven equal to `torch.nn.functional.conv2d`.
    """
    if input._data.ndim == 3 and weight._data.ndim == 4:
        return conv2d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    return convolve(input, weight, bias, _geometry_of(input, weight, bias, stride, padding, dilation, groups))


def conv2d_relu(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints | str = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """Return relu(conv2d(...)) as one operation, in the memory of one result: what `Sequential(Conv2d, ReLU)` does when
    nobody looks at what is between the two.
    """
    if input._data.ndim != 4:
        return relu(conv2d(input, weight, bias, stride, padding, dilation, groups))
    geo = _geometry_of(input, weight, bias, stride, padding, dilation, groups)
    y = conv.forward(input._data, weight._data, None if bias is None else bias._data, geo)
    return record(ConvolutionReluBackward0, wrap(relu_array(y, out=y)), (input, weight, bias), geo=geo)


def _geometry_of(
    input: Tensor, weight: Tensor, bias: Tensor | None, stride: Ints, padding: Ints | str, dilation: Ints, groups: int
) -> Geometry:
    """Return the geometry of a conv2d; RuntimeError if something does not fit."""
    _check("conv2d", input, weight, bias, groups, weight._data.ndim and weight._data.shape[0])
    x, w = input._data, weight._data
    if w.shape[1] * groups != x.shape[1]:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(w.shape)}, expected input{list(x.shape)} "
            f"to have {w.shape[1] * groups} channels, but got {x.shape[1]} channels instead"
        )
    if w.shape[0] % groups:
        raise RuntimeError(
            f"conv2d: expected the number of kernels to be divisible by groups={groups}, got {w.shape[0]}"
        )
    return geometry(
        x.shape[2:],
        w.shape[2:],
        pair(stride, "stride"),
        padding if isinstance(padding, str) else pair(padding, "padding"),
        pair(dilation, "dilation"),
        groups,
    )


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Tensor:
    """Return the transposed convolution of `input` (N, C, H, W) with `weight` (C, F / groups, K, L), plus `bias` (F,):
    the input gradient of the convolution that goes the other way, (N, F, Ho, Wo).

    Ho = (H - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1. RuntimeError if shapes do not fit, or the
    output padding is smaller than neither stride nor dilation. Proven equal to `torch.nn.functional.conv_transpose2d`.
    """
    if input._data.ndim == 3 and weight._data.ndim == 4:
        args = (weight, bias, stride, padding, output_padding, groups, dilation)
        return conv_transpose2d(input.unsqueeze(0), *args).squeeze(0)
    _check("conv_transpose2d", input, weight, bias, groups, weight._data.ndim > 1 and weight._data.shape[1] * groups)
    x, w = input._data, weight._data
    if w.shape[0] != x.shape[1]:
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(w.shape)}, expected input{list(x.shape)} "
            f"to have {w.shape[0]} channels, but got {x.shape[1]} channels instead"
        )
    s, p, d = (
        pair(v, n, "conv_transpose2d") for v, n in ((stride, "stride"), (padding, "padding"), (dilation, "dilation"))
    )
    extra = pair(output_padding, "output_padding", "conv_transpose2d")
    if any(e >= max(a, b) or e < 0 for e, a, b in zip(extra, s, d)):
        raise RuntimeError(
            "output padding must be smaller than either stride or dilation, but got "
            f"output_padding {list(extra)}, stride {list(s)}, dilation {list(d)}"
        )
    size = [
        conv.transposed_output_size(n, k, st, pa, e, di)
        for n, k, st, pa, e, di in zip(x.shape[2:], w.shape[2:], s, p, extra, d)
    ]
    if min(size) <= 0:
        raise RuntimeError(
            f"Given input size per channel: {list(x.shape[2:])}. Calculated output size per channel: {size}. "
            "Output size is too small"
        )
    geo = geometry((size[0], size[1]), w.shape[2:], s, p, d, groups)._replace(output=x.shape[2:])
    y = spread(input, weight, geo)
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def _check(name: str, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int, kernels: int) -> None:
    """Raise RuntimeError if the dimensions or formats do not fit together."""
    x, w = input._data, weight._data
    if w.ndim != 4:
        raise RuntimeError(f"{name}: expected a 4D weight, got {w.ndim}D with shape {list(w.shape)}")
    if x.ndim != 4:
        raise RuntimeError(
            f"Expected 3D (unbatched) or 4D (batched) input to {name}, but got input of size: {list(x.shape)}"
        )
    if x.dtype != w.dtype:
        raise RuntimeError(f"{name}: expected input and weight of one dtype, got {input.dtype} and {weight.dtype}")
    if bias is not None and bias._data.dtype != w.dtype:
        raise RuntimeError(f"{name}: expected input and bias of one dtype, got {input.dtype} and {bias.dtype}")
    if x.dtype.kind != "f":
        raise RuntimeError(f"{name}: expected floating-point numbers, got {input.dtype}")
    if groups <= 0:
        raise RuntimeError(f"{name}: expected groups greater than 0, got {groups}")
    if bias is not None and bias._data.shape != (kernels,):
        raise RuntimeError(f"{name}: expected bias of shape [{kernels}], got {list(bias._data.shape)}")


def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints = 1, padding: Ints | str = 0,
    dilation: Ints = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Return the convolution of `input` (N, C, L), or (C, L), with `weight` (F, C / groups, K): (N, F, Lo).

    It is computed as `conv2d` on pictures of height 1. Proven equal to `torch.nn.functional.conv1d`.
    """
    x, w = input._data, weight._data
    if w.ndim != 3 or x.ndim not in (2, 3):
        raise RuntimeError(
            f"conv1d: expected a 2D or 3D input and a 3D weight, got shapes {list(x.shape)} and {list(w.shape)}"
        )

    def flat(value: Any, fill: int) -> Any:
        return value if isinstance(value, str) else (fill, value[0] if isinstance(value, tuple | list) else value)

    out = conv2d(
        input.unsqueeze(-2), weight.unsqueeze(-2), bias, flat(stride, 1), flat(padding, 0), flat(dilation, 1), groups
    )
    return out.squeeze(-2)
