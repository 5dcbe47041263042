# ruff: noqa: F401 - the names of the package come together here
"""A small torch on NumPy. Never imports torch.

`import dlstudy.scratch as torch`: the names, the argument order and the meaning are torch's. Read it in this order:
`shapes.py` (the arithmetic of shapes), `tensor.py` (what a tensor is), `tape.py` (what an operation leaves behind),
`engine.py` (the backward pass), and then any file of `ops/`, where each operation stands beside its derivative.
On it stand `nn`, `optim` and `utils.data`, laid out as in torch; `porting.py` runs a script for torch on all of it.
"""

import math as _math

from . import autograd, cuda, dtypes, ops, random, shapes
from .autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .creation import (
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
    arange,
    as_tensor,
    asarray,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from .device import device
from .dtypes import (
    bool_ as bool,
)
from .dtypes import (
    dtype,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    result_type,
    set_default_dtype,
    uint8,
)
from .random import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from .sampling import bernoulli, rand, rand_like, randint, randint_like, randn, randn_like, randperm
from .serialization import load, save
from .shapes import broadcast_shapes
from .tensor import Size, Tensor, give_name

float, double, half, short, int, long = float32, float64, float16, int16, int32, int64
inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e

for _module in ops.MODULES:
    for _name, _function in _module.FUNCTIONS.items():
        give_name(_function, _name)
    globals().update(_module.FUNCTIONS)  # exp, matmul, cat, ...: every operation is also a function of this package
globals().update({**ops.pointwise.ALIASES, **ops.functions.ALIASES})


def is_tensor(obj: object) -> "bool_":  # type: ignore[name-defined]  # noqa: F821
    """Return whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> "int_":  # type: ignore[name-defined]  # noqa: F821
    """Return the number of elements."""
    return input._data.size


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return views of the tensors, all of the shape that they broadcast to."""
    shape = broadcast_shapes(*(t._data.shape for t in tensors))
    return tuple(t.expand(shape) for t in tensors)


from . import nn, optim, utils  # noqa: E402 - last, as they are built from all of the above
