"""The check-up: what this machine and this installation are, what is wrong with them, and what to do about it.

torch is asked in another process (`probes.py`), so that a broken installation is a finding and not a crash.
"""

import getpass
import json
import os
import platform
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from dlstudy import words
from dlstudy.course.content import paths
from dlstudy.course.learner import progressfile
from dlstudy.course.measuring.machine import processor

Level = Literal["good", "note", "bad"]
PROBE_SECONDS = 180
FIRST_PORT = 2718
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `level` "bad" stops the course from working, "note" is worth knowing."""

    title: str
    found: str
    level: Level = "good"
    cure: str = ""


@dataclass(frozen=True)
class Check:
    """A group of findings and how to get them."""

    title: str
    look: Callable[[], list[Finding]]


# What broken installations say, what that means, and the cure. The first match wins.
KNOWN_PROBLEMS: tuple[tuple[str, str, str], ...] = (
    (
        (
            r"operator torchvision::nms does not exist|torchvision.*undefined symbol|undefined symbol.*torchvision"
            r"|Could not find (the )?torchvision.*ops|compiled with different CUDA"
        ),
        "torchvision was built for another build of torch",
        "Install both from one index: pip install --force-reinstall torch torchvision",
    ),
    (
        (
            r"compiled using NumPy 1\.x|Numpy is not available|multiarray failed to import|_ARRAY_API not found"
            r"|numpy\.dtype size changed|module 'numpy' has no attribute"
        ),
        "this torch and this NumPy do not fit together",
        "Bring both up to date: pip install --upgrade torch torchvision numpy",
    ),
    (
        r"libcu\w+\.so|libnv\w+\.so|libcudnn|libnccl",
        "torch was built for CUDA and one of its libraries is missing or of another version",
        (
            "Install it again: pip install --force-reinstall torch torchvision. Without a GPU, add "
            f"--index-url {CPU_INDEX}"
        ),
    ),
    (
        r"DLL load failed|WinError 126|WinError 1114",
        "Windows could not load torch's libraries",
        "Install Microsoft's Visual C++ redistributable (vc_redist.x64.exe), then try again.",
    ),
    (r"MemoryError|Cannot allocate memory|std::bad_alloc", "there is too little memory", "Close other programs."),
    (r"No space left on device", "the disk is full", "Free some space and install again."),
    (
        r"No module named '(torch|torchvision|numpy)'",
        "a package is missing",
        "Install the course again: pip install --upgrade --force-reinstall dlstudy",
    ),
)
DRIVER_TOO_OLD = re.compile(r"NVIDIA driver.{0,40}too old", re.IGNORECASE)


def recognise(text: str) -> tuple[str, str] | None:
    """Return what a broken installation's message means and the cure, or None when it is not a known one."""
    for pattern, meaning, cure in KNOWN_PROBLEMS:
        if re.search(pattern, text, re.IGNORECASE):
            return meaning, cure
    return None


def look_at_python() -> list[Finding]:
    """Return Python's version and where it runs; the package does not install on one that is too old."""
    found = f"{platform.python_version()} on {platform.system()} {platform.release()} ({platform.machine()})"
    return [Finding("Python", found)]


