"""A real browser, logged in to the course, on the page of another site that wants in."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.app.conftest import Course
from tests.app.gates import LESSON
from tests.app.test_getting_in import kernels
from tests.app.visits import Visit

pytestmark = pytest.mark.browser

HOSTILE = """<!doctype html><meta charset="utf-8"><title>Harmless</title>
<a id="lesson" href="{base}/?file={lesson}">A link</a>
<a id="sse" href="{base}/sse?session_id=s_l&file={lesson}">Another</a>
<a id="enter" href="{base}/api/course/enter?code=x&file={lesson}">A fourth</a>
<a id="proxy" href="{base}/lsp/pylsp/x.html">A third</a>
<img src="{base}/sse?session_id=s_1&file={lesson}"><img src="{base}/sse?session_id=s_2&file=__new__s_2">
<iframe src="{base}/?file={lesson}"></iframe>
<script>
const file = {file}, base = {origin}, ends = [];
const ask = (name, work) => ends.push(Promise.race([
    work().then(() => name, () => ""), new Promise((done) => setTimeout(() => done(""), 5000)),
]));
const opened = (address) => new Promise((done, fail) => {{
    const socket = new WebSocket(address);
    socket.onopen = done;
    socket.onerror = fail;
}});
for (const path of ["/ws", "/ws_sync", "/terminal/ws", "/lsp/pylsp"])
    ask(path, () => opened(base.replace("http", "ws") + path + "?session_id=s_3&file=" + file));
const read = (path, how) => fetch(base + path, {{credentials: "include", ...how}}).then((answer) => answer.text());
for (const path of ["/api/progress", "/?file=" + file, "/sse?session_id=s_4&file=" + file, "/api/course/hello?nonce=1"])
    ask("read " + path, () => read(path, {{}}));
ask("put", () => read("/api/course/code", {{method: "PUT", body: "{{}}"}}));
ask("events", () => new Promise((done, fail) => {{
    const events = new EventSource(base + "/sse?session_id=s_5&file=" + file, {{withCredentials: true}});
    events.onopen = done;
    events.onerror = fail;
}}));
Promise.all(ends).then((all) => document.title = "got: " + all.filter(Boolean).join(", "));
</script>"""


@pytest.fixture
def hostile(course: Course) -> Iterator[str]:
    """The address of a page on another port of this machine: another origin, but the same site to a cookie."""
    text = HOSTILE.format(base=course.base, lesson=LESSON, file=json.dumps(LESSON), origin=json.dumps(course.base))

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    site = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    site.daemon_threads = True
    threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{site.server_address[1]}/"
    site.shutdown()
    site.server_close()


def test_a_hostile_page_starts_and_reads_nothing_with_the_learners_cookie(
    course: Course, visit: Callable[..., Visit], hostile: str
) -> None:
    learner = visit(alone=True)
    learner.home()
    page = learner.page()
    page.goto(hostile)
    expect(page).to_have_title("got: ")
    for link in ("sse", "proxy", "enter", "lesson"):
        page.goto(hostile)
        page.click(f"#{link}")
        page.wait_for_load_state()
        assert page.url.startswith(course.base), "the link was followed"
    assert kernels(course) == 0
    expect(page.get_by_text("A page of another site led here.")).to_be_visible()
    page.get_by_role("link", name="Open the lesson").click()
    page.locator("[data-dls]").first.wait_for(state="attached")
    assert kernels(course) == 1, "the learner's own click opens it"
    learner.errors.clear()  # what the hostile page was refused
    learner.complaints.outside.clear()  # its own address
