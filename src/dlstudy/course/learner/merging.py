"""Put a learner's edited lesson and its newer version together, part by part, and take that back if it was wrong.

A page is a row of parts: its cells, by name, and the prose between them, a part for each heading. The version that was
handed out is kept in `.dlstudy`, so a part that only one side changed is decided by itself; only what both changed is a
question. Where that version is lost, everything that differs is one. The learner's text is backed up before anything is
written.
"""

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dlstudy.course.content import exercises, paths
from dlstudy.course.content.lessonfile import LessonFile
from dlstudy.course.learner import folder as learner

Side = Literal["yours", "new"]
Kind = Literal["front", "cell", "prose"]


class CannotMerge(ValueError):
    """There is nothing to put together, or it has changed meanwhile; the message says so."""


@dataclass(frozen=True)
class Part:
    """A piece of a page as it stands in the file, with the empty lines after it; `name` is a cell's name."""

    kind: Kind
    name: str
    text: str

    @property
    def body(self) -> str:
        """The text without the empty lines after it."""
        return self.text.strip("\n")

    @property
    def meaning(self) -> str:
        """What counts in a comparison: the page engine's save may write a cell's options in another order."""
        if self.kind != "cell":
            return self.body
        opening, _, rest = self.body.partition("\n")
        return " ".join(sorted(re.findall(r"[^\s{}`~]+", opening))) + "\n" + rest.rpartition("\n")[0]


_NOTHING = Part("prose", "", "")


@dataclass(frozen=True)
class Choice:
    """One place of the merged page: `yours`, `new` or both; `id` is stable as long as neither text changes.

    `default` is what is proposed and `why` says so in words; `open` tells whether it is worth the learner's look: both
    sides have something to say.
    """

    id: str
    yours: Part | None
    new: Part | None
    default: Side
    why: str
    open: bool

    @property
    def same(self) -> bool:
        """Whether there is nothing to choose."""
        return self.yours is not None and self.new is not None and self.yours.meaning == self.new.meaning

    @property
    def title(self) -> str:
        """What the place is called: the exercise, the cell's name, or the first words of the prose."""
        part = self.new or self.yours or _NOTHING
        if part.kind == "cell":
            return part.name or "a cell without a name"
        first = next((line for line in part.body.split("\n") if line.strip()), "")
        return first.lstrip("# ")[:80]


@dataclass(frozen=True)
class Merge:
    """Both versions of a page and the places where they meet; `stamp` tells whether one has changed since."""

    file: str
    choices: tuple[Choice, ...]
    stamp: str
    based: bool

    @property
    def differing(self) -> list[Choice]:
        """The places where something is to be seen; the lesson's facts at the top are always the new version's."""
        fronts = [choice.id for choice in self.choices if (choice.new or choice.yours or _NOTHING).kind == "front"]
        return [choice for choice in self.choices if not choice.same and choice.id not in fronts]

    def text(self, sides: Mapping[str, str] | None = None) -> str:
        """Return the merged page; a place that `sides` does not name gets its default."""
        chosen = []
        for choice in self.choices:
            side = (sides or {}).get(choice.id, choice.default)
            part = choice.yours if side == "yours" else choice.new
            if part is not None:
                chosen.append(part)
        return _joined(chosen)


def prepare(folder: Path, file: str) -> Merge:
    """Compare the learner's copy of `file` with the newer version that lies beside it.

    Raises CannotMerge: there is no newer version beside it, or one of the two cannot be read as a page.
    """
    newer = learner.new_version(folder, file)
    if newer is None or not (folder / file).is_file():
        raise CannotMerge("There is no newer version beside this page: it is up to date.")
    mine, fresh = _read(folder / file), _read(folder / newer)
    base = learner.handed_out(folder, file)
    stamp = hashlib.sha256(f"{mine}\0{fresh}".encode()).hexdigest()[:16]
    return Merge(file, tuple(choices(file, mine, fresh, base)), stamp, base is not None)


