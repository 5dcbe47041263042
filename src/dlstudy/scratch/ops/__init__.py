"""The operations, each beside its derivative; importing this package gives Tensor its methods."""

from dlstudy.scratch.tensor import attach

from . import (
    activations,
    comparisons,
    conversion,
    einsum,
    functions,
    gathering,
    indexing,
    inplace,
    joining,
    matrix,
    max_min,
    pointwise,
    reductions,
    softmax,
    special,
    views,
)

MODULES = (
    pointwise,
    functions,
    special,
    comparisons,
    reductions,
    max_min,
    softmax,
    matrix,
    einsum,
    views,
    indexing,
    gathering,
    joining,
    conversion,
    activations,
)

for _module in (*MODULES, inplace):
    attach(_module.METHODS)
