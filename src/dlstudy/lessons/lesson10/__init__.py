"""What lesson 10 measures and draws: weights, positions, reversed words, induction, the small GPT and its proof."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from dlstudy.course.measuring import turns
from dlstudy.figures import plots, proofs
from dlstudy.figures.palette import BLUE, LINE, MUTED, ORANGE, RED
from dlstudy.figures.plots import DASHES
from dlstudy.figures.proofs import Proof
from dlstudy.figures.svg import StaticFigure, figure, subplots

if TYPE_CHECKING:
    import torch

    from dlstudy.lessons.lesson10.attention_inspector import AttentionInspector
    from dlstudy.models.gpt import GPT


# ---- weights as pictures --------------------------------------------------------------------------------------------


def _draw_map(ax: Any, weights: np.ndarray, rows: Sequence[str], columns: Sequence[str], numbers: bool) -> None:
    ax.imshow(
        weights,
        cmap=plots.colours_between("#ffffff", BLUE),
        vmin=0,
        vmax=1,
        aspect="auto" if len(rows) < 3 else "equal",
    )
    size = 10 if len(columns) <= 12 else 8
    ax.set_xticks(range(len(columns)), columns, fontsize=size)
    ax.set_yticks(range(len(rows)), rows, fontsize=size)
    ax.tick_params(length=0)
    for side in ("left", "bottom", "top", "right"):
        ax.spines[side].set_visible(True)
        ax.spines[side].set_color(LINE)
    if numbers:
        for (i, j), weight in np.ndenumerate(weights):
            ax.text(
                j, i, f"{100 * weight:.0f}", ha="center", va="center", fontsize=9,
                color="#fdfdfd" if weight > 0.55 else "#111111",
            )  # fmt: skip


def show_maps(
    maps: Mapping[str, np.ndarray],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    caption: str,
    alt: str,
    numbers: bool = False,
    ylabel: str = "looks",
    xlabel: str = "is looked at",
) -> StaticFigure:
    """Draw weights (rows, columns) side by side under their titles; `numbers` writes them in, in percent."""
    for name, weights in maps.items():
        if weights.shape != (len(rows), len(columns)):
            raise ValueError(f"{name}: expected weights ({len(rows)}, {len(columns)}), got {weights.shape}")
    cell = min(0.42, 6.0 / (len(maps) * len(columns)))
    size = (min(7.4, 0.9 + len(maps) * (0.5 + cell * len(columns))), 1.0 + max(cell, 0.2) * len(rows))
    fig, axes = subplots(1, len(maps), figsize=size, squeeze=False)
    for ax, (name, weights) in zip(axes[0], maps.items()):
        _draw_map(ax, weights, rows, columns, numbers)
        ax.set_title(name, fontsize=10)
        ax.set_xlabel(xlabel)
    axes[0, 0].set_ylabel(ylabel)
    for ax in axes[0, 1:]:
        ax.set_yticks([])
    return figure(fig, caption=caption, alt=alt)


def show_sharpness(weights: Mapping[str, Float[np.ndarray, " keys"]], keys: Sequence[str], asked: str) -> StaticFigure:
    """Draw the weights of one query under several settings as bars over the keys."""
    fig, axes = subplots(1, len(weights), figsize=(7.2, 2.1), sharey=True, squeeze=False)
    for ax, (name, bars) in zip(axes[0], weights.items()):
        ax.bar(range(len(bars)), bars, color=[ORANGE if key == asked else BLUE for key in keys])
        ax.set_xticks(range(len(keys)), keys)
        ax.set_title(name, fontsize=10)
        ax.set(xlabel="key", ylim=(0, 1))
        ax.grid(axis="y")
    axes[0, 0].set_ylabel("weight")
    most = ", ".join(f"{name}: {bars.max():.2f}" for name, bars in weights.items())
    return figure(
        fig,
        caption=f"The same question, “{asked}”, asked more and more loudly: from a mean of everything to a look-up.",
        alt=f"Bar charts of the weights of {len(keys)} keys. The largest weight is, {most}.",
    )


# ---- scores, positions ----------------------------------------------------------------------------------------------


def show_root(widths: Sequence[int], found: Mapping[str, Mapping[str, Sequence[float]]]) -> StaticFigure:
    """Draw, against the width of a head, the largest weight and the gradient that the scores get, for each divisor."""
    colours = (RED, BLUE, ORANGE)
    fig, axes = subplots(1, 2, figsize=(7.4, 3.0))
    for ax, what in zip(axes, ("largest weight", "gradient")):
        for i, (name, values) in enumerate(found.items()):
            ax.plot(
                widths, values[what], label=name, color=colours[i % 3], ls=DASHES[i], marker="os^"[i % 3], ms=4, lw=2
            )
        ax.set(xscale="log", xlabel="width of a head d")
        ax.set_xticks(list(widths), [str(w) for w in widths])
        ax.minorticks_off()
        ax.grid(axis="y")
    axes[0].set(ylabel="largest of 32 weights", ylim=(0, 1.02))
    axes[1].set(ylabel="gradient on the scores (norm)", ylim=(0, None))
    axes[0].legend(fontsize=8)
    ends = "; ".join(f"{name} {values['largest weight'][-1]:.2f}" for name, values in found.items())
    return figure(
        fig,
        caption="Left, how much the best of 32 random keys gets; right, what comes back to the scores. Without a root, "
        "width alone decides; with the root of the whole model, nobody can be chosen.",
        alt=f"Two charts against the width of a head. Largest weight at width {widths[-1]}: {ends}. The gradient "
        "without a root falls, the other two are level.",
    )


def show_positions(table: Float[np.ndarray, "length dim"]) -> StaticFigure:
    """Draw the table of sinusoidal positions, and how alike two positions are at every distance."""
    length, dim = table.shape
    fig, axes = subplots(1, 2, figsize=(7.4, 2.9), width_ratios=(1.3, 1))
    axes[0].imshow(table.T, cmap=plots.signed_colours(), vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    axes[0].set(xlabel="position", ylabel="column", title="one column of colours for each position")
    for start, colour in ((5, BLUE), (length // 2, ORANGE)):
        reach = np.arange(-min(start, 20), min(length - start, 21))
        likeness = table[start + reach] @ table[start] / (dim / 2)
        axes[1].plot(
            reach,
            likeness,
            color=colour,
            lw=2,
            ls="-" if colour == BLUE else (0, (5, 2)),
            label=f"from position {start}",
        )
    axes[1].set(xlabel="distance (positions)", ylabel="dot product, 1 = equal")
    axes[1].grid(axis="y")
    axes[1].legend(fontsize=8)
    return figure(
        fig,
        caption="Left, clocks from fast (above) to slow. Right, the dot product of two positions depends on their "
        "distance only, so both curves are one.",
        alt="Left, waves of orange and blue that get longer from the top row to the bottom row. Right, two curves that "
        "coincide: 1 at distance 0, falling with ripples on both sides",
    )


# ---- induction ------------------------------------------------------------------------------------------------------


def show_induction(found: Mapping[str, Any]) -> StaticFigure:
    """Draw how much of the repetition models of one and of two layers guess, step by step, for every seed."""
    fig, ax = subplots(figsize=(6.8, 3.1))
    styles = (("one layer", "1", ORANGE, (0, (5, 2)), "s"), ("two layers", "2", BLUE, "-", "o"))
    for name, key, colour, dash, marker in styles:
        runs = 100 * np.array(found["right"][key])
        steps = found["every"] * np.arange(runs.shape[1])
        for run in runs:
            ax.plot(steps, run, color=colour, lw=0.9, alpha=0.55, ls=dash)
        ax.plot(steps, runs.mean(0), color=colour, lw=2.2, ls=dash, marker=marker, ms=4.5, label=name)
    ax.set(xlabel="training steps", ylabel="repeated letters guessed right (%)", ylim=(0, 102))
    ax.grid(axis="y")
    ax.legend()
    one, two = (100 * np.array(found["right"][key])[:, -1].mean() for key in "12")
    return figure(
        fig,
        caption="Thin lines are seeds, thick ones their means. Two layers find out how to repeat; one layer does not, "
        "in four times the steps.",
        alt=f"Two groups of curves. Two layers rise steeply to {two:.0f} percent, one layer slowly to {one:.0f}.",
    )


# ---- the small GPT --------------------------------------------------------------------------------------------------


def show_losses(
    live: Sequence[tuple[int, float]], log: Sequence[tuple[int, float]], levels: Mapping[str, float]
) -> StaticFigure:
    """Draw validation losses (step, nats a character) of this page's run and of the long one, and levels to beat."""
    fig, ax = subplots(figsize=(6.8, 3.3))
    ax.plot(*zip(*log), color=ORANGE, lw=2, ls=(0, (5, 2)), marker="s", ms=4, label="the long run, recorded")
    ax.plot(*zip(*live), color=BLUE, lw=2.4, marker="o", ms=5, label="the run on this page")
    for name, value in levels.items():
        ax.axhline(value, color=MUTED, lw=1, ls=(0, (2, 3)))
        ax.annotate(
            name, (1, value), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=MUTED, fontsize=9
        )
    ax.set(xlabel="training steps", ylabel="validation loss (nats a character)", ylim=(1, None))
    ax.grid(axis="y")
    ax.legend()
    return figure(
        fig,
        caption="The run on this page goes the first steps of the long one. The dotted lines are what counting letters "
        "reaches.",
        alt=f"Two falling curves. The long run ends at {log[-1][1]:.2f}, that on this page at {live[-1][1]:.2f}, and "
        + ", ".join(f"{name} is {value:.2f}" for name, value in levels.items()),
    )


