"""Turn an answer's text into a function, and what went wrong in it into words."""

import ast
import inspect
import io
import linecache
import opcode
import re
import textwrap
import traceback
from collections.abc import Callable
from typing import Any

from dlstudy.course.content.exercises import Exercise

FILE = "<your answer>"
_KEPT = 2_000
_RAISE = opcode.opmap["RAISE_VARARGS"]
_MARK = "\ufeff"  # a byte-order mark, with which some editors begin a file; Python itself reads over it


class AnswerError(ValueError):
    """An answer's text cannot be run as it stands; the message says why, in a sentence."""


class Capture(io.TextIOBase):
    """Keeps the first characters of what is printed and counts the rest; `send` sees each kept piece as it comes."""

    def __init__(self, send: Callable[[str], None] | None = None, limit: int = _KEPT) -> None:
        self._parts: list[str] = []
        self._left, self._dropped = limit, 0
        self._send = send

    def writable(self) -> bool:
        """Say that printing here works."""
        return True

    def write(self, text: str) -> int:
        """Keep `text` as far as there is room."""
        kept = text[: self._left]
        if kept:
            self._parts.append(kept)
            self._left -= len(kept)
            if self._send:
                self._send(kept)
        self._dropped += len(text) - len(kept)
        return len(text)

    def text(self) -> str:
        """Return what was kept, with a line about what was not."""
        return shortened("".join(self._parts), self._dropped)


def shortened(kept: str, dropped: int) -> str:
    """Return printed text with a note on how much more there was."""
    return f"{kept}\n... and {dropped} more characters" if dropped else kept


def without_docstrings(source: str) -> str:
    """Return the text without the docstrings of what it defines, so that the code is seen at once; comments stay.

    A text that is not Python, a body that is a docstring only and a docstring that shares its line stay as they are.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return source
    lines: list[str | None] = list(source.splitlines())
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if ast.get_docstring(node) is None or len(node.body) < 2:
            continue
        text, after = node.body[0], node.body[1]
        start, end = text.lineno - 1, text.end_lineno or text.lineno
        alone = text.lineno > node.lineno and after.lineno > end
        head = (lines[start] or "")[: text.col_offset].strip()
        if not alone or head:
            continue
        while end < len(lines) and not (lines[end] or "").strip():
            end += 1
        lines[start:end] = [None] * (end - start)
    return "\n".join(line for line in lines if line is not None)


def from_source(exercise: Exercise, source: str) -> Callable[..., Any]:
    """Run an answer's text with the allowed imports and return what it defines.

    Raises AnswerError: the text is not Python, stops while it is read, or does not define the function.
    """
    namespace: dict[str, Any] = {"__name__": "answer", "__builtins__": __builtins__}
    exec("\n".join(exercise.uses), namespace)
    # The given code (a class, say) is there even when only the function is handed in.
    exec(exercise.given, namespace)
    lines = source.splitlines(keepends=True)
    linecache.cache[FILE] = (len(source), None, lines, FILE)
    try:
        exec(compile(source, FILE, "exec", dont_inherit=True), namespace)
    except SyntaxError as error:
        number = error.lineno or 1
        text = lines[number - 1].strip() if 0 < number <= len(lines) else ""
        raise AnswerError(f"Python cannot read line {number} of your answer, `{text}`: {error.msg}.") from None
    except BaseException as error:
        where = f" in line {_line(error, FILE)}" if _line(error, FILE) else ""
        raise AnswerError(
            f"Your answer stopped with {describe(error)}{where}, before {exercise.function} was called."
        ) from None
    if exercise.function not in namespace:
        defined = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        found = f"found {', '.join(defined)}" if defined else "found no function"
        raise AnswerError(f"Expected a function called {exercise.function}, {found}. Keep the name as it was given.")
    function: Callable[..., Any] = namespace[exercise.function]
    return function


def without_mark(source: str) -> str:
    """Return an answer's text without the byte-order mark that some editors put before it."""
    return source.removeprefix(_MARK)


def source_of(answer: Any) -> str:
    """Return the text of a function or class, or an empty text where Python does not know it."""
    try:
        if inspect.isclass(answer):
            return _class_source(answer)
        return textwrap.dedent(inspect.getsource(answer))
    except (OSError, TypeError, SyntaxError):
        return ""


