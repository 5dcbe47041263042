"""The cards in a real browser, in the page engine, under the course's own content security policy."""

import contextlib
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from dlstudy.app.guard import lesson_policy
from dlstudy.course.learner.progress import Progress
from tests.leash import new_folder, until
from tests.served import at_rest, engine

pytestmark = pytest.mark.browser

CONTENT = Path(__file__).parent / "page_content"
PAGE = """---
title: Cards
---

```python {.marimo name="imports"}
from pathlib import Path

import marimo as mo
import numpy as np

from dlstudy.course.page import Page

page = Page(90, content=Path(CONTENT))
```

```python {.marimo name="exercise_double"}
def double(x):
    \"\"\"Return twice `x`.\"\"\"
    raise NotImplementedError("your turn")
```

```python {.marimo name="check_double" hide_code="true"}
page.check("double", lambda: double)
```

```python {.marimo name="quiz" hide_code="true"}
page.quiz("sum")
```

```python {.marimo name="predict" hide_code="true"}
coin = page.predict("coin")
coin
```

```python {.marimo name="experiment"}
page.reveal(coin)
page.verdict(coin, "heads")
```

```python {.marimo name="button" hide_code="true"}
train = page.button("Train (a few seconds)")
train
```

```python {.marimo name="training"}
page.wait_for(train)

def _train():
    weights, thread, steps = np.ones((400, 400)), mo.current_thread(), 0
    while not thread.should_exit:
        weights, steps = np.tanh(weights @ weights), steps + 1
        Path(STEPS).write_text(str(steps))

mo.Thread(target=_train).start()
mo.md("training has started")
```

```python {.marimo name="selftest" hide_code="true"}
page.selftest()
```
"""

LOOK_AT_EVERY_FRAME = """() => {
    const find = root => root.querySelector(".exercise.card") || [...root.querySelectorAll("*")]
        .filter(node => node.shadowRoot).map(node => find(node.shadowRoot)).find(Boolean);
    window.seen = new Set();
    const look = () => {
        const card = find(document);  // another one, once the check runs again
        if (card) seen.add(getComputedStyle(card).borderRadius);
        requestAnimationFrame(look);
    };
    look();
}"""

PLACES = """() => [...document.querySelectorAll('[data-cell-name]')]
    .map(cell => [cell.getBoundingClientRect().y, cell.getBoundingClientRect().height])"""


@pytest.fixture(scope="module")
def folder(leash):
    """A learner's folder outside the system's temporary one, where the engine does not save."""
    path = new_folder("cards")
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def server(folder):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DLSTUDY_")}
    environment |= {"DLSTUDY_LEARNER": str(folder), "HOME": str(folder)}
    # A kernel ends soon after its tab: the next test needs the processor.
    with engine(folder, "--session-ttl", "3", environment=environment) as address:
        yield address


@pytest.fixture
def lesson(folder):
    """A page of its own for each test, so that each gets a fresh kernel, and no progress from the one before."""
    file = folder / f"90_Cards_{len(list(folder.glob('90_*')))}.md"
    text = PAGE.replace("CONTENT", repr(str(CONTENT))).replace("STEPS", repr(str(folder / "steps.txt")))
    file.write_text(text, encoding="utf-8")
    with Progress(folder / ".dlstudy" / "progress.sqlite") as progress:
        progress.reset()
    return file


@pytest.fixture
def open_page(browser, server, lesson):
    """Open the page under the course's policy; in the end no request may have left and none may have been refused."""
    foreign, refused = [], []

    def policy(route):
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"content-security-policy": lesson_policy([server])})

    pages = []

    def open_page(scheme="light", width=1000):
        page = browser.new_page(viewport={"width": width, "height": 1200}, color_scheme=scheme)
        pages.append(page)
        page.on("request", lambda request: foreign.append(request.url) if not ours(request.url) else None)
        page.on("console", lambda said: refused.append(said.text) if "Content Security" in said.text else None)
        page.route(lambda url: url.startswith(server + "/?file="), policy)
        page.goto(f"{server}/?file={lesson.name}")
        page.locator(".selftest").wait_for(timeout=60_000)
        page.locator(".exercise .headline").wait_for(timeout=60_000)
        at_rest(page, PLACES)  # a click at a moving button misses it
        return page

    def ours(url):
        return url.startswith((server, "data:", "blob:"))

    yield open_page
    for page in pages:
        page.close()
    assert foreign == []
    assert refused == []


def write(page, code):
    """Replace the exercise's text and run it, as a learner does."""
    page.locator('[data-cell-name="exercise_double"] .cm-content').first.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)
    page.keyboard.press("Control+Enter")


def headline(page, words, timeout=20_000):
    page.locator(".exercise .headline", has_text=words).wait_for(timeout=timeout)


