"""Work arrays that are used again: making one costs the system a page fault every 4 KiB, often more than filling it.

A buffer is taken, and given back afterwards; while it is taken nobody else can get it, so a kernel may call another.
Each thread has its own store. What a store keeps is bounded: the least recently used buffers go first.
"""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from dlstudy.scratch.types import Array

LIMIT = 16 * 2**20  # bytes that the store of one thread keeps at most


class _Store(threading.local):
    def __init__(self) -> None:
        self.free: dict[Any, list[Array]] = {}  # by key; a dict keeps the order in which buffers came back
        self.bytes = 0


_store = _Store()


@contextmanager
def borrowed(shape: tuple[int, ...], dtype: Any, zeroed: Any = None) -> Iterator[Array]:
    """Lend an array of `shape` for the length of a `with` block.

    Its contents are arbitrary, unless `zeroed` is given: a key that stands for *which* elements are never written.
    These are 0, as the buffer with that key was made of zeros and everybody who borrows it writes the others only.
    """
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    key: Any = _rounded(size) if zeroed is None else (shape, kind.char, zeroed)
    memory = _take(key)
    if memory is None:
        memory = np.empty(key, np.uint8) if zeroed is None else np.zeros(shape, kind)
    yield memory[:size].view(kind).reshape(shape) if zeroed is None else memory
    _give(key, memory)  # not after an exception: nobody knows what was written


def _rounded(size: int) -> int:
    """Return `size` rounded up by at most an eighth, so that arrays of about the same size can share memory."""
    step = 1 << max(0, size.bit_length() - 4)
    return -(-size // step) * step


def strided(buffer: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Return a view of a contiguous array with these strides (bytes); ValueError if it would leave its memory.

    It does what NumPy's `as_strided` does, in a tenth of the time, and checks it.
    """
    return np.ndarray(shape, buffer.dtype, buffer, 0, strides)


def _take(key: Any) -> Array | None:
    same = _store.free.get(key)
    if not same:
        return None
    array = same.pop()
    if not same:
        del _store.free[key]
    _store.bytes -= array.nbytes
    return array


def _give(key: Any, array: Array) -> None:
    if array.nbytes > LIMIT:
        return
    same = _store.free.pop(key, [])
    same.append(array)
    _store.free[key] = same  # at the end: used last
    _store.bytes += array.nbytes
    while _store.bytes > LIMIT:
        oldest = next(iter(_store.free))
        _store.bytes -= _store.free[oldest].pop(0).nbytes
        if not _store.free[oldest]:
            del _store.free[oldest]


def blocks(samples: int, bytes_each: int, limit: int) -> list[tuple[int, int]]:
    """Return (first, count) of the samples to do at a time, so that they need at most `limit` bytes (or are one).

    Blocks of one size are better than a few larger ones and a rest: they use the same work arrays.
    """
    step = max(1, min(samples, limit // max(1, bytes_each)))
    step = next((even for even in range(step, step // 2, -1) if samples % even == 0), step)
    return [(first, min(step, samples - first)) for first in range(0, samples, step)]


def kept_bytes() -> int:
    """Return how many bytes this thread's store keeps at present."""
    return _store.bytes


def release() -> None:
    """Free all buffers that this thread's store keeps."""
    _store.free.clear()
    _store.bytes = 0
