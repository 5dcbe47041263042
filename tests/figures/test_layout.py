import numpy as np
import pytest

from dlstudy.figures.graph.layout import layered


def random_graph(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 25))
    edges = []
    for target in range(1, count):
        for source in rng.integers(0, target, size=rng.integers(0, 3)):
            edges.append((int(source), target))
    return count, edges


@pytest.mark.parametrize("seed", range(40))
def test_edges_run_right_and_nothing_overlaps(seed):
    count, edges = random_graph(seed)
    layout = layered(count, edges)
    assert min([*layout.row, *(row for bends in layout.bends for _, row in bends)]) >= -1e-9
    columns = {}
    for node in range(count):
        columns.setdefault(layout.layer[node], []).append(layout.row[node])
    for (source, target), bends in zip(edges, layout.bends):
        assert layout.layer[source] < layout.layer[target]
        assert [layer for layer, _ in bends] == list(range(layout.layer[source] + 1, layout.layer[target]))
        for layer, row in bends:
            columns[layer].append(row)
    for rows in columns.values():
        gaps = np.diff(sorted(rows))
        assert (gaps > 1 - 1e-6).all()


def test_a_chain_is_straight_and_a_late_input_stands_near_its_use():
    layout = layered(5, [(0, 1), (1, 2), (2, 4), (3, 4)])
    assert layout.row[0] == layout.row[1] == layout.row[2]
    assert layout.layer == [0, 1, 2, 2, 3]


def test_crossings_that_can_be_avoided_are_avoided():
    # Two pairs joined crosswise: drawn in the given order, their edges would cross.
    layout = layered(5, [(0, 3), (1, 2), (2, 4), (3, 4)])
    assert (layout.row[0] < layout.row[1]) == (layout.row[3] < layout.row[2])
