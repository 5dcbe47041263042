"""Read an arithmetic expression that a learner typed, without ever running it as Python.

The text is parsed by Python's own parser, and only what is listed here gets through: names, numbers,
`+ - * / ** @`, the functions below, and assignments that give an intermediate value a name. The outcome is a list of
operations in the order in which they are computed.
"""

from __future__ import annotations

import ast
import keyword
from dataclasses import dataclass

FUNCTIONS = ("tanh", "sigmoid", "relu", "exp", "log", "sqrt", "sin", "cos", "abs", "sum", "mean")
"""Functions of one value; written `x.tanh()` or `tanh(x)`."""

_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.MatMult: "@"}
_MODULES = ("torch", "np", "numpy", "math", "scratch", "F")
MAX_LENGTH = 240
MAX_OPERATIONS = 24

_ALLOWED = f"+ - * / ** @, names, numbers and the functions {', '.join(FUNCTIONS)}"


class ExpressionError(ValueError):
    """A sentence for the learner that says what was expected and what came."""


@dataclass(frozen=True)
class Operation:
    """One step of an expression.

    Attributes:
        symbol: an operator such as `"*"`, a function such as `"tanh"`, `"name"` or `"constant"`.
        inputs: positions of its operands in the list of operations.
        text: the part of the expression that it computes, as Python writes it.
        number: the value of a constant.
    """

    symbol: str
    inputs: tuple[int, ...] = ()
    text: str = ""
    number: float | None = None


