"""Division by zero and overflow give inf and nan without a warning, as in torch; the reader's own NumPy code keeps
its warnings.

`np.errstate` does this, but takes longer than a small addition. Setting NumPy's context variable by hand costs a tenth
of that; should a later NumPy move it, the slower official way is used.
"""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

try:
    from numpy._core._ufunc_config import _extobj_contextvar, _make_extobj  # type: ignore[attr-defined]

    SILENT: Any = _make_extobj(all="ignore")
    hush: Callable[[Any], Any] = _extobj_contextvar.set
    unhush: Callable[[Any], None] = _extobj_contextvar.reset
except ImportError:  # pragma: no cover
    SILENT = None

    def hush(silent: Any) -> Any:
        """Silence NumPy's floating-point warnings in this context; returns what `unhush` needs."""
        state = np.errstate(all="ignore")
        state.__enter__()
        return state

    def unhush(token: Any) -> None:
        """Undo `hush`."""
        token.__exit__(None, None, None)


def quiet(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` made to run without NumPy's floating-point warnings."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        token = hush(SILENT)
        try:
            return function(*args, **kwargs)
        finally:
            unhush(token)

    return run
