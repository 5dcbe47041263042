"""Convolution with 3 x 3 kernels by Winograd's F(4 x 4, 3 x 3): a quarter of the multiplications. For many channels.

The idea, in one dimension. Four neighbouring results of a kernel g of 3 numbers need 6 input numbers d and, computed
one by one, 12 products. A product of polynomials can be computed at points instead: evaluate both factors, multiply
point by point, interpolate. Turned around (a convolution of this kind is the transpose of such a product), that gives
y = A^T [(G g) * (B^T d)] with 6 products. In two dimensions the same is done to rows and columns: 36 products instead
of 144 for a tile of 4 x 4 results. Since the sum over channels can be taken before the last step, the 36 point-by-point
products are matrix products (F, C) @ (C, tiles), and both transforms, written as Kronecker products, are one matrix
product each.

The points decide about the rounding error. We use 0, +-1/sqrt 2, +-sqrt 2 and infinity, with which the error in float32
is about three times that of the direct product (with the usual 0, +-1, +-2 it is about six times).

Sources: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308; Winograd (1980).
Stride 1, dilation 1, no groups. Arrays as in `flat.py`; proven equal to the clear forms and to torch.
"""

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import as_strided

from dlstudy.scratch.types import Array

from .buffers import blocks, borrowed
from .geometry import Geometry

POINTS = (0.0, 0.5**0.5, -(0.5**0.5), 2**0.5, -(2**0.5))  # and infinity
TILE = 4  # results along a side of a tile; it needs 6 inputs
BLOCK = 1_200_000  # bytes of transformed numbers made at a time


def transforms(points: tuple[float, ...] = POINTS) -> tuple[Array, Array, Array]:
    """Return A^T (4, 6), G (6, 3) and B^T (6, 6) for five points and infinity (Toom and Cook's construction).

    G evaluates the kernel's polynomial at the points, divided by the Lagrange denominators; B^T is the transpose of
    interpolation, A^T that of evaluation.
    """
    n = len(points)
    at, g, bt = np.zeros((TILE, n + 1)), np.zeros((n + 1, 3)), np.zeros((n + 1, n + 1))
    for j, p in enumerate(points):
        others = [q for q in points if q != p]
        at[:, j] = [p**i for i in range(TILE)]
        g[j] = np.array([1, p, p * p]) / np.prod([p - q for q in others])
        bt[j, :n] = np.poly(others)[::-1]
    at[TILE - 1, n] = g[n, 2] = 1
    bt[n] = np.poly(points)[::-1]
    return at, g, bt


@lru_cache(maxsize=4)
def _matrices(dtype: str) -> tuple[Array, Array, Array]:
    """Return the three transforms of 6 x 6 tiles as matrices: of results (16, 36), kernels (36, 9), inputs (36, 36)."""
    at, g, bt = (np.kron(m, m).astype(dtype) for m in transforms())
    return at, g, bt


def fits(geo: Geometry) -> bool:
    """Return whether this kernel can compute a convolution of this geometry."""
    return geo.kernel == (3, 3) and geo.stride == geo.dilation == (1, 1) and geo.groups == 1


