"""One step of an RNN, an LSTM and a GRU, and how steps follow one another: the heart of `recurrent`.

Papers: Elman, "Finding Structure in Time", 1990 (RNN); Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997, with
the forget gate of Gers, Schmidhuber and Cummins, 2000 (LSTM); Cho et al., "Learning Phrase Representations using RNN
Encoder-Decoder for Statistical Machine Translation", 2014, arXiv 1406.1078 (GRU).

A *step* is what a network computes at one point in time: `rnn_step`, `lstm_step` and `gru_step` are all that differs
between the three. `scan` takes steps one after another, over sequences that may end at different times.

Three habits of torch.nn are kept, so that weights can be exchanged. The weights of the gates lie in one matrix, one
below another: i, f, g, o for the LSTM and r, z, n for the GRU. There are two biases where one would do (cuDNN has two):
they are added, so a bias of 1 in both is a bias of 2. And in the GRU the reset gate acts after the product with W_hh;
the paper has it before (section 2.3).

B is the batch, T the time, H `hidden_size` and G the number of gates. A step does not get x but `from_input`, which is
W_ih x + b_ih: that product needs no h, so it is made for all steps at once.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

State = tuple[Tensor, ...]
"""What goes from one step to the next: (h,) or, for the LSTM, (h, c); each (B, H)."""


class Weights(NamedTuple):
    """The weights of one direction of one layer, under torch.nn's names."""

    weight_ih: Tensor  # (G H, input size)
    weight_hh: Tensor  # (G H, H)
    bias_ih: Tensor | None = None  # (G H,)
    bias_hh: Tensor | None = None
    weight_hr: Tensor | None = None  # (proj_size, H), LSTM only


# -- one step ----------------------------------------------------------------------------------------------
def rnn_step(from_input: Tensor, state: State, weights: Weights) -> State:
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), where `from_input` is W_ih x + b_ih, (B, H)."""
    (h,) = state
    return (torch.tanh(from_input + F.linear(h, weights.weight_hh, weights.bias_hh)),)


def rnn_relu_step(from_input: Tensor, state: State, weights: Weights) -> State:
    """h' = relu(W_ih x + b_ih + W_hh h + b_hh), where `from_input` is W_ih x + b_ih, (B, H)."""
    (h,) = state
    return (torch.relu(from_input + F.linear(h, weights.weight_hh, weights.bias_hh)),)


def lstm_step(from_input: Tensor, state: State, weights: Weights) -> State:
    """Forget a part of the cell c, add to it, and show a part of it as h; `from_input` is W_ih x + b_ih, (B, 4H).

    i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)      the input gate: how much is added
    f = sigmoid(W_if x + b_if + W_hf h + b_hf)      the forget gate: how much is kept
    g = tanh   (W_ig x + b_ig + W_hg h + b_hg)      what is added
    o = sigmoid(W_io x + b_io + W_ho h + b_ho)      the output gate: how much is shown
    c' = f c + i g
    h' = o tanh(c')                                 with proj_size: W_hr (o tanh(c'))
    """
    h, c = state
    i, f, g, o = (from_input + F.linear(h, weights.weight_hh, weights.bias_hh)).chunk(4, dim=1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    c = f * c + i * g
    h = o * torch.tanh(c)
    return (h if weights.weight_hr is None else F.linear(h, weights.weight_hr)), c


def gru_step(from_input: Tensor, state: State, weights: Weights) -> State:
    """Move h a part of the way towards n; `from_input` is W_ih x + b_ih, (B, 3H).

    r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)      the reset gate: how much of the past n sees
    z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)      the update gate: how much of h stays
    n = tanh(W_in x + b_in + r (W_hn h + b_hn))     where h could go
    h' = (1 - z) n + z h
    """
    (h,) = state
    r_x, z_x, n_x = from_input.chunk(3, dim=1)
    r_h, z_h, n_h = F.linear(h, weights.weight_hh, weights.bias_hh).chunk(3, dim=1)
    r = torch.sigmoid(r_x + r_h)
    z = torch.sigmoid(z_x + z_h)
    n = torch.tanh(n_x + r * n_h)
    return ((1 - z) * n + z * h,)


Step = Callable[[Tensor, State, Weights], State]


# -- many steps --------------------------------------------------------------------------------------------
def enter(state: State, first: State, rows: int) -> State:
    """Return the state of the first `rows` sequences, when a step has fewer or more sequences than the one before.

    Sequences are sorted, longest first. Read forwards, some end: their rows, the last ones, are left out. Read
    backwards, shorter ones begin later: their rows come from `first`, the initial state.
    """
    before = state[0].shape[0]
    if rows < before:
        return tuple(s[:rows] for s in state)
    if rows > before:
        return tuple(torch.cat((s, f[before:rows])) for s, f in zip(state, first))
    return state


def scan(
    step: Step, from_input: Sequence[Tensor], first: State, weights: Weights, reverse: bool
) -> tuple[list[Tensor], State]:
    """Return h after every step and the last state of every sequence.

    `from_input[t]` is (rows, G H), where rows never grows from one t to the next; `first` has as many rows as step 0.
    """
    steps = from_input[::-1] if reverse else from_input
    state = enter(first, first, steps[0].shape[0])
    outputs, ended = [], []
    for x in steps:
        rows = x.shape[0]
        if rows < state[0].shape[0]:
            ended.append(tuple(s[rows:] for s in state))
        state = step(x, enter(state, first, rows), weights)
        outputs.append(state[0])
    if ended:  # the shortest sequences ended first and have the last rows
        state = tuple(torch.cat(parts) for parts in zip(state, *reversed(ended)))
    return outputs[::-1] if reverse else outputs, state
