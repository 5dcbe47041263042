"""Recurrent networks: RNN, LSTM and GRU, with the signatures and the parameter names of torch.nn.

`recurrent_steps` has the papers, the equations and the loop over time, and is the file to read first. Here the product
with the input is added to it (`one_direction`), layers and directions are stacked (`run_layers`), and modules hold the
weights. What runs is not that loop but the same computation with a backward pass written by hand, in `recurrent_fast`;
after `layer.fast = False` it is the loop.

B is the batch, T the time, H `hidden_size`, G the number of gates.
"""

import math
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from dlstudy.layers.recurrent_fast import fast_direction
from dlstudy.layers.recurrent_steps import (
    State,
    Step,
    Weights,
    gru_step,
    lstm_step,
    rnn_relu_step,
    rnn_step,
    scan,
)

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell", "gru_step", "lstm_step", "rnn_relu_step", "rnn_step"]


# -- one direction, and all of them ------------------------------------------------------------------------
def one_direction(
    step: Step, x: Tensor, sizes: list[int] | None, first: State, weights: Weights, reverse: bool, fast: bool
) -> tuple[Tensor, State]:
    """Return h after every step, laid out like x, and the last state of every sequence.

    x is (T, B, features), or packed, (sum of sizes, features), with the number of sequences at each step in `sizes`.
    The product with the input needs no h: it is one product for all steps, not one product for each.
    """
    if fast and weights.weight_hr is None:
        return fast_direction(step, x, sizes, first, weights, reverse)
    from_input = F.linear(x, weights.weight_ih, weights.bias_ih)
    parts = from_input.unbind(0) if sizes is None else from_input.split(sizes)
    outputs, last = scan(step, parts, first, weights, reverse)
    return (torch.stack(outputs) if sizes is None else torch.cat(outputs)), last


def run_layers(module: Any, step: Step, x: Tensor, sizes: list[int] | None, first: State) -> tuple[Tensor, State]:
    """Run all layers and directions of a module; `first` and the state returned are (layers * directions, B, H)."""
    # torch.export follows plain operations only, and autocast changes the type of each operation, not of a whole (there
    # is none for "meta", where a model is counted).
    autocast = x.device.type != "meta" and torch.is_autocast_enabled(x.device.type)
    fast = module.fast and not torch.compiler.is_compiling() and not autocast
    last: list[State] = []
    for layer in range(module.num_layers):
        if layer > 0 and module.dropout > 0:
            x = F.dropout(x, module.dropout, module.training)
        outputs = []
        for suffix in directions(module):
            weights = weights_of(module, f"_l{layer}{suffix}")
            start = tuple(s[len(last)] for s in first)
            output, state = one_direction(step, x, sizes, start, weights, suffix == "_reverse", fast)
            outputs.append(output)
            last.append(state)
        x = torch.cat(outputs, dim=-1) if len(outputs) > 1 else outputs[0]
    return x, tuple(torch.stack(parts) for parts in zip(*last))


# -- what the three modules share --------------------------------------------------------------------------
def directions(module: Any) -> tuple[str, ...]:
    """Return what the parameters' names end with, one for each direction."""
    return ("", "_reverse") if module.bidirectional else ("",)


def weights_of(module: nn.Module, suffix: str = "") -> Weights:
    """Return the weights whose names end so."""
    found: Any = (getattr(module, name + suffix, None) for name in Weights._fields)
    return Weights(*found)


def add_weights(module: Any, gates: int, input_size: int, suffix: str, device: Any, dtype: Any) -> None:
    """Give the module the parameters of one direction, or of one cell."""
    rows, size = gates * module.hidden_size, getattr(module, "proj_size", 0) or module.hidden_size
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, input_size), "weight_hh": (rows, size)}
    if module.bias:
        shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
    if getattr(module, "proj_size", 0):
        shapes["weight_hr"] = (module.proj_size, module.hidden_size)
    for name, shape in shapes.items():
        module.register_parameter(name + suffix, nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))


def initialise(module: Any) -> None:
    """Draw all parameters from U(-k, k) with k = 1 / sqrt(hidden_size), in torch.nn's order."""
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -1 / math.sqrt(module.hidden_size), 1 / math.sqrt(module.hidden_size))


def set_up(
    module: Any,
    gates: int,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    bias: bool,
    batch_first: bool,
    dropout: float,
    bidirectional: bool,
    device: Any,
    dtype: Any,
    proj_size: int = 0,
) -> None:
    """Check and keep the sizes, and make the parameters of all layers."""
    for name, size in {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}.items():
        if size < 1:
            raise ValueError(f"expected {name} to be at least 1; got {size}")
    if not 0 <= dropout <= 1:
        raise ValueError(f"expected dropout to be a probability from 0 to 1; got {dropout}")
    if not 0 <= proj_size < hidden_size:
        raise ValueError(f"expected proj_size from 0 to less than hidden_size, {hidden_size}; got {proj_size}")
    if dropout > 0 and num_layers == 1:
        warnings.warn(f"dropout acts between layers and there is one layer: {dropout} does nothing", stacklevel=3)
    module.input_size, module.hidden_size, module.num_layers, module.bias = input_size, hidden_size, num_layers, bias
    module.batch_first, module.dropout, module.bidirectional = batch_first, float(dropout), bidirectional
    module.proj_size = proj_size
    module.fast = True
    for layer in range(num_layers):
        for suffix in directions(module):
            features = input_size if layer == 0 else (proj_size or hidden_size) * len(directions(module))
            add_weights(module, gates, features, f"_l{layer}{suffix}", device, dtype)
    initialise(module)


