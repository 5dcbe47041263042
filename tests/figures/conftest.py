import subprocess
import sys

import pytest


@pytest.fixture
def run_python():
    def run(code: str) -> str:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    return run
