"""The operations, each beside its derivative; importing this package gives Tensor its methods."""

from dlstudy.scratch.tensor import Tensor

from . import choice, conversion, einstein, indexing, inplace, joining, matrix, pointwise, reductions, views

MODULES = (pointwise, choice, reductions, matrix, einstein, views, indexing, joining, conversion)

for _module in (*MODULES, inplace):
    for _name, _function in _module.METHODS.items():
        setattr(Tensor, _name, _function)