@dataclass(frozen=True)
class Program:
    """Operations in the order of computation; the last one gives the result.

    Attributes:
        operations: what is computed; a name or an assigned value that is used twice appears once.
        names: for each position, the name that the learner gave to an intermediate value (`h = a * b`).
    """

    operations: tuple[Operation, ...]
    names: dict[int, str]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names that need a value, in the order in which they appear."""
        return tuple(operation.text for operation in self.operations if operation.symbol == "name")


def parse(text: str) -> Program:
    """Turn `text` into a Program.

    The text is one expression, possibly after assignments (`h = a * b; h.tanh() + h`), on lines or behind semicolons.
    `a * b` written twice is computed twice, as in Python; a name is one node however often it is used.

    Raises ExpressionError: for anything else, with a sentence that can be shown as it is.
    """
    if not text.strip():
        raise ExpressionError("Type an expression, for example (a*b + c) * a.")
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"Expected at most {MAX_LENGTH} characters, so that the graph stays readable; got {len(text)}."
        )
    lines = "\n".join(line.strip() for line in text.strip().splitlines())
    try:
        module = ast.parse(lines)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        detail = getattr(problem, "msg", None) or "it is nested too deeply"
        where = getattr(problem, "offset", None)
        spot = f" near character {where}" if where else ""
        raise ExpressionError(f"Python cannot read this{spot}: {detail}.") from None
    return _Reader().read(module)


class _Reader:
    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.names: dict[int, str] = {}
        self.known: dict[str, int] = {}

    def read(self, module: ast.Module) -> Program:
        *assignments, last = module.body
        for statement in assignments:
            self._assign(statement)
        if isinstance(last, ast.Assign):  # `y = a * b` alone means: show y
            self._assign(last)
        elif isinstance(last, ast.Expr):
            self._node(last.value)
        else:
            raise ExpressionError(f"Expected an expression at the end, got `{_short(last)}`.")
        result = self._result(last)
        used = self._needed(result)
        operations = [self.operations[i] for i in used]
        place = {old: new for new, old in enumerate(used)}
        moved = tuple(Operation(o.symbol, tuple(place[i] for i in o.inputs), o.text, o.number) for o in operations)
        if not any(operation.symbol == "name" for operation in moved):
            raise ExpressionError(
                "There is nothing to differentiate: the expression uses no named value. Use a name, for example a * 2."
            )
        if moved[-1].symbol == "name":
            name = moved[-1].text
            raise ExpressionError(f"`{name}` alone has no operation in it. Do something with it: {name} * 2.")
        return Program(moved, {place[i]: name for i, name in self.names.items() if i in place})

    def _result(self, last: ast.stmt) -> int:
        if isinstance(last, ast.Assign):
            target = last.targets[0]
            assert isinstance(target, ast.Name)
            return self.known[target.id]
        assert isinstance(last, ast.Expr)
        return self._last

    def _needed(self, result: int) -> list[int]:
        wanted, stack = set(), [result]
        while stack:
            i = stack.pop()
            if i not in wanted:
                wanted.add(i)
                stack.extend(self.operations[i].inputs)
        return sorted(wanted)

    def _assign(self, statement: ast.stmt) -> None:
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            raise ExpressionError(f"Expected lines like h = a * b before the last one, got `{_short(statement)}`.")
        target = statement.targets[0]
        if not isinstance(target, ast.Name):
            raise ExpressionError(f"Expected a plain name before the =, got `{_short(target)}`.")
        if target.id in FUNCTIONS:
            raise ExpressionError(f"`{target.id}` is a function here; give the value another name.")
        place = self._node(statement.value)
        if target.id in self.known:
            raise ExpressionError(f"`{target.id}` already names a value; give the result another name.")
        self.known[target.id] = place
        if self.operations[place].symbol not in ("name", "constant"):
            self.names.setdefault(place, target.id)

    def _node(self, node: ast.expr) -> int:
        self._last = self._visit(node)
        return self._last

    def _add(self, symbol: str, inputs: tuple[int, ...], node: ast.expr) -> int:
        if inputs and all(self.operations[i].symbol == "constant" for i in inputs) and symbol not in ("sum", "mean"):
            return self._fold(symbol, inputs, node)
        self.operations.append(Operation(symbol, inputs, ast.unparse(node)))
        if sum(bool(operation.inputs) for operation in self.operations) > MAX_OPERATIONS:
            raise ExpressionError(f"Expected at most {MAX_OPERATIONS} operations, so that the graph stays readable.")
        return len(self.operations) - 1

    def _constant(self, number: float, text: str) -> int:
        self.operations.append(Operation("constant", (), text, float(number)))
        return len(self.operations) - 1

    def _fold(self, symbol: str, inputs: tuple[int, ...], node: ast.expr) -> int:
        """Compute with numbers alone, in floating point, so that 9**9**9 is quick (and too large)."""
        numbers = [self.operations[i].number for i in inputs]
        try:
            match symbol, numbers:
                case "-", [float(x)]:
                    value: float = -x
                case "+", [float(x), float(y)]:
                    value = x + y
                case "-", [float(x), float(y)]:
                    value = x - y
                case "*", [float(x), float(y)]:
                    value = x * y
                case "/", [float(x), float(y)]:
                    value = x / y
                case "**", [float(x), float(y)]:
                    value = x**y
                case _:
                    raise ExpressionError(f"`{ast.unparse(node)}` has no named value in it; write the number itself.")
        except (OverflowError, ZeroDivisionError) as problem:
            raise ExpressionError(f"`{ast.unparse(node)}` cannot be computed: {problem}.") from None
        if isinstance(value, complex):
            raise ExpressionError(f"`{ast.unparse(node)}` is not a real number.")
        return self._constant(value, ast.unparse(node))

    def _visit(self, node: ast.expr) -> int:
        match node:
            case ast.Constant(value=bool() | complex() | str() | bytes() | None):
                raise ExpressionError(f"Expected numbers such as 2 or 0.5, got `{_short(node)}`.")
            case ast.Constant(value=int() | float() as number):
                try:
                    return self._constant(float(number), ast.unparse(node))
                except OverflowError:
                    raise ExpressionError("One of the numbers is larger than any float.") from None
            case ast.Name(id=name):
                return self._name(name, node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._add("-", (self._visit(operand),), node)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._visit(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return self._add(_BINARY[type(op)], (self._visit(left), self._visit(right)), node)
            case ast.BinOp(op=ast.BitXor()):
                raise ExpressionError("In Python ^ is not a power; write a**2.")
            case ast.Call():
                return self._call(node)
        raise ExpressionError(f"`{_short(node)}` is not drawn here. What is: {_ALLOWED}.")

    def _name(self, name: str, node: ast.expr) -> int:
        if name in FUNCTIONS:
            raise ExpressionError(f"`{name}` is a function here: write {name}(a) or a.{name}().")
        if name.startswith("__") or keyword.iskeyword(name):
            raise ExpressionError(f"Expected a plain name such as a or x1, got `{name}`.")
        if name not in self.known:
            self.operations.append(Operation("name", (), name))
            self.known[name] = len(self.operations) - 1
        return self.known[name]

    def _call(self, node: ast.Call) -> int:
        function, arguments = node.func, list(node.args)
        if isinstance(function, ast.Attribute):
            name = function.attr
            if not (isinstance(function.value, ast.Name) and function.value.id in _MODULES):
                arguments.insert(0, function.value)  # x.tanh() is tanh(x)
        elif isinstance(function, ast.Name):
            name = function.id
        else:
            raise ExpressionError(f"`{_short(node)}` is not drawn here. What is: {_ALLOWED}.")
        if name not in FUNCTIONS:
            raise ExpressionError(f"`{name}` is not drawn here. The functions are {', '.join(FUNCTIONS)}.")
        if len(arguments) != 1 or node.keywords or isinstance(arguments[0], ast.Starred):
            raise ExpressionError(f"`{name}` takes one value here: write {name}(a) or a.{name}().")
        return self._add(name, (self._visit(arguments[0]),), node)


def _short(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else text[:37] + "..."
