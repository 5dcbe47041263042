"""The tape: what an operation leaves behind so that its gradient can be computed later.

Every operation on a tensor that requires a gradient makes one `Node`. A node knows
  edges   the nodes that made its inputs (None for a constant input): the arrows of the graph;
  saved   the few arrays that its derivative needs, and nothing else;
  order   when it was made. Nodes are made after their inputs, so going through them newest first is a correct order.

The derivatives are the methods `grad_<input>`, and their argument names say what they need: `grad_a(self, grad, b)` is
the gradient of the input `a`, computed from the gradient of the output and from the other input. They use operators and
methods that NumPy arrays and Tensors share, so one formula serves both: arrays for speed, Tensors when the gradient is
itself to be differentiated.
"""

import inspect
import itertools
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .changes import Changes, change_count, changed_since, clock
from .shapes import Shape, sum_to_shape
from .types import ArrayOrTensor

if TYPE_CHECKING:
    from .tensor import Tensor

leaf_order = itertools.count(1)  # leaves come after every operation


OUTPUT, CONSTANT = -1, -2


class _GradMode(threading.local):
    enabled = True
    inference = False


mode = _GradMode()


class Node:
    """One operation in the graph: calling it with the gradient of its output gives the gradients of its inputs.

    A subclass is one kind of operation, and the names in its derivatives say what it keeps. This one is y = sin(a b):

        class SinOfProductBackward(Node):
            def grad_a(self, grad, b, cosine):
                return grad * cosine * b

            def grad_b(self, grad, a, cosine):
                return grad * cosine * a

    The inputs are a and b, in this order, as there is a `grad_` for each. `a` and `b` as arguments are their values,
    `out` would be the result. `cosine` is none of these, so `record(SinOfProductBackward, out, (a, b), cosine=...)`
    must give it. What only the derivative of an input without a gradient would need is not kept: if b is a constant,
    a is not.
    """

    __slots__ = ("__weakref__", "dtype", "edges", "hooks", "order", "retains", "saved", "shape", "watched")
    is_leaf = False

    # What the class's derivatives look like, filled in by __init_subclass__:
    inputs: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()  # the names that the derivatives mention: inputs, "out", and constants such as an index
    sources: tuple[int, ...] = ()  # for each of `keeps`: the number of the input, OUTPUT or CONSTANT
    users: tuple[tuple[int, ...], ...] = ()  # for each of `keeps`: the inputs whose derivative needs it
    formulas: tuple[tuple[Callable[..., Any], int, tuple[int, ...]], ...] = ()  # derivative, which of `keeps` it takes
    gate: Callable[..., Any] | None = None  # what the gradient goes through first: gate(grad, saved, may_change_grad)

    def __init__(self, edges: tuple["Node | None", ...], shape: Shape, dtype: "np.dtype[Any]"):
        self.edges = edges
        self.shape = shape  # of the output
        self.dtype = dtype
        self.order = next(clock)  # newer is smaller: a heap, which yields its smallest, yields the newest first
        self.saved: tuple[Any, ...] | None = ()  # what the derivatives need, in the order of `keeps`; None once freed
        self.watched: tuple[Any, ...] | None = None  # the arrays that must not change, if they are not `saved` itself
        self.hooks: dict[int, Callable[[Any], Any]] | None = None  # an empty one if only `retains` is set
        self.retains: weakref.ref[Tensor] | None = None  # the tensor that asked to retain its gradient

    def __init_subclass__(cls) -> None:
        derivatives = {name[5:]: f for name, f in vars(cls).items() if name.startswith("grad_")}
        if not derivatives:
            return
        cls.inputs = tuple(derivatives)
        needs = [list(inspect.signature(f).parameters)[2:] for f in derivatives.values()]  # after self and grad
        mentioned = set(itertools.chain(*needs))
        cls.keeps = tuple(n for n in (*cls.inputs, "out") if n in mentioned)
        cls.keeps += tuple(sorted(mentioned.difference(cls.keeps)))
        cls.sources = tuple(
            cls.inputs.index(name) if name in cls.inputs else OUTPUT if name == "out" else CONSTANT
            for name in cls.keeps
        )
        cls.users = tuple(tuple(i for i, need in enumerate(needs) if name in need) for name in cls.keeps)
        taken = [tuple(cls.keeps.index(name) for name in need) for need in needs]
        cls.formulas = tuple(
            (f, uses[0] if len(uses) == 1 else -1, uses) for f, uses in zip(derivatives.values(), taken)
        )

    # -- torch's view of a node -----------------------------------------------------------------------------
    def name(self) -> str:
        """Return the operation's name as torch spells it, such as 'MulBackward0'."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple["Node | None", int], ...]:
        """The nodes that made the inputs, each with 0 (the number of the output, as torch has nodes with several)."""
        return tuple((edge, 0) for edge in self.edges)

    def __call__(self, grad: "Tensor") -> Any:
        """Return the gradients of the inputs (one tensor, or a tuple of tensors and None) for the output's gradient
        `grad`.
        """
        if mode.enabled:
            result = [self.gradient_of(i, grad) for i in range(len(self.edges))]
        else:
            arrays = [self.gradient_of(i, grad._data) for i in range(len(self.edges))]
            result = [None if g is None else wrap(np.asarray(g)) for g in arrays]
        return result[0] if len(result) == 1 else tuple(result)

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    # -- keeping and using what the derivatives need --------------------------------------------------------
    def save(
        self, tensors: Sequence[Any], out: "Tensor", arrays: Sequence[Any] | None, constants: dict[str, Any]
    ) -> None:
        """Keep what the derivatives of the inputs with an edge need; `arrays` are the values if not those of
        `tensors`.
        """
        edges = self.edges
        saved: list[Any] = []
        for name, source, users in zip(self.keeps, self.sources, self.users):
            value = constants.pop(name) if source == CONSTANT else None
            for user in users:
                if edges[user] is not None:
                    break
            else:
                saved.append(None)
                continue
            if source == OUTPUT:
                value = out._data
            elif source != CONSTANT:
                value = tensors[source] if arrays is None else arrays[source]
                if isinstance(value, tensor_class):
                    value = value._data
            saved.append(value)
        self.keep(tuple(saved))

    def keep(self, values: tuple[Any, ...]) -> None:
        """Keep `values`; 0-d arrays as NumPy numbers, which are many times quicker to compute with."""
        self.saved = values
        for value in values:
            if value.__class__ is np.ndarray and not value.shape:
                self.saved = tuple([v[()] if v.__class__ is np.ndarray and not v.shape else v for v in values])
                self.watched = values
                return

    def unpack(self, as_tensors: bool) -> tuple[Any, ...]:
        """Return the saved values after checking that nobody changed them; as tensors with their place in the graph,
        if asked.
        """
        if self.saved is None:
            raise RuntimeError(
                f"Trying to backward through the graph a second time: what {self.name()} kept for its "
                "derivative was freed by "
                "the first backward(). Pass retain_graph=True to the first one, or compute the result again."
            )
        kept = self.saved if self.watched is None else self.watched
        if Changes.latest < self.order:
            self._refuse_changes(kept)
        if not as_tensors:
            return self.saved
        values = []
        for source, value in zip(self.sources, kept):
            if value.__class__ is np.ndarray and source != CONSTANT:
                value = wrap(value, self if source == OUTPUT else self.edges[source])
            values.append(value)
        return tuple(values)

    def _refuse_changes(self, kept: tuple[Any, ...]) -> None:
        """Raise RuntimeError if one of the kept arrays was changed in place since this node was made."""
        for name, array in zip(self.keeps, kept):
            if isinstance(array, np.ndarray) and changed_since(array, self.order):
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an inplace operation: "
                    f"{self.name()} kept {'its result' if name == 'out' else 'its input'} (shape {list(array.shape)}) "
                    f"for its derivative, and that has been changed since; it is at version {change_count(array)}. "
                    "Use an operation that makes a new tensor, or clone() before the change."
                )

    def gradient_of(self, i: int, grad: Any) -> Any:
        """Return the gradient of input number `i`, given that of the output; None if the input needs none.

        An input that was broadcast gets its gradient summed back to its shape, one that was converted gets its own
        format back. The engine does the same for all inputs in a loop of its own.
        """
        edge = self.edges[i]
        if edge is None:
            return None
        saved = self.unpack(as_tensors=isinstance(grad, tensor_class))
        formula, _, uses = self.formulas[i]
        if self.gate is not None:
            grad = self.gate(grad, saved, False)
        return fit(formula(self, grad, *[saved[j] for j in uses]), edge)


def fit(grad: ArrayOrTensor, edge: Node) -> ArrayOrTensor:
    """Return `grad`, an array or a Tensor, with the shape and format of the tensor it belongs to."""
    if grad.shape != edge.shape:
        grad = sum_to_shape(grad, edge.shape)
    if isinstance(grad, tensor_class):
        return grad if grad._data.dtype == edge.dtype else grad.to(edge.dtype)
    return grad if grad.dtype == edge.dtype else grad.astype(edge.dtype)


class AccumulateGrad(Node):
    """The end of the graph at a leaf: adds what arrives to `variable.grad`."""

    is_leaf = True

    def __init__(self, variable: "Tensor"):
        super().__init__((), variable._data.shape, variable._data.dtype)
        self.variable = variable
        self.order = next(leaf_order)

    def __call__(self, grad: "Tensor") -> None:
        """Add `grad` to the leaf's `.grad`."""
        self.variable._accumulate(grad if mode.enabled and grad.requires_grad else grad._data, owned=False)


