"""Who changed what since when: counting the in-place changes of memory.

One clock ticks for every operation that is recorded and every change in place (downwards: newer is smaller). A change
is noted for the array that owns the memory, so all views share one count and a tensor that is never changed costs
nothing. An operation whose derivative needs a value can then ask whether the value's memory has been changed since the
operation was recorded.
"""

import itertools
import weakref
from typing import Any

import numpy as np

from .types import Array

clock = itertools.count(-1, -1)


class Changes:
    """The changes of one piece of memory; `Changes.latest` is the time of the last change of any."""

    latest = 0
    of_owner: "dict[int, Changes]" = {}  # noqa: RUF012 - by the owner's id; an entry goes when its owner does

    def __init__(self, owner: Array):
        self.count = 0
        self.time = 0
        key = id(owner)
        self.owner = weakref.ref(owner, lambda _: Changes.of_owner.pop(key, None))


def owner(data: Array) -> Array:
    """Return the array that holds the memory which `data` is a view of."""
    while True:
        base: Any = data.base
        if base is None:
            return data
        if not isinstance(base, np.ndarray):
            base = getattr(base, "base", None)  # as_strided puts an object of its own in between
        if not isinstance(base, np.ndarray):
            return data
        data = base


def note_change(data: Array) -> None:
    """Note that the memory of `data` was changed in place just now."""
    holder = owner(data)
    changes = Changes.of_owner.get(id(holder))
    if changes is None:
        changes = Changes.of_owner[id(holder)] = Changes(holder)
    changes.count += 1
    changes.time = Changes.latest = next(clock)


def change_count(data: Array) -> int:
    """Return how often the memory of `data` has been changed in place: torch's `_version`."""
    changes = Changes.of_owner.get(id(owner(data)))
    return 0 if changes is None else changes.count


def changed_since(data: Array, time: int) -> bool:
    """Return whether the memory of `data` was changed in place after `time`."""
    if Changes.latest >= time:
        return False
    changes = Changes.of_owner.get(id(owner(data)))
    return changes is not None and changes.time < time