def counting_loss(train: np.ndarray, val: np.ndarray, size: int, reach: int) -> float:
    """Return the loss in nats of guessing each token by counting what followed the last `reach` ones in `train`.

    `reach` 0 counts the tokens themselves. Every count begins at a tenth, so that nothing is impossible.
    """
    if reach > 2:
        raise ValueError(f"expected a reach of 0, 1 or 2, got {reach}")
    table = np.full((size,) * (reach + 1), 0.1, np.float32)

    def places(tokens: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(tokens[i : len(tokens) - reach + i] for i in range(reach + 1))

    np.add.at(table, places(train), 1)
    chances = table / table.sum(-1, keepdims=True)
    return float(-np.log(chances[places(val)]).mean())


def seconds_a_token(model: GPT, prompt: Any, lengths: Sequence[int], use_cache: bool) -> list[float]:
    """Return the CPU seconds of one more token when `lengths` tokens lie before it, the median of three."""
    import torch

    model.eval()
    once = turns.Rules(retries=0)  # a cache has grown by the token, so a turn cannot be taken again
    found = []
    with torch.no_grad():
        for length in lengths:
            before, taken = prompt[:, :length], []
            for _ in range(3):
                cache = model.new_cache() if use_cache else None
                if cache is not None:
                    model(before[:, :-1], cache)
                new = before if cache is None else before[:, -1:]
                taken.append(once.turn(partial(model, new, cache)))
            found.append(turns.median(taken))
    return found


def show_sampling(
    chances: Mapping[str, Float[np.ndarray, " V"]], tokens: Sequence[str], shown: int = 14
) -> StaticFigure:
    """Draw the chances of the next token under several settings as bars, the likeliest tokens first."""
    first = next(iter(chances.values()))
    order = np.argsort(-first)[:shown]
    names = [tokens[v].replace(" ", "␣").replace("\n", "⏎") for v in order]
    fig, axes = subplots(1, len(chances), figsize=(7.4, 2.7), sharex=True, squeeze=False)
    for ax, (name, row) in zip(axes[0], chances.items()):
        ax.barh(range(len(order)), row[order], color=BLUE)
        ax.set_yticks(range(len(order)), names, family="monospace", fontsize=9)
        ax.invert_yaxis()
        ax.set_title(name, fontsize=10)
        ax.set_xlabel("chance")
        ax.grid(axis="x")
    words = "; ".join(
        f"{name}: {int((row > 0).sum())} tokens possible, the likeliest {row.max():.2f}"
        for name, row in chances.items()
    )
    return figure(
        fig,
        caption="One and the same model, one and the same text before: what may come next under four settings.",
        alt=f"Bar charts of the {shown} likeliest tokens. {words}.",
    )


# ---- models that travel with the page -------------------------------------------------------------------------------


def checkpoint(folder: Path) -> tuple[GPT, dict[str, Any]]:
    """Return the small GPT of lesson 10 and its record: alphabet, settings, seed, data, versions, log, hash.

    Both lie in `folder`, made by `python -m dlstudy.lessons.lesson10.manual`. ValueError where the weights are not
    those that the record describes.
    """
    from safetensors.torch import load_file

    from dlstudy.models.gpt import GPT

    record = json.loads((folder / "manual.json").read_text(encoding="utf-8"))
    file = folder / "manual.safetensors"
    if hashlib.sha256(file.read_bytes()).hexdigest() != record["sha256"]:
        raise ValueError(f"{file.name} is not the file that {folder.name}/manual.json describes")
    model = GPT(**record["model"])
    model.load_state_dict(load_file(file))
    return model.eval(), record


TRY = (
    ("The manual's own voice", "The method returns a new string object."),
    ("A call", "print(value"),
    ("A list", "[1, 2"),
    ("Brackets in brackets", "(a + (b * c"),
    ("A made-up word, twice", "the frobnitz is not a frobn"),
    ("Indentation", "   >>> def f(x):"),
)
"""Texts to try in the inspector: a title and the text."""


def inspector(model: GPT, alphabet: Sequence[str]) -> AttentionInspector:
    """Return an inspector of `model`, whose tokens are the characters of `alphabet`."""
    import torch

    from dlstudy.layers.attention import attention_maps
    from dlstudy.lessons.lesson10.attention_inspector import AttentionInspector, Reading

    places = {character: number for number, character in enumerate(alphabet)}

    def read(text: str) -> Reading:
        known = [character for character in text if character in places][: model.context_length]
        strange = sorted(set(text) - set(places))
        note = f"Not in the manual, so left out: {' '.join(strange)}" if strange else ""
        if not known:
            return Reading([], np.zeros((1, 1, 0, 0)), np.zeros((0, len(alphabet))), note)
        with torch.no_grad(), attention_maps(model) as maps:
            logits = model(torch.tensor([[places[character] for character in known]]))[0]
        weights = np.stack([found[0][0].numpy() for found in maps.values()])
        return Reading(known, weights, logits.softmax(-1).numpy(), note)

    return AttentionInspector(read, alphabet, TRY[0][1], longest=model.context_length, examples=TRY)


PLAYS_GOAL = 1.88
"""Nats a character on Shakespeare's plays, as nanoGPT's README reports them for a model of this size."""


def sha256(text: str) -> str:
    """Return the hash by which the record of the long run knows its text."""
    return hashlib.sha256(text.encode()).hexdigest()


def samples_html(samples: Mapping[str, str]) -> str:
    """Return titled texts as HTML, line breaks and blanks as they are."""
    boxes = []
    for title, text in samples.items():
        boxes.append(
            f"<figure style='margin:0 0 0.8rem'><figcaption><small>{html.escape(title)}</small></figcaption>"
            "<pre style='white-space:pre-wrap;overflow-wrap:anywhere;margin:0.2rem 0;padding:0.6rem 0.8rem;"
            f"border-left:3px solid currentColor'>{html.escape(text)}</pre></figure>"
        )
    return "".join(boxes)


def recorded_proof(folder: Path) -> str:
    """Return what `python -m tests.lessons.lesson10.record_parity` recorded: whole models against transformers."""
    record = json.loads((folder / "parity.json").read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return f"{proofs.table(record['rows'])}\n\n<small>{versions}; {record['date']}; `{record['command']}`.</small>"


def shakespeare_record(folder: Path) -> str:
    """Return the record of the run on Shakespeare, made by `python benchmarks/shakespeare.py`, as Markdown."""
    record = json.loads((folder / "shakespeare.json").read_text(encoding="utf-8"))
    losses = np.array([row["val_loss"] for row in record["rows"]])
    reached = int((losses <= PLAYS_GOAL).sum())
    minutes = np.mean([row["cpu_seconds"] for row in record["rows"]]) / 60
    sample = "\n".join("    " + line for line in record["rows"][0]["text"].strip().splitlines())
    about = ", ".join(
        ("torch " if name == "torch" else "") + record[name] for name in ("cpu", "torch") if name in record
    )
    return (
        f"Recorded ({about}): {losses.mean():.3f} ± {losses.std(ddof=1):.3f} nats a character on the held-out tenth, "
        f"mean and standard deviation of {len(losses)} seeds, {minutes:.0f} minutes of CPU each. nanoGPT's README "
        f"reports {PLAYS_GOAL} for a model and a schedule of this size; {reached} of the {len(losses)} get there. "
        f"The first writes:\n\n{sample}\n"
    )


# ---- the proof ------------------------------------------------------------------------------------------------------


def proof(seed: int | None = None) -> list[dict[str, Any]]:
    """Compare attention, layers and the whole Transformer with torch.nn, same weights, float64: values and gradients.

    Returns one row a part: its name, the cases, the largest error of a value and of a gradient. `seed` None takes other
    sizes and numbers every time.
    """
    import torch
    from torch import nn
    from torch.nn import functional as F

    from dlstudy.layers.attention import MultiHeadAttention, causal_mask, scaled_dot_product_attention
    from dlstudy.models.transformer import DecoderLayer, EncoderLayer

    rng = np.random.default_rng(seed)
    compared = Proof("part", "cases")

    def tensor(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.normal(size=shape)).requires_grad_()

    def note(
        name: str, ours: Callable[..., Any], theirs: Callable[..., Any], inputs: Sequence[Any], pairs: Any = ()
    ) -> None:
        """Run both on the same inputs; compare outputs, and gradients of inputs and of pairs of parameters."""
        found = []
        upstream = None
        for call in (ours, theirs):
            for one in (*inputs, *(p for pair in pairs for p in pair)):
                one.grad = None
            y = call(*inputs)
            if upstream is None:
                upstream = torch.from_numpy(rng.normal(size=tuple(y.shape)))
            y.backward(upstream)
            side = 0 if call is ours else 1
            found.append([y.detach(), *(a.grad.clone() for a in inputs), *(pair[side].grad.clone() for pair in pairs)])
        compared.case(name, *found)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(1 << 31)))
        for _ in range(4):
            heads, size = int(rng.integers(2, 5)), int(rng.integers(2, 5))
            width, batch, length, keys = heads * size, *(int(n) for n in rng.integers(2, 7, 3))
            mask = torch.from_numpy(rng.random((length, keys)) < 0.6)
            mask[:, 0] = True
            qkv = (
                tensor(batch, heads, length, size),
                tensor(batch, heads, keys, size),
                tensor(batch, heads, keys, size),
            )
            note(
                "scaled_dot_product_attention",
                lambda q, k, v, m=mask: scaled_dot_product_attention(q, k, v, m)[0],
                lambda q, k, v, m=mask: F.scaled_dot_product_attention(q, k, v, m),
                qkv,
            )
            mine, theirs = (
                MultiHeadAttention(width, heads).double(),
                nn.MultiheadAttention(width, heads, batch_first=True).double(),
            )
            share(mine, theirs)
            note(
                "MultiHeadAttention",
                lambda q, k, v, m=mask, a=mine: a(q, k, v, m),
                lambda q, k, v, m=mask, a=theirs: a(q, k, v, attn_mask=~m)[0],
                (tensor(batch, length, width), tensor(batch, keys, width), tensor(batch, keys, width)),
                [(mine.out_proj.weight, theirs.out_proj.weight)],
            )
            first = bool(rng.integers(2))
            enc = EncoderLayer(width, heads, 3 * width, 0.0, norm_first=first).double()
            enc_t = nn.TransformerEncoderLayer(
                width, heads, 3 * width, 0.0, batch_first=True, norm_first=first
            ).double()
            share(enc.attention, enc_t.self_attn)
            copy_layer(enc, enc_t, [(enc.norm1, enc_t.norm1), (enc.norm2, enc_t.norm2)])
            note(
                "EncoderLayer",
                enc,
                enc_t,
                (tensor(batch, length, width),),
                [(enc.feed_forward.up.weight, enc_t.linear1.weight)],
            )
            dec = DecoderLayer(width, heads, 3 * width, 0.0, norm_first=first).double()
            dec_t = nn.TransformerDecoderLayer(
                width, heads, 3 * width, 0.0, batch_first=True, norm_first=first
            ).double()
            share(dec.self_attention, dec_t.self_attn)
            share(dec.cross_attention, dec_t.multihead_attn)
            copy_layer(dec, dec_t, [(dec.norm1, dec_t.norm1), (dec.norm2, dec_t.norm2), (dec.norm3, dec_t.norm3)])
            hidden = ~causal_mask(length)
            note(
                "DecoderLayer",
                dec,
                lambda x, m, a=dec_t, h=hidden: a(x, m, tgt_mask=h),
                (tensor(batch, length, width), tensor(batch, keys, width)),
                [(dec.feed_forward.down.weight, dec_t.linear2.weight)],
            )
    for row, ratio in zip(compared.rows, time_ratios(), strict=True):
        row["time, ours / torch"] = ratio
    return compared.rows


