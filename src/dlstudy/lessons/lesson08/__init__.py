"""What lesson 08 measures and draws: windows that end, gradients through time, the cliff, languages, the proof."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from dlstudy.course.measuring import turns
from dlstudy.figures import plots
from dlstudy.figures.palette import BLUE, CYCLE, GREEN, LINE, MUTED, ORANGE, PAPER, RED
from dlstudy.figures.plots import DASHES
from dlstudy.figures.proofs import Proof
from dlstudy.figures.svg import StaticFigure, figure, subplots

# ---- windows, and parts of a gradient -------------------------------------------------------------------------------


def show_windows(sizes: Sequence[int], losses: Sequence[float], unseen: Sequence[float]) -> StaticFigure:
    """Draw how surprised a table of the last characters is, and how often it has never seen them, against its size."""
    fig, axes = subplots(1, 2, figsize=(7.2, 2.9))
    axes[0].plot(sizes, losses, color=BLUE, marker="o", ms=4.5, lw=2)
    axes[0].set(xlabel="characters that the table looks at", ylabel="surprise (nats a character)")
    axes[1].plot(sizes, 100 * np.asarray(unseen), color=ORANGE, marker="s", ms=4.5, lw=2, ls=DASHES[1])
    axes[1].set(xlabel="characters that the table looks at", ylabel="never seen before (%)", ylim=(-3, 103))
    for ax in axes:
        ax.set_xticks(list(sizes))
        ax.grid(axis="y", color=LINE)
    best = int(np.argmin(losses))
    return figure(
        fig,
        caption="On new text. A longer window knows more and has seen less: the table is at its best at "
        f"{sizes[best]} characters.",
        alt=f"Left, surprise falls from {losses[0]:.1f} to {losses[best]:.1f} nats at {sizes[best]} characters and "
        f"rises again to {losses[-1]:.1f}. Right, the share of unseen windows grows to {unseen[-1]:.0%}.",
    )


def show_parts(parts: Float[np.ndarray, "seeds steps"]) -> StaticFigure:
    """Draw how long each step's part of a gradient is, the last step at the right; one dot for each seed."""
    fig, ax = subplots(figsize=(6.8, 2.7))
    steps = np.arange(1, parts.shape[1] + 1)
    for row in parts:
        ax.plot(steps, row, ".", color=BLUE, ms=5, alpha=0.6)
    ax.plot(steps, np.exp(np.log(parts).mean(0)), color=BLUE, lw=2)
    ax.set(xlabel="step whose use of the matrix is counted", ylabel="length of its part", yscale="log")
    ax.grid(axis="y", color=LINE)
    return figure(
        fig,
        caption=f"The loss stands at step {len(steps)}. What the use of the matrix at an early step adds to its "
        "gradient is next to nothing.",
        alt=f"A curve on a logarithmic scale that rises almost straight from {parts[:, 0].mean():.0e} at step 1 to "
        f"{parts[:, -1].mean():.0e} at the last step",
    )


# ---- powers of a matrix ---------------------------------------------------------------------------------------------


def show_powers(norms: Float[np.ndarray, " lags"], sigma: float, rho: float) -> StaticFigure:
    """Draw the norms of the powers of a matrix beside its largest singular value and spectral radius to that power."""
    fig, ax = subplots(figsize=(6.8, 3.1))
    lags = np.arange(len(norms))
    ax.plot(lags, sigma**lags, color=ORANGE, ls=DASHES[1], lw=1.8, label="largest singular value, to the power")
    ax.plot(lags, norms, color=RED, lw=2.6, label="norm of the power: what can arrive")
    ax.plot(lags, rho**lags, color=BLUE, ls=DASHES[2], lw=2, label="spectral radius, to the power")
    ax.axhline(1, color=MUTED, lw=0.8)
    ax.set(xlabel="lag (steps back)", ylabel="factor", yscale="log", ylim=(min(norms.min(), rho ** lags[-1]) / 2, 2e4))
    ax.grid(axis="y", color=LINE)
    ax.legend(loc="lower left", facecolor=PAPER)
    top = int(norms.argmax())
    return figure(
        fig,
        caption=f"Both eigenvalues are {rho:.1f}, and yet the norm climbs to {norms[top]:.0f}, at lag {top}, before "
        "it dies.",
        alt=f"Three curves. The norm rises from 1 to {norms[top]:.1f} at lag {top}, then falls in parallel to the "
        f"powers of {rho:.1f}, far above them; the powers of {sigma:.1f} leave the picture at the top.",
    )


