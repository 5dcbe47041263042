"""What lesson 08 draws and measures is right: the cliff and its slopes, the proof, the figures' words."""

import numpy as np
import pytest
import torch

from dlstudy.layers import recurrent
from dlstudy.lessons import lesson08


@pytest.mark.parametrize(("w", "b"), [(5.5, -2.4), (3.1, -1.5), (4.9, -2.0)])
def test_the_cliff_s_error_and_slopes_are_those_of_autograd(w: float, b: float) -> None:
    point = torch.tensor([w, b], dtype=torch.float64, requires_grad=True)
    h = torch.tensor(0.5, dtype=torch.float64)
    for _ in range(lesson08.CLIFF_STEPS):
        h = point[0] * torch.sigmoid(h) + point[1]
    error = (torch.sigmoid(h) - 0.7) ** 2
    (slopes,) = torch.autograd.grad(error, point)
    assert float(lesson08.cliff_error(w, b)) == pytest.approx(error.item(), rel=1e-9)
    assert lesson08.cliff_gradient(w, b) == pytest.approx(slopes.tolist(), rel=1e-7)


def test_a_walk_descends_and_clipping_bounds_its_steps() -> None:
    free, clipped = lesson08.cliff_walk(None, rate=2.0), lesson08.cliff_walk(0.2, rate=2.0)
    for walk, most in ((free, np.inf), (clipped, 0.2)):
        steps = np.hypot(*np.diff(walk[:, :2], axis=0).T)
        np.testing.assert_allclose(steps, 2.0 * np.minimum(walk[:-1, 3], most), rtol=1e-9, atol=1e-9)
    assert free[:, 3].max() > 5
    assert abs(free[-1, 0]) > 10 > abs(clipped[-1, 0])


def test_the_proof_compares_every_form_and_would_see_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = lesson08.proof(rounds=2, seed=1)
    assert len(rows) == 6
    assert max(max(row["value error"], row["gradient error"]) for row in rows) < 1e-11
    assert all(row["geometries"] == 2 for row in rows)
    forward = recurrent.RNN.forward

    def off(self, x, h=None):
        y, last = forward(self, x, h)
        return y, last * 1.001

    monkeypatch.setattr(recurrent.RNN, "forward", off)
    assert all(row["value error"] > 1e-5 for row in lesson08.proof(rounds=2, seed=1))


def test_the_time_ratio_is_one_of_two_times(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0.05 < lesson08.time_ratio(rounds=1) < 20


def test_every_figure_says_what_it_shows() -> None:
    rng = np.random.default_rng(0)
    walks = {"without": lesson08.cliff_walk(None), "with": lesson08.cliff_walk(0.2)}
    runs = {
        "without clipping": [{"loss": [4.6, 9.0, None], "norm": [1.0, 1e6]}],
        "with clipping": [{"loss": [4.6, 4.0, 3.9], "norm": [1.0, 20.0, 3.0]}],
    }
    table = [[5, 1, 0], [0, 5, 3], [1, 0, 5]]
    pictures = [
        lesson08.show_windows([1, 2, 3], [2.4, 1.6, 2.0], [0.0, 0.1, 0.4]),
        lesson08.show_parts(np.exp(rng.normal(size=(3, 8)))),
        lesson08.show_powers(np.array([1.0, 5.2, 9.0, 4.0]), 5.2, 0.9),
        lesson08.show_lags({"small": 0.5 ** np.arange(6.0)[None], "large": 1.1 ** np.arange(6.0)[None]}),
        lesson08.show_cliff(walks),
        lesson08.show_clipping(runs),
        lesson08.show_languages([[0.5, 0.7], [0.52, 0.68]], {1: 0.45, 4: 0.8}),
        lesson08.show_confusions(table, ["Dutch", "German", "Finnish"]),
        lesson08.show_delay({"lag": 6, "windows": [4, 7], "losses": [[0.69, 0.68], [0.01, 0.02]]}),
        lesson08.show_manual([[250, 2.0], [500, 1.6]], {"0": [[250, 2.1], [5000, 1.4]]}, 1.6),
    ]
    for picture in pictures:
        assert picture.svg.startswith("<svg")
        assert len(picture.alt) > 40
        assert picture.caption.endswith(".")
    assert "at its best at 2 characters" in pictures[0].caption
    assert "climbs to 9, at lag 2" in pictures[2].caption
    assert "after 2 steps" in pictures[5].alt
    assert "German is taken for Finnish" in pictures[7].caption


def test_generated_text_is_shown_and_never_run() -> None:
    shown = lesson08.show_samples({"<b>": "a <script> & two\nlines"})
    assert "&lt;b&gt;" in shown
    assert "a &lt;script&gt; &amp; two\nlines" in shown
