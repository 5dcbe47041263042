"""Search finds what a lesson says and leads to its place, with SQLite's index and without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dlstudy.course.content import paths, search
from dlstudy.course.content.lessonfile import LessonFile
from dlstudy.course.content.links import anchors_of
from dlstudy.course.learner import notes
from dlstudy.course.learner.progress import Progress
from tests.commands.test_cli import content, dlstudy  # noqa: F401 - the fixture

PAGE = """---
title: Tensors and Autograd
number: 1
stars: 1
track: Basics
minutes: 175
needs: none
code: none
budget: 5
---

# Tensors and Autograd

An introduction about nothing much.

## 1. Strides · core

A **stride** is a step, see [the glossary](Glossary.md#stride), $s_k$ of axis $k$.

```python {.marimo name="shown"}
walk = np.lib.stride_tricks
```

```python {.marimo name="unseen" hide_code="true"}
secret_word = 1
```

## 2. Gradients and their uses · further

Every gradient of a stretched axis is a sum of strides, and strides again.

### Exercise 1 · twice

```python {.marimo name="exercise_double"}
def double(x):
    raise NotImplementedError
```
"""
GLOSSARY = """---
title: Glossary
---

# Glossary

### Gradient descent

A gradient $\\bar y$, `and` a gradient again; the gradient * of a gradient.

### Gradient

A slope.

### Naïve Bayes

Counts words.
"""


@pytest.fixture
def library(tmp_path: Path) -> search.Library:
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "01_Tensors_and_Autograd.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "lessons" / "Glossary.md").write_text(GLOSSARY, encoding="utf-8")
    place = tmp_path / "exercises" / "01" / "double"
    place.mkdir(parents=True)
    (place / "exercise.toml").write_text('title = "Twofold"\norder = 1\ntask = "Double it."', encoding="utf-8")
    return search.Library(tmp_path)


@pytest.fixture(params=[False, True], ids=["fts5", "plain"])
def find(request: pytest.FixtureRequest, library: search.Library):
    index = search.Index(library.index().entries, plain=request.param)
    assert (index._db is None) is request.param, "this Python's SQLite has FTS5, or the test of it is one of nothing"
    return lambda words: [hit.entry for hit in index.search(words)]


def test_the_best_place_comes_first_and_its_address_is_an_anchor(find, library: search.Library) -> None:
    first, second = find("stride")[:2]
    assert (first.title, first.where) == ("1. Strides", "01 Tensors and Autograd"), "a heading says more than a text"
    assert second.title == "2. Gradients and their uses"
    page = LessonFile.read(library.root / "lessons" / first.page)
    assert first.address == "01_Tensors_and_Autograd.md#1-strides--core"
    assert first.anchor in anchors_of(page)


def test_the_term_itself_comes_before_terms_that_hold_it(find) -> None:
    assert [entry.title for entry in find("gradient")][:2] == ["Gradient", "Gradient descent"]


def test_marks_and_signs_of_formulas_are_not_shown() -> None:
    said = search.plain("A *gradient* $\\bar y = \\alpha \\cdot x$ , see [it](a.md#b) <b>now</b> `f_x` .")
    assert said == "A gradient y = alpha x, see it now f_x."


def test_every_word_has_to_be_there_and_may_be_unfinished(find) -> None:
    assert [entry.title for entry in find("gradient stretched")] == ["2. Gradients and their uses"]
    assert find("gradient bayes") == []
    assert [entry.title for entry in find("grad SUM")] == ["2. Gradients and their uses"]
    assert find("") == find("  ,;'\"* ") == []


def test_code_that_is_shown_is_found_and_hidden_code_is_not(find) -> None:
    assert [entry.title for entry in find("stride_tricks")] == ["1. Strides"]
    assert find("secret_word") == []


def test_exercises_terms_and_planned_lessons_are_found_as_what_they_are(find) -> None:
    (exercise,) = find("twofold")
    assert (exercise.kind, exercise.address) == ("exercise", "01_Tensors_and_Autograd.md#exercise-1--twice")
    (term,) = find("naïve")
    assert (term.kind, term.address, term.where) == ("term", "Glossary.md#naïve-bayes", "Glossary")
    lesson = find("diffusion ddpm")[0]
    assert (lesson.kind, lesson.address) == ("lesson", "")
    assert "not written yet" in lesson.text


@pytest.mark.parametrize("query", ['"', "a OR", "NEAR(", "x*", "col:y", "-stride", "(", "stride AND", "^s", "\x00"])
def test_signs_of_a_query_language_are_only_signs(find, query: str) -> None:
    assert all(entry.title for entry in find(query))
    assert find("twofold"), "and the next search works"


@pytest.mark.parametrize("plain", [False, True])
def test_a_snippet_shows_the_match_and_its_neighbours(library: search.Library, plain: bool) -> None:
    index = search.Index(library.index().entries, plain=plain)
    (hit,) = [hit for hit in index.search("stretched") if hit.entry.kind == "section"]
    assert [text for text, match in hit.snippet if match] == ["stretched"]
    words = "".join(text for text, _ in hit.snippet)
    assert "of a stretched axis" in words
    assert not {"*", "`", "]("} & set(words)


def test_a_changed_lesson_is_found_by_its_new_words(library: search.Library) -> None:
    assert library.search("platypus") == []
    file = library.root / "lessons" / "01_Tensors_and_Autograd.md"
    file.write_text(PAGE.replace("nothing much", "a platypus"), encoding="utf-8")
    os.utime(file, ns=(1, 1))
    assert [hit.entry.title for hit in library.search("platypus")] == ["Tensors and Autograd"]


def test_a_page_that_cannot_be_read_does_not_end_the_search(library: search.Library) -> None:
    (library.root / "lessons" / "Notes.md").write_bytes(b"\xff\xfe")
    assert library.search("stride")


def test_the_real_course_is_found_quickly_enough_to_follow_the_typing() -> None:
    assert search.Library().search("gradient")[0].entry.title == "Gradient", "the term itself, of all that hold it"
    found = search.Library().search("broadcast gradient")
    assert found[0].entry.page == "01_Tensors_and_Autograd.md"
    assert any(hit.entry.kind == "term" for hit in found)
    for hit in search.Library().search("a"):
        assert not hit.entry.page or (paths.lessons_folder() / hit.entry.page).is_file()


def test_own_notes_come_first(library: search.Library, tmp_path: Path) -> None:
    with Progress(tmp_path / "progress.sqlite") as progress:
        notes.save(progress, "01_Tensors_and_Autograd.md", "1-strides--core", "1. Strides", "ask Ada about strides")
        first = library.search("strides", notes.entries(progress))[0]
    assert (first.entry.kind, first.entry.title) == ("note", "1. Strides")
    assert "".join(text for text, _ in first.snippet) == "ask Ada about strides"


def test_the_command_finds_and_says_how_to_go_there(content: Path) -> None:  # noqa: F811
    text = dlstudy("search", "double").output
    assert "Tensors and Autograd" in text
    assert "dlstudy open 01" in text
    assert "Nothing in the course holds 'xyzzy platypus'" in dlstudy("search", "xyzzy", "platypus", expect=1).output
    with Progress(paths.progress_file()) as progress:
        notes.save(progress, "01_Tensors_and_Autograd.md", "here", "Tensors and Autograd", "remember the platypus [x]")
    text = dlstudy("search", "platypus").output
    assert "remember the platypus [x]" in text
    assert "dlstudy open 01#here" in text


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys\n"
        "from dlstudy.course.content import search\n"
        "from dlstudy.course.learner import notes, review, weeks\n"
        "search.Library().search('x')\n"
        "print([m for m in ('numpy', 'torch', 'marimo', 'anywidget') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
