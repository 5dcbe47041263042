"""For every public operation: calls of it, with random inputs, that the parity test runs on torch and on scratch."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .parity import draw

SHAPES = [(), (0,), (1,), (4,), (2, 3), (3, 1, 2), (2, 0, 3)]
NONEMPTY = [s for s in SHAPES if 0 not in s]
PAIRS = [((), ()), ((3,), (3,)), ((2, 3), (3,)), ((3, 1), (1, 4)), ((), (2, 2)), ((2, 0), (1,)), ((2, 1, 3), (4, 1))]
FORMATS = ["float64", "float32"]
ALL_FORMATS = ["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"]

Case = tuple[str, Callable[..., Any], list[Any], bool]
CASES: dict[str, list[Case]] = {}
rng = np.random.default_rng(20)


def add(name: str, f: Callable[..., Any], *arrays: Any, note: str = "", second: bool = True) -> None:
    shapes = ",".join(f"{a.dtype.name}{list(a.shape)}" if isinstance(a, np.ndarray) else repr(a) for a in arrays)
    CASES.setdefault(name, []).append((f"{name}({shapes}){note}", f, list(arrays), second))


def function(name: str) -> Callable[..., Any]:
    return lambda M, *args, **kwargs: getattr(M, name)(*args, **kwargs)


def method(name: str) -> Callable[..., Any]:
    return lambda M, t, *args, **kwargs: getattr(t, name)(*args, **kwargs)


# -- one input, element by element -------------------------------------------------------------------------
DOMAIN = {
    "log": (0.1, 3),
    "log2": (0.1, 3),
    "log10": (0.1, 3),
    "log1p": (-0.9, 3),
    "sqrt": (0.1, 3),
    "rsqrt": (0.1, 3),
    "asin": (-0.9, 0.9),
    "acos": (-0.9, 0.9),
    "tan": (-1, 1),
}
UNARY = [
    "neg",
    "abs",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "square",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "sigmoid",
    "relu",
    "sign",
    "floor",
    "ceil",
    "round",
    "trunc",
]
for name in UNARY:
    low, high = DOMAIN.get(name, (-3, 3))
    for shape in SHAPES:
        add(name, function(name), draw(rng, shape, low, high))
    add(name, method(name), draw(rng, (2, 3), low, high, "float32"))
    for kind in ALL_FORMATS:
        add(name, function(name), draw(rng, (3,), 1, 3, kind), note=" format")
    add(name, function(name), np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan]), note=" special")
for name in ["isnan", "isinf", "isfinite", "logical_not"]:
    for kind in ALL_FORMATS:
        add(name, function(name), draw(rng, (2, 3), -2, 2, kind))
    add(name, method(name), np.array([0.0, 1.0, np.inf, -np.inf, np.nan]))
for kind in ALL_FORMATS:
    add("bitwise_not", function("bitwise_not"), draw(rng, (2, 3), -2, 2, kind))
    add("bitwise_not", lambda M, a: ~a, draw(rng, (), -2, 2, kind))

# -- two inputs, element by element -------------------------------------------------------------------------
for name in ["add", "sub", "mul", "div", "atan2", "maximum", "minimum", "remainder", "floor_divide", "rsub"]:
    for a, b in PAIRS:
        add(name, function(name), draw(rng, a), draw(rng, b, 0.5, 2))
    call = function(name) if name == "rsub" else method(name)
    add(name, call, draw(rng, (2, 3), dtype="float32"), draw(rng, (3,), 0.5, 2, "float32"))
    add(name, function(name), draw(rng, (2, 3)), draw(rng, (2,)), note=" misfit")
    for kind in ALL_FORMATS:
        for other in ALL_FORMATS if name != "atan2" else [kind]:  # torch's own derivative is off for mixtures
            add(name, function(name), draw(rng, (3,), 1, 3, kind), draw(rng, (3,), 1, 3, other), note=" formats")
            if name in ("add", "mul", "div"):
                add(name, function(name), draw(rng, (3,), 1, 3, kind), draw(rng, (), 1, 3, other), note=" 0-d")
        if name not in ("maximum", "minimum", "atan2"):
            for number in (2, 1.5, -1, True):
                add(name, function(name), draw(rng, (3,), 1, 3, kind), number)
SPECIAL = np.array([0.0, -0.0, 1.0, -2.0, np.inf, -np.inf, np.nan])
for name in ["add", "mul", "div", "maximum", "minimum"]:
    add(name, function(name), SPECIAL[:, None].copy(), SPECIAL.copy(), note=" special")
add("maximum", function("maximum"), np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]), note=" tie")
add("minimum", function("minimum"), np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]), note=" tie")
add("add", lambda M, a, b: M.add(a, b, alpha=3), draw(rng, (2, 3)), draw(rng, (3,)))
add("sub", lambda M, a, b: a.sub(b, alpha=0.5), draw(rng, (2, 3)), draw(rng, (3,)))
for mode in ("floor", "trunc", "up"):
    add("div", lambda M, a, b, mode=mode: M.div(a, b, rounding_mode=mode), draw(rng, (5,)), draw(rng, (5,), 0.5, 1))
    integers = draw(rng, (5,), -9, 9, "int64")
    add("div", lambda M, a, b, mode=mode: M.div(a, b, rounding_mode=mode), integers, draw(rng, (5,), 1, 3, "int64"))
add("remainder", function("remainder"), np.array([5, -5, 5, -5]), np.array([3, 3, -3, -3]))
add("remainder", function("remainder"), np.array([5]), np.array([0]))
for op, f in {
    "add": lambda M, a: (a + 2, 2 + a, a + 1.5, a + True),
    "sub": lambda M, a: (a - 2, 2 - a, 1.5 - a),
    "mul": lambda M, a: (a * 2, 2 * a, a * 0.5),
    "div": lambda M, a: (a / 2, 2 / a, 1.5 / a),
    "pow": lambda M, a: (a**2, 2**a, a**3, a**1, a**0),
    "floor_divide": lambda M, a: (a // 2, 7 // a),
    "remainder": lambda M, a: (a % 2, 7 % a.detach()),
    "neg": lambda M, a: (-a, +a),
    "abs": lambda M, a: abs(a),
}.items():
    for kind in ALL_FORMATS:
        add(op, f, draw(rng, (2, 3), 1, 3, kind), note=" operators")
        add(op, f, draw(rng, (), 1, 3, kind), note=" operators")
for exponent in (2, 3, 0.5, -1, -2, 0, 1, 2.5, 1.0):
    add("pow", function("pow"), draw(rng, (2, 3), 0.3, 2), exponent)
    add("pow", function("pow"), draw(rng, (2, 3), 0.3, 2, "float32"), exponent)
for a, b in PAIRS:
    add("pow", function("pow"), draw(rng, a, 0.3, 2), draw(rng, b, -1, 2))
for kind in ALL_FORMATS:
    add("pow", function("pow"), draw(rng, (4,), 1, 3, kind), draw(rng, (4,), 0, 3, "int64"), note=" formats")
    add("pow", function("pow"), 2, draw(rng, (4,), 1, 3, kind), note=" formats")
add("pow", function("pow"), np.array([0.0, 0.0, 2.0, 3.0]), np.array([0.0, 2.0, 0.0, 1.0]), note=" zeros", second=False)
add("pow", function("pow"), np.array([1, -1, 2, -2]), np.array([-1, -3, -2, -1]), note=" negative")
add("pow", function("pow"), np.array([1, 2]), -1, note=" negative")
for weight in (0.3, 1.0):
    add("lerp", function("lerp"), draw(rng, (2, 3)), draw(rng, (3,)), weight)
add("lerp", function("lerp"), draw(rng, (2, 3)), draw(rng, (3,)), draw(rng, (2, 1)))
add("lerp", function("lerp"), draw(rng, (2,)), draw(rng, (2,), dtype="float32"), 0.5)
add("addcmul", lambda M, a, b, c: M.addcmul(a, b, c, value=0.5), draw(rng, (2, 3)), draw(rng, (3,)), draw(rng, (2, 1)))
add("addcdiv", lambda M, a, b, c: a.addcdiv(b, c, value=2), draw(rng, (2, 3)), draw(rng, (3,)), draw(rng, (2, 1), 1, 2))

# -- comparison, logic, choice ------------------------------------------------------------------------------
for name in ["eq", "ne", "lt", "le", "gt", "ge"]:
    for kind in ALL_FORMATS:
        for other in ("bool", "int64", "float32"):
            add(name, function(name), draw(rng, (2, 3), 0, 2, kind), draw(rng, (3,), 0, 2, other))
        for number in (1, 0.5, True, 300, -1):
            add(name, method(name), draw(rng, (4,), 0, 2, kind), number)
    add(name, function(name), SPECIAL[:, None].copy(), SPECIAL.copy())
    add(name, function(name), draw(rng, (2, 3)), draw(rng, (2,)), note=" misfit")
COMPARED = draw(rng, (2, 3), 0, 2, "int64")
add(
    "eq", lambda M, a, b: (a == b, a != b, a < b, a <= b, a > b, a >= b, a == 1, a > 1), COMPARED, COMPARED[::-1].copy()
)
for name in ["logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"]:
    for kind in ALL_FORMATS:
        add(name, function(name), draw(rng, (2, 3), 0, 3, kind), draw(rng, (3,), 0, 3, "int64"))
        add(name, function(name), draw(rng, (2, 3), 0, 3, kind), draw(rng, (2, 1), 0, 3, "bool"))
add(
    "bitwise_and",
    lambda M, a, b: (a & b, a | b, a ^ b, a & 1, 1 | a),
    draw(rng, (4,), 0, 7, "int64"),
    draw(rng, (4,), 0, 7, "int64"),
)
for mask in [(), (3,), (2, 1), (2, 3)]:
    for a, b in PAIRS[:4]:
        add("where", function("where"), draw(rng, mask, dtype="bool"), draw(rng, a), draw(rng, b))
add(
    "where",
    lambda M, m, a: (M.where(m, a, 0.0), M.where(m, 1.5, a), a.where(m, 0)),
    draw(rng, (2, 3), dtype="bool"),
    draw(rng, (3,)),
)
add("where", function("where"), draw(rng, (3,), dtype="int64"), draw(rng, (3,)), draw(rng, (3,)))
add("where", function("where"), draw(rng, (4, 3), dtype="bool"))
for kind in ("int64", "float32"):
    add(
        "where",
        function("where"),
        draw(rng, (3,), dtype="bool"),
        draw(rng, (3,), dtype=kind),
        draw(rng, (3,), dtype="float64"),
    )
for shape in SHAPES:
    mask = draw(rng, shape, dtype="bool")
    add("masked_fill", function("masked_fill"), draw(rng, shape), mask, 1.5)
    add("masked_fill", function("masked_fill"), draw(rng, shape), mask, draw(rng, ()))
    add("masked_select", function("masked_select"), draw(rng, shape), mask)
    add("nonzero", function("nonzero"), mask)
add("nonzero", lambda M, a: a.nonzero(as_tuple=True), draw(rng, (3, 4), 0, 1, "int64"))
add("masked_fill", function("masked_fill"), draw(rng, (3,), dtype="int64"), draw(rng, (3,), dtype="bool"), 1.5)
add("masked_fill", function("masked_fill"), draw(rng, (3,)), draw(rng, (3,), dtype="int64"), 1.5)
add("masked_fill", function("masked_fill"), draw(rng, (2, 3)), draw(rng, (2,), dtype="bool"), 1.5)
add("masked_select", function("masked_select"), draw(rng, (2, 3)), draw(rng, (3,), dtype="bool"))
for low, high in [(-1, 1), (None, 0.5), (0, None), (1, -1), (None, None)]:
    for kind in ("float64", "float32", "int64"):
        add(
            "clamp",
            lambda M, a, low=low, high=high: M.clamp(a, low, high),
            draw(rng, (3, 4), dtype=kind),
            note=f" {low} {high}",
        )
add("clamp", lambda M, a: (M.clip(a, 0.1), a.clamp(max=0), a.clamp_min(0.5), a.clamp_max(0.5)), draw(rng, (3, 4)))
add("clamp", lambda M, a, b, c: M.clamp(a, b, c), draw(rng, (3, 4)), draw(rng, (4,), -1, 0), draw(rng, (3, 1), 0, 1))
add("clamp", lambda M, a, b, c: M.clamp(a, b, c), draw(rng, (30,)), draw(rng, (30,)), draw(rng, (30,)), note=" crossed")
add("clamp", lambda M, a: M.clamp(a, -1.0, 1.0), np.array([np.nan, np.inf, -np.inf]), note=" special")
for f in ("equal", "allclose"):
    x = draw(rng, (2, 3))
    for y in (x, x + 1e-9, x + 1, x[:1]):
        add(f, function(f), x, y.copy())
    add(f, function(f), x, x.astype("float32"))
add("isclose", function("isclose"), np.array([1.0, 2, np.nan, np.inf]), np.array([1 + 1e-9, 2.1, np.nan, np.inf]))
add(
    "isclose",
    lambda M, a, b: M.isclose(a, b, rtol=0.1, equal_nan=True),
    np.array([1.0, 2, np.nan]),
    np.array([1, 2.1, np.nan]),
)

# -- reductions ---------------------------------------------------------------------------------------------
DIMS: list[Any] = [None, 0, -1, 1, (0, 1), (0, 2), 5, (0, 0), ()]
for name in ["sum", "mean", "var", "std", "amax", "amin", "logsumexp", "all", "any"]:
    for shape in SHAPES:
        x = draw(rng, shape)
        if name not in ("logsumexp",):
            add(name, function(name), x)
        for dim in DIMS[1:]:
            for keep in (False, True):
                if name in ("var", "std", "logsumexp") and dim == ():
                    continue
                add(name, lambda M, a, n=name, d=dim, k=keep: getattr(M, n)(a, d, keepdim=k), x, note=f" {dim} {keep}")
    for kind in ALL_FORMATS:
        add(name, lambda M, a, n=name: getattr(M, n)(a, 0), draw(rng, (4, 2), 0, 3, kind))
    add(name, lambda M, a, n=name: getattr(a, n)(-1), draw(rng, (3, 5), dtype="float32"))
add(
    "sum",
    lambda M, a: (a.sum(axis=0), a.sum(axis=(0, 1), keepdims=True), a.sum(0, dtype=M.float64)),
    draw(rng, (3, 2), dtype="float32"),
)
add("sum", lambda M, a: a.sum(dtype=M.float32), draw(rng, (3, 2), dtype="int64"))
add("mean", lambda M, a: (a.mean(dtype=M.float64), a.mean((0, 1), True)), draw(rng, (3, 2), dtype="float32"))
for correction in (0, 1, 2, 5):
    for name in ("var", "std"):
        f = lambda M, a, n=name, c=correction: getattr(M, n)(a, 0, correction=c, keepdim=True)  # noqa: E731
        add(name, f, draw(rng, (5, 3)))
add("var", lambda M, a: (a.var(unbiased=False), a.var(1, False), a.var(False)), draw(rng, (5, 3)))
add("std", lambda M, a: (a.std(unbiased=False), a.std(0, True), a.std((0, 1))), draw(rng, (5, 3)))
add("std", function("std"), np.ones((3,)), note=" constant")
for p in (2, 1, "fro", float("inf"), 3):
    add("norm", lambda M, a, p=p: M.norm(a, p), draw(rng, (2, 3)), note=f" {p}")
    if p != "fro":
        add("norm", lambda M, a, p=p: a.norm(p, 1, True), draw(rng, (2, 3)), note=f" {p}")
add("norm", lambda M, a: M.norm(a.detach(), 0, 1), draw(rng, (3, 4), 0, 2, "int64").astype("float64"))
add("norm", function("norm"), np.zeros((2,)), note=" zero", second=False)
add("norm", function("norm"), draw(rng, (3,), dtype="int64"))
for shape in SHAPES:
    add("prod", function("prod"), draw(rng, shape))
    for dim in (0, -1, 1):
        add("prod", lambda M, a, d=dim: M.prod(a, d), draw(rng, shape), note=f" {dim}")
for zeros in (1, 2):
    x = draw(rng, (3, 4))
    x[1, :zeros] = 0
    add("prod", lambda M, a: M.prod(a, 1, keepdim=True), x, note=" zeros")
    add("prod", lambda M, a: M.prod(a, 0), x, note=" zeros")
    add("prod", function("prod"), x, note=" zeros")
for kind in ALL_FORMATS:
    add("prod", function("prod"), draw(rng, (4,), 0, 3, kind))
for name in ["max", "min"]:
    for shape in SHAPES:
        add(name, function(name), draw(rng, shape))
        for dim in (0, -1, 1):
            for keep in (False, True):
                add(
                    name,
                    lambda M, a, n=name, d=dim, k=keep: getattr(M, n)(a, d, k),
                    draw(rng, shape),
                    note=f" {dim} {keep}",
                )
                add(
                    "arg" + name,
                    lambda M, a, n=name, d=dim, k=keep: getattr(M, "arg" + n)(a, d, k),
                    draw(rng, shape),
                    note=f" {dim}",
                )
        add("arg" + name, function("arg" + name), draw(rng, shape))
    for kind in ALL_FORMATS:
        add(name, function(name), draw(rng, (4,), 0, 3, kind))
        add("arg" + name, function("arg" + name), np.arange(4).astype(kind))
    add(name, lambda M, a, b, n=name: getattr(M, n)(a, b), draw(rng, (2, 3)), draw(rng, (3,)), note=" pair")
    add(name, function(name), np.array([1.0, 3, 3, 1]), note=" tie")
    add(name, function(name), np.array([1.0, np.nan, 3]), note=" nan")
    add("a" + name, lambda M, a, n=name: getattr(M, "a" + n)(a, 1), np.array([[1.0, 3, 3], [2, 2, 2]]), note=" tie")
    add("arg" + name, function("arg" + name), np.array([1.0, 3, 3, 1]), note=" tie")
for shape in SHAPES:
    add("count_nonzero", function("count_nonzero"), draw(rng, shape, 0, 1, "int64"))
    for dim in (0, -1, 3):
        for name in ("cumsum", "softmax", "log_softmax"):
            add(name, lambda M, a, n=name, d=dim: getattr(M, n)(a, d), draw(rng, shape), note=f" {dim}")
add("count_nonzero", lambda M, a: M.count_nonzero(a, 1), draw(rng, (3, 4), 0, 1, "int64"))
for name in ("cumsum", "softmax", "log_softmax"):
    add(name, lambda M, a, n=name: getattr(a, n)(0), draw(rng, (3,), 0, 3, "int64"))
    add(name, lambda M, a, n=name: getattr(a, n)(0, dtype=M.float64), draw(rng, (3,), 0, 3, "float32"))
    add(name, lambda M, a, n=name: getattr(M, n)(a, 1), 200 * draw(rng, (3, 4)), note=" large")
add("logsumexp", lambda M, a: M.logsumexp(a, (0, 1)), 500 * draw(rng, (3, 4)), note=" large")
add("logsumexp", lambda M, a: M.logsumexp(a, 0), np.array([-np.inf, -np.inf]), note=" empty")

# -- matrices -----------------------------------------------------------------------------------------------
PRODUCTS = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((2, 1, 2, 3), (5, 3, 4)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((2, 3), (2, 3)),
    ((), (3,)),
    ((3,), ()),
    ((3,), (4,)),
    ((2, 2, 3), (3, 3, 4)),
    ((5, 2, 3), (4,)),
    ((1, 2, 3), (5, 3, 1)),
]
for a, b in PRODUCTS:
    add("matmul", function("matmul"), draw(rng, a), draw(rng, b))
    add("matmul", lambda M, x, y: x @ y, draw(rng, a, dtype="float32"), draw(rng, b, dtype="float32"))
    for name in ("mm", "bmm", "mv", "dot", "outer"):
        add(name, function(name), draw(rng, a), draw(rng, b))
add("matmul", function("matmul"), draw(rng, (2, 3)), draw(rng, (3, 2), dtype="float32"))
add("matmul", function("matmul"), draw(rng, (2, 3), dtype="int64"), draw(rng, (3, 2), dtype="int64"))
add("matmul", lambda M, a: a @ a.T, draw(rng, (2, 3)))
add(
    "addmm",
    lambda M, a, b, c: M.addmm(a, b, c, beta=0.5, alpha=2),
    draw(rng, (4,)),
    draw(rng, (2, 3)),
    draw(rng, (3, 4)),
)
for diagonal in (-1, 0, 1):
    for shape in [(3, 3), (2, 4), (2, 3, 2), (3,), (0, 2)]:
        add("tril", lambda M, a, d=diagonal: M.tril(a, d), draw(rng, shape))
        add("triu", lambda M, a, d=diagonal: M.triu(a, d), draw(rng, shape))
        add("diagonal", lambda M, a, d=diagonal: M.diagonal(a, d), draw(rng, shape))
        add("diag", lambda M, a, d=diagonal: M.diag(a, d), draw(rng, shape))
add("diagonal", lambda M, a: (a.diagonal(0, 0, 2), a.diagonal(1, 2, 1), a.diagonal(0, -1, -3)), draw(rng, (3, 4, 2)))
add("diagonal", lambda M, a: a.diagonal(0, 1, 1), draw(rng, (3, 4, 2)))
add("trace", function("trace"), draw(rng, (3, 4)))
add("trace", function("trace"), draw(rng, (3,)))
for equation, *shapes in [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("i,j->ij", (2,), (3,)),
    ("i,i->", (3,), (3,)),
    ("i,i->i", (3,), (3,)),
    ("bij,bjk->bik", (2, 2, 3), (2, 3, 4)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("...ij,...jk->...ik", (2, 2, 3), (3, 4)),
    ("...i->...", (2, 3)),
    ("ij,ij->i", (2, 3), (2, 3)),
    ("ij,kj,k->i", (2, 3), (4, 3), (4,)),
    ("iij->j", (2, 2, 3)),
    ("ba", (2, 3)),
    ("ij,j", (2, 3), (3,)),
    ("i...,...->i...", (2, 3), (3,)),
    ("ijk->kj", (2, 3, 4)),
    ("a,b,c->abc", (2,), (3,), (2,)),
    ("i->", (0,)),
    ("ij,jk->ik", (2, 3), (4, 4)),
    ("ij->ik", (2, 3)),
    ("ij,jk->ik", (2, 3)),
    ("ijk->ij", (2, 3)),
    ("ij->ii", (2, 2)),
    (",->", (), ()),
    (",i->i", (), (3,)),
    ("ij,jk->ik", (2, 1), (3, 4)),
    ("bn,anm,bm->ba", (2, 3), (5, 3, 4), (2, 4)),
]:
    add("einsum", lambda M, *t, e=equation: M.einsum(e, *t), *[draw(rng, s) for s in shapes], note=" " + equation)

# -- views --------------------------------------------------------------------------------------------------
for shape, new in [
    ((2, 3), (3, 2)),
    ((2, 3), (-1,)),
    ((), (1, 1)),
    ((6,), (2, -1)),
    ((2, 0), (0, 5)),
    ((2, 3), (4,)),
    ((4,), (-1, -1)),
    ((0,), (0, -1)),
    ((1,), ()),
    ((2, 3), (-2, 3)),
]:
    for name in ("reshape", "view"):
        add(name, lambda M, a, n=name, new=new: getattr(a, n)(new), draw(rng, shape), note=f" {new}")
add(
    "reshape", lambda M, a: (a.reshape(3, 2), M.reshape(a, (6,)), a.T.reshape(2, 3), a.T.reshape(-1)), draw(rng, (2, 3))
)
add("view", lambda M, a: a.T.view(2, 3), draw(rng, (2, 3)))
add("view_as", lambda M, a, b: a.view_as(b), draw(rng, (2, 3)), draw(rng, (6,)))
add("reshape_as", lambda M, a, b: a.reshape_as(b), draw(rng, (2, 3)), draw(rng, (6,)))
add("ravel", lambda M, a: (a.ravel(), a.T.ravel()), draw(rng, (2, 3)))
for shape in SHAPES:
    add("T", lambda M, a: a.t() if a.ndim < 3 else a.mT, draw(rng, shape))
    for dims in [(0, 1), (-1, -2), (0, 0), (0, 5)]:
        for name in ("transpose", "swapaxes", "swapdims"):
            add(name, lambda M, a, n=name, d=dims: getattr(M, n)(a, *d), draw(rng, shape), note=f" {dims}")
    for dim in (None, 0, 1, -1, (0, 1), 7):
        f = lambda M, a, d=dim: a.squeeze() if d is None else a.squeeze(d)  # noqa: E731
        add("squeeze", f, draw(rng, shape), note=f" {dim}")
        if isinstance(dim, int):
            add("unsqueeze", lambda M, a, d=dim: M.unsqueeze(a, d), draw(rng, shape), note=f" {dim}")
            add("unbind", lambda M, a, d=dim: M.unbind(a, d), draw(rng, shape), note=f" {dim}")
    for start, end in [(0, -1), (0, 1), (1, -1), (1, 0)]:
        add("flatten", lambda M, a, s=start, e=end: M.flatten(a, s, e), draw(rng, shape), note=f" {start} {end}")
    add("t", function("t"), draw(rng, shape))
for name in ("T", "mT", "H", "mH"):
    for shape in [(2, 3), (2, 3, 4)] if name.startswith("m") else [(2, 3)]:
        add(name, lambda M, a, n=name: getattr(a, n), draw(rng, shape))
add("mT", lambda M, a: a.mT, draw(rng, (3,)))
add("permute", lambda M, a: (a.permute(2, 0, 1), M.permute(a, (0, -1, 1)), a.permute(0, 1, 2)), draw(rng, (2, 3, 4)))
for dims in [(0, 1), (0, 0, 1), (0, 1, 3)]:
    add("permute", lambda M, a, d=dims: a.permute(d), draw(rng, (2, 3, 4)), note=f" {dims}")
for source, target in [(0, 2), ((0, 1), (2, 0)), (-1, 0), ((0, 1), (0,))]:
    add(
        "movedim", lambda M, a, s=source, d=target: M.movedim(a, s, d), draw(rng, (2, 3, 4)), note=f" {source} {target}"
    )
for shape, new in [
    ((3, 1), (3, 4)),
    ((3, 1), (2, 3, 4)),
    ((3, 1), (-1, 4)),
    ((), (2, 2)),
    ((3,), (2, 4)),
    ((3, 1), (4,)),
    ((1,), (0,)),
    ((3,), (-1, 3)),
    ((2, 3), (2, -1)),
]:
    add("expand", lambda M, a, new=new: a.expand(new), draw(rng, shape), note=f" {new}")
add("expand_as", lambda M, a, b: a.expand_as(b), draw(rng, (3, 1)), draw(rng, (2, 3, 4)))
add(
    "sum_to_size",
    lambda M, a: (a.sum_to_size(3, 1), a.sum_to_size((1, 4)), a.sum_to_size(2, 3, 4)),
    draw(rng, (2, 3, 4)),
)
add("unflatten", lambda M, a: (a.unflatten(1, (2, 3)), M.unflatten(a, 0, (-1, 2))), draw(rng, (4, 6)))
add("unflatten", lambda M, a: a.unflatten(1, (2, 4)), draw(rng, (4, 6)))

# -- joining and repeating ----------------------------------------------------------------------------------
for dim in (0, 1, -1, 2):
    add("cat", lambda M, a, b, d=dim: M.cat([a, b, a], d), draw(rng, (2, 3)), draw(rng, (2, 3)), note=f" {dim}")
    add("stack", lambda M, a, b, d=dim: M.stack([a, b, a], d), draw(rng, (2, 3)), draw(rng, (2, 3)), note=f" {dim}")
add(
    "cat",
    lambda M, a, b: (M.cat((a, b), dim=1), M.concat([b, a], 1), M.concatenate([a, a])),
    draw(rng, (2, 3)),
    draw(rng, (2, 1)),
)
for a, b in [((2, 3), (2, 1)), ((2,), (2, 1)), ((), (1,)), ((0,), (2, 3)), ((0,), (0,))]:
    add("cat", lambda M, a, b: M.cat([a, b]), draw(rng, a), draw(rng, b))
    add("stack", lambda M, a, b: M.stack([a, b]), draw(rng, a), draw(rng, b))
for kind in ("int64", "float32", "bool"):
    add("cat", lambda M, a, b: M.cat([a, b]), draw(rng, (2,), dtype=kind), draw(rng, (3,)))
    add("stack", lambda M, a, b: M.stack([a, b]), draw(rng, (2,), dtype=kind), draw(rng, (2,)))
add("cat", lambda M: M.cat([]))
add("stack", lambda M: M.stack([]))
for a, b in [((2, 3), (1, 3)), ((3,), (3,)), ((), ())]:
    add("vstack", lambda M, a, b: M.vstack([a, b]), draw(rng, a), draw(rng, b))
for a, b in [((2, 3), (2, 1)), ((3,), (2,)), ((), ())]:
    add("hstack", lambda M, a, b: M.hstack([a, b]), draw(rng, a), draw(rng, b))
for sections in (2, 5, [1, 4], [2, 2], [3, 3, -1], 0):
    for dim in (0, -1):
        add("split", lambda M, a, s=sections, d=dim: M.split(a, s, d), draw(rng, (5, 5)), note=f" {sections} {dim}")
for chunks in (2, 3, 7, 0):
    add("chunk", lambda M, a, c=chunks: M.chunk(a, c), draw(rng, (5, 2)), note=f" {chunks}")
    add("chunk", lambda M, a, c=chunks: a.chunk(c, -1), draw(rng, (2, 0)), note=f" {chunks}")
add("unbind", lambda M, a: list(a), draw(rng, (3, 2)))
add("unbind", lambda M, a: list(a), draw(rng, ()))
for dim, start, length in [(0, 1, 2), (1, -2, 1), (1, 2, 5), (0, 9, 1), (2, 0, 1), (0, 3, 0)]:
    add(
        "narrow",
        lambda M, a, d=dim, s=start, n=length: M.narrow(a, d, s, n),
        draw(rng, (3, 4)),
        note=f" {dim} {start} {length}",
    )
for dim, index in [(0, 1), (1, -1), (1, 7), (3, 0)]:
    add("select", lambda M, a, d=dim, i=index: M.select(a, d, i), draw(rng, (3, 4)), note=f" {dim} {index}")
add("flip", lambda M, a: (M.flip(a, (0,)), a.flip(0, 1), a.flip(-1), a.flip([1, 0])), draw(rng, (3, 4)))
add("flip", lambda M, a: M.flip(a, (0, 0)), draw(rng, (3, 4)))
add("roll", lambda M, a: (M.roll(a, 1), M.roll(a, -2, 1), a.roll((1, 5), (0, 1)), a.roll(4, 0)), draw(rng, (3, 4)))
for counts in [(2, 3), (2, 1, 2), (0, 2), (2,), (-1, 1)]:
    add("repeat", lambda M, a, c=counts: a.repeat(c), draw(rng, (3, 1)), note=f" {counts}")
    add("tile", lambda M, a, c=counts: M.tile(a, c), draw(rng, (3, 1)), note=f" {counts}")
add("repeat", lambda M, a: (a.repeat(2), a.repeat(2, 2)), draw(rng, ()))
add(
    "repeat_interleave",
    lambda M, a: (M.repeat_interleave(a, 2), a.repeat_interleave(3, 1), a.repeat_interleave(2, dim=0)),
    draw(rng, (2, 3)),
)
add("repeat_interleave", lambda M, a, n: M.repeat_interleave(a, n, 0), draw(rng, (2, 3)), np.array([1, 3]))
add("meshgrid", lambda M, a, b: M.meshgrid(a, b, indexing="ij"), draw(rng, (3,)), draw(rng, (2,)))
add("meshgrid", lambda M, a, b: M.meshgrid([a, b], indexing="xy"), draw(rng, (3,)), draw(rng, (2,)))

# -- gathering and scattering -------------------------------------------------------------------------------
INDEX = np.array([[0, 2, 1, 0], [1, 1, 1, 2]])
for dim in (0, 1):
    index = INDEX if dim == 0 else INDEX.T[:3].copy()
    f = lambda name, dim=dim: lambda M, a, i, *rest: getattr(M, name)(a, dim, i, *rest)  # noqa: E731
    add("gather", f("gather"), draw(rng, (3, 4)), index)
    add("scatter_add", f("scatter_add"), draw(rng, (3, 4)), index, draw(rng, index.shape))
    unique = np.array([[0, 1, 2, 0], [1, 2, 0, 1]]) if dim == 0 else np.array([[0, 3], [1, 2], [2, 0]])
    add("scatter", f("scatter"), draw(rng, (3, 4)), unique, draw(rng, unique.shape))
    add("scatter", f("scatter"), draw(rng, (3, 4)), unique, 1.5)
    add(
        "take_along_dim",
        lambda M, a, i, d=dim: M.take_along_dim(a, i, d),
        draw(rng, (3, 4)),
        index[:1].copy() if dim == 0 else index[:, :1].copy(),
    )
    add("index_select", f("index_select"), draw(rng, (3, 4)), np.array([0, 2, 2, 1]))
    add("index_add", f("index_add"), draw(rng, (3, 4)), np.array([0, 2, 2]), draw(rng, (3, 4) if dim == 0 else (3, 3)))
add("gather", lambda M, a, i: M.gather(a, 0, i), draw(rng, (3, 4)), INDEX + 5)
add("gather", lambda M, a, i: M.gather(a, 0, i), draw(rng, (3, 4)), INDEX[0])
add("gather", lambda M, a, i: M.gather(a, 0, i), draw(rng, (3, 4)), INDEX.astype("float64"))
add(
    "scatter_add",
    lambda M, a, i, s: M.scatter_add(a, 0, i, s),
    draw(rng, (3, 4)),
    INDEX,
    draw(rng, (3, 4), dtype="float32"),
)
add("index_select", lambda M, a, i: M.index_select(a, 0, i), draw(rng, (3, 4)), np.array([3]))
add(
    "index_add",
    lambda M, a, i, s: a.index_add(0, i, s, alpha=0.5),
    draw(rng, (3, 2)),
    np.array([1, 1]),
    draw(rng, (2, 2)),
)
add("take", function("take"), draw(rng, (3, 4)), np.array([[0, 11], [5, 5]]))
for dim in (0, -1):
    for descending in (False, True):
        add("sort", lambda M, a, d=dim, r=descending: M.sort(a, d, r), draw(rng, (3, 4)), note=f" {dim} {descending}")
        add(
            "argsort",
            lambda M, a, d=dim, r=descending: M.argsort(a, d, r),
            draw(rng, (3, 4)),
            note=f" {dim} {descending}",
        )
        add(
            "topk", lambda M, a, d=dim, r=descending: M.topk(a, 2, d, r), draw(rng, (3, 4)), note=f" {dim} {descending}"
        )
add("sort", lambda M, a: M.sort(a, stable=True, descending=True), np.array([1, 3, 1, 3, 2]), note=" ties")
add("topk", lambda M, a: M.topk(a, 9), draw(rng, (3, 4)))
add("sort", function("sort"), draw(rng, ()))

# -- special functions and activations ----------------------------------------------------------------------
for name in ("erf", "erfc"):
    for shape in SHAPES:
        add(name, function(name), draw(rng, shape, -3, 3))
    add(name, method(name), draw(rng, (40,), -7, 7, "float32"))
    add(name, function(name), draw(rng, (4,), -3, 3, "float16"), second=False)
    add(name, function(name), np.array([0.0, -0.0, 0.46, 0.47, 3.9, 4.1, 30.0, -30.0, np.inf, -np.inf, np.nan]))
    for kind in ALL_FORMATS:
        add(name, function(name), draw(rng, (3,), 1, 3, kind), note=" format")
for shape in SHAPES:
    add("selu", function("selu"), draw(rng, shape))
    add("celu", lambda M, a: M.celu(a, 0.5), draw(rng, shape))  # 1/alpha exact: torch's derivative rounds it to float32
    add("threshold", lambda M, a: M.threshold(a, 0.3, 2.0), draw(rng, shape))
    add("hardshrink", lambda M, a: M.hardshrink(a, 0.7), draw(rng, shape))
    add("rrelu", lambda M, a: M.rrelu(a, 0.2, 0.4), draw(rng, shape))
    add("rrelu", lambda M, a: (M.manual_seed(7), M.rrelu(a, 0.2, 0.4, True))[1], draw(rng, shape))
    add("prelu", lambda M, a, w: M.prelu(a, w), draw(rng, shape), draw(rng, (1,)))
add("prelu", method("prelu"), draw(rng, (2, 3, 2)), draw(rng, (3,)))
add("prelu", method("prelu"), draw(rng, (2, 3)), draw(rng, (2,)))
add("celu", lambda M, a: M.celu(a, 0), draw(rng, (3,)))

# -- copies and formats -------------------------------------------------------------------------------------
add("clone", lambda M, a: (a.clone(), M.clone(a.T)), draw(rng, (2, 3)))
add("contiguous", lambda M, a: (a.contiguous(), a.T.contiguous()), draw(rng, (2, 3)))
add("cpu", method("cpu"), draw(rng, (2,)))
add("type_as", lambda M, a, b: a.type_as(b), draw(rng, (2,)), draw(rng, (2,), dtype="float32"))
add("type", lambda M, a: (a.type(), a.type(M.float32), a.long().type(), (a > 0).type()), draw(rng, (2,)))
for kind in ALL_FORMATS:
    x = draw(rng, (3,), -2, 3, kind)
    for name in ("float", "double", "half", "long", "int", "short", "char", "byte", "bool"):
        if not (name == "byte" and kind.startswith("float")):  # what a negative float becomes as uint8 is left open
            add(name, method(name), x)
    add(
        "to",
        lambda M, a: (a.to(M.float32), a.to("cpu"), a.to("cpu", M.float64), a.to(dtype=M.int64), a.to(M.zeros(1))),
        x,
    )
add("to", lambda M, a: a.to("nowhere"), draw(rng, (2,)))
