"""What lesson 04 measures and draws beyond the shared figures: cures and their gains, noise, rates, honest splits."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from dlstudy import data
from dlstudy.figures import tables
from dlstudy.figures.palette import BLUE, CYCLE, GREEN, LINE, MUTED, ORANGE, PAPER, RED
from dlstudy.figures.proofs import largest_error
from dlstudy.figures.svg import StaticFigure, figure, subplots
from dlstudy.training.gains import Gain, paired

SIDE = 14
SEEDS = (0, 1, 2, 3, 4)


class Sealed:
    """Test digits in an envelope that counts how often it is opened."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self._x, self._y = x, y
        self.opened = 0

    def open(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the digits (N, 196) and their labels (N,)."""
        self.opened += 1
        return self._x, self._y

    def __repr__(self) -> str:
        return f"{len(self._y)} test digits, opened {self.opened} times"


@dataclass(frozen=True)
class Digits:
    """MNIST digits at half size, 196 pixels from 0 to 1: a pool to train on, digits to choose by, and a sealed test."""

    pool_x: np.ndarray
    pool_y: np.ndarray
    val_x: np.ndarray
    val_y: np.ndarray
    test: Sealed


def halved(x: np.ndarray) -> np.ndarray:
    """Return images (N, 1, 28, 28) as rows (N, 196): the mean of each 2 x 2 block, float32."""
    return x.reshape(-1, SIDE, 2, SIDE, 2).mean((2, 4)).reshape(-1, SIDE * SIDE).astype(np.float32)


def digits() -> Digits:
    """Return the page's digits: the train part of MNIST's subset in two halves, and its "val" part, sealed.

    The subset's test part stays unread: it is for lesson 05, which is chosen by looking at these 500.
    """
    mnist = data.load("mnist")
    x, y = mnist.split("train").arrays()
    order = np.random.RandomState(0).permutation(len(y))
    x, y = halved(x)[order], y[order]
    half = len(y) // 2
    test_x, test_y = mnist.split("val").arrays()
    return Digits(x[:half], y[:half], x[half:], y[half:], Sealed(halved(test_x), test_y))


def shifted(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return rows (N, 196) with each image moved by -1, 0 or 1 pixel down and across, paper coming in at the edge."""
    n = len(x)
    framed = np.pad(x.reshape(n, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)))
    down, across = rng.integers(0, 3, (2, n, 1, 1))
    place = np.arange(SIDE)
    moved = framed[np.arange(n)[:, None, None], down + place[:, None], across + place]
    return moved.reshape(n, -1)


# ---- cures for overfitting ------------------------------------------------------------------------------------------

CURES: dict[str, dict[str, Any]] = {
    "no cure": {},
    "L2 in the loss": {"l2": 3e-4},
    "weight decay": {"decay": 0.5},
    "dropout": {"drop": 0.5},
    "label smoothing": {"smooth": 0.1},
    "shifted copies": {"augment": True},
    "shifts + smoothing": {"augment": True, "smooth": 0.1},
}
"""Name of a cure -> what it changes in the page's `train`. Strengths were the best of three on validation digits."""
STOPPED = "early stopping"


def cures(
    train: Callable[..., tuple[Any, np.ndarray]], seeds: Sequence[int] = SEEDS
) -> Generator[float, None, dict[str, Any]]:
    """Train once for every cure and seed; return validation loss and accuracy of each, and the curves of no cure.

    `train(seed, **cure)` returns a network and its log (epochs, 4): loss and accuracy in training, then in validation.
    Early stopping costs no run of its own: it is the plain run, read at the epoch of its lowest validation loss.
    """
    found: dict[str, dict[str, list[float]]] = {}
    curves: dict[str, list[list[float]]] = {}
    for number, (name, cure) in enumerate(CURES.items()):
        logs = []
        for place, seed in enumerate(seeds):
            logs.append(train(seed, **cure)[1])
            yield (number * len(seeds) + place + 1) / (len(CURES) * len(seeds))
        every = np.stack(logs)  # (seeds, epochs, 4)
        found[name] = {"loss": every[:, -1, 2].tolist(), "accuracy": every[:, -1, 3].tolist()}
        curves[name] = every[:, :, [0, 2]].mean(0).round(5).T.tolist()
        if not cure:
            rows = range(len(seeds)), every[:, :, 2].argmin(1)
            found[STOPPED] = {"loss": every[*rows, 2].tolist(), "accuracy": every[*rows, 3].tolist()}
    return {"seeds": list(seeds), "cures": found, "curves": curves}


