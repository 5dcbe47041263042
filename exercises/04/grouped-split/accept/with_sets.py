import numpy as np


def grouped_split(groups, share, rng):
    places = {}
    for place, name in enumerate(groups.tolist()):
        places.setdefault(name, []).append(place)
    names = list(places)
    rng.shuffle(names)
    val = []
    while len(val) < share * len(groups):
        val += places[names.pop()]
    train = [place for name in names for place in places[name]]
    return np.array(train, dtype=int), np.array(val, dtype=int)