def as_state(hx: Any, count: int) -> State:
    """Return what a caller gives as state, one tensor or a pair, as a tuple; raises ValueError for the other."""
    state = tuple(hx) if isinstance(hx, tuple | list) else (hx,)
    if len(state) != count:
        wanted = "a pair of tensors, (h, c)" if count == 2 else "one tensor, h"
        raise ValueError(f"expected the state as {wanted}; got {'one tensor' if len(state) == 1 else len(state)}")
    return state


def run_module(
    module: Any, step: Step, x: Tensor | PackedSequence, hx: Any, widths: tuple[int, ...]
) -> tuple[Tensor | PackedSequence, State]:
    """Bring input and initial state into the one layout that `run_layers` knows, and the results back.

    `widths` are the sizes of the states, (H,) or, for the LSTM, (proj_size or H, H).
    """
    packed = x if isinstance(x, PackedSequence) else None
    data = packed.data if packed is not None else x
    assert isinstance(data, Tensor)
    if (packed is None and data.dim() not in (2, 3)) or data.shape[-1] != module.input_size:
        raise ValueError(
            f"expected input {'(B, T, ' if module.batch_first else '(T, B, '}{module.input_size}), without B for one "
            f"sequence, or a PackedSequence of {module.input_size} features; got {tuple(data.shape)}"
        )
    alone = packed is None and data.dim() == 2
    if packed is None:
        data = data.unsqueeze(1) if alone else data.transpose(0, 1) if module.batch_first else data
        if data.shape[0] == 0:
            raise ValueError("expected at least one step in time; got none")
    batch = int(packed.batch_sizes[0]) if packed is not None else data.shape[1]
    count = module.num_layers * len(directions(module))
    if hx is None:
        first = tuple(data.new_zeros(count, batch, width) for width in widths)
    else:
        first = as_state(hx, len(widths))
        for state, width in zip(first, widths, strict=True):
            wanted = (count, width) if alone else (count, batch, width)
            if state.shape != wanted:
                raise ValueError(
                    f"expected an initial state {wanted}, layers * directions first; got {tuple(state.shape)}"
                )
        first = tuple(state.unsqueeze(1) for state in first) if alone else first
    if packed is None:
        output, last = run_layers(module, step, data, None, first)
        if alone:
            return output.squeeze(1), tuple(state.squeeze(1) for state in last)
        return (output.transpose(0, 1) if module.batch_first else output), last
    if packed.sorted_indices is not None:  # the caller's order to the packed one, and back
        first = tuple(state.index_select(1, packed.sorted_indices) for state in first)
    output, last = run_layers(module, step, data, packed.batch_sizes.tolist(), first)
    if packed.unsorted_indices is not None:
        last = tuple(state.index_select(1, packed.unsorted_indices) for state in last)
    return PackedSequence(output, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices), last


def rnn_step_of(nonlinearity: str) -> Step:
    """Return the step with this nonlinearity; raises ValueError for one that is neither "tanh" nor "relu"."""
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f'expected nonlinearity "tanh" or "relu"; got {nonlinearity!r}')
    return rnn_step if nonlinearity == "tanh" else rnn_relu_step


def described(module: Any) -> str:
    """Return the sizes, and every option that is not torch.nn's default."""
    defaults: dict[str, Any] = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0}
    defaults |= {"bidirectional": False, "nonlinearity": "tanh"}
    options = [
        f"{name}={getattr(module, name)}" for name, value in defaults.items() if getattr(module, name, value) != value
    ]
    return ", ".join([str(module.input_size), str(module.hidden_size), *options])


# -- the modules -------------------------------------------------------------------------------------------
class RNN(nn.Module):
    """The recurrent network of Elman: h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), in layers.

    Args:
        input_size: features of each x_t.
        hidden_size: features of each h_t.
        num_layers: each layer reads the h_t of the one below.
        nonlinearity: "tanh" or "relu".
        bias: whether there are b_ih and b_hh.
        batch_first: whether input and output are (B, T, ...) rather than (T, B, ...); states never are.
        dropout: probability that a feature is dropped on its way from one layer to the next, in train mode.
        bidirectional: read forwards and backwards; the h of both stand side by side.

    Input (T, B, input_size), or (T, input_size) for one sequence, or a PackedSequence; and optionally the initial state
    (num_layers * directions, B, hidden_size), else 0. Output (T, B, hidden_size * directions), h at every step of the
    last layer, in the form of the input; and the last state of every layer and direction, in the form of the initial.
    Raises ValueError for sizes that do not fit. `torch.export` fixes T, not B; `torch.func` and derivatives in forward
    mode need `layer.fast = False`.
    Proven equal to `torch.nn.RNN`: the names in the state dict, initial weights, outputs, states, all gradients,
    dropout under the same seed.
    """

    hidden_size: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.nonlinearity, self.step = nonlinearity, rnn_step_of(nonlinearity)
        shape = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        set_up(self, 1, *shape, device, dtype)

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        output, (h,) = run_module(self, self.step, input, hx, (self.hidden_size,))
        return output, h

    def extra_repr(self) -> str:
        return described(self)