def gains(found: Mapping[str, Any], what: str) -> dict[str, Gain]:
    """Return for every cure in the result of `cures` its gain in `what` ("loss" or "accuracy") over no cure."""
    every = found["cures"]
    return {name: paired(values[what], every["no cure"][what]) for name, values in every.items() if name != "no cure"}


def cures_table(found: Mapping[str, Any]) -> str:
    """Return the regularization table in Markdown: means, and gains over no cure with their standard errors."""
    loss, accuracy = gains(found, "loss"), gains(found, "accuracy")
    lines = []
    for name, values in found["cures"].items():
        changes = (_sure(loss[name], 1, 3), _sure(accuracy[name], 100, 1)) if name in loss else ("", "")
        means = f"{np.mean(values['loss']):.3f}", f"{np.mean(values['accuracy']):.1%}"
        lines.append((name, means[0], changes[0], means[1], changes[1]))
    head = ("", "validation loss", "change of it", "validation accuracy", "change of it, points")
    return tables.markdown(head, lines)


def read_test(
    train: Callable[..., tuple[Any, np.ndarray]],
    judge: Callable[..., tuple[float, float]],
    test: Sealed,
    chosen: str,
    seeds: Sequence[int] = SEEDS,
) -> Generator[float, None, dict[str, list[float]]]:
    """Open the envelope once, and return the accuracy on it of no cure and of the `chosen` one, seed by seed.

    `judge(network, x, y)` returns loss and accuracy. All networks are trained before the envelope is opened.
    """
    names, nets = ("no cure", chosen), []
    for seed in seeds:
        for name in names:
            nets.append((name, train(seed, **CURES[name])[0]))
            yield len(nets) / (2 * len(seeds))
    x, y = test.open()
    found: dict[str, list[float]] = {"no cure": [], "chosen": []}
    for name, net in nets:
        found["chosen" if name == chosen else name].append(judge(net, x, y)[1])
    return found


def _sure(gain: Gain, scale: float, digits: int) -> str:
    mean = round(scale * gain.mean, digits) + 0.0  # no minus before a nought
    text = f"{mean:+.{digits}f} ± {scale * gain.error:.{digits}f}".replace("-", "−")
    return f"**{text}**" if gain.clear else text


def show_cures(found: Mapping[str, Any]) -> StaticFigure:
    """Draw the gains of `cures` over no cure with bars of two standard errors: loss to the left, accuracy right."""
    loss, accuracy = gains(found, "loss"), gains(found, "accuracy")
    names = sorted(loss, key=lambda name: -loss[name].mean)
    fig, axes = subplots(1, 2, figsize=(7.2, 0.9 + 0.34 * len(names)), sharey=True)
    for ax, table, scale, label in (
        (axes[0], loss, 1, "change of the validation loss\n(to the left is better)"),
        (axes[1], accuracy, 100, "change of the validation accuracy, points\n(to the right is better)"),
    ):
        for row, name in enumerate(names):
            gain = table[name]
            colour = MUTED if not gain.clear else GREEN if (gain.mean < 0) == (table is loss) else RED
            mark = "o" if gain.clear else "D"
            ax.errorbar(
                scale * gain.mean, row, xerr=2 * scale * gain.error, fmt=mark, color=colour, ms=6, lw=2, capsize=3
            )
        ax.axvline(0, color=MUTED, lw=1)
        ax.set_xlabel(label)
        ax.grid(axis="x", color=LINE, lw=0.6)
        ax.set_ylim(-0.6, len(names) - 0.4)
    axes[0].set_yticks(range(len(names)), names)
    words = "; ".join(
        f"{name}: loss {loss[name].mean:+.2f}, accuracy {100 * accuracy[name].mean:+.1f} points" for name in names
    )
    count = len(found["seeds"])
    return figure(
        fig,
        caption=f"Each cure against no cure, paired over {count} seeds. Bars are two standard errors; a grey diamond "
        "means that the sign is not clear.",
        alt=f"Gains with error bars. {words}.",
    )


# ---- gradients of batches -------------------------------------------------------------------------------------------


def noise_law(size: np.ndarray, total: int) -> np.ndarray:
    """Return how the error of a mean falls with the sample's size, drawn without replacement, with 1 for one example.

    The standard error of a sample of B out of N: sqrt((N - B) / (B (N - 1))) (Cochran, Sampling Techniques, 1977, eq.
    2.20, in units of the population's deviation).
    """
    return np.sqrt((total - size) / (size * (total - 1)))


