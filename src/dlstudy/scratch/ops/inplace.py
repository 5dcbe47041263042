# ruff: noqa: D102 - a derivative is described by the line under its class
"""Changing a tensor where it lies (add_, copy_, t[i] = x), and what that does to the graph.

The change is noted (`changes.py`), so that a derivative that needs the old value can tell and say so. If the tensor is
part of the graph, its place moves on to the new operation; if it is a view, the tensor it shows a part of moves on
(`CopySlices`).
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from dlstudy.scratch import dtypes
from dlstudy.scratch.autograd import enable_grad
from dlstudy.scratch.changes import Changes, changed_since, clock, note_change
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.shapes import broadcast_shapes
from dlstudy.scratch.tape import CONSTANT, OUTPUT, Node, edge_of, mode, record
from dlstudy.scratch.tensor import Tensor, wrap
from dlstudy.scratch.types import Array, ArrayOrTensor, Number, Operand

from . import comparisons, functions, gathering, pointwise
from .indexing import IndexPutBackward0, basic_view, read_array, split_index
from .views import replay_view


def check_writable(t: Tensor) -> None:
    """Refuse what must not be changed in place: leaves of the graph, some views, and views with several places for
    one number.
    """
    if mode.enabled:
        if t._base is not None:
            if t._no_write:
                raise RuntimeError(
                    f"{t._no_write} and must not be modified in place. Use a new tensor instead, or clone() it first."
                )
            if t._base._leaf_needs_grad and t._base._node is None:
                raise RuntimeError(
                    "a view of a leaf Variable that requires grad is being used in an in-place operation. "
                    "Wrap the change in no_grad(), or make a new tensor."
                )
        if t._leaf_needs_grad and t._node is None:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation. "
                "Wrap the change in no_grad(), or make a new tensor."
            )
    x = t._data
    if x.size and 0 in x.strides and any(size > 1 and stride == 0 for size, stride in zip(x.shape, x.strides)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )
    if not x.flags.writeable:
        raise RuntimeError("this tensor shows read-only memory and cannot be changed in place: clone() it first")


def rebase(t: Tensor, node: Node | None) -> None:
    """Count the change just made to `t` and make `node`, which computed the new values, its place in the graph."""
    note_change(t._data)
    if not mode.enabled:
        return
    if node is not None:
        node.order = next(clock)  # it belongs after the change, which it saw
    base = t._base
    if base is None:
        t._node = node
    elif node is not None:
        base._node = CopySlices(base, node, t)
        refresh_view(t)


def refresh_view(view: Tensor) -> None:
    """Find a view's place in the graph again if its memory has changed since it was last found."""
    if Changes.latest >= view._seen:
        return
    changed = changed_since(view._data, view._seen)
    view._seen = next(clock)
    if not changed:
        return
    base = view._base
    if base is not None and edge_of(base) is not None:
        with enable_grad():
            view._node = replay_view(view, base)._node


class CopySlices(Node):
    """A tensor after one of its views was changed in place: the gradient of the changed part goes through that
    change.
    """

    replay: Callable[[Any], Any]  # finds the part in an array or tensor of the base's shape
    keeps = ("change",)  # the node of the operation that changed the part
    sources = (CONSTANT,)

    def __init__(self, base: Tensor, change: Node, view: Tensor):
        super().__init__((edge_of(base), *change.edges[1:]), base._data.shape, base._data.dtype)
        self.saved = (change,)
        self.replay = functools.partial(replay_view, view)
        others = [(functools.partial(CopySlices.other_gradient, i=i), 0, (0,)) for i in range(1, len(change.edges))]
        self.formulas = ((CopySlices.base_gradient, 0, (0,)), *others)

    def base_gradient(self, grad: ArrayOrTensor, change: Node) -> ArrayOrTensor:
        """Return the output's gradient, its changed part replaced by the gradient of what was there before."""
        if isinstance(grad, Tensor):
            grad = grad.clone()
            part = self.replay(grad)
            copy_(part, change.gradient_of(0, part.clone()))
            return grad
        grad = np.array(grad)
        part = self.replay(grad)
        part[...] = change.gradient_of(0, part.copy())
        return grad

    def other_gradient(self, grad: ArrayOrTensor, change: Node, i: int) -> ArrayOrTensor:
        """Return the gradient of the change's input number i."""
        return change.gradient_of(i, self.replay(grad))