def _class_source(answer: type) -> str:
    """The text of a class, from the cell that its methods say they are from.

    Python itself looks a class up in the file of its module, and for a cell of a page that file is the page.
    """
    files = {item.__code__.co_filename for item in vars(answer).values() if inspect.isfunction(item)}
    for file in files:
        text = "".join(linecache.getlines(file))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and node.name == answer.__name__:
                return textwrap.dedent("\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])) + "\n"
    return ""


def parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's positional parameters."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        return tuple(item.name for item in inspect.signature(function).parameters.values() if item.kind in kinds)
    except (TypeError, ValueError):
        return ()


def describe(error: BaseException) -> str:
    """Return an exception as "IndexError: tuple index out of range"."""
    text = _words(error)
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def gist(error: BaseException) -> str:
    """Return what an exception says without names in quotes, numbers and places in memory.

    They depend on what an answer calls its variables and on which of its lines comes first.
    """
    return re.sub(r"'[^']*'|0x[0-9a-f]+|\d+", "", _words(error))


def _words(error: BaseException) -> str:
    """The first lines of an exception's own text; a line that ends with a colon belongs to the next."""
    try:
        lines = [line.strip() for line in str(error)[:2_000].strip().splitlines()]
    except BaseException:  # an exception of the learner's own may fail even here
        return ""
    while len(lines) > 1 and lines[0].endswith(":"):
        lines[:2] = [f"{lines[0]} {lines[1]}"]
    return lines[0][:200] if lines else ""


def kind(error: BaseException) -> str:
    """Return an exception's type with its article: "an IndexError"."""
    name = type(error).__name__ or "exception"
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def place(error: BaseException, function: Callable[..., Any], source: str) -> str:
    """Return the line of the answer that an exception came from, as a sentence, or an empty text."""
    code = getattr(function, "__code__", None)
    line = _line(error, code.co_filename if code else FILE)
    return _sentence(line + shift(function, source) if line else 0, source)


def shift(function: Callable[..., Any], source: str) -> int:
    """Return how many lines later `source` has the function than its file: in a page the file is a whole cell."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_filename == FILE:
        return 0
    return _first_line(source, code.co_name) - int(code.co_firstlineno)


def is_own(error: BaseException, function: Callable[..., Any]) -> bool:
    """Whether an exception comes from a line of the answer itself, and not from a library that it called."""
    frames = traceback.extract_tb(error.__traceback__)
    code = getattr(function, "__code__", None)
    return bool(frames) and frames[-1].filename == (code.co_filename if code else FILE)


def files(answer: Any) -> frozenset[str]:
    """Return the files that an answer's own lines are from: of a function, or of the methods of a class."""
    found = {FILE}
    for item in (answer, *(vars(answer).values() if inspect.isclass(answer) else ())):
        code = getattr(item, "__code__", None)
        if code is not None:
            found.add(code.co_filename)
    return frozenset(found)


def is_raised_in(error: BaseException, own: frozenset[str]) -> bool:
    """Whether a `raise` in one of these files is where an exception began."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_code.co_filename not in own:
        return False
    return trace.tb_frame.f_code.co_code[trace.tb_lasti] == _RAISE


def is_from(error: BaseException, check_file: str, own: frozenset[str]) -> bool:
    """Whether an exception comes from what the check did with an answer's result, and not from the answer.

    A call that the answer's own head does not allow is the answer's: its name is in what Python says.
    """
    ours = [
        frame.filename for frame in traceback.extract_tb(error.__traceback__) if frame.filename in {check_file, *own}
    ]
    if not ours or ours[-1] != check_file:
        return False
    return not (isinstance(error, TypeError) and re.search(r"\(\) (takes|missing|got)\b", _words(error)))


def advice(error: BaseException) -> str:
    """Return a sentence for exceptions whose own text says little to a learner."""
    if isinstance(error, RecursionError):
        return "Python stops after about a thousand calls inside one another: does each call come nearer to an end?"
    if isinstance(error, MemoryError):
        return "It asked for more memory than a check may have. How large is the largest array that it makes?"
    if isinstance(error, SystemExit):
        return "An answer returns its result; exit() ends the program."
    if isinstance(error, EOFError):
        return "There is nobody to ask during a check: take the values from the arguments, not from input()."
    if isinstance(error, NameError):
        return "Is the name spelled as where it was made? An answer sees its arguments, its own names and the imports."
    return ""


def _first_line(source: str, name: str) -> int:
    """The line of `source` on which the function begins, its decorators included."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return 1
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return min([node.lineno, *(item.lineno for item in node.decorator_list)])
    return 1


def _sentence(line: int, source: str) -> str:
    lines = source.splitlines()
    if not 0 < line <= len(lines):
        return ""
    return f" It happened in line {line}: `{lines[line - 1].strip()}`."


def _line(error: BaseException, filename: str) -> int:
    lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
    return lines[-1] if lines else 0
