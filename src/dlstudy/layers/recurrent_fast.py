"""The steps of `recurrent_steps`, with their backward passes written by hand.

`scan` is easy to read and slow: autograd notes every small operation of every step, and pays for it again on the way
back. Here one direction of one layer is a single `autograd.Function`, and five things make it fast:

- the product with the input is one product for all steps (as in `recurrent`);
- a step computes in place, in one buffer that holds all its gates;
- what the backward pass needs of a gate is its local derivative, sigmoid' = s (1 - s), times what the gate was
  multiplied with. That depends on no gradient: it is computed for all steps at once;
- so a step backwards is only a multiplication by these, and one product with W_hh;
- the gradients of the weights are sums over time of outer products: one product for all steps.

Each of the three networks states its part as a `Recurrence`. A second derivative is taken through `scan`. The tests
hold outputs, states, first and second derivatives of both paths together, and both against torch.nn.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from dlstudy.layers.recurrent_steps import State, Step, Weights, gru_step, lstm_step, rnn_relu_step, rnn_step, scan

Buffers = tuple[Tensor, ...]
"""Tensors whose rows are those of the packed input: step t has the rows from sum(sizes[:t]) on, sizes[t] of them."""


class Recurrence(NamedTuple):
    """What is special in one of the networks. The gradient with respect to x is called d_x."""

    prepare: Callable[[Tensor], Buffers]
    """From the product with the input, for all steps: the buffers that `step` works in; the last one receives h."""
    step: Callable[[Buffers, State, Tensor, Tensor | None], State]
    """One step forwards, in place in its rows of the buffers; gets the state, W_hh transposed and b_hh."""
    local: Callable[[Buffers, State], Buffers]
    """The local derivatives for all steps, from the buffers and the states before each step; keeps h as it is."""
    prepare_back: Callable[[Buffers], Buffers]
    """From these: the buffers that `back` works in."""
    back: Callable[[Buffers, State, Tensor, Buffers], State]
    """One step backwards: from the gradient of the state after it to that of the state before it. Gets its rows of the
    buffers with those of d_output, W_hh and the scratch."""
    finish: Callable[[Buffers], tuple[Tensor, Tensor]]
    """From the buffers: the gradients of W_hh h + b_hh and of W_ih x + b_ih, for all steps."""
    scratch: Callable[[Tensor, int], Buffers] = lambda weight, rows: ()
    """Room that all steps backwards use, for so many rows."""
    adds_biases: bool = True
    """Whether b_hh is simply added to b_ih, so that one product takes care of both."""


# -- RNN ---------------------------------------------------------------------------------------------------
def _rnn_forward(buffers: Buffers, state: State, weight: Tensor, bias: Tensor | None) -> State:
    (h,) = buffers
    return (h.addmm_(state[0], weight).tanh_(),)


def _rnn_relu_forward(buffers: Buffers, state: State, weight: Tensor, bias: Tensor | None) -> State:
    (h,) = buffers
    return (h.addmm_(state[0], weight).relu_(),)


def _rnn_prepare_back(local: Buffers) -> Buffers:
    return local[0], torch.empty_like(local[0])


def _rnn_back(buffers: Buffers, d_state: State, weight: Tensor, scratch: Buffers) -> State:
    local, d, d_output = buffers
    torch.add(d_state[0], d_output, out=d).mul_(local)
    return (d @ weight,)


# -- LSTM --------------------------------------------------------------------------------------------------
def _lstm_prepare(gates: Tensor) -> Buffers:
    c, h = gates.new_empty(2, gates.shape[0], gates.shape[1] // 4)
    return gates, c, h


def _lstm_forward(buffers: Buffers, state: State, weight: Tensor, bias: Tensor | None) -> State:
    gates, c, h = buffers
    i, f, g, o = gates.addmm_(state[0], weight).chunk(4, dim=1)
    i.sigmoid_()
    f.sigmoid_()
    g.tanh_()
    o.sigmoid_()
    torch.mul(f, state[1], out=c).addcmul_(i, g)
    return torch.mul(o, torch.tanh(c), out=h), c


def _lstm_local(buffers: Buffers, before: State) -> Buffers:
    gates, c, h = buffers
    i, f, g, o = gates.chunk(4, dim=1)
    keep = f.clone(memory_format=torch.contiguous_format)
    h_to_c = torch.addcmul(o, h, torch.tanh(c), value=-1)  # o (1 - tanh(c)^2), and h = o tanh(c)
    added, kept = i * g, f * before[1]
    torch.addcmul(i, added, g, value=-1, out=g)  # i (1 - g^2)
    torch.addcmul(added, added, i, value=-1, out=i)  # g i (1 - i)
    torch.addcmul(kept, kept, f, value=-1, out=f)  # c f (1 - f), with the c before the step
    torch.addcmul(h, h, o, value=-1, out=o)  # tanh(c) o (1 - o)
    return gates, keep, h_to_c


def _lstm_prepare_back(local: Buffers) -> Buffers:
    gates, keep, h_to_c = local
    d = torch.empty_like(gates)
    gates_apart, d_apart = (part.unflatten(1, (4, keep.shape[1])) for part in (gates, d))
    return keep, h_to_c.unsqueeze(1).expand(-1, 3, -1), gates_apart, d_apart, d


def _lstm_scratch(weight: Tensor, rows: int) -> Buffers:
    d_state = weight.new_empty(rows, 4, weight.shape[1])  # d_c for i, f and g, d_h for o
    return d_state, d_state[:, :3], d_state[:, 0], d_state[:, 3:], d_state[:, 3]


def _lstm_back(buffers: Buffers, d_state: State, weight: Tensor, scratch: Buffers) -> State:
    keep, h_to_c, local, d_apart, d, d_output = buffers
    d_both, d_c_thrice, d_c, d_h_wide, d_h = scratch
    torch.add(d_state[0], d_output, out=d_h)
    torch.addcmul(d_state[1].unsqueeze(1), d_h_wide, h_to_c, out=d_c_thrice)
    torch.mul(local, d_both, out=d_apart)
    return d @ weight, d_c * keep


# -- GRU ---------------------------------------------------------------------------------------------------
def _gru_prepare(gates: Tensor) -> Buffers:
    width = gates.shape[1] // 3
    r, z, n = gates.chunk(3, dim=1)
    hidden = torch.empty_like(gates)
    h = gates.new_empty(n.shape)
    return gates[:, : 2 * width], r, z, n, hidden, hidden[:, : 2 * width], hidden[:, 2 * width :], h


def _gru_forward(buffers: Buffers, state: State, weight: Tensor, bias: Tensor | None) -> State:
    rz, r, z, n, hidden, hidden_rz, hidden_n, h = buffers
    if bias is None:
        torch.mm(state[0], weight, out=hidden)
    else:
        torch.addmm(bias, state[0], weight, out=hidden)
    rz.add_(hidden_rz).sigmoid_()
    n.addcmul_(r, hidden_n).tanh_()
    return (torch.lerp(n, state[0], z, out=h),)


def _gru_local(buffers: Buffers, before: State) -> Buffers:
    _, r, z, n, hidden, _, hidden_n, _ = buffers
    local_n = (1 - z) * torch.addcmul(torch.ones_like(n), n, n, value=-1)
    local_r, local_z, _ = hidden.chunk(3, dim=1)
    torch.mul(local_n * hidden_n, r * (1 - r), out=local_r)
    torch.mul(before[0] - n, z * (1 - z), out=local_z)
    torch.mul(local_n, r, out=hidden_n)
    return hidden, z.clone(memory_format=torch.contiguous_format), local_n


def _gru_prepare_back(local: Buffers) -> Buffers:
    hidden, z, local_n = local
    width, d, d_input = z.shape[1], torch.empty_like(hidden), torch.empty_like(hidden)
    parts = [part.unflatten(1, (3, width)) for part in (hidden, d)]
    return z, local_n, parts[0], parts[1], d_input[:, 2 * width :], d, d_input


def _gru_back(buffers: Buffers, d_state: State, weight: Tensor, scratch: Buffers) -> State:
    z, local_n, local, d_parts, d_n, d, _, d_output = buffers
    d_h = d_state[0] + d_output
    torch.mul(local, d_h.unsqueeze(1), out=d_parts)
    torch.mul(local_n, d_h, out=d_n)
    return (torch.addmm(d_h * z, d, weight),)


def _gru_finish(buffers: Buffers) -> tuple[Tensor, Tensor]:
    d, d_input = buffers[-2:]
    width = buffers[0].shape[1]
    d_input[:, : 2 * width] = d[:, : 2 * width]  # r and z add the two products; only n multiplies one of them by r
    return d, d_input


def _only(buffers: Buffers) -> tuple[Tensor, Tensor]:
    """The two products are added: both have the same gradient, the last buffer."""
    return buffers[-1], buffers[-1]


OWN: dict[Step, Recurrence] = {
    rnn_step: Recurrence(
        lambda gates: (gates,),
        _rnn_forward,
        lambda buffers, before: (1 - buffers[0] * buffers[0],),
        _rnn_prepare_back,
        _rnn_back,
        _only,
    ),
    rnn_relu_step: Recurrence(
        lambda gates: (gates,),
        _rnn_relu_forward,
        lambda buffers, before: ((buffers[0] > 0).to(buffers[0].dtype),),
        _rnn_prepare_back,
        _rnn_back,
        _only,
    ),
    lstm_step: Recurrence(
        _lstm_prepare, _lstm_forward, _lstm_local, _lstm_prepare_back, _lstm_back, _only, _lstm_scratch
    ),
    gru_step: Recurrence(
        _gru_prepare, _gru_forward, _gru_local, _gru_prepare_back, _gru_back, _gru_finish, adds_biases=False
    ),
}


# -- what is the same in all -------------------------------------------------------------------------------
def fast_direction(
    step: Step, x: Tensor, sizes: list[int] | None, first: State, weights: Weights, reverse: bool
) -> tuple[Tensor, State]:
    """Return what `recurrent.one_direction` returns."""
    rows = x if sizes is not None else x.flatten(0, 1)
    steps = sizes if sizes is not None else [x.shape[1]] * x.shape[0]
    if torch.is_grad_enabled():
        output, *last = ByHand.apply(step, steps, reverse, rows, *weights[:4], *first)
    else:
        buffers, _, last = forwards(step, steps, reverse, rows, weights, first)
        output = buffers[-1]
    return (output if sizes is not None else output.unflatten(0, x.shape[:2])), tuple(last)


def by_step(buffers: Buffers, sizes: list[int]) -> list[Buffers]:
    """Return each step's rows of all buffers."""
    if sizes[0] == sizes[-1]:  # no sequence ends before the others; unbind is quicker than split
        return list(zip(*(buffer.unflatten(0, (len(sizes), sizes[0])).unbind(0) for buffer in buffers)))
    return list(zip(*(buffer.split(sizes) for buffer in buffers)))