def look_at_packages() -> list[Finding]:
    """Each required package against the versions that the course asks for."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        wanted = metadata.requires("dlstudy") or []
        own = metadata.version("dlstudy")
    except metadata.PackageNotFoundError:
        return [Finding("Packages", "dlstudy runs from a folder and is not installed", "note",
                        "Install it: pip install -e .")]  # fmt: skip
    good, findings = [f"dlstudy {own}"], []
    for line in wanted:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            cure = f'Install it: pip install "{requirement.name}{requirement.specifier}"'
            findings.append(Finding(requirement.name, "missing", "bad", cure))
            continue
        if requirement.specifier.contains(version, prereleases=True):
            good.append(f"{requirement.name} {version}")
            continue
        reason = "; the page engine is used in ways that only this version is known to allow" * (
            requirement.name == "marimo"
        )
        cure = f'pip install "{requirement.name}{requirement.specifier}"'
        findings.append(
            Finding(requirement.name, f"{version}, the course needs {requirement.specifier}{reason}", "bad", cure)
        )
    return [Finding("Packages", ", ".join(good)), *findings]


def look_at_machine() -> list[Finding]:
    """Cores and memory."""
    import psutil

    memory = psutil.virtual_memory()
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    total, free = memory.total / GIB, memory.available / GIB
    found = f"{processor()}, {words.counted(cores, 'core')}, {total:.1f} GB of memory, {free:.1f} GB free"
    if free < 1.5:
        cure = "Close other programs: a lesson with torch takes about 1 GB."
        return [Finding("Machine", found, "note", cure)]
    return [Finding("Machine", found)]


def look_at_torch() -> list[Finding]:
    """Whether torch works, with which devices, and how fast a matrix product is on each."""
    facts, error = probe("torch")
    if facts is None:
        return [_broken("torch", error)]
    build = f"built for CUDA {facts['cuda_build']}" if facts["cuda_build"] else "built without CUDA"
    findings = [Finding("torch", f"{facts['torch']} with NumPy {facts['numpy']}, {build}")]
    spoken = "\n".join(facts["warnings"])
    meaning = recognise(spoken)
    if meaning:
        findings[0] = Finding("torch", f"{facts['torch']}: {meaning[0]}", "bad", meaning[1])
    findings.append(Finding("Matrix product, processor", _speed(facts["cpu_seconds"], facts["threads"])))
    for device in facts["devices"]:
        memory = f", {device['memory'] / GIB:.0f} GB" if device["memory"] else ""
        findings.append(Finding("GPU", device["name"] + memory))
        findings.append(Finding("Matrix product, GPU", _speed(device["seconds"])))
    if not facts["devices"]:
        findings.append(_no_gpu(facts, spoken))
    return findings


def look_at_torchvision() -> list[Finding]:
    """Whether torchvision fits this torch."""
    facts, error = probe("torchvision")
    if facts is None:
        return [_broken("torchvision", error)]
    return [Finding("torchvision", f"{facts['torchvision']}, its compiled operations work")]


def look_at_disk() -> list[Finding]:
    """Free space where the learner's folder is or will be."""
    place = _existing(paths.learner_folder())
    free = shutil.disk_usage(place).free / GIB
    found = f"{free:.1f} GB free"
    if free < 0.5:
        return [Finding("Disk", found, "bad", "Free some space: your work cannot be saved on a full disk.")]
    if free < 5:
        cure = "Enough for the lessons; larger data sets (`full=True`) and official weights may need more."
        return [Finding("Disk", found, "note", cure)]
    return [Finding("Disk", found)]


def look_at_downloads() -> list[Finding]:
    """Official weights and data sets that were downloaded, and the room that they take."""
    try:
        from dlstudy.weights import catalogue, hub
    except ImportError as error:
        return [
            Finding("Downloaded", f"unknown, since {error.name} is missing", "note")
        ]  # its own finding has the cure
    weights = {
        checkpoint.model: path.stat().st_size
        for checkpoint in catalogue.CHECKPOINTS.values()
        if checkpoint.source != "package" and (path := hub.find(checkpoint))
    }
    found = [f"official weights of {', '.join(weights)}: {words.size(sum(weights.values()))}"] if weights else []
    try:
        from dlstudy.data.download import download_folder
    except ImportError:  # no NumPy: that is another finding
        sets: list[Path] = []
    else:
        folder = download_folder()
        sets = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    if sets:
        found.append(f"data sets: {words.size(sum(path.stat().st_size for path in sets))}")
    return [Finding("Downloaded", "; ".join(found) or "nothing, and nothing needs to be")]


