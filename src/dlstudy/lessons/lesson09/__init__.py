"""What lesson 09 measures and draws: adding over many steps, gradients and gates, text in a cell, the proof."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from dlstudy.course.measuring import turns
from dlstudy.course.measuring.machine import one_thread
from dlstudy.figures import plots
from dlstudy.figures.palette import BLUE, CYCLE, LINE, MUTED, ORANGE, PURPLE
from dlstudy.figures.plots import DASHES
from dlstudy.figures.proofs import Proof
from dlstudy.figures.svg import StaticFigure, figure, subplots

# ---- the adding problem ---------------------------------------------------------------------------------------------


def show_sequence(x: Float[np.ndarray, "T 2"], y: float) -> StaticFigure:
    """Draw one sequence of the adding problem: its numbers as bars, the marked ones in colour."""
    fig, ax = subplots(figsize=(6.8, 1.9))
    marked = np.flatnonzero(x[:, 1])
    ax.bar(np.arange(1, len(x) + 1), x[:, 0], color=[ORANGE if m else LINE for m in x[:, 1]])
    for place in marked:
        ax.annotate(f"{x[place, 0]:.2f}", (place + 1, x[place, 0]), ha="center", va="bottom")
    ax.set(xlabel="step", ylabel="number", ylim=(0, 1.2), xlim=(0, len(x) + 1))
    total = " + ".join(f"{x[place, 0]:.2f}" for place in marked)
    return figure(
        fig,
        caption=f"One sequence. After the last step the network should say {total} = {y:.2f}.",
        alt=f"{len(x)} bars of random heights; two are in colour, at the steps {' and '.join(map(str, marked + 1))}.",
    )


def show_errors(runs: Sequence[Mapping[str, Any]]) -> StaticFigure:
    """Draw how validation errors fall: one panel a length, one colour a network, one curve a seed.

    A run has "kind", "length", "seed" and "curve", a list of [steps done, mean squared error].
    """
    lengths = sorted({run["length"] for run in runs})
    kinds = list(dict.fromkeys(run["kind"] for run in runs))
    fig, axes = subplots(1, len(lengths), figsize=(7.2, 2.9), sharey=True, squeeze=False)
    for ax, length in zip(axes[0], lengths):
        for run in (run for run in runs if run["length"] == length):
            steps, errors = np.array(run["curve"]).T
            n = kinds.index(run["kind"])
            label = run["kind"] if run["seed"] == 0 else None
            ax.plot(steps, errors, color=CYCLE[n], ls=DASHES[n], lw=1.7, label=label, alpha=0.9)
        ax.axhline(1 / 6, color=MUTED, lw=1, ls=(0, (2, 3)))
        ax.set(title=f"{length} steps", xlabel="batches seen", yscale="log")
        ax.grid(axis="y")
    axes[0, 0].set_ylabel("mean squared error")
    axes[0, 0].legend(title="three seeds each")
    ends = "; ".join(
        f"{kind} over {length} steps ends at "
        + ", ".join(f"{run['curve'][-1][1]:.3f}" for run in runs if run["kind"] == kind and run["length"] == length)
        for length in lengths
        for kind in kinds
    )
    return figure(
        fig,
        caption="Each curve is one seed; the dotted line is what one gets by always saying 1.",
        alt=f"Curves of errors on a logarithmic scale. {ends}.",
    )


def read_log(file: Path) -> dict[str, Any]:
    """Return what a named command has written down: a file of JSON."""
    log: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return log


# ---- gradients and gates --------------------------------------------------------------------------------------------


def set_biases(lstm: Any, **values: float) -> None:
    """Give parts of a one-layer `nn.LSTM` a bias: the sum of its two is then `values`, by name: input, forget, output.

    Raises ValueError for another name.
    """
    import torch

    places = {"input": 0, "forget": 1, "output": 3}
    with torch.no_grad():
        for name, value in values.items():
            if name not in places:
                raise ValueError(f"expected one of {', '.join(places)}; got {name!r}")
            lstm.bias_ih_l0.view(4, -1)[places[name]] = value
            lstm.bias_hh_l0.view(4, -1)[places[name]] = 0


def passage_with(text: str, symbol: str, length: int) -> str:
    """Return the piece of `text` of so many characters, from the start of a line on, that holds `symbol` most often.

    Pieces that begin with an empty line, or in which the symbol stands twice in a row, are left out.
    """
    starts = [place + 1 for place, c in enumerate(text[: len(text) - length]) if c == "\n" and text[place + 1] != "\n"]
    pieces = (text[start : start + length] for start in starts)
    return max((piece for piece in pieces if 2 * symbol not in piece), key=lambda piece: piece.count(symbol))


def show_gradients(found: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> StaticFigure:
    """Draw for each name the measured gradient against the lag, and the product of the forget gates beside it."""
    fig, ax = subplots(figsize=(6.8, 3.2))
    for n, (name, (measured, product)) in enumerate(found.items()):
        lags = np.arange(len(measured))
        ax.plot(lags, np.maximum(measured, 1e-40), color=CYCLE[n], lw=2.2, label=name)
        ax.plot(lags, np.maximum(product, 1e-40), color=CYCLE[n], lw=1.4, ls=(0, (2, 2)))
    ax.set(xlabel="steps back from the end", ylabel="gradient that is left", yscale="log", ylim=(1e-33, 10))
    ax.grid(axis="y")
    ax.legend(loc="lower left", title="forget bias")
    words = "; ".join(f"{name}: {measured[-1]:.0e}" for name, (measured, _) in found.items())
    return figure(
        fig,
        caption="Lines: gradients measured by autograd. Dots: the product of the forget gates on the way, no more.",
        alt=f"Nearly straight lines that fall on a logarithmic scale, dotted ones close below. At the end, {words}.",
    )


def show_strips(text: str, rows: Mapping[str, np.ndarray], *, caption: str, alt: str, width: int = 62) -> StaticFigure:
    """Draw a text in lines, each character on a ground coloured by the numbers in `rows`, one block of lines a row.

    Numbers go from -1 (blue) over 0 (white) to 1 (orange); every row is as long as the text (ValueError otherwise).
    """
    for name, numbers in rows.items():
        if len(numbers) != len(text):
            raise ValueError(f"expected {len(text)} numbers for {name!r}, got {len(numbers)}")
    colours = plots.signed_colours()
    count = -(-len(text) // width)  # lines
    fig, ax = subplots(figsize=(7.4, 0.2 * len(rows) * (count + 1.1) + 0.1))
    y = 0.0
    for name, numbers in rows.items():
        ax.text(0, y + 0.45, name, va="center", fontsize=9.5)
        y += 1
        ground = np.zeros(count * width)
        ground[: len(text)] = np.clip(numbers, -1, 1)
        ax.imshow(
            ground.reshape(count, width),
            cmap=colours,
            vmin=-1.5,
            vmax=1.5,
            extent=(0, width, y + count, y),
            aspect="auto",
        )
        for place, symbol in enumerate(text):
            line, column = divmod(place, width)
            if symbol != " ":
                shown = "↵" if symbol == "\n" else symbol
                ax.text(
                    column + 0.5, y + line + 0.52, shown, ha="center", va="center", fontsize=8.5, color="#111111"
                )  # fmt: skip
        y += count + 0.1
    ax.set(xlim=(0, width), ylim=(y, 0))
    ax.axis("off")
    return figure(fig, caption=caption, alt=alt)


def show_gates_by_symbol(symbols: Sequence[str], closed: np.ndarray, everywhere: float) -> StaticFigure:
    """Draw after which symbol how many forget gates are shut."""
    fig, ax = subplots(figsize=(6.8, 2.5))
    ax.bar(range(len(symbols)), 100 * closed, color=PURPLE, width=0.7)
    ax.axhline(100 * everywhere, color=MUTED, lw=1, ls=(0, (2, 3)))
    ax.set_xticks(range(len(symbols)), [{" ": "space", "\n": "line end"}.get(s, s) for s in symbols])
    ax.set(ylabel="forget gates below 0.1 (%)", xlabel="the symbol just read")
    ax.grid(axis="y")
    words = ", ".join(f"{share:.0%} after {symbol!r}" for symbol, share in zip(symbols, closed))
    return figure(
        fig,
        caption="When a word is over, more of the cell is thrown away than within it. The dotted line is the mean.",
        alt=f"Bars: {words}; {everywhere:.0%} over all symbols.",
    )


# ---- attention ------------------------------------------------------------------------------------------------------


def show_attention(written: str, said: str, weights: Float[np.ndarray, "steps S"]) -> StaticFigure:
    """Draw where the decoder looked: a row for each symbol that it wrote, a column for each that it read."""
    weights = weights[: len(said), : len(written)]
    fig, ax = subplots(figsize=(max(3.4, 0.24 * len(written) + 0.9), 0.24 * len(said) + 0.8))
    ax.imshow(weights, cmap="Greys", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    ax.set_xticks(range(len(written)), [c if c != " " else "␣" for c in written])
    ax.set_yticks(range(len(said)), list(said))
    ax.tick_params(length=0)
    ax.set(xlabel="read", ylabel="written")
    looked = "; ".join(f"{c} at {written[int(row.argmax())]!r}" for c, row in zip(said, weights))
    return figure(
        fig,
        caption=f"“{written}” is {said}. Each row adds up to 1; black is all of it.",
        alt=f"A grid of greys. The largest weight of each written symbol: {looked}.",
    )


# ---- the ladder -----------------------------------------------------------------------------------------------------


def time_rungs(
    rungs: Mapping[str, Callable[[], Any]], count: int = 8, *, rules: turns.Rules = turns.RULES
) -> Generator[float, None, dict[str, dict[str, float]]]:
    """Time each rung, forward alone and with the way back, in turns; yield the share done, return milliseconds.

    A rung is called without arguments and returns a tensor, of whose sum the gradient is taken. For what a turn is and
    which clock is read, see `turns`.
    """
    import torch

    def forward(call: Callable[[], Any]) -> None:
        with torch.no_grad():
            call()

    def both(call: Callable[[], Any]) -> None:
        call().sum().backward()

    ways = [(name, way) for name in rungs for way in (forward, both)]
    taken = []
    with one_thread():
        for found in islice(turns.rounds([partial(way, rungs[name]) for name, way in ways], rules=rules), count):
            taken.append(found)
            yield len(taken) / count
    times: dict[str, dict[str, float]] = {name: {} for name in rungs}
    for (name, way), mine in zip(ways, zip(*taken, strict=True), strict=True):
        times[name][way.__name__] = 1e3 * turns.median(mine)
    return times


def show_rungs(times: Mapping[str, Mapping[str, float]]) -> StaticFigure:
    """Draw what `time_rungs` returned: the whole time as a bar, the way forward as its darker part."""
    names = list(times)
    fig, ax = subplots(figsize=(7.2, 0.6 + 0.36 * len(names)))
    both = [times[name]["both"] for name in names]
    bars = ax.barh(names, both, color=ORANGE, height=0.7, label="forward and backward")
    ax.barh(names, [times[name]["forward"] for name in names], color=BLUE, height=0.7, label="forward alone")
    ax.bar_label(bars, [f"{value:.1f} ms, {both[0] / value:.1f}×" for value in both], padding=4)
    ax.set(xlabel="milliseconds for one batch", xlim=(0, 1.3 * max(both)))
    ax.invert_yaxis()
    ax.grid(axis="x")
    ax.legend(loc="lower right")
    words = "; ".join(f"{name}: {times[name]['both']:.1f} ms" for name in names)
    return figure(fig, caption="The same numbers and gradients each time.", alt=f"Bars of time. {words}.")


# ---- the proof ------------------------------------------------------------------------------------------------------


def proof(rounds: int = 3, seed: int | None = None) -> list[dict[str, Any]]:
    """Compare `dlstudy.layers.recurrent` with torch.nn in float64, over sizes and lengths drawn at random.

    Layers, directions and padding are drawn, too. Returns one row for LSTM and one for GRU: how many networks, the
    largest error of an output or state, the largest error of a gradient, and the time of ours, forward and backward
    through the last of them, over torch's.
    """
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence

    from dlstudy.layers import recurrent

    rng = np.random.default_rng(seed)
    compared = Proof("layer", "networks")
    for kind in ("LSTM", "GRU"):
        for _ in range(rounds):
            inputs, hidden, layers, batch, steps = (int(rng.integers(low, high)) for low, high in _SIZES)
            options = {"num_layers": layers, "bidirectional": bool(rng.integers(2)), "dtype": torch.float64}
            theirs = getattr(torch.nn, kind)(inputs, hidden, **options)
            ours = getattr(recurrent, kind)(inputs, hidden, **options)
            ours.load_state_dict(theirs.state_dict())
            x = rng.normal(size=(steps, batch, inputs))
            lengths = torch.tensor(rng.integers(1, steps + 1, batch))
            lengths[0] = steps
            upstream: list[torch.Tensor] = []

            def run(model: Any, x: Any = x, lengths: Any = lengths, upstream: Any = upstream) -> tuple[list[Any], Any]:
                given = torch.tensor(x, requires_grad=True)
                output, state = model(pack_padded_sequence(given, lengths, enforce_sorted=False))
                values = [output.data, *(state if isinstance(state, tuple) else (state,))]
                upstream[:] = upstream or [torch.tensor(rng.normal(size=tuple(value.shape))) for value in values]
                sum((value * up).sum() for value, up in zip(values, upstream)).backward()
                return values, given.grad

            found = []
            for model in (ours, theirs):
                values, gradient = run(model)
                found.append([*values, gradient, *(p.grad for p in model.parameters())])
            compared.case(kind, *found, values=len(values))
        last = partial(run, ours), partial(run, theirs)
        compared.rows[-1]["time, ours / torch"] = turns.ratio(*last)
    return compared.rows


_SIZES = ((1, 6), (1, 8), (1, 4), (1, 6), (2, 9))  # inputs, hidden, layers, batch, steps
