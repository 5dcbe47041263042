"""The set-up decides rightly, says what it will do, refuses in plain words, and does nothing when all is done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

import setup_env

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that set-up takes for the repository, with nothing set up in it."""
    monkeypatch.setattr(setup_env, "ROOT", tmp_path)
    monkeypatch.setattr(setup_env, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup_env, "STAMP", tmp_path / ".venv" / "stamp.json")
    monkeypatch.setattr(setup_env, "LOCAL_CACHE", tmp_path / ".cache" / "uv")
    monkeypatch.delenv("TORCH", raising=False)
    (tmp_path / "src" / "dlstudy").mkdir(parents=True)
    for name in ("pyproject.toml", "constraints.txt", "src/dlstudy/__init__.py"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def machine(
    monkeypatch: pytest.MonkeyPatch, system: str, *, gpu: str | None = None, index: bool = True, cpu: str = "x86_64"
) -> None:
    """Pretend to be on a machine."""
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(setup_env, "WINDOWS", system == "win32")
    monkeypatch.setattr(setup_env.platform, "machine", lambda: cpu)
    monkeypatch.setattr(setup_env, "nvidia_gpu", lambda: gpu)
    monkeypatch.setattr(setup_env, "reachable", lambda url: index)


@pytest.mark.parametrize(
    ("system", "asked", "gpu", "index", "expected"),
    [
        ("linux", "", None, True, ("cpu", "cpu", ["--index-url", setup_env.CPU_INDEX])),
        ("linux", "", "H200, 141 GB", True, ("cuda", "cuda", [])),
        ("linux", "cpu", "H200, 141 GB", True, ("cpu", "cpu", ["--index-url", setup_env.CPU_INDEX])),
        ("linux", "cuda", None, True, ("cuda", "cuda", [])),
        ("linux", "", None, False, ("cpu", "cuda", [])),
        ("win32", "", None, False, ("cpu", "cpu", [])),
        ("win32", "", "RTX 4060, 8 GB", True, ("cuda", "cuda", ["--torch-backend", "auto"])),
        ("darwin", "", None, False, ("cpu", "cpu", [])),
    ],
)
def test_torch_is_chosen_for_the_machine(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    asked: str,
    gpu: str | None,
    index: bool,
    expected: tuple[str, str, list[str]],
) -> None:
    machine(monkeypatch, system, gpu=gpu, index=index, cpu="arm64" if system == "darwin" else "x86_64")
    choice = setup_env.choose_torch(asked)
    assert (choice.wanted, choice.build, choice.arguments) == expected
    if gpu and choice.build == "cuda":
        assert gpu in choice.why
    if system == "linux" and not index:
        assert "does not answer" in choice.why
        assert "ordinary index" in choice.why


def test_a_mac_with_intel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, "darwin", cpu="x86_64")
    with pytest.raises(setup_env.SetupError, match="Intel"):
        setup_env.choose_torch("")


def test_a_full_disk_is_refused_before_anything_is_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine(monkeypatch, "linux", gpu="RTX 4060, 8 GB")
    monkeypatch.setattr(setup_env.shutil, "disk_usage", lambda path: SimpleNamespace(free=3_000_000_000))
    with pytest.raises(setup_env.SetupError, match=r"6\.4 GB more are needed in .*, and 3\.0 GB are free"):
        setup_env.set_up(dev=False)
    assert not (folder / ".venv").exists()
    assert "RTX 4060" in capsys.readouterr().out


def test_what_is_already_there_is_not_asked_of_the_disk_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".cache" / "uv").mkdir(parents=True)
    with (folder / ".cache" / "uv" / "torch.whl").open("wb") as file:
        file.truncate(5_000_000_000)  # a hole: it takes no space on the disk
    monkeypatch.setattr(setup_env.shutil, "disk_usage", lambda path: SimpleNamespace(free=3_000_000_000))
    sentence = setup_env.check_disk("cuda", dev=False)
    assert "about 6.4 GB" in sentence
    assert "free on this disk: 3 GB" in sentence


def test_a_wrong_torch_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH", "rocm")
    with pytest.raises(setup_env.SetupError, match="TORCH must be cpu or cuda, and is 'rocm'"):
        setup_env.set_up(dev=False)


def test_a_python_without_venv_is_told_which_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_env, "run", lambda command, **options: 1)
    with pytest.raises(setup_env.SetupError, match=rf"sudo apt install python3\.{sys.version_info[1]}-venv"):
        setup_env.make_venv()


