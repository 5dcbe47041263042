"""The real server, spoken to over HTTP and websockets: who comes in, what is answered, what is refused."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dlstudy.app import server
from dlstudy.course.learner import folder as learners
from dlstudy.course.learner.progress import Progress
from tests.app.conftest import CONTENT, Course
from tests.app.test_guard import BLOCKED
from tests.leash import until
from tests.served import free_port

LESSON = "01_Tensors_and_Autograd.md"


def socket_url(course: Course, path: str = "/ws", **query: str) -> str:
    query = {"session_id": "s_test", "file": LESSON, "access_token": course.token} | query
    return course.base.replace("http", "ws") + path + "?" + "&".join(f"{key}={value}" for key, value in query.items())


# ---- who comes in -----------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", f"/?file={LESSON}", f"/{LESSON}", "/images/dot.svg", "/search?q=tensor", f"/merge?file={LESSON}"]
)
def test_a_page_without_a_login_leads_to_the_login(course: Course, path: str) -> None:
    with course.client(logged_in=False) as client:
        answer = client.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/auth/login?next=")


@pytest.mark.parametrize(
    "path",
    [
        "/api/progress",
        "/api/course/machine",
        "/api/usage",
        "/api/course/search?q=tensor",
        f"/api/course/notes?page={LESSON}",
        "/api/course/pages",
    ],
)
def test_data_without_a_login_is_refused(course: Course, path: str) -> None:
    with course.client(logged_in=False) as client:
        assert client.get(path).status_code == 401
        for wish in ("reset", "note", "note/remove", "answer", "again", "close", "idle", "merge", "merge/undo"):
            assert client.put(f"/api/course/{wish}", json={"lesson": "01", "file": LESSON}).status_code == 401, wish
        assert client.get("/api/progress", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_the_token_opens_the_course_and_leaves_the_address(course: Course) -> None:
    with course.client(logged_in=False) as client:
        answer = client.get(f"/?file={LESSON}&access_token={course.token}")
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/?file={LESSON}"
        assert course.token not in str(answer.headers)
        page = client.get(answer.headers["location"])
        assert page.status_code == 200
        assert course.token not in page.text
        assert client.get("/api/progress").status_code == 200
        home = client.get(f"/?access_token={course.token}")
        assert (home.status_code, home.headers["location"]) == (303, "/")


def test_a_wrong_token_gets_a_sentence_and_the_right_one_the_page_that_was_asked_for(course: Course) -> None:
    with course.client(logged_in=False) as client:
        form = client.get(f"/auth/login?next=/{LESSON}")
        assert "<form" in form.text
        wrong = client.post(f"/auth/login?next=/{LESSON}", data={"password": "guess"})
        assert wrong.status_code == 403
        assert "That is not the token" in wrong.text
        right = client.post(f"/auth/login?next=/{LESSON}", data={"password": course.token})
        assert right.status_code == 302
        assert right.headers["location"] == f"/{LESSON}"


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_login_leads_nowhere_else(course: Course, target: str) -> None:
    with course.client(logged_in=False) as client:
        answer = client.post("/auth/login", params={"next": target}, data={"password": course.token})
    assert answer.status_code == 302
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "evil.example:{port}", "127.0.0.1.evil.example:{port}"])
def test_a_foreign_host_is_refused_even_with_the_token(course: Course, host: str) -> None:
    host = host.format(port=course.base.rsplit(":", 1)[1])
    with course.client() as client:
        for path in ("/", "/api/progress", "/auth/login", "/course/home.css"):
            assert client.get(path, headers={"Host": host}).status_code == 403, path


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"])
def test_a_foreign_origin_is_refused_even_with_the_token(course: Course, origin: str) -> None:
    with course.client() as client:
        for path in ("/", "/api/progress", f"/?file={LESSON}"):
            assert client.get(path, headers={"Origin": origin}).status_code == 403, path
        answer = client.put("/api/course/reset", json={"lesson": "01"}, headers={"Origin": origin})
        assert answer.status_code == 403
        preflight = client.options(
            "/api/course/reset", headers={"Origin": origin, "Access-Control-Request-Method": "PUT"}
        )
        assert "access-control-allow-origin" not in preflight.headers
        seen = client.get("/api/progress", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})
        assert seen.status_code == 403


def test_the_pages_websocket_opens(course: Course) -> None:
    with connect(socket_url(course), origin=course.base, proxy=None) as page:
        assert json.loads(page.recv(timeout=20))["op"]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_foreign_origin_gets_no_websocket_even_with_the_token(course: Course, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(socket_url(course), origin=origin, proxy=None):
        pass
    assert refused.value.response.status_code == 403


def test_a_foreign_host_gets_no_websocket(course: Course) -> None:
    port = int(course.base.rsplit(":", 1)[1])
    url = socket_url(course).replace("127.0.0.1", "evil.example")
    with (
        pytest.raises(InvalidStatus) as refused,
        socket.create_connection(("127.0.0.1", port)) as raw,
        connect(url, sock=raw, proxy=None),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_without_a_token_the_websocket_closes(course: Course) -> None:
    url = socket_url(course, access_token="wrong")
    with pytest.raises((InvalidStatus, ConnectionClosed)), connect(url, origin=course.base, proxy=None) as page:
        page.recv(timeout=10)


@pytest.mark.parametrize("path", ["/terminal/ws", "/lsp/pylsp", "/lsp/copilot"])
def test_terminal_and_language_servers_have_no_websocket(course: Course, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(socket_url(course, path), origin=course.base, proxy=None):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "file", ["../../x.md", "%2e%2e%2fx.md", "/etc/passwd", "pyproject.toml", "__new__s_1", "none.md"]
)
def test_the_websocket_opens_pages_of_the_folder_only(course: Course, file: str) -> None:
    url = socket_url(course, file=file)
    with pytest.raises(InvalidStatus) as refused, connect(url, origin=course.base, proxy=None):
        pass
    assert refused.value.response.status_code == 403


# ---- what is answered -------------------------------------------------------------


def engine_token(course: Course) -> str:
    """The page engine's own token against stale pages, which every page carries."""
    import re

    with course.client() as client:
        page = client.get(f"/?file={LESSON}").text
    found = re.search(r'marimo-server-token data-token="([^"]+)"', page)
    assert found
    return found[1]