def forwards(
    step: Step, sizes: list[int], reverse: bool, x: Tensor, weights: Weights, first: State
) -> tuple[Buffers, list[State], State]:
    """Return the buffers, the states before each step in the order of t, and the last states."""
    own = OWN[step]
    weight, bias_hh = weights.weight_hh.t().contiguous(), weights.bias_hh
    bias = weights.bias_ih
    if own.adds_biases and bias is not None and bias_hh is not None:
        bias = bias + bias_hh
    buffers = own.prepare(F.linear(x, weights.weight_ih, bias))
    views = by_step(buffers, sizes)
    coming = iter(views[::-1] if reverse else views)
    before = []

    def in_place(_: Tensor, state: State, weights: Weights) -> State:
        before.append(state)
        return own.step(next(coming), state, weight, bias_hh)

    _, last = scan(in_place, [view[-1] for view in views], first, weights, reverse)
    return buffers, before[::-1] if reverse else before, last


class ByHand(torch.autograd.Function):
    """One direction of one layer: `apply(step, sizes, reverse, x, *weights, *first)` gives (h of all steps, *last)."""

    @staticmethod
    def forward(ctx: Any, step: Step, sizes: list[int], reverse: bool, x: Tensor, *tensors: Any) -> Any:
        weights, first = Weights(*tensors[:4]), tensors[4:]
        buffers, before, last = forwards(step, sizes, reverse, x, weights, first)
        last = tuple(state.clone() for state in last)  # they are rows of buffers, and outputs may not share memory
        ctx.arguments = (step, sizes, reverse)
        if any(ctx.needs_input_grad):
            states = tuple(torch.cat(parts) for parts in zip(*before))
            local = OWN[step].local(buffers, states)
            ctx.save_for_backward(x, *tensors, states[0], *local)
        return buffers[-1], *last

    @staticmethod
    def backward(ctx: Any, d_output: Tensor, *d_last: Tensor) -> Any:
        step, sizes, reverse = ctx.arguments
        count = 5 + len(d_last)
        inputs, (h_before, *local) = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        if torch.is_grad_enabled():  # the gradient itself will be differentiated
            return None, None, None, *again(ctx, inputs, (d_output, *d_last))
        own, weights = OWN[step], Weights(*inputs[1:5])
        buffers = own.prepare_back(tuple(local))
        d_first = backwards(own, by_step((*buffers, d_output), sizes), weights.weight_hh, d_last, reverse)
        d_hidden, d_input = own.finish(buffers)
        x, need = inputs[0], ctx.needs_input_grad[3:]
        d_bias = d_input.sum(0) if need[3] or need[4] else None
        d_bias_hh = d_hidden.sum(0) if need[4] and d_hidden is not d_input else d_bias
        return (
            *(None, None, None),
            d_input @ weights.weight_ih if need[0] else None,
            d_input.t() @ x if need[1] else None,
            d_hidden.t() @ h_before if need[2] else None,
            d_bias if need[3] else None,
            d_bias_hh if need[4] else None,
            *d_first,
        )


