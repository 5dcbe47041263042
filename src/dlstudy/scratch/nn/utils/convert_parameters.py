"""Parameters as one vector, and back."""

from collections.abc import Iterable

from dlstudy.scratch.ops.joining import cat
from dlstudy.scratch.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return all elements of the parameters one after another, (n,), as part of the graph."""
    joined: Tensor = cat([p.reshape(-1) for p in parameters])
    return joined


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give the parameters the elements of `vec` (n,), in order; they then share its memory.

    TypeError if `vec` is no Tensor, RuntimeError if it has too few elements.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected a Tensor, but got {type(vec).__name__}")
    start = 0
    for p in parameters:
        end = start + p.numel()
        if end > vec.numel():
            raise RuntimeError(f"the vector has {vec.numel()} elements, and the parameters need at least {end}")
        p.data = vec.detach()[start:end].view(p.shape)
        start = end
