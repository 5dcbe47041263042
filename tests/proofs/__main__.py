"""Renew what is stale, and only that: `python -m tests.proofs`.

First the pages' recordings, since a notebook's proof depends on them, then the records of the proofs. Arguments go to
pytest, such as `-k notebook` or `-n 2`; with `--check` nothing is run: the records are looked at, and
the exit code says whether one is stale.
"""

import subprocess
import sys

from dlstudy.course.running import record
from tests.proofs.keys import ROOT


def main(arguments: list[str]) -> int:
    """Run the command; the exit code."""
    if arguments == ["--check"]:
        pages = record.main(["--check"])
        proofs = [sys.executable, "-m", "pytest", "-qq", "--stale", "-m", "proof"]
        return pages or subprocess.run(proofs, cwd=ROOT, check=False).returncode
    pages = record.main(["--renew"])
    command = [sys.executable, "-m", "pytest", "-q", "-m", "proof", "--renew", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode or pages


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