def backwards(own: Recurrence, views: list[Buffers], weight: Tensor, d_last: State, reverse: bool) -> State:
    """Go through the steps from the last one read to the first; return the gradient of the initial state.

    What `enter` and `scan` did to the rows is undone: where rows were left out, the gradient of their last states comes
    in; where rows began, their gradient goes to the initial state.
    """
    order = views if reverse else views[::-1]
    d_state, began, scratch = tuple(d[: order[0][-1].shape[0]] for d in d_last), [], None
    for buffers in order:
        rows, now = buffers[-1].shape[0], d_state[0].shape[0]
        if rows > now:
            d_state = tuple(torch.cat((d, last[now:rows])) for d, last in zip(d_state, d_last))
        elif rows < now:
            began.append(tuple(d[rows:] for d in d_state))
            d_state = tuple(d[:rows] for d in d_state)
        if scratch is None or rows != now:
            scratch = own.scratch(weight, rows)
        d_state = own.back(buffers, d_state, weight, scratch)
    return tuple(torch.cat(parts) for parts in zip(d_state, *reversed(began))) if began else d_state


def again(ctx: Any, inputs: tuple[Tensor, ...], d_outputs: tuple[Tensor, ...]) -> list[Tensor | None]:
    """Return the gradients as functions that autograd can differentiate: through `scan`."""
    step, sizes, reverse = ctx.arguments
    x, weights, first = inputs[0], Weights(*inputs[1:5]), inputs[5:]
    parts = F.linear(x, weights.weight_ih, weights.bias_ih).split(sizes)
    outputs, last = scan(step, parts, first, weights, reverse)
    wanted = [place for place, need in enumerate(ctx.needs_input_grad[3:]) if need]
    found = torch.autograd.grad(
        (torch.cat(outputs), *last), [inputs[place] for place in wanted], d_outputs, create_graph=True
    )
    gradients: list[Tensor | None] = [None] * len(inputs)
    for place, gradient in zip(wanted, found):
        gradients[place] = gradient
    return gradients
