from __future__ import annotations

import pytest

from dlstudy.app import guard

OURS = guard.allowed_origins("127.0.0.1", 2718)


def test_both_names_of_this_machine_are_ours_and_nothing_else_is() -> None:
    assert OURS == ["http://127.0.0.1:2718", "http://localhost:2718"]
    assert guard.allowed_origins("0.0.0.0", 80) == ["http://127.0.0.1:80", "http://localhost:80"]
    assert "http://[::1]:80" in guard.allowed_origins("::1", 80)
    assert "https://hub.example.org" in guard.allowed_origins("127.0.0.1", 80, ["https://hub.example.org/"])


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:2718"},
        {"host": "localhost:2718", "origin": "http://localhost:2718"},
        {"host": "127.0.0.1:2718", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        {"host": "127.0.0.1:2718", "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"},
        {"host": "127.0.0.1:2718", "sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors"},
    ],
)
def test_our_own_pages_and_links_from_elsewhere_come_in(headers: dict[str, str]) -> None:
    assert guard.refusal(headers, OURS) is None


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({}, "no Host"),
        ({"host": "evil.example:2718"}, "evil.example"),
        ({"host": "127.0.0.1"}, "127.0.0.1"),
        ({"host": "127.0.0.1:2719"}, "2719"),
        ({"host": "127.0.0.1:2718", "origin": "http://evil.example"}, "evil.example"),
        ({"host": "127.0.0.1:2718", "origin": "null"}, "null"),
        ({"host": "127.0.0.1:2718", "origin": "https://127.0.0.1:2718"}, "https"),
        ({"host": "127.0.0.1:2718", "origin": "http://127.0.0.1:2718.evil.example"}, "evil"),
        ({"host": "127.0.0.1:2718", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, "another site"),
        ({"host": "127.0.0.1:2718", "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, "another site"),
        (
            {
                "host": "127.0.0.1:2718",
                "sec-fetch-site": "cross-site",
                "sec-fetch-mode": "navigate",
                "sec-fetch-dest": "iframe",
            },
            "another site",
        ),
    ],
)
def test_everything_else_is_refused_with_a_sentence_that_names_it(headers: dict[str, str], named: str) -> None:
    assert named in (guard.refusal(headers, OURS) or "")


def test_without_the_launchers_word_nobody_comes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, "", "{", "7", '{"a": 1}', "[1, null]"):
        if value is None:
            monkeypatch.delenv(guard.ORIGINS, raising=False)
        else:
            monkeypatch.setenv(guard.ORIGINS, value)
        assert guard.origins_from_environment() == []
    assert guard.refusal({"host": "127.0.0.1:2718"}, []) is not None


@pytest.mark.parametrize("path", ["/", "/assets/index-abc.js", "/@file/12-a.png", "/api/usage", "/health"])
def test_what_a_page_needs_is_allowed(path: str) -> None:
    assert guard.allowed_route("GET", path)


BLOCKED = [
    ("POST", "/api/kernel/shutdown"),
    ("POST", "/api/kernel/execute"),
    ("POST", "/api/kernel/rename"),
    ("POST", "/api/kernel/copy"),
    ("POST", "/api/kernel/save_user_config"),
    ("POST", "/api/kernel/install_missing_packages"),
    ("POST", "/api/packages/add"),
    ("POST", "/api/packages/remove"),
    ("GET", "/api/packages/list"),
    ("POST", "/api/ai/completion"),
    ("POST", "/api/ai/chat"),
    ("POST", "/api/files/list_files"),
    ("POST", "/api/files/delete"),
    ("POST", "/api/files/update"),
    ("GET", "/api/files/download"),
    ("POST", "/api/lsp/restart"),
    ("POST", "/api/secrets/keys"),
    ("POST", "/api/export/pdf"),
    ("POST", "/api/home/shutdown_session"),
    ("POST", "/api/home/tutorial/open"),
    ("GET", "/auth/token"),
    ("GET", "/api/sessions"),
    ("GET", "/api/environment"),
    ("GET", "/public/secret.txt"),
    ("GET", "/og/thumbnail"),
    ("DELETE", "/"),
    ("PUT", "/api/kernel/run"),
    ("GET", "/assets/../index.html"),
    ("GET", "/assets/a/b"),
    ("GET", "/sse"),
    ("GET", "/ws"),
]


@pytest.mark.parametrize(("method", "path"), BLOCKED)
def test_what_a_course_must_not_have_is_blocked(method: str, path: str) -> None:
    assert not guard.allowed_route(method, path)


def test_only_the_pages_websocket_is_allowed() -> None:
    assert guard.allowed_socket("/ws")
    for path in ("/terminal/ws", "/lsp/pylsp", "/ws/", "/x/ws", "/ws_sync", "/sse"):
        assert not guard.allowed_socket(path)


@pytest.mark.parametrize("name", ["01_Tensors_and_Autograd.md", "Glossary.md", "01_Tensors_and_Autograd.new.md"])
def test_a_lesson_is_a_page(name: str) -> None:
    assert guard.is_page_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".md", "../a.md", "a/b.md", "a\\b.md", "/etc/a.md", "a.py", "a.md/..", "..md", "a..md", ".hidden.md", "C:a.md",
     "__new__a", "a.md\n", "a\x00.md"],
)  # fmt: skip
def test_a_path_is_not_a_page(name: str) -> None:
    assert not guard.is_page_name(name)


def test_the_policies_name_no_other_machine() -> None:
    for policy in (guard.HOME_POLICY, guard.lesson_policy(OURS)):
        sources = {word for part in policy.split(";") for word in part.split()[1:]}
        outside = {word for word in sources if "." in word or "*" in word or word in ("http:", "https:", "ws:", "wss:")}
        assert outside <= {origin.replace("http", "ws", 1) for origin in OURS}
    assert "unsafe" not in guard.HOME_POLICY


def test_only_who_knows_the_secret_can_say_hello_and_only_from_where_it_listens() -> None:
    answer = guard.hello("n", "secret", 2718)
    assert answer == guard.hello("n", "secret", 2718)
    for nonce, secret, port in (
        ("n", "other", 2718),
        ("m", "secret", 2718),
        ("n", "secret", 2719),
        ("é\ud800", "s", 1),
    ):
        assert guard.hello(nonce, secret, port) != answer
    assert guard.older_hello("n", "secret") != answer
    assert "secret" not in answer