def choices(file: str, mine: str, fresh: str, base: str | None = None) -> list[Choice]:
    """Return the places of the merged page in the new version's order, with the learner's own parts where they stood.

    Raises CannotMerge: a text cannot be read as a page; the message names the line.
    """
    yours, news = parts(mine, file), parts(fresh, file)
    olds = parts(base, file) if base is not None else []
    partner = _matched(yours, news)
    old_of_yours, old_of_new = _matched(yours, olds), _matched(news, olds)
    taken = set(partner.values())
    mine_of = {new: own for own, new in partner.items()}
    found: list[Choice] = []

    def alone(number: int) -> Choice:
        part = yours[number]
        was = olds[old_of_yours[number]] if number in old_of_yours else None
        if was is not None and was.meaning == part.meaning:
            return _choice(part, None, "new", "The new version leaves this out, and you had not changed it.", False)
        if was is not None:
            return _choice(part, None, "yours", "The new version leaves this out, and you had changed it.", True)
        return _choice(part, None, "yours", "Only your page has this.", base is None)

    def own_after(number: int) -> list[Choice]:
        """The learner's parts without a partner that follow part `number` of their page."""
        extra = []
        for later in range(number + 1, len(yours)):
            if later in partner:
                break
            extra.append(alone(later))
        return extra

    found += own_after(-1)
    for number, part in enumerate(news):
        if number not in taken:
            was = olds[old_of_new[number]] if number in old_of_new else None
            if was is not None and was.meaning == part.meaning:
                found.append(_choice(None, part, "yours", "You had taken this out, and it has not changed.", False))
            else:
                found.append(_choice(None, part, "new", "The new version adds this.", False))
            continue
        own = mine_of[number]
        was = olds[old_of_yours[own]] if own in old_of_yours else None
        found.append(_both(file, yours[own], part, was))
        found += own_after(own)
    return found


def apply(folder: Path, file: str, sides: Mapping[str, str], stamp: str) -> Path:
    """Write the merged page over the learner's copy and take the newer version away; return where the copy is kept.

    Raises CannotMerge: one of the two has changed since `stamp` was made, or the result is no page.
    """
    merge = prepare(folder, file)
    if merge.stamp != stamp:
        raise CannotMerge("Your page or its new version has changed meanwhile. Load this view again; nothing is lost.")
    text = merge.text(sides)
    parts(text, file)  # what cannot be read again is not written
    newer = folder / (learner.new_version(folder, file) or "")
    fresh = _read(newer)
    before: dict[str, object] = {
        "manifest": learner.entry(folder, file),
        "base": learner.handed_out(folder, file),
        "new": fresh,
    }
    kept = learner.backup(folder, file)
    assert kept is not None  # it has just been read
    learner.replace(folder, file, text, fresh)
    before["backup"] = kept.name
    _record(folder, file).parent.mkdir(parents=True, exist_ok=True)
    learner.write(_record(folder, file), json.dumps(before))
    newer.unlink()
    return kept


def can_undo(folder: Path, file: str) -> bool:
    """Whether the last merge of this page can be taken back."""
    return _record(folder, file).is_file()


