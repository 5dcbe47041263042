"""The ladder of lesson 05: one convolution, computed in ever better ways, each timed on this machine.

`measure` is the work of a `page.experiment`: it yields how far it is and returns the rungs as plain numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from dlstudy.course.measuring.machine import one_thread
from dlstudy.course.measuring.turns import Rules, Turn, median, passing, rounds, working
from dlstudy.course.measuring.twins import peak_bytes
from dlstudy.words import rounded

Convolve = Callable[[np.ndarray, np.ndarray, np.ndarray], Any]
"""Takes images (N, C, H, W), kernels (F, C, K, K) and biases (F,), all float32; returns (N, F, H, W) (padding 1)."""

TURNS = 7
SLOW = 0.05  # seconds for an image: what is slower is timed on one image, once
PADDING = 1


def measure(
    rungs: Mapping[str, Convolve], x: np.ndarray, w: np.ndarray, b: np.ndarray, *, turns: int = TURNS
) -> Generator[float, None, list[dict[str, Any]]]:
    """Time `rungs` and PyTorch's ways on the same numbers, forward, in turns on one thread; yield the share done.

    x (N, C, H, W), w (F, C, K, K), b (F,) are float32. Returns one dict a rung: "name", "library" ("NumPy", "torch" or
    the GPU's name), "milliseconds" for an image, "megabytes" held at most above the inputs (for the whole batch; for
    one image where "images" is 1), and "difference", the largest from torch in float64, as a share of its largest
    number.

    Raises ValueError when a rung computes something else.
    """
    import torch

    x_t, w_t, b_t = (torch.from_numpy(a) for a in (x, w, b))
    exact = torch.nn.functional.conv2d(x_t.double(), w_t.double(), b_t.double(), padding=PADDING).numpy()
    calls: list[tuple[str, str, int, Callable[[], Any]]] = []
    for name, convolve in rungs.items():
        start = time.perf_counter()
        convolve(x[:1], w, b)
        images = 1 if time.perf_counter() - start > SLOW else len(x)
        part = x[:images]
        calls.append((name, "NumPy", images, lambda convolve=convolve, part=part: convolve(part, w, b)))  # type: ignore[misc]
        yield 0.3 * len(calls) / len(rungs)
    calls += [(name, library, len(x), call) for name, library, call in _by_torch(x_t, w_t, b_t)]

    with one_thread():
        found: list[dict[str, Any]] = []
        for name, library, images, call in calls:
            result = _array(call())
            difference = float(np.abs(result - exact[:images]).max() / np.abs(exact).max())
            if difference > (0.02 if "bf16" in name else 1e-5):
                raise ValueError(f"{name} differs from torch by {difference:.1e} of the largest number")
            memory = _memory(call, library) if images > 1 else result.nbytes / 2  # float64 here, float32 there
            found.append(
                {
                    "name": name,
                    "library": library,
                    "images": images,
                    "difference": difference,
                    "megabytes": memory / 1e6,
                }
            )
            yield 0.3 + 0.3 * len(found) / len(calls)
        on_gpu = any(library not in ("NumPy", "torch") for _, library, _, _ in calls)
        rules = Rules(passing if on_gpu else working())
        once = replace(rules, retries=0)
        slow = {name: once.turn(call).seconds for name, _, images, call in calls if images == 1}
        quick = [call for _, _, images, call in calls if images > 1]
        taken: list[list[Turn]] = []
        for found_in_turn in islice(rounds(quick, calls=[5] * len(quick), rules=rules), turns):
            taken.append(found_in_turn)
            yield 0.6 + 0.4 * len(taken) / turns
    times = (median(mine) for mine in zip(*taken, strict=True))
    return [
        {**rung, "milliseconds": 1e3 * (slow[rung["name"]] if rung["images"] == 1 else next(times) / rung["images"])}
        for rung in found
    ]


def _by_torch(x: Any, w: Any, b: Any) -> list[tuple[str, str, Callable[[], Any]]]:
    """PyTorch's ways as (name, library, call): plain, channels last, bf16; all three on a GPU where there is one."""
    import torch

    places = [("torch", "cpu")]
    if torch.cuda.is_available():
        places.append((torch.cuda.get_device_name(0), "cuda"))
    ways: list[tuple[str, str, Callable[[], Any]]] = []
    for library, device in places:
        for name, dtype, layout in (
            ("conv2d", torch.float32, torch.contiguous_format),
            ("channels_last", torch.float32, torch.channels_last),
            ("channels_last, bf16", torch.bfloat16, torch.channels_last),
        ):
            ready = [a.to(device, dtype) for a in (x, w, b)]
            ready[:2] = [a.contiguous(memory_format=layout) for a in ready[:2]]

            def call(ready: Any = ready, device: str = device) -> Any:
                x, w, b = ready
                with torch.no_grad():
                    y = torch.nn.functional.conv2d(x, w, b, padding=PADDING)
                if device == "cuda":
                    torch.cuda.synchronize()  # the call returns before the work is done
                return y

            ways.append((name, library, call))
    return ways


def _memory(call: Callable[[], Any], library: str) -> float:
    """Return what `call` holds at most, buffers that our library keeps from call to call included."""
    from dlstudy.scratch.conv.buffers import release

    def afresh() -> Any:
        release()
        return call()

    return peak_bytes(afresh, on_gpu=library not in ("NumPy", "torch"))


def _array(result: Any) -> np.ndarray:
    if isinstance(result, np.ndarray):
        return result.astype(np.float64)
    result = result.detach()
    return np.asarray((result.double().cpu() if hasattr(result, "cpu") else result).numpy(), dtype=np.float64)


def show(rungs: list[dict[str, Any]]) -> Any:
    """Draw what `measure` returned: a bar of time for an image on a logarithmic scale, memory written beside it."""
    from matplotlib.figure import Figure

    from dlstudy.figures import BLUE, GREEN, ORANGE, figure

    names = [rung["name"] if rung["library"] == "NumPy" else f"{rung['library']}: {rung['name']}" for rung in rungs]
    times = [rung["milliseconds"] for rung in rungs]
    colours = [{"NumPy": ORANGE, "torch": BLUE}.get(rung["library"], GREEN) for rung in rungs]
    fig = Figure(figsize=(7.2, 0.7 + 0.34 * len(rungs)), layout="constrained")
    axes = fig.subplots()
    bars = axes.barh(names, times, color=colours, height=0.7, log=True)
    axes.bar_label(
        bars,
        [f"{rounded(rung['milliseconds'], 2)} ms, {rounded(rung['megabytes'], 2)} MB" for rung in rungs],
        padding=4,
    )
    axes.set_xlim(min(times) / 3, max(times) * 30)
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds for an image (each line is ten times the last)")
    axes.grid(axis="x")
    best = min((rung for rung in rungs if rung["library"] == "NumPy"), key=lambda rung: rung["milliseconds"])
    caption = (
        f"The same numbers each time. From the first rung to the quickest in NumPy the time falls "
        f"{times[0] / best['milliseconds']:,.0f}-fold. Memory is what is held at most beside the inputs."
    )
    alt = "Bars of time for an image. " + "; ".join(f"{name}: {rounded(t, 2)} ms" for name, t in zip(names, times))
    return figure(fig, caption=caption, alt=alt)
