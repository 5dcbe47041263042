"""Write the same program in other words: local names changed, independent statements exchanged.

The audit uses it to hold hints to what a mistake *does*: a copy that only looks different must get the same hint.
"""

import ast
import builtins

_PURE = {"abs", "enumerate", "float", "int", "len", "list", "max", "min", "range", "reversed", "set", "sorted", "sum"}
_PURE |= {"tuple", "zip", "dict", "id", "str", "bool", "any", "all"}
_PURE_MODULES = {"np", "numpy", "math", "torch"}
_SIMPLE = ast.Name | ast.Tuple


def renamed(source: str) -> str:
    """Return `source` with every local name of its functions and methods changed; arguments keep theirs, callers may
    use them.
    """
    tree = ast.parse(source)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    places = [*tree.body, *(statement for each in classes for statement in each.body)]
    for function in [node for node in places if isinstance(node, ast.FunctionDef)]:
        stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and _is_store(node)}
        inner = [node for node in ast.walk(function) if isinstance(node, ast.FunctionDef | ast.Lambda)]
        stored |= {node.name for node in inner if isinstance(node, ast.FunctionDef) and node is not function}
        arguments = {item.arg for node in inner for item in ast.walk(node.args) if isinstance(item, ast.arg)}
        outside = {
            name for node in ast.walk(function) if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names
        }
        names = {name: f"{name}_2" for name in stored - arguments - outside}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id in names:
                node.id = names[node.id]
            elif isinstance(node, ast.FunctionDef) and node is not function and node.name in names:
                node.name = names[node.name]
    return ast.unparse(tree)


def reordered(source: str) -> str:
    """Return `source` with neighbouring assignments exchanged wherever neither can notice; else as it was."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                _exchange(block)
    return ast.unparse(tree)


def unknown_names(source: str, allowed: tuple[str, ...]) -> list[str]:
    """Return the names that `source` reads and that neither it, Python nor `allowed` provides."""
    tree = ast.parse(source)
    known = set(dir(builtins)) | set(allowed)
    read: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else known).add(node.id)
        elif isinstance(node, ast.arg):
            known.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            known.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            known.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            known.add(node.name)
    return sorted(read - known)


def _exchange(block: list[ast.stmt]) -> None:
    index = 0
    while index + 1 < len(block):
        if _independent(block[index], block[index + 1]):
            block[index], block[index + 1] = block[index + 1], block[index]
            index += 2
        else:
            index += 1


def _independent(one: ast.stmt, other: ast.stmt) -> bool:
    if not (_is_plain(one) and _is_plain(other)):
        return False
    writes = [_names(item, ast.Store) for item in (one, other)]
    reads = [_names(item, ast.Load) for item in (one, other)]
    return not (writes[0] & (reads[1] | writes[1]) or writes[1] & reads[0])


def _is_plain(statement: ast.stmt) -> bool:
    """Whether a statement only gives names to values, by expressions that change nothing."""
    if not isinstance(statement, ast.Assign):
        return False
    targets = [item for target in statement.targets for item in ast.walk(target) if isinstance(item, ast.expr)]
    if not all(isinstance(item, _SIMPLE) for item in targets):
        return False
    for node in ast.walk(statement.value):
        if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom):
            return False
        if isinstance(node, ast.Call) and not _is_pure(node.func):
            return False
    return True


def _is_pure(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in _PURE
    while isinstance(function, ast.Attribute):
        if function.attr.endswith("_"):
            return False
        function = function.value
    return isinstance(function, ast.Name) and function.id in _PURE_MODULES


def _names(statement: ast.stmt, context: type[ast.expr_context]) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def _is_store(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)
