"""Set up this folder's own Python environment, then run the course, the tests or the benchmarks in it.

    python setup_env.py study     set up what a learner needs and open the course
    python setup_env.py test      set up everything and run all tests
    python setup_env.py check     the developer's quick check: format, lint, types, import rules, fast tests
    python setup_env.py bench     the benchmarks
    python setup_env.py install   only set up (with --dev: what the tests need as well)
    python setup_env.py clean     remove the environment and every cache in this folder

`make study` and its siblings call this file; on Windows, or without make, call it yourself (`py setup_env.py study`).
It needs nothing but Python 3.11 or newer, puts everything it installs into this folder, and is done in a moment when
there is nothing to do. Environment variables: TORCH=cpu|cuda chooses the PyTorch build; PYTHON names the Python that
the Makefile starts.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

if sys.version_info < (3, 11):  # noqa: UP036 - this file is the first that a newcomer's Python sees
    sys.exit(
        f"dlstudy needs Python 3.11 or newer, and this is Python {platform.python_version()} ({sys.executable}).\n"
        "Install a newer one (https://www.python.org/downloads/) and name it: make study PYTHON=/path/to/python3"
    )

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / ".dlstudy-setup.json"
CONSTRAINTS = ROOT / "constraints.txt"
LOCAL_CACHE = ROOT / ".cache" / "uv"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
WINDOWS = sys.platform == "win32"

# What one set-up downloads and what it then takes on the disk, in GB. The CUDA figures were measured on Linux with
# the versions in constraints.txt, and those of the CPU build likewise, with PyTorch 2.13 from its CPU index.
SIZES = {"cpu": (0.4, 1.7), "cuda": (3.3, 6.4)}
DEV_SIZE = (0.1, 0.3)


class SetupError(Exception):
    """Something the person at the keyboard can mend; the message says how."""


def say(text: str = "") -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


# ---------------------------------------------------------------------------------------------------------------
# Where things are


def venv_python() -> Path:
    """The environment's Python."""
    return VENV / "Scripts" / "python.exe" if WINDOWS else VENV / "bin" / "python"


def venv_tool(name: str) -> Path:
    """A program that was installed into the environment."""
    return venv_python().with_name(name + ".exe" if WINDOWS else name)


