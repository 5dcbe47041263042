"""Oracle: the properties of a split without leaks, counted with Python's sets; many splits, not one."""

from collections import Counter

import numpy as np

from dlstudy.course.checking import Case
from dlstudy.course.checking.compare import kind_of

ROUNDS = 12
WORDS = {0: "none", ROUNDS: "all"}


def cases(rng):
    sizes = np.array([40, 3, 5, 8, 2, 13, 1, 9, 6, 4, 7, 2])
    unequal = rng.permutation(np.repeat(np.arange(12), sizes))
    writers = np.array([f"writer {n}" for n in rng.integers(0, 15, 120)])
    return [
        Case("five copies of each of 40 digits", np.tile(np.arange(40), 5), 0.2, 0),
        Case("groups of very different sizes", unequal, 0.3, 1),
        Case("words, in any order", writers, 0.25, 2),
        Case("scans of patients, one after the other", np.repeat(np.arange(20), 6), 0.1, 3),
        Case("a single example, and all of it", np.array([5]), 1.0, 8),
        Case("everything", rng.permutation(np.repeat(np.arange(5), 3)), 1.0, 6),
        Case("names far from 0, some below it", rng.permutation(np.repeat([-7, 900, 15, -2, 44, 3, 8, 61], 5)), 0.4, 7),
        Case("half and half", rng.permutation(np.repeat(np.arange(30), 4)), 0.5, 4),
    ]


def given(groups, share, seed):
    count = len(set(groups.tolist()))
    return f"{len(groups)} examples in {count} groups, share = {share}"


def run(answer, groups, share, seed):
    rng = np.random.default_rng(seed)
    ranks = {name: rank for rank, name in enumerate(np.unique(groups).tolist())}
    again = answer(groups, share, np.random.default_rng(seed))
    found, splits = Counter(), set()
    for number in range(ROUNDS):
        parts = answer(groups, share, rng)
        if not isinstance(parts, tuple | list) or len(parts) != 2:
            raise TypeError(f"expected two arrays of places, and came {kind_of(parts)}")
        train, val = (np.asarray(places) for places in parts)
        if number == 0:
            other = not np.array_equal(val, np.asarray(again[1]))
            found["splits that a generator like rng makes differently"] += other
        if any(places.dtype.kind not in "iu" for places in (train, val) if len(places)):
            raise TypeError("expected places as whole numbers")
        train, val = train.tolist(), val.tolist()
        names = groups.tolist()
        of_train, of_val = ({names[place] for place in places} for places in (train, val))
        sizes = Counter(names[place] for place in set(val))
        found["splits with a group on both sides"] += bool(of_train & of_val)
        found["splits that lose an example"] += len({*train, *val}) < len(names)
        found["splits that use an example twice"] += len(train) + len(val) > len({*train, *val})
        found["splits whose validation is too small"] += len(set(val)) < share * len(names) - 1e-9
        spare = max(sizes.values(), default=0)
        found["splits whose validation is a group too large"] += bool(val) and len(set(val)) - spare >= share * len(
            names
        )
        found["splits of groups that follow each other"] += _follow(sorted(ranks[name] for name in of_val), len(ranks))
        splits.add(tuple(sorted(of_val, key=str)))
    follow = found.pop("splits of groups that follow each other") == ROUNDS
    words = {name: WORDS.get(count, "some") for name, count in found.items()}
    return words | {"different splits": len(splits) > 1, "only groups that follow each other": follow}


def _follow(ranks, count):
    """Whether some of the groups, more than one and not nearly all, are neighbours (the first follows the last)."""
    gaps = sum((after - before) % count != 1 for before, after in zip(ranks, ranks[1:] + ranks[:1]))
    return 2 < len(ranks) < count - 2 and gaps == 1


def oracle(groups, share, seed):
    return {
        "splits with a group on both sides": "none",
        "splits that lose an example": "none",
        "splits that use an example twice": "none",
        "splits whose validation is too small": "none",
        "splits whose validation is a group too large": "none",
        "splits that a generator like rng makes differently": "none",
        "different splits": share < 1,
        "only groups that follow each other": False,
    }
