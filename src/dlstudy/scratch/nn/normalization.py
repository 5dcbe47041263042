"""Normalization layers. Their values, gradients and running statistics are proven equal to torch's."""

from typing import Any

from dlstudy.scratch.creation import empty, ones, tensor, zeros
from dlstudy.scratch.dtypes import int64
from dlstudy.scratch.tensor import Tensor
from dlstudy.scratch.types import Device, DType, Ints

from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


class _Statistics(Module):
    """What batch and instance norm share: a scale and a shift for each channel, and running statistics."""

    _version = 2  # num_batches_tracked came with it

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: Device = None, dtype: DType | None = None, *, bias: bool = True,
    ):  # fmt: skip
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        form: dict[str, Any] = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(empty(num_features, **form)) if affine else None)
        self.register_parameter("bias", Parameter(empty(num_features, **form)) if affine and bias else None)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **form) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **form) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=int64) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Set the running mean to 0 and the running variance to 1."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Set the scale to 1 and the shift to 0, and forget the statistics."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        raise NotImplementedError

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        version = local_metadata.get("version")
        key = prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            state_dict[key] = self.num_batches_tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_Statistics):
    """Normalize every channel over the examples of the batch, and over places if there are any."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalized input; in training mode, with the statistics of the batch, which are also tracked."""
        self._check_input_dim(input)
        share = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # the plain average of all batches so far
                share = 1.0 / float(self.num_batches_tracked)
        given = not self.training or self.track_running_stats
        mean, var = (self.running_mean, self.running_var) if given else (None, None)
        of_batch = self.training or (self.running_mean is None and self.running_var is None)
        return F.batch_norm(input, mean, var, self.weight, self.bias, of_batch, share, self.eps)


class BatchNorm1d(_BatchNorm):
    """Batch norm of (N, C) or (N, C, L): y = weight * (x - mean) / sqrt(variance + eps) + bias for each of the C
    channels.

    In training mode mean and variance (divided by n) are those of the batch; running_mean and running_var (divided by
    n - 1) move towards them by the share `momentum`, None for the average of all batches, and serve in evaluation mode.
    Ioffe and Szegedy, arXiv:1502.03167. As `torch.nn.BatchNorm1d`.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in (2, 3):
            raise ValueError(f"expected 2D or 3D input (got {input.ndim}D input)")


class BatchNorm2d(_BatchNorm):
    """Batch norm of images (N, C, H, W), as BatchNorm1d; mean and variance are over examples and places."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim != 4:
            raise ValueError(f"expected 4D input (got {input.ndim}D input)")


class BatchNorm3d(_BatchNorm):
    """Batch norm of volumes (N, C, D, H, W), as BatchNorm1d."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim != 5:
            raise ValueError(f"expected 5D input (got {input.ndim}D input)")


class _InstanceNorm(_Statistics):
    """Normalize every channel of every example over its places."""

    unbatched_ndim: int

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Device = None, dtype: DType | None = None, *, bias: bool = True,
    ):  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalized input."""
        few = self.unbatched_ndim
        if input.ndim not in (few, few + 1):
            raise ValueError(f"expected {few}D or {few + 1}D input (got {input.ndim}D input)")
        batch = input if input.ndim > few else input.unsqueeze(0)
        own = self.training or not self.track_running_stats
        share = 0.0 if self.momentum is None else self.momentum
        out = F.instance_norm(
            batch, self.running_mean, self.running_var, self.weight, self.bias, own, share, self.eps
        )  # fmt: skip
        return out if input.ndim > few else out.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """Instance norm of (N, C, L) or (C, L). Ulyanov et al., arXiv:1607.08022."""

    unbatched_ndim = 2


class InstanceNorm2d(_InstanceNorm):
    """Instance norm of (N, C, H, W) or (C, H, W). Ulyanov et al., arXiv:1607.08022."""

    unbatched_ndim = 3


def _as_shape(size: Ints) -> tuple[int, ...]:
    return (size,) if isinstance(size, int) else tuple(size)


class LayerNorm(Module):
    """Normalize the last dimensions, of shape `normalized_shape`, of each example on its own.

    y = weight * (x - mean) / sqrt(variance + eps) + bias, with one weight and bias for each element of
    `normalized_shape`. Ba et al., arXiv:1607.06450. As `torch.nn.LayerNorm`.
    """

    def __init__(
        self, normalized_shape: Ints, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
        device: Device = None, dtype: DType | None = None,
    ):  # fmt: skip
        super().__init__()
        self.normalized_shape, self.eps = _as_shape(normalized_shape), eps
        self.elementwise_affine = elementwise_affine
        form: dict[str, Any] = {"device": device, "dtype": dtype}
        shape = self.normalized_shape
        self.register_parameter("weight", Parameter(empty(shape, **form)) if elementwise_affine else None)
        self.register_parameter("bias", Parameter(empty(shape, **form)) if elementwise_affine and bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scale to 1 and the shift to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalized input."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """Divide the last dimensions, of shape `normalized_shape`, by the root of the mean of their squares.

    Zhang and Sennrich, arXiv:1910.07467. As `torch.nn.RMSNorm`; eps None is the smallest step above 1 of the format.
    """

    def __init__(
        self, normalized_shape: Ints, eps: float | None = None, elementwise_affine: bool = True, device: Device = None,
        dtype: DType | None = None,
    ):  # fmt: skip
        super().__init__()
        self.normalized_shape, self.eps = _as_shape(normalized_shape), eps
        self.elementwise_affine = elementwise_affine
        weight = Parameter(ones(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None
        self.register_parameter("weight", weight)

    def reset_parameters(self) -> None:
        """Set the scale to 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalized input."""
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Normalize the channels of each example in num_groups groups: (N, C, ...) keeps its shape.

    Wu and He, arXiv:1803.08494. As `torch.nn.GroupNorm`. ValueError if num_groups does not divide num_channels.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Device = None,
        dtype: DType | None = None, *, bias: bool = True,
    ):  # fmt: skip
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        form: dict[str, Any] = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(ones(num_channels, **form)) if affine else None)
        self.register_parameter("bias", Parameter(zeros(num_channels, **form)) if affine and bias else None)

    def reset_parameters(self) -> None:
        """Set the scale to 1 and the shift to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalized input."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )
