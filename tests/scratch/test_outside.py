"""Results that others have published, computed with scratch."""

import pytest

import dlstudy.scratch as scratch


def test_the_example_of_micrograds_readme() -> None:
    """Karpathy, micrograd (github.com/karpathy/micrograd), README: values to the digits that are printed there."""
    a = scratch.tensor(-4.0, dtype=scratch.float64, requires_grad=True)
    b = scratch.tensor(2.0, dtype=scratch.float64, requires_grad=True)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.item():.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad.item():.4f}" == "138.8338"
    assert f"{b.grad.item():.4f}" == "645.5773"


def test_selu_keeps_mean_and_variance() -> None:
    """Klambauer et al., arXiv:1706.02515: mean 0 and variance 1 are a fixed point of a SELU layer with weights of
    variance 1/n, and what starts elsewhere moves there.
    """
    scratch.manual_seed(0)
    x = scratch.randn(400, 500, dtype=scratch.float64) * 1.5 + 0.3
    for _ in range(12):
        w = scratch.randn(500, 500, dtype=scratch.float64) / 500**0.5
        x = scratch.selu(x @ w)
    assert x.mean().item() == pytest.approx(0, abs=0.05)
    assert x.var().item() == pytest.approx(1, abs=0.08)


def test_gelu_at_the_values_of_its_paper() -> None:
    """Hendrycks and Gimpel, arXiv:1606.08415: x Phi(x), and 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). The exact
    one from the table of the normal distribution: Phi(1) = 0.84134475, Phi(2) = 0.97724987, Phi(-1) = 0.15865525.
    """
    x = scratch.tensor([1.0, 2.0, -1.0, 0.0], dtype=scratch.float64)
    exact = scratch.nn.functional.gelu(x)
    assert exact.tolist() == pytest.approx([0.84134475, 2 * 0.97724987, -0.15865525, 0], abs=2e-8)
    assert scratch.nn.functional.gelu(x, approximate="tanh").tolist() == pytest.approx(exact.tolist(), abs=5e-4)
