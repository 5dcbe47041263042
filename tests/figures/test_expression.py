import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstudy.figures.graph.expression import MAX_OPERATIONS, ExpressionError, parse


def shape_of(text):
    return [(operation.symbol, operation.inputs, operation.text) for operation in parse(text).operations]


def test_a_name_is_one_node_however_often_it_is_used():
    assert shape_of("(a*b + c) * a") == [
        ("name", (), "a"),
        ("name", (), "b"),
        ("*", (0, 1), "a * b"),
        ("name", (), "c"),
        ("+", (2, 3), "a * b + c"),
        ("*", (4, 0), "(a * b + c) * a"),
    ]


def test_an_assigned_value_is_shared_and_keeps_its_name():
    program = parse("h = a * b\nh.tanh() + h")
    assert [operation.symbol for operation in program.operations] == ["name", "name", "*", "tanh", "+"]
    assert program.operations[4].inputs == (3, 2)
    assert program.names == {2: "h"}


def test_what_the_result_does_not_need_is_left_out():
    assert parse("h = x * 2; k = y * 3; h + 1").inputs == ("x",)


def test_methods_functions_and_module_functions_are_the_same():
    assert shape_of("tanh(a)")[1][:2] == shape_of("a.tanh()")[1][:2] == shape_of("torch.tanh(a)")[1][:2]


def test_numbers_alone_are_computed_at_once():
    program = parse("a ** (1 + 2*3) * -2")
    assert [operation.number for operation in program.operations if operation.symbol == "constant"] == [7.0, -2.0]


REFUSED = {
    "": "Type an expression",
    "a": "no operation",
    "2 + 3": "no named value",
    "a ^ 2": "write a**2",
    "(a": "never closed",
    "a > 2": "not drawn here",
    "a if b else c": "not drawn here",
    "a[0]": "not drawn here",
    "[a, b]": "not drawn here",
    "lambda: a": "not drawn here",
    "(x := a)": "not drawn here",
    "a.foo()": "functions are",
    "a.tanh(3)": "takes one value",
    "tanh": "is a function",
    "tanh = a * 2; tanh + 1": "another name",
    "a = a * 2; a + 1": "already names",
    "a.data": "not drawn here",
    "'x' * a": "Expected numbers",
    "True * a": "Expected numbers",
    "1/0 * a": "cannot be computed",
    "9.0**9**9 * a": "cannot be computed",
    "import os": "Expected an expression",
    "import os; a * 2": "Expected lines like",
    "for i in a: pass": "Expected an expression",
    "__import__('os').system('true')": "not drawn here",
    "().__class__.__bases__": "not drawn here",
    "__builtins__ * 2": "plain name",
    "a*" + "(" * 150 + "1" + ")" * 150: "",
    "a" * 300: "characters",
    "a*b" + "+a" * 60: f"at most {MAX_OPERATIONS}",
    "a\x00b": "",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20])
def test_anything_else_is_refused_with_a_sentence(text):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert REFUSED[text] in str(caught.value)
    assert str(caught.value).endswith(".")


@settings(deadline=None)
@given(st.text(alphabet="ab12+-*/().=;@ \nexp_,[]'\"{}:^%", max_size=40))
def test_no_text_gets_more_than_a_sentence(text):
    try:
        program = parse(text)
    except ExpressionError:
        return
    assert program.operations[-1].inputs
    for place, operation in enumerate(program.operations):
        assert all(i < place for i in operation.inputs)
