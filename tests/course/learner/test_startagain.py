"""What "Write it again" does to a learner's own file of an answer."""

from __future__ import annotations

from pathlib import Path

from dlstudy.course.content.exercises import load_exercise
from dlstudy.course.learner import answerfiles, startagain


def test_an_own_file_goes_back_to_its_start_and_is_kept_in_the_backups(tmp_path: Path) -> None:
    item = load_exercise("01/flat-index")
    own = answerfiles.own_file(item, tmp_path)
    startagain.reset_file(tmp_path, item.id)
    assert not own.exists(), "who works in the page gets no file"
    own.parent.mkdir(parents=True)
    own.write_text(item.solution, encoding="utf-8")
    startagain.reset_file(tmp_path, item.id)
    assert own.read_text(encoding="utf-8") == item.stub_file
    (kept,) = (tmp_path / ".dlstudy" / "backups" / "answers" / "01" / "flat-index").iterdir()
    assert kept.read_text(encoding="utf-8") == item.solution
    startagain.reset_file(tmp_path, item.id)
    assert len(list(kept.parent.iterdir())) == 1, "a start is not worth a backup"
    startagain.reset_file(tmp_path, "01/none")
