"""Layers that slide kernels over their input."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from dlstudy.scratch.conv.geometry import transposed_output_size
from dlstudy.scratch.creation import empty
from dlstudy.scratch.ops.convolution import conv1d, conv2d, conv2d_relu, conv_transpose2d
from dlstudy.scratch.ops.folding import pad
from dlstudy.scratch.tensor import Tensor
from dlstudy.scratch.types import Device, DType, Ints

from . import init
from .activation import ReLU
from .module import Module
from .parameter import Parameter

MODES = ("zeros", "reflect", "replicate", "circular")


class _Conv(Module):
    """What the convolution layers have in common: their settings, their parameters and how these start."""

    weight: Parameter
    bias: Parameter | None
    padding: Any  # one number for each dimension, or "same" or "valid"
    ndim = 2
    transposed = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Ints, stride: Ints = 1, padding: Ints | str = 0,
        dilation: Ints = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Device = None,
        dtype: DType | None = None, output_padding: Ints = 0,
    ):  # fmt: skip
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError(f"in_channels must be divisible by groups: got {in_channels} and groups={groups}")
        if out_channels % groups:
            raise ValueError(f"out_channels must be divisible by groups: got {out_channels} and groups={groups}")
        if padding_mode not in MODES:
            raise ValueError(f"padding_mode must be one of {set(MODES)}, but got padding_mode={padding_mode!r}")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = self._tuple(kernel_size), self._tuple(stride)
        self.padding = padding if isinstance(padding, str) else self._tuple(padding)
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}")
        if padding == "same" and any(s != 1 for s in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        self.dilation, self.output_padding = self._tuple(dilation), self._tuple(output_padding)
        self.groups, self.padding_mode = groups, padding_mode
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(empty(first, second // groups, *self.kernel_size, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _tuple(self, value: Any) -> tuple[int, ...]:
        return tuple(value) if isinstance(value, tuple | list) else (value,) * self.ndim

    def reset_parameters(self) -> None:
        """Draw new kernels and biases, evenly between -1/sqrt(fan_in) and 1/sqrt(fan_in)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = math.prod(self.weight._data.shape[1:])
            bound = 1 / math.sqrt(fan_in) if fan_in else 0
            self.bias.data.uniform_(-bound, bound)

    def _frame(self) -> list[int]:
        """Return the padding as `pad` wants it: (left, right, top, bottom)."""
        if not isinstance(self.padding, str):
            return [p for p in reversed(self.padding) for _ in range(2)]
        whole = [d * (k - 1) if self.padding == "same" else 0 for d, k in zip(self.dilation, self.kernel_size)]
        return [side for total in reversed(whole) for side in (total // 2, total - total // 2)]

    def _convolve(self, function: Callable[..., Tensor], input: Tensor) -> Tensor:
        weight, bias = self.weight, self.bias
        if self.padding_mode == "zeros":
            return function(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        framed = pad(input, self._frame(), self.padding_mode)
        return function(framed, weight, bias, self.stride, 0, self.dilation, self.groups)

    def extra_repr(self) -> str:
        """Return the settings that are not the default."""
        none = (0,) * self.ndim
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        if self.padding != none:
            parts.append(f"padding={self.padding}")
        if self.dilation != (1,) * self.ndim:
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != none:
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class Conv2d(_Conv):
    """Slide `out_channels` kernels over pictures: (N, in_channels, H, W) becomes (N, out_channels, Ho, Wo).

    weight is (out_channels, in_channels / groups, K, L), bias (out_channels); both start with torch's own numbers after
    the same `manual_seed`. ValueError for settings that contradict each other. As `torch.nn.Conv2d`.
    """

    _merges = True

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution of `input` with the kernels."""
        return self._convolve(conv2d, input)

    def _merge(self, following: Module) -> Callable[[Tensor], Tensor] | None:
        if self.padding_mode != "zeros" or not (following._plain(ReLU) and self._plain(Conv2d)):
            return None
        return lambda input: self._convolve(conv2d_relu, input)


class Conv1d(_Conv):
    """Slide `out_channels` kernels over sequences: (N, in_channels, L) becomes (N, out_channels, Lo)."""

    ndim = 1

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution of `input` with the kernels."""
        return self._convolve(conv1d, input)


class ConvTranspose2d(_Conv):
    """Spread each number of the input over a window of a larger output, weighted by the kernels.

    (N, in_channels, H, W) becomes (N, out_channels, Ho, Wo), the sizes that a Conv2d with the same settings takes back
    to (H, W). weight is (in_channels, out_channels / groups, K, L). As `torch.nn.ConvTranspose2d`.
    """

    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Ints, stride: Ints = 1, padding: Ints | str = 0,
        output_padding: Ints = 0, groups: int = 1, bias: bool = True, dilation: Ints = 1, padding_mode: str = "zeros",
        device: Device = None, dtype: DType | None = None,
    ):  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device,
            dtype, output_padding,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Return the transposed convolution of `input`; `output_size` (H, W) chooses among the possible sizes."""
        extra = self.output_padding if output_size is None else self._extra(input, output_size)
        return conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )

    def _extra(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """Return the output padding that leads to `output_size`."""
        wanted = tuple(output_size)[-2:]
        settings: Any = zip(input._data.shape[-2:], self.kernel_size, self.stride, self.padding, self.dilation)
        least = [transposed_output_size(n, k, s, p, 0, d) for n, k, s, p, d in settings]
        extra = tuple(w - m for w, m in zip(wanted, least))
        if len(wanted) != 2 or any(not 0 <= e < s for e, s in zip(extra, self.stride)):
            most = [m + s - 1 for m, s in zip(least, self.stride)]
            raise ValueError(
                f"requested an output size of {list(output_size)}, but valid sizes range from {least} to {most} "
                f"(for an input of {list(input._data.shape[2:])})"
            )
        return extra
