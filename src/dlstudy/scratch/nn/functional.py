# ruff: noqa: F401 - the functions come together here
"""`torch.nn.functional`: layers without parameters of their own, as functions. `import ... as F`.

The operations and their derivatives are in `ops/`; here they get torch's arguments and meet under one roof.
"""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

from dlstudy.scratch.ops import activations, functions
from dlstudy.scratch.ops import dropout as drops
from dlstudy.scratch.ops.activations import gelu, glu, logsigmoid, prelu, softplus, softshrink, softsign, tanhshrink
from dlstudy.scratch.ops.activations import hardshrink as hardshrink
from dlstudy.scratch.ops.convolution import conv1d, conv2d, conv_transpose2d
from dlstudy.scratch.ops.cross_entropy import cross_entropy, kl_div, nll_loss, one_hot
from dlstudy.scratch.ops.embedding import embedding
from dlstudy.scratch.ops.folding import fold, pad, unfold
from dlstudy.scratch.ops.functions import sigmoid, tanh
from dlstudy.scratch.ops.inplace import in_place
from dlstudy.scratch.ops.linear import bilinear, linear
from dlstudy.scratch.ops.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber_loss,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from dlstudy.scratch.ops.margin_losses import (
    cosine_embedding_loss,
    cosine_similarity,
    gaussian_nll_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    poisson_nll_loss,
    soft_margin_loss,
    triplet_margin_loss,
)
from dlstudy.scratch.ops.normalization import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from dlstudy.scratch.ops.pooling import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool2d
from dlstudy.scratch.ops.softmax import log_softmax as log_softmax_along
from dlstudy.scratch.ops.softmax import softmax as softmax_along
from dlstudy.scratch.tensor import Tensor
from dlstudy.scratch.types import DType


def _with_inplace(function: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return `function` with a last argument `inplace`, and the function that always works in place."""
    changing = in_place(function)
    count = len(inspect.signature(function).parameters)

    def apply(*args: Any, inplace: bool = False, **kwargs: Any) -> Tensor:
        if len(args) > count:
            *args, inplace = args  # type: ignore[assignment]
        return (changing if inplace else function)(*args, **kwargs)

    apply.__name__ = apply.__qualname__ = function.__name__
    apply.__doc__ = f"{function.__doc__} With `inplace`, the result replaces the input."
    return apply, changing


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return max(input, 0); with `inplace`, in the input's own memory."""
    return relu_(input) if inplace else functions.relu(input)


relu_ = in_place(functions.relu)
leaky_relu, leaky_relu_ = _with_inplace(activations.leaky_relu)
rrelu, rrelu_ = _with_inplace(activations.rrelu)
hardtanh, hardtanh_ = _with_inplace(activations.hardtanh)
relu6, _ = _with_inplace(activations.relu6)
threshold, threshold_ = _with_inplace(activations.threshold)
hardsigmoid, _ = _with_inplace(activations.hardsigmoid)
hardswish, _ = _with_inplace(activations.hardswish)
elu, elu_ = _with_inplace(activations.elu)
selu, selu_ = _with_inplace(activations.selu)
celu, celu_ = _with_inplace(activations.celu)
silu, _ = _with_inplace(activations.silu)
mish, _ = _with_inplace(activations.mish)
dropout, _ = _with_inplace(drops.dropout)
dropout1d, _ = _with_inplace(drops.dropout1d)
dropout2d, _ = _with_inplace(drops.dropout2d)
dropout3d, _ = _with_inplace(drops.dropout3d)
alpha_dropout, _ = _with_inplace(drops.alpha_dropout)
feature_alpha_dropout, _ = _with_inplace(drops.feature_alpha_dropout)


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Tensor:
    """Return exp(input) / sum(exp(input)) along `dim`; name the dimension, the default is torch's old guess."""
    return softmax_along(input, _guess(input) if dim is None else dim, dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Tensor:
    """Return softmax(-input) along `dim`."""
    return softmax(-input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Tensor:
    """Return the logarithm of softmax(input) along `dim`, computed without overflow."""
    return log_softmax_along(input, _guess(input) if dim is None else dim, dtype)


def _guess(input: Tensor) -> int:
    """Return the dimension that torch takes when none is named: 0 for 0, 1 or 3 dimensions, else 1."""
    warnings.warn(
        "Implicit dimension choice for softmax has been deprecated. Change the call to include dim=X as an argument.",
        UserWarning,
        stacklevel=4,
    )
    return 0 if input.ndim in (0, 1, 3) else 1
