"""What must hold of every page in lessons/ before anybody runs it."""

import re
from pathlib import Path

import pytest

from dlstudy.course import engine
from dlstudy.course.content import catalogue, links, paths, questions
from dlstudy.course.content.exercises import UNWRITTEN, exercise_ids, load_exercise
from dlstudy.course.content.lessonfile import LessonFile
from dlstudy.course.running import sync
from dlstudy.course.running.runner import parts_of

PAGES = sorted(paths.lessons_folder().glob("*.md"))
HIDDEN_LINES = 8
every_page = pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
every_lesson = pytest.mark.parametrize(
    "path", [path for path in PAGES if path.name[:2].isdecimal()], ids=lambda path: path.stem
)


def test_there_are_pages() -> None:
    assert {"00_Overview", "01_Tensors_and_Autograd"} <= {path.stem for path in PAGES}


@every_page
def test_a_save_by_the_editor_changes_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert engine.saved_text(text, path.name) == text, "mend it with: python -m dlstudy.course.running.sync"


@every_page
def test_the_front_matter_is_valid(path: Path) -> None:
    facts = LessonFile.read(path).facts()
    package = Path(catalogue.__file__).parents[2]
    missing = [name for name in facts.code if not (package / name.removeprefix("dlstudy/")).exists()]
    assert not missing, "`code` names files of the library"


@every_lesson
def test_the_number_of_a_page_is_that_of_its_name(path: Path) -> None:
    assert LessonFile.read(path).facts().number == int(path.name[:2])


