"""The machine that measures: its processor, its versions, and one thread for all arithmetic."""

from __future__ import annotations

import datetime
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold NumPy's and torch's arithmetic to one thread inside."""
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def machine() -> dict[str, str]:
    """Return what a measurement must be read with: processor, versions and today's date; nothing about the user."""
    import numpy
    import torch

    return {
        "processor": processor(),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "torch": torch.__version__,
        "date": datetime.date.today().isoformat(),
    }


def processor() -> str:
    """Return the processor's name as the system gives it; where it gives none, that of its kind, such as "x86_64"."""
    try:
        if platform.system() == "Darwin":
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            if name := subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip():
                return name
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except (OSError, subprocess.SubprocessError):
        pass
    return platform.processor() or platform.machine()
