"""The overview and the glossary say what the catalogue says; the self-test asks what can be answered."""

import re
from collections import Counter
from pathlib import Path
from unittest.mock import Mock

import pytest

from dlstudy.course.content import catalogue, paths
from dlstudy.course.content.prose import options_of
from dlstudy.course.content.questions import read_selftest
from dlstudy.course.measuring.comparison_table import ROWS
from dlstudy.course.page import Page
from dlstudy.course.page.cards import recommend
from dlstudy.lessons.lesson00 import roadmap_chart

COURSE = catalogue.load()
OVERVIEW = (paths.lessons_folder() / "00_Overview.md").read_text(encoding="utf-8")
GLOSSARY = (paths.lessons_folder() / "Glossary.md").read_text(encoding="utf-8")
SELFTEST = read_selftest("00")


def section(text: str, heading: str) -> str:
    """The text under `heading` up to the next heading of its level or above."""
    level = heading.split()[0]
    start = re.search(rf"^{re.escape(heading)}$", text, re.MULTILINE)
    assert start, f"there is no heading {heading!r}"
    rest = text[start.end() :]
    end = re.search(rf"^#{{1,{len(level)}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def table(text: str) -> list[list[str]]:
    """The rows of the first Markdown table, heads included, without the line of dashes."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if set("".join(row)) - set("-: ")]


def test_the_groups_are_the_catalogues_in_their_order() -> None:
    headings = re.findall(r"^### (.*)$", section(OVERVIEW, "## Lessons"), re.MULTILINE)
    assert headings == [f"{group.name} ({group.note})" for group in COURSE.groups]


@pytest.mark.parametrize("group", COURSE.groups, ids=lambda group: group.name)
def test_each_table_of_lessons_says_what_the_catalogue_says(group: catalogue.Group) -> None:
    head, *rows = table(section(OVERVIEW, f"### {group.name} ({group.note})"))
    assert head == ["Filename", "Difficulty", "Key Topics", "Notes"]
    expected = [
        [
            f"[{lesson.file}](./{lesson.file})" if lesson.written else f"`{lesson.file}`",
            "⭐" * lesson.stars,
            lesson.topics,
            lesson.notes,
        ]
        for lesson in group.lessons
    ]
    assert rows == expected, "a written lesson is a link, a planned one is not"


def test_the_comparison_guide_is_the_one_that_is_measured() -> None:
    _, *rows = table(section(OVERVIEW, "## NumPy vs PyTorch comparison guide"))
    assert [[cell.strip("`") for cell in row] for row in rows] == [
        [row.topic, row.numpy, row.torch, row.point] for row in ROWS[: len(rows)]
    ]
    assert len(rows) == 5, "the study guide's rows; those that we add are measured below them"


def test_the_sequence_names_each_lesson_once_and_in_its_weeks() -> None:
    text = section(OVERVIEW, "## Recommended learning sequence")
    weeks = 0
    groups = iter(COURSE.groups)
    for name, least, most, numbers in re.findall(r"\*\*(.+?) \((\d)(?:-(\d))? weeks?\)\*\*: ([\d →]+)", text):
        group = next(groups)
        assert group.name.startswith(name)
        assert [int(number) for number in numbers.split(" → ")] == [lesson.number for lesson in group.lessons]
        first, last = weeks + 1, weeks + int(most or least)
        expected = f"week {first}" if first == last else f"weeks {first} and {last}"
        assert {lesson.when for lesson in group.lessons} == {expected}
        weeks = last
    assert weeks == 9, "01 to 22 fill nine weeks at most, so that 23 is week 10"
    beside = [[f"{lesson.number} {lesson.title}", lesson.when] for lesson in COURSE.lessons if lesson.number > 22]
    assert table(text)[1:6] == beside


def test_the_roadmap_shows_every_lesson_once_and_links_only_what_is_written() -> None:
    drawn = roadmap_chart.roadmap_html(COURSE)
    assert re.findall(r"<span class='n'>(\d\d)</span>", drawn) == [lesson.id for lesson in COURSE.lessons]
    assert re.findall(r"href='([^']*)'", drawn) == [lesson.file for lesson in COURSE.lessons if lesson.written]
    boxes = drawn.split("<li ")[1:]
    for lesson, box in zip(COURSE.lessons, boxes, strict=True):
        named = {int(number) for number in re.findall(r"\b(\d\d)\b", re.sub(r".*<span class='f'>(?:needs )?", "", box))}
        follows = {lesson.number - 1} if "follows" in box.partition(">")[0] else set()
        minutes = {lesson.minutes % 60}
        assert set(lesson.needs) - follows <= named, "every need is an arrow or is named in the box"
        assert follows <= set(lesson.needs)
        assert named <= set(lesson.needs) | minutes | ({11, 4, 10} if lesson.number > 22 else set())
        assert ("planned" in box.partition(">")[0]) != lesson.written


def test_the_sentence_on_what_is_written_counts_the_catalogue() -> None:
    sentence = roadmap_chart.written_today(COURSE)
    there = [lesson for lesson in COURSE.lessons if lesson.written]
    assert f"{len(there)} of 27" in sentence
    assert re.findall(r"\(([^)]*\.md)\)", sentence) == [lesson.file for lesson in there]


# ---- self-test -------------------------------------------------------------------------------------------------------


def test_ten_questions_over_the_four_fields() -> None:
    questions = SELFTEST.questions
    assert len(questions) == 10
    assert len({question.id for question in questions}) == 10
    topics = Counter(question.topic for question in questions)
    assert set(topics) == {"NumPy", "calculus", "linear algebra", "machine learning"}
    assert min(topics.values()) >= 2
    for question in questions:
        assert sum(option.correct for option in question.options) == 1
        assert len({option.text for option in question.options}) == 4
        assert len(question.why) > 100, "an explanation, not a verdict"


def test_the_right_option_has_no_favourite_place() -> None:
    places = Counter(
        next(place for place, option in enumerate(question.options) if option.correct)
        for question in SELFTEST.questions
    )
    assert set(places) == {0, 1, 2, 3}
    assert max(places.values()) <= 4


def answers_except(*missed: str) -> dict[str, str]:
    return {question.id: question.right for question in SELFTEST.questions if question.id not in missed}


@pytest.mark.parametrize(
    ("missed", "start", "before"),
    [
        ((), None, []),
        (("broadcast",), 1, []),
        (("two-linear", "test-data"), 2, []),
        (("descent", "slice-view", "partial"), 1, ["partial"]),
        (("sum-axis", "product-shape"), None, ["sum-axis", "product-shape"]),
    ],
)
def test_the_recommendation_follows_what_was_missed(
    missed: tuple[str, ...], start: int | None, before: list[str]
) -> None:
    questions = [{"id": entry.id, "lesson": entry.lesson, "options": options_of(entry)} for entry in SELFTEST.questions]
    found = recommend(questions, answers_except(*missed))
    assert (found["start"], found["before"], found["right"]) == (start, before, 10 - len(missed))


@pytest.mark.parametrize(
    ("missed", "headline", "said", "not_said"),
    [
        ((), "10 of 10 right. Start where you like.", "exercises of lesson 01", "afternoon"),
        (("broadcast",), "9 of 10 right. Start with 01 Tensors and Autograd.", "", "afternoon"),
        (("sum-axis",), "9 of 10 right. Brush up first, then start with 01", "afternoon", "You have what"),
        (("descent", "test-data"), "8 of 10 right. Start with 03 Backpropagation.", "04 Training", "You have what"),
    ],
)
def test_the_advice_fits_the_answers(
    missed: tuple[str, ...], headline: str, said: str, not_said: str, tmp_path: Path
) -> None:
    page = Page(0, learner=tmp_path, worker=Mock())
    card = page.selftest()
    card.on_event({"do": "answer", "answers": answers_except(*missed)})
    result = card.data["result"]
    assert result["headline"].startswith(headline)
    assert said in result["advice"]
    assert not_said not in result["advice"]
    start = re.search(r"Start with (\d\d)", result["headline"])
    if start and not COURSE.find(start[1]).written:
        assert "not written yet; until it is, read 01" in result["advice"]


def test_what_the_self_test_claims_about_numpy_is_so() -> None:
    import numpy as np

    def right(name: str) -> str:
        question = next(entry for entry in SELFTEST.questions if entry.id == name)
        return next(option.text for option in question.options if option.correct)

    assert right("sum-axis") == str(np.ones((4, 3)).sum(axis=0).shape)
    a = np.zeros(5)
    b = a[1:3]
    b[0] = 7
    assert right("slice-view") == ", ".join(f"{value:g}" for value in a)
    assert right("broadcast") == str((np.ones((3, 1)) + np.ones(3)).shape)
    assert right("product-shape").endswith(str((np.ones((32, 64)) @ np.ones((64, 10))).shape))
    step = 1e-6
    slope = ((3 * (1 + step) + 1) ** 2 - (3 * (1 - step) + 1) ** 2) / (2 * step)
    assert right("chain") == f"{slope:.0f}"
    assert right("cross-entropy") == ("The first" if -np.log(0.01) > -np.log(0.4) else "The second")


# ---- glossary --------------------------------------------------------------------------------------------------------

TERMS = re.findall(r"^### (.*)\n\n(.*)$", section(GLOSSARY, "## Terms"), re.MULTILINE)
WANTED = """
    tensor, shape, rank, axis, dtype, stride, storage, view, copy, contiguous, broadcasting, elementwise, reduction,
    matrix product, einsum, leaf, computation graph, node, forward pass, backward pass, local derivative, chain rule,
    jacobian, vector-jacobian product, forward mode, reverse mode, finite difference, gradient accumulation, detach,
    no_grad, in-place operation, version counter, hook, double backward, float32, float16, bfloat16, ulp, rounding,
    overflow, underflow, device, host-device transfer, seed, parity
"""


def test_the_glossary_is_sorted_and_has_no_term_twice() -> None:
    names = [name.casefold() for name, _ in TERMS]
    assert names == sorted(names)
    assert len(set(names)) == len(names)
    assert {term.strip() for term in WANTED.split(",")} <= set(names)


@pytest.mark.parametrize(("name", "text"), TERMS, ids=[name for name, _ in TERMS])
def test_an_entry_is_short_and_says_where_it_is_taught(name: str, text: str) -> None:
    body, _, where = text.partition(" *Taught in ")
    assert 40 < len(body) < 420, "two or three plain sentences"
    number = int(re.match(r"\[?(\d\d)", where)[1])  # type: ignore[index]
    lesson = COURSE.find(str(number))
    expected = f"[{lesson.id}]({lesson.file})." if lesson.written else f"{lesson.id}, planned."
    assert where == f"{expected}*"


def entry(name: str) -> str:
    return dict(TERMS)[name]


def test_the_numbers_in_the_glossary_are_so() -> None:
    import numpy as np
    import torch

    after = torch.nextafter(torch.tensor(256.0, dtype=torch.bfloat16), torch.tensor(1e9, dtype=torch.bfloat16))
    assert f"after 256 comes {after.item():g}" in entry("bfloat16")
    assert str(int(torch.finfo(torch.float16).max)) in entry("float16")
    significant = {"float16": np.finfo(np.float16).nmant, "float32": np.finfo(np.float32).nmant, "bfloat16": 7}
    for name, stored in significant.items():
        assert f"{stored + 1} significant bits" in entry(name)
        assert torch.finfo(getattr(torch, name)).eps == 2.0**-stored
    assert np.finfo(np.float32).max == pytest.approx(3.4e38, rel=0.01)
    assert "3.4 · 10³⁸" in entry("float32")
    assert np.float16(1e-8) == 0
    assert "10⁻⁸ is gone in float16" in entry("Underflow")
    x = torch.arange(12.0).reshape(3, 4)
    assert f"strides {x.stride()} in elements, its transpose {x.T.stride()}" in entry("Stride")
    assert f"(3, 1) and (4,) give {tuple((torch.ones(3, 1) + torch.ones(4)).shape)}" in entry("Broadcasting")
    nd, dc = torch.randn(2, 3), torch.randn(3, 4)
    torch.testing.assert_close(torch.einsum(re.search(r"einsum\('([^']+)'", entry("Einsum"))[1], nd, dc), nd @ dc)  # type: ignore[index]