@pytest.mark.parametrize(("method", "path"), BLOCKED)
def test_blocked_routes_answer_403_or_404_to_a_logged_in_learner(course: Course, method: str, path: str) -> None:
    with course.client() as client:
        answer = client.request(method, path, headers={"Marimo-Server-Token": engine_token(course)})
        assert answer.status_code in (403, 404), answer.text
        assert client.get("/api/progress").status_code == 200, "the server lives on"


@pytest.mark.parametrize(
    "path",
    [
        "/?file=../../etc/passwd",
        "/?file=..%2F..%2Fpyproject.toml",
        "/?file=%2Fetc%2Fpasswd",
        "/?file=.dlstudy/manifest.json",
        "/?file=none.md",
        "/?file=__new__s_1",
        f"/?file={LESSON}&file=none.md",
        "/06_CNN_Advanced.md",
        "/..%2f..%2fetc%2fpasswd.md",
    ],
)
def test_a_page_that_is_not_there_says_so_and_leads_home(course: Course, path: str) -> None:
    with course.client() as client:
        answer = client.get(path)
    assert answer.status_code in (403, 404)
    assert answer.status_code == 403 or 'href="/"' in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/images/../01_Tensors_and_Autograd.md",
        "/images/%2e%2e/%2e%2e/exercises/01/scale/exercise.toml",
        "/..%2f..%2f..%2fconftest.py",
        "/course/../site.py",
        "/course/%2e%2e%2fsite.py",
        "/course/theme.js%00.css",
        "/.dlstudy/token",
        "/%2edlstudy/token",
        "/pyproject.toml",
        "/images/",
        "/..%2foutside.svg",
        "/images/%2e%2e/%2e%2e/outside.svg",
        "/exercises/01/scale/exercise.toml",
    ],
)
def test_files_beside_the_pages_cannot_be_fetched(course: Course, path: str) -> None:
    port = int(course.base.rsplit(":", 1)[1])
    # By hand: a client would tidy the path up first.
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {course.token}\r\n"
        raw.sendall((head + "Connection: close\r\n\r\n").encode())
        answer = b""
        while piece := raw.recv(65536):
            answer += piece
    status = int(answer.split()[1])
    assert status in (303, 400, 403, 404), answer[:300]
    assert course.token.encode() not in answer
    assert b"def " not in answer
    assert b"Scale a tensor" not in answer
    assert b"<circle" not in answer


