"""The folders, in a source tree and in an installed package."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dlstudy.course.content import paths

ASK = "from dlstudy.course.content import paths; print(paths.lessons_folder())"


def test_a_source_tree_is_its_own_content() -> None:
    root = Path(__file__).resolve().parents[3]
    assert paths.content_root() == root
    assert paths.exercises_folder() == root / "exercises"


def installed(folder: Path, *, content: bool) -> "subprocess.CompletedProcess[str]":
    """Ask a copy of the package that lies as an installed one does."""
    package = folder / "site-packages" / "dlstudy"
    (package / "course" / "content").mkdir(parents=True)
    for name in ("__init__.py", "course/__init__.py", "course/content/__init__.py", "course/content/paths.py"):
        shutil.copy(Path(paths.__file__).parents[2] / name, package / name)
    if content:
        (package / "_content" / "lessons").mkdir(parents=True)
    # -S leaves the development installation out.
    command = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(package.parent)!r}); {ASK}"]
    return subprocess.run(command, capture_output=True, text=True)


def test_an_installed_package_carries_its_content(tmp_path: Path) -> None:
    done = installed(tmp_path, content=True)
    assert done.stdout.strip() == str(tmp_path / "site-packages" / "dlstudy" / "_content" / "lessons"), done.stderr


def test_a_package_without_its_content_says_so(tmp_path: Path) -> None:
    done = installed(tmp_path, content=False)
    assert done.returncode == 1
    assert "The lessons are missing" in done.stderr
    assert "--force-reinstall dlstudy" in done.stderr


def test_the_learner_s_folder_is_chosen_or_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv(paths.LEARNER_VARIABLE, raising=False)
    assert paths.learner_folder() == tmp_path / "dlstudy-learner"
    monkeypatch.setenv(paths.LEARNER_VARIABLE, "~/my course")
    assert paths.learner_folder() == tmp_path / "my course"
    assert paths.progress_file() == tmp_path / "my course" / ".dlstudy" / "progress.sqlite"
    assert paths.answer_file(1, "flat-index") == tmp_path / "my course" / "answers" / "01" / "flat-index.py"
    assert paths.state_folder(tmp_path / "x") == tmp_path / "x" / ".dlstudy"
