"""The parts of coming in that need no server: codes, the file that carries one, the address it leads to, old tokens."""

from __future__ import annotations

import html
import json
import os
import platform
import re
import stat
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from dlstudy.app import codes, server
from dlstudy.app.entry import browser
from dlstudy.app.entry.login import _is_ours
from dlstudy.app.entry.renewal import forget_shown_token


def test_a_code_is_right_once_and_not_for_long() -> None:
    now = [0.0]
    made = codes.OneTimeCodes(lambda: now[0])
    first, second, late = made.issue(), made.issue(), made.issue()
    assert len({first, second, late}) == 3
    assert made.redeem(first)
    assert not made.redeem(first)
    for wrong in ("", first[:-1], "caf\u00e9", "\ud800", second + " "):
        assert not made.redeem(wrong)
    now[0] = codes.LIFETIME - 1
    assert made.redeem(second)
    now[0] = codes.LIFETIME
    assert not made.redeem(late)


def test_not_more_codes_wait_than_a_learner_can_have_asked_for() -> None:
    made = codes.OneTimeCodes()
    issued = [made.issue() for _ in range(50)]
    assert [made.redeem(code) for code in issued] == [False] * 30 + [True] * 20


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("learner", "folder"), [("study", "study"), (".hidden/study", "."), ("../elsewhere", ".")])
def test_the_file_lies_where_every_browser_may_read_it(home: Path, learner: str, folder: str) -> None:
    assert browser.page_of("code", (home / learner).resolve()).parent == home / folder
    assert "code" not in browser.page_of("code", home / "study").name


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX knows them")
def test_the_file_is_the_learners_and_holds_the_only_copy_of_the_address(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(opened.append(address)) or True)
    monkeypatch.setattr(platform, "release", lambda: "6.1")
    learner = home / "a folder"
    learner.mkdir()
    address = browser.entry("http://127.0.0.1:1/base", "word-_1", "01_A.md", 'a"b&c')
    assert browser.open_at(address, "word-_1", learner)
    (page,) = learner.iterdir()
    assert opened == [page.as_uri()]
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    (target,) = re.findall(r'url=([^"]*)"', page.read_text(encoding="utf-8"))
    assert html.unescape(target) == address
    assert parse_qs(urlsplit(address).query) == {"code": ["word-_1"], "file": ["01_A.md"], "place": ['a"b&c']}
    assert not browser.open_at(address, "word-_1", learner), "a file that is there is not used: whose is it?"
    assert not browser.open_at(address, "other", home / "not there")
    browser.remove_old_pages(learner)
    assert list(learner.iterdir()) == []


def test_a_browser_that_knows_no_path_of_this_system_gets_the_address(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(opened.append(address)) or True)
    monkeypatch.setattr(platform, "release", lambda: "5.15.90.1-microsoft-standard-WSL2")
    assert browser.open_at("http://127.0.0.1:1/api/course/enter?code=a", "a", home)
    assert opened == ["http://127.0.0.1:1/api/course/enter?code=a"]
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("target", ["/", "/01_A.md", "/?file=01_A.md", "/a//b"])
def test_the_login_leads_to_the_course(target: str) -> None:
    assert _is_ours(target)


@pytest.mark.parametrize(
    "target",
    ["", "a", "//e.example", "/\\e.example", "https://e.example", "javascript:1", "/a\nX: y", "/\t/e.example", "/\0"],
)
def test_the_login_leads_nowhere_else(target: str) -> None:
    assert not _is_ours(target)


def test_a_token_that_a_list_of_processes_had_is_replaced_once(home: Path) -> None:
    learner = home / "study"
    path = learner / ".dlstudy" / "token"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"token": "t" * 40, "session": "s" * 40}), encoding="utf-8")
    forget_shown_token(learner)
    first = server.load_secrets(learner)
    assert first.token != "t" * 40
    assert first.session == "s" * 40, "logged in again with the new address, known to a server that runs"
    forget_shown_token(learner)
    assert server.load_secrets(learner) == first
    if os.name == "posix":
        assert [oct(each.stat().st_mode & 0o777) for each in path.parent.iterdir()] == ["0o600"] * 2


@pytest.mark.parametrize("damage", [None, "", "{", "[]", '{"token": "x"}'])
def test_where_no_token_can_be_read_a_new_one_is_made_and_stays(home: Path, damage: str | None) -> None:
    learner = home / "study"
    if damage is not None:
        (learner / ".dlstudy").mkdir(parents=True)
        (learner / ".dlstudy" / "token").write_text(damage, encoding="utf-8")
    forget_shown_token(learner)
    made = server.load_secrets(learner)
    forget_shown_token(learner)
    assert server.load_secrets(learner) == made