def test_a_links_address_works_here_as_it_does_on_github(course: Course) -> None:
    with course.client() as client:
        answer = client.get(f"/{LESSON}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/?file={LESSON}")
        picture = client.get("/images/dot.svg")
        assert picture.headers["content-type"].startswith("image/svg+xml")
        assert "sandbox" in picture.headers["content-security-policy"]


def test_pages_carry_their_policy_and_a_lesson_is_dressed(course: Course) -> None:
    with course.client() as client:
        home, page = client.get("/"), client.get(f"/?file={LESSON}")
        assert client.get(f"/?file={LESSON}", headers={"If-None-Match": "*"}).status_code == 200
    assert "default-src 'none'" in home.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in home.headers["content-security-policy"]
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http:" not in policy.replace("http://127", "")
    for answer in (home, page):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
    assert '<header id="dls-bar">' in page.text
    assert "<title>01 Tensors and Autograd</title>" in page.text
    assert 'href="/02_Neural_Network_Basics.md"' in page.text


def test_the_home_page_has_every_lesson_and_links_to_written_ones_only(course: Course) -> None:
    import re

    with course.client() as client:
        html = client.get("/").text
        links = set(re.findall(r'href="/(\d\d_[^"]+)"', html))
        assert links == {LESSON, "02_Neural_Network_Basics.md"}
        for link in links:
            assert client.get(f"/{link}", follow_redirects=True).status_code == 200
    assert len(re.findall(r'id="lesson-\d\d"', html)) == 27
    assert html.split('class="map"')[1].count("planned</span>") == 25
    assert "<style" not in html
    assert not re.search(r"<script(?! src=)", html)


def test_progress_is_cheap_to_ask_for_and_changes_with_every_record(course: Course) -> None:
    with course.client() as client:
        first = client.get("/api/progress")
        tag = {"If-None-Match": first.headers["etag"]}
        assert first.json()["completion"]["01"]["total"] == 1
        assert client.get("/api/progress", headers=tag).status_code == 304
        with Progress(course.learner / ".dlstudy" / "progress.sqlite") as progress:
            progress.record_attempt("01/scale", passed=True, source="x", verdict="passed")
        second = client.get("/api/progress", headers=tag)
        assert second.status_code == 200
        assert second.json()["completion"]["01"] == {
            "done": 1, "total": 1, "core_done": 1, "core_total": 1, "complete": True,
        }  # fmt: skip
        assert "<strong>1 of 1</strong>" in client.get("/").text
        client.put("/api/course/reset", json={"lesson": "01", "exercise": "scale", "progress": True}).raise_for_status()
        assert client.get("/api/progress").json()["completion"]["01"]["done"] == 0


