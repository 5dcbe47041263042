"""Cut an exercise's starting text out of working source, so that what learners get can never drift from the library."""

import ast
import io
import textwrap
import tokenize
from pathlib import Path

import dlstudy

PLACEHOLDER = 'raise NotImplementedError("your turn")'


class SourceError(ValueError):
    """The source does not hold what an exercise wants to cut from it; the message says what was looked for."""


def library_source(target: str) -> str:
    """Return the source of `"package.module:name"` without importing it, dedented, comments and decorators included.

    Only modules of this package are found: `dlstudy.scratch.shapes:flat_index` or `dlstudy.scratch.nn:Linear.forward`.

    Raises SourceError: no such module, or no such name in it.
    """
    module, _, name = target.partition(":")
    parts = module.split(".")
    if parts[0] != "dlstudy" or not name:
        raise SourceError(f'"{target}" should read "dlstudy.package.module:name"')
    base = Path(dlstudy.__file__).parent.joinpath(*parts[1:])
    file = next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)
    if file is None:
        raise SourceError(f'"{target}": there is no module {module}')
    return definition(file.read_text(encoding="utf-8"), name, str(target))


def definition(text: str, name: str, where: str = "the source") -> str:
    """Return the lines of the function or class `name` ("Class.method" too) in `text`, dedented.

    Raises SourceError: `text` is not Python or has no such name.
    """
    try:
        body: list[ast.stmt] = ast.parse(text).body
    except SyntaxError as error:
        raise SourceError(f"{where}: line {error.lineno} is not Python: {error.msg}") from error
    node: ast.FunctionDef | ast.ClassDef | None = None
    for part in name.split("."):
        node = next(
            (item for item in body if isinstance(item, ast.FunctionDef | ast.ClassDef) and item.name == part), None
        )
        if node is None:
            raise SourceError(f"{where}: nothing called {name} is defined there")
        body = node.body
    assert node is not None
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    return textwrap.dedent("\n".join(lines)) + "\n"


def emptied(source: str, keep_comments: str | list[str] = "all") -> str:
    """Return `source` with each function's body replaced by a placeholder; signature, docstring, comments stay.

    `keep_comments`: "all", "none", or a list of texts of which a kept comment must contain one.
    """
    tree = ast.parse(source)
    lines = source.splitlines()
    comments = _own_line_comments(source)
    # From the last function to the first, so that line numbers above stay true.
    for node in sorted(_outer_functions(tree), key=lambda item: item.lineno, reverse=True):
        body = node.body
        indent = " " * body[0].col_offset
        if body[0].lineno == node.lineno:
            raise SourceError(f"{node.name}: its body must start on a line of its own")
        has_docstring = ast.get_docstring(node) is not None
        start = (body[0].end_lineno or 0) if has_docstring else _header_end(node, lines)
        end = node.end_lineno or len(lines)
        kept = [indent + text for line, text in comments if start < line <= end and _wanted(text, keep_comments)]
        lines[start:end] = [*kept, indent + PLACEHOLDER]
    return "\n".join(lines) + "\n"


def with_line_cut(source: str, cut: str, todo: str) -> str:
    """Return `source` with the statement `cut` (its exact text, once in the source) replaced by a placeholder.

    Raises SourceError: `cut` is not there, or more than once, or not whole lines.
    """
    wanted = [line.strip() for line in cut.strip().splitlines()]
    lines = source.splitlines()
    starts = [
        index
        for index in range(len(lines) - len(wanted) + 1)
        if [line.strip() for line in lines[index : index + len(wanted)]] == wanted
    ]
    if len(starts) != 1:
        raise SourceError(f"the line to cut must be in the solution exactly once, and is {len(starts)} times: {cut!r}")
    first = lines[starts[0]]
    indent = first[: len(first) - len(first.lstrip())]
    note = f"your turn: {todo}" if todo else "your turn"
    lines[starts[0] : starts[0] + len(wanted)] = [f'{indent}raise NotImplementedError("{note}")']
    return "\n".join(lines) + "\n"


def edited(source: str, edits: list[tuple[str, str]]) -> str:
    """Return `source` after each find/replace in turn.

    Raises SourceError: a text to find is not there exactly once, or changes nothing.
    """
    for find, replace in edits:
        count = source.count(find)
        if count != 1:
            raise SourceError(f"the text to find must be in the solution exactly once, and is {count} times: {find!r}")
        if find == replace:
            raise SourceError(f"find and replace are the same text: {find!r}")
        source = source.replace(find, replace)
    try:
        ast.parse(source)
    except SyntaxError as error:
        raise SourceError(f"after the edit, line {error.lineno} is not Python: {error.msg}") from error
    return source


def without_annotations(source: str) -> str:
    """Return `source` with the types taken out of its signatures, everything else as it was.

    A page for beginners needs no imports for the sake of types, and an answer is compared with what a learner writes.
    """
    lines = source.encode().splitlines()
    cuts: list[tuple[int, int, int, int, bytes]] = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef):
            continue
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults = dict(zip([item.arg for item in positional][::-1], arguments.defaults[::-1]))
        defaults |= {item.arg: value for item, value in zip(arguments.kwonlyargs, arguments.kw_defaults) if value}
        for item in (*positional, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
            if item is None or item.annotation is None:
                continue
            start = item.col_offset + len(item.arg.encode())
            default = defaults.get(item.arg)
            stop = default if default is not None else item.annotation
            end = (stop.lineno, stop.col_offset) if default is not None else (stop.end_lineno, stop.end_col_offset)
            cuts.append((item.lineno, start, *_place(end), b"=" if default is not None else b""))
        if node.returns is not None:
            start = lines[node.returns.lineno - 1].rindex(b"->", 0, node.returns.col_offset)
            end = (node.returns.end_lineno, node.returns.end_col_offset)
            cuts.append((node.returns.lineno, start, *_place(end), b""))
    for line, start, end_line, end_column, put in sorted(cuts, reverse=True):
        head = lines[line - 1][:start]
        tail = lines[end_line - 1][end_column:]
        lines[line - 1 : end_line] = [(head if put or not tail.startswith(b":") else head.rstrip()) + put + tail]
    return b"\n".join(lines).decode() + "\n"


def same_code(one: str, other: str) -> bool:
    """Whether two texts are the same program: comments, blank lines, docstrings and imports do not count."""
    try:
        return _bare(one) == _bare(other)
    except SyntaxError:
        return False


def _bare(source: str) -> str:
    tree = ast.parse(textwrap.dedent(source))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    tree.body = [item for item in tree.body if not isinstance(item, ast.Import | ast.ImportFrom)]
    return ast.dump(tree)


def _place(end: tuple[int | None, int | None]) -> tuple[int, int]:
    assert end[0] is not None
    assert end[1] is not None
    return end[0], end[1]


def _outer_functions(tree: ast.Module) -> list[ast.FunctionDef]:
    """The functions of a module and the methods of its classes, but not functions inside functions."""
    found: list[ast.FunctionDef] = []
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            found.append(node)
        elif isinstance(node, ast.ClassDef):
            waiting.extend(node.body)
    return found


def _header_end(node: ast.FunctionDef, lines: list[str]) -> int:
    """The 1-based line on which the signature's colon stands: comments after it belong to the body."""
    end = node.body[0].lineno - 1
    while end > node.lineno and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _own_line_comments(source: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [
        (token.start[0], token.string)
        for token in tokens
        if token.type == tokenize.COMMENT and token.line.strip().startswith("#")
    ]


def _wanted(comment: str, keep: str | list[str]) -> bool:
    if isinstance(keep, str):
        return keep == "all"
    return any(text in comment for text in keep)
