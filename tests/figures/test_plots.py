"""The plots that pages share draw every number they are given, and refuse what they cannot draw."""

import re

import numpy as np
import pytest

from dlstudy.figures import plots


def _paths(svg: str, group: str) -> list[str]:
    return re.findall(rf'<g id="[^"]*{group}[^"]*">.*?<path d="([^"]+)"', svg, flags=re.DOTALL)


def test_lines_draws_one_curve_per_entry_with_its_label_and_different_dashes() -> None:
    x = np.arange(1, 31)
    curves = {"first": x**2.0, "second": x * 3.0, "third": x + 5.0}
    svg = plots.lines(x, curves, xlabel="steps", ylabel="loss (nats)", caption="c", alt="three curves").svg
    for text in (*curves, "steps", "loss (nats)"):
        assert f">{text}<" in svg
    curves_drawn = [d for d in _paths(svg, "line2d") if d.count("L") >= 20]
    assert len(curves_drawn) >= 3
    dashes = set(re.findall(r"stroke-dasharray: ?([^;\"]+)", svg))
    assert len(dashes) >= 2  # the first is solid, the others each their own


def test_lines_refuses_a_curve_of_another_length_and_names_it() -> None:
    with pytest.raises(ValueError, match="expected 3 values for the curve 'short', got 2"):
        plots.lines([1, 2, 3], {"short": [1, 2]}, xlabel="x", ylabel="y", caption="c", alt="a")


def test_lines_on_log_axes_keeps_the_order_it_is_told() -> None:
    x = [1.0, 1e-2, 1e-4]
    drawn = {}
    for reverse in (False, True):
        svg = plots.lines(
            x, {"e": [1.0, 2.0, 3.0]}, xlabel="x", ylabel="y", caption="c", alt="a", logx=True, reverse_x=reverse
        ).svg
        (path,) = [d for d in _paths(svg, "line2d") if d.count("L") == 2]
        points = [float(v) for v in re.findall(r"[ML] ([\d.]+) ", path)]
        drawn[reverse] = points
    assert drawn[False][0] > drawn[False][1] > drawn[False][2]
    assert drawn[True][0] < drawn[True][1] < drawn[True][2]


def test_image_row_puts_one_picture_and_title_per_image() -> None:
    rng = np.random.default_rng(0)
    images = [rng.random((8, 8)), rng.random((8, 8)), rng.random((20, 30, 3))]
    shown = plots.image_row(images, titles=["one", "two", "three"], caption="Three.", alt="three images")
    assert shown.svg.count("<image") == 3
    assert all(f">{title}<" in shown.svg for title in ("one", "two", "three"))
    assert 'aria-label="three images"' in shown.svg


def test_image_row_refuses_missing_titles() -> None:
    with pytest.raises(ValueError, match="one title per image: got 1 titles for 2 images"):
        plots.image_row([np.ones((2, 2))] * 2, titles=["one"], caption="c", alt="a")


def test_signed_images_show_zero_as_white_and_signs_apart() -> None:
    import base64
    import io

    from PIL import Image

    image = np.array([[-2.0, 0.0], [0.0, 1.0]])
    svg = plots.image_row([image], titles=["g"], caption="c", alt="a", signed=True).svg
    data = re.search(r"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)", svg)
    assert data is not None
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data[1]))).convert("RGB")).astype(int)
    height, width, _ = picture.shape
    corner = {
        (r, c): picture[height // 4 + r * height // 2, width // 4 + c * width // 2] for r in (0, 1) for c in (0, 1)
    }
    # Matplotlib may store the rows upside down and flip them by a transform, so compare the set of colours.
    colours = sorted(tuple(v) for v in corner.values())
    whites = [c for c in colours if min(c) > 245]
    blues = [c for c in colours if c[2] > c[0] + 50]
    oranges = [c for c in colours if c[0] > c[2] + 50]
    assert (len(whites), len(blues), len(oranges)) == (2, 1, 1)
