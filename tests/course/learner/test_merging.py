"""An edited lesson and its newer version: what is proposed, what is never lost, and that it can be taken back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dlstudy.course.content import paths
from dlstudy.course.content.lessonfile import LessonFile
from dlstudy.course.learner import folder as learner
from dlstudy.course.learner import merging
from dlstudy.course.learner.merging import CannotMerge, choices, parts

FILE = "01_Tensors_and_Autograd.md"
HEAD = "---\ntitle: Tensors and Autograd\nnumber: '1'\n---\n\n"


def cell(name: str, code: str) -> str:
    return f'```python {{.marimo name="{name}"}}\n{code}\n```\n\n'


OLD = (
    HEAD
    + "# Tensors\n\nOld words of the beginning.\n\n"
    + cell("imports", "import numpy as np")
    + "## Strides\n\nA stride is a step.\n\n```python\n# not a heading\n```\n\n"
    + cell("shown", "np.arange(3)")
    + "### Exercise\n\nDouble it.\n\n"
    + cell("exercise_double", "def double(x):\n    raise NotImplementedError('your turn')")
    + "## The end\n\nGood bye."
)
NEW = (
    OLD.replace("Old words of the beginning.", "New words of the beginning.")
    .replace("np.arange(3)", "np.arange(4)")
    .replace("## The end", cell("added", "print('fresh')") + "## The end")
    .replace("'your turn'", "'now you'")
)
MINE = (
    OLD.replace("raise NotImplementedError('your turn')", "return 2 * x")
    .replace("A stride is a step.", "A stride is a step. (I see!)")
    .replace("## The end", cell("mine", "my_trial = 1") + "## The end")
)


def names(text: str) -> list[str]:
    return [one.name for one in LessonFile.parse(text, Path(FILE)).cells]


def merged(mine: str, fresh: str, base: str | None, sides: dict[str, str] | None = None) -> str:
    return merging.Merge(FILE, tuple(choices(FILE, mine, fresh, base)), "", base is not None).text(sides)


def find(found: list[merging.Choice], title: str) -> merging.Choice:
    (choice,) = [choice for choice in found if choice.title == title]
    return choice


@pytest.mark.parametrize("path", sorted(paths.lessons_folder().glob("*.md")), ids=lambda path: path.stem)
def test_the_parts_of_a_lesson_are_the_lesson(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = parts(text, path.name)
    assert "".join(part.text for part in found) == text
    assert [part.name for part in found if part.kind == "cell"] == [one.name for one in LessonFile.read(path).cells]
    assert merged(text, text, None) == text.rstrip("\n")
    for part in found:
        assert (
            part.kind != "prose"
            or sum(line.startswith("# ") for line in part.body.split("\n")) <= 1
            or "```" in part.body
        )


def test_answers_and_changes_of_ones_own_stay_and_the_rest_is_new() -> None:
    text = merged(MINE, NEW, OLD)
    assert "New words of the beginning." in text
    assert "np.arange(4)" in text
    assert "return 2 * x" in text
    assert "'now you'" not in text
    assert "A stride is a step. (I see!)" in text, "only the learner changed it"
    assert names(text) == ["imports", "shown", "exercise_double", "mine", "added"]


def test_only_what_both_changed_is_open() -> None:
    found = choices(FILE, MINE, NEW, OLD)
    assert [choice.title for choice in found if choice.open] == ["exercise_double"]
    assert find(found, "exercise_double").why == "This is your answer."
    assert find(found, "shown").why == "You had not changed this; the new version has."
    assert find(found, "Strides").default == "yours"
    both = MINE.replace("Old words", "My own words")
    opening = find(choices(FILE, both, NEW, OLD), "Tensors")
    assert (opening.open, opening.default, opening.why) == (True, "new", "Both changed this.")


def test_without_the_first_version_answers_are_kept_and_text_is_new() -> None:
    found = choices(FILE, MINE, NEW, None)
    text = merged(MINE, NEW, None)
    assert "return 2 * x" in text
    assert "my_trial = 1" in text
    assert "New words of the beginning." in text
    assert "(I see!)" not in text
    assert find(found, "Strides").open, "nothing tells who changed it, so it is shown"
    assert find(found, "mine").open


def test_a_part_of_ones_own_at_the_very_beginning_stays_there() -> None:
    old = cell("a", "x = 1") + "The end."
    mine = cell("mine", "y = 2") + old
    assert merged(mine, old.replace("x = 1", "x = 3"), old) == cell("mine", "y = 2") + old.replace("x = 1", "x = 3")


def test_a_part_that_the_new_version_leaves_out() -> None:
    without = NEW.replace(cell("shown", "np.arange(4)"), "")
    assert "shown" not in names(merged(OLD, without, OLD))
    changed = OLD.replace("np.arange(3)", "np.arange(99)")
    gone = find(choices(FILE, changed, without, OLD), "shown")
    assert (gone.default, gone.open) == ("yours", True)
    assert "np.arange(99)" in merged(changed, without, OLD)
    assert "np.arange(99)" not in merged(changed, without, OLD, {gone.id: "new"})


def test_a_part_that_the_learner_took_out_stays_out_unless_it_is_new() -> None:
    mine = OLD.replace(cell("shown", "np.arange(3)"), "")
    assert "shown" not in names(merged(mine, OLD, OLD))
    assert "shown" in names(merged(mine, NEW, OLD)), "it has changed since"
    assert "shown" in names(merged(mine, OLD, None)), "where nothing is known, nothing is left out"


def test_an_answer_that_was_not_begun_gets_the_new_start(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = paths.exercises_folder() / "01" / "flat-index"
    from dlstudy.course.content.exercises import load_exercise

    start = load_exercise("01/flat-index").stub
    assert stub.is_dir()
    old = HEAD + cell("exercise_flat_index", start) + "The end."
    new = HEAD + cell("exercise_flat_index", start.replace("your turn", "now you")) + "The end."
    assert find(choices(FILE, old, new, None), "exercise_flat_index").why == "You had not begun this answer."
    assert "now you" in merged(old, new, None)
    begun = old.replace("raise NotImplementedError", "return 7  # NotImplementedError")
    assert "return 7" in merged(begun, new, None)


def test_a_save_that_writes_a_cells_options_in_another_order_is_no_change() -> None:
    one = HEAD + '```python {.marimo name="a" hide_code="true"}\nx = 1\n```\n\nEnd.'
    other = HEAD + '```python {.marimo hide_code="true" name="a"}\nx = 1\n```\n\nEnd.'
    assert [choice.open for choice in choices(FILE, one, other, None) if not choice.same] == []
    shown = other.replace('hide_code="true" ', "")
    assert len([choice for choice in choices(FILE, one, shown, None) if not choice.same]) == 1


@pytest.mark.parametrize(
    ("left", "right", "partners"),
    [
        # cells by their names, in whatever order and with whatever text
        (cell("a", "1") + cell("b", "2"), cell("b", "3") + cell("c", "4") + cell("a", "5"), {0: 2, 1: 0}),
        # prose by its text, the first of two that are the same with the first
        ("# T\n\nsame\n\n## U\n\nsame", "# T\n\nsame\n\n## U\n\nsame", {0: 0, 1: 1}),
        # then by its heading, though the words differ
        ("## One\n\na b c\n\n## Two\n\nd", "## Two\n\nx y z\n\n## One\n\nq", {0: 1, 1: 0}),
        # then by likeness, between the same two neighbours
        (
            cell("a", "1") + "one two three four\n\n" + cell("b", "2"),
            cell("a", "1") + "one two three five\n\n" + cell("b", "2"),
            {0: 0, 1: 1, 2: 2},
        ),
        # half of the words are not enough
        (
            cell("a", "1") + "one two six seven\n\n" + cell("b", "2"),
            cell("a", "1") + "one two three five\n\n" + cell("b", "2"),
            {0: 0, 2: 2},
        ),
        # and beyond a neighbour nothing is alike
        (
            cell("a", "1") + "one two three four\n\n" + cell("b", "2"),
            cell("a", "1") + cell("b", "2") + "one two three five\n\n",
            {0: 0, 2: 1},
        ),
    ],
)
def test_which_part_corresponds_to_which(left: str, right: str, partners: dict[int, int]) -> None:
    assert merging._matched(parts(left), parts(right)) == partners


def test_every_choice_can_be_turned_round() -> None:
    found = choices(FILE, MINE, NEW, OLD)
    assert merged(MINE, NEW, OLD, {choice.id: "new" for choice in found}) == NEW
    mine = merged(MINE, NEW, OLD, {choice.id: "yours" for choice in found})
    assert mine == MINE


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("based", [True, False])
def test_nothing_of_the_learners_own_is_lost_whatever_is_edited_and_chosen(seed: int, based: bool) -> None:
    """Edit both sides at random: by default every answer and every part that only the learner has is in the result."""
    chance = random.Random(seed)
    old = parts(OLD, FILE)

    def edited(mark: str) -> str:
        pieces = []
        for part in old:
            text = part.text
            act = chance.random()
            if part.kind != "front" and act < 0.15:
                continue
            if part.kind == "prose" and act < 0.4:
                text = text.rstrip("\n") + f" {mark}{chance.randrange(99)}\n\n"
            if part.kind == "cell" and act < 0.4:
                text = text.replace("\n```\n", f"\nx_{mark} = {chance.randrange(99)}\n```\n")
            pieces.append(text if text.endswith("\n\n") else text + "\n\n")
            if act > 0.85:
                pieces.append(cell(f"{mark}_{len(pieces)}", f"{mark} = {len(pieces)}"))
        return "".join(pieces).rstrip("\n")

    mine, fresh = edited("mine"), edited("fresh")
    found = choices(FILE, mine, fresh, OLD if based else None)
    text = merged(mine, fresh, OLD if based else None)
    result = names(text)
    assert len(result) == len(set(result))
    for one in parts(mine, FILE):
        if one.name.startswith(("mine_", "exercise_")) and "x_mine" in one.text + one.name.replace("mine_", "x_mine"):
            assert one.body in text
    assert merged(mine, fresh, None, {choice.id: "new" for choice in choices(FILE, mine, fresh, None)}) == fresh
    for choice in found:  # each text of each side is somewhere to be chosen
        assert choice.yours or choice.new
    for side, whole in (("yours", mine), ("new", fresh)):
        shown = [getattr(choice, side).body for choice in found if getattr(choice, side)]
        assert sorted(shown) == sorted(part.body for part in parts(whole, FILE))
    sides = {choice.id: chance.choice(("yours", "new")) for choice in found}
    parts(merged(mine, fresh, None, sides), FILE)


# ---- in the learner's folder ----------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A learner who changed the first version, and for whom the second one has come."""
    monkeypatch.setattr(learner, "refuse", lambda folder: None)
    shipped, home = tmp_path / "lessons", tmp_path / "learner"
    shipped.mkdir()
    (shipped / FILE).write_text(OLD, encoding="utf-8")
    learner.prepare(home, shipped)
    (home / FILE).write_text(MINE, encoding="utf-8")
    (shipped / FILE).write_text(NEW, encoding="utf-8")
    assert learner.prepare(home, shipped).beside == ["01_Tensors_and_Autograd.new.md"]
    return home