def undo(folder: Path, file: str) -> Path:
    """Take the last merge back: the learner's copy and the version beside it are as before.

    The merged page is backed up too; return where.

    Raises CannotMerge: there is no merge to take back.
    """
    try:
        before = json.loads(_record(folder, file).read_text(encoding="utf-8"))
        mine = _read(paths.state_folder(folder) / "backups" / Path(file).stem / before["backup"])
        fresh = before["new"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotMerge("There is nothing to take back for this page.") from error
    kept = learner.backup(folder, file)
    assert kept is not None
    learner.put_back(folder, file, mine, before.get("manifest") or {}, before.get("base"), fresh)
    _record(folder, file).unlink(missing_ok=True)
    return kept


# ---- taking a page apart --------------------------------------------------------------------------------------------


def parts(text: str, name: str = "page.md") -> list[Part]:
    """Take a page apart; its parts in a row are the text again.

    Raises CannotMerge: the text is no page.
    """
    text = text.replace("\r\n", "\n")
    try:
        page = LessonFile.parse(text, Path(name))
    except ValueError as error:
        raise CannotMerge(str(error)) from error
    lines = text.split("\n")
    cells = {cell.start_line: cell for cell in page.cells}
    headings = {section.line for section in page.sections}
    prose = {number for number, _ in page.prose}
    starts: list[tuple[int, Kind, str]] = []
    number = 1
    if lines and lines[0].strip() == "---" and page.front:
        starts.append((1, "front", ""))
        number = next(at for at in range(2, len(lines) + 1) if lines[at - 1].strip() == "---") + 1
    inside = "front" if starts else ""
    while number <= len(lines):
        if number in cells:
            starts.append((number, "cell", cells[number].name))
            number, inside = cells[number].end_line + 1, "cell"
            continue
        blank = not lines[number - 1].strip()
        if not blank and (inside != "prose" or (number in headings and number in prose)):
            starts.append((number, "prose", ""))
            inside = "prose"
        number += 1
    if starts and starts[0][0] > 1:
        starts[0] = (1, *starts[0][1:])
    ends = [start for start, _, _ in starts[1:]] + [len(lines) + 1]
    found = []
    for (start, kind, cell), end in zip(starts, ends):
        piece = "\n".join(lines[start - 1 : end - 1])
        found.append(Part(kind, cell, piece + ("\n" if end <= len(lines) else "")))
    return found


def _joined(chosen: Sequence[Part]) -> str:
    """The parts in a row, with an empty line between two of them where they would run together."""
    text = ""
    for place, part in enumerate(chosen):
        if place == len(chosen) - 1:
            text += part.text.rstrip("\n")
        elif part.text.endswith("\n\n") or (part.text.endswith("\n") and chosen[place + 1].text[:1] in "#`~"):
            text += part.text
        else:
            text += part.text.rstrip("\n") + "\n\n"
    return text


def _matched(left: Sequence[Part], right: Sequence[Part]) -> dict[int, int]:
    """Return which part of `right` each part of `left` corresponds to: cells by name, prose by heading or likeness."""
    found = _same_names(left, right)
    for key in (lambda part: part.meaning, _first_line):
        found |= _same_keys(left, right, found, key)
    return found | _alike(left, right, found)


def _same_names(left: Sequence[Part], right: Sequence[Part]) -> dict[int, int]:
    """Match the cells that have a name, and the facts at the top."""
    there = {(part.kind, part.name): number for number, part in enumerate(right) if _has_name(part)}
    names = {number: (part.kind, part.name) for number, part in enumerate(left) if _has_name(part)}
    return {number: there[name] for number, name in names.items() if name in there}


def _has_name(part: Part) -> bool:
    return bool(part.name) or part.kind == "front"


def _same_keys(
    left: Sequence[Part], right: Sequence[Part], found: Mapping[int, int], key: Callable[[Part], str]
) -> dict[int, int]:
    """Match those that are left of the parts without a name by what `key` says of them, first with first."""
    taken = set(found.values())
    free: dict[str, list[int]] = {}
    for number, part in enumerate(right):
        if number not in taken and not part.name and key(part):
            free.setdefault(key(part), []).append(number)
    more = {}
    for number, part in enumerate(left):
        if number not in found and not part.name and free.get(key(part)):
            more[number] = free[key(part)].pop(0)
    return more


def _alike(left: Sequence[Part], right: Sequence[Part], found: Mapping[int, int]) -> dict[int, int]:
    """Match what is left between the same two neighbours by its words, where more than half of them are the same."""
    matched = dict(found)
    for number, part in enumerate(left):
        if number in matched or part.name:
            continue
        taken = set(matched.values())
        near = [
            other
            for other in _between(matched, number, len(right))
            if other not in taken and right[other].kind == part.kind and not right[other].name
        ]
        scored = [(_likeness(part.body, right[other].body), other) for other in near]
        if scored and max(scored)[0] > 0.5:
            matched[number] = max(scored)[1]
    return matched


def _between(matched: Mapping[int, int], number: int, end: int) -> range:
    """Return the places on the right between the partners of the nearest matched parts before and after `number`."""
    before = max((matched[other] for other in matched if other < number), default=-1)
    after = min((matched[other] for other in matched if other > number and matched[other] > before), default=end)
    return range(before + 1, after)


def _first_line(part: Part) -> str:
    line = part.body.split("\n", 1)[0]
    return line if part.kind == "prose" and line.startswith("#") else ""


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.split(), other.split(), autojunk=False).ratio()


def _both(file: str, mine: Part, fresh: Part, was: Part | None) -> Choice:
    if mine.meaning == fresh.meaning:
        return _choice(mine, fresh, "new", "Both are the same.", False)
    if mine.kind == "front":
        return _choice(mine, fresh, "new", "The lesson's facts are the new version's.", False)
    if was is not None and was.meaning == mine.meaning:
        return _choice(mine, fresh, "new", "You had not changed this; the new version has.", False)
    if was is not None and was.meaning == fresh.meaning:
        return _choice(mine, fresh, "yours", "You changed this; the new version has not.", False)
    if exercises.slug_of(mine.name) is not None:
        if _is_stub(file, mine):
            return _choice(mine, fresh, "new", "You had not begun this answer.", False)
        return _choice(mine, fresh, "yours", "This is your answer.", True)
    both = "Both changed this." if was is not None else "The two differ, and nothing tells which of you changed it."
    return _choice(mine, fresh, "new", both, True)


def _is_stub(file: str, part: Part) -> bool:
    try:
        code = "\n".join(part.body.split("\n")[1:-1])
        return exercises.load_exercise(f"{file[:2]}/{exercises.slug_of(part.name)}").is_stub(code)
    except (ValueError, OSError):
        return False


def _choice(mine: Part | None, fresh: Part | None, default: Side, why: str, open_: bool) -> Choice:
    key = "\0".join((part.kind + part.name + part.text) if part else "" for part in (mine, fresh))
    return Choice(hashlib.sha256(key.encode()).hexdigest()[:12], mine, fresh, default, why, open_)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CannotMerge(f"{path.name} is not UTF-8 text.") from error


def _record(folder: Path, file: str) -> Path:
    return paths.state_folder(folder) / "merges" / f"{file}.json"
