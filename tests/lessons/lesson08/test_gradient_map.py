"""The gradient map measures what autograd measures; matrices are what they are called."""

import numpy as np
import pytest
import torch

from dlstudy.lessons.lesson08.gradient_map import KINDS, GradientMap, drives, jacobian_norms, recurrent_matrix, run


def by_autograd(matrix: np.ndarray, inputs: np.ndarray, bent: bool, t: int, s: int) -> float:
    """The norm of dh_t / dh_s, from the state after step s on, by torch."""
    w = torch.from_numpy(matrix)
    h = torch.zeros(len(w), dtype=torch.float64)
    bend = torch.tanh if bent else (lambda x: x)
    for x in inputs[: s + 1]:
        h = bend(w @ h + torch.from_numpy(x))

    def later(state: torch.Tensor) -> torch.Tensor:
        for x in inputs[s + 1 : t + 1]:
            state = bend(w @ state + torch.from_numpy(x))
        return state

    jacobian = torch.autograd.functional.jacobian(later, h)
    return float(torch.linalg.matrix_norm(jacobian, 2))


@pytest.mark.parametrize("bent", [True, False])
@pytest.mark.parametrize("kind", ["random", "rotation", "sheared"])
def test_every_norm_is_the_one_of_autograd(kind: str, bent: bool) -> None:
    matrix = recurrent_matrix(kind, 1.2)
    inputs = drives("gradient", len(matrix), 0.7)
    _, slopes = run(matrix, inputs, bent)
    norms = jacobian_norms(matrix, slopes)
    for t in range(8):
        for s in range(t + 1):
            assert norms[t, s] == pytest.approx(by_autograd(matrix, inputs, bent, t, s), rel=1e-9)
        assert (norms[t, t + 1 :] == 0).all()


@pytest.mark.parametrize("scale", [0.5, 1.3])
def test_matrices_are_what_they_are_called(scale: float) -> None:
    for kind in ("random", "rotation", "sheared"):
        assert np.abs(np.linalg.eigvals(recurrent_matrix(kind, scale))).max() == pytest.approx(scale, rel=1e-6)
    assert np.linalg.svd(recurrent_matrix("rotation", scale))[1] == pytest.approx(np.full(16, scale))
    assert recurrent_matrix("sheared", scale).tolist() == [[scale, 5], [0, scale]]
    with pytest.raises(ValueError, match="got 'none'"):
        recurrent_matrix("none", 1.0)


def test_a_letter_says_the_same_wherever_it_stands() -> None:
    made = drives("abca", 5, 2.0)
    assert np.array_equal(made[0], made[3])
    assert not np.allclose(made[0], made[1])
    assert np.allclose(made, 2 * drives("abca", 5, 1.0))


def test_the_report_follows_the_controls() -> None:
    figure = GradientMap("sheared", bent=False, text="ten letters")
    assert figure.at == [10, 0]
    report = figure.report
    assert report["norms"][10][0] == pytest.approx(np.linalg.norm(np.linalg.matrix_power([[0.9, 5], [0, 0.9]], 10), 2))
    assert 19 < report["norms"][10][0] < 20
    assert (report["rho"], report["slope"]) == (pytest.approx(0.9), 1.0)
    figure.scale = 0.5
    assert figure.report["norms"][10][0] < 0.2
    figure.text = "x" * 50
    assert len(figure.report["letters"]) == 24
    figure.text = ""
    assert figure.report["letters"] == ["a"]
    figure.kind, figure.bent, figure.loudness, figure.text = "random", True, 3.0, "loud letters"
    loud = figure.report["slope"]
    figure.loudness = 0.0
    assert loud < figure.report["slope"] == 1.0
    with pytest.raises(ValueError, match="expected one of random"):
        GradientMap("nothing")


def test_the_trained_network_s_own_matrix_and_letters_are_used() -> None:
    from dlstudy.lessons.lesson08.hidden_viewer import CharacterNetwork

    network = CharacterNetwork.read("languages")
    figure = GradientMap("trained", scale=1.0, text="haus")
    states, _ = run(network.weight_hh, network.drives("haus"), True)
    np.testing.assert_allclose(states, network.states("haus"), rtol=1e-12)
    expected = by_autograd(network.weight_hh, network.drives("haus"), True, 3, 0)
    assert figure.report["norms"][3][0] == pytest.approx(expected, rel=1e-9)
    assert set(KINDS) == {"random", "rotation", "sheared", "trained"}
