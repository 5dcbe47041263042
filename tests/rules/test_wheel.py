"""The wheel carries the lessons and exercises and works where no source tree is near."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import dlstudy

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as `pip install .` builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files in a folder of their own; what it depends on comes from the environment of the tests."""
    target = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run([*command, "--target", str(target), str(wheel)], check=True, capture_output=True)
    return target


def shipped(folder: str) -> set[str]:
    """The files below a folder of the repository that belong in the wheel."""
    files = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {
        path.relative_to(ROOT).as_posix()
        for path in files
        if not {"__pycache__", "__marimo__", ".ruff_cache"} & set(path.parts) and path.suffix != ".pyc"
    }


def test_lessons_and_exercises_are_in_it_whole(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("lessons", "exercises"):
        inside = {name.removeprefix("dlstudy/_content/") for name in names if f"/_content/{folder}/" in name}
        assert inside == shipped(folder)
        assert inside


def test_the_package_is_in_it_whole_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {name.removeprefix("src/") for name in shipped("src/dlstudy")}
    assert package <= names
    assert {name.split("/")[0] for name in names} == {"dlstudy", f"dlstudy-{dlstudy.__version__}.dist-info"}


def run(installed: Path, folder: Path, *words: str) -> str:
    """What the installed command prints, away from the source tree, for a learner who has nothing yet."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(installed),
        "DLSTUDY_LEARNER": str(folder / "learner"),
        "COLUMNS": "200",
        "PYTHONIOENCODING": "utf-8",
    }
    environment.pop("DLSTUDY_CONTENT", None)
    code = (
        "import sys, dlstudy; assert dlstudy.__file__.startswith(sys.argv.pop(1)); "
        "from dlstudy.commands.cli import main; main()"
    )
    command = [sys.executable, "-c", code, str(installed), *words]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_it_lists_the_lessons(installed: Path, tmp_path: Path) -> None:
    text = run(installed, tmp_path, "list")
    assert "Tensors and Autograd" in text
    assert "Normalization Layers" in text


def test_it_lists_the_models(installed: Path, tmp_path: Path) -> None:
    text = run(installed, tmp_path, "models")
    assert "resnet50" in text
    assert "official weights: huggingface.co" in text


def test_it_knows_where_a_lesson_is(installed: Path, tmp_path: Path) -> None:
    text = run(installed, tmp_path, "where", "01").replace("\n", "")
    assert "01_Tensors_and_Autograd.md" in text
    assert str(installed / "dlstudy" / "_content") in text
    assert str(ROOT) not in text


def test_it_loads_an_exercise_with_its_solution(installed: Path, tmp_path: Path) -> None:
    code = (
        "from dlstudy.course.content.catalogue import load\n"
        "from dlstudy.course.content.exercises import load_exercise\n"
        "slugs = load().find('01').exercises; assert slugs\n"
        "for slug in slugs: exercise = load_exercise(f'01/{slug}'); print(slug, len(exercise.solution))"
    )
    environment = {**os.environ, "PYTHONPATH": str(installed), "DLSTUDY_LEARNER": str(tmp_path / "learner")}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert len(lines) >= 4
    assert all(int(length) > 20 for _, length in lines)


@pytest.mark.skipif(os.name == "nt", reason="links between folders need rights on Windows")
def test_a_notebook_s_first_cell_installs_it_where_it_is_missing(wheel: Path, tmp_path: Path) -> None:
    """In an environment that has everything but the course, and no network."""
    import nbformat
    from nbclient import NotebookClient

    from dlstudy.course.content import paths
    from dlstudy.course.content.lessonfile import LessonFile
    from dlstudy.course.page import notebook

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    ours = Path(sysconfig.get_path("purelib"))
    theirs = tmp_path / "venv" / ours.relative_to(sys.prefix)
    for entry in ours.iterdir():
        if "dlstudy" not in entry.name and entry.suffix != ".pth":
            (theirs / entry.name).symlink_to(entry)
    kernel = tmp_path / "jupyter" / "kernels" / "other"
    kernel.mkdir(parents=True)
    command = [str(tmp_path / "venv" / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    environment = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    environment |= {"DLSTUDY_LEARNER": str(tmp_path / "learner")}
    spec = {"argv": command, "display_name": "other", "language": "python", "env": environment}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")

    lesson = LessonFile.read(paths.lessons_folder() / "01_Tensors_and_Autograd.md")
    content = nbformat.from_dict(notebook.convert(lesson, str(wheel)))
    install = next(cell for cell in content.cells if cell.cell_type == "code")
    quiz = "from dlstudy.course.page.jupyter import Page\nPage(1).quiz('same-strip')"
    content.cells = [install, nbformat.v4.new_code_cell(quiz), nbformat.v4.new_code_cell("print(dlstudy.__file__)")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
        NotebookClient(content, timeout=300, kernel_name="other").execute()
    assert "Does <code>x</code> change?" in content.cells[1].outputs[0].data["text/html"]
    assert content.cells[2].outputs[0].text.startswith(str(theirs))
