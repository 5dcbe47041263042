"""Taking lessons apart and changing one cell without touching the rest."""

from pathlib import Path

import pytest

from dlstudy.course.content.lessonfile import LessonError, LessonFile

PAGE = '''---
number: '3'
stars: 2
track: basics
minutes: "150"
needs:
- 1
- 2
code: dlstudy/scratch/shapes.py, dlstudy/scratch/tensor.py
budget: '12.5'
title: 'It''s a page'
marimo-version: 0.25.2
---

# Title

```python
not_a_cell = 1
```

````python {.marimo name="fenced" hide_code="true"}
text = """
```python {.marimo name="inside"}
```
"""
````

## First (core)

### Deeper

```python {.marimo}
1 + 1
```

## Second: more (further)

### Below

```python
# source: dlstudy.scratch.shapes:flat_index
def flat_index():
    """Hi."""
```

~~~text
```python {.marimo name="in_text"}
```
~~~

```python {.marimo name="last"}
x = 1
```
'''


def parse(text: str) -> LessonFile:
    return LessonFile.parse(text, Path("03_Page.md"))


def test_cells_blocks_and_sections() -> None:
    page = parse(PAGE)
    assert [(cell.name, cell.hidden) for cell in page.cells] == [("fenced", True), ("", False), ("last", False)]
    assert page.cell("fenced").code == 'text = """\n```python {.marimo name="inside"}\n```\n"""'
    (block,) = page.library_blocks
    assert block.source == "dlstudy.scratch.shapes:flat_index"
    assert block.code == 'def flat_index():\n    """Hi."""'
    assert [(s.title, s.depth, s.level) for s in page.sections] == [
        ("Title", 1, "core"), ("First", 2, "core"), ("Deeper", 3, "core"),
        ("Second: more", 2, "further"), ("Below", 3, "further"),
    ]  # fmt: skip
    lines = PAGE.split("\n")
    for cell in page.cells:
        assert lines[cell.start_line - 1].lstrip("`").startswith("python {.marimo")
        assert set(lines[cell.end_line - 1]) == {"`"}
    assert all(lines[number - 1] == line for number, line in page.prose)
    assert not any("not_a_cell" in line for _, line in page.prose)


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("## T ##\n", ["T"]),
        ("   ## Three blanks\n\n    ## four are code\n", ["Three blanks"]),
        ("Underlined\n===\n\nand again\n---\n", ["Underlined", "and again"]),
        ("#No blank\n\n\\## escaped\n", []),
        ("<!--\n## hidden\n-->\n\n## Seen\n", ["Seen"]),
        ("<details>\n<summary>s</summary>\n\ntext\n\n</details>\n## inside the HTML\n\n## After it\n", ["After it"]),
        ("- ```\n  ## code in a list\n  ```\n\n- ## In a list\n", ["In a list"]),
        ("> ```\n> # code in a quotation\n> ```\n", []),
    ],
)
def test_a_heading_is_what_a_reader_on_github_sees_as_one(text: str, headings: list[str]) -> None:
    assert [section.title for section in parse(text).sections] == headings


def test_a_cell_that_no_reader_sees_is_none() -> None:
    page = parse('<!--\n```python {.marimo name="hidden"}\n1\n```\n-->\n\n```python {.marimo name="seen"}\n2\n```\n')
    assert [cell.name for cell in page.cells] == ["seen"]
    assert "1" in [line for _, line in page.prose], "it is no code, either"


def test_code_in_a_list_is_code_and_a_cell_in_a_list_is_refused() -> None:
    page = parse("- item\n\n  ```python\n  x = 1\n  ```\n\nend\n")
    assert [line for _, line in page.prose if line] == ["- item", "end"]
    with pytest.raises(LessonError, match="line 3: expected the cell to begin at the left margin"):
        parse('- item\n\n  ```python {.marimo name="a"}\n  x = 1\n  ```\n')


