"""What `dlstudy notebook` writes: order, guards, pictures, links; and that fixed controls start as live ones do."""

import base64
import json
from pathlib import Path

import marimo
import nbformat
import pytest

from dlstudy.course import engine
from dlstudy.course.content import paths
from dlstudy.course.content.lessonfile import LessonError, LessonFile
from dlstudy.course.page import jupyter as plain
from dlstudy.course.page import notebook

PAGE = """---
title: A small page
number: 7
---

# A small page

Look: ![a dot](images/dot.svg), and [lesson 01](01_Tensors_and_Autograd.md#views), [here](#end), [paper](https://arxiv.org/abs/1).

```python {.marimo name="late"}
total = start + 1
```

<details markdown="1">
<summary>Why?</summary>

**Because.**

</details>

```python
not_a_cell = "$shown$"
```

```python {.marimo name="imports"}
import marimo as mo
from dlstudy.course.page import Page
page = Page(1)
start = 41
```

```python {.marimo name="exercise_one"}
def one():
    return 1
```

```python {.marimo hide_code="true" name="check_one"}
card = page.check("one", lambda: one)
card
```

```python {.marimo name="uses"}
page.when_solved(card)
used = one() + total
```

```python {.marimo name="uses_it_too"}
used + 1
```

## End
"""


@pytest.fixture
def page(tmp_path: Path) -> LessonFile:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "dot.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    file = tmp_path / "07_Small.md"
    file.write_text(PAGE, encoding="utf-8")
    return LessonFile.read(file)


def code(content: dict, name: str) -> str:
    (found,) = (cell["source"] for cell in content["cells"] if cell["metadata"].get("name") == name)
    return found


def prose(content: dict) -> str:
    return "\n".join(cell["source"] for cell in content["cells"] if cell["cell_type"] == "markdown")


def test_a_cell_stands_after_those_it_uses_and_its_prose_goes_with_it(page: LessonFile) -> None:
    content = notebook.convert(page)
    nbformat.validate(nbformat.from_dict(content))
    names = [cell["metadata"].get("name") for cell in content["cells"] if cell["cell_type"] == "code"]
    assert names == ["install", "imports", "late", "exercise_one", "check_one", "uses", "uses_it_too"]
    places = [cell["source"] for cell in content["cells"]]
    (look,) = (place for place, text in enumerate(places) if "Look:" in text)
    assert places[look + 1] == "total = start + 1"
    assert places[-1].endswith("## End")


def test_a_cell_that_uses_answers_asks_for_them_and_so_do_those_after_it(page: LessonFile) -> None:
    content = notebook.convert(page)
    assert code(content, "uses").startswith("%%when_solved one\npage.when_solved(card)")
    assert code(content, "uses_it_too") == "%%when_solved one\nused + 1"
    assert code(content, "late") == "total = start + 1"


def test_imports_of_the_engine_become_those_of_a_notebook(page: LessonFile) -> None:
    text = code(notebook.convert(page), "imports")
    assert text.startswith("from dlstudy.course.page.jupyter import mo\nfrom dlstudy.course.page.jupyter import Page\n")
    assert "marimo" not in text


def test_pictures_travel_inside_and_links_to_pages_become_text(page: LessonFile) -> None:
    content = notebook.convert(page)
    (cell,) = (cell for cell in content["cells"] if "attachments" in cell)
    assert "![a dot](attachment:dot.svg)" in cell["source"]
    assert base64.b64decode(cell["attachments"]["dot.svg"]["image/svg+xml"]).startswith(b"<svg")
    assert "and lesson 01, here, [paper](https://arxiv.org/abs/1)." in prose(content)
    assert "<details>\n<summary>Why?</summary>" in prose(content)
    assert '```python\nnot_a_cell = "$shown$"' in prose(content)
    assert "title:" not in prose(content)


def test_a_missing_picture_is_said(page: LessonFile, tmp_path: Path) -> None:
    (tmp_path / "images" / "dot.svg").unlink()
    with pytest.raises(LessonError, match=r"the picture images/dot\.svg is missing"):
        notebook.convert(page)