def show_lags(curves: Mapping[str, Float[np.ndarray, "seeds lags"]]) -> StaticFigure:
    """Draw Jacobian norms against the lag: for each name every seed thin and their geometric mean thick."""
    fig, ax = subplots(figsize=(6.8, 3.2))
    for n, (name, runs) in enumerate(curves.items()):
        lags = np.arange(runs.shape[1])
        for run in runs:
            ax.plot(lags, run, color=CYCLE[n], lw=0.7, alpha=0.5)
        ax.plot(lags, np.exp(np.log(runs).mean(0)), color=CYCLE[n], ls=DASHES[n], lw=2.4, label=name)
    ax.axhline(1, color=MUTED, lw=0.8)
    ax.set(xlabel="lag (steps back)", ylabel="largest singular value\nof the Jacobian", yscale="log")
    ax.grid(axis="y", color=LINE)
    ax.legend(facecolor=PAPER)
    ends = "; ".join(f"{name}: {np.exp(np.log(runs[:, -1]).mean()):.0e}" for name, runs in curves.items())
    return figure(
        fig,
        caption="The same law, bent: each tanh multiplies by its slope, at most 1, so that gradients fade sooner.",
        alt=f"Curves of the norm against the lag on a logarithmic scale. At the largest lag: {ends}.",
    )


# ---- the cliff ------------------------------------------------------------------------------------------------------

CLIFF_STEPS = 50


def cliff_error(w: Any, b: Any) -> Any:
    """Return the error of a network of one unit, h = w sigmoid(h) + b, after 50 steps from 0.5; its goal is 0.7.

    The network of figure 6 in Pascanu et al., 2013, arXiv 1211.5063.
    """
    h = np.full(np.broadcast(w, b).shape, 0.5)
    for _ in range(CLIFF_STEPS):
        h = w / (1 + np.exp(-h)) + b
    return (1 / (1 + np.exp(-h)) - 0.7) ** 2


def cliff_gradient(w: float, b: float) -> tuple[float, float]:
    """Return the slopes of `cliff_error` in w and b, carried forward beside the state."""
    h, by_w, by_b = 0.5, 0.0, 0.0
    for _ in range(CLIFF_STEPS):
        s = 1 / (1 + np.exp(-h))
        slope = w * s * (1 - s)
        h, by_w, by_b = w * s + b, s + slope * by_w, 1 + slope * by_b
    s = 1 / (1 + np.exp(-h))
    outer = 2 * (s - 0.7) * s * (1 - s)
    return float(outer * by_w), float(outer * by_b)


def cliff_walk(
    max_norm: float | None, start: tuple[float, float] = (5.5, -2.4), rate: float = 2.0, steps: int = 30
) -> Float[np.ndarray, "steps 4"]:
    """Return w, b, error and length of the gradient at each step of descent, clipped at `max_norm` or not at all."""
    (w, b), rows = start, []
    for _ in range(steps):
        dw, db = cliff_gradient(w, b)
        length = float(np.hypot(dw, db))
        rows.append((w, b, float(cliff_error(w, b)), length))
        factor = min(1.0, max_norm / length) if max_norm else 1.0
        w, b = w - rate * factor * dw, b - rate * factor * db
    return np.array(rows)


