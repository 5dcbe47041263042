"""What is in the repository: plain constraints, no machine's paths, one test command, a changelog that keeps up."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import dlstudy

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*==\d+(\.\d+)*((a|b|rc|\.post)\d+)?")


def pins() -> dict[str, Version]:
    """The tested version of each package."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {
        name: Version(version) for name, version in (line.split("==") for line in lines if not line.startswith("#"))
    }


def requirements() -> list[Requirement]:
    """What the package and its tests ask for."""
    return [Requirement(text) for text in PYPROJECT["project"]["dependencies"] + PYPROJECT["dependency-groups"]["dev"]]


def tracked() -> list[Path]:
    """The files that git knows, or would take: every text file of the repository."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_constraints_are_plain_pins_in_order() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.startswith("#")]
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    assert lines == sorted(lines)
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    "line", ["torch @ https://x.example/torch.whl", "torch==2.15.0+cpu", "-e .", "torch>=2", "torch==2.15.0 --hash=x"]
)
def test_anything_else_is_no_plain_pin(line: str) -> None:
    assert not PIN.fullmatch(line)


def test_every_requirement_is_pinned_inside_its_range() -> None:
    pinned = pins()
    for requirement in requirements():
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in constraints.txt"
        assert requirement.specifier.contains(version), f"{requirement} does not allow the tested {version}"


def test_the_pins_accept_a_cpu_build() -> None:
    assert Requirement(f"torch=={pins()['torch']}").specifier.contains(f"{pins()['torch']}+cpu")


def test_no_file_names_a_machine_or_where_packages_are_served_from() -> None:
    homes = r"(?<!\w)/root/|(?<!\w)/home/(?!\w+/\.\.\.)[a-z]\w*/|(?<!\w)/Users/[A-Za-z]\w*/|[A-Z]:\\Users\\"
    served = r"\bpythonhosted\.org|\bpypi\.(org|python)|registry\.npmjs|deb\.debian\.org"
    pattern = re.compile(rf"{homes}|(?<![\w.$]){'/wor' + 'k/'}|{served}")
    found = []
    for path in tracked():
        if path.suffix in {".png", ".jpg", ".npz", ".gz", ".safetensors"} or path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_no_lock_file_records_download_addresses() -> None:
    names = {path.name for path in tracked()}
    assert names.isdisjoint({"uv.lock", "pylock.toml", "poetry.lock", "package-lock.json"})


def test_ci_runs_the_readme_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert script.startswith("#!/usr/bin/env bash\n")
    assert re.search(r"^exec make test\b", script, re.MULTILINE)
    assert re.search(r"^make test$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_changelog_tells_of_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(dlstudy.__version__)}\b", text, re.MULTILINE)


def test_pre_commit_hooks_are_local() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [entry["repo"] for entry in config["repos"]] == ["local"]


def test_ignored_warnings_name_message_category_and_module() -> None:
    filters = PYPROJECT["tool"]["pytest"]["ini_options"]["filterwarnings"]
    assert filters[0] == "error"
    vague = [entry for entry in filters[1:] if not re.fullmatch(r"ignore:[^:]{8,}:[\w.]+:[\w.\\]+", entry)]
    assert vague == []


def asserts_something(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a test holds an assert, expects an error or a warning, or calls a helper that is named for checking."""
    checks = re.compile(r"assert|check|compare|expect|raises|warns|same|equal|agree|refuse|prove|fail|match|wait", re.I)
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call) and checks.search(ast.unparse(node.func).rpartition(".")[2]):
            return True
    return False


def test_every_test_asserts_something() -> None:
    empty = []
    for path in ROOT.glob("tests/**/test_*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        tests = [function for function in functions if function.name.startswith("test_")]
        empty += [f"{path.relative_to(ROOT)}::{test.name}" for test in tests if not asserts_something(test)]
    assert empty == []


@pytest.mark.parametrize("ci", ["", "true"])
def test_a_skipped_browser_test_fails_in_ci_only(tmp_path: Path, ci: str) -> None:
    (tmp_path / "conftest.py").write_text(
        (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    browser: x\n", encoding="utf-8")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n\n@pytest.mark.browser\ndef test_page():\n    pytest.skip('no browser here')\n\n"
        "@pytest.mark.browser\ndef test_with_fixture(chromium_path):\n    assert chromium_path\n\n"
        "def test_other():\n    pytest.skip('something else')\n",
        encoding="utf-8",
    )
    (tmp_path / "setup_env.py").write_text("def find_chromium():\n    return None\n", encoding="utf-8")
    environment = {**os.environ, "CI": ci, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    if ci:
        assert result.returncode == 1
        # a test that skips itself fails, one whose fixture skips is an error; the third may be skipped
        assert re.search(r"1 failed, 1 skipped, 1 error|2 failed, 1 skipped", result.stdout), result.stdout
        assert "no browser here" in result.stdout
    else:
        assert result.returncode == 0
        assert "3 skipped" in result.stdout