def recorded(folder):
    with Progress(folder / ".dlstudy" / "progress.sqlite") as progress:
        return progress.snapshot()["lessons"]["90"]


def test_exercise_from_untouched_over_wrong_to_right_and_through_a_reload(open_page, folder, lesson):
    page = open_page()
    card = page.locator(".exercise")
    headline(page, "Not done yet")
    assert recorded(folder)["exercises"] == {}

    write(page, "def double(x):\n    return x * x")
    headline(page, "Not right yet")
    assert "Which operation did you write?" in card.inner_text()
    assert card.locator("svg").count() == 1
    live = card.locator("[aria-live=polite]")
    page.wait_for_function("e => e.textContent.includes('Not right yet')", arg=live.element_handle())

    for n in (1, 2):
        card.get_by_role("button", name=f"Open hint {n} of 3").click()
        card.get_by_text(f"Hint {n}", exact=True).wait_for()
    assert recorded(folder)["exercises"]["double"]["hints"] == 2
    assert "<b>text</b>" in card.inner_text()  # markup in a text is shown, not interpreted

    for code, words in (
        ("def double(x):\n    return x + missing", "Stopped with an error"),
        ("def double(x):\n    while True:\n        pass", "Took too long"),
        ("def double(x):\n    import os\n    os.abort()", "Crashed"),
        ("def double(x:\n    return", "Not done yet"),
    ):
        write(page, code)
        headline(page, words)
    assert "There is no double to check" in card.inner_text()

    write(page, "def double(x):\n    # mine\n    return x + x")
    headline(page, "Right")
    until(lambda: "# mine" in lesson.read_text(encoding="utf-8"), "the engine saves what was typed")
    page.reload()
    page.locator(".exercise .headline").wait_for(timeout=60_000)
    headline(page, "Right")
    assert "# mine" in card.inner_text()  # the learner's answer beside ours
    assert "return 2 * x" in card.inner_text()
    found = recorded(folder)["exercises"]["double"]
    assert found == {"attempts": 5, "passed": True, "hints": 2, "solution": False, "gave_up": False}
    assert "# mine" in lesson.read_text(encoding="utf-8")


def test_the_style_stays_while_a_check_runs_again(open_page):
    page = open_page()
    card = page.locator(".exercise")
    border = "e => getComputedStyle(e).borderRadius"
    assert card.evaluate(border) == "8px"
    page.evaluate(LOOK_AT_EVERY_FRAME)
    write(page, "def double(x):\n    while True:\n        pass")
    headline(page, "Took too long")
    assert page.evaluate("[...seen]") == ["8px"]


def test_giving_up_asks_first_and_the_keyboard_is_enough(open_page, folder):
    page = open_page()
    card = page.locator(".exercise")
    assert "return 2 * x" not in page.content()
    give_up = card.get_by_role("button", name="Give up and show the solution")
    give_up.focus()
    page.keyboard.press("Enter")
    assert "You have not tried" in card.inner_text()
    page.keyboard.press("Tab")  # the focus stayed, on "Yes, show it"
    page.keyboard.press("Enter")  # "No, I will try"
    give_up.wait_for()
    give_up.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    card.get_by_text("return 2 * x").wait_for()
    assert recorded(folder)["exercises"]["double"]["gave_up"]


def test_quiz_by_keyboard_explained_recorded_and_tried_again(open_page, folder):
    page = open_page()
    card = page.locator(".quiz")
    card.get_by_label("Eleven").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    card.locator(".headline", has_text="Not this one").wait_for()
    assert "Eleven (✗ not this)" in card.inner_text()
    assert "That is what happens to text" in card.inner_text()
    for kept in ("Right: numbers add.", "On what?", "(right)", "your answer"):
        assert kept not in card.inner_text(), "a wrong answer gives nothing else away"
    live = card.locator("[aria-live=polite]")
    page.wait_for_function("e => e.textContent.includes('what happens to text')", arg=live.element_handle())

    card.get_by_role("button", name="Show me").focus()
    page.keyboard.press("Enter")
    card.get_by_text("Right: numbers add.").wait_for()
    assert "It counts once you have answered it yourself." in card.inner_text()
    assert recorded(folder)["quiz"]["sum"] == {"option": "a", "correct": False}, "shown is not done"
    page.keyboard.press("Enter")  # the focus stayed, on "Answer it myself"

    card.get_by_label("Eleven").focus()
    page.keyboard.press("ArrowDown")
    card.get_by_role("button", name="Check my answer").click()
    card.locator(".headline", has_text="Right").wait_for()
    assert "(your answer: right)" in card.inner_text()
    assert "On what?" in card.inner_text(), "all the reasons are told once it is right"
    until(lambda: recorded(folder)["quiz"]["sum"] == {"option": "b", "correct": True}, "the answer is recorded")
    page.reload()
    page.locator(".quiz .headline", has_text="Right").wait_for(timeout=60_000)
    card.get_by_role("button", name="Answer again").click()
    card.get_by_label("It depends").check()
    card.get_by_role("button", name="Check my answer").click()
    card.locator(".headline", has_text="Not this one").wait_for()
    until(lambda: recorded(folder)["quiz"]["sum"]["option"] == "c", "the answer is recorded")
    assert recorded(folder)["quiz"]["sum"] == {"option": "c", "correct": True}, "once right stays done"


