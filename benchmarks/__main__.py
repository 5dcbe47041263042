"""Every benchmark in this folder, one after another: `python -m benchmarks [--quick]`, which `make bench` calls."""

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    shared = ("__main__.py", "measure.py")  # not benchmarks themselves
    scripts = sorted(path for path in Path(__file__).parent.glob("*.py") if path.name not in shared)
    codes = [subprocess.run([sys.executable, str(path), *sys.argv[1:]], check=False).returncode for path in scripts]
    sys.exit(max(codes))
