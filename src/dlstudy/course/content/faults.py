"""What a file of `exercises/` says wrong, in a sentence: msgspec's message in the file's own words."""

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

_WORDS = {"str": "a text", "int": "a whole number", "bool": "true or false", "array": "a list", "object": "a table"}


def sentence(message: str, facts: dict[str, Any], schema: type[Struct]) -> str:
    """Say msgspec's `message` in the file's own words: in which table, which key, what was expected, what is there."""
    problem, _, path = message.partition(" - at `$")
    tables, key, value, expected = _follow(path, facts, schema)
    place = "".join(f"{table}: " for table in tables)
    if name := re.match(r"Object (missing required|contains unknown) field `(.+)`", problem):
        known = f"unknown; known keys: {', '.join(_keys(expected))}"
        return f'{place}the key "{name[2]}" is {"missing" if name[1] == "missing required" else known}'
    if problem.startswith("Invalid enum value"):
        return f'{place}"{key}" must be one of {", ".join(_choices(expected))}, and is {value!r}'
    if not (kind := re.match(r"Expected `([^`]+)`(.*)", problem)):
        return place + problem  # a rule of ours
    words = " or ".join(_WORDS.get(word, word) for word in kind[1].split(" | ") if word != "null")
    words += " that is not empty" if re.search(r"regex|length >= 1", kind[2]) else ""
    return f'{place}"{key}" must be {words}, and is {value!r}'


def _follow(path: str, facts: Any, schema: type[Struct]) -> tuple[list[str], str, Any, Any]:
    """Follow msgspec's `path` (".wrong[0].hint") into the file.

    Returns the tables on the way, by their ids where they have any ('wrong "sum"'), the key at its end, the value that
    stands there and the schema's type of it.
    """
    from msgspec import inspect

    tables: list[str] = []
    key, value, expected = "", facts, _plain(inspect.type_info(schema))
    for name, place in re.findall(r"\.([\w-]+)|\[(\d+|\.\.\.)\]", path):
        if name:
            key, value = name, value[name]
            expected = next(_plain(field.type) for field in expected.fields if field.encode_name == name)
        elif place == "...":  # some key of a table of texts whose keys are free; msgspec does not say which
            tables.append(key)
            key, value = next(item for item in value.items() if not (isinstance(item[1], str) and item[1].strip()))
            expected = _plain(expected.value_type)
        else:
            value = value[int(place)]
            expected = _plain(next(part.item_type for part in _parts(expected) if hasattr(part, "item_type")))
            if isinstance(value, dict):
                tables.append(f'{key} "{value["id"]}"' if "id" in value else f"{key} {int(place) + 1}")
            else:
                key = f"{key} {int(place) + 1}"
    return tables, key, value, expected


def _plain(expected: Any) -> Any:
    """A type of `msgspec.inspect` without the notes around it."""
    return getattr(expected, "type", expected)


def _parts(expected: Any) -> Iterable[Any]:
    """The types that a union is made of; another type stands for itself."""
    return [_plain(part) for part in getattr(expected, "types", (expected,))]


def _keys(expected: Any) -> list[str]:
    return [field.encode_name for field in expected.fields]


def _choices(expected: Any) -> list[str]:
    return [value for part in _parts(expected) for value in getattr(part, "values", ())]
