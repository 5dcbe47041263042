"""What this machine is, found without importing torch: processor, memory, graphics card, versions."""

import os
import platform
import shutil
import subprocess
from importlib import metadata

from dlstudy import words
from dlstudy.course.measuring.machine import processor

_NAMES = ("Processor", "Memory", "Graphics", "Python", "PyTorch", "NumPy")
_found: dict[str, str] = {}


def known() -> dict[str, str]:
    """Return what has been found so far without looking, so that a page need not wait; "" where that is nothing."""
    return {name: _found.get(name, "") for name in _NAMES}


def facts() -> dict[str, str]:
    """Return name and value of what the home page shows; looked for once per server, free memory each time."""
    if _found:
        return _found | {"Memory": _memory()}
    found = {
        "Processor": _processor(),
        "Memory": _memory(),
        "Graphics": _graphics(),
        "Python": platform.python_version(),
    }
    for name, package in (("PyTorch", "torch"), ("NumPy", "numpy")):
        try:
            found[name] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    _found.update(found)
    return found


def _processor() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = words.counted(cores, "core")
    name = processor()
    for noise in ("(R)", "(TM)", "CPU", "Processor", "processor"):
        name = name.replace(noise, "")
    name = " ".join(name.split("@")[0].split())
    return f"{name}, {count}" if name else count


def _memory() -> str:
    import psutil

    memory = psutil.virtual_memory()
    return f"{memory.total / 2**30:.0f} GB, {memory.available / 2**30:.0f} GB free"


def _graphics() -> str:
    """Name the GPUs that PyTorch could use; whether it does use them is the check-up's question."""
    tool = shutil.which("nvidia-smi")
    if tool:
        lines = _output([tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]).splitlines()
        cards = []
        for line in lines:
            name, _, memory = line.rpartition(",")
            cards.append(
                f"{name.strip()}, {float(memory) / 1024:.0f} GB" if memory.strip().isdecimal() else line.strip()
            )
        if cards:
            return "; ".join(cards)
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "Apple GPU (MPS)"
    return "none found; every lesson runs on the processor"


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
