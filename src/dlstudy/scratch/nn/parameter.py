"""Parameters: the tensors of a model that training changes."""

from typing import Any

from dlstudy.scratch.creation import empty
from dlstudy.scratch.tensor import Tensor


class Parameter(Tensor):
    """A tensor that a Module counts among its parameters as soon as it becomes one of its attributes.

    `data` is a tensor, whose memory is shared; it requires a gradient unless `requires_grad` is False. TypeError if
    `data` is no tensor, RuntimeError for integers that are to require one. As `torch.nn.Parameter`.
    """

    def __init__(self, data: Any = None, requires_grad: bool = True):
        if data is None:
            data = empty(0)
        if not isinstance(data, Tensor):
            raise TypeError(f"expected a Tensor to make a Parameter of, got {type(data).__name__}")
        self._data = data._data
        self.requires_grad_(requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
