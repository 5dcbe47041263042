"""Reads the files in which models are registered: `resnet.toml` beside `resnet.py`, and so for every family.

Such a file lists models, each with the fields of `registry.Entry` and, below it, its official weights with the fields
of `dlstudy.weights.catalogue.Checkpoint`:

    [defaults]                      # what all models of the file have alike, where they do not say otherwise
    lesson = 6

    [defaults.checkpoint]           # the same for those of them that have official weights
    source = "torchvision"

    [[models]]
    name = "resnet18"
    parameters = 11_689_512

    [models.checkpoint]
    multiply_adds = 1_814_073_344

In a text of the defaults, {name} stands for the name of the model.
"""

import difflib
import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

FOLDER = Path(__file__).parent

T = TypeVar("T")
Table = Mapping[str, Any]


class Misregistered(ValueError):
    """A file that registers models is not as it should be; the sentence names the file, the model and the field."""


@dataclass(frozen=True)
class Model:
    """What a file says of one model, its defaults filled in; nothing in it is checked yet."""

    family: str
    """The file's name, and that of the Python file beside it."""
    where: str
    """Of what a sentence about it speaks: "resnet.toml, resnet18"."""
    entry: Table
    checkpoint: Table | None
    """Its official weights; None where there are none."""


@dataclass(frozen=True)
class _Written:
    """A file as it is written."""

    models: tuple[dict[str, Any], ...]
    defaults: dict[str, Any] = field(default_factory=dict)


@functools.cache
def read(folder: Path) -> tuple[Model, ...]:
    """Return the models of every file in `folder`. Raises `Misregistered` where there are two of one name."""
    models: dict[str, Model] = {}
    for model in (model for path in sorted(folder.glob("*.toml")) for model in _models(path)):
        name = model.entry["name"]
        if name in models:
            raise Misregistered(f"{model.where}: there is another model of this name ({models[name].where})")
        models[name] = model
    return tuple(models.values())


def checked(table: Table, kind: type[T], where: str) -> T:
    """Return a table as a dataclass of this kind: no field is missing, each has its type, and none is unknown."""
    try:
        made = msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise Misregistered(f"{where}{_spoken(str(error))}") from error
    for place, name, known in _unknown(table, made):
        near = difflib.get_close_matches(name, known, n=1)
        raise Misregistered(f"{where}{place}: there is no field `{name}`; it has {', '.join(near or known)}")
    return made


def _spoken(complaint: str) -> str:
    """Return msgspec's complaint with the place in front, and in the words of TOML."""
    sentence, _, place = complaint.partition(" - at `$")
    sentence = re.sub("^Object missing required field (.*)", r"the field \1 is missing", sentence)
    sentence = sentence.replace("`object`", "`table`").replace(" | null", "")
    return f"{place.removesuffix('`')}: {sentence[0].lower()}{sentence[1:]}"


def _models(path: Path) -> Iterator[Model]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Misregistered(f"{path.name} cannot be read: {error}") from error
    if isinstance(table.get("models"), dict):
        raise Misregistered(f"{path.name}: [models.checkpoint] stands below no model; write [[models]] first")
    written = checked(table, _Written, path.name)
    of_all = _taken_out("checkpoint", written.defaults, f"{path.name}, defaults") or {}
    for number, own in enumerate(written.models, start=1):
        name = own.get("name")
        if not isinstance(name, str):
            raise Misregistered(f"{path.name}: model {number} has no name")
        where = f"{path.name}, {name}"
        checkpoint = _taken_out("checkpoint", own, where)
        filled = None if checkpoint is None else _filled(of_all, checkpoint, name)
        yield Model(path.stem, where, _filled(written.defaults, own, name), filled)


def _taken_out(name: str, table: dict[str, Any], where: str) -> Table | None:
    """Take a table out of another."""
    inner = table.pop(name, None)
    if not isinstance(inner, dict | None):
        raise Misregistered(f"{where}.{name}: expected a table, got {inner!r}")
    return inner


def _filled(defaults: Table, own: Table, name: str) -> Table:
    """Return a model's own fields and, of the defaults, those that it has not; so in the tables inside, too."""
    filled = {**own}
    for key, default in defaults.items():
        mine = own.get(key, {})
        if isinstance(default, dict) and isinstance(mine, dict):
            filled[key] = _filled(default, mine, name)
        elif key not in own:
            filled[key] = default.replace("{name}", name) if isinstance(default, str) else default
    return filled


def _unknown(table: Any, made: Any, place: str = "") -> Iterator[tuple[str, str, list[str]]]:
    """Yield the place and the name of each field that a dataclass does not have, and those that it has.

    msgspec passes over them in silence.
    """
    if is_dataclass(made):
        known = [field.name for field in fields(made)]
        for name, value in table.items():
            if name in known:
                yield from _unknown(value, getattr(made, name), f"{place}.{name}")
            else:
                yield place, name, known
    elif isinstance(made, tuple):
        for number, (value, part) in enumerate(zip(table, made, strict=True)):
            yield from _unknown(value, part, f"{place}[{number}]")