def test_time_on_a_page_is_added_up_and_nonsense_is_refused(course: Course) -> None:
    with course.client() as client:

        def seconds() -> float:
            return client.get("/api/progress").json()["lessons"].get("02", {}).get("seconds", 0.0)

        before = seconds()
        assert client.put("/api/course/time", json={"lesson": "02", "seconds": 30}).status_code == 200
        assert seconds() == pytest.approx(before + 30)
        client.put("/api/course/time", json={"lesson": "02", "seconds": 3000})
        assert seconds() == pytest.approx(before + 150), "a clock that jumped counts as two minutes at most"
        for wrong in (-1, "ten", None, True, 1e9):
            answer = client.put("/api/course/time", json={"lesson": "02", "seconds": wrong})
            assert answer.status_code == 400
            assert answer.json()["detail"]
        assert client.put("/api/course/time", json={"lesson": "99", "seconds": 1}).status_code == 400
        assert client.put("/api/course/time", content=b"{").status_code == 400
        assert client.put("/api/course/time", content=b"[]").status_code == 400
        assert seconds() == pytest.approx(before + 150)
        assert client.get("/api/progress").json()["last"] == "02"


def test_a_reset_keeps_a_backup_and_ends_the_open_page_first(course: Course) -> None:
    page = course.learner / LESSON
    handed_out = page.read_text(encoding="utf-8")
    mine = handed_out.replace("    ...", "    return 3 * x").replace("slider(1, 10", "slider(1, 12")
    with connect(socket_url(course, session_id="s_open"), origin=course.base, proxy=None) as session:
        session.recv(timeout=20)
        page.write_text(mine, encoding="utf-8")
        with course.client() as client:
            answer = client.put("/api/course/reset", json={"lesson": "01", "exercise": "scale"})
        assert answer.status_code == 200, answer.text
        with contextlib.suppress(ConnectionClosed):  # a TimeoutError would be the failure
            while True:
                session.recv(timeout=20)
    assert page.read_text(encoding="utf-8") == mine.replace("    return 3 * x", "    ...")
    assert (course.learner / answer.json()["backup"]).read_text(encoding="utf-8") == mine
    with course.client() as client:
        for wish in ({"lesson": "01", "exercise": "none"}, {"lesson": "06"}, {"lesson": "../x"}, {}):
            assert client.put("/api/course/reset", json=wish).status_code == 400, wish
        client.put("/api/course/reset", json={"lesson": "01"}).raise_for_status()
    assert page.read_text(encoding="utf-8") == handed_out


def test_open_pages_are_listed_with_their_memory_and_closed(course: Course) -> None:
    """The page engine's sessions, processes and cells' states: private there, so held here."""
    with connect(socket_url(course, session_id="s_list"), origin=course.base, proxy=None) as session:
        session.recv(timeout=20)
        with course.client() as client:
            seen = client.get("/api/course/pages").json()
            (page,) = [page for page in seen["pages"] if page["file"] == LESSON]
            assert page["title"] == "01 Tensors and Autograd"
            assert 10e6 < page["memory"] < 2e9
            assert page["connected"] is True
            assert page["idle"] < 60
            assert seen["idle_hours"] == "4"
            assert client.put("/api/course/idle", json={"hours": "12"}).status_code == 200
            assert client.get("/api/course/pages").json()["idle_hours"] == "12"
            assert client.put("/api/course/idle", json={"hours": "4"}).status_code == 200
            assert client.put("/api/course/close", json={"file": LESSON}).json() == {"closed": 1}
        with contextlib.suppress(ConnectionClosed):  # a TimeoutError would be the failure
            while True:
                session.recv(timeout=20)
    with course.client() as client:
        assert LESSON not in [page["file"] for page in client.get("/api/course/pages").json()["pages"]]
        assert client.put("/api/course/close", json={"file": "../x.md"}).status_code == 400
        assert client.put("/api/course/here", json={"file": "none.md"}).status_code == 400


