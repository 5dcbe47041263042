"""Where the course's files are: the lessons that ship with the package, and the learner's own folder."""

import os
import re
from pathlib import Path

LEARNER_VARIABLE = "DLSTUDY_LEARNER"
CONTENT_VARIABLE = "DLSTUDY_CONTENT"


def content_root() -> Path:
    """Return the folder that holds `lessons/` and `exercises/`.

    That is the folder that ships; `$DLSTUDY_CONTENT` names another one, for somebody who writes lessons apart from the
    package (and for the tests).

    Raises FileNotFoundError: there is no `lessons` folder, so the installation is incomplete.
    """
    chosen = os.environ.get(CONTENT_VARIABLE, "").strip()
    return Path(chosen).expanduser().absolute() if chosen else shipped_root()


def shipped_root() -> Path:
    """Return the folder of the lessons and exercises that ship with the package.

    In a source tree that is the repository; in an installed wheel it is `dlstudy/_content`.

    Raises FileNotFoundError: neither place holds a `lessons` folder, so the installation is incomplete.
    """
    package = Path(__file__).resolve().parents[2]
    source_tree = package.parent.parent
    if package.parent.name == "src" and (source_tree / "pyproject.toml").is_file():
        return source_tree
    bundled = package / "_content"
    if (bundled / "lessons").is_dir():
        return bundled
    raise FileNotFoundError(
        f"The lessons are missing: expected them in {bundled}. Install the course again: pip install --force-reinstall "
        "dlstudy"
    )


def lessons_folder() -> Path:
    """Return the folder of the lessons as they ship; never written to by the course."""
    return content_root() / "lessons"


def exercises_folder() -> Path:
    """Return the folder of the exercises as they ship; never written to by the course."""
    return content_root() / "exercises"


def learner_folder() -> Path:
    """Return the learner's folder: `$DLSTUDY_LEARNER`, else `dlstudy-learner` in the home folder; it may not exist."""
    chosen = os.environ.get(LEARNER_VARIABLE, "").strip()
    return Path(chosen).expanduser().absolute() if chosen else Path.home() / "dlstudy-learner"


def is_page_name(name: str) -> bool:
    """Tell whether `name` is a plain Markdown file name: no folder, no parent, no hidden file, nothing new."""
    plain = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_. -]*\.md", name) is not None
    return plain and ".." not in name and len(name) <= 255


def has_page(name: str, learner: Path | None = None) -> bool:
    """Tell whether the learner's folder holds this page."""
    return is_page_name(name) and (learner or learner_folder()).joinpath(name).is_file()


def state_folder(learner: Path | None = None) -> Path:
    """Return the folder inside the learner's folder that holds progress, token, backups and cached results."""
    return (learner or learner_folder()) / ".dlstudy"


def progress_file(learner: Path | None = None) -> Path:
    """Return the path of the SQLite file with the learner's progress; it may not exist."""
    return state_folder(learner) / "progress.sqlite"


def answers_folder(number: int, learner: Path | None = None) -> Path:
    """Return where the answers to lesson `number` are for learners who use their own editor."""
    return (learner or learner_folder()) / "answers" / f"{number:02d}"


def answer_file(number: int, slug: str, learner: Path | None = None) -> Path:
    """Return the file of the answer to one exercise, for learners with their own editor; it may not exist."""
    return answers_folder(number, learner) / f"{slug}.py"