def show_noise_and_time(
    sizes: Sequence[int], noise: Sequence[float], seconds: Sequence[float], total: int
) -> StaticFigure:
    """Draw the relative error of a batch's gradient beside the law, and the time of an epoch, against batch size."""
    fig, axes = subplots(1, 2, figsize=(7.2, 2.9))
    fine = np.geomspace(1, total * 0.9, 60)
    axes[0].plot(fine, noise[0] * noise_law(fine, total), color=MUTED, lw=1.5, ls=(0, (4, 2)), label="the law")
    axes[0].plot(sizes, noise, "o", color=BLUE, label="measured")
    axes[0].set(xscale="log", yscale="log", xlabel="examples in a batch", ylabel="error of the gradient / its length")
    axes[0].legend(facecolor=PAPER)
    axes[1].plot(sizes, seconds, "s-", color=ORANGE)
    axes[1].set(xscale="log", yscale="log", xlabel="examples in a batch", ylabel=f"seconds for {total:,} examples")
    for ax in axes:
        ax.grid(color=LINE, lw=0.6)
    return figure(
        fig,
        caption="Left: four times the batch, half the noise. Right: small batches waste time on overhead, large ones "
        "no longer do.",
        alt="Two panels on log scales. The gradient's error falls along the square-root law; the time of an epoch "
        "falls and levels off.",
    )


# ---- optimizers ------------------------------------------------------------------------------------------------------


def correction(steps: int, beta1: float = 0.9, beta2: float = 0.999) -> np.ndarray:
    """Return how long Adam's steps 1 to `steps` are without bias correction, for a constant gradient, in rates.

    m grows as 1 - beta1^t and v as 1 - beta2^t (Kingma and Ba, arXiv 1412.6980, section 3), so the step is
    (1 - beta1^t) / sqrt(1 - beta2^t); with correction it is 1.
    """
    t = np.arange(1, steps + 1)
    return (1 - beta1**t) / np.sqrt(1 - beta2**t)


_OPTIMIZERS: dict[str, Callable[[Any, list[Any]], Any]] = {
    "SGD": lambda optim, w: optim.SGD(w, lr=0.05),
    "SGD, momentum": lambda optim, w: optim.SGD(w, lr=0.05, momentum=0.9),
    "SGD, Nesterov": lambda optim, w: optim.SGD(w, lr=0.05, momentum=0.9, nesterov=True),
    "SGD, momentum, L2": lambda optim, w: optim.SGD(w, lr=0.05, momentum=0.9, weight_decay=0.1),
    "Adagrad": lambda optim, w: optim.Adagrad(w, lr=0.05),
    "RMSprop": lambda optim, w: optim.RMSprop(w, lr=0.01),
    "Adam": lambda optim, w: optim.Adam(w, lr=0.01),
    "Adam, L2": lambda optim, w: optim.Adam(w, lr=0.01, weight_decay=0.1),
    "AdamW": lambda optim, w: optim.AdamW(w, lr=0.01, weight_decay=0.1),
}
_SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    "StepLR": lambda s, opt: s.StepLR(opt, step_size=15, gamma=0.5),
    "CosineAnnealingLR": lambda s, opt: s.CosineAnnealingLR(opt, T_max=50),
    "LinearLR, a warm-up": lambda s, opt: s.LinearLR(opt, start_factor=0.1, total_iters=10),
    "OneCycleLR": lambda s, opt: s.OneCycleLR(opt, max_lr=0.05, total_steps=60),
    "ReduceLROnPlateau": lambda s, opt: s.ReduceLROnPlateau(opt, factor=0.5, patience=3),
}


def proof(steps: int = 50) -> Generator[float, None, list[dict[str, Any]]]:
    """Walk `steps` steps with every optimizer and scheduler of scratch and of torch on the same float64 problem.

    The problem is a small network's: 3 weights of different shapes, a loss that is no quadratic, new data at each step.
    Returns a row each: the largest difference of any weight, or of the rate, after any step, and how far the weights
    had moved by then.
    """
    import torch

    from dlstudy import scratch

    rows = []
    for name, make in _OPTIMIZERS.items():

        def alone(optim: Any, w: list[Any], make: Any = make) -> tuple[Any, None]:
            return make(optim, w), None

        ours, theirs = (_walk(lib, alone, steps) for lib in (scratch, torch))
        rows.append(_proof_row(name, ours, theirs))
        yield len(rows) / (len(_OPTIMIZERS) + len(_SCHEDULES))
    for name, schedule in _SCHEDULES.items():

        def build(optim: Any, w: list[Any], schedule: Any = schedule) -> tuple[Any, Any]:
            optimizer = optim.SGD(w, lr=0.05, momentum=0.9)
            return optimizer, schedule(optim.lr_scheduler, optimizer)

        ours, theirs = (_walk(lib, build, steps) for lib in (scratch, torch))
        rows.append(_proof_row(name, ours, theirs))
        yield len(rows) / (len(_OPTIMIZERS) + len(_SCHEDULES))
    return rows