def show_cliff(walks: Mapping[str, Float[np.ndarray, "steps 4"]]) -> StaticFigure:
    """Draw the error of a one-unit network over its two parameters, and the ways of descent on it."""
    fig, ax = subplots(figsize=(6.8, 3.9))
    box = (2.8, 6.2, -3.0, -1.0)
    ws, bs = np.meshgrid(np.linspace(box[0], box[1], 170), np.linspace(box[2], box[3], 120))
    grey = plots.colours_between("#dfe9f2", "#7d93a8")
    ax.imshow(cliff_error(ws, bs), extent=box, origin="lower", aspect="auto", cmap=grey, interpolation="bilinear")
    for (name, walk), colour, dash, marker in zip(walks.items(), (RED, BLUE), DASHES, "os"):
        ax.plot(walk[:, 0], walk[:, 1], color=colour, ls=dash, lw=1.6, marker=marker, ms=3.5, label=name)
    ax.set(xlabel="weight w", ylabel="bias b", xlim=box[:2], ylim=box[2:])
    ax.legend(loc="upper right", facecolor=PAPER)
    thrown = walks[next(iter(walks))]
    return figure(
        fig,
        caption="Light is low. Down the valley go both; at the foot of the cliff one step meets its face, and without "
        "clipping that step leaves the picture for good.",
        alt="A light valley beside a dark plateau, with a sharp cliff between. Two paths go down the valley to the "
        f"foot of the cliff. One leaves the picture; it ends at w = {thrown[-1, 0]:.0f}, b = {thrown[-1, 1]:.0f}. The "
        "other goes on in short steps along the cliff.",
    )


def show_clipping(result: Mapping[str, Any]) -> StaticFigure:
    """Draw loss and gradient norm of runs with and without clipping, one line for each seed."""
    fig, axes = subplots(1, 2, figsize=(7.2, 3.0))
    for name, colour, dash in (("without clipping", RED, DASHES[1]), ("with clipping", BLUE, "-")):
        for n, run in enumerate(result[name]):
            for ax, key in zip(axes, ("loss", "norm")):
                values = np.array([np.nan if v is None else v for v in run[key]])
                ax.plot(np.arange(1, len(values) + 1), values, color=colour, ls=dash, lw=1.3, label=None if n else name)
                if key == "loss" and None in run[key]:
                    ax.plot(np.isfinite(values).sum(), values[np.isfinite(values)][-1], "x", color=colour, ms=8, mew=2)
    axes[0].set(xlabel="step", ylabel="loss (nats a character)", yscale="log")
    axes[1].set(xlabel="step", ylabel="norm of the gradient", yscale="log")
    for ax in axes:
        ax.grid(axis="y", color=LINE)
    axes[0].legend(facecolor=PAPER)
    ends = [len([v for v in run["loss"] if v is not None]) for run in result["without clipping"]]
    return figure(
        fig,
        caption="Three seeds each. A cross marks the last step whose loss was a number.",
        alt=f"Without clipping the losses leave the picture after {', '.join(map(str, ends))} steps. With clipping "
        "they fall, although the norm of the gradient has high peaks all the while.",
    )


# ---- languages ------------------------------------------------------------------------------------------------------


def show_languages(networks: Sequence[Sequence[float]], counts: Mapping[int, float]) -> StaticFigure:
    """Draw the accuracy of networks after every epoch, and of counted n-grams as levels."""
    fig, ax = subplots(figsize=(6.8, 3.0))
    runs = 100 * np.array(networks)
    epochs = np.arange(1, runs.shape[1] + 1)
    for run in runs:
        ax.plot(epochs, run, color=BLUE, lw=0.8, alpha=0.6)
    ax.plot(epochs, runs.mean(0), color=BLUE, lw=2.5, marker="o", ms=4.5)
    at = (epochs[-1], runs.mean(0)[-1])
    ax.annotate("recurrent network", at, xytext=(0, -14), textcoords="offset points", ha="right", color=BLUE)
    for n, right in counts.items():
        ax.axhline(100 * right, color=ORANGE, lw=1, ls=DASHES[1])
        words = "single letters counted" if n == 1 else f"up to {n} letters counted"
        ax.annotate(words, (1, 100 * right), ha="left", va="bottom", color=ORANGE)
    ax.axhline(10, color=MUTED, lw=1, ls=(0, (2, 3)))
    ax.annotate("guessing", (1, 10), ha="left", va="bottom", color=MUTED)
    ax.set(xlabel="epoch", ylabel="words told right (%)", ylim=(0, 100))
    ax.set_xticks(epochs)
    ax.grid(axis="y", color=LINE)
    return figure(
        fig,
        caption="Validation words. Thin lines are seeds; dashed levels are counts of letter groups, with no network.",
        alt=f"The network rises from {runs.mean(0)[0]:.0f} to {runs.mean(0)[-1]:.0f} percent. Counts of groups of up "
        "to " + ", ".join(f"{n}: {100 * right:.0f} percent" for n, right in counts.items()) + ".",
    )  # fmt: skip


