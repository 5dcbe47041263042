"""Nearest neighbours: pick a picture and see the ones nearest to it, in features and in pixels, side by side."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
import traitlets

from dlstudy.figures.widget import Figure, module, stylesheet


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the cosine of the angle between every row of a (N, D) and every row of b (M, D): (N, M), from -1 to 1."""
    lengths = [np.linalg.norm(rows, axis=1, keepdims=True) for rows in (a, b)]
    if min(float(one.min(initial=1.0)) for one in lengths) == 0:
        raise ValueError("expected rows that are not all zeros: those point nowhere")
    return (a / lengths[0]) @ (b / lengths[1]).T


def nearest(queries: np.ndarray, pool: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `count` rows of `pool` (M, D) nearest to each of `queries` (N, D) by cosine, nearest first.

    Two arrays (N, count): their indices, and their cosines.
    """
    near = cosine(queries, pool)
    order = np.argsort(-near, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(near, order, 1)


class NearestNeighbours(Figure):
    """Pictures to pick from, and the nearest pictures of a pool to the one picked, once for each way of comparing.

    Args:
        queries, pool: uint8 pictures (N, H, W, 3) or (N, H, W) of one size.
        query_labels, pool_labels: indices into `class_names`.
        spaces: name -> (vectors of the queries, vectors of the pool), each (N, D).
        count: how many neighbours are shown.

    All neighbours are worked out here and sent at once, so the figure answers without the kernel. `picked` is the
    number of the picture picked.
    """

    _esm = module(__file__)
    _css = stylesheet(__file__)

    report = traitlets.Dict().tag(sync=True)
    picked = traitlets.Int(0, min=0).tag(sync=True)

    def __init__(
        self,
        queries: np.ndarray,
        query_labels: Sequence[int] | np.ndarray,
        pool: np.ndarray,
        pool_labels: Sequence[int] | np.ndarray,
        class_names: Sequence[str],
        spaces: Mapping[str, tuple[np.ndarray, np.ndarray]],
        count: int = 6,
    ) -> None:
        asked, known = np.asarray(query_labels), np.asarray(pool_labels)
        if len(asked) != len(queries) or len(known) != len(pool):
            raise ValueError(f"expected a label for each of {len(queries)} and {len(pool)} pictures")
        found = {name: nearest(*vectors, count) for name, vectors in spaces.items()}
        used = np.unique(np.concatenate([order.ravel() for order, _ in found.values()]))
        place = {int(index): len(queries) + n for n, index in enumerate(used)}
        tiles = [*queries, *pool[used]]
        side = len(queries[0])
        ways = [
            {
                "name": name,
                "tiles": [[place[int(i)] for i in row] for row in order],
                "names": [[class_names[known[i]] for i in row] for row in order],
                "same": [[bool(known[i] == asked[n]) for i in row] for n, row in enumerate(order)],
                "cosines": np.round(near, 3).tolist(),
                "share": float((known[order] == asked[:, None]).mean()),
            }
            for name, (order, near) in found.items()
        ]
        report = {
            "sprite": _sprite(tiles),
            "columns": _COLUMNS,
            "rows": -(-len(tiles) // _COLUMNS),
            "side": side,
            "queries": [class_names[c] for c in asked],
            "ways": ways,
        }
        super().__init__(report=report)


_COLUMNS = 20


def _sprite(tiles: Sequence[np.ndarray]) -> str:
    """Return all pictures as one, in rows of `_COLUMNS`, as an address that holds the JPEG itself."""
    from PIL import Image

    side = len(tiles[0])
    sheet = np.zeros((-(-len(tiles) // _COLUMNS) * side, _COLUMNS * side, 3), np.uint8)
    for n, tile in enumerate(tiles):
        row, column = divmod(n, _COLUMNS)
        tile = np.repeat(tile[..., None], 3, 2) if tile.ndim == 2 else tile
        sheet[row * side : (row + 1) * side, column * side : (column + 1) * side] = tile
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "JPEG", quality=88, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
