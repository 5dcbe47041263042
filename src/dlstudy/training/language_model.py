"""Training a language model: one small loop to read, which lesson 10 and the benchmarks use.

What it is made of stands in Loshchilov, Hutter, "Decoupled Weight Decay Regularization", 2017 (arXiv 1711.05101: AdamW)
and "SGDR", 2016 (arXiv 1608.03983: the cosine), and Pascanu, Mikolov, Bengio, 2012 (arXiv 1211.5063: clipping).
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor, nn
from torch.nn import functional as F

from dlstudy.data.text import random_windows


@dataclass(frozen=True)
class Progress:
    """How far a training is."""

    step: int
    """Steps done."""
    learning_rate: float
    """Of the next step."""
    train_loss: float | None
    """Mean over the steps since the last report, in nats a token; None before the first step."""
    val_loss: float | None
    """On held-out text, in nats a token; None where it was not measured."""
    seconds: float
    """Time in the training steps so far; reports, evaluation and samples are not counted."""
    sample: str | None
    """What the model wrote; None where it was not asked."""


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters for an optimizer: decay for matrices and embeddings, none for biases and norms.

    A weight that multiplies can be small without harm; a scale or an offset has no reason to be drawn to 0.
    """
    trained = [value for value in model.parameters() if value.requires_grad]
    return [
        {"params": [value for value in trained if value.dim() >= 2], "weight_decay": weight_decay},
        {"params": [value for value in trained if value.dim() < 2], "weight_decay": 0.0},
    ]


def learning_rate_at(step: int, *, steps: int, peak: float, floor: float, warmup: int) -> float:
    """Return the rate of a step (from 0 on): `warmup` steps straight up to `peak`, then a cosine down to `floor`."""
    if step < warmup:
        return peak * (step + 1) / warmup
    way = min((step - warmup) / max(steps - warmup, 1), 1.0)
    return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * way))


def token_loss(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats a token: inputs and targets (B, T), the model's scores (B, T, V)."""
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


@torch.no_grad()
def evaluate(
    model: nn.Module, tokens: Int64[np.ndarray, " N"], length: int, *, windows: int | None = None, batch_size: int = 64
) -> float:
    """Return the mean loss of `model` in nats a token on windows of `length` that lie side by side in `tokens`.

    With `windows` only so many of them, evenly spaced over the text: the same ones at every call. Dropout is off
    meanwhile. ValueError where the text is too short for one window.
    """
    available = (len(tokens) - 1) // length
    if available < 1:
        raise ValueError(f"expected more than {length} tokens, for one window and its targets; got {len(tokens)}")
    chosen = np.arange(available)
    if windows is not None and windows < available:
        chosen = chosen[np.linspace(0, available - 1, windows).round().astype(int)]
    device = next(model.parameters()).device
    places = chosen[:, None] * length + np.arange(length)  # (windows, T)
    was_training = model.training
    model.eval()
    total = 0.0
    for first in range(0, len(places), batch_size):
        batch = places[first : first + batch_size]
        inputs, targets = (torch.from_numpy(tokens[batch + shift]).to(device) for shift in (0, 1))
        total += token_loss(model, inputs, targets).item() * len(batch)
    model.train(was_training)
    return total / len(places)


def train(
    model: nn.Module,
    tokens: Int64[np.ndarray, " N"],
    val_tokens: Int64[np.ndarray, " M"] | None = None,
    *,
    steps: int,
    batch_size: int,
    length: int,
    learning_rate: float = 1e-3,
    final_learning_rate: float | None = None,
    warmup: int = 100,
    weight_decay: float = 0.1,
    betas: tuple[float, float] = (0.9, 0.99),
    clip: float | None = 1.0,
    report_every: int = 50,
    evaluate_every: int = 250,
    evaluation_windows: int | None = 240,
    sample: Callable[[nn.Module], str] | None = None,
    seed: int = 0,
) -> Iterator[Progress]:
    """Train `model` to predict the next token, and tell from time to time how it goes.

    Args:
        model: tokens (B, T) in, scores (B, T, V) out; trained where it lies, on its own device.
        tokens: the text to learn from.
        val_tokens: held-out text.
        steps: how many; the learning rate is planned for all of them.
        batch_size: windows a step.
        length: tokens a window.
        learning_rate: the highest.
        final_learning_rate: the last; a tenth of the highest unless given.
        warmup: steps in which the rate rises.
        weight_decay: AdamW's, on matrices and embeddings only.
        betas: AdamW's.
        clip: the longest gradient (norm over all parameters); None for no limit.
        report_every: steps between two reports. There is one before the first step and one behind the last as well.
        evaluate_every: steps between two reports with `val_loss` and `sample`; the first and the last have them too.
        evaluation_windows: see `evaluate`.
        sample: gets the model, gives text.
        seed: of the windows that are drawn. Dropout draws from torch's own generator: `torch.manual_seed`.

    Nothing happens until the first report is asked for, and who asks for no more has stopped the training: the model
    stays as trained as it is then.
    """
    device = next(model.parameters()).device
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(
        parameter_groups(model, weight_decay), lr=learning_rate, betas=betas, fused=True
    )  # fmt: skip
    floor = learning_rate / 10 if final_learning_rate is None else final_learning_rate
    losses: list[Tensor] = []
    seconds = 0.0

    def report(step: int, rate: float) -> Progress:
        full = step % evaluate_every == 0 or step == steps
        progress = Progress(
            step=step,
            learning_rate=rate,
            train_loss=mean(losses) if losses else None,
            val_loss=evaluate(model, val_tokens, length, windows=evaluation_windows)
            if full and val_tokens is not None
            else None,
            seconds=seconds,
            sample=sample(model) if full and sample is not None else None,
        )
        losses.clear()
        model.train()
        return progress

    model.train()
    for step in range(steps):
        rate = learning_rate_at(step, steps=steps, peak=learning_rate, floor=floor, warmup=warmup)
        if step % report_every == 0 or step % evaluate_every == 0:
            yield report(step, rate)
        began = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = rate
        inputs, targets = (
            torch.from_numpy(part).to(device) for part in random_windows(tokens, batch_size, length, rng)
        )
        loss = token_loss(model, inputs, targets)
        optimizer.zero_grad()
        loss.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.detach())  # .item() would make a GPU wait
        seconds += time.perf_counter() - began
    yield report(steps, floor)


def mean(losses: Sequence[Tensor]) -> float:
    """Return the mean of losses as a number."""
    return torch.stack(list(losses)).mean().item()