# -- writing new values ------------------------------------------------------------------------------------
def overwrite(t: Tensor, result: Tensor) -> Tensor:
    """Make `t` hold the values of `result`, an operation's fresh output computed from t, and take over its place in
    the graph.
    """
    old, new, node = t._data, result._data, result._node
    if new.shape != old.shape:
        raise RuntimeError(f"output with shape {list(old.shape)} doesn't match the broadcast shape {list(new.shape)}")
    if result.dtype.category > t.dtype.category:
        raise RuntimeError(f"result type {result.dtype} can't be cast to the desired output type {t.dtype}")
    if node is not None and node.saved:
        saved = list(node.saved if node.watched is None else node.watched)
        for i, (source, value) in enumerate(zip(node.sources, saved)):
            if source == OUTPUT and value is not None:
                saved[i] = old  # the derivative needs the result, which will live in t
            elif isinstance(value, np.ndarray) and np.may_share_memory(value, old):
                saved[i] = value.copy()  # it needs what was there before
        np.copyto(old, new, casting="unsafe")
        node.keep(tuple(saved))
    else:
        np.copyto(old, new, casting="unsafe")
    rebase(t, node)
    return t


def in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method that stores the result of `function` in its first argument."""

    def apply(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_writable(self)
        result = function(self, *args, **kwargs)
        if result is NotImplemented:
            return result
        return overwrite(self, result)

    apply.__name__ = apply.__qualname__ = function.__name__ + "_"
    apply.__doc__ = f"{function.__doc__ or ''} The result replaces the tensor's own values."
    return apply


def in_place_ufunc(ufunc: np.ufunc, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return in_place(function) with a way around it, without a temporary array, for when nothing is recorded."""
    general = in_place(function)

    def apply(self: Tensor, other: Operand, **kwargs: Any) -> Tensor:
        if kwargs or (mode.enabled and (self.requires_grad or (isinstance(other, Tensor) and other.requires_grad))):
            return general(self, other, **kwargs)
        x = self._data
        y = other._data if isinstance(other, Tensor) else other
        if x.dtype.kind != "f" or not (
            isinstance(y, float | int) or (isinstance(y, np.ndarray) and y.dtype == x.dtype)
        ):
            return general(self, other)
        if isinstance(y, np.ndarray) and broadcast_shapes(x.shape, y.shape) != x.shape:
            return general(self, other)
        check_writable(self)
        return _write(ufunc, self, x, y)

    apply.__name__, apply.__doc__ = general.__name__, general.__doc__
    return apply


@quiet
def _write(ufunc: np.ufunc, t: Tensor, x: Array, y: Array | Number) -> Tensor:
    ufunc(x, y, out=x)
    note_change(t._data)
    return t


class ZeroBackward0(Node):
    """y = 0, whatever a was"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad * 0


class FillBackward1(Node):
    """y = one value everywhere, whatever a was"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad * 0

    def grad_value(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad.sum()


class FillBackward2(FillBackward1):
    """y = one value everywhere, given as a tensor"""


class CopyBackwards(Node):
    """y = b, whatever a was"""

    def grad_a(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad * 0

    def grad_b(self, grad: ArrayOrTensor) -> ArrayOrTensor:
        return grad


def _replace(t: Tensor, values: Array | int, operation: type[Node], inputs: tuple[Any, ...]) -> Tensor:
    """Write `values` over `t`, whose old values do not matter."""
    check_writable(t)
    node = record(operation, wrap(t._data), inputs)._node
    np.copyto(t._data, values, casting="unsafe")
    rebase(t, node)
    return t


def zero_(self: Tensor) -> Tensor:
    """Set all elements to 0."""
    return _replace(self, 0, ZeroBackward0, (self,))


def fill_(self: Tensor, value: Operand) -> Tensor:
    """Set all elements to `value`, a number or a 0-d tensor."""
    if isinstance(value, Tensor):
        if value._data.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value._data.ndim} dimensions."
            )
        return _replace(self, value._data, FillBackward2, (self, value))
    return _replace(self, dtypes.fitting(value, self._data.dtype), FillBackward1, (self, None))


@quiet
def copy_(self: Tensor, src: Operand, non_blocking: bool = False) -> Tensor:
    """Copy the values of `src` (a tensor that broadcasts to this shape, or a number), converted to this format."""
    values = src._data if isinstance(src, Tensor) else np.asarray(src)
    if not isinstance(src, Tensor | float | int | np.number | np.bool_):
        raise TypeError(f"expected a tensor or a number to copy from, got {type(src).__name__}")
    x = self._data
    if values.shape != x.shape and broadcast_shapes(x.shape, values.shape) != x.shape:
        raise RuntimeError(
            f"cannot copy shape {list(values.shape)} into shape {list(x.shape)}: expected one that broadcasts to it"
        )
    return _replace(self, values, CopyBackwards, (self, src))