def again(folder: Path) -> learner.HandOut:
    return learner.prepare(folder, folder.parent / "lessons")


def test_the_first_version_is_known_and_merging_takes_the_second_away(folder: Path) -> None:
    merge = merging.prepare(folder, FILE)
    assert merge.based
    kept = merging.apply(folder, FILE, {}, merge.stamp)
    assert kept.read_text(encoding="utf-8") == MINE
    assert (folder / FILE).read_text(encoding="utf-8") == merge.text()
    assert learner.new_version(folder, FILE) is None
    assert learner.handed_out(folder, FILE) == NEW
    assert again(folder).kept == [FILE]
    assert learner.new_version(folder, FILE) is None, "what was taken in is not offered again"
    with pytest.raises(CannotMerge, match="up to date"):
        merging.prepare(folder, FILE)
    (folder.parent / "lessons" / FILE).write_text(NEW.replace("New words", "Newest words"), encoding="utf-8")
    again(folder)
    third = merging.prepare(folder, FILE)
    assert third.based
    assert [choice.title for choice in third.differing if choice.default == "new"] == ["Tensors"]


def test_taking_it_back_restores_both_files_and_what_is_known_of_them(folder: Path) -> None:
    beside = folder / "01_Tensors_and_Autograd.new.md"
    manifest = learner.entry(folder, FILE)
    merge = merging.prepare(folder, FILE)
    assert not merging.can_undo(folder, FILE)
    merging.apply(folder, FILE, {}, merge.stamp)
    assert merging.can_undo(folder, FILE)
    later = (folder / FILE).read_text(encoding="utf-8") + "\n\nwritten later"
    (folder / FILE).write_text(later, encoding="utf-8")
    assert merging.undo(folder, FILE).read_text(encoding="utf-8") == later
    assert (folder / FILE).read_text(encoding="utf-8") == MINE
    assert beside.read_text(encoding="utf-8") == NEW
    assert learner.entry(folder, FILE) == manifest
    assert learner.handed_out(folder, FILE) == OLD
    assert merging.prepare(folder, FILE) == merge
    assert not merging.can_undo(folder, FILE)
    with pytest.raises(CannotMerge, match="nothing to take back"):
        merging.undo(folder, FILE)