def look_at_folder() -> list[Finding]:
    """Whether the learner's folder can be written, and what it holds."""
    from dlstudy.course.learner.folder import NotALearnerFolder, refuse

    folder = paths.learner_folder()
    cure = f"Choose another folder: set {paths.LEARNER_VARIABLE} to its path."
    try:
        refuse(folder)
    except NotALearnerFolder as error:
        return [Finding("Your folder", str(error), "bad", cure)]
    place = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return [Finding("Your folder", f"{place} cannot be written: {error.strerror}", "bad", cure)]
    if not folder.is_dir():
        return [Finding("Your folder", f"{folder}, will be made when the course opens")]
    pages = len(list(folder.glob("[0-9][0-9]_*.md")))
    return [Finding("Your folder", f"{folder}, writable, {pages} pages"), *_damaged_pages(folder)]


def _damaged_pages(folder: Path) -> list[Finding]:
    from dlstudy.course.learner.folder import damaged

    return [
        Finding("Your pages", f"{file} is empty or ends in the middle", "bad", f"The home page offers {source}.")
        for file, source in damaged(folder).items()
    ]


def look_at_progress() -> list[Finding]:
    """Whether the progress file is sound; it is only read."""
    file = paths.progress_file()
    if not file.is_file():
        return [Finding("Progress", "none yet")]
    try:
        found = progressfile.fault(file)
        size = words.size(file.stat().st_size)
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, sqlite3.Error) and progressfile.is_busy(error):
            return [Finding("Progress", "another program is holding the file", "note", "Close that program.")]
        cure = f"Look at the rights of {file.parent}, and at the disk."
        return [Finding("Progress", f"the file cannot be read: {progressfile.reason(error)}", "bad", cure)]
    if found is None:
        return [Finding("Progress", f"the file is sound, {size}")]
    cure = "The course moves it aside by itself and starts a new one. Have you an export? dlstudy progress import FILE"
    return [Finding("Progress", f"the file is damaged: {found}", "bad", cure)]


def look_at_port() -> list[Finding]:
    """Whether this machine lets a server listen on its own address."""
    try:
        with socket.create_server(("127.0.0.1", 0)):
            pass
    except OSError as error:
        cure = "A firewall or security program forbids it: allow Python to listen on 127.0.0.1."
        return [Finding("Port", f"nothing can listen on 127.0.0.1: {error.strerror}", "bad", cure)]
    try:
        with socket.create_server(("127.0.0.1", FIRST_PORT)):
            pass
    except OSError:
        return [Finding("Port", f"{FIRST_PORT} is in use (by the course, if it is open); another is found by itself")]
    return [Finding("Port", f"{FIRST_PORT} is free")]


def look_at_browser() -> list[Finding]:
    """Whether a browser can be opened from here."""
    try:
        webbrowser.get()
    except webbrowser.Error:
        cure = (
            "`dlstudy open --no-browser` prints the address: open it in any browser of this machine. From another "
            "machine, forward the port: ssh -L 2718:127.0.0.1:2718 ..."
        )
        return [Finding("Browser", "none found here", "note", cure)]
    return [Finding("Browser", "found")]


CHECKS: tuple[Check, ...] = (
    Check("Python", look_at_python),
    Check("Packages", look_at_packages),
    Check("Machine", look_at_machine),
    Check("torch", look_at_torch),
    Check("torchvision", look_at_torchvision),
    Check("Disk", look_at_disk),
    Check("Downloaded", look_at_downloads),
    Check("Your folder", look_at_folder),
    Check("Progress", look_at_progress),
    Check("Port", look_at_port),
    Check("Browser", look_at_browser),
)


