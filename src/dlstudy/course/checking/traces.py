"""Put back what an answer changed for everybody: switches of torch and NumPy, built-in names, functions of libraries.

An answer runs in the process that judges the next one too. `torch.set_grad_enabled(False)` in place of `no_grad()`, a
default device, `zip = ...` or `np.isclose = ...` would be felt by every later check; here they last for one case, or
one answer, at most.
"""

import builtins
import contextlib
import decimal
import gc
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

_LIBRARIES = frozenset(
    {
        *("math", "cmath", "random", "copy", "functools", "itertools", "operator", "collections", "heapq"),
        *("statistics", "json", "re", "time", "numpy", "numpy.linalg", "numpy.random", "numpy.fft", "torch"),
        *("torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.utils", "torch.nn.utils.rnn", "torch.linalg"),
        *("torch.special", "torch.fft", "torch.optim", "torch.optim.lr_scheduler", "torch.autograd", "torch.random"),
        *("torch.utils.data", "torch.testing", "torch.nn.parameter", "torch.nn.modules.module"),
    }
)
"""Modules whose functions, classes and constants an answer might replace; those of the course itself come to them."""
_CLASSES = ("torch.nn.", "torch.optim.", "torch.nn.modules.", "dlstudy.")
_MISSING = object()

Undo = Callable[[], None]


@contextmanager
def switches_kept() -> Iterator[None]:
    """Put built-in names and the switches of torch, NumPy and Python back: cheap enough for every single case."""
    undo = [
        _of_builtins(),
        _of_python(),
        _of_numpy(),
        *([_of_torch(sys.modules["torch"])] if "torch" in sys.modules else []),
    ]
    try:
        yield
    finally:
        for put_back in undo:
            put_back()


@contextmanager
def libraries_kept() -> Iterator[None]:
    """Put the functions, classes and constants of libraries back afterwards, and all that `switches_kept` does."""
    before = _Names()
    try:
        with switches_kept():
            yield
    finally:
        before.put_back()


def _of_builtins() -> Undo:
    now = vars(builtins)  # looked up here: `vars` itself may be gone afterwards
    names = dict(now)

    def put_back() -> None:
        now.update(names)
        # A loop, and no `set(...)`: what an answer took away may be just that.
        for name in [*now]:
            if name not in names:
                del now[name]

    return put_back


def _of_python() -> Undo:
    depth, collecting, folder = sys.getrecursionlimit(), gc.isenabled(), _folder()
    path, environment, context = list(sys.path), dict(os.environ), decimal.getcontext().copy()
    filters, profile, trace = list(warnings.filters), sys.getprofile(), sys.gettrace()

    def put_back() -> None:
        if sys.getrecursionlimit() != depth:
            sys.setrecursionlimit(depth)
        if gc.isenabled() != collecting:
            (gc.enable if collecting else gc.disable)()
        if folder and _folder() != folder:
            with contextlib.suppress(OSError):
                os.makedirs(folder, exist_ok=True)
                os.chdir(folder)
        if sys.path != path:
            sys.path[:] = path
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        decimal.setcontext(context)
        if list(warnings.filters) != filters:
            warnings.filters[:] = filters  # type: ignore[index]
            warnings._filters_mutated()  # type: ignore[attr-defined]
        if sys.getprofile() is not profile:
            sys.setprofile(profile)
        if sys.gettrace() is not trace:
            sys.settrace(trace)

    return put_back


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""


def _of_numpy() -> Undo:
    errors, call, options = np.geterr(), np.geterrcall(), np.get_printoptions()

    def put_back() -> None:
        np.seterr(**errors)
        np.seterrcall(call)
        if np.get_printoptions() != options:
            np.set_printoptions(**options)

    return put_back


def _of_torch(torch: Any) -> Undo:
    known = [
        (torch.is_grad_enabled, torch._C._set_grad_enabled),
        (torch.get_default_dtype, torch.set_default_dtype),
        (torch.get_num_threads, torch.set_num_threads),
        (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
        (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        (lambda: torch.is_autocast_enabled("cpu"), lambda on: torch.set_autocast_enabled("cpu", on)),
    ]
    values = [read() for read, _ in known]
    strict, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    device = torch.get_default_device()
    options = dict(vars(torch._tensor_str.PRINT_OPTS))

    def put_back() -> None:
        for (read, write), value in zip(known, values):
            if read() != value:
                write(value)
        if torch.are_deterministic_algorithms_enabled() != strict:
            torch.use_deterministic_algorithms(strict, warn_only=warn_only)
        if torch.get_default_device() != device:
            torch.set_default_device(None if device.type == "cpu" else device)
        vars(torch._tensor_str.PRINT_OPTS).update(options)

    return put_back


class _Names:
    """The names of the libraries and of their classes, as they are now."""

    def __init__(self) -> None:
        modules = [
            module
            for name, module in list(sys.modules.items())
            if isinstance(module, ModuleType) and (name in _LIBRARIES or name.startswith("dlstudy."))
        ]
        self._modules = [(module, dict(vars(module))) for module in modules]
        classes = {
            id(value): value
            for _, names in self._modules
            for value in names.values()
            if isinstance(value, type) and f"{value.__module__}.".startswith(_CLASSES)
        }
        torch = sys.modules.get("torch")
        if torch is not None:
            classes |= {id(torch.Tensor): torch.Tensor, id(torch.nn.Parameter): torch.nn.Parameter}
        self._classes = [(kind, dict(vars(kind))) for kind in classes.values()]

    def put_back(self) -> None:
        """Set every name that was replaced or deleted; take away what was added to classes."""
        for module, names in self._modules:
            now = vars(module)
            for name, value in names.items():
                if now.get(name, _MISSING) is not value and _is_fixed(value):
                    now[name] = value
        for kind, names in self._classes:
            self._put_back_class(kind, names)

    @staticmethod
    def _put_back_class(kind: type, names: dict[str, Any]) -> None:
        now = dict(vars(kind))
        for name, value in names.items():
            if now.get(name, _MISSING) is not value and _is_fixed(value):
                setattr(kind, name, value)
        for name in now.keys() - names.keys():
            if _is_fixed(now[name]):
                delattr(kind, name)


def _is_fixed(value: Any) -> bool:
    """Whether a library never changes such a value itself: a function, a class, a module, a constant like pi."""
    return callable(value) or isinstance(value, ModuleType | float | property | staticmethod | classmethod)