class LSTM(nn.Module):
    """Long short-term memory in layers; `lstm_step` has the equations.

    Arguments, input and output as for `RNN`, except that there is no `nonlinearity` and that a state is a pair (h, c).
    With a `proj_size` other than 0, h is W_hr (o tanh(c)) and has that many features, while c keeps `hidden_size` (Sak
    et al., 2014, arXiv 1402.1128).
    Proven equal to `torch.nn.LSTM`: the names in the state dict, initial weights, outputs, states, all gradients,
    dropout under the same seed.
    """

    hidden_size: int
    proj_size: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        shape = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        set_up(self, 4, *shape, device, dtype, proj_size)

    def forward(self, input: Any, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Any, tuple[Tensor, Tensor]]:
        widths = (self.proj_size or self.hidden_size, self.hidden_size)
        output, (h, c) = run_module(self, lstm_step, input, hx, widths)
        return output, (h, c)

    def extra_repr(self) -> str:
        return described(self)


class GRU(nn.Module):
    """Gated recurrent units in layers; `gru_step` has the equations.

    Arguments, input and output as for `RNN`, except that there is no `nonlinearity`.
    Proven equal to `torch.nn.GRU`: the names in the state dict, initial weights, outputs, states, all gradients,
    dropout under the same seed.
    """

    hidden_size: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        shape = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        set_up(self, 3, *shape, device, dtype)

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        output, (h,) = run_module(self, gru_step, input, hx, (self.hidden_size,))
        return output, h

    def extra_repr(self) -> str:
        return described(self)


# -- the cells: one step as a module -----------------------------------------------------------------------
class RNNCell(nn.Module):
    """One step of `RNN`: input (B, input_size) and h (B, hidden_size), both without B for one sequence; output h'.

    Without h it starts at 0. Proven equal to `torch.nn.RNNCell`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.nonlinearity, self.step = nonlinearity, rnn_step_of(nonlinearity)
        set_up_cell(self, 1, input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        (h,) = run_cell(self, self.step, input, hx, 1)
        return h

    def extra_repr(self) -> str:
        return described(self)


class LSTMCell(nn.Module):
    """One step of `LSTM`: input (B, input_size), h and c (B, hidden_size), without B for one sequence; output (h', c').

    Without (h, c) they start at 0. Proven equal to `torch.nn.LSTMCell`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        set_up_cell(self, 4, input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        h, c = run_cell(self, lstm_step, input, hx, 2)
        return h, c

    def extra_repr(self) -> str:
        return described(self)


class GRUCell(nn.Module):
    """One step of `GRU`: input (B, input_size) and h (B, hidden_size), both without B for one sequence; output h'.

    Without h it starts at 0. Proven equal to `torch.nn.GRUCell`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        set_up_cell(self, 3, input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        (h,) = run_cell(self, gru_step, input, hx, 1)
        return h

    def extra_repr(self) -> str:
        return described(self)


def set_up_cell(
    module: Any, gates: int, input_size: int, hidden_size: int, bias: bool, device: Any, dtype: Any
) -> None:
    """Check and keep the sizes of a cell, and make its parameters."""
    if input_size < 1 or hidden_size < 1:
        raise ValueError(f"expected input_size and hidden_size to be at least 1; got {input_size} and {hidden_size}")
    module.input_size, module.hidden_size, module.bias = input_size, hidden_size, bias
    add_weights(module, gates, input_size, "", device, dtype)
    initialise(module)


def run_cell(module: Any, step: Step, x: Tensor, hx: Any, count: int) -> State:
    """Run one step on (B, input_size), or on (input_size,), with a state of `count` tensors."""
    shape = (*x.shape[:-1], module.hidden_size)
    if x.dim() not in (1, 2) or x.shape[-1] != module.input_size:
        raise ValueError(
            f"expected input (B, {module.input_size}), or ({module.input_size},) for one sequence; got {tuple(x.shape)}"
        )
    state = (x.new_zeros(shape),) * count if hx is None else as_state(hx, count)
    for part in state:
        if part.shape != shape:
            raise ValueError(f"expected a state {shape}; got {tuple(part.shape)}")
    weights = weights_of(module)
    alone = x.dim() == 1
    from_input = F.linear(x, weights.weight_ih, weights.bias_ih)
    state = step(from_input[None] if alone else from_input, tuple(s[None] for s in state) if alone else state, weights)
    return tuple(s[0] for s in state) if alone else state