def test_the_first_cell_installs_what_was_named(page: LessonFile) -> None:
    assert '%pip install --quiet "https://x.org/d.whl"' in code(
        notebook.convert(page, "https://x.org/d.whl"), "install"
    )
    assert "pip install FOLDER" in code(notebook.convert(page), "install")


def test_a_notebook_is_never_overwritten(page: LessonFile, tmp_path: Path) -> None:
    file = tmp_path / "mine.ipynb"
    notebook.write(page, file)
    assert json.loads(file.read_text(encoding="utf-8"))["nbformat"] == 4
    file.write_text("my answers", encoding="utf-8")
    with pytest.raises(FileExistsError, match="exists already; choose another name with --out"):
        notebook.write(page, file)
    assert file.read_text(encoding="utf-8") == "my answers"


def test_a_place_that_cannot_be_written_is_said(page: LessonFile, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"x\.ipynb cannot be written: No such file or directory"):
        notebook.write(page, tmp_path / "nowhere" / "x.ipynb")


@pytest.mark.parametrize("uses", [[{2}, set(), {1}], [set(), {0}, {1}], [{1, 2}, {2}, set()]])
def test_the_order_is_one_that_can_be_run(uses: list[set[int]]) -> None:
    order = notebook.in_order(uses)
    assert sorted(order) == list(range(len(uses)))
    for cell, needed in enumerate(uses):
        assert all(order.index(other) < order.index(cell) for other in needed)


@pytest.mark.parametrize("file", sorted(paths.lessons_folder().glob("0*.md")), ids=lambda file: file.stem)
def test_every_lesson_becomes_a_valid_notebook_of_all_its_cells(file: Path) -> None:
    lesson = LessonFile.read(file)
    content = notebook.convert(lesson)
    nbformat.validate(nbformat.from_dict(content))
    names = [cell["metadata"].get("name") for cell in content["cells"] if cell["cell_type"] == "code"]
    order = notebook.in_order(engine.uses(file))
    assert names[1:] == [lesson.cells[index].name if lesson.cells[index].name != "_" else None for index in order]
    assert sorted(order) == list(range(len(lesson.cells)))
    assert "import marimo" not in "\n".join(cell["source"] for cell in content["cells"])


CONTROLS = [
    ("slider", (1, 10), {}),
    ("slider", (), {"start": 2, "stop": 8, "step": 2, "value": 4, "label": "size"}),
    ("slider", (), {"steps": [0.1, 0.3, 1.0]}),
    ("number", (), {"start": 3, "stop": 9}),
    ("dropdown", (["a", "b"],), {"value": "b"}),
    ("dropdown", ({"one": 1, "two": 2},), {"value": "two"}),
    ("dropdown", (["a", "b"],), {}),
    ("radio", (), {"options": {"one": 1, "two": 2}, "value": "one"}),
    ("checkbox", (), {}),
    ("checkbox", (), {"value": True}),
    ("switch", (), {}),
    ("text", (), {"value": "x.T"}),
    ("text", ("12 May",), {"label": "a date"}),
    ("text_area", ("two lines",), {}),
    ("checkbox", (True,), {}),
    ("switch", (True,), {}),
    ("text_area", (), {}),
]


@pytest.mark.parametrize(("kind", "arguments", "options"), CONTROLS)
def test_a_fixed_control_holds_what_the_live_one_starts_with(kind: str, arguments: tuple, options: dict) -> None:
    theirs = getattr(marimo.ui, kind)(*arguments, **options)
    ours = getattr(plain.mo.ui, kind)(*arguments, **options)
    assert ours.value == theirs.value
    assert str(theirs.value) in ours._repr_html_()


def test_what_the_engine_has_and_a_notebook_has_not_is_said() -> None:
    with pytest.raises(AttributeError, match=r"mo\.cache is not there in a notebook"):
        plain.mo.cache  # noqa: B018
