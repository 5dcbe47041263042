"""What a key follows: imports however far away, files beside modules, pages and exercises; and what it does not."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dlstudy.course.running import sources
from dlstudy.course.running.sources import Sources
from tests.proofs import keys

FILES = {
    "src/pack/__init__.py": '"""A pack."""\n',
    "src/pack/near.py": "from pack import far\n\n\ndef near(x):\n    return far.far(x)\n",
    "src/pack/far.py": (
        "def far(x):\n    from pack.inner.farthest import scale  # inside a function\n\n    return scale(x)\n"
    ),
    "src/pack/inner/__init__.py": "SIZE = 3\n",
    "src/pack/inner/farthest.py": 'TABLE = "table.json"\n\n\ndef scale(x):\n    """Twice."""\n    return 2 * x\n',
    "src/pack/inner/table.json": "[1, 2]\n",
    "src/pack/alone.py": "ALONE = 1\n",
    "src/pack/homes.py": (
        'from importlib import import_module\n\n\ndef get(name):\n    return import_module(f"pack.{name}")\n'
    ),
    "tests/__init__.py": "",
    "tests/area/__init__.py": "",
    "tests/area/conftest.py": "WIDTH = 3\n",
    "tests/area/test_it.py": "from pack import near\n\n\ndef test_near():\n    assert near.near(1) == 2\n",
    "lessons/07_Page.md": "---\ntitle: T\n---\n\n```python {.marimo name='a'}\nfrom pack import alone\n```\n",
    "exercises/07/one/check.py": "import pack.inner\n",
    "exercises/07/recorded/result.json": '{"result": 1}\n',
}
Edit = Callable[[str, str, str], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
    return tmp_path


def planted(root: Path, cache: Path | None = None) -> Sources:
    return Sources({"pack": root / "src", "tests": root}, root, cache)


def code(root: Path, page: bool = True) -> str:
    path = root / "lessons" / "07_Page.md" if page else None
    return keys.of_test("tests.area.test_it", page=path, found=planted(root)).code


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("src/pack/near.py", "far.far(x)", "far.far(x) + 0"),
        ("src/pack/inner/farthest.py", "2 * x", "3 * x"),
        ("src/pack/inner/__init__.py", "3", "4"),
        ("src/pack/inner/table.json", "2", "3"),
        ("tests/area/test_it.py", "== 2", "== 3"),
        ("tests/area/conftest.py", "3", "4"),
        ("lessons/07_Page.md", "title: T", "title: U"),
        ("src/pack/alone.py", "1", "2"),
        ("exercises/07/one/check.py", "import", "import  "),
        ("exercises/07/recorded/result.json", "1", "2"),
    ],
)
def test_whatever_a_proof_depends_on_changes_its_key(root: Path, name: str, old: str, new: str) -> None:
    before = code(root)
    file = root / name
    assert old in file.read_text(encoding="utf-8")
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8", newline="\n")
    assert code(root) != before


def test_comments_docstrings_line_endings_neighbours_and_the_folder_change_nothing(root: Path, tmp_path: Path) -> None:
    before = code(root, page=False)
    file = root / "src/pack/inner/farthest.py"
    file.write_bytes(file.read_bytes().replace(b'"""Twice."""', b'"""Two times."""  # said so').replace(b"\n", b"\r\n"))
    table = root / "src/pack/inner/table.json"
    table.write_bytes(table.read_bytes().replace(b"\n", b"\r\n"))
    (root / "src/pack/alone.py").write_text("ALONE = 2\n", encoding="utf-8")
    (root / "src/pack/inner/other.json").write_text("[]", encoding="utf-8")
    assert code(root, page=False) == before
    shutil.copytree(root, tmp_path / "elsewhere" / "else")
    assert code(tmp_path / "elsewhere" / "else", page=False) == before


def test_a_name_that_is_computed_may_be_any_module_of_its_package(root: Path) -> None:
    assert planted(root).closure(["pack.homes"]) >= {"pack.alone", "pack.near", "pack.inner.farthest"}
    assert "pack.alone" not in planted(root).closure(["pack.near"])


def test_what_is_apart_is_left_out_with_what_only_it_imports(root: Path) -> None:
    assert planted(root).closure(["pack.near"], apart=("pack.inner",)) == {"pack", "pack.near", "pack.far"}
    assert keys.key_of(["pack.near"], apart=("table.json",), found=planted(root)) != keys.key_of(
        ["pack.near"], found=planted(root)
    )


def test_what_is_kept_for_the_next_process_is_what_reading_gives(root: Path) -> None:
    cache = root / "cache" / "sources.json"
    first = planted(root, cache)
    key = keys.key_of(["pack.near"], found=first)
    first.keep()
    assert keys.key_of(["pack.near"], found=planted(root, cache)) == key
    (root / "src/pack/far.py").write_text("def far(x):\n    return x\n", encoding="utf-8")
    assert keys.key_of(["pack.near"], found=planted(root, cache)) != key
    cache.write_text("{", encoding="utf-8")
    assert keys.key_of(["pack.near"], found=planted(root, cache)) == keys.key_of(["pack.near"], found=planted(root))


def test_versions_are_named_and_a_builds_own_suffix_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.metadata, "version", lambda name: {"torch": "2.15.0+cu132"}.get(name, "1.0"))
    assert sources.versions(["torch", "sklearn"]) | {"python": ""} == {
        "torch": "2.15.0",
        "sklearn": "1.0",
        "python": "",
    }


def test_the_real_keys_reach_what_they_should_and_take_little_time() -> None:
    found = keys.project()
    vision = found.closure(["tests.parity.test_vision"], keys.APART)
    assert {"dlstudy.models.vgg", "tests.parity.tools"} <= vision
    assert not [name for name in vision if name.startswith(("dlstudy.course", "tests.proofs"))]
    libraries = found.libraries(vision)
    assert {"torch", "torchvision", "timm", "numpy"} <= libraries
    notebooks = found.closure(["tests.lessons.test_notebooks"], keys.APART)
    assert "tests.lessons.notebook_run" in notebooks, "it is started by its name"
    assert "exercise.js" in {file.name for file in found.data(notebooks)}
    page = sorted((keys.ROOT / "lessons").glob("09_*.md"))[0]
    modules, files = keys.of_page(page)
    assert "dlstudy.layers.recurrent" in found.closure(modules)
    assert {"exercise.toml", "dates.safetensors", page.name} <= {file.name for file in files}
    found.keep()
    begun = time.process_time()
    for name in ("tests.parity.test_vision", "tests.models.test_counting", "tests.lessons.test_notebooks"):
        keys.of_test(name, page=page)
    assert time.process_time() - begun < 1.5
