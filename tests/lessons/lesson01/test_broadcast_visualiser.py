import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlstudy.lessons.lesson01.broadcast_visualiser import BroadcastVisualiser
from dlstudy.lessons.lesson01.broadcast_visualiser_numbers import ShapeError, explain, read_shape

sizes = st.lists(st.integers(1, 5), max_size=3).map(tuple)
likely = st.lists(st.sampled_from([1, 1, 2, 3]), max_size=3).map(tuple)
many = st.lists(sizes, min_size=2, max_size=3) | st.lists(likely, min_size=2, max_size=3)


@settings(deadline=None)
@given(many)
def test_the_verdict_equals_numpy_and_torch(shapes):
    report = explain(shapes)
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        assert not report["ok"]
        assert report["result"] is None
        assert any(axis["verdict"] == "clash" for axis in report["axes"])
        with pytest.raises(RuntimeError):
            torch.broadcast_shapes(*shapes)
    else:
        assert report["ok"]
        assert tuple(report["result"]) == expected
        assert [axis["result"] for axis in report["axes"]] == list(expected)
    json.dumps(report)


@settings(deadline=None)
@given(many)
def test_values_and_gradients_equal_torch(shapes):
    report = explain(shapes)
    if not report["ok"]:
        return
    tensors = [
        torch.tensor(array["values"], dtype=torch.float64).reshape(array["shape"]).requires_grad_()
        for array in report["arrays"]
    ]
    result = sum(tensors[1:], start=tensors[0])
    assert result.flatten().tolist() == report["total"]
    result.backward(torch.tensor(report["upstream"], dtype=torch.float64).reshape(result.shape))
    for tensor, array in zip(tensors, report["arrays"]):
        assert tensor.grad is not None
        assert tensor.grad.flatten().tolist() == array["grad"]


@settings(deadline=None)
@given(many)
def test_a_clash_names_the_axis_and_advice_works(shapes):
    report = explain(shapes)
    for axis in report["axes"]:
        present = {size for size in axis["sizes"] if size not in (None, 1)}
        assert (axis["verdict"] == "clash") == (len(present) > 1)
        if axis["verdict"] == "clash":
            assert axis["words"] in report["words"]
            assert all(f"has {size}" in axis["words"] for size in present)
    if report["advice"]:
        named = "abc".index(report["advice"].split(" was meant")[0][-1])
        changed = [(*shape, 1) if i == named else shape for i, shape in enumerate(shapes)]
        assert str(np.broadcast_shapes(*changed)) in report["advice"]


def test_a_row_that_was_meant_as_a_column_gets_advice():
    assert explain([(3, 4), (3,)])["advice"] == (
        "If b was meant to go along an axis further left, say so: b.unsqueeze(-1) has shape (3, 1), and the result is "
        "(3, 4)."
    )
    assert explain([(3, 4), (2,)])["advice"] == ""


def test_the_words_of_a_known_case():
    report = explain([(2, 1, 4), (3, 1)])
    assert [axis["verdict"] for axis in report["axes"]] == ["stretch"] * 3
    assert report["axes"][0]["words"] == "Axis −3: b has no such axis, which counts as a 1 and is stretched to 2."
    assert report["arrays"][1]["words"] == (
        "Each element of b was used 8 times, so its gradient is the sum of 8 numbers: sum over axis 0, which b does "
        "not have, and sum over axis 2, keeping it as a 1. From (2, 3, 4) back to (3, 1)."
    )


def test_upstream_numbers_would_show_a_sum_over_the_wrong_axis():
    for shape in [(3, 4), (2, 3, 4), (3, 3), (5, 5, 5)]:
        upstream = np.asarray(explain([shape, ()])["upstream"]).reshape(shape)
        assert len(np.unique(upstream)) > 2
        assert not np.array_equal(upstream.sum(0).ravel(), upstream.sum(-1).ravel())


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("3, 1", (3, 1)),
        ("(3,)", (3,)),
        ("2x3x4", (2, 3, 4)),
        ("", ()),
        ("()", ()),
        ([2, 2], (2, 2)),
        (" [5 1] ", (5, 1)),
    ],
)
def test_shapes_can_be_typed(text, shape):
    assert read_shape(text) == shape


@pytest.mark.parametrize("text", ["three", "3, -1", "0", "6", "1,1,1,1", "3.5", 7, None, "9" * 30])
def test_other_shapes_are_refused_with_a_sentence(text):
    with pytest.raises(ShapeError, match=r"\.$"):
        read_shape(text)


def test_the_widget_reads_typed_shapes_and_keeps_the_last_good_ones():
    figure = BroadcastVisualiser()
    assert figure.report["result"] == [3, 4]
    figure.shapes = ["2, 3, 1", [4]]
    assert figure.shapes == [[2, 3, 1], [4]]
    assert figure.report["result"] == [2, 3, 4]
    figure.shapes = ["many", [4]]
    assert "whole numbers" in figure.error
    assert figure.shapes == [[2, 3, 1], [4]]
    assert "whole numbers" in figure.error, "putting the old shapes back must not hide what was wrong"
    figure.shapes = [[2], [3]]
    assert figure.error == ""
    assert not figure.report["ok"]
    with pytest.raises(Exception, match="forward"):
        figure.mode = "sideways"


def test_the_widget_can_start_with_the_way_back():
    assert BroadcastVisualiser().mode == "forward"
    figure = BroadcastVisualiser(a=(2, 3), b=(3,), backward=True)
    assert (figure.mode, figure.shapes) == ("backward", [[2, 3], [3]])
