"""Run a notebook as Jupyter would, cut off from the network: `python -m tests.lessons.notebook_run IN OUT SCRATCH`."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from dlstudy.course.running.sandbox import block_network


def main(source: Path, target: Path, scratch: Path) -> None:
    block_network(scratch)
    content = nbformat.read(source, as_version=4)
    try:
        NotebookClient(content, timeout=600, kernel_name="python3", allow_errors=True).execute()
    finally:
        nbformat.write(content, target)


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:]))