def test_a_change_while_one_chooses_is_noticed_and_nothing_is_written(folder: Path) -> None:
    merge = merging.prepare(folder, FILE)
    (folder / FILE).write_text(MINE + " more", encoding="utf-8")
    with pytest.raises(CannotMerge, match="changed meanwhile"):
        merging.apply(folder, FILE, {}, merge.stamp)
    assert (folder / FILE).read_text(encoding="utf-8") == MINE + " more"
    assert learner.new_version(folder, FILE)


def test_a_folder_that_has_lost_the_first_version_merges_all_the_same(folder: Path) -> None:
    (folder / ".dlstudy" / "handed-out" / FILE).unlink()
    merge = merging.prepare(folder, FILE)
    assert not merge.based
    merging.apply(folder, FILE, {}, merge.stamp)
    merging.undo(folder, FILE)
    assert (folder / FILE).read_text(encoding="utf-8") == MINE
    assert not merging.prepare(folder, FILE).based


def test_a_page_that_cannot_be_read_is_a_sentence(folder: Path) -> None:
    (folder / FILE).write_text(MINE + "\n\n```python\nnever closed", encoding="utf-8")
    with pytest.raises(CannotMerge, match="never closed"):
        merging.prepare(folder, FILE)
    (folder / FILE).write_bytes(b"\xff")
    with pytest.raises(CannotMerge, match="UTF-8"):
        merging.prepare(folder, FILE)