def test_a_page_says_how_its_last_save_went_and_who_closed_it(course: Course) -> None:
    with course.client() as client:
        told = client.get(f"/api/course/page?file={LESSON}").json()
        assert set(told) == {"server", "saving", "open", "closed"}
        assert told["open"] is False
        client.get(f"/?file={LESSON}")
        with connect(socket_url(course, session_id="s_told"), origin=course.base, proxy=None) as session:
            session.recv(timeout=20)
            here = client.get(f"/api/course/page?file={LESSON}").json()
            assert (here["open"], here["closed"], here["server"]) == (True, False, told["server"])
            assert client.put("/api/course/close", json={"file": LESSON}).json() == {"closed": 1}
        gone = client.get(f"/api/course/page?file={LESSON}").json()
        assert (gone["open"], gone["closed"]) == (False, True)
        assert gone["saving"] == {"state": "saved", "why": ""}
        client.get(f"/?file={LESSON}")
        assert client.get(f"/api/course/page?file={LESSON}").json()["closed"] is False, "it is opened again"
        for file in ("", "none.md", "../x.md", ".dlstudy/token"):
            assert client.get(f"/api/course/page?file={file}").status_code == 404, file


def test_closing_a_page_that_another_program_has_changed_says_that_it_is_not_saved(course: Course) -> None:
    page = course.learner / LESSON
    before = page.read_text(encoding="utf-8")
    theirs = before + "\n\nA line of another program.\n"
    with course.client() as client:
        with connect(socket_url(course, session_id="s_theirs"), origin=course.base, proxy=None) as session:
            session.recv(timeout=20)
            page.write_text(theirs, encoding="utf-8")
            answer = client.put("/api/course/close", json={"file": LESSON})
            assert answer.status_code == 400
            assert answer.json()["detail"] == (
                f"{LESSON} stays open, since it could not be saved. Another program has changed this page's file."
            )
            assert page.read_text(encoding="utf-8") == theirs
            told = client.get(f"/api/course/page?file={LESSON}").json()
            assert (told["open"], told["closed"], told["saving"]["state"]) == (True, False, "changed")
            for wrong in (None, "both", 1):
                wish = {"file": LESSON, "keep": wrong}
                assert client.put("/api/course/changed", json=wish).status_code == 400
            kept = client.put("/api/course/changed", json={"file": LESSON, "keep": "page"}).json()["backup"]
            assert (course.learner / kept).read_text(encoding="utf-8") == theirs
            assert "another program" not in page.read_text(encoding="utf-8")
            page.write_text(theirs, encoding="utf-8")
            kept = client.put("/api/course/changed", json={"file": LESSON, "keep": "disk"}).json()["backup"]
            assert "another program" not in (course.learner / kept).read_text(encoding="utf-8")
            assert page.read_text(encoding="utf-8") == theirs
        assert client.put("/api/course/changed", json={"file": LESSON, "keep": "disk"}).status_code == 400
        client.put("/api/course/reset", json={"lesson": "01"}).raise_for_status()


def test_a_page_that_ends_in_the_middle_is_named_and_put_back(course: Course) -> None:
    page = course.learner / LESSON
    whole = page.read_text(encoding="utf-8")
    learners.backup(course.learner, LESSON)
    cut = whole[: whole.index("```python") + 40]
    with course.client() as client:
        assert "data-restore" not in client.get("/").text
        assert client.put("/api/course/restore", json={"file": LESSON}).status_code == 400, "it is whole"
        for text in (cut, ""):
            page.write_text(text, encoding="utf-8")
            assert f'data-restore="{LESSON}"' in client.get("/").text
            client.put("/api/course/restore", json={"file": LESSON}).raise_for_status()
            assert page.read_text(encoding="utf-8") == whole
    kept = [path.read_text(encoding="utf-8") for path in course.learner.glob(".dlstudy/backups/*/*.md")]
    assert cut in kept


def test_a_newer_version_beside_an_edited_lesson_is_linked(course: Course) -> None:
    beside = course.learner / "02_Neural_Network_Basics.new.md"
    with course.client() as client:
        assert beside.name not in client.get("/?file=02_Neural_Network_Basics.md").text
        beside.write_text((course.learner / "02_Neural_Network_Basics.md").read_text("utf-8"), encoding="utf-8")
        try:
            assert f'href="/{beside.name}"' in client.get("/?file=02_Neural_Network_Basics.md").text
            page = client.get(f"/{beside.name}", follow_redirects=True)
            assert page.status_code == 200
            assert "data-reset" not in page.text, "a reset there would be about the other file"
        finally:
            beside.unlink()