def show_confusions(counts: Sequence[Sequence[int]], languages: Sequence[str]) -> StaticFigure:
    """Draw which language (row) was taken for which (column), in percent of the row."""
    table = np.array(counts, float)
    share = 100 * table / table.sum(1, keepdims=True)
    wrong = share - np.diag(np.diag(share))
    fig, ax = subplots(figsize=(6.6, 4.0))
    colours = plots.colours_between("#ffffff", "#d9a03f")
    ax.imshow(wrong, cmap=colours, vmin=0, vmax=wrong.max(), aspect="auto")
    for (i, j), value in np.ndenumerate(share):
        weight = "bold" if i == j else "normal"
        ax.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize=9, color="#111111", weight=weight)
    ax.set_xticks(range(len(languages)), languages, rotation=35, ha="right")
    ax.set_yticks(range(len(languages)), languages)
    ax.set(xlabel="taken for", ylabel="language of the word")
    ax.tick_params(length=0)
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    return figure(
        fig,
        caption=f"In percent of each row. Most often, {languages[i]} is taken for {languages[j]}.",
        alt="A table of ten languages by ten. The diagonal is the share told right, "
        + ", ".join(f"{name} {share[n, n]:.0f}" for n, name in enumerate(languages)) + ".",
    )  # fmt: skip


# ---- streams --------------------------------------------------------------------------------------------------------


def show_delay(result: Mapping[str, Any]) -> StaticFigure:
    """Draw the loss at the end of training against the window, and the edge at which the lag fits into it."""
    fig, ax = subplots(figsize=(6.8, 2.9))
    windows, losses = result["windows"], np.array(result["losses"])
    places = np.arange(len(windows))
    ax.bar(places, losses.mean(1), color=[RED if w <= result["lag"] else GREEN for w in windows], width=0.6, alpha=0.75)
    for row, x in zip(losses, places):
        ax.plot([x] * len(row), row, "o", color="black", ms=3.5)
    ax.axhline(np.log(2), color=MUTED, lw=1, ls=(0, (2, 3)))
    ax.annotate(
        "tossing a coin", (1, np.log(2)), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=MUTED
    )
    ax.set_xticks(places, [str(w) for w in windows])
    ax.set(xlabel="window of backpropagation (steps)", ylabel="loss at the end (nats)", ylim=(0, 0.8))
    words = ", ".join(f"{w} steps: {row.mean():.2f}" for w, row in zip(windows, losses))
    return figure(
        fig,
        caption=f"The bit to be named was read {result['lag']} steps before. Dots are seeds. A window of "
        f"{result['lag']} steps ends one short of it.",
        alt=f"Bars of the loss for windows of {words}. The first ones stand at the level of tossing a coin.",
    )


def show_manual(live: Sequence[Sequence[float]], log: Mapping[str, Any], table: float) -> StaticFigure:
    """Draw the live run's loss on validation text, the recorded runs of every seed, and the best table as a level."""
    fig, ax = subplots(figsize=(6.8, 3.1))
    for n, run in enumerate(log.values()):
        steps, losses = np.array(run).T
        ax.plot(steps, losses, color=MUTED, lw=1, label=None if n else "recorded, three seeds")
    steps, losses = np.array(live).T
    ax.plot(steps, losses, color=BLUE, lw=2.8, marker="o", ms=5, label="this run")
    ax.axhline(table, color=ORANGE, lw=1.2, ls=DASHES[1])
    ax.annotate("the best table", (1, table), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=ORANGE)
    ax.set(xlabel="step", ylabel="surprise on new text\n(nats a character)", xscale="log")
    ticks = [step for step in (250, 500, 1000, 2000, 5000) if step <= max(run[-1][0] for run in log.values())]
    ax.set_xticks(ticks, [f"{step:,}" for step in ticks])
    ax.minorticks_off()
    ax.grid(axis="y", color=LINE)
    ax.legend(facecolor=PAPER)
    last = float(np.mean([run[-1][1] for run in log.values()]))
    return figure(
        fig,
        caption="One short run here, three long ones recorded. The network passes the best table early and goes on.",
        alt=f"The loss falls from {losses[0]:.2f} to {losses[-1]:.2f} in this run and to {last:.2f} in the recorded "
        f"ones. The table stands at {table:.2f}.",
    )


