"""Shapes, strides and broadcasting: the arithmetic that every operation on tensors rests on.

A tensor is one flat row of numbers plus a shape and strides that say how to walk through it. The functions here are the
ones that the tape itself uses; they need nothing but plain tuples (and, for `sum_to_shape`, an array to sum).
"""

from collections.abc import Sequence

from .types import ArrayOrTensor

Shape = tuple[int, ...]


def row_major_strides(shape: Sequence[int]) -> Shape:
    """Return how many elements to skip for one step along each dimension of a contiguous tensor of `shape`.

    The last dimension has stride 1; a step along any other one jumps over everything that lies to its right.
    Dimensions of size 0 count as 1, as in torch. Equal to `torch.empty(shape).stride()`.

    >>> row_major_strides((2, 3, 4))
    (12, 4, 1)
    """
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def flat_index(index: Sequence[int], strides: Sequence[int], offset: int = 0) -> int:
    """Return the place in flat memory of the element at `index`, counted in elements.

    `index` and `strides` have one entry per dimension; a stride is how many places one step along its dimension moves,
    and may be 0 or negative. A 0-d tensor has no entries, and its only element lies at `offset`, where the tensor
    begins. Raises ValueError if the lengths differ. Bounds are not checked: no shape is given.

    >>> flat_index((1, 2), (4, 1))
    6
    >>> flat_index((1, 2), (4, 1), offset=10)
    16
    """
    if len(index) != len(strides):
        raise ValueError(f"expected one index per stride: got {len(index)} indices for {len(strides)} strides")
    position = offset
    for i, stride in zip(index, strides):
        position += i * stride
    return position


def broadcast_shapes(*shapes: Sequence[int]) -> Shape:
    """Return the shape that tensors of these `shapes` have after broadcasting.

    Shapes are lined up at their last dimension; a missing dimension counts as 1, and a 1 is stretched to fit the
    others. Raises RuntimeError, naming the dimension, if two sizes differ and neither is 1. Equal to
    `torch.broadcast_shapes`.

    >>> broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    ndim = max((len(shape) for shape in shapes), default=0)
    result = [1] * ndim
    for shape in shapes:
        start = ndim - len(shape)  # dimensions that this shape lacks on the left
        for dim, size in enumerate(shape, start):
            if size == result[dim] or size == 1:
                continue
            if result[dim] != 1:
                listed = " and ".join(str(tuple(s)) for s in shapes)
                raise RuntimeError(
                    f"shapes {listed} cannot be broadcast together: expected equal sizes, or a 1, "
                    f"in dimension {dim} of the result, got {result[dim]} and {size}"
                )
            result[dim] = size
    return tuple(result)


def sum_to_shape(grad: ArrayOrTensor, shape: Sequence[int]) -> ArrayOrTensor:
    """Return `grad` summed down to `shape`: the gradient of broadcasting a tensor of `shape` to `grad.shape`.

    Broadcasting copies a number to many places, so the gradients of all those places add up. `grad` is an array or a
    Tensor whose shape is what `shape` broadcasts to. Equal to `torch.Tensor.sum_to_size`.

    >>> import numpy as np
    >>> sum_to_shape(np.ones((3, 4)), (3, 1)).tolist()
    [[4.0], [4.0], [4.0]]
    """
    added = grad.ndim - len(shape)  # dimensions that broadcasting put on the left
    stretched = tuple(added + dim for dim, size in enumerate(shape) if size == 1 and grad.shape[added + dim] != 1)
    dims = tuple(range(added)) + stretched
    if dims:
        grad = grad.sum(axis=dims, keepdims=True)
    return grad.reshape(tuple(shape))