def test_the_machine_is_described_without_importing_torch(course: Course) -> None:
    with course.client() as client:
        facts = client.get("/api/course/machine").json()
    assert set(facts) == {"Processor", "Memory", "Graphics", "Python", "PyTorch", "NumPy"}
    assert all(facts.values())
    heavy = "import sys, dlstudy.app.site, dlstudy.app.home.machine as m; m.facts(); "
    heavy += "print(sorted({'torch', 'numpy', 'marimo', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


DRAWN = """
import asyncio, sys
from dlstudy.app.site import Site
from dlstudy.course.learner import notes
site = Site()
lesson = site.course.catalogue.find("01")
course = site.course
course.progress.record_quiz("01", lesson.quiz[0], "a", False)
course.progress.record_attempt("01/" + lesson.exercises[0], passed=False, source="x", verdict="failed")
for table in ("quiz", "attempts"):
    course.progress.write(lambda db: db.execute(f"UPDATE {table} SET at = '2026-01-01'") and None, None)
notes.save(course.progress, lesson.file, "", "a", "b")
def get(path, query=b""):
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": []}
    return asyncio.run(site.answer(site.routes, path, scope, None, None)).body

home = get("/").decode()
assert 'class="question"' in home and "Still open" in home
assert get("/search", b"q=tensor").count(b"<li>") > 5
print(sorted({"torch", "numpy", "matplotlib", "anywidget", "sklearn"} & set(sys.modules)))
"""


def test_the_home_page_is_drawn_without_anything_heavy(tmp_path: Path) -> None:
    """With questions to answer and results of a search: the page has to be there at once."""
    environment = {**os.environ, "DLSTUDY_LEARNER": str(tmp_path / "learner")}
    done = subprocess.run([sys.executable, "-c", DRAWN], capture_output=True, text=True, env=environment)
    assert done.stdout == "[]\n", done.stderr


def test_a_damaged_progress_file_is_told_until_it_is_dismissed(new_course: Callable[..., Course]) -> None:
    course = new_course()
    state = course.learner / ".dlstudy"
    state.mkdir(parents=True)
    (state / "progress.sqlite").write_bytes(b"this is not a database" * 500)
    course.start()
    with course.client() as client:
        assert "damaged" in client.get("/").text
        assert "damaged" in client.get("/api/progress").json()["problem"]
        assert client.put("/api/course/dismiss", json={}).status_code == 200
        assert "damaged" not in client.get("/").text
    course.stop()


# ---- start and stop ---------------------------------------------------------------


def test_the_token_is_in_no_process_list_and_its_file_is_the_owners(course: Course) -> None:
    import psutil

    assert course.process is not None
    with connect(socket_url(course, session_id="s_family"), origin=course.base, proxy=None) as page:
        page.recv(timeout=20)
    family = [psutil.Process(course.process.pid), *psutil.Process(course.process.pid).children(recursive=True)]
    alive = [process for process in family if process.status() != psutil.STATUS_ZOMBIE]
    assert len(alive) > 1, "the kernel's process is looked at as well"
    for process in alive:
        assert course.token not in " ".join(process.cmdline())
    if os.name == "posix":
        assert stat.S_IMODE((course.learner / ".dlstudy" / "token").stat().st_mode) == 0o600


def test_it_listens_on_this_machine_only(course: Course) -> None:
    import psutil

    assert course.process is not None
    listening = [c.laddr.ip for c in psutil.Process(course.process.pid).net_connections() if c.status == "LISTEN"]
    assert listening == ["127.0.0.1"]


