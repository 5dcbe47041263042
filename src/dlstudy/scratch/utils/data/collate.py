"""How a list of samples becomes a batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dlstudy.scratch.creation import from_numpy, tensor
from dlstudy.scratch.dtypes import float64
from dlstudy.scratch.ops.joining import stack
from dlstudy.scratch.tensor import Tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """Return the samples of a list as one batch, as torch's function of this name.

    Tensors (...) and arrays become a Tensor (N, ...), floats a float64 and ints an int64 Tensor (N,), strings a list;
    dicts, tuples and lists are taken apart and each part is batched (a tuple comes back as a list). RuntimeError if the
    parts' shapes or lengths differ, TypeError for anything else.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch), 0)
    if isinstance(first, np.ndarray | np.generic) and not isinstance(first, np.str_ | np.bytes_):
        if np.asarray(first).dtype.kind in "SUO":
            raise TypeError(f"default_collate: batch must contain numbers, found an array of {np.asarray(first).dtype}")
        return stack([from_numpy(np.array(sample)) for sample in batch], 0)
    if isinstance(first, float):
        return tensor(list(batch), dtype=float64)
    if isinstance(first, int):
        return tensor(list(batch))
    if isinstance(first, str | bytes):
        return list(batch)
    if isinstance(first, Mapping):
        parts = {key: default_collate([sample[key] for sample in batch]) for key in first}
        try:
            return type(first)(parts)  # type: ignore[call-arg]
        except TypeError:
            return parts
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [default_collate(column) for column in zip(*batch)]
        if hasattr(first, "_fields"):  # a namedtuple
            return type(first)(*columns)
        return columns
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first).__name__}"
    )


def default_convert(data: Any) -> Any:
    """Return `data` with every NumPy array in it as a Tensor; what a loader without batches does to a sample."""
    if isinstance(data, np.ndarray | np.generic) and np.asarray(data).dtype.kind not in "SUO":
        return from_numpy(np.asarray(data)) if isinstance(data, np.ndarray) else tensor(data)
    if isinstance(data, Mapping):
        return {key: default_convert(value) for key, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return [default_convert(value) for value in data]
    return data
