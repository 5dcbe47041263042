"""Oracle: the properties of a split without leaks, counted with Python's sets; many splits, not one."""

from collections import Counter

import numpy as np

from dlstudy.course.checking import Case

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
        Case("half and half", rng.permutation(np.repeat(np.arange(30), 4)), 0.5, 4),
    ]


def given(groups, share, seed):
    count = len(set(groups.tolist()))
    return f"{len(groups)} examples in {count} groups, share = {share}"


def run(answer, groups, share, seed):
    rng = np.random.default_rng(seed)
    found, splits = Counter(), set()
    for _ in range(ROUNDS):
        train, val = (np.asarray(places) for places in answer(groups, share, rng))
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
        found["splits whose validation is a group too large"] += len(set(val)) - spare >= share * len(names)
        splits.add(tuple(sorted(of_val, key=str)))
    return {name: WORDS.get(count, "some") for name, count in found.items()} | {"different splits": len(splits) > 1}


def oracle(groups, share, seed):
    return {
        "splits with a group on both sides": "none",
        "splits that lose an example": "none",
        "splits that use an example twice": "none",
        "splits whose validation is too small": "none",
        "splits whose validation is a group too large": "none",
        "different splits": True,
    }