def as_page(text: str) -> str:
    """Return generated text as an HTML block that keeps its lines, escaped."""
    return f'<pre style="white-space:pre-wrap;overflow-wrap:anywhere">{html.escape(text)}</pre>'


def show_samples(samples: Mapping[str, str]) -> str:
    """Return samples under their headings, as HTML for `mo.Html`."""
    return "".join(f"<p><strong>{html.escape(title)}</strong></p>{as_page(text)}" for title, text in samples.items())


# ---- the proof ------------------------------------------------------------------------------------------------------


def proof(rounds: int = 3, seed: int | None = None) -> list[dict[str, Any]]:
    """Compare `dlstudy.layers.recurrent.RNN` with `torch.nn.RNN` in float64, form by form: values and all gradients.

    Returns one row a form: its name, how many random geometries, the largest error of an output and of a gradient.
    `seed` None takes other geometries every time.
    """
    import torch

    from dlstudy.layers import recurrent

    rng = np.random.default_rng(seed)
    forms: dict[str, dict[str, Any]] = {
        "one layer": {},
        "three layers": {"num_layers": 3},
        "relu": {"nonlinearity": "relu"},
        "batch_first": {"batch_first": True},
        "bidirectional": {"bidirectional": True},
        "two layers, bidirectional, packed": {"num_layers": 2, "bidirectional": True, "packed": True},
    }
    compared = Proof("form", "geometries")
    for name, options in forms.items():
        packed = options.pop("packed", False)
        for _ in range(rounds):
            steps, batch, inputs, units = (int(n) for n in rng.integers((3, 2, 1, 2), (9, 6, 6, 8)))
            torch.manual_seed(int(rng.integers(2**31)))
            theirs = torch.nn.RNN(inputs, units, **options).double()
            ours = recurrent.RNN(inputs, units, **options).double()
            ours.load_state_dict(theirs.state_dict())
            shape = (batch, steps, inputs) if options.get("batch_first") else (steps, batch, inputs)
            x = torch.randn(shape, dtype=torch.float64)
            h = torch.randn(len(theirs(x)[1]), batch, units, dtype=torch.float64)
            lengths = torch.from_numpy(rng.integers(1, steps + 1, batch))
            found = [_run(torch, layer, x, h, lengths if packed else None) for layer in (ours, theirs)]
            compared.case(name, *found, values=2)
    return compared.rows


def _run(torch: Any, layer: Any, x: Any, h: Any, lengths: Any) -> list[Any]:
    """Output, last state, and the gradients of input, first state and every parameter."""
    from torch.nn.utils import rnn

    x, h = x.clone().requires_grad_(), h.clone().requires_grad_()
    y, last = layer(x if lengths is None else rnn.pack_padded_sequence(x, lengths, enforce_sorted=False), h)
    if lengths is not None:
        y, _ = rnn.pad_packed_sequence(y)
    weights = [torch.linspace(-1, 2, t.numel(), dtype=t.dtype).reshape(t.shape) for t in (y, last)]
    ((y * weights[0]).sum() + (last * weights[1]).sum()).backward()
    return [y.detach(), last.detach(), x.grad, h.grad, *(p.grad for p in layer.parameters())]


def time_ratio(rounds: int = 7) -> float:
    """Return how long our RNN takes, forward and backward, as a multiple of torch's, see `turns`."""
    import torch

    from dlstudy.layers import recurrent

    torch.manual_seed(0)
    layers = [kind(32, 128) for kind in (recurrent.RNN, torch.nn.RNN)]
    x = torch.randn(32, 32, 32)

    def run(layer: Any) -> None:
        for _ in range(3):
            layer(x)[0].square().mean().backward()

    return turns.ratio(*(partial(run, layer) for layer in layers), turns=rounds)
