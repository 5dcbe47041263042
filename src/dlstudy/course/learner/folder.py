"""The learner's own folder: lesson copies that are handed out once, upgraded when untouched, and never overwritten."""

import errno
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from dlstudy.course.content import paths
from dlstudy.course.content.lessonfile import LessonFile
from dlstudy.course.learner import private
from dlstudy.course.learner.atomic import sweep, write, write_new

SETTINGS = """\
# Settings of the page engine for this folder, written by dlstudy. Yours to change: an edited file is kept.
[tool.marimo.runtime]
auto_instantiate = true
auto_reload = "off"

[tool.marimo.display]
theme = "system"
default_width = "medium"
code_lens = false
reference_highlighting = false
cell_output = "below"

[tool.marimo.server]
transport = "websocket"

[tool.marimo.save]
autosave = "after_delay"
autosave_delay = 1000
format_on_save = false

[tool.marimo.completion]
copilot = false
activate_on_typing = true

[tool.marimo.ai]
enabled = false

[tool.marimo.sharing]
html = false
wasm = false
molab = false

[tool.marimo.language_servers.pylsp]
enabled = false
"""

_VERSION_LINE = re.compile(r"^marimo-version:.*\n?", re.MULTILINE)


class NotALearnerFolder(ValueError):
    """The folder cannot serve as a learner's folder; the message says why and what to do."""


@dataclass
class HandOut:
    """What `prepare` did, as lesson file names; `beside` holds the names of new versions put next to edited copies.

    `restored` says of pages that were empty where their text came from; `cut` names those that end in the middle.
    """

    new: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    restored: dict[str, str] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)


def content_hash(text: str) -> str:
    """Return a hash blind to what a save by the page engine changes: its version line, line ends, the last newline."""
    plain = _VERSION_LINE.sub("", text.replace("\r\n", "\n"), count=1).rstrip("\n")
    return hashlib.sha256(plain.encode("utf-8")).hexdigest()


def prepare(learner: Path | None = None, lessons: Path | None = None) -> HandOut:
    """Create or upgrade the learner's folder from the lessons that ship with the course.

    A lesson that the learner never changed is replaced by a newer version; one that was changed is kept, and the newer
    version is put beside it once, as `NN_Name.new.md`.

    Raises NotALearnerFolder: the folder is a source tree, another project, or in a place where nothing can be saved.
    """
    learner = learner or paths.learner_folder()
    lessons = lessons or paths.lessons_folder()
    make(learner)
    state = paths.state_folder(learner)
    try:
        for place in (learner, state, state / "handed-out", *(state / "backups").glob("*")):
            sweep(place)
        manifest = _read_manifest(learner)
        done = HandOut()
        for source in sorted(lessons.glob("*.md")):
            _hand_out(learner, source.name, source.read_text(encoding="utf-8"), manifest, done)
        _settings(learner, manifest)
        _write_manifest(learner, manifest)
        private.close_all(state)
    except OSError as error:
        raise _cannot_write(learner, error) from error
    return done


def make(learner: Path) -> None:
    """Make a learner's folder where there is none.

    Raises NotALearnerFolder: it cannot be one, or nothing can be written there; the message says why.
    """
    refuse(learner)
    try:
        private.make_folder(paths.state_folder(learner))
    except OSError as error:
        raise _cannot_write(learner, error) from error


def _cannot_write(learner: Path, error: OSError) -> NotALearnerFolder:
    full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None))
    cure = "Make room on that disk" if full else "Choose another folder: set DLSTUDY_LEARNER to its path"
    return NotALearnerFolder(f"Cannot write in {learner}: {error.strerror or error}. {cure}.")


