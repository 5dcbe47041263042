"""The operations, each beside its derivative; importing this package gives Tensor its methods."""

from dlstudy.scratch.tensor import Tensor

from . import (
    activations,
    along,
    choice,
    conversion,
    einstein,
    extrema,
    functions,
    gathering,
    indexing,
    inplace,
    joining,
    matrix,
    pointwise,
    reductions,
    special,
    views,
)

MODULES = (
    pointwise,
    functions,
    special,
    choice,
    reductions,
    extrema,
    along,
    matrix,
    einstein,
    views,
    indexing,
    gathering,
    joining,
    conversion,
    activations,
)

for _module in (*MODULES, inplace):
    for _name, _function in _module.METHODS.items():
        setattr(Tensor, _name, _function)
