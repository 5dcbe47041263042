"""Say which shapes met in a matrix product that NumPy refused; its own message names none of them."""

import ast
import re
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from dlstudy.course.checking import answers

_MATMUL = re.compile(r"matmul: .*mismatch in its core dimension.*\(size (\d+) is different from (\d+)\)")
_DOT = re.compile(r"shapes \((.*?)\) and \((.*?)\) not aligned: (\d+) \(dim \d+\) != (\d+) \(dim \d+\)")
_RULE = "A matrix product needs as many columns on its left as rows on its right"


def shapes_met(error: BaseException, function: Callable[..., Any], source: str) -> tuple[str, str]:
    """Return ("shapes (1, 2) and (1, 1) met in `b.T @ grad`", what the rule is), or two empty texts.

    Where the factors are more than names, `.T` and indices, nothing is evaluated again and only the sizes are told.
    """
    if not isinstance(error, ValueError):
        return "", ""
    dot = _DOT.match(str(error))
    if dot:
        one, other = (f"({shape.replace(',', ', ')})" for shape in dot.groups()[:2])
        return f"shapes {one} and {other} met in a matrix product", f"{_RULE}, and here {dot[3]} meets {dot[4]}."
    sizes = _MATMUL.match(str(error))
    if sizes is None:
        return "", ""
    right, left = sizes.groups()
    factors = _factors(error.__traceback__, function, source)
    if not factors:
        return f"two matrices met that cannot be multiplied: {left} and {right} do not agree", f"{_RULE}."
    (first, second), text = factors
    return f"shapes {first} and {second} met in `{text}`", f"{_RULE}, and here {left} meets {right}."


def _factors(
    trace: TracebackType | None, function: Callable[..., Any], source: str
) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], str] | None:
    """The shapes of both factors of the product that failed, and its text."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return None
    code = getattr(function, "__code__", None)
    if trace.tb_frame.f_code.co_filename != (code.co_filename if code else answers.FILE):
        return None
    text = _text(trace, source, answers.shift(function, source))
    try:
        node: ast.expr = ast.parse(f"({text})", mode="eval").body
    except SyntaxError:
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        pair = [node.left, node.right]
    elif isinstance(node, ast.Call) and len(node.args) == 2:
        pair = node.args
    else:
        return None
    one, other = (getattr(_value(item, trace.tb_frame), "shape", None) for item in pair)
    if one is None or other is None:
        return None
    return (tuple(one), tuple(other)), ast.unparse(node)


def _text(trace: TracebackType, source: str, shift: int) -> str:
    """The expression that an exception came from, as the answer has it."""
    first, last, begin, end = list(trace.tb_frame.f_code.co_positions())[trace.tb_lasti // 2]
    if first is None or last is None:
        return ""
    parts = [line.encode() for line in source.splitlines()[max(first + shift - 1, 0) : last + shift]]
    if len(parts) != last - first + 1:
        return ""
    parts[-1] = parts[-1][:end]  # first the end: both may be on one line; columns count bytes
    parts[0] = parts[0][begin:]
    return b"\n".join(parts).decode(errors="replace")


def _value(node: ast.expr, frame: FrameType) -> Any:
    """What a factor is, if that can be told without running anything that might have an effect; else None."""
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        return getattr(_value(node.value, frame), node.attr, None)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "transpose":
        return getattr(_value(node.func.value, frame), "T", None) if not node.args else None
    return None