def refuse(learner: Path) -> None:
    """Say why `learner` cannot be a learner's folder.

    Raises NotALearnerFolder: it is a file, the home folder, in a source tree of ours, another project, or under /tmp.
    """
    learner = learner.absolute()
    if learner.exists() and not learner.is_dir():
        raise NotALearnerFolder(f"Expected a folder for your work, found a file: {learner}")
    for folder in (learner, *learner.parents):
        if (folder / "src" / "dlstudy" / "__init__.py").is_file() or (folder / "dlstudy" / "_content").is_dir():
            raise NotALearnerFolder(
                f"{learner} lies in the course's own source ({folder}). Your work needs a folder of its own, which "
                "no update touches: set DLSTUDY_LEARNER to another path, or unset it to use dlstudy-learner at home."
            )
    if learner == Path.home():
        raise NotALearnerFolder(
            f"{learner} is your home folder. Choose a folder inside it, so that the lessons have a place of their own."
        )
    ours = paths.state_folder(learner).is_dir()
    for mark in (".git", "pyproject.toml", "setup.py"):
        if not ours and (learner / mark).exists():
            raise NotALearnerFolder(
                f"{learner} already holds another project (it has {mark}). Choose a folder that is new or empty."
            )
    if learner.as_posix().startswith("/tmp/"):
        raise NotALearnerFolder(
            f"{learner} lies under /tmp, where the page engine saves nothing. Choose a folder that lasts."
        )


def handed_out(learner: Path, file: str) -> str | None:
    """Return the version of a lesson that the learner's copy began as; None where that is lost."""
    try:
        text = _base(learner, file).read_text(encoding="utf-8")
    except OSError:
        return None
    return text if content_hash(text) == entry(learner, file).get("hash") else None


def entry(learner: Path, file: str) -> dict:
    """Return what the manifest says about a lesson: `hash` of what was handed out, `offered` of what lies beside."""
    return dict(_read_manifest(learner)["lessons"].get(file, {}))


def replace(learner: Path, file: str, text: str, shipped: str) -> None:
    """Give the learner's copy a new text that takes in the version `shipped`: from now on that is its beginning."""
    write(learner / file, text)
    manifest = _read_manifest(learner)
    _remember(learner, file, shipped, manifest)
    _write_manifest(learner, manifest)


def put_back(learner: Path, file: str, text: str, before: dict, base: str | None, beside: str) -> None:
    """Undo `replace`: the copy's text, its manifest entry and beginning, and the version beside it are as `before`."""
    write(learner / _beside_name(file), beside)
    write(learner / file, text)
    manifest = _read_manifest(learner)
    manifest["lessons"][file] = before
    if base is not None:
        write(_base(learner, file), base)
    _write_manifest(learner, manifest)


def reset_lesson(learner: Path, file: str, lessons: Path | None = None) -> Path | None:
    """Give the learner a fresh copy of a lesson; return where the old one is kept, or None where there was none.

    Raises FileNotFoundError: the course ships no lesson of that name.
    """
    fresh = _shipped(file, lessons).read_text(encoding="utf-8")
    kept = backup(learner, file)
    write(learner / file, fresh)
    manifest = _read_manifest(learner)
    known = manifest["lessons"].get(file, {})
    beside = learner / _beside_name(file)
    if beside.is_file() and content_hash(beside.read_text(encoding="utf-8")) == known.get("offered"):
        beside.unlink()
    _remember(learner, file, fresh, manifest)
    _write_manifest(learner, manifest)
    return kept


def reset_cell(learner: Path, file: str, cell: str, lessons: Path | None = None) -> Path:
    """Put one cell of the learner's copy back to the lesson's own; return where the copy as it was is kept.

    Raises LessonError: the learner's copy or the lesson has no cell of that name; nothing has been changed. Raises
    FileNotFoundError: there is no such lesson.
    """
    code = LessonFile.read(_shipped(file, lessons)).cell(cell).code
    page = LessonFile.read(learner / file)
    text = page.with_cell(cell, code)
    kept = backup(learner, file)
    assert kept is not None  # the copy has just been read
    write(learner / file, text)
    return kept


