"""The operations, each beside its derivative; importing this package gives Tensor its methods."""

from ..tensor import Tensor
from . import matrix, pointwise, reductions, views

for _module in (pointwise, matrix, reductions, views):
    for _name, _function in _module.METHODS.items():
        setattr(Tensor, _name, _function)