def _walk(lib: Any, build: Callable[[Any, list[Any]], tuple[Any, Any]], steps: int) -> np.ndarray:
    """Return all weights, and the rate, after each of `steps` steps: (steps + 1, weights + 1)."""
    rng = np.random.default_rng(5)
    weights = [lib.tensor(rng.normal(size=shape), requires_grad=True) for shape in ((6, 5), (5,), (5, 3))]
    optimizer, scheduler = build(lib.optim, weights)
    path = []
    for step in range(steps + 1):
        rate = optimizer.param_groups[0]["lr"]
        path.append(np.concatenate([*(w.detach().numpy().ravel().copy() for w in weights), [rate]]))
        if step == steps:
            break
        x, target = lib.tensor(rng.normal(size=(8, 6))), lib.tensor(rng.normal(size=(8, 3)))
        loss = (((x @ weights[0] + weights[1]).tanh() @ weights[2] - target) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if type(scheduler).__name__ == "ReduceLROnPlateau":
            scheduler.step(loss.item())
        elif scheduler is not None:
            scheduler.step()
    return np.stack(path)


def _proof_row(name: str, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    return {
        "what": name,
        "largest difference": largest_error([ours], [theirs]),
        "way walked": float(np.abs(np.diff(theirs[:, :-1], axis=0)).sum(0).max()),
    }


# ---- learning rates --------------------------------------------------------------------------------------------------

RATES = tuple(float(rate) for rate in 10.0 ** np.arange(-3.5, 0.76, 0.5))


def sweep(
    quick: Callable[[int, str, float], float], seeds: Sequence[int] = SEEDS[:3]
) -> Generator[float, None, dict[str, Any]]:
    """Return the loss that `quick(seed, optimizer, rate)` reaches for every optimizer, rate and seed; inf is kept out.

    A loss that is not finite, or above 10, is written as 10: it has diverged.
    """
    found: dict[str, list[list[float]]] = {}
    names = ("SGD", "momentum", "Adam")
    done, total = 0, len(names) * len(RATES) * len(seeds)
    for name in names:
        found[name] = []
        for rate in RATES:
            losses = []
            for seed in seeds:
                loss = quick(seed, name, rate)
                losses.append(float(loss) if loss < 10 else 10.0)  # a NaN is not below 10 either
                done += 1
                yield done / total
            found[name].append(losses)
    return {"rates": list(RATES), "losses": found, "seeds": list(seeds)}


def show_sweep(found: Mapping[str, Any]) -> StaticFigure:
    """Draw the result of `sweep`: mean loss against rate, with the range over seeds."""
    fig, ax = subplots(figsize=(6.8, 3.2))
    for (name, losses), colour, mark, dash in zip(found["losses"].items(), CYCLE, "os^", ("-", "--", ":")):
        values = np.array(losses)
        ax.plot(found["rates"], values.mean(1), color=colour, marker=mark, ls=dash, lw=2, label=name)
        ax.fill_between(found["rates"], values.min(1), values.max(1), color=colour, alpha=0.15, lw=0)
    ax.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="training loss after 60 steps")
    ax.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    ax.minorticks_off()
    ax.grid(axis="y", color=LINE, lw=0.6)
    ax.legend(facecolor=PAPER)
    best = {name: found["rates"][int(np.mean(losses, axis=1).argmin())] for name, losses in found["losses"].items()}
    words = ", ".join(f"{name} {rate:.2g}" for name, rate in best.items())
    return figure(
        fig,
        caption="Too small and nothing happens, too large and it flies apart; the cliff stands right behind the best "
        "rate. Shaded: the range over three seeds.",
        alt=f"Three U-shaped curves of loss against learning rate, steep on the right. The best rates: {words}.",
    )


def best_rates(found: Mapping[str, Any]) -> dict[str, float]:
    """Return the rate with the lowest mean loss for every optimizer in the result of `sweep`."""
    return {name: found["rates"][int(np.mean(losses, axis=1).argmin())] for name, losses in found["losses"].items()}


# ---- weight decay ----------------------------------------------------------------------------------------------------


def show_decay(adam: tuple[np.ndarray, np.ndarray], adamw: tuple[np.ndarray, np.ndarray]) -> StaticFigure:
    """Draw by how much of itself each weight was shrunk, in units of rate x decay, against its gradient's usual size.

    Each argument is a pair of arrays with one number a weight, size and shrinking: for Adam with L2, and for AdamW.
    """
    fig, ax = subplots(figsize=(6.8, 3.1))
    for (size, shrunk), style, colour, name in (
        (adam, ".", ORANGE, "Adam with L2 in the gradient"),
        (adamw, "-", BLUE, "AdamW"),
    ):
        order = np.argsort(size)[np.linspace(0, len(size) - 1, 400).astype(int)]
        ax.plot(size[order], shrunk[order], style, color=colour, ms=4, lw=2, label=name)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="usual size of the weight's gradient, √v",
        ylabel="shrinking / (rate × decay)",
    )
    ax.grid(color=LINE, lw=0.6)
    ax.legend(facecolor=PAPER)
    return figure(
        fig,
        caption="One decay, asked of all weights alike. AdamW gives it; inside Adam's gradient it falls with the "
        "gradient's size.",
        alt="A cloud of points that falls steeply with the size of the gradient, and a level line at 1.",
    )