def backup(learner: Path, file: str) -> Path | None:
    """Copy a learner's lesson into `.dlstudy/backups/<lesson>/<time>.md`; None where there is nothing to keep."""
    source = learner / file
    return _copy_aside(source, learner, source.stem) if source.is_file() else None


def backup_answer(learner: Path, source: Path) -> Path:
    """Copy a learner's own file of an answer into `.dlstudy/backups/answers/NN/<name>/<time>.py`; return where."""
    return _copy_aside(source, learner, f"answers/{source.parent.name}/{source.stem}")


def backup_of_the_day(learner: Path, file: str) -> Path | None:
    """Copy a learner's page aside before its first change of a day; None where that was done today, or it is empty."""
    source = learner / file
    today = datetime.now().strftime("%Y-%m-%d")
    if any((_backups(learner) / source.stem).glob(f"{today}_*{source.suffix}")):
        return None
    return backup(learner, file) if source.is_file() and source.stat().st_size else None


def keep_aside(learner: Path, file: str, text: str) -> Path:
    """Keep a text of a page that is not to replace the file, beside the backups of that page; return where."""
    name = Path(file)
    return _new_file(_backups(learner) / name.stem, name.suffix, text.encode("utf-8"))


def _backups(learner: Path) -> Path:
    return paths.state_folder(learner) / "backups"


def _copy_aside(source: Path, learner: Path, place: str) -> Path:
    return _new_file(_backups(learner) / place, source.suffix, source.read_bytes())


def _new_file(folder: Path, suffix: str, data: bytes) -> Path:
    """Write a new file in `folder`, which is made, named after this moment: of several at once each has its own."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    number, target = 1, folder / f"{stamp}{suffix}"
    while not write_new(target, data):
        number += 1
        target = folder / f"{stamp}_{number}{suffix}"
    return target


def edited(learner: Path, file: str) -> bool:
    """Tell whether the learner's copy differs from what was handed out."""
    copy = learner / file
    handed_out = _read_manifest(learner)["lessons"].get(file, {}).get("hash")
    return copy.is_file() and content_hash(copy.read_text(encoding="utf-8")) != handed_out


def new_version(learner: Path, file: str) -> str | None:
    """Return the name of the newer version that lies beside an edited lesson, or None."""
    return _beside_name(file) if (learner / _beside_name(file)).is_file() else None


def _hand_out(learner: Path, file: str, shipped: str, manifest: dict, done: HandOut) -> None:
    copy = learner / file
    fresh = content_hash(shipped)
    known = manifest["lessons"].get(file, {})
    if not copy.exists():
        write(copy, shipped)
        _remember(learner, file, shipped, manifest)
        done.new.append(file)
        return
    text = copy.read_text(encoding="utf-8", errors="replace")
    if not text.strip():
        done.restored[file] = _restore(learner, file, shipped)
        text = copy.read_text(encoding="utf-8", errors="replace")
    elif is_cut(text):
        done.cut.append(file)
    current = content_hash(text)
    if current == fresh:
        _remember(learner, file, shipped, manifest)
        done.unchanged.append(file)
    elif current == known.get("hash"):
        write(copy, shipped)
        _remember(learner, file, shipped, manifest)
        done.replaced.append(file)
    else:
        done.kept.append(file)
        if fresh not in (known.get("hash"), known.get("offered")):
            write(learner / _beside_name(file), shipped)
            manifest["lessons"][file] = {**known, "offered": fresh}
            done.beside.append(_beside_name(file))


