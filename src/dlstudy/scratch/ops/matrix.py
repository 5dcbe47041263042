"""Matrix products."""

from typing import Any

import numpy as np

from .._quiet import quiet
from ..shapes import broadcast_shapes
from ..tape import Node, record
from ..tensor import Tensor, wrap

Array = Any


def matmul_backward(grad: Array, a: Array | None, b: Array | None) -> tuple[Array | None, Array | None]:
    """Return the gradients of `a` and `b` in y = a @ b, given `grad`, the gradient of y.

    a is (m, k), b is (k, n), y and grad are (m, n): the only products of the right shapes are the right ones. The gradient of a
    factor needs only the other factor; pass None for one whose partner's gradient is not wanted, and get None for that.
    """
    grad_a = None if b is None else grad @ b.mT  # (m, n) @ (n, k) = (m, k)
    grad_b = None if a is None else a.mT @ grad  # (k, m) @ (m, n) = (k, n)
    return grad_a, grad_b


class MmBackward0(Node):
    """y = a @ b for matrices"""

    def grad_a(self, grad: Array, b: Array) -> Array:
        return matmul_backward(grad, None, b)[0]

    def grad_b(self, grad: Array, a: Array) -> Array:
        return matmul_backward(grad, a, None)[1]


class BmmBackward0(MmBackward0):
    """y = a @ b for stacks of matrices; a stack that was broadcast gets its gradients summed"""


class MvBackward0(Node):
    """y = A x: (m, k) and (k,) give (m,)"""

    def grad_a(self, grad: Array, b: Array) -> Array:
        return grad[..., None] * b

    def grad_b(self, grad: Array, a: Array) -> Array:
        return a.mT @ grad


class DotBackward0(Node):
    """y = a . b: (k,) and (k,) give ()"""

    def grad_a(self, grad: Array, b: Array) -> Array:
        return grad * b

    def grad_b(self, grad: Array, a: Array) -> Array:
        return grad * a


@quiet
def matmul(input: Any, other: Any) -> Any:
    """Return the matrix product, as `torch.matmul`: a vector on the left is a row, one on the right a column, the rest stacks.

    RuntimeError if a factor is 0-d, the formats differ, or the inner sizes do.
    """
    if not isinstance(other, Tensor):
        return NotImplemented
    x, y = input._data, other._data
    if x.ndim == 0 or y.ndim == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D")
    if x.dtype != y.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {input.dtype} != {other.dtype}")
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise RuntimeError(
            f"matmul: expected the last size of the first factor to equal the {'second to last' if y.ndim > 1 else 'only'} size "
            f"of the second, got shapes {list(x.shape)} and {list(y.shape)}"
        )
    if y.ndim == 1 and x.ndim <= 2:
        operation: type[Node] = DotBackward0 if x.ndim == 1 else MvBackward0
        return record(operation, wrap(np.asarray(x @ y)), (input, other))
    if y.ndim == 1:
        return matmul(input, other.unsqueeze(-1)).squeeze(-1)
    if x.ndim == 1:
        return matmul(input.unsqueeze(0), other).squeeze(-2)
    broadcast_shapes(x.shape[:-2], y.shape[:-2])
    operation = MmBackward0 if x.ndim == y.ndim == 2 else BmmBackward0
    return record(operation, wrap(np.matmul(x, y)), (input, other))


METHODS: dict[str, Any] = {"matmul": matmul, "__matmul__": matmul}