class _Tiles:
    """How many tiles there are, and where they lie in flat rows: after each row of tiles comes one that is junk."""

    def __init__(self, geo: Geometry):
        oh, ow = geo.output
        self.down, self.across = -(-oh // TILE), -(-ow // TILE)
        self.row = self.across + 1
        self.count = (self.down - 1) * self.row + self.across


def share(geo: Geometry) -> float:
    """Return which share of the tiles' results is wanted: the rest lies outside the output or is junk."""
    tiles = _Tiles(geo)
    return geo.output[0] * geo.output[1] / (16 * tiles.down * tiles.row)


def _points_of_input(x: Array, geo: Geometry, tiles: _Tiles, points: Array) -> None:
    """Write B^T d B of all tiles d of x (n, C, H, W) into `points` (36, C, n, count).

    The padded input is first split into 16 planes, by row and column modulo 4. In these the number (i, j) of all tiles
    is one contiguous slice, since tiles lie 4 apart.
    """
    n, c, h, w = x.shape
    (top, left), down, row, count = geo.before, tiles.down + 1, tiles.row, tiles.count
    with (
        borrowed((n, c, TILE * down, TILE * row), x.dtype, ("winograd", geo)) as frame,
        borrowed((TILE, TILE, c, n, down * row), x.dtype) as planes,
        borrowed((6, 6, c, n, count), x.dtype) as d,
    ):
        frame[:, :, top : top + h, left : left + w] = x
        split = frame.reshape(n, c, down, TILE, row, TILE).transpose(3, 5, 1, 0, 2, 4)
        np.copyto(planes.reshape(TILE, TILE, c, n, down, row), split)
        for i in (0, 1):  # numbers 0 to 3 of a tile are in the planes 0 to 3, 4 and 5 in those of the next tile
            for j in (0, 1):
                source = planes[: 4 - 2 * i, : 4 - 2 * j, ..., i * row + j : i * row + j + count]
                np.copyto(d[4 * i : 4 + 2 * i, 4 * j : 4 + 2 * j], source)
        np.matmul(_matrices(x.dtype.char)[2], d.reshape(36, -1), out=points.reshape(36, -1))


def forward(x: Array, w: Array, b: Array | None, geo: Geometry, out: Array) -> None:
    """Write the convolution of x with w, plus b, into `out` (N, F, Ho, Wo)."""
    N, C = x.shape[:2]
    F = len(w)
    at, g, _ = _matrices(x.dtype.char)
    tiles = _Tiles(geo)
    kernels = (g @ w.reshape(F * C, 9).T).reshape(36, F, C)
    interpolate = np.concatenate([at, np.ones((16, 1), x.dtype)], 1)  # a 37th point holds the bias
    for first, n in blocks(N, 36 * max(C, F) * tiles.count * x.itemsize, BLOCK):
        with (
            borrowed((36, C, n, tiles.count), x.dtype) as inputs,
            borrowed((37, F, n * tiles.count), x.dtype) as products,
            borrowed((F, n, tiles.count, TILE, TILE), x.dtype) as results,
        ):
            _points_of_input(x[first : first + n], geo, tiles, inputs)
            np.matmul(kernels, inputs.reshape(36, C, n * tiles.count), out=products[:36])
            products[36] = 0 if b is None else b[:, None]
            np.matmul(products.reshape(37, -1).T, interpolate.T, out=results.reshape(-1, 16))
            _assemble(results, tiles, out[first : first + n])


def weight_gradient(x: Array, grad: Array, geo: Geometry) -> Array:
    """Return the gradient of w: the transposes of the three steps of `forward`, from the results back."""
    N, C = x.shape[:2]
    F = grad.shape[1]
    at, g, _ = _matrices(x.dtype.char)
    tiles = _Tiles(geo)
    total = np.zeros((36, F, C), x.dtype)
    for first, n in blocks(N, 36 * max(C, F) * tiles.count * x.itemsize, BLOCK):
        with (
            borrowed((36, C, n, tiles.count), x.dtype) as inputs,
            borrowed((36, F, n * tiles.count), x.dtype) as grads,
            borrowed((F, n, tiles.count, TILE, TILE), x.dtype, ("winograd", geo.output)) as results,
        ):
            _points_of_input(x[first : first + n], geo, tiles, inputs)
            _take_apart(grad[first : first + n], tiles, results)
            np.matmul(at.T, results.reshape(-1, 16).T, out=grads.reshape(36, -1))
            total += np.matmul(grads, inputs.reshape(36, C, n * tiles.count).mT)
    return (g.T @ total.reshape(36, F * C)).T.reshape(F, C, 3, 3)


# -- between pictures and tiles --------------------------------------------------------------------------------
# Four neighbouring numbers are moved as one of four times the size, which NumPy does in a quarter of the time.


def _fours(a: Array) -> Array:
    """Return the numbers of the last axis, contiguous and a multiple of four, as one element for each four."""
    return a.view({4: "c16", 8: "V32"}[a.itemsize])


def _tiles_of(picture: Array, tiles: _Tiles) -> Array:
    """Return the view (n, F, tiles down, 4, tiles across) of a picture (n, F, 4 * down, 4 * across), in fours."""
    whole = _fours(picture)
    n, f = whole.shape[:2]
    sn, sf, sy, sx = whole.strides
    return as_strided(whole, (n, f, tiles.down, TILE, tiles.across), (sn, sf, TILE * sy, sy, sx))


def _in_rows(results: Array, tiles: _Tiles) -> Array:
    """Return the same view of tiles (F, n, count, 4, 4), without junk."""
    whole = _fours(results)[..., 0]
    f, n = whole.shape[:2]
    sf, sn, st, sr = whole.strides
    return as_strided(whole, (n, f, tiles.down, TILE, tiles.across), (sn, sf, st * tiles.row, sr, st))


def _whole(picture: Array) -> bool:
    """Return whether a picture consists of whole tiles that can be moved in fours."""
    h, w = picture.shape[2:]
    return not (h % TILE or w % TILE) and picture.strides[-1] == picture.itemsize


def _assemble(results: Array, tiles: _Tiles, picture: Array) -> None:
    """Write tiles (F, n, count, 4, 4) to their places in a picture (n, F, Ho, Wo)."""
    if _whole(picture):
        np.copyto(_tiles_of(picture, tiles), _in_rows(results, tiles))
        return
    n, f, h, w = picture.shape
    with borrowed((n, f, tiles.down * TILE, tiles.across * TILE), picture.dtype) as larger:
        np.copyto(_tiles_of(larger, tiles), _in_rows(results, tiles))
        np.copyto(picture, larger[:, :, :h, :w])


def _take_apart(picture: Array, tiles: _Tiles, results: Array) -> None:
    """Write a picture (n, F, Ho, Wo) into tiles (F, n, count, 4, 4), those that are junk being 0 already."""
    if _whole(picture):
        np.copyto(_in_rows(results, tiles), _tiles_of(picture, tiles))
        return
    n, f, h, w = picture.shape
    with borrowed((n, f, tiles.down * TILE, tiles.across * TILE), picture.dtype, ("winograd", (h, w))) as larger:
        larger[:, :, :h, :w] = picture
        np.copyto(_in_rows(results, tiles), _tiles_of(larger, tiles))