def damaged(learner: Path, lessons: Path | None = None) -> dict[str, str]:
    """Return the learner's pages of lessons that are empty or end in the middle -> what there is to put back."""
    found = {}
    for source in sorted((lessons or paths.lessons_folder()).glob("*.md")):
        try:
            text = (learner / source.name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if not text.strip() or is_cut(text):
            found[source.name] = _in_words(_whole_backup(learner, source.name))
    return found


def restore(learner: Path, file: str, lessons: Path | None = None) -> str:
    """Give a damaged page its newest whole backup, or the lesson's own text; return which, in words.

    What is left of it is backed up first. Raises FileNotFoundError: the course ships no lesson of that name.
    """
    shipped = _shipped(file, lessons).read_text(encoding="utf-8")
    if (learner / file).is_file() and (learner / file).stat().st_size:
        backup(learner, file)
    return _restore(learner, file, shipped)


def _restore(learner: Path, file: str, shipped: str) -> str:
    kept = _whole_backup(learner, file)
    write(learner / file, kept.read_text(encoding="utf-8", errors="replace") if kept else shipped)
    return _in_words(kept)


def _whole_backup(learner: Path, file: str) -> Path | None:
    for kept in sorted((_backups(learner) / Path(file).stem).glob("*.md"), key=_moment, reverse=True):
        text = kept.read_text(encoding="utf-8", errors="replace")
        if text.strip() and not is_cut(text):
            return kept
    return None


def _moment(kept: Path) -> tuple[str, int]:
    """Return what backups are sorted by: their second, and their number within it, "2026-11-28_14-03-09_2"."""
    day, second, *number = kept.stem.split("_")
    return f"{day}_{second}", int(number[0]) if number and number[0].isdigit() else 1


def _in_words(kept: Path | None) -> str:
    if kept is None:
        return "the lesson as it is handed out"
    day, second = kept.stem.split("_")[:2]
    return f"its backup of {day}, {second.replace('-', ':')}"


def is_cut(text: str) -> bool:
    """Tell whether a page ends within a box of code or within its first lines, as after a disk that was full."""
    if text.startswith("---\n") and "\n---\n" not in text[3:]:
        return True
    fence = ""
    for mark, rest in re.findall(r"^(`{3,})(.*)$", text, re.MULTILINE):
        if not fence:
            fence = mark
        elif len(mark) >= len(fence) and not rest.strip():
            fence = ""
    return bool(fence)


def _remember(learner: Path, file: str, shipped: str, manifest: dict) -> None:
    """Note that the copy begins as `shipped`, and keep that text: merging a later version needs it."""
    manifest["lessons"][file] = {"hash": content_hash(shipped)}
    base = _base(learner, file)
    if not base.is_file() or base.read_text(encoding="utf-8", errors="replace") != shipped:
        base.parent.mkdir(parents=True, exist_ok=True)
        write(base, shipped)


def _base(learner: Path, file: str) -> Path:
    return paths.state_folder(learner) / "handed-out" / file


def _settings(learner: Path, manifest: dict) -> None:
    target = learner / "pyproject.toml"
    fresh = content_hash(SETTINGS)
    if not target.exists() or content_hash(target.read_text(encoding="utf-8")) == manifest.get("settings"):
        write(target, SETTINGS)
        manifest["settings"] = fresh


def _shipped(file: str, lessons: Path | None) -> Path:
    folder = lessons or paths.lessons_folder()
    if Path(file).name != file or not (folder / file).is_file():
        raise FileNotFoundError(f"The course has no lesson file called {file!r}.")
    return folder / file


def _beside_name(file: str) -> str:
    return file.removesuffix(".md") + ".new.md"


def _manifest_path(learner: Path) -> Path:
    return paths.state_folder(learner) / "manifest.json"


def _read_manifest(learner: Path) -> dict:
    """Return the manifest; a missing or broken one reads as empty, so that every existing copy counts as edited."""
    try:
        manifest = json.loads(_manifest_path(learner).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = {}
    if not isinstance(manifest, dict) or not isinstance(manifest.get("lessons"), dict):
        manifest = {"format": 1, "lessons": {}}
    return manifest


def _write_manifest(learner: Path, manifest: dict) -> None:
    write(_manifest_path(learner), json.dumps(manifest, indent=1, sort_keys=True) + "\n")
