"""Runs of pytest over planted tests, in a folder and a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with these arguments over the tests in a folder, which is its root."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DLSTUDY"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={folder}", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
