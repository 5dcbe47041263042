"""The scripts of the course's pages: what they import is there, and marimo's names stand where they belong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlstudy.app import files
from dlstudy.figures.widget import dom_js

APP = Path(files.__file__).parent
OWN = sorted(path for folder in files.FOLDERS for path in folder.glob("*.js"))
CARDS = sorted((APP.parent / "course" / "page" / "static").glob("*.js"))
IMPORT = re.compile(r'^import .*?"\./([\w-]+\.js)(\?v=\w+)?";$', re.MULTILINE)
MARIMO = re.compile(
    r"data-testid|marimo-cell|data-cell-name|cellName\b|borderless|opacity-20|yellow|vscode|#App\b|markdown\.prose"
)


@pytest.mark.parametrize("script", OWN, ids=lambda path: path.name)
def test_imports_lead_to_files_of_this_version(script: Path) -> None:
    """A browser keeps a script for a year by its address, so an import without the version would be an old one's."""
    sent = files._script(script)
    imports = IMPORT.findall(sent)
    assert len(imports) == len(re.findall(r"^import\b", sent, re.MULTILINE))
    for name, version in imports:
        assert name in files._known()
        assert version == f"?v={files.version()}"
    assert sent.replace(f"?v={files.version()}", "") == script.read_text(encoding="utf-8")


@pytest.mark.parametrize("script", [*OWN, *CARDS], ids=lambda path: path.name)
def test_lines_can_be_read(script: Path) -> None:
    assert max(map(len, script.read_text(encoding="utf-8").splitlines())) <= 140


def test_marimos_names_in_the_browser_stand_in_three_files() -> None:
    """The next marimo may change them: then these are the files to look at."""
    texts = [path for folder in files.FOLDERS for path in folder.iterdir() if path.suffix in (".js", ".css", ".py")]
    found = {path.name for path in texts if MARIMO.search(path.read_text(encoding="utf-8"))}
    assert found == {"marimo.js", "lesson.css", "theme.js"}


def test_a_widget_has_the_helpers_without_a_module_of_its_own() -> None:
    assert "\nfunction h(" in dom_js()
    assert not re.search(r"^\s*(export|import)\b", dom_js(), re.MULTILINE)