def test_a_foreign_folder_named_venv_is_left_alone(folder: Path) -> None:
    (folder / ".venv").mkdir()
    (folder / ".venv" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(setup_env.SetupError, match="is no Python environment"):
        setup_env.make_venv()
    assert (folder / ".venv" / "thesis.txt").read_text(encoding="utf-8") == "mine"


def finished(folder: Path, **facts: object) -> None:
    """Leave what a finished set-up leaves."""
    setup_env.venv_python().parent.mkdir(parents=True)
    setup_env.venv_python().touch()
    stamp = {"fingerprint": setup_env.fingerprint(), "torch": "cpu", "dev": False, **facts}
    setup_env.STAMP.write_text(json.dumps(stamp), encoding="utf-8")


def test_a_finished_set_up_does_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(folder)
    for name in ("run", "choose_torch", "nvidia_gpu", "reachable", "make_venv"):
        monkeypatch.setattr(setup_env, name, lambda *given, name=name, **options: pytest.fail(f"{name} was called"))
    setup_env.set_up(dev=False)
    monkeypatch.setenv("TORCH", "cpu")
    setup_env.set_up(dev=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("change", ["constraints", "pyproject", "version", "torch", "dev", "half-written"])
def test_a_change_sets_up_again(folder: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    finished(folder)
    files = {"constraints": "constraints.txt", "pyproject": "pyproject.toml", "version": "src/dlstudy/__init__.py"}
    if change in files:
        with (folder / files[change]).open("a", encoding="utf-8") as file:
            file.write("# changed\n")
    elif change == "torch":
        monkeypatch.setenv("TORCH", "cuda")
    elif change == "half-written":
        setup_env.STAMP.write_text('{"fingerp', encoding="utf-8")

    def chosen(asked: str) -> None:
        raise setup_env.SetupError("asked again")

    monkeypatch.setattr(setup_env, "choose_torch", chosen)
    with pytest.raises(setup_env.SetupError, match="asked again"):
        setup_env.set_up(dev=change == "dev")


def test_an_old_python_is_told_so() -> None:
    code = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path('setup_env.py', run_name='__main__')"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "needs Python 3.11 or newer" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("answer", [200, 404])
def test_whether_an_address_answers(answer: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(answer)
            self.end_headers()

        def log_message(self, *given: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert setup_env.reachable(f"http://127.0.0.1:{server.server_port}/torch/") is (answer == 200)
    finally:
        server.shutdown()
        server.server_close()
    assert setup_env.reachable(f"http://127.0.0.1:{server.server_port}/torch/") is False


def test_packages_of_another_python_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/opt/robots")
    monkeypatch.setenv("VIRTUAL_ENV", "/opt/other")
    assert {"PYTHONPATH", "VIRTUAL_ENV"}.isdisjoint(setup_env.clean_environment())
    assert setup_env.clean_environment()["PATH"] == os.environ["PATH"]


@pytest.mark.skipif(sys.platform == "win32", reason="make and sh are not there")
@pytest.mark.parametrize("named", ["", "PYTHON={python}"])
def test_make_finds_a_python(named: str) -> None:
    command = [
        "make",
        "--no-print-directory",
        "--dry-run",
        "install",
        *([named.format(python=sys.executable)] if named else []),
    ]
    # `make test ARGS=...` hands its own variables down, and they are not what is tried here.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ARGS", "MAKE", "MFLAGS"))}
    script = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    script = script.replace('"$python" setup_env.py install', 'printf "%s" "$python"')
    found = subprocess.run(["sh", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    code = "import sys; print(sys.version_info >= (3, 11))"
    assert subprocess.run([found, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout == "True\n"
    assert not named or found == sys.executable
    nothing = subprocess.run(
        ["/bin/sh", "-c", script.replace(".venv/bin/python", "none").replace(sys.executable, "none")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/nonexistent"},
    )
    assert nothing.returncode == 1
    assert "needs Python 3.11 or newer, and none was found" in nothing.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for NVIDIA's program is a shell script")
@pytest.mark.parametrize(
    ("script", "gpu"),
    [
        ("echo 'NVIDIA H200, 143771 MiB'\necho 'NVIDIA H200, 143771 MiB'", "NVIDIA H200, 143771 MiB"),
        ("echo 'NVIDIA-SMI has failed because it could not communicate with the driver.'\nexit 9", None),
        ("true", None),
    ],
)
def test_the_gpu_is_what_its_program_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, gpu: str | None
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert setup_env.nvidia_gpu() == gpu