def time_ratios(batch: int = 4, length: int = 64, width: int = 128, heads: int = 4) -> list[float]:
    """Return the CPU time of a forward and a backward pass, ours over torch's, for the four parts of `proof`."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    from dlstudy.layers.attention import MultiHeadAttention, causal_mask, scaled_dot_product_attention
    from dlstudy.models.transformer import DecoderLayer, EncoderLayer

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        q = torch.randn(batch, heads, length, width // heads, requires_grad=True)
        x = torch.randn(batch, length, width, requires_grad=True)
        hidden = ~causal_mask(length)
        mha = MultiHeadAttention(width, heads), nn.MultiheadAttention(width, heads, batch_first=True)
        sizes = (width, heads, 4 * width, 0.0)
        enc = EncoderLayer(*sizes), nn.TransformerEncoderLayer(*sizes, batch_first=True)
        dec = DecoderLayer(*sizes), nn.TransformerDecoderLayer(*sizes, batch_first=True)
        pairs: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
            (lambda: scaled_dot_product_attention(q, q, q)[0], lambda: F.scaled_dot_product_attention(q, q, q)),
            (lambda: mha[0](x), lambda: mha[1](x, x, x, need_weights=False)[0]),
            (lambda: enc[0](x), lambda: enc[1](x)),
            (lambda: dec[0](x, x), lambda: dec[1](x, x, tgt_mask=hidden)),
        ]

        def run(call: Callable[[], Any]) -> None:
            call().sum().backward()

        return [turns.ratio(*(partial(run, call) for call in pair), turns=4) for pair in pairs]


def share(ours: Any, theirs: Any) -> None:
    """Give an `nn.MultiheadAttention` the weights of our attention, moved off their initial values."""
    import torch

    with torch.no_grad():
        for p in ours.parameters():
            p.add_(0.1 * torch.randn_like(p))
        parts = (ours.q_proj, ours.k_proj, ours.v_proj)
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        theirs.out_proj.load_state_dict(ours.out_proj.state_dict())


def copy_layer(ours: Any, theirs: Any, norms: Sequence[tuple[Any, Any]]) -> None:
    """Give a layer of torch.nn the feed-forward weights and norms of ours, moved off their initial values."""
    import torch

    with torch.no_grad():
        for norm, _ in norms:
            norm.weight.add_(0.3 * torch.randn_like(norm.weight))
            norm.bias.add_(0.3 * torch.randn_like(norm.bias))
        theirs.linear1.load_state_dict(ours.feed_forward.up.state_dict())
        theirs.linear2.load_state_dict(ours.feed_forward.down.state_dict())
        for norm, other in norms:
            other.load_state_dict(norm.state_dict())