@every_page
def test_nothing_of_the_empty_frame_is_left(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not [f"line {number}: {line}" for number, line in enumerate(lines, 1) if UNWRITTEN in line]


@every_page
def test_what_looks_like_a_heading_is_one_on_github(path: Path) -> None:
    """CommonMark keeps what follows `</details>` inside the HTML until an empty line."""
    page = LessonFile.read(path)
    headings = {section.line for section in page.sections}
    assert not [line for line in page.prose if re.match(r"#{1,6}\s", line[1]) and line[0] not in headings]


def raw_marks(text: str) -> list[str]:
    """Return the `<summary>` lines of a page in which a mark of Markdown stands that nobody renders there."""
    found = re.findall(r"<summary>(.*?)</summary>", text, re.DOTALL)
    plain = {line: re.sub(r"<code>.*?</code>", "", line, flags=re.DOTALL) for line in found}
    return [line for line, rest in plain.items() if re.search(r"[*_`]\w|\w[*_`]|\]\(|\$", rest)]


@every_page
def test_what_folds_has_a_title_without_raw_marks(path: Path) -> None:
    assert not raw_marks(path.read_text(encoding="utf-8")), "HTML inside of HTML: <em>, <strong>, <code>"


@pytest.mark.parametrize(
    ("title", "raw"),
    [
        ("Why <em>this</em>, and 2 * 3 in <code>a_b * *c</code>?", False),
        ("Why *this*?", True),
        ("Why **this**?", True),
        ("Why _this_?", True),
        ("What is `a`?", True),
        ("See [there](02_There.md)", True),
        ("How large is $x$?", True),
    ],
)
def test_raw_marks_in_a_title_are_found(title: str, raw: bool) -> None:
    text = f'*So* it is:\n\n<details markdown="1">\n<summary>{title}</summary>\n\nA *word* and `code`.\n\n</details>\n'
    assert raw_marks(text) == ([title] if raw else [])


@every_page
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    assert not links.problems_of(LessonFile.read(path))


@every_page
def test_library_blocks_equal_the_library(path: Path) -> None:
    page = LessonFile.read(path)
    for block in page.library_blocks:
        assert block.code == sync.block_source(block.source), "mend it with: python -m dlstudy.course.running.sync"


@every_page
def test_answer_cells_hold_their_exercise_s_stub(path: Path) -> None:
    page = LessonFile.read(path)
    for name in exercise_ids(path.name[:2]):
        exercise = load_exercise(name)
        assert page.cell(exercise.cell_name).code == exercise.stub.strip("\n")


def lines_of_work(code: str) -> int:
    """How many lines of a cell do something; a list of imports is long for no fault of the page."""
    return sum(not line.startswith(("import ", "from ")) for line in code.splitlines())


@every_page
def test_hidden_cells_are_short(path: Path) -> None:
    hidden = {cell.name: lines_of_work(cell.code) for cell in LessonFile.read(path).cells if cell.hidden}
    assert {name: lines for name, lines in hidden.items() if lines > HIDDEN_LINES} == {}


@every_page
def test_every_cell_has_a_name(path: Path) -> None:
    assert not [cell.start_line for cell in LessonFile.read(path).cells if cell.name in ("", "_")]


@every_page
def test_what_the_exercises_folder_holds_is_on_the_page_and_the_other_way_round(path: Path) -> None:
    page = LessonFile.read(path)
    on_page = parts_of(page)
    slugs = [name.partition("/")[2] for name in exercise_ids(path.name[:2])]
    assert on_page["check"] == slugs, "each exercise is checked on the page, in the order of its folder"
    cells = {cell.name for cell in page.cells}
    assert not {f"check_{slug.replace('-', '_')}" for slug in slugs} - cells
    for event, read in (("quiz", questions.read_quiz), ("prediction", questions.read_predictions)):
        found = [entry.id for entry in read(path.name[:2])]
        assert on_page[event] == found, "the page and the file hold the same, in one order"


@every_lesson
def test_a_lesson_has_its_sections_marked_and_its_parts(path: Path) -> None:
    page = LessonFile.read(path)
    assert [section.depth for section in page.sections].count(1) == 1
    if page.facts().number == 0:
        return
    assert any(section.level == "further" for section in page.sections), "what is not core is marked so"
    assert 4 <= len(parts_of(page)["check"]) <= 7, "four to seven exercises"
    assert len(parts_of(page)["quiz"]) == 5, "five questions"
    titles = [section.title for section in page.sections]
    assert "Check yourself" in titles
    assert "Summary" in titles


# ---- the finder of dead links itself -------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "one.svg").write_text("<svg/>")
    (tmp_path.parent / "outside.md").write_text("# Out")
    (tmp_path / "02_Other.md").write_text("# Other page\n\n## A *second*, `part`: really?\n\n## Same\n\n## Same\n")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[a](02_Other.md) ![alt](images/one.svg) [b](https://example.org/x) [c](#here)", ""),
        ("[a](02_Other.md#a-second-part-really) [b](./02_Other.md#same-1)", ""),
        ("`[a](gone.md)` and ``![](gone.svg)``", ""),
        ('<img src="images/one.svg" alt="words">', ""),
        ("[a](03_Gone.md)", "line 3: 03_Gone.md leads to no file"),
        ("[a](02_other.md)", "leads to no file"),
        ("[a](gone/03_Gone.md)", "leads to no file"),
        ("[a](../outside.md)", "leads out of the lessons' folder"),
        ("[a](/02_Other.md)", "should be a path relative to the page"),
        ("[a](02_Other.md#same-2)", "has an anchor that no heading of that page makes"),
        ("[a](#gone)", "has an anchor that no heading"),
        ("![](images/one.svg)", "the picture has no alt text"),
        ("![alt](https://example.org/x.png)", "shows a picture from the network"),
        ('<img src="images/two.svg" alt="words">', "leads to no file"),
        ("[](02_Other.md)", "the link has no words"),
    ],
)
def test_dead_links_are_found(folder: Path, text: str, complaint: str) -> None:
    page = LessonFile.parse(f"# Here\n\n{text}\n\n```\n[a](gone.md)\n```\n", folder / "01_Page.md")
    problems = "\n".join(links.problems_of(page))
    assert (complaint in problems) if complaint else not problems