def clean_environment() -> dict[str, str]:
    """Our environment without the variables that make one Python read another one's packages."""
    dropped = {"PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    return {name: value for name, value in os.environ.items() if name not in dropped}


def uv_cache() -> Path:
    """Where uv keeps its downloads: the user's own cache if there is one on this disk, else a folder of ours.

    A cache on the same disk costs no extra space (files are hard links) and makes an interrupted set-up resume; one
    that we started in a home folder would stay there, gigabytes of it, after the course is deleted.
    """
    if "UV_CACHE_DIR" in os.environ:
        return Path(os.environ["UV_CACHE_DIR"])
    if WINDOWS:
        usual = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "uv" / "cache"
    else:
        usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"
    try:
        shared = usual.is_dir() and usual.stat().st_dev == ROOT.stat().st_dev and os.access(usual, os.W_OK)
    except OSError:
        shared = False
    return usual if shared else LOCAL_CACHE


# ---------------------------------------------------------------------------------------------------------------
# What this machine has


def nvidia_gpu() -> str | None:
    """Name and memory of the first NVIDIA GPU, or None."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=15, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.strip().splitlines()[0] if answer.strip() else None


def reachable(url: str, seconds: float = 8.0) -> bool:
    """Whether a web address answers; a name server that never answers counts as no after `seconds`."""
    import threading
    import urllib.request

    answers: list[bool] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=seconds):
                answers.append(True)
        except Exception:
            answers.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answers and answers[0])


def folder_bytes(folder: Path) -> int:
    """The size of a folder on the disk, a file with several names counted once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(os.path.join(parent, name))
            except OSError:
                continue
            if (status.st_dev, status.st_ino) not in seen or not status.st_ino:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_size
    return total


def find_chromium() -> str | None:
    """The path of a Chromium, Chrome or Edge for the browser tests, or None."""
    named = os.environ.get("DLSTUDY_CHROMIUM")
    if named:
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge", "chrome"):
        found = shutil.which(name)
        if found:
            return found
    programs = [os.environ.get(name, "") for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
    places = [Path("/Applications") / f"{name}.app/Contents/MacOS/{name}" for name in ("Google Chrome", "Chromium")]
    places += [Path(folder) / "Google/Chrome/Application/chrome.exe" for folder in programs if folder]
    places += [Path(folder) / "Microsoft/Edge/Application/msedge.exe" for folder in programs if folder]
    return next((str(place) for place in places if place.is_file()), None)


# ---------------------------------------------------------------------------------------------------------------
# Which PyTorch


class TorchChoice:
    """Which PyTorch is installed, from where, and why, in words."""

    def __init__(self, wanted: str, build: str, arguments: list[str], why: str) -> None:
        self.wanted = wanted  # "cpu" or "cuda"
        self.build = build  # what is installed: the same, unless only the other can be had
        self.arguments = arguments
        self.why = why


def choose_torch(asked: str) -> TorchChoice:
    """Decide on a PyTorch build for this machine; `asked` is "cpu", "cuda" or "" (cuda if there is a GPU for it)."""
    if sys.platform == "darwin":
        if platform.machine() != "arm64":
            raise SetupError("PyTorch is no longer built for Macs with an Intel processor: the course cannot run here.")
        return TorchChoice(asked or "cpu", "cpu", [], "the build for Apple silicon")
    gpu = nvidia_gpu()
    if asked == "cuda" or (gpu and not asked):
        why = f"CUDA build: {gpu}" if gpu else "CUDA build, as asked by TORCH=cuda; no NVIDIA GPU was found here"
        # The ordinary index has the CUDA build for Linux; for Windows only PyTorch's own indexes do, and uv knows
        # which of them fits the driver.
        return TorchChoice("cuda", "cuda", ["--torch-backend", "auto"] if WINDOWS else [], why)
    reason = "as asked by TORCH=cpu" if asked == "cpu" else "no NVIDIA GPU was found"
    if WINDOWS:  # the ordinary index's build for Windows is the CPU one
        return TorchChoice("cpu", "cpu", [], f"CPU build: {reason}")
    if reachable(CPU_INDEX + "/torch/"):
        return TorchChoice("cpu", "cpu", ["--index-url", CPU_INDEX], f"CPU build: {reason}")
    return TorchChoice("cpu", "cuda", [], f"CPU wanted ({reason}), but {ORDINARY_INSTEAD}")


ORDINARY_INSTEAD = (
    "PyTorch's CPU index does not answer;\n"
    "           the ordinary index is used: its build is larger (CUDA included) and runs without a GPU as well"
)


# ---------------------------------------------------------------------------------------------------------------
# The steps


class Steps:
    """Runs the steps of a set-up one after another and says how long each took."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.number = 0
        self.started = time.perf_counter()

    def step(self, title: str) -> None:
        """Announce the next step."""
        self.number += 1
        self.title = title
        self.began = time.perf_counter()
        say(f"[{self.number}/{self.count}] {title} ...")

    def done(self, note: str = "") -> None:
        """Say how long the step took."""
        say(f"      {note + ', ' if note else ''}{time.perf_counter() - self.began:.1f} s")


def run(command: list[str], **options: Any) -> int:
    """Run a program in the foreground, in this folder; its exit code."""
    options = {"cwd": ROOT, "env": clean_environment(), **options}
    return subprocess.run(command, check=False, **options).returncode


def base_python() -> str:
    """The Python to make an environment with, which is not the environment's own."""
    return getattr(sys, "_base_executable", None) or sys.executable


def venv_works() -> bool:
    """Whether the environment's Python starts, is new enough and has pip."""
    if not venv_python().exists():
        return False
    test = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return run([str(venv_python()), "-c", test], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def make_venv() -> None:
    """Make the environment's folder; an unfinished or broken one is made anew."""
    probe = "import venv, ensurepip"
    if run([base_python(), "-c", probe], stderr=subprocess.DEVNULL) != 0:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise SetupError(
            f"this Python ({base_python()}) cannot make virtual environments: its venv module is not installed.\n"
            f"On Debian and Ubuntu:  sudo apt install python{version}-venv\n"
            "Then run the same command again. Another Python can be named: make study PYTHON=/path/to/python3"
        )
    if VENV.exists() and any(VENV.iterdir()) and not (VENV / "pyvenv.cfg").exists():
        raise SetupError(f"{VENV} exists and is no Python environment; move it away and run the same command again.")
    made = subprocess.run(
        [base_python(), "-m", "venv", "--clear", str(VENV)], env=clean_environment(), capture_output=True, text=True
    )
    if made.returncode != 0:
        raise SetupError(f"the environment could not be made in {VENV}: {made.stdout}{made.stderr}")


def dev_requirements() -> list[str]:
    """What the tests need besides the package, from pyproject.toml."""
    import tomllib

    return list(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["dev"])


class Installer:
    """Installs packages into the environment: with uv, or with pip where uv cannot be had or cannot reach the index."""

    def __init__(self) -> None:
        python = str(venv_python())
        self.command = [python, "-m", "pip", "install", "--disable-pip-version-check"]
        self.environment = clean_environment()
        self.uv = False
        constraints = ["--constraint", str(CONSTRAINTS)]
        if venv_tool("uv").exists() or run([*self.command, "--quiet", *constraints, "uv"]) == 0:
            uv = [str(venv_tool("uv")), "pip", "install", "--python", python, "--compile-bytecode"]
            environment = {"UV_HTTP_TIMEOUT": "120", **clean_environment(), "UV_CACHE_DIR": str(uv_cache())}
            # pip's settings (a mirror, a proxy's certificate) are not uv's: something small is asked for first
            trial = [*uv, "--quiet", "--dry-run", "--reinstall", "packaging"]
            self.uv = run(trial, env=environment, stderr=subprocess.DEVNULL) == 0
            if self.uv:
                self.command, self.environment = uv, environment
        self.command += constraints

    def install(self, arguments: list[str]) -> bool:
        """Install; whether that worked."""
        if "--torch-backend" in arguments and not self.uv:  # uv's own option
            return False
        return run([*self.command, *arguments], env=self.environment) == 0


def fingerprint() -> str:
    """What the installed environment depends on, as one short text."""
    digest = hashlib.sha256(f"{ROOT}\0".encode())
    for path in ("pyproject.toml", "constraints.txt", "src/dlstudy/__init__.py"):
        digest.update((ROOT / path).read_bytes())
    return digest.hexdigest()[:16]


def installed() -> dict[str, object]:
    """What the last finished set-up wrote down, or nothing."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) and venv_python().exists() else {}


def check_disk(build: str, dev: bool) -> str:
    """Refuse when the disk is too small; a sentence with the sizes otherwise."""
    download, size = SIZES[build]
    if dev:
        download, size = download + DEV_SIZE[0], size + DEV_SIZE[1]
    there = sum(folder_bytes(folder) for folder in (VENV, LOCAL_CACHE) if folder.exists()) / 1e9
    missing = max(size - there, 0.3)
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < missing * 1.05:
        cure = "Make room and run the same command again."
        if build == "cuda" and not WINDOWS:
            cure += " TORCH=cpu needs less where PyTorch's CPU index can be reached."
        raise SetupError(f"{missing:.1f} GB more are needed in {ROOT}, and {free:.1f} GB are free there. {cure}")
    minutes = download * 8000 / 100 / 60
    return (
        f"about {size:.1f} GB in {VENV}, of which about {download:.1f} GB are downloaded\n"
        f"           ({max(minutes, 1):.0f} min at 100 Mbit/s); free on this disk: {free:.0f} GB"
    )


def set_up(dev: bool) -> None:
    """Make the environment complete: at once when it already is."""
    asked = os.environ.get("TORCH", "").strip().lower()
    if asked not in ("", "cpu", "cuda"):
        raise SetupError(f"TORCH must be cpu or cuda, and is {asked!r}.")
    stamp = installed()
    same_torch = not asked or stamp.get("torch") == asked
    if stamp.get("fingerprint") == fingerprint() and same_torch and (stamp.get("dev") or not dev):
        return
    dev = dev or bool(stamp.get("dev"))

    say(f"Setting up dlstudy in {ROOT}")
    say(f"  Python   {platform.python_version()} ({base_python()})")
    choice = choose_torch(asked or str(stamp.get("torch", "")))
    say(f"  PyTorch  {choice.why}")
    say(f"  Disk     {check_disk(choice.build, dev)}")

    steps = Steps(4 + dev)
    steps.step("Python environment")
    unfinished = False
    if stamp and not same_torch:
        say("      another PyTorch build is asked for: made anew")
        make_venv()
    elif not venv_works():
        make_venv()
    elif not stamp:
        unfinished = True
    STAMP.unlink(missing_ok=True)
    installer = Installer()
    steps.done(
        "packages come by uv" if installer.uv else "uv cannot be had here: packages come by pip, which is slower"
    )

    steps.step("PyTorch")
    torch = ["torch", "torchvision"]
    # From PyTorch's own index only these two, both of one origin: mixed builds break each other's operators, and
    # that index's copies of other packages are old.
    if choice.arguments and not installer.install(["--no-deps", *choice.arguments, *torch]):
        say(f"      that did not work; {ORDINARY_INSTEAD.splitlines()[1].strip()}")
        say(f"  Disk     {check_disk('cuda', dev)}")
    if not installer.install(torch):
        raise SetupError(FAILED)
    steps.done()

    steps.step("the course" + (" and what its tests need" if dev else ""))
    if not installer.install(["--editable", str(ROOT), *torch, *(dev_requirements() if dev else [])]):
        raise SetupError(FAILED)
    steps.done()

    steps.step("a first look at PyTorch")
    if unfinished:  # an interrupted installer may have left modules uncompiled, and then every start is slow
        run([str(venv_python()), "-m", "compileall", "-q", "-j", "0", str(VENV)], stdout=subprocess.DEVNULL)
    test = (
        "import torch, torchvision; print('      PyTorch', torch.__version__, 'torchvision', torchvision.__version__)"
    )
    if run([str(venv_python()), "-c", test]) != 0:
        raise SetupError(f"PyTorch was installed and does not start; {venv_tool('dlstudy')} doctor says what to do.")
    steps.done()

    if dev:
        steps.step("a browser for the browser tests")
        steps.done(provide_chromium())

    record = {"fingerprint": fingerprint(), "torch": choice.wanted, "dev": dev}
    STAMP.write_text(json.dumps(record), encoding="utf-8")
    say(f"Set up in {time.perf_counter() - steps.started:.0f} s. The next start skips all this.")


FAILED = (
    "the packages could not be installed; the lines above say why.\n"
    "Nothing is lost: run the same command again and it goes on from here. If a version in constraints.txt does not\n"
    "exist for this machine, please report it with those lines."
)


def provide_chromium() -> str:
    """Install Debian's Chromium where no browser is found and the machine allows it; a note on what was found."""
    found = find_chromium()
    if found:
        return found
    if shutil.which("apt-get"):
        sudo: list[str] = []
        if os.geteuid() != 0:
            sudo = ["sudo", "-n"]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            if not shutil.which("sudo") or run([*sudo, "true"], **quiet) != 0:
                return "no browser, and no right to install one: browser tests will be skipped (apt install chromium)"
        environment = {**clean_environment(), "DEBIAN_FRONTEND": "noninteractive"}
        run([*sudo, "apt-get", "update", "-qq"], env=environment, stdin=subprocess.DEVNULL)
        run([*sudo, "apt-get", "install", "-y", "-qq", "chromium"], env=environment, stdin=subprocess.DEVNULL)
        found = find_chromium()
        if found:
            return f"installed {found}"
    return "no Chromium, Chrome or Edge: browser tests will be skipped (or name one by DLSTUDY_CHROMIUM)"


def hand_over(command: list[str]) -> int:
    """Go on as another program; returns its exit code where a process cannot be replaced."""
    environment = clean_environment()
    os.chdir(ROOT)
    if not WINDOWS:
        os.execve(command[0], command, environment)
    try:
        return subprocess.run(command, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 130


def clean() -> None:
    """Remove the environment and every cache in this folder; nothing of the learner's is here."""
    names = [".venv", ".cache", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache"]
    for name in [*names, "dist", "build", "test-results", "report"]:
        if (ROOT / name).exists():
            say(f"removing {ROOT / name}")
            shutil.rmtree(ROOT / name, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("study", [])
    if command in ("-h", "--help", "help"):
        say(__doc__.strip())
        return 0
    if command == "clean":
        clean()
        return 0
    if command not in ("study", "test", "check", "bench", "install"):
        raise SetupError(f"unknown command {command!r}; there are study, test, check, bench, install and clean.")
    set_up(dev=command in ("test", "check") or (command == "install" and "--dev" in rest))
    if command == "study":
        return hand_over([str(venv_tool("dlstudy")), "open", *rest])
    if command in ("test", "check"):
        return hand_over([str(venv_python()), "-m", "tests.run_suite", command, *rest])
    if command == "bench":
        return hand_over([str(venv_python()), "-m", "benchmarks", *rest])
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(f"dlstudy set-up: {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. Nothing is lost: run the same command again and it goes on from here.")