def edge_of(t: "Tensor") -> Node | None:
    """Return the node that gradients for `t` go to: the operation that made it, its leaf node, or None if it needs
    none.
    """
    if t._base is not None:
        t._refresh_view()
    node = t._node
    if node is not None or not t._leaf_needs_grad:
        return node
    reference = t._accumulator
    node = None if reference is None else reference()
    if node is None:
        node = AccumulateGrad(t)
        t._accumulator = weakref.ref(node)  # the graph keeps the leaf alive, not the other way round: no cycle
    return node


def record(
    operation: type[Node], out: "Tensor", inputs: Sequence[Any], arrays: Any = None, **settings: Any
) -> "Tensor":
    """Put `out`, the fresh result of `operation` on `inputs` (tensors, or numbers), on the tape; returns `out`.

    `settings` (a dimension, a shape, ...) become attributes of the node, except those that a derivative takes as an
    argument (a mask, an index): these are kept only until backward. `arrays` are the inputs' values if they were
    converted first.
    """
    if mode.enabled and out._data.dtype.kind == "f":
        edges = []
        needed = False
        for t in inputs:
            edge = edge_of(t) if isinstance(t, tensor_class) else None
            edges.append(edge)
            if edge is not None:
                needed = True
        if needed:
            node = operation(tuple(edges), out._data.shape, out._data.dtype)
            if operation.keeps:
                node.save(inputs, out, arrays, settings)
            for name, value in settings.items():
                setattr(node, name, value)
            out._node = node
    return out


tensor_class: Any = None  # the class Tensor, and the function that makes one around an array: tensor.py, which is built
wrap: Any = None  # on this module, fills them in
