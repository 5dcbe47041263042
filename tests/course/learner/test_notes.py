"""A learner's notes: written, changed, removed and brought back, and never lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dlstudy.course.learner import notes
from dlstudy.course.learner.progress import Progress

PAGE = "01_Tensors_and_Autograd.md"


@pytest.fixture
def progress(tmp_path: Path):
    with Progress(tmp_path / "progress.sqlite") as progress:
        yield progress


def texts(progress: Progress) -> list[str]:
    return [note.text for note in notes.all_notes(progress)]


def test_a_note_is_written_changed_removed_and_brought_back(progress: Progress) -> None:
    mark = notes.save(progress, PAGE, "strides", "2. Strides")
    (note,) = notes.all_notes(progress)
    assert (note.id, note.address, note.title, note.text) == (mark, f"{PAGE}#strides", "2. Strides", "")
    assert notes.save(progress, PAGE, "ignored", "ignored", "first words", mark) == mark
    notes.save(progress, PAGE, "", "", "other words\nand more", mark)
    (note,) = notes.all_notes(progress)
    assert (note.text, note.place, note.title) == ("other words\nand more", "strides", "2. Strides")
    assert notes.notes_on(progress, "Glossary.md") == []
    notes.remove(progress, mark)
    assert notes.all_notes(progress) == []
    with pytest.raises(ValueError, match="no longer there"):
        notes.save(progress, PAGE, "", "", "x", mark)
    notes.restore(progress, mark)
    assert texts(progress) == ["other words\nand more"]
    kept = [row[0] for row in progress.rows("SELECT text FROM notes ORDER BY id")]
    assert kept[:3] == ["", "first words", "other words\nand more"], "every version stays in the file"


def test_the_note_written_last_comes_first(progress: Progress) -> None:
    first = notes.save(progress, PAGE, "a", "A", "one")
    notes.save(progress, PAGE, "b", "B", "two")
    assert texts(progress) == ["two", "one"]
    notes.save(progress, PAGE, "a", "A", "one again", first)
    assert texts(progress) == ["one again", "two"]


def test_no_reset_touches_notes(progress: Progress) -> None:
    notes.save(progress, PAGE, "a", "A", "mine")
    progress.reset("01")
    progress.reset()
    assert texts(progress) == ["mine"]


@pytest.mark.parametrize("seed", range(4))
def test_two_machines_meet_and_the_newest_version_of_each_note_counts(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with Progress(tmp_path / "a.sqlite") as a, Progress(tmp_path / "b.sqlite") as b:
        common = notes.save(a, PAGE, "s", "S", "from both")
        b.import_(a.export(tmp_path / "start"))
        newest = ""
        for step in range(6):
            where = chance.choice((a, b))
            newest = f"version {step}"
            notes.save(where, PAGE, "s", "S", newest, common)
        notes.save(a, PAGE, "", "only a", "only a")
        notes.save(b, PAGE, "", "only b", "only b")
        to_b, to_a = a.export(tmp_path / "to_b"), b.export(tmp_path / "to_a")
        a.import_(to_a)
        b.import_(to_b)
        assert b.import_(to_b) == 0
        assert sorted(texts(a)) == sorted(texts(b)) == sorted([newest, "only a", "only b"])
        assert len(a.rows("SELECT 1 FROM notes")) == len(b.rows("SELECT 1 FROM notes")) == 9


def test_a_note_that_was_removed_later_stays_removed_after_an_import(progress: Progress, tmp_path: Path) -> None:
    mark = notes.save(progress, PAGE, "", "A", "gone")
    file = progress.export(tmp_path / "before")
    notes.remove(progress, mark)
    progress.import_(file)
    assert notes.all_notes(progress) == []


def test_any_text_is_kept_and_far_too_much_is_refused_with_a_sentence(progress: Progress) -> None:
    for text in ("é 漢 🎉 '\"; DROP TABLE notes;", "half \ud800", "x" * notes.LONGEST):
        notes.save(progress, PAGE, "", "", text)
        assert texts(progress)[0] == text.replace("\ud800", "?")
    with pytest.raises(ValueError, match="up to 20,000 characters"):
        notes.save(progress, PAGE, "", "", "x" * (notes.LONGEST + 1))
