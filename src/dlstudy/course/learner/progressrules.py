"""What a progress file may hold: its tables, and the types, ranges and sizes of their values.

A file of somebody else's making is taken over only as far as it keeps to this, and the learner's own file counts as
damaged where it does not: what reads the rows can rely on them. Only the standard library is used, as in `progress`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache

LONGEST_NAME = 2_000
"""Bytes of an identifier, a title or a chosen option."""
LONGEST_TEXT = 4_000_000
"""Bytes of an answer or a note."""
LARGEST_FILE = 1 << 28
"""Bytes of a file that is taken over; ten years of work take a tenth of it."""

_SIZE = "typeof({0}) = 'text' AND length(CAST({0} AS BLOB))"
_NAME = f"{_SIZE} <= {LONGEST_NAME}"
_TEXT = f"{_SIZE} <= {LONGEST_TEXT}"
_PAGE = f"{_SIZE} <= 255"  # what a file may be called
_DAY_GLOB = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"
_DAY = "typeof({0}) = 'text' AND {0} GLOB '" + _DAY_GLOB + "'"
# The years at both ends cannot be moved to the learner's own time zone.
_MOMENT = f"{_SIZE} <= 40 AND {{0}} GLOB '{_DAY_GLOB}*' AND {{0}} BETWEEN '1971' AND '9998'"
_FLAG = "typeof({0}) = 'integer' AND {0} IN (0, 1)"
_COUNT = "typeof({0}) = 'integer' AND {0} BETWEEN 0 AND 1000"
_SECONDS = "typeof({0}) IN ('real', 'integer') AND {0} BETWEEN 0 AND 1e9"  # thirty years

_COLUMNS: dict[str, dict[str, str]] = {
    "attempts": {
        "exercise": _NAME, "at": _MOMENT, "passed": _FLAG, "verdict": _NAME, "source": _TEXT,
        "hint": f"{{0}} IS NULL OR {_NAME}", "seconds": _SECONDS,
    },
    "hints": {"exercise": _NAME, "n": _COUNT, "at": _MOMENT},
    "solutions": {"exercise": _NAME, "gave_up": _FLAG, "at": _MOMENT},
    "quiz": {"lesson": _NAME, "question": _NAME, "option": _NAME, "correct": _FLAG, "at": _MOMENT},
    "predictions": {"lesson": _NAME, "prediction": _NAME, "option": _NAME, "at": _MOMENT},
    "starts": {"exercise": _NAME, "at": _MOMENT},
    "notes": {
        "note": _NAME, "page": _PAGE, "place": _NAME, "title": _NAME, "text": _TEXT, "removed": _FLAG, "at": _MOMENT,
    },
    "visits": {"lesson": _NAME, "seconds": _SECONDS, "last": _MOMENT},
    "days": {"day": _DAY, "lesson": _NAME, "seconds": _SECONDS},
}  # fmt: skip
for _table in ("attempts", "hints", "solutions", "quiz", "predictions", "starts"):
    _COLUMNS[_table]["archived"] = f"{{0}} IS NULL OR {_MOMENT}"

RULES = {
    table: " AND ".join(f"({rule.format(column)})" for column, rule in columns.items())
    for table, columns in _COLUMNS.items()
}
"""Table -> the condition, in SQL, that each of its rows keeps."""

_META = (
    f"({_NAME.format('key')}) AND CASE key WHEN 'version' "
    f"THEN typeof(value) = 'integer' AND value BETWEEN 1 AND {2**53} ELSE {_TEXT.format('value')} END"
)


def odd_rows(db: sqlite3.Connection, table: str) -> int:
    """Return how many rows of a table break its rule."""
    rule = _META if table == "meta" else RULES[table]
    return int(db.execute(f"SELECT COUNT(*) FROM {table} WHERE NOT COALESCE({rule}, 0)").fetchone()[0])


def odd_schema(db: sqlite3.Connection, migrations: Sequence[str]) -> str | None:
    """Say what a file holds beside the tables and indices that `migrations` make, or None: a view, a trigger."""
    ours = _schema(tuple(migrations))
    for kind, name, sql in db.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"):
        if (kind, name, sql) not in ours:
            known = (kind, name) in {entry[:2] for entry in ours}
            return f"the {kind} {name!r} is not made as here" if known else f"it has a {kind} {name!r}"
    return missing(db, migrations)


def missing(db: sqlite3.Connection, migrations: Sequence[str]) -> str | None:
    """Say which of the tables and indices that `migrations` make a file has not, or None."""
    lost = _schema(tuple(migrations)) - set(db.execute("SELECT type, name, sql FROM sqlite_master"))
    return f"the {min(lost)[0]} {min(lost)[1]!r} is missing" if lost else None


@cache
def _schema(migrations: tuple[str, ...]) -> frozenset[tuple[str, str, str]]:
    db = sqlite3.connect(":memory:")
    try:
        for script in migrations:
            for statement in script.split(";"):
                db.execute(statement)
        return frozenset(db.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    finally:
        db.close()
