"""What type checkers are told about Tensor is true: every attached method returns a Tensor, or the class names it."""

import ast
import inspect
from pathlib import Path
from typing import Any

from dlstudy.scratch import ops
from dlstudy.scratch.tensor import Tensor

METHODS = {name: method for module in (*ops.MODULES, ops.inplace) for name, method in module.METHODS.items()}


def declared() -> set[str]:
    """Return the names under `if TYPE_CHECKING:` in the class."""
    module = ast.parse(Path(inspect.getfile(Tensor)).read_text(encoding="utf-8"))
    (own,) = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == "Tensor"]
    (block,) = [node for node in own.body if isinstance(node, ast.If)]
    fields = {ast.unparse(node.target) for node in block.body if isinstance(node, ast.AnnAssign)}
    return fields | {node.name for node in block.body if isinstance(node, ast.FunctionDef)}


def returned(method: Any) -> Any:
    """Return what an annotated method says that it returns; Tensor for a lambda, which says nothing."""
    return getattr(method, "__annotations__", {}).get("return", Tensor)


def test_a_method_that_is_not_declared_returns_a_tensor() -> None:
    names = declared()
    others = {name: returned(method) for name, method in METHODS.items() if name not in names}
    assert len(others) > 150
    assert {name: kind for name, kind in others.items() if kind is not Tensor} == {"cuda": None}  # which only refuses


def test_properties_are_declared() -> None:
    assert {name for name, method in METHODS.items() if isinstance(method, property)} <= declared()


def test_what_is_declared_exists() -> None:
    assert {name for name in declared() if not hasattr(Tensor, name)} == {"__getattr__"}
