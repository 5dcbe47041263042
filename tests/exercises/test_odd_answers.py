"""Whatever an answer returns or raises ends in a sentence: judging a strange value never fails, and never takes long."""

# ruff: noqa: E501  (one kind of value a line reads best)

import decimal
import fractions
import itertools
import random
import time
from collections import OrderedDict, UserList, namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from dlstudy.course.checking import answers
from dlstudy.course.checking.check import check, prepare
from dlstudy.course.checking.compare import Tolerance, difference, kind_of, show

pytestmark = pytest.mark.filterwarnings("ignore")  # NumPy and torch warn of some of these values

Pair = namedtuple("Pair", "a b")
TROUBLE = (ValueError, RecursionError, SystemExit, KeyboardInterrupt, NotImplementedError)
METHODS = (
    "__repr__",
    "__eq__",
    "__len__",
    "__iter__",
    "__array__",
    "__float__",
    "__hash__",
    "__getattribute__",
    "__bool__",
)
LONG = 2_000  # letters of any sentence


def hostile(base: type, method: str, error: type[BaseException]) -> Any:
    """Return an instance of a subclass of `base` whose `method` raises."""

    def raises(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise error("no")

    made = type("Odd", (base,), {method: raises})
    if base is np.ndarray:
        return np.ones(3).view(made)
    return torch.ones(3).as_subclass(made) if base is torch.Tensor else made()


def itself() -> list[Any]:
    values: list[Any] = [1.0]
    values.append(values)
    return values


def nested(depth: int) -> list[Any]:
    values: list[Any] = []
    for _ in range(depth):
        values = [values]
    return values


def own_dictionary() -> dict[str, Any]:
    values: dict[str, Any] = {}
    values["a"] = values
    return values


def named_by_a_property() -> Any:
    class Meta(type):
        @property
        def __name__(cls) -> str:  # type: ignore[override]
            raise ValueError("no name")

    class Nameless(metaclass=Meta):
        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            raise ValueError("no class")

    return Nameless()


def function_of_torch() -> torch.Tensor:
    class Refuses(torch.Tensor):
        @classmethod
        def __torch_function__(cls, *args: Any, **kwargs: Any) -> Any:
            raise ValueError("not with me")

    return torch.ones(3).as_subclass(Refuses)


def plain() -> list[Any]:
    """Values that an ordinary mistake may make."""
    words = [np.array(["a", "b", "c"]), np.array([None, 1, "x"], dtype=object), np.array([{}, [], ()], dtype=object)]
    numbers = [
        10**5000,
        -(10**5000),
        1e308,
        float("nan"),
        float("-inf"),
        1 + 2j,
        decimal.Decimal("1.5"),
        decimal.Decimal("sNaN"),
        fractions.Fraction(1, 3),
        fractions.Fraction(10**5000, 3),
        True,
        np.bool_(True),
        np.float16(1),
        np.longdouble(1),
        np.datetime64("2024-01-01"),
        np.str_("x"),
        np.void(b"x"),
    ]
    lists = [
        [],
        (),
        {},
        set(),
        [[]],
        itself(),
        own_dictionary(),
        nested(900),
        nested(5_000),
        list(range(1_000_000)),
        [[0.0] * 1000] * 1000,
        {n: n for n in range(100_000)},
        set(range(100_000)),
        [10**5000] * 3,
        ["x"] * 3,
        [None] * 3,
        ([1], [2, 3]),
        [1, [2]],
        OrderedDict(a=1),
        UserList([1.0]),
        Pair(1, 2),
        range(3),
        iter([1]),
        (n for n in [1]),
        itertools.count(),
        b"x" * 10_000_000,
        "x" * 10_000_000,
        "\ud800",
        bytearray(3),
        memoryview(b"abc"),
        slice(1),
        ...,
        NotImplemented,
        object(),
        type,
        int,
        len,
        lambda: 1,
        random,
        ValueError("x"),
    ]
    arrays: list[Any] = [
        np.ones(3, dtype=kind)
        for kind in ("f2", "f4", "c8", "c16", "?", "i1", "u8", "S3", "U3", "O", "M8[s]", "m8[s]", "V4", [("a", "f4")])
    ]
    arrays += [
        np.ones(0),
        np.ones((0, 3)),
        np.array(1.0),
        np.array("x"),
        np.array(None),
        np.ones((1,) * 30),
        np.zeros((3, 3)).T,
        np.broadcast_to(np.ones(1), (10**12,))[:3],
        np.ma.masked_array([1, 2, 3], [True, False, False]),
        np.matrix([[1, 2, 3]]),
        np.array([10**5000, 1, 2], dtype=object),
    ]
    arrays[-1][1] = itself()
    return [*words, *numbers, *lists, *arrays, None, named_by_a_property()]


def tensors() -> list[Any]:
    kinds = [
        torch.float16,
        torch.bfloat16,
        torch.float64,
        torch.complex64,
        torch.complex128,
        torch.bool,
        torch.uint8,
        torch.int8,
        torch.int64,
    ]
    kinds += [
        getattr(torch, name) for name in ("float8_e4m3fn", "float8_e5m2", "uint16", "complex32") if hasattr(torch, name)
    ]
    made: list[Any] = [torch.ones(3).to(kind) for kind in kinds]
    made += [
        torch.ones(3).to_sparse(),
        torch.eye(3).to_sparse_csr(),
        torch.eye(3).to_sparse_coo(),
        torch.ones(3, device="meta"),
        torch.tensor(1.0, device="meta"),
    ]
    made += [
        torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
        torch.quantize_per_channel(torch.ones(3, 3), torch.ones(3), torch.zeros(3), 0, torch.qint8),
    ]
    made += [
        torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        torch.complex(torch.ones(3), torch.ones(3)).conj(),
        torch.complex(torch.ones(3), torch.ones(3)).conj().imag,
    ]
    made += [
        torch.nn.Parameter(torch.ones(3)),
        torch.ones(3, requires_grad=True) * 2,
        torch.ones(()),
        torch.ones(0),
        torch.nn.Linear(2, 2),
        torch.float32,
        torch.device("cpu"),
        torch.Size([3]),
        torch.ones(1).expand(10**9),
        function_of_torch(),
    ]
    with torch.inference_mode():
        made.append(torch.ones(3))
    return made


def strange() -> Iterator[Any]:
    yield from plain()
    yield from tensors()
    for base, method, error in itertools.product(
        (object, list, dict, tuple, str, float, int, np.ndarray, torch.Tensor), METHODS, TROUBLE
    ):
        yield hostile(base, method, error)


EXPECTED: list[Any] = [
    1, 2.5, True, "x", None, np.ones(3), np.ones((3, 3), dtype=np.float32), np.arange(3), np.array(1.0), torch.ones(3), torch.arange(3),
    torch.tensor(1.0), [1.0, [2.0]], (np.ones(3), 2), [torch.ones(3), torch.ones(3)], {"a": torch.ones(3)}, [1, 2, 3], np.float32(1),
]  # fmt: skip


def test_every_value_is_told_apart_in_a_short_sentence_and_at_once() -> None:
    count = 0
    for got in strange():
        begun = time.process_time()
        texts = [show(got), kind_of(got)]
        for expected in EXPECTED:
            count += 1
            found = difference(got, expected, Tolerance())
            texts.append(found.sentence if found else "right")
            # Inside a tuple, as a part of a dictionary, and as what an answer made of its input.
            for inside, wanted in (((got, 1), (expected, 1)), ({"a": got}, {"a": expected})):
                found = difference(inside, wanted, Tolerance())
                texts.append(found.sentence if found else "right")
        assert all(text and len(text) < LONG for text in texts)
        assert time.process_time() - begun < 1.0
    assert count > 7_000


@pytest.mark.slow
def test_every_value_gets_a_verdict(make: Callable[..., Any]) -> None:
    made = prepare(make())
    for number, value in enumerate(strange()):
        if number > 140 and number % 7:
            continue  # the first are of every kind; of those with one bad method, a sample
        verdict = check(made.exercise, lambda x, value=value: value, "", prepared=made)
        assert verdict.status == "failed"
        assert verdict.message.startswith("A small table: x = ")
        assert len(verdict.message) < LONG
        verdict.to_json().encode()


@pytest.mark.slow
def test_every_value_gets_a_verdict_where_tensors_are_expected(make: Callable[..., Any]) -> None:
    exercise = make(
        check=[
            ("np.array([[1.0, 2, 3], [3, 4, 8]]), expected=np.array([2.0, 3, 5.5])", "torch.tensor([[1.0, 2, 3], [3, 4, 8]])"),
            ("rng.normal(size=(3, 3))", "torch.tensor(rng.normal(size=(3, 3)))"),
            ("rng.normal(size=(20, 4))", "torch.tensor(rng.normal(size=(20, 4)))"),
            ("np.array([sum(column) / len(column) for column in x.T.tolist()])", "x.mean(0)"),
            ("import numpy as np", "import torch"),
        ]
    )  # fmt: skip
    made = prepare(exercise)
    for value in [*plain(), *tensors()]:
        verdict = check(exercise, lambda x, value=value: value, "", prepared=made)
        assert verdict.status == "failed"
    sentences = {
        "return x.mean(0) * len(x)": "is a sum standing where a mean belongs?",
        "return -x.mean(0)": "the sign is the other way round",
        "return x.mean(0) * 0": "Every number that came is zero",
        "return x.mean(0) * 0.7": "Every number is 0.7 times what it should be",
        "return x": "What came is x itself, unchanged.",
    }
    for body, sentence in sentences.items():
        verdict = check(exercise, f"def column_means(x):\n    {body}\n", prepared=made)
        assert sentence in verdict.message or verdict.hint_id == "sum"


class Loud(Exception):
    def __str__(self) -> str:
        raise SystemExit


class Nameless(BaseException):
    pass


Nameless.__name__ = ""


@pytest.mark.parametrize(
    "error",
    [Loud(), Nameless(), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), ValueError("\ud800"), ValueError("x" * 10**6), KeyError(itself()),
     ExceptionGroup("many", [ValueError("a")]), StopIteration(), RecursionError(), MemoryError(), Warning("w"), UnicodeDecodeError("utf-8", b"x", 0, 1, "r")],
)  # fmt: skip
def test_every_exception_gets_a_verdict(make: Callable[..., Any], error: BaseException) -> None:
    made = prepare(make())

    def fails(x: Any) -> Any:
        raise error

    verdict = check(made.exercise, fails, "", prepared=made)
    assert verdict.status == "error"
    assert len(verdict.message) < LONG
    verdict.to_json().encode()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (118013952.0, "118013952.0"),
        (-118013952.0, "-118013952.0"),
        (1234567.891, "1234567.9"),
        (0.1234567891, "0.123457"),
        (1e20, "1e+20"),
        (np.float32(118013952), "118013952.0"),
        (np.array([118013952.0]), "[118013952.0]"),
        (10**5000, "a whole number of about 5001 digits"),
        (-(10**5000), "a whole number below zero of about 5001 digits"),
        (10**20, "100000000000000000000"),
        (itself(), "[1.0, [...]]"),
        (own_dictionary(), "{'a': {...}}"),
        ([1, 2], "[1, 2]"),
        ((1,), "(1,)"),
        ({"a": 1}, "{'a': 1}"),
        ({3}, "{3}"),
        (set(), "an empty set"),
        (hostile(list, "__iter__", ValueError), "[]"),
        (hostile(object, "__repr__", SystemExit), "something that cannot be shown (SystemExit)"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else type(value).__name__,
)
def test_a_value_is_shown_as_it_is(value: Any, shown: str) -> None:
    assert show(value) == shown


def test_a_long_list_says_how_long_it_is() -> None:
    assert show(list(range(1_000_000))).endswith("... 1000000 in all]")


def test_a_byte_order_mark_before_an_answer_is_read_over(make: Callable[..., Any]) -> None:
    exercise = make()
    assert check(exercise, "\ufeff" + exercise.solution).passed
    assert check(exercise, "\ufeff" + exercise.stub).status == "not-yet"
    assert answers.without_mark("\ufeff" + exercise.stub) == exercise.stub
