"""The README says what is there: the table of lessons, the commands, the links and the picture."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import click
import pytest

import setup_env
from tests.rules import readme_table

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]


def text(name: str) -> str:
    """One of the pages."""
    return (ROOT / name).read_text(encoding="utf-8")


def code(name: str) -> str:
    """What stands in a page's fences and in its inline code."""
    found = re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", text(name), re.DOTALL)
    return "\n".join(fence or inline for fence, inline in found)


def test_the_table_of_lessons_is_the_catalogue() -> None:
    assert readme_table.written(text("README.md")) == readme_table.table(), (
        "the table is out of date: python -m tests.rules.readme_table --write"
    )


def test_the_table_marks_exactly_what_is_written() -> None:
    rows = re.findall(r"^\| (\d\d) \|.*\| (.+) \|$", text("README.md"), re.MULTILINE)
    assert [number for number, _ in rows] == [f"{number:02d}" for number in range(28)]
    written = {path.name[:2] for path in (ROOT / "lessons").glob("[0-9][0-9]_*.md")}
    assert {number for number, mark in rows if mark == "**works**"} == written


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_and_scripts_exist(page: str) -> None:
    targets = set(re.search(r"^\.PHONY: (.+)$", text("Makefile"), re.MULTILINE).group(1).split())
    named = set(re.findall(r"^\s*make (\w+)", code(page), re.MULTILINE))
    assert named <= targets
    for command in re.findall(r"setup_env\.py (\w+)", code(page)):
        assert f"python setup_env.py {command} " in setup_env.__doc__
    for module in re.findall(r"python -m ((?:dlstudy|tests|benchmarks)[\w.]*)", code(page)):
        assert importlib.util.find_spec(module), module


@pytest.mark.parametrize("page", PAGES)
def test_dlstudy_commands_exist(page: str) -> None:
    from dlstudy.commands.cli import main

    context = click.Context(main)
    for words in re.findall(r"\bdlstudy ((?:[a-z]+ ?)+)", code(page)):
        command: click.Command | None = main
        for word in words.split():
            if not isinstance(command, click.Group):
                break
            command = command.get_command(context, word)
            assert command is not None, f"dlstudy {words}"


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_resolve(page: str) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text(page))
    for target in (first or second for first, second in targets):
        if not re.match(r"https?://|mailto:|#", target):
            assert (ROOT / target.split("#")[0]).exists(), target


def test_the_picture_is_small() -> None:
    pictures = re.findall(r"(docs/[\w.-]+\.png)", text("README.md"))
    assert len(pictures) == 1
    assert 20_000 < (ROOT / pictures[0]).stat().st_size < 300_000
