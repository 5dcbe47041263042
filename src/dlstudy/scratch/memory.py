"""How a tensor lies in memory: strides, offset and the storage that views share."""

from .changes import owner
from .shapes import Shape, row_major_strides
from .types import Array


def strides_of(data: Array) -> Shape:
    """Return the strides in elements, with torch's convention for empty tensors and dimensions of size 1."""
    if data.flags.c_contiguous and (data.size == 0 or 1 in data.shape) and data.base is None:
        return row_major_strides(data.shape)
    return tuple(stride // data.itemsize for stride in data.strides)


def storage_start(data: Array) -> int:
    """Return the address at which the storage of `data` begins."""
    return int(owner(data).__array_interface__["data"][0])


class UntypedStorage:
    """The bytes behind a tensor and all its views."""

    def __init__(self, data: Array):
        self._owner = owner(data)

    def nbytes(self) -> int:
        """Return the size in bytes."""
        return int(self._owner.nbytes)

    size = nbytes
    __len__ = nbytes

    def data_ptr(self) -> int:
        """Return the address of the first byte; equal for all views of one storage."""
        return int(self._owner.__array_interface__["data"][0])
