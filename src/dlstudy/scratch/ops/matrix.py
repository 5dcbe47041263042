# ruff: noqa: D102 - a derivative is described by the line under its class
"""Matrix products."""

from typing import Any

import numpy as np

from dlstudy.scratch.array_or_tensor import is_array
from dlstudy.scratch.quiet import SILENT, hush, unhush
from dlstudy.scratch.shapes import Shape, broadcast_shapes
from dlstudy.scratch.tape import Node, record
from dlstudy.scratch.tensor import Tensor, wrap, wrap_dim
from dlstudy.scratch.types import Array, ArrayOrTensor

from .indexing import place
from .pointwise import array_operand, binary
from .views import make_view


def matmul_backward(grad: ArrayOrTensor, a: ArrayOrTensor | None, b: ArrayOrTensor | None) -> tuple[Any, Any]:
    """Return the gradients of `a` and `b` in y = a @ b, given `grad`, the gradient of y.

    a is (m, k), b is (k, n), y and grad are (m, n): the only products of the right shapes are the right ones. The
    gradient of a factor needs only the other factor; pass None for one whose partner's gradient is not wanted, and get
    None for that.
    """
    grad_a = None if b is None else grad @ b.mT  # (m, n) @ (n, k) = (m, k)
    grad_b = None if a is None else a.mT @ grad  # (k, m) @ (m, n) = (k, n)
    return grad_a, grad_b


