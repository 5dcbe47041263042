"""Layers that multiply by a matrix."""

import math
from collections.abc import Callable

from dlstudy.scratch.creation import empty
from dlstudy.scratch.ops.linear import bilinear, linear, linear_relu
from dlstudy.scratch.tensor import Tensor
from dlstudy.scratch.types import Device, DType

from . import init
from .activation import ReLU
from .module import Module
from .parameter import Parameter


class Linear(Module):
    """y = x W^T + b: (..., in_features) becomes (..., out_features). As `torch.nn.Linear`.

    weight (out_features, in_features) and bias (out_features) start evenly distributed between -1/sqrt(in_features) and
    1/sqrt(in_features), with torch's own numbers after the same `manual_seed`.
    """

    weight: Parameter
    bias: Parameter | None
    _merges = True

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Device = None, dtype: DType | None = None
    ):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(empty(out_features, in_features, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights and biases."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # the bound that makes is 1 / sqrt(in_features)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """Return input @ weight.T + bias."""
        return linear(input, self.weight, self.bias)

    def _merge(self, following: Module) -> Callable[[Tensor], Tensor] | None:
        if not (following._plain(ReLU) and self._plain(Linear)):
            return None
        parameters = self.__dict__["_parameters"]  # past Module.__getattr__: some per cent of a small network's step
        return lambda input: linear_relu(input, parameters["weight"], parameters["bias"])

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y_k = x1^T W_k x2 + b_k: (..., in1) and (..., in2) become (..., out). As `torch.nn.Bilinear`."""

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, device: Device = None,
        dtype: DType | None = None,
    ):  # fmt: skip
        super().__init__()
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = Parameter(empty(out_features, in1_features, in2_features, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights and biases."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Return the bilinear form of the two inputs."""
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