@pytest.mark.parametrize(
    ("click", "said", "option"),
    [
        ("tails", "You expected: tails", "tails"),
        ("Just show me", "You looked first.", "just-show-me"),
    ],
)
def test_one_click_on_a_prediction_shows_the_experiment(open_page, folder, click, said, option):
    page = open_page()
    page.get_by_text("The result appears here once").wait_for()
    assert page.get_by_text("Measured here").count() == 0
    page.locator(".predict").get_by_role("button", name=click).click()
    page.get_by_text("Measured here: heads.").wait_for()
    assert page.get_by_text(said).count() == 1
    assert recorded(folder)["predictions"] == {"coin": option}
    page.reload()
    page.get_by_text("Measured here: heads.").wait_for(timeout=60_000)


def test_self_test_recommends_where_to_start(open_page, folder):
    page = open_page()
    form = page.locator(".selftest")
    form.get_by_label("9", exact=True).check()
    form.get_by_role("button", name="Tell me where to start").click()
    form.locator(".headline", has_text="0 of 3 right. Start with 01").wait_for()
    assert "Read a short introduction to Python first." in form.inner_text()
    page.reload()
    form.locator(".headline", has_text="Start with 01").wait_for(timeout=60_000)
    form.get_by_role("button", name="Answer again").click()
    for label in ("1", "6"):
        form.get_by_label(label, exact=True).first.check()
    form.get_by_role("button", name="Tell me where to start").click()
    form.locator(".headline", has_text="2 of 3 right. Start with 02").wait_for()
    assert recorded(folder)["quiz"]["slope"] == {"option": "b", "correct": True}


def test_a_check_answers_while_training_runs_in_a_thread(open_page, folder):
    page = open_page()
    page.get_by_role("button", name="Train (a few seconds)").click()
    page.locator(".markdown", has_text="training has started").wait_for()

    def steps():
        found = []

        def read():
            with contextlib.suppress(OSError, ValueError):  # not there yet, or just being written
                found.append(int((folder / "steps.txt").read_text()))
            return found

        until(read, "the thread trains")
        return found[0]

    before = steps()
    write(page, "def double(x):\n    return x * x")
    headline(page, "Not right yet")
    write(page, "def double(x):\n    return x + x")
    headline(page, "Right")
    after = steps()
    assert before < after, "it trained during the checks"
    until(lambda: steps() > after, "it trains on after them")
    with Progress(folder / ".dlstudy" / "progress.sqlite") as progress:
        print("checks beside training took", [round(found.seconds, 3) for found in progress.attempts("90/double")])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_in_both_themes_and_nothing_sticks_out_at_390_px(open_page, scheme):
    axe_module = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_page(scheme, width=390)
    write(page, "def double(x):\n    return x * x")
    headline(page, "Not right yet")
    page.locator(".exercise").get_by_role("button", name="Open hint 1 of 3").click()
    page.locator(".quiz").get_by_label("Eleven").check()
    page.locator(".quiz").get_by_role("button", name="Check my answer").click()
    page.locator(".selftest").get_by_role("button", name="Tell me where to start").click()
    page.locator(".selftest .headline").wait_for()
    for kind in ("exercise", "quiz", "predict", "selftest"):
        card = page.locator(f".{kind}.card")
        box = card.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390, kind
        wide = card.evaluate(
            "e => [...e.querySelectorAll('*')].filter(c => !c.closest('pre, svg, style, .sr-only') && "
            "c.getBoundingClientRect().right > e.getBoundingClientRect().right + 1).length"
        )
        assert wide == 0, kind
    found = axe_module.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]}).response
    ours = [
        (violation["id"], node["html"][:200], node.get("failureSummary", "")[:300])
        for violation in found["violations"]
        for node in violation["nodes"]
        # A node in a shadow root is named by the path of its hosts: our cards live in the engine's widget element.
        if re.search("marimo-anywidget", json.dumps(node["target"]))
    ]
    assert ours == []
    checked = [n for rule in found["passes"] if rule["id"] == "color-contrast" for n in rule["nodes"]]
    assert sum("marimo-anywidget" in json.dumps(n["target"]) for n in checked) > 20  # it did look inside
