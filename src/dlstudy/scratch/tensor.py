"""The tensor: an array of numbers that can remember how it was made.

The numbers live in a NumPy array; views (a slice, a transpose) are NumPy views of the same memory. What makes it a
tensor is a note of the operation that made it (`grad_fn`, a node of `tape.py`), a place for its gradient, and a count
of in-place changes that is shared by all views of the memory. The operations themselves are in `ops/`, each beside its
derivative. They are built on this file, so it cannot import them: each module hands its methods to `attach`.
"""

import itertools
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dtypes, tape
from .changes import change_count, note_change
from .device import CPU, device
from .memory import UntypedStorage, storage_start, strides_of
from .printing import ValuesAndIndices, format_tensor
from .tape import Node
from .types import Array, Device


class Size(tuple):
    """A shape: a tuple of ints that prints as torch's does and knows its number of elements."""

    def numel(self) -> int:
        """Return the product of the sizes."""
        product = 1
        for size in self:
            product *= size
        return product

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> "Size":
        return Size(tuple.__add__(self, other))

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"


class Tensor:
    """An n-dimensional array with automatic differentiation, with the names and the meaning of `torch.Tensor`.

    `Tensor(data)` makes a float32 tensor, and `Tensor(2, 3)` one of that shape, as torch has it; use `tensor(data)` to
    keep the data's own format.
    """

    _data: Array
    _node: Node | None = None  # the operation that made it; None for a leaf
    _leaf_needs_grad = False
    _grad: "Tensor | None" = None
    _accumulator: Any = None  # weak reference to the leaf's AccumulateGrad node
    _hooks: dict[int, Callable[[Any], Any]] | None = None
    _base: "Tensor | None" = None  # for a view: the tensor whose memory it shows ...
    _steps: Any = None  # ... how to make it again from the base: (steps of the view it was made from, last step) ...
    _seen = 0  # ... the time at which `_node` was true ...
    _no_write: str | None = None  # ... and why it must not be written to, if so
    _is_inference = False
    __array_priority__ = 1000
    __hash__ = object.__hash__

    # What other modules attach: __init__ (creation.py), backward (autograd.py) and the operations (ops/), for type
    # checkers. An operation that is not named here returns a Tensor (tests/scratch/test_types.py).
    if TYPE_CHECKING:
        T: "Tensor"
        mT: "Tensor"
        H: "Tensor"
        mH: "Tensor"
        allclose: Callable[..., bool]
        chunk: "Callable[..., tuple[Tensor, ...]]"
        equal: Callable[..., bool]
        max: Any  # a Tensor, or the pair (values, indices) along a dimension
        min: Any
        nonzero: Any  # a Tensor, or a tuple of them
        sort: Callable[..., ValuesAndIndices]
        split: "Callable[..., tuple[Tensor, ...]]"
        topk: Callable[..., ValuesAndIndices]
        type: Any  # a name, or a Tensor in another format
        unbind: "Callable[..., tuple[Tensor, ...]]"

        def __getattr__(self, name: str) -> "Callable[..., Tensor]": ...
        def __add__(self, other: Any) -> "Tensor": ...
        def __radd__(self, other: Any) -> "Tensor": ...
        def __sub__(self, other: Any) -> "Tensor": ...
        def __rsub__(self, other: Any) -> "Tensor": ...
        def __mul__(self, other: Any) -> "Tensor": ...
        def __rmul__(self, other: Any) -> "Tensor": ...
        def __truediv__(self, other: Any) -> "Tensor": ...
        def __rtruediv__(self, other: Any) -> "Tensor": ...
        def __floordiv__(self, other: Any) -> "Tensor": ...
        def __mod__(self, other: Any) -> "Tensor": ...
        def __pow__(self, other: Any) -> "Tensor": ...
        def __rpow__(self, other: Any) -> "Tensor": ...
        def __matmul__(self, other: Any) -> "Tensor": ...
        def __and__(self, other: Any) -> "Tensor": ...
        def __or__(self, other: Any) -> "Tensor": ...
        def __xor__(self, other: Any) -> "Tensor": ...
        def __eq__(self, other: Any) -> "Tensor": ...  # type: ignore[override]
        def __ne__(self, other: Any) -> "Tensor": ...  # type: ignore[override]
        def __lt__(self, other: Any) -> "Tensor": ...
        def __le__(self, other: Any) -> "Tensor": ...
        def __gt__(self, other: Any) -> "Tensor": ...
        def __ge__(self, other: Any) -> "Tensor": ...
        def __neg__(self) -> "Tensor": ...
        def __invert__(self) -> "Tensor": ...
        def __iter__(self) -> "Iterator[Tensor]": ...
        def __getitem__(self, index: Any) -> "Tensor": ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __init__(self, *data: Any, device: Device = None): ...
        def _refresh_view(self) -> None: ...
        def backward(  # noqa: D102
            self,
            gradient: "Tensor | None" = None,
            retain_graph: bool | None = None,
            create_graph: bool = False,
            inputs: Any = None,
        ) -> None: ...

    # -- what it is -----------------------------------------------------------------------------------------
    @property
    def shape(self) -> Size:
        """The sizes of the dimensions."""
        return Size(self._data.shape)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of dimension `dim`."""
        return self.shape if dim is None else self._data.shape[wrap_dim(dim, self._data.ndim)]

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self._data.ndim

    ndimension = dim

    def numel(self) -> int:
        """Return the number of elements."""
        return self._data.size

    nelement = numel

    @property
    def dtype(self) -> dtypes.dtype:
        """The number format."""
        return dtypes.FROM_NUMPY[self._data.dtype]

    @property
    def device(self) -> device:
        """Where the numbers are: always the CPU here."""
        return CPU

    @property
    def is_cuda(self) -> bool:
        """False: NumPy computes on the CPU."""
        return False

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self._data.itemsize

    def element_size(self) -> int:
        """Return the bytes per element."""
        return self._data.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._data.nbytes

    def is_floating_point(self) -> bool:
        """Return whether the format is a floating-point one."""
        return self._data.dtype.kind == "f"

    # -- how it lies in memory ------------------------------------------------------------------------------
    def stride(self, dim: int | None = None) -> Any:
        """Return how many elements of memory one step along each dimension (or along `dim`) jumps over."""
        strides = strides_of(self._data)
        return strides if dim is None else strides[wrap_dim(dim, self._data.ndim)]

    def storage_offset(self) -> int:
        """Return the place of the first element in the storage, counted in elements."""
        return (self.data_ptr() - storage_start(self._data)) // self._data.itemsize if self._data.size else 0

    def data_ptr(self) -> int:
        """Return the address of the first element; two views of the same element have the same one. 0 if there is
        none.
        """
        return int(self._data.__array_interface__["data"][0]) if self._data.size else 0

    def is_contiguous(self) -> bool:
        """Return whether the elements lie in row-major order without gaps."""
        return bool(self._data.flags.c_contiguous)

    def untyped_storage(self) -> UntypedStorage:
        """Return the memory behind the tensor, which views share: `.nbytes()`, `.data_ptr()`."""
        return UntypedStorage(self._data)

    @property
    def _version(self) -> int:
        """How often this memory has been changed in place."""
        return change_count(self._data)

    def _is_view(self) -> bool:
        return self._base is not None

    # -- gradients ------------------------------------------------------------------------------------------
    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded; may be set on leaves of a floating-point format."""
        if self._base is not None:
            self._refresh_view()
        return self._node is not None or self._leaf_needs_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> "Tensor":
        """Switch recording for this leaf on or off; RuntimeError for integers, and for switching off what has a
        grad_fn.
        """
        if requires_grad and self._data.dtype.kind != "f":
            raise RuntimeError(f"only Tensors of floating point dtype can require gradients, got {self.dtype}")
        if not self.is_leaf:
            if not requires_grad:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables: this one was computed from others. "
                    "To use it as a constant, use detach()."
                )
            return self
        self._leaf_needs_grad = bool(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user (or needs no gradient) rather than by a recorded operation."""
        return not self.requires_grad or self._node is None

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this tensor; None for a leaf."""
        if self._base is not None:
            self._refresh_view()
        return self._node

    @property
    def grad(self) -> "Tensor | None":
        """The gradient that backward() has added up here; None before the first. backward() adds, it never replaces."""
        if self._grad is None and not self.is_leaf and self._node is not None and self._node.retains is None:
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
                "attribute won't be populated "
                "during autograd.backward(). If you indeed want the .grad field to be populated for a "
                "non-leaf Tensor, use "
                ".retain_grad() on the non-leaf Tensor.",
                UserWarning,
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: "Tensor | None") -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad has to be a Tensor or None, got {type(value).__name__}")
            if value._data.shape != self._data.shape:
                raise RuntimeError(f"assigned grad: expected shape {list(self.shape)}, got {list(value.shape)}")
            if value._data.dtype != self._data.dtype:
                raise RuntimeError(f"assigned grad: expected dtype {self.dtype}, got {value.dtype}")
        self._grad = value

    def _accumulate(self, grad: Any, owned: bool) -> None:
        """Add `grad` (an array, or a Tensor when a graph of the gradient is wanted) to `.grad`; `owned` arrays are
        taken over.
        """
        if isinstance(grad, Tensor):
            self._grad = grad if self._grad is None else self._grad + grad
        elif self._grad is None:
            self._grad = wrap(np.asarray(grad) if owned else np.array(grad))
        elif self._grad._node is not None:
            self._grad = wrap(self._grad._data + grad)
        else:
            self._grad._data += grad
            note_change(self._grad._data)

    def retain_grad(self) -> None:
        """Ask for `.grad` to be filled in although this tensor is not a leaf."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._node is not None and self._node.retains is None:
            self._node.retains = weakref.ref(self)
            self._node.hooks = self._node.hooks or {}

    @property
    def retains_grad(self) -> bool:
        """Whether this non-leaf fills in `.grad`."""
        return self._node is not None and self._node.retains is not None

    def register_hook(self, hook: Callable[["Tensor"], "Tensor | None"]) -> "RemovableHandle":
        """Call `hook` with the gradient of this tensor whenever it is computed; what it returns, if anything,
        replaces it.
        """
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        owner: Any = self if self._node is None else self._node
        name = "_hooks" if self._node is None else "hooks"
        hooks = getattr(owner, name)
        if hooks is None:
            hooks = {}
            setattr(owner, name, hooks)
        return RemovableHandle(hooks, hook)

    def detach(self) -> "Tensor":
        """Return a tensor on the same memory that is cut off from the graph."""
        return wrap(self._data)

    def detach_(self) -> "Tensor":
        """Cut this tensor off from the graph; RuntimeError for a view."""
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._node, self._leaf_needs_grad = None, False
        return self

    @property
    def data(self) -> "Tensor":
        """The same memory without a graph."""
        return wrap(self._data)

    @data.setter
    def data(self, value: "Tensor") -> None:
        self._data = value._data
        self._accumulator = None

    # -- out of the tensor ----------------------------------------------------------------------------------
    def numpy(self, *, force: bool = False) -> Array:
        """Return the NumPy array that shares this tensor's memory; RuntimeError if it requires a gradient (unless
        `force`).
        """
        if self.requires_grad and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return self._data

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def item(self) -> Any:
        """Return the only element as a Python number; RuntimeError if there are more or none."""
        if self._data.size != 1:
            raise RuntimeError(
                f"expected a tensor with one element for item(), got {self._data.size} of shape {list(self.shape)}"
            )
        return self._data.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self._data.tolist()

    def __len__(self) -> int:
        if self._data.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self._data)

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise RuntimeError(f"Boolean value of Tensor with {self._data.size or 'no'} values is ambiguous")
        return bool(self._data.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __index__(self) -> int:
        if self._data.size != 1 or self._data.dtype.kind == "f":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._data.item())

    def __contains__(self, element: object) -> bool:
        return bool((self == element).any())

    def __repr__(self) -> str:
        return format_tensor(self)

    def __format__(self, spec: str) -> str:
        return self.item().__format__(spec) if self._data.ndim == 0 else object.__format__(self, spec)

    def __deepcopy__(self, memo: Any) -> "Tensor":
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment"
            )
        copied = object.__new__(type(self))
        memo[id(self)] = copied
        copied._data = self._data.copy()
        copied._leaf_needs_grad = self._leaf_needs_grad
        if self._grad is not None:
            copied._grad = self._grad.__deepcopy__(memo)
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        if not self.is_leaf:
            raise RuntimeError("only leaf tensors can be pickled: detach() this one first")
        return _rebuild, (type(self), self._data, self._leaf_needs_grad)


class RemovableHandle:
    """What registering a hook returns: `remove()`, or the end of a `with` block on it, takes the hook away again."""

    numbers = itertools.count()

    def __init__(self, hooks: dict[int, Any], hook: Any):
        self.hooks = hooks
        self.id = next(self.numbers)  # not id(self), which the next handle may have when this one is thrown away
        hooks[self.id] = hook

    def remove(self) -> None:
        """Take the hook away."""
        self.hooks.pop(self.id, None)

    def __enter__(self) -> "RemovableHandle":
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


_new = object.__new__


def wrap(data: Array, node: Node | None = None) -> Tensor:
    """Return a tensor around the array `data` (not copied), made by `node`.

    With a leaf's node as `node`, the result stands for that leaf's value in the graph.
    """
    t = _new(Tensor)
    t._data = data
    if node is not None:
        t._node = node
    return t


tape.tensor_class, tape.wrap = Tensor, wrap


def give_name(function: Any, name: str) -> None:
    """Let a function that another one made bear the `name` under which it is called, as Python's messages show it."""
    if "<" in getattr(function, "__qualname__", ""):  # <locals> or <lambda>
        function.__name__ = function.__qualname__ = name


def attach(methods: dict[str, Any]) -> None:
    """Make `methods`, functions whose first argument is a tensor, methods of Tensor."""
    for name, method in methods.items():
        give_name(method, name)
        setattr(Tensor, name, method)


def _rebuild(cls: type, data: Array, needs_grad: bool) -> Tensor:
    t: Tensor = object.__new__(cls)
    t._data, t._leaf_needs_grad = data, needs_grad
    return t


def wrap_dim(dim: int, ndim: int) -> int:
    """Return `dim` counted from the front; IndexError if a tensor of `ndim` dimensions has no such dimension."""
    size = max(ndim, 1)
    if not -size <= dim < size:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-size}, {size - 1}], but got {dim})")
    return dim % size
