import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")
from matplotlib import pyplot as plt

from dlstudy import figures


def drawn(caption="Values of `x`.", alt='A line and a picture, "quoted" & more.'):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6, 3))
    left.plot([0, 1, 2], [1.0, 3.0, 2.0], color=figures.BLUE, label="run")
    left.set_xlabel("time (s)")
    left.set_title(r"$\alpha$ over time")
    left.legend(facecolor=figures.PAPER)
    right.imshow(np.random.default_rng(0).random((4, 4)))
    return figures.figure(fig, caption, alt)


def test_it_is_one_well_formed_picture_with_a_description():
    picture = drawn()
    root = ElementTree.fromstring(picture.svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'A line and a picture, "quoted" & more.'
    assert "<figcaption>Values of <code>x</code>.</figcaption>" in picture._repr_html_()


def test_colours_follow_the_page():
    svg = drawn().svg
    assert f"var(--dls-blue, {figures.BLUE})" in svg
    assert "var(--dls-bg, #fefefe)" in svg
    assert "currentColor" in svg
    assert not re.search(r"(fill|stroke): #000000", svg)
    assert not re.search(r"(fill|stroke): #ffffff", svg), "a white background would show in the dark theme"


def test_text_stays_text_and_nothing_is_fetched():
    html = drawn()._repr_html_()
    assert ">time (s)</text>" in html
    assert "@font-face" not in html
    for address in re.findall(r"https?://[^\"' )]+", html):
        assert address.startswith("http://www.w3.org/"), address


def test_ids_do_not_clash_and_references_resolve():
    one, other = drawn().svg, drawn(alt="Another description").svg
    ids = re.findall(r'\bid="([^"]+)"', one)
    assert len(ids) == len(set(ids)) > 10
    assert not set(ids) & set(re.findall(r'\bid="([^"]+)"', other))
    references = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', one)
    assert references
    assert {a or b for a, b in references} <= set(ids)


def test_no_rule_of_matplotlib_leaks_into_the_page():
    html = drawn()._repr_html_()
    assert "*{" not in html.replace(" ", "")


def test_the_same_picture_is_the_same_text():
    assert drawn().svg == drawn().svg


def test_the_figure_is_closed_and_an_empty_description_refused():
    drawn()
    assert plt.get_fignums() == []
    fig, _ = plt.subplots()
    with pytest.raises(ValueError, match="description"):
        figures.figure(fig, "caption", "  ")
    plt.close(fig)


def test_figures_can_be_named_without_loading_matplotlib(run_python):
    out = run_python(
        "import sys; import dlstudy.figures as f; f.BLUE; f.tokens_css();"
        "print([m for m in ('matplotlib', 'numpy', 'anywidget', 'torch') if m in sys.modules])"
    )
    assert out.strip() == "[]"