def test_after_a_restart_the_old_login_still_works_on_the_same_port(new_course: Callable[..., Course]) -> None:
    course = new_course().start()
    with course.client(logged_in=False) as client:
        client.get(f"/?access_token={course.token}")
        assert client.get("/").status_code == 200
        before = course.address
        assert course.stop() == 0
        assert "Traceback" not in (course.home / "server.log").read_text(encoding="utf-8"), "Ctrl-C is not a failure"
        course.start()
        assert course.address == before
        assert client.get("/").status_code == 200
    second = subprocess.run(course.command(), env=course.environment(), capture_output=True, text=True, timeout=60)
    assert second.returncode == 0
    assert "already running" in second.stdout
    course.stop()


def started(course: Course, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One more start of a course, until it ends."""
    return subprocess.run(
        course.command(*arguments), env=course.environment(), capture_output=True, text=True, timeout=90
    )


def test_a_folder_has_one_server_also_where_another_port_is_wanted(new_course: Callable[..., Course]) -> None:
    course = new_course().start()
    port = (course.learner / ".dlstudy" / "port").read_text(encoding="ascii")
    for arguments in (("--port", str(free_port())), ()):
        second = started(course, *arguments)
        assert (second.returncode, second.stderr) == (0, "")
        assert f"The course is already running: {course.address}" in second.stdout
        assert ("was not used" in second.stdout) == bool(arguments)
        assert (course.learner / ".dlstudy" / "port").read_text(encoding="ascii") == port
    assert course.process is not None
    course.process.kill()  # a lock that outlives its owner would keep the learner out
    course.process.wait()
    course.start()
    course.stop()


@pytest.mark.slow
def test_of_starts_at_the_same_moment_one_serves_and_the_others_lead_to_it(new_course: Callable[..., Course]) -> None:
    course = new_course()
    course.home.mkdir()
    course.choose_port()
    logs = [course.home / f"start{number}.log" for number in range(4)]
    starts = []
    for log in logs:
        with log.open("w") as output:
            starts.append(
                subprocess.Popen(course.command(), stdout=output, stderr=subprocess.STDOUT, env=course.environment())
            )
    try:
        until(lambda: sum(start.poll() is None for start in starts) == 1, "one is left")
        until(lambda: sum("The course is open" in log.read_text() for log in logs) == 1, "it says where it is")
        said = [log.read_text(encoding="utf-8") for log in logs]
        assert all("rror" not in text and "Traceback" not in text for text in said), said
        for start, text in zip(starts, said):
            if start.poll() is None:
                address = text.split("The course is open at ")[1].split()[0]
            else:
                assert start.returncode == 0
                assert "already running" in text
                assert "The course is open" not in text
        assert all(address in text for text in said)
    finally:
        for start in starts:
            if start.poll() is None:
                start.send_signal(signal.SIGINT)
            start.wait(20)


def test_no_page_is_updated_while_the_course_is_open(new_course: Callable[..., Course], throwaway: Path) -> None:
    """The open tab would save its old text over the new one, and the update would never be offered again."""
    content = throwaway / "updated-content"
    shutil.copytree(CONTENT, content)
    course = new_course(content).start()
    page, lesson = course.learner / LESSON, content / "lessons" / LESSON
    before = page.read_text(encoding="utf-8")
    lesson.write_text(before.replace("Tensors and Autograd\n", "Tensors and Autograd, corrected\n"), encoding="utf-8")
    assert lesson.read_text(encoding="utf-8") != before
    second = started(course)
    assert "already running" in second.stdout
    assert "Updated" not in second.stdout
    assert page.read_text(encoding="utf-8") == before
    course.stop()
    course.start()
    assert any(line.startswith("Updated") and LESSON in line for line in course.lines)
    assert page.read_text(encoding="utf-8") == lesson.read_text(encoding="utf-8")
    course.stop()


def test_a_taken_port_is_named_and_another_is_found(new_course: Callable[..., Course]) -> None:
    course = new_course()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            course.command("--port", str(port)), env=course.environment(), capture_output=True, text=True, timeout=60
        )
        assert done.returncode != 0
        assert f"Port {port} is taken" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert server.choose_port("127.0.0.1", None, port) != port
    assert server.choose_port("127.0.0.1", None, port) == port
    with pytest.raises(server.CannotStart, match="from 1 to 65535"):
        server.choose_port("127.0.0.1", 70000)


class Stranger(BaseHTTPRequestHandler):
    """Another program on the port of last time: it must never see the token."""

    seen: list[str] = []  # noqa: RUF012 - read by the test

    def do_GET(self) -> None:
        self.seen.append(self.path + str(self.headers))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"course": "me", "lessons": {}}')

    def log_message(self, *arguments: object) -> None:
        pass


def test_another_program_on_the_remembered_port_is_not_shown_the_token(throwaway: Path) -> None:
    stranger = HTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=stranger.serve_forever, daemon=True).start()
    try:
        keys = server.load_secrets(throwaway / "strangers-victim")
        port = stranger.server_address[1]
        assert server._already_running(port, keys, "") is None
        assert Stranger.seen
        assert keys.token not in "".join(Stranger.seen)
    finally:
        stranger.shutdown()
        stranger.server_close()


def test_a_damaged_token_file_is_replaced(throwaway: Path) -> None:
    folder = throwaway / "damaged-token"
    first = server.load_secrets(folder)
    assert server.load_secrets(folder) == first
    for damage in ("", "{", '{"token": "short", "session": "short"}', "[]"):
        (folder / ".dlstudy" / "token").write_text(damage, encoding="utf-8")
        again = server.load_secrets(folder)
        assert again != first
        assert len(again.token) >= 32


def test_a_server_without_our_pages_ends_with_a_sentence(new_course: Callable[..., Course]) -> None:
    """The self-check: the middleware does not load, so marimo's own home would be shown."""
    course = new_course()
    code = (
        "import sys, marimo._server.registry as r; r.MIDDLEWARE_REGISTRY.get_all = lambda: []\n"
        "from dlstudy.commands.cli import main\n"
        "main(['open', '--no-browser'])"
    )
    course.home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code], env=course.environment(), capture_output=True, text=True, timeout=90
    )
    assert done.returncode != 0
    assert "The course did not start" in done.stderr
    assert "access_token" not in done.stdout + done.stderr