def probe(name: str) -> tuple[dict[str, Any] | None, str]:
    """Ask `_probes` in another process; return its facts, or None and what the process said when it failed."""
    command = [sys.executable, "-m", "dlstudy.course.doctor.probes", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        return None, f"no answer within {PROBE_SECONDS} s"
    if done.returncode:
        return None, done.stderr.strip() or f"the process ended with code {done.returncode}"
    facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    # NumPy's complaint about old modules is printed, not warned.
    facts.setdefault("warnings", []).append(done.stderr)
    return facts, ""


def report_text(findings: list[Finding]) -> str:
    """Return the findings as text for a bug report, without user name, home folder, learner's folder or host name."""
    lines = ["dlstudy doctor", ""]
    for finding in findings:
        lines.append(f"[{finding.level}] {finding.title}: {finding.found}")
        if finding.cure:
            lines.append(f"    -> {finding.cure}")
    return scrub("\n".join(lines)) + "\n"


def scrub(text: str) -> str:
    """Return `text` with everything that names the person or the machine replaced."""
    places = [(str(paths.learner_folder()), "<your folder>"), (str(Path.home()), "~")]
    for place, word in places:
        for spelling in {place, place.replace("\\", "/"), place.replace("\\", "\\\\")}:
            if len(spelling) > 1:
                text = re.sub(re.escape(spelling), lambda _, word=word: word, text, flags=re.IGNORECASE)  # type: ignore[misc]
    names = [(socket.gethostname(), "<host>"), (socket.gethostname().partition(".")[0], "<host>"), (_user(), "<user>")]
    for name, word in names:
        if name:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", word, text, flags=re.IGNORECASE)
    return text


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _broken(package: str, said: str) -> Finding:
    known = recognise(said)
    if known and "another build" in known[0]:
        return Finding(package, *_two_builds())
    if known:
        return Finding(package, known[0], "bad", known[1])
    last = said.strip().splitlines()[-1][:300] if said.strip() else "it said nothing"
    cure = "Install it again: pip install --force-reinstall torch torchvision. If that changes nothing, report it with "
    return Finding(package, f"does not work: {last}", "bad", cure + "`dlstudy doctor --report`.")


def _two_builds() -> tuple[str, Level, str]:
    """Return what is found, its level and the cure where torch and torchvision come from different indexes."""
    versions = {}
    for package in ("torch", "torchvision"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "missing"
    found = f"torchvision {versions['torchvision']} was built for another build of torch than {versions['torch']}"
    both = "pip install --force-reinstall torch torchvision"
    if versions["torch"].endswith("+cpu"):
        cure = (
            "torch is the build for processors only, so take torchvision from the same index: pip install "
            f"--force-reinstall --no-deps torchvision --index-url {CPU_INDEX}   Where that index cannot be reached, "
            f"take both from the ordinary one: {both}"
        )
    else:
        cure = f"Take both from one index: {both}   For processors only, which is smaller, add --index-url {CPU_INDEX}"
    return found, "bad", cure


def _no_gpu(facts: dict[str, Any], spoken: str) -> Finding:
    old = DRIVER_TOO_OLD.search(spoken)
    card = _card()
    if old or (card and facts["cuda_build"]):
        cure = (
            f"Update the NVIDIA driver to one for CUDA {facts['cuda_build']}, or install a torch for the driver that "
            "you have (pytorch.org, Get started). Every lesson runs on the processor meanwhile."
        )
        what = "the NVIDIA driver is too old for this torch" if old else f"{card} is there, but torch cannot use it"
        return Finding("GPU", what, "note", cure)
    if card:
        cure = "Install the build with CUDA: pip install --force-reinstall torch torchvision"
        return Finding("GPU", f"{card} is there, but this torch was built without CUDA", "note", cure)
    return Finding("GPU", "none found; every lesson runs on the processor")


@cache
def _card() -> str:
    """Return the name of an NVIDIA card as its driver gives it, "" where there is none."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return ""
    try:
        command = [tool, "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip().splitlines()[0].strip() if done.returncode == 0 and done.stdout.strip() else ""


def _speed(seconds: float, threads: int = 0) -> str:
    from dlstudy.course.doctor.probes import SIZE

    speed = 2 * SIZE**3 / seconds / 1e9
    on = f" on {words.counted(threads, 'thread')}" if threads else ""
    return f"{SIZE} x {SIZE} in float32: {words.seconds(seconds)}{on}, {speed:,.0f} GFLOP/s"


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