# ---- who may choose --------------------------------------------------------------------------------------------------


def fifty_models(count: int = 50, size: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Train small linear classifiers on different draws of 8 x 8 digits; return where each is right, and the parts.

    Returns a table (count, N), True where a model reads a digit right, for all N digits outside the training part that
    no model has seen, and their part: 1 for validation, 2 for test.
    """
    every = data.load("digits")
    x, y = every.arrays(flat=True)
    train, rest = np.flatnonzero(every.parts == 0), np.flatnonzero(every.parts != 0)
    right = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(train)[:size]
        own, target = x[chosen], np.eye(10, dtype=np.float32)[y[chosen]]
        weight, bias = rng.normal(size=(64, 10)).astype(np.float32) * 0.01, np.zeros(10, np.float32)
        for _ in range(60):
            scores = own @ weight + bias
            p = np.exp(scores - scores.max(1, keepdims=True))
            gap = (p / p.sum(1, keepdims=True) - target) / size
            weight -= own.T @ gap
            bias -= gap.sum(0)
        right.append((x[rest] @ weight + bias).argmax(1) == y[rest])
    return np.stack(right), every.parts[rest]


def show_claims(claimed: np.ndarray, fresh: np.ndarray) -> StaticFigure:
    """Draw what the winner scored on the digits that chose it, and on fresh ones, for each repetition."""
    fig, ax = subplots(figsize=(6.8, 2.9))
    low, high = 100 * min(claimed.min(), fresh.min()), 100 * max(claimed.max(), fresh.max())
    bins = np.arange(np.floor(low) - 0.5, np.ceil(high) + 1.5, 1)
    ax.hist(100 * fresh, bins, color=BLUE, alpha=0.75, label="on fresh digits")
    ax.hist(
        100 * claimed, bins, color=ORANGE, alpha=0.75, hatch="//", edgecolor=PAPER, label="on the digits that chose it"
    )
    ax.axvline(100 * fresh.mean(), color=BLUE, lw=1.5)
    ax.axvline(100 * claimed.mean(), color=ORANGE, lw=1.5, ls=(0, (4, 2)))
    ax.set(xlabel="accuracy of the winner, %", ylabel="repetitions")
    ax.legend(facecolor=PAPER)
    return figure(
        fig,
        caption=f"The best of fifty, chosen {len(claimed)} times over on other test digits. Lines: the means.",
        alt=f"Two histograms. On the choosing digits {100 * claimed.mean():.1f} % in the mean, on fresh ones "
        f"{100 * fresh.mean():.1f} %.",
    )


def nearest(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return for each row of `new` (M, D) the label of the row of `x` (N, D) that is nearest to it: (M,)."""
    squares = (x * x).sum(1) - 2 * new @ x.T
    return y[squares.argmin(1)]


@cache
def example_shift(seed: int = 0) -> np.ndarray:
    """Return one digit and four shifted copies of it, (5, 14, 14), to look at."""
    x = digits().pool_x[:1]
    rng = np.random.default_rng(seed)
    return np.concatenate([x, *(shifted(x, rng) for _ in range(4))]).reshape(5, SIDE, SIDE)
