"""Keeping gradients within bounds (Pascanu, Mikolov and Bengio [1211.5063], algorithm 1)."""

import math
from collections.abc import Iterable

import numpy as np

from dlstudy.scratch.changes import note_change
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array

Parameters = Tensor | Iterable[Tensor]


def _gradients(parameters: Parameters) -> list[Tensor]:
    listed = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [p._grad for p in listed if p._grad is not None]


def _norm(x: Array, p: float) -> Array:
    """Return the p-norm of all elements of an array, in its own format."""
    flat = x.reshape(-1)
    if p == 2:
        return np.sqrt(np.dot(flat, flat))
    if math.isinf(p):
        return np.absolute(flat).max(initial=0) if p > 0 else np.absolute(flat).min(initial=np.inf)
    if p == 0:
        return flat.dtype.type(np.count_nonzero(flat))
    return np.power(np.power(np.absolute(flat), p).sum(), 1 / p).astype(flat.dtype)


@quiet
def get_total_norm(
    tensors: Parameters, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """Return the norm () of all elements of all `tensors` taken together; 0 if there are none.

    RuntimeError if it is inf or nan and `error_if_nonfinite`.
    """
    listed = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not listed:
        return wrap(np.zeros((), np.float32))
    norms = np.stack([_norm(t._data, float(norm_type)) for t in listed])
    total = np.asarray(_norm(norms, float(norm_type)), norms.dtype)
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To scale the gradients by it anyway, set `error_if_nonfinite=False`"
        )
    return wrap(total)


@quiet
def clip_grads_with_norm_(
    parameters: Parameters, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Multiply all gradients by max_norm / (total_norm + 1e-6) if that is below 1."""
    factor = np.minimum(float(max_norm) / (total_norm._data + 1e-6), 1).astype(total_norm._data.dtype)
    if factor == 1:
        return
    for grad in _gradients(parameters):
        np.multiply(grad._data, factor, out=grad._data, casting="same_kind")
        note_change(grad._data)


def clip_grad_norm_(
    parameters: Parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients of `parameters` in place so that their norm, taken together, is at most `max_norm`.

    Returns the norm () before; `norm_type` is 2, any other power, or inf. RuntimeError if it is not finite and
    `error_if_nonfinite`. Proven equal to torch.nn.utils.clip_grad_norm_.
    """
    listed = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    total = get_total_norm(_gradients(listed), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(listed, max_norm, total)
    return total


def clip_grad_value_(parameters: Parameters, clip_value: float, foreach: bool | None = None) -> None:
    """Limit every element of the gradients of `parameters` to [-clip_value, clip_value], in place."""
    for grad in _gradients(parameters):
        np.clip(grad._data, -float(clip_value), float(clip_value), out=grad._data)
        note_change(grad._data)
