"""The check-up finds what is wrong, says what to do, and gives nothing private away."""

import getpass
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from dlstudy.course import doctor
from dlstudy.course.content import paths
from dlstudy.course.doctor import Finding
from dlstudy.course.learner.progress import Progress


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(paths.LEARNER_VARIABLE, str(tmp_path / "learner"))
    monkeypatch.setattr(
        "dlstudy.course.learner.folder.refuse", lambda folder: None
    )  # it refuses /tmp, where tests live
    return tmp_path / "learner"


def broken(name: str, code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a package that breaks in front of the real one, for the processes that the check-up starts."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.mark.slow
def test_the_torchvision_trap_is_recognised_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real torchvision whose compiled part does not load, as it is beside another build of torch."""
    real = Path(str(doctor.metadata.distribution("torchvision").locate_file("torchvision")))
    shutil.copytree(
        real, tmp_path / "torchvision", ignore=shutil.ignore_patterns("*.so*", "*.pyd", "*.dylib", "__pyc*")
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (finding,) = doctor.look_at_torchvision()
    assert finding.level == "bad"
    assert "was built for another build of torch" in finding.found
    assert "pip install --force-reinstall torch torchvision" in finding.cure


@pytest.mark.parametrize(
    ("torch", "cure"),
    [
        ("2.15.0+cpu", f"--force-reinstall --no-deps torchvision --index-url {doctor.CPU_INDEX}"),
        ("2.15.0", "one index: pip install --force-reinstall torch torchvision"),
    ],
)
def test_the_cure_of_the_trap_fits_the_torch_that_is_there(
    torch: str, cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "probe", lambda name: (None, "RuntimeError: operator torchvision::nms does not exist"))
    monkeypatch.setattr(doctor.metadata, "version", {"torch": torch, "torchvision": "0.29.2"}.__getitem__)
    (finding,) = doctor.look_at_torchvision()
    assert f"torchvision 0.29.2 was built for another build of torch than {torch}" in finding.found
    assert cure in finding.cure


def test_torch_that_ends_its_process_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken("torch", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", tmp_path / "site", monkeypatch)
    (finding,) = doctor.look_at_torch()
    assert finding.level == "bad"
    assert "does not work" in finding.found
    assert "pip install" in finding.cure


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("RuntimeError: operator torchvision::nms does not exist", "another build of torch"),
        ("OSError: /x/torchvision/_C.so: undefined symbol: _ZN3c10", "another build of torch"),
        ("A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.1", "do not fit together"),
        ("RuntimeError: Numpy is not available", "do not fit together"),
        ("ImportError: libcudnn.so.9: cannot open shared object file", "CUDA and one of its libraries is missing"),
        ("OSError: [WinError 126] The specified module could not be found. Error loading fbgemm.dll", "Windows"),
        ("ModuleNotFoundError: No module named 'torch'", "a package is missing"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
    ],
)
def test_what_broken_installations_say_is_understood(said: str, meaning: str) -> None:
    found = doctor.recognise(said)
    assert found is not None
    assert meaning in found[0]
    assert found[1]


def test_other_messages_are_not_taken_for_known_ones() -> None:
    assert doctor.recognise("ValueError: expected a shape of (2, 3)") is None


def facts(**changed: Any) -> dict[str, Any]:
    return {
        "torch": "2.15.0", "numpy": "2.4.6", "cuda_build": "13.2", "threads": 2, "cuda": False, "mps": False,
        "devices": [], "cpu_seconds": 0.02, "warnings": [], **changed,
    }  # fmt: skip


def look(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> dict[str, Finding]:
    monkeypatch.setattr(doctor, "probe", lambda name: (facts(**changed), ""))
    return {finding.title: finding for finding in doctor.look_at_torch()}


def test_a_driver_that_is_too_old_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040). Please update"
    found = look(monkeypatch, warnings=[said])["GPU"]
    assert found.level == "note"
    assert "too old" in found.found
    assert "CUDA 13.2" in found.cure


def test_a_card_that_torch_does_not_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_card", lambda: "NVIDIA T4")
    assert "built without CUDA" in look(monkeypatch, cuda_build="")["GPU"].found
    assert "torch cannot use it" in look(monkeypatch)["GPU"].found
    monkeypatch.setattr(doctor, "_card", lambda: "")
    assert look(monkeypatch)["GPU"] == Finding("GPU", "none found; every lesson runs on the processor")


def test_devices_are_named_with_memory_and_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    device = {"name": "NVIDIA T4", "memory": 16 * 2**30, "seconds": 2 * 1024**3 / 4e12}
    found = look(monkeypatch, cuda=True, devices=[device])
    assert found["GPU"].found == "NVIDIA T4, 16 GB"
    assert found["Matrix product, GPU"].found.endswith("4,000 GFLOP/s")


def test_numpy_and_torch_that_do_not_fit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = look(monkeypatch, warnings=["A module that was compiled using NumPy 1.x cannot be run in NumPy 2"])
    assert found["torch"].level == "bad"
    assert "--upgrade" in found["torch"].cure


@pytest.mark.slow
def test_the_real_installation_is_measured() -> None:
    found = {finding.title: finding for finding in doctor.look_at_torch() + doctor.look_at_torchvision()}
    assert found["torch"].level == found["torchvision"].level == "good"
    speed = float(found["Matrix product, processor"].found.split()[-2].replace(",", ""))
    assert 0.1 < speed < 1e6


def test_a_package_of_another_version_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = doctor.metadata.version

    def version(name: str) -> str:
        if name == "torch":
            raise doctor.metadata.PackageNotFoundError(name)
        return "0.24.0" if name == "marimo" else real(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    found = {finding.title: finding for finding in doctor.look_at_packages()}
    assert found["marimo"].level == found["torch"].level == "bad"
    assert "0.24.0, the course needs ==0.25.2" in found["marimo"].found
    assert found["marimo"].cure == 'pip install "marimo==0.25.2"'
    assert found["torch"].found == "missing"
    assert "marimo" not in found["Packages"].found


def test_the_real_packages_are_as_asked_for() -> None:
    assert [finding.level for finding in doctor.look_at_packages()] == ["good"]


@pytest.mark.parametrize(("free", "level"), [(100, "good"), (3, "note"), (0.1, "bad")])
def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, free: float, level: str) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: usage(0, 0, int(free * 2**30)))
    (finding,) = doctor.look_at_disk()
    assert finding.level == level
    assert bool(finding.cure) == (level != "good")


def test_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    memory = namedtuple("memory", "total available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(4 * 2**30, 2**30))
    (finding,) = doctor.look_at_machine()
    assert finding.level == "note"
    assert "4.0 GB of memory, 1.0 GB free" in finding.found


def test_a_folder_that_cannot_be_written_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.look_at_folder()[0].level == "good"
    assert not folder.exists(), "looking must not make a folder"

    def refuse(*place: object, **facts: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    (finding,) = doctor.look_at_folder()
    assert finding.level == "bad"
    assert "cannot be written: Permission denied" in finding.found
    assert paths.LEARNER_VARIABLE in finding.cure


def test_a_page_that_is_empty_or_ends_in_the_middle_is_told(folder: Path) -> None:
    from dlstudy.course.learner import folder as learners

    learners.prepare(folder)
    assert [finding.level for finding in doctor.look_at_folder()] == ["good"]
    empty, cut = sorted(folder.glob("0[12]_*.md"))
    empty.write_text("", encoding="utf-8")
    text = cut.read_text(encoding="utf-8")
    cut.write_text(text[: text.rindex("\n```")], encoding="utf-8")
    whole, *damaged = doctor.look_at_folder()
    assert whole.level == "good"
    assert [finding.level for finding in damaged] == ["bad", "bad"]
    assert [finding.found.split(" is ")[0] for finding in damaged] == [empty.name, cut.name]
    assert all("as it is handed out" in finding.cure for finding in damaged)


def test_a_folder_that_the_course_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from dlstudy.course.learner.folder import NotALearnerFolder

    def refuse(folder: Path) -> None:
        raise NotALearnerFolder("it is a file")

    monkeypatch.setattr("dlstudy.course.learner.folder.refuse", refuse)
    assert doctor.look_at_folder()[0].level == "bad"


def test_progress_sound_missing_and_damaged(folder: Path) -> None:
    assert doctor.look_at_progress()[0].found == "none yet"
    with Progress(paths.progress_file()) as progress:
        for number in range(200):
            progress.record_attempt(f"01/x{number}", passed=True, source="x" * 500, verdict="passed")
    assert "sound" in doctor.look_at_progress()[0].found
    with sqlite3.connect(paths.progress_file()) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    data = bytearray(paths.progress_file().read_bytes())
    data[4096 : len(data) // 2] = os.urandom(len(data) // 2 - 4096)
    paths.progress_file().write_bytes(data)
    before = paths.progress_file().read_bytes()
    (finding,) = doctor.look_at_progress()
    assert finding.level == "bad"
    assert "damaged" in finding.found
    assert paths.progress_file().read_bytes() == before, "the check-up only reads"


def test_a_port_in_use_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    # A port of our own: on the real one, tests that run beside this one open and close courses.
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setattr(doctor, "FIRST_PORT", other.getsockname()[1])
        assert "is in use" in doctor.look_at_port()[0].found
    assert "is free" in doctor.look_at_port()[0].found


def test_no_browser_is_a_note_with_a_way_round(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise doctor.webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(doctor.webbrowser, "get", none)
    (finding,) = doctor.look_at_browser()
    assert finding.level == "note"
    assert "--no-browser" in finding.cure


def test_the_report_gives_nothing_private_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home" / "ada.lovelace"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv(paths.LEARNER_VARIABLE, str(tmp_path / "secret-course"))
    monkeypatch.setattr(getpass, "getuser", lambda: "ada.lovelace")
    monkeypatch.setattr(socket, "gethostname", lambda: "difference-engine.example.org")
    said = [
        Finding("a", f"{home}/x.py and {tmp_path / 'secret-course'} on difference-engine.example.org"),
        Finding("b", f"Difference-Engine says ADA.LOVELACE {str(home).upper()}", "bad", "/data/ada.lovelace/venv"),
        Finding("c", r"C:\\Users\\ada.lovelace\\x", "note", "metadata.lovelaces stay"),
    ]
    text = doctor.report_text(said)
    for private in ("ada.lovelace/", "ada.lovelace\\", "difference", "secret-course", str(home)):
        assert private.casefold() not in text.casefold(), text
    assert "~/x.py and <your folder> on <host>" in text
    assert "metadata.lovelaces stay" in text


@pytest.mark.slow
def test_the_report_of_this_machine_gives_nothing_private_away(tmp_path: Path) -> None:
    target = tmp_path / "report.txt"
    environment = {**os.environ, paths.LEARNER_VARIABLE: str(Path.home() / "dlstudy-learner")}
    command = [sys.executable, "-c", "from dlstudy.commands.cli import main; main()", "doctor", "--report", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    text = target.read_text(encoding="utf-8")
    assert str(target) in done.stdout
    for private in (str(Path.home()), getpass.getuser(), socket.gethostname()):
        assert private not in text.split(), text
    assert str(Path.home()) not in text
    assert "torch" in text
    assert "GFLOP/s" in text


def test_a_missing_package_does_not_end_the_look_at_downloads(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['msgspec'] = None\n"
        "from dlstudy.course import doctor; print(doctor.look_at_downloads()[0].found)"
    )
    environment = {**os.environ, paths.LEARNER_VARIABLE: str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "unknown, since msgspec is missing"