def test_front_matter_reads_numbers_quotes_and_lists() -> None:
    facts = parse(PAGE).facts()
    assert (facts.title, facts.number, facts.stars, facts.minutes) == ("It's a page", 3, 2, 150)
    assert facts.needs == (1, 2)
    assert facts.code == ("dlstudy/scratch/shapes.py", "dlstudy/scratch/tensor.py")
    assert facts.budget == 12.5
    assert parse(PAGE.replace("needs:\n- 1\n- 2", "needs: [1, 2]")).facts().needs == (1, 2)
    assert parse(PAGE.replace("needs:\n- 1\n- 2", "needs: 1,2")).facts().needs == (1, 2)
    assert parse(PAGE.replace("needs:\n- 1\n- 2", "needs: none")).facts().needs == ()


def test_folded_front_matter_is_joined() -> None:
    assert parse(PAGE.replace("'It''s a page'", "one\n  two")).front["title"] == "one two"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stars: 2", "stars: 7", "stars should be a whole number from 1 to 4, found '7'"),
        ("stars: 2\n", "", "stars is missing"),
        ("'12.5'", "soon", "budget should be CPU seconds above 0, found 'soon'"),
        ("- 1\n", "- one\n", "needs should be a whole number from 1 to 99, found 'one'"),
        ("track: basics", "track:", "track is empty"),
    ],
)
def test_wrong_facts_are_named(old: str, new: str, message: str) -> None:
    assert old in PAGE
    with pytest.raises(LessonError, match=r"03_Page.md: front matter") as caught:
        parse(PAGE.replace(old, new)).facts()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\ntitle: a\n", "line 1: the front matter is never closed"),
        ("---\ntitle: a\ntitle: b\n---\n", "line 3: the key 'title' stands twice"),
        ("---\nnumber: 1\ntitle: a: b\n---\n", "line 3: front matter: mapping values are not allowed"),
        ("---\ntitle: 'a\n---\n", "line 2: front matter: found unexpected end of stream"),
        ("---\ntitle:\n  a: b\n---\n", "line 2: expected a text or a list in the front matter"),
        ("---\nno colon here\n---\n", "line 2: expected 'key: value'"),
        ("# a\n```python\n1\n", "line 2: this fence is never closed; expected a line of ```"),
        ('```python {.marimo name="a"}\n```\n```python {.marimo name="a"}\n```\n', "line 3: a second cell named 'a'"),
    ],
)
def test_broken_files_say_where(text: str, message: str) -> None:
    with pytest.raises(LessonError) as caught:
        parse(text)
    assert message in str(caught.value)


def test_with_cell_changes_that_cell_alone() -> None:
    page = parse(PAGE)
    changed = page.with_cell("last", "x = 2\ny = 3\n")
    assert changed == PAGE.replace("x = 1", "x = 2\ny = 3")
    with pytest.raises(LessonError, match="no cell named 'nowhere'; its named cells are: fenced, last"):
        page.with_cell("nowhere", "")


def test_with_cell_lengthens_the_fence_when_the_code_needs_it() -> None:
    code = 'text = """\n````\n"""'
    again = parse(parse(PAGE).with_cell("last", code))
    assert again.cell("last").code == code
    assert len(again.cells) == 3


def test_with_block_keeps_its_address() -> None:
    page = parse(PAGE)
    again = parse(page.with_block(page.library_blocks[0], "def flat_index():\n    return 1\n"))
    assert again.library_blocks[0].source == "dlstudy.scratch.shapes:flat_index"
    assert again.library_blocks[0].code == "def flat_index():\n    return 1"


def test_reading_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "01_x.md"
    path.write_bytes(b"# caf\xe9\n")
    with pytest.raises(LessonError, match=r"01_x.md: expected UTF-8 text, found byte 0xe9"):
        LessonFile.read(path)


def test_write_replaces_the_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "01_x.md"
    path.write_text(PAGE, encoding="utf-8")
    page = LessonFile.read(path)
    page.write(page.with_cell("last", "x = 'ü'"))
    assert LessonFile.read(path).cell("last").code == "x = 'ü'"
    assert [child.name for child in tmp_path.iterdir()] == ["01_x.md"]