class MmBackward0(Node):
    """y = a @ b for matrices"""

    __slots__ = ()  # frequent, and without settings: half the memory

    def grad_a(self, grad: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return matmul_backward(grad, None, b)[0]

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return matmul_backward(grad, a, None)[1]


def _dot(x: Array, y: Array, out: Array | None = None) -> Array:
    return np.dot(x, y)  # for two matrices the same as np.matmul, and quicker to start


mm_tensors = binary(_dot, MmBackward0)


class BmmBackward0(MmBackward0):
    """y = a @ b for stacks of matrices; a stack that was broadcast gets its gradients summed"""


class MvBackward0(Node):
    """y = A x: (m, k) and (k,) give (m,)"""

    def grad_a(self, grad: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return grad[..., None] * b

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return a.mT @ grad


class DotBackward0(Node):
    """y = a . b: (k,) and (k,) give ()"""

    def grad_a(self, grad: ArrayOrTensor, b: ArrayOrTensor) -> ArrayOrTensor:
        return grad * b

    def grad_b(self, grad: ArrayOrTensor, a: ArrayOrTensor) -> ArrayOrTensor:
        return grad * a


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Return the matrix product, as `torch.matmul`: a vector on the left is a row, one on the right a column, the
    rest stacks.

    RuntimeError if a factor is 0-d, the formats differ, or the inner sizes do.
    """
    if isinstance(other, np.ndarray):
        other = array_operand(other)
    if not isinstance(other, Tensor):
        return NotImplemented
    x, y = input._data, other._data
    if x.ndim == y.ndim == 2 and x.shape[1] == y.shape[0] and x.dtype is y.dtype:
        return mm_tensors(input, other)
    if x.ndim == 0 or y.ndim == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D")
    if x.dtype != y.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {input.dtype} != {other.dtype}")
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise RuntimeError(
            "matmul: expected the last size of the first factor to equal the "
            f"{'second to last' if y.ndim > 1 else 'only'} size "
            f"of the second, got shapes {list(x.shape)} and {list(y.shape)}"
        )
    if y.ndim == 1 and x.ndim <= 2:
        operation: type[Node] = DotBackward0 if x.ndim == 1 else MvBackward0
        return record(operation, wrap(_product(x, y)), (input, other))
    if y.ndim == 1:
        return matmul(input, other.unsqueeze(-1)).squeeze(-1)
    if x.ndim == 1:
        return matmul(input.unsqueeze(0), other).squeeze(-2)
    broadcast_shapes(x.shape[:-2], y.shape[:-2])
    operation = MmBackward0 if x.ndim == y.ndim == 2 else BmmBackward0
    return record(operation, wrap(_product(x, y)), (input, other))


def _product(x: Array, y: Array) -> Array:
    """Return the product of two arrays, silently inf or nan where it overflows."""
    token = hush(SILENT)
    try:
        return np.matmul(x, y, out=...)
    finally:
        unhush(token)


def _needs_dims(name: str, t: Tensor, ndim: int, which: str) -> None:
    if t._data.ndim != ndim:
        raise RuntimeError(
            f"{name}: expected {which} to have {ndim} dimension(s), got {t._data.ndim} (shape {list(t.shape)})"
        )


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of two matrices; nothing is broadcast."""
    _needs_dims("mm", input, 2, "the first factor")
    _needs_dims("mm", mat2, 2, "the second factor")
    return matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the products of two stacks of matrices, (b, m, k) and (b, k, n); nothing is broadcast."""
    _needs_dims("bmm", input, 3, "the first factor")
    _needs_dims("bmm", mat2, 3, "the second factor")
    if input._data.shape[0] != mat2._data.shape[0]:
        raise RuntimeError(f"bmm: expected stacks of one length, got {input._data.shape[0]} and {mat2._data.shape[0]}")
    return matmul(input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Return the product of a matrix and a vector."""
    _needs_dims("mv", input, 2, "the matrix")
    _needs_dims("mv", vec, 1, "the vector")
    return matmul(input, vec)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Return the inner product of two vectors."""
    _needs_dims("dot", input, 1, "the first vector")
    _needs_dims("dot", tensor, 1, "the second vector")
    return matmul(input, tensor)


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Return the matrix of all products of an element of `input` and one of `vec2`."""
    _needs_dims("outer", input, 1, "the first vector")
    _needs_dims("outer", vec2, 1, "the second vector")
    return input.unsqueeze(1) * vec2


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Return beta * input + alpha * (mat1 @ mat2)."""
    product = mm(mat1, mat2)
    return (input if beta == 1 else beta * input) + (product if alpha == 1 else alpha * product)


# -- triangles and diagonals -------------------------------------------------------------------------------
class TrilBackward0(Node):
    """y = a below a diagonal, 0 above"""

    diagonal: int

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return np.tril(grad, self.diagonal) if is_array(grad) else tril(grad, self.diagonal)


class TriuBackward0(Node):
    """y = a above a diagonal, 0 below"""

    diagonal: int

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return np.triu(grad, self.diagonal) if is_array(grad) else triu(grad, self.diagonal)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the matrix (or each of a stack) with zeros above the diagonal number `diagonal`."""
    if input._data.ndim < 2:
        raise RuntimeError("tril: input tensor must have at least 2 dimensions")
    return record(TrilBackward0, wrap(np.tril(input._data, diagonal)), (input,), diagonal=diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the matrix (or each of a stack) with zeros below the diagonal number `diagonal`."""
    if input._data.ndim < 2:
        raise RuntimeError("triu: input tensor must have at least 2 dimensions")
    return record(TriuBackward0, wrap(np.triu(input._data, diagonal)), (input,), diagonal=diagonal)


class DiagonalBackward0(Node):
    """y = the diagonal of a"""

    input_shape: Shape
    dims: tuple[int, int, int]

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        offset, dim1, dim2 = self.dims
        if is_array(grad):
            out = np.zeros(self.input_shape, grad.dtype)
            _diagonal_view(out, offset, dim1, dim2)[...] = grad
            return out
        zeros = wrap(np.zeros(self.input_shape, grad._data.dtype))
        diagonal(zeros, offset, dim1, dim2).copy_(grad)
        return zeros


def _diagonal_view(x: Array, offset: int, dim1: int, dim2: int) -> Array:
    """Return the diagonal of an array as a view that can be written to."""
    x = np.moveaxis(x, (dim1, dim2), (-2, -1))
    x = x[..., offset:] if offset >= 0 else x[..., -offset:, :]
    length = min(x.shape[-2:])
    return np.lib.stride_tricks.as_strided(x, (*x.shape[:-2], length), (*x.strides[:-2], x.strides[-2] + x.strides[-1]))


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return a view of the diagonal in the dimensions dim1 and dim2, which becomes the last dimension."""
    ndim = input._data.ndim
    d1, d2 = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if d1 == d2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    data = _diagonal_view(input._data, offset, d1, d2)
    settings: dict[str, Any] = {"input_shape": input._data.shape, "dims": (offset, d1, d2)}

    def replay(t: ArrayOrTensor) -> ArrayOrTensor:
        return _diagonal_view(t, offset, d1, d2) if is_array(t) else diagonal(t, offset, d1, d2)

    return make_view(DiagonalBackward0, data, input, replay, **settings)


def diag(input: Tensor, diagonal_: int = 0) -> Tensor:
    """Return the diagonal of a matrix, or the matrix with a vector on its diagonal."""
    if input._data.ndim == 2:
        return diagonal(input, diagonal_).clone()
    _needs_dims("diag", input, 1, "the input")
    size = input._data.shape[0] + abs(diagonal_)
    rows = np.arange(input._data.shape[0]) + max(-diagonal_, 0)
    return place(input, (size, size), (rows, rows + diagonal_))


def trace(input: Tensor) -> Tensor:
    """Return the sum of a matrix's diagonal."""
    _needs_dims("trace", input, 2, "the input")
    return diagonal(input).sum()


FUNCTIONS: dict[str, Any] = {
    "matmul": matmul,
    "mm": mm,
    "bmm": bmm,
    "mv": mv,
    "dot": dot,
    "outer": outer,
    "addmm": addmm,
    "tril": tril,
    "triu": triu,
    "diagonal": diagonal,
    "diag": diag,
    "trace": trace,
}
METHODS: dict[str, Any] = {**FUNCTIONS, "__matmul__": matmul}
