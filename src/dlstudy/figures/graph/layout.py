"""Place the nodes of a small directed acyclic graph in layers, inputs first, with few crossings.

The method is Sugiyama's (layers, order by neighbours' mean position, then coordinates), sized for thirty nodes: edges
that span several layers get an invisible bend in each, so that no edge runs through a node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Key = tuple[int, int]  # (node, -1), or (edge, layer) for a bend


@dataclass(frozen=True)
class Layout:
    """Where things go, in units of one layer and one row.

    Attributes:
        layer: for each node its layer; 0 is the leftmost.
        row: for each node its row; neighbours in a layer are at least 1 apart.
        bends: for each edge the (layer, row) of the points it passes between its ends.
    """

    layer: list[int]
    row: list[float]
    bends: list[list[tuple[int, float]]]


def layered(count: int, edges: Sequence[tuple[int, int]]) -> Layout:
    """Lay out `count` nodes joined by `edges`: pairs of a source and a target with a higher number."""
    layer = _layers(count, edges)
    columns: list[list[Key]] = [[] for _ in range(max(layer, default=0) + 1)]
    links: list[tuple[Key, Key]] = []
    for node in range(count):
        columns[layer[node]].append((node, -1))
    for number, (source, target) in enumerate(edges):
        chain: list[Key] = [(source, -1)]
        for column in range(layer[source] + 1, layer[target]):
            chain.append((number, column))
            columns[column].append((number, column))
        chain.append((target, -1))
        links += pairwise(chain)
    columns = _order(columns, links)
    rows = _rows(columns, links)
    bends = [
        [(column, rows[number, column]) for column in range(layer[source] + 1, layer[target])]
        for number, (source, target) in enumerate(edges)
    ]
    return Layout(layer, [rows[node, -1] for node in range(count)], bends)


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    layer = [0] * count
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        layer[target] = max(layer[target], layer[source] + 1)
    has_input = {target for _, target in edges}
    for node in range(count):  # a leaf moves right until it stands just before its first use
        uses = [layer[target] for source, target in edges if source == node]
        if node not in has_input and uses:
            layer[node] = min(uses) - 1
    return layer


def _neighbours(links: list[tuple[Key, Key]], forward: bool) -> dict[Key, list[Key]]:
    found: dict[Key, list[Key]] = {}
    for left, right in links:
        here, there = (right, left) if forward else (left, right)
        found.setdefault(here, []).append(there)
    return found


def _crossings(columns: list[list[Key]], links: list[tuple[Key, Key]]) -> int:
    place = {key: (column, i) for column, keys in enumerate(columns) for i, key in enumerate(keys)}
    ends = [(place[left], place[right]) for left, right in links]
    return sum(
        1
        for i, ((column, a), (_, b)) in enumerate(ends)
        for (other, c), (_, d) in ends[:i]
        if column == other and (a - c) * (b - d) < 0
    )


def _order(columns: list[list[Key]], links: list[tuple[Key, Key]]) -> list[list[Key]]:
    best, fewest = [list(keys) for keys in columns], _crossings(columns, links)
    columns = [list(keys) for keys in columns]
    before, after = _neighbours(links, forward=True), _neighbours(links, forward=False)
    for sweep in range(12):
        forward = sweep % 2 == 1  # the result stands alone on the right, so the first sweep runs backward from it
        near = before if forward else after
        for column in range(len(columns)) if forward else reversed(range(len(columns))):
            place = {key: i for keys in columns for i, key in enumerate(keys)}
            own = dict(place)

            def weight(key: Key, near: dict[Key, list[Key]] = near, place: dict[Key, int] = place) -> float:
                others = near.get(key)
                return sum(place[other] for other in others) / len(others) if others else float(place[key])

            columns[column].sort(key=lambda key: (weight(key), own[key]))
        crossings = _crossings(columns, links)
        if crossings < fewest:
            best, fewest = [list(keys) for keys in columns], crossings
    return best


def _rows(columns: list[list[Key]], links: list[tuple[Key, Key]]) -> dict[Key, float]:
    tallest = max(len(keys) for keys in columns)
    row = {key: i + (tallest - len(keys)) / 2 for keys in columns for i, key in enumerate(keys)}
    before, after = _neighbours(links, forward=True), _neighbours(links, forward=False)
    for sweep in range(24):
        near = (before, after)[sweep % 2]
        for keys in columns if sweep % 2 == 0 else reversed(columns):
            wish = [
                sum(row[other] for other in near[key]) / len(near[key]) if key in near else row[key] for key in keys
            ]
            for key, placed in zip(keys, _spread(wish)):
                row[key] = placed
    lowest = min(row.values())
    return {key: value - lowest for key, value in row.items()}


def _spread(wish: list[float]) -> list[float]:
    """Return positions in order, at least 1 apart, nearest to `wish` in squares (pool adjacent violators)."""
    groups: list[tuple[float, int]] = []  # mean of wish minus index, size
    for i, value in enumerate(wish):
        mean, size = value - i, 1
        while groups and groups[-1][0] > mean:
            other, count = groups.pop()
            mean, size = (other * count + mean * size) / (count + size), count + size
        groups.append((mean, size))
    flat = [mean for mean, size in groups for _ in range(size)]
    return [mean + i for i, mean in enumerate(flat)]
