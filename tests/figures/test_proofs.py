"""A proof sees every difference, in every element of every result, and its table shows every row."""

import numpy as np
import pytest
import torch

from dlstudy import scratch
from dlstudy.figures import proofs, tables
from dlstudy.figures.proofs import Proof, largest_error


def test_the_largest_error_is_that_of_any_element_of_any_result() -> None:
    ours = [np.array([1.0, 2.0]), torch.tensor([[3.0, -4.0]]), scratch.tensor([0.5])]
    theirs = [np.array([1.0, 2.0]), torch.tensor([[3.0, -4.25]]), torch.tensor([0.5])]
    assert largest_error(ours, theirs) == 0.25
    assert largest_error(ours, theirs, relative=True) == pytest.approx(0.25 / 4.25)
    assert largest_error([], []) == 0.0
    assert largest_error([np.zeros(0)], [np.zeros(0)]) == 0.0


def test_what_is_no_number_is_no_agreement() -> None:
    assert np.isnan(largest_error([np.ones(2), np.array([np.nan])], [np.ones(2), np.ones(1)]))
    proof = Proof("layer", "cases")
    proof.case("x", [np.array([np.nan])], [np.zeros(1)])
    proof.case("x", [np.zeros(1)], [np.zeros(1)])
    assert np.isnan(proof.rows[0]["value error"])


def test_other_shapes_and_missing_results_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"expected a result of shape \(2, 1\), got \(2,\)"):
        largest_error([np.zeros(2)], [np.zeros((2, 1))])
    with pytest.raises(ValueError, match="conv2d: expected a result of shape"):
        Proof("form").case("conv2d", [np.zeros(3)], [np.zeros(1)])
    with pytest.raises(ValueError, match="conv2d: zip"):
        Proof("form").case("conv2d", [np.zeros(3)], [np.zeros(3), np.zeros(3)])


def test_rows_keep_the_largest_of_all_cases() -> None:
    proof = Proof("layer", "networks")
    zero, off = np.zeros(3), np.array([0, 0, 0.5])
    proof.case("a", [zero, zero, zero], [zero, off, zero], values=2)
    proof.case("a", [zero, zero, zero], [zero, zero, -2 * off], values=2)
    proof.case("b", [zero], [zero])
    assert proof.rows == [
        {"layer": "a", "networks": 2, "value error": 0.5, "gradient error": 1.0},
        {"layer": "b", "networks": 1, "value error": 0.0, "gradient error": None},
    ]


def test_the_table_shows_every_number_of_every_row() -> None:
    rows = [
        {"operation": "a", "value error": 1.24e-16, "gradient error": 0.0, "time, NumPy / torch": 0.53},
        {"operation": "b", "value error": 0.0, "gradient error": None, "time, NumPy / torch": 1.7},
        {"operation": "wrong", "value error": 0.25, "gradient error": float("nan"), "time, NumPy / torch": 12.345},
    ]
    head, rule, *lines = proofs.table(rows).split("\n")
    assert head == "| operation | value error | gradient error | time, NumPy / torch |"
    assert rule == "| --- | --: | --: | --: |"
    assert lines == [
        "| a | 1.2e-16 | 0 | 0.53 |", "| b | 0 | only forward | 1.70 |", "| wrong | 0.25 | nan | 12.35 |",
    ]  # fmt: skip


def test_a_table_has_a_head_a_rule_and_its_lines() -> None:
    assert tables.markdown(("", "n"), [("a", 1), ("b", 2)]) == "|  | n |\n| --- | --: |\n| a | 1 |\n| b | 2 |"
