"""What the benchmarks share: how a time, a ratio and a peak of memory are taken, and what is said about the machine.

Import this module before numpy and torch: it fixes the number of threads, 1 unless DLSTUDY_THREADS says otherwise.

Times are taken as everywhere in the course (`dlstudy.course.measuring.turns`): in turn, sample by sample, in one
process, by the CPU time of the process, and again if the system interrupted; a figure is the median over the samples.

With several threads CPU time adds them up, so wall time takes its place, and the least of the samples that of the
median, as everything else on the machine can only add to it. Such figures are recorded and never judged.
"""

import datetime
import gc
import itertools
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

THREADS = int(os.environ.get("DLSTUDY_THREADS", "1"))
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = str(THREADS)
# Some machines hold OpenBLAS to an older processor's routines, so that results are the same everywhere. Torch has its
# own routines and knows nothing of it: NumPy is measured with what its library chooses by itself, as for a learner.
for _variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(_variable, None)

import numpy as np  # noqa: E402 - after the number of threads is set

from dlstudy.course.measuring import turns  # noqa: E402
from dlstudy.course.measuring.machine import processor  # noqa: E402

RESULTS = Path(__file__).parent / "results"
COUNTER = 0.5  # MiB: the system counts resident memory in batches of pages, so a smaller difference is none
clock = turns.working() if THREADS == 1 else turns.passing


# -- time --------------------------------------------------------------------------------------------------
def interleave(runs: Mapping[str, Callable[[], Any]], samples: int) -> tuple[dict[str, list[float]], int]:
    """Return the seconds of `samples` runs of each, taken in turn, and how many samples were disturbed.

    Every run should have been called once before, so that what a library loads on first use is not counted.
    """
    rules = turns.Rules(clock, retries=20 if THREADS == 1 else 0)  # several threads interrupt each other
    taken = list(itertools.islice(turns.rounds(list(runs.values()), rules=rules), samples))
    gc.collect()
    times = {name: [turn.seconds for turn in mine] for name, mine in zip(runs, zip(*taken, strict=True), strict=True)}
    return times, sum(not turn.undisturbed for round_ in taken for turn in round_)


def compare(runs: Mapping[str, Callable[[], Any]], samples: int) -> dict[str, Any]:
    """Return the milliseconds of each run, `ratio` of "scratch" to "torch", `n` and the disturbed samples."""
    times, disturbed = interleave(runs, samples)
    figure = statistics.median if THREADS == 1 else min
    found: dict[str, Any] = {name: 1e3 * figure(seconds) for name, seconds in times.items()}
    return {**found, "ratio": found["scratch"] / found["torch"], "n": samples, "disturbed": disturbed}


# -- memory ------------------------------------------------------------------------------------------------
def memory_is_known() -> bool:
    """Return whether this system tells the peak of resident memory, as Linux does."""
    return Path("/proc/self/clear_refs").exists()


def resident(which: str) -> float:
    """Return a line of /proc/self/status in MiB: VmHWM is the peak of resident memory, VmRSS the present."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"{which} is not in /proc/self/status")


def peak_of(run: Callable[[], Any]) -> float:
    """Return the peak of resident memory in MiB during `run` above what was there before, in this process."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # set the peak back to the present
    before = resident("VmRSS")
    run()
    return resident("VmHWM") - before


def compare_memory(script: str, case: str, libraries: Sequence[str] = ("torch", "scratch")) -> dict[str, Any]:
    """Return the peaks of the libraries in MiB, the median of three processes each, and scratch's ratio to torch.

    The process is `python script --memory-of LIBRARY --case CASE` and prints its peak (see `peak_of`). It runs with an
    allocator setting that gives arrays back to the system as soon as they are freed: otherwise the peak depends on what
    ran before.
    """
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    peaks = {}
    for library in libraries:
        command = [sys.executable, script, "--memory-of", library, "--case", case]
        found = [
            float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
            for _ in range(3)
        ]
        peaks[library] = statistics.median(found)
    return {**peaks, "ratio": peaks["scratch"] / peaks["torch"], "n": 3}


# -- report ------------------------------------------------------------------------------------------------
def blas() -> str:
    """Return which routines NumPy's products use, such as "openblas 0.3.31, Haswell"."""
    from threadpoolctl import threadpool_info

    found = [d for d in threadpool_info() if d["user_api"] == "blas" and "numpy" in d["filepath"]]
    return "; ".join(f"{d['internal_api']} {d['version']}, {d.get('architecture')}" for d in found) or "not known"


def machine() -> dict[str, str]:
    """Return what a reader needs to judge the figures."""
    import torch

    used = "one thread used" if THREADS == 1 else f"{THREADS} threads used"
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": f"{processor()}, {os.cpu_count()} cores, {used}",
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numpy's BLAS": blas(),
        "torch": torch.__version__,
    }
