"""Expensive tests whose result is kept: proven again when what they depend on has changed, in turn, or when asked.

A test with the mark `proof` has a record in `tests/proofs/records`. A run takes the record instead of running the test
while its key is right (`keys`), the versions are the same and it is not its turn (`records`); the closing lines say how
many were taken, and what proves them live (`plugin`). What a proof finds it says with `note`.
"""

from __future__ import annotations

from typing import Any

_found: dict[str, Any] = {}


def note(**facts: Any) -> None:
    """Note what the running test has found, for its record: errors measured, things counted."""
    _found.update(facts)


def note_largest(**values: float) -> None:
    """Note the largest of each of these values that the running test has seen."""
    for name, value in values.items():
        _found[name] = max(float(value), _found.get(name, 0.0))


def begin() -> None:
    """Forget what was noted before."""
    _found.clear()


def noted() -> dict[str, Any]:
    """Return what has been noted since `begin`, long numbers cut to three digits."""
    return {name: float(f"{fact:.3g}") if isinstance(fact, float) else fact for name, fact in _found.items()}