def test_under_a_proxy_the_course_answers_below_its_path(new_course: Callable[..., Course]) -> None:
    course = new_course().start("--base-url", "/user/ada/course", "--allow-origin", "https://hub.example.org")
    assert course.base.endswith("/user/ada/course")
    proxied = {"Host": "hub.example.org", "Origin": "https://hub.example.org"}
    with course.client() as client:
        home = client.get("/", headers=proxied)
        assert home.status_code == 200
        assert f'href="/user/ada/course/{LESSON}"' in home.text
        page = client.get(f"/?file={LESSON}", headers=proxied)
        assert "/user/ada/course/course/bar.js" in page.text
        assert client.get("/course/bar.js").status_code == 200
        assert client.get(f"/{LESSON}").headers["location"] == f"/user/ada/course/?file={LESSON}"
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 403
        assert client.put("/api/course/reset", json={"lesson": "01"}, headers=proxied).status_code == 200
    with connect(socket_url(course), origin="https://hub.example.org", proxy=None) as page_socket:
        page_socket.recv(timeout=20)
    course.stop()


def test_other_marimo_servers_of_the_environment_are_left_alone() -> None:
    from dlstudy.app.middleware import CourseMiddleware

    assert os.environ.get("DLSTUDY_SERVER") != "1"
    seen: list[object] = []

    async def app(scope: object, receive: object, send: object) -> None:
        seen.append(scope)

    import asyncio

    scope = {"type": "http", "path": "/api/kernel/shutdown", "headers": [], "method": "POST"}
    asyncio.run(CourseMiddleware(app)(scope, None, None))  # type: ignore[arg-type]
    assert seen == [scope]
