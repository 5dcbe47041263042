"""The bias-variance dashboard: fits against scikit-learn, the parts of the error, and what the page says of them."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from dlstudy.lessons.lesson04.bias_variance import DRAWS, PLACES, BiasVariance, errors_of, truth, waves_at


def test_the_truth_is_a_row_of_the_photo() -> None:
    row = truth()
    assert row.shape == (PLACES,)
    assert 0 < row.min() < row.max() < 1
    assert row.std() > 0.1
    assert np.abs(np.diff(row)).max() < 0.1, "smooth"


def test_waves_are_orthogonal_and_of_one_size() -> None:
    middles = (np.arange(400) + 0.5) / 400
    columns = waves_at(middles, 8)
    np.testing.assert_allclose(columns.T @ columns / 400, np.eye(8), atol=1e-12)


@pytest.mark.parametrize(("waves", "penalty"), [(5, 0.0), (5, 1e-3), (12, 0.1)])
def test_the_first_curve_is_what_scikit_learn_fits(waves: int, penalty: float) -> None:
    found = errors_of(waves, points=30, penalty=penalty, seed=3)
    model = Ridge(alpha=penalty * 30) if penalty else LinearRegression()
    model.fit(waves_at(found.x, waves)[:, 1:], found.y)  # the constant is scikit-learn's own, and free of charge
    expected = model.predict(waves_at(np.linspace(0, 1, PLACES), waves)[:, 1:])
    np.testing.assert_allclose(found.curves[0], expected, atol=1e-8)


def test_more_waves_than_points_give_the_smallest_curve_through_all_points() -> None:
    found = errors_of(30, points=12, noise=0.1, seed=1)
    columns = waves_at(found.x, 30)
    smallest = np.linalg.lstsq(columns, found.y, rcond=None)[0]
    np.testing.assert_allclose(found.curves[0], waves_at(np.linspace(0, 1, PLACES), 30) @ smallest, atol=1e-7)


def test_the_parts_add_up_to_the_error_on_fresh_points() -> None:
    found = errors_of(9, points=20, noise=0.2, seed=0)
    rng = np.random.default_rng(9)
    fresh = truth() + 0.2 * rng.normal(size=(300, 1, PLACES))
    measured = ((fresh - found.curves) ** 2).mean()
    assert found.curves.shape == (DRAWS, PLACES)
    assert measured == pytest.approx(found.total, rel=0.02)
    assert found.total == found.bias + found.variance + 0.2**2


def test_what_the_page_says_of_freedom_points_and_penalty() -> None:
    few, some, many = (errors_of(k) for k in (2, 12, 20))
    assert few.bias > 5 * few.variance
    assert many.variance > 5 * many.bias
    assert some.total < min(few.total, many.total), "in between is best"
    assert errors_of(20, points=80).variance < many.variance / 5, "more points lower the variance"
    assert errors_of(20, penalty=0.1).total < many.total, "and so does a penalty"
    wild = [errors_of(k, penalty=1e-4, spread=False).variance for k in (8, 20, 64)]
    assert wild[1] > 5 * max(wild[0], wild[2]), "double descent"


def test_bad_settings_are_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="at least one wave and one point, got 0 and 20"):
        errors_of(0)
    with pytest.raises(ValueError, match="expected points to be one of"):
        BiasVariance(points=21)


def test_the_figure_follows_its_controls() -> None:
    figure = BiasVariance(waves=2)
    assert "Most of the error is bias" in figure.report["words"]
    best = figure.report["best"]
    figure.waves = best
    assert "This is the lowest sum there is." in figure.report["words"]
    assert figure.report["total"] == min(one["total"] for one in figure.report["sweep"])
    figure.waves = 20
    assert "Most of the error is variance" in figure.report["words"]
    before = figure.report["points"]
    figure.draw += 1
    assert figure.report["points"] != before
    figure.penalty = 1.0
    assert figure.report["variance"] < errors_of(20, seed=1).variance