@quiet
def setitem(input: Tensor, index: Any, value: Operand) -> None:
    """Write `value` (a tensor or number that broadcasts to the place) into input[index]."""
    basic, advanced = split_index(index, input._data.shape)
    if advanced is None:
        place_to_write = basic_view(input, basic)
        if isinstance(value, Tensor):
            extra = value._data.ndim - place_to_write._data.ndim
            if extra > 0 and value._data.shape[:extra] == (1,) * extra:
                value = value.reshape(value._data.shape[extra:])
        elif isinstance(value, list | tuple):
            raise TypeError(f"can't assign a {type(value).__name__} to a tensor: make it a tensor first")
        if isinstance(value, float | int | np.number):
            half = input._data.dtype == np.float16  # where torch writes inf for what is too large
            value = value if half else dtypes.fitting(value, input._data.dtype)[()]
        copy_(place_to_write, value)
        return
    if any(i is not Ellipsis and i != slice(None) for i in basic):
        input = basic_view(input, basic)
    check_writable(input)
    x = input._data
    target = read_array(x, advanced)
    if isinstance(value, Tensor):
        if value._data.dtype != x.dtype and value._data.ndim:
            raise RuntimeError(
                f"Index put requires the source and destination dtypes match, got {input.dtype} and {value.dtype}"
            )
        values = value._data
        while values.ndim > target.ndim and values.shape[0] == 1:
            values = values[0]
    elif isinstance(value, float | int | np.number):
        values = dtypes.fitting(value, x.dtype)
    else:
        raise TypeError(f"can't assign a {type(value).__name__} to a tensor: make it a tensor first")
    if broadcast_shapes(target.shape, values.shape) != target.shape:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to "
            f"indexing result of shape {list(target.shape)}"
        )
    edges = (edge_of(input), edge_of(value) if isinstance(value, Tensor) else None) if mode.enabled else (None, None)
    x[advanced] = values
    node = None
    if edges != (None, None) and x.dtype.kind == "f":
        node = IndexPutBackward0(edges, x.shape, x.dtype)
        node.saved = (advanced,)
    rebase(input, node)


def _swap(name: str, other: Callable[..., Any]) -> Callable[..., Any]:
    """Return a dunder method that gives the tensor itself back after changing it."""

    def apply(self: Tensor, value: Operand) -> Tensor:
        return other(self, value)

    apply.__name__ = name
    return apply


add_ = in_place_ufunc(np.add, pointwise.add)
sub_ = in_place_ufunc(np.subtract, pointwise.sub)
mul_ = in_place_ufunc(np.multiply, pointwise.mul)
div_ = in_place_ufunc(np.true_divide, pointwise.div)

FROM_FUNCTIONS = {
    **{
        name: pointwise.FUNCTIONS[name]
        for name in ("pow", "floor_divide", "remainder", "atan2", "lerp", "addcmul", "addcdiv")
    },
    **functions.FUNCTIONS,
    "clamp": comparisons.clamp,
    "masked_fill": comparisons.masked_fill,
    "scatter": gathering.scatter,
    "scatter_add": gathering.scatter_add,
    "index_add": gathering.index_add,
}
METHODS: dict[str, Any] = {
    "zero_": zero_,
    "fill_": fill_,
    "copy_": copy_,
    "add_": add_,
    "sub_": sub_,
    "mul_": mul_,
    "div_": div_,
    **{f"{name}_": in_place(function) for name, function in FROM_FUNCTIONS.items()},
    "clamp_min_": in_place(lambda t, min: comparisons.clamp(t, min)),
    "clamp_max_": in_place(lambda t, max: comparisons.clamp(t, None, max)),
    "__iadd__": _swap("__iadd__", add_),
    "__isub__": _swap("__isub__", sub_),
    "__imul__": _swap("__imul__", mul_),
    "__itruediv__": _swap("__itruediv__", div_),
    "__ipow__": in_place(pointwise.pow),
    "__ifloordiv__": in_place(pointwise.floor_divide),
    "__imod__": in_place(pointwise.remainder),
    "__iand__": in_place(comparisons.bitwise_and),
    "__ior__": in_place(comparisons.bitwise_or),
    "__ixor__": in_place(comparisons.bitwise_xor),
    "__setitem__": setitem,
    "index_put_": lambda t, indices, values: setitem(t, tuple(indices), values) or t,
    "_refresh_view": refresh_view,
}
