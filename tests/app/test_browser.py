"""The course in a real browser: home and lesson pages of the small course, and what may go wrong under way.

Each test that leans on the page engine's own page (its `data-testid` names, its theme switch, its sessions) is what
tells when an upgrade of the engine breaks the course.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from dlstudy.course.content import catalogue
from dlstudy.course.learner.progress import Progress
from tests.app.conftest import Course
from tests.app.visits import LESSON, Visit, cell, on_disk, output, write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(autouse=True)
def fresh(course: Course) -> None:
    """Every test begins with the lesson as handed out, no session open and nothing passed."""
    with course.client() as client:
        client.put("/api/course/reset", json={"lesson": "01", "progress": True}).raise_for_status()


def test_login_by_token_then_the_whole_course_at_a_glance(visit: Callable[..., Visit], course: Course) -> None:
    ours = visit()
    page = ours.page()
    page.goto(course.base)
    page.get_by_label("Token").fill("not the token")
    page.get_by_role("button", name="Open the course").click()
    expect(page.get_by_role("alert")).to_contain_text("not the token of this course")
    page.get_by_label("Token").fill(course.token)
    page.get_by_role("button", name="Open the course").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Deep Learning Study Guide")
    expect(page.locator(".card")).to_have_count(27)
    expect(page.locator(".card.planned a")).to_have_count(0)
    expect(page.locator(".edges g")).to_have_count(sum(len(lesson.needs) for lesson in catalogue.load().lessons))
    expect(page.locator("#machine dd").first).not_to_be_empty()
    assert [error for error in ours.errors if "403" not in error] == []


def test_the_home_page_paints_at_once(visit: Callable[..., Visit]) -> None:
    """Not a measurement of this machine: what makes it quick is how little it needs before it can be painted."""
    page = visit().home()
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
    expect(page.locator("#machine dd").first).not_to_be_empty()  # the last that it asks for
    entries = page.evaluate("performance.getEntriesByType('resource').map(r => [r.name, r.renderBlockingStatus])")
    blocking = [name for name, status in entries if status == "blocking"]
    assert len(blocking) <= 4
    size = page.evaluate("performance.getEntriesByType('navigation')[0].encodedBodySize")
    assert size < 80_000
    assert page.evaluate("performance.getEntriesByName('first-contentful-paint').length") == 1


def test_search_finds_by_title_and_topic_and_enter_opens(visit: Callable[..., Visit]) -> None:
    page = visit().home()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("dropout of nothing")
    expect(page.locator("#found")).to_have_text("Nothing in the course holds all these words.")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("resnet")
    expect(page.locator(".card.hit")).to_have_count(1)
    expect(page.locator(".card.hit")).to_contain_text("CNN Advanced")
    expect(page.locator("#found")).to_contain_text("still to be written")
    page.get_by_role("searchbox").fill("automatic differentiation")
    expect(page.locator(".card.hit")).to_contain_text("Tensors and Autograd")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(LESSON))


def test_a_control_moves_a_figure_and_a_lesson_is_clean(visit: Callable[..., Visit]) -> None:
    page = visit().lesson()
    expect(output(page, "figure").locator("circle")).to_have_count(3)
    slider = output(page, "control").get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(output(page, "figure").locator("circle")).to_have_count(5)
    for name in ("shutdown-button", "chrome-sidebar", "chrome-footer", "notebook-menu-dropdown", "drag-button"):
        for element in page.get_by_test_id(name).all():
            expect(element).to_be_hidden()
    expect(cell(page, "imports").get_by_test_id("cell-editor")).to_be_hidden()
    expect(page.locator("#dls-bar").get_by_role("link", name="Next: 02 Neural Network Basics")).to_be_visible()
    page.get_by_role("link", name="Lessons").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Deep Learning Study Guide")


def test_numpy_and_pytorch_stand_side_by_side_where_there_is_room(visit: Callable[..., Visit]) -> None:
    page = visit().lesson()
    expect(page.locator('[data-dls="torch"]').first).to_be_attached()  # the bar has said which cell is which
    page.wait_for_function(
        """() => {
            const [left, right] = ["numpy_add", "torch_add"].map(
                (name) => document.querySelector(`[data-cell-name="${name}"]`).getBoundingClientRect());
            return Math.abs(left.y - right.y) < 2;
        }"""
    )
    left, right = cell(page, "numpy_add").bounding_box(), cell(page, "torch_add").bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] < right["x"]
    page.set_viewport_size({"width": 900, "height": 900})
    page.wait_for_function(
        """() => {
            const [left, right] = ["numpy_add", "torch_add"].map(
                (name) => document.querySelector(`[data-cell-name="${name}"]`).getBoundingClientRect());
            return right.y >= left.y + left.height;
        }"""
    )
    left, right = cell(page, "numpy_add").bounding_box(), cell(page, "torch_add").bounding_box()
    assert left is not None
    assert right is not None
    assert right["y"] >= left["y"] + left["height"]


def test_a_pass_shows_in_the_bar_and_on_the_home_page_in_another_tab(
    visit: Callable[..., Visit], course: Course
) -> None:
    ours = visit()
    page, home = ours.lesson(), ours.home()
    expect(home.locator("#lesson-01 .state")).to_have_text("0 of 1")
    expect(page.locator("#dls-progress .dls-count")).to_have_text("0 of 1")
    with Progress(course.learner / ".dlstudy" / "progress.sqlite") as progress:
        progress.record_attempt("01/scale", passed=False, source="x", verdict="failed")
    page.bring_to_front()
    expect(page.locator("#dls-progress i.tried")).to_have_count(1)
    with Progress(course.learner / ".dlstudy" / "progress.sqlite") as progress:
        progress.record_attempt("01/scale", passed=True, source="x", verdict="passed")
    expect(page.locator("#dls-progress i.passed")).to_have_count(1)
    expect(page.locator("#dls-progress .dls-count")).to_have_text("1 of 1: done")
    home.bring_to_front()
    expect(home.locator("#lesson-01")).to_have_class(re.compile("complete"))
    expect(home.locator("#lesson-01 .state")).to_contain_text("done")
    expect(home.locator("#overall strong")).to_have_text("1 of 1")


def test_what_is_typed_is_saved_and_survives_a_reload(visit: Callable[..., Visit], course: Course) -> None:
    page = visit().lesson()
    write(page, "exercise_scale", "def scale(x):\n    return 3 * x", run=False)
    on_disk(course, "return 3 * x")
    page.reload()
    expect(cell(page, "exercise_scale").locator(".cm-content")).to_contain_text("return 3 * x")
    expect(output(page, "figure").locator("circle")).to_have_count(3)


def test_a_second_tab_says_so(visit: Callable[..., Visit]) -> None:
    ours = visit()
    ours.lesson()
    second = ours.lesson()
    expect(second.locator("#dls-running")).to_contain_text("Open in another tab")
    expect(second.get_by_test_id("takeover-button")).to_be_visible()


def test_an_endless_loop_is_reported_after_ten_seconds_and_stopped(visit: Callable[..., Visit], course: Course) -> None:
    page = visit().lesson()
    write(page, "patience", "import time\n\nwhile True: time.sleep(0.01)")
    stop = page.get_by_role("button", name="Stop it")
    expect(stop).to_be_hidden()
    expect(page.locator("#dls-running")).to_contain_text("Still running")
    stop.click()
    expect(stop).to_be_hidden()
    expect(cell(page, "patience")).to_contain_text(re.compile("interrupt", re.IGNORECASE))
    write(page, "numpy_add", "import numpy as np\na_np = np.arange(4.0)\na_np + 40")
    expect(output(page, "numpy_add")).to_contain_text("43.")
    on_disk(course, "while True")


def test_a_killed_kernel_loses_nothing_and_comes_back_on_reload(visit: Callable[..., Visit], course: Course) -> None:
    page = visit().lesson()
    write(page, "exercise_scale", "def scale(x):\n    return 3 * x")
    expect(output(page, "check_scale")).to_contain_text("passed")
    on_disk(course, "return 3 * x")
    assert course.process is not None
    children = psutil.Process(course.process.pid).children(recursive=True)
    kernels = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    for kernel in kernels:
        kernel.kill()
    assert psutil.wait_procs(kernels, timeout=45)[1] == [], "the server has taken note"
    page.reload()
    expect(output(page, "check_scale")).to_contain_text("passed")
    with course.client() as client:
        assert client.get("/api/progress").status_code == 200


def test_an_exercise_starts_again_after_a_question_and_the_text_is_kept(
    visit: Callable[..., Visit], course: Course
) -> None:
    page = visit().lesson()
    write(page, "exercise_scale", "def scale(x):\n    return 3 * x")
    expect(output(page, "check_scale")).to_contain_text("passed")
    page.locator("#dls-menu summary").click()
    page.get_by_role("button", name="Start Scale again").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your text is kept")
    dialog.get_by_role("button", name="Keep my text").click()
    expect(dialog).to_be_hidden()
    expect(cell(page, "exercise_scale").locator(".cm-content")).to_contain_text("return 3 * x")
    page.locator("#dls-menu summary").click()
    page.get_by_role("button", name="Start Scale again").click()
    with page.expect_navigation():
        dialog.get_by_role("button", name="Start again").click()
    expect(cell(page, "exercise_scale").locator(".cm-content")).not_to_contain_text("return 3 * x")
    expect(output(page, "check_scale")).to_contain_text("not yet")
    backups = (course.learner / ".dlstudy" / "backups").rglob("*.md")
    assert any("return 3 * x" in path.read_text(encoding="utf-8") for path in backups)


def test_dark_and_light_follow_the_system_until_the_learner_chooses(visit: Callable[..., Visit]) -> None:
    ours = visit(color_scheme="dark")
    home = ours.home()
    assert home.evaluate("document.documentElement.dataset.theme") == "dark"
    page = ours.lesson()
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))
    page.get_by_role("button", name="Use the light colours").click()
    expect(page.locator("body")).to_have_class(re.compile(r"\blight\b"))
    expect(home.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("body")).to_have_class(re.compile(r"\blight\b"))
    page.get_by_role("button", name="Use the dark colours").click()
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))


def test_nothing_is_wider_than_a_telephone(visit: Callable[..., Visit]) -> None:
    ours = visit(viewport={"width": 390, "height": 844})
    for page in (ours.home(), ours.lesson()):
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for bar in page.locator("#dls-bar a:visible, #dls-bar button:visible, #dls-bar summary:visible").all():
            box = bar.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
            assert box["height"] >= 24
            assert box["width"] >= 24
    wide = page.locator("[data-testid=cell-column] > *").evaluate_all("boxes => boxes.map(b => b.clientWidth)")
    assert max(wide) <= 390


def test_the_home_page_works_by_keyboard_alone(visit: Callable[..., Visit]) -> None:
    page = visit().home()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the lessons")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#lesson-01 a")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    expect(page.locator("#lesson-02 a")).to_be_focused()
    expect(page.locator(".edges .lit")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("02_Neural"))


def test_an_exercise_can_be_solved_and_reset_by_keyboard_alone(visit: Callable[..., Visit]) -> None:
    page = visit().lesson()
    cell(page, "exercise_scale").locator(".cm-content").focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text("def scale(x):\n    return 3 * x")
    page.keyboard.press("ControlOrMeta+Enter")
    expect(output(page, "check_scale")).to_contain_text("passed")
    page.locator("#dls-menu summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#dls-menu")).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(page.locator("#dls-menu summary")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("button", name="Keep my text")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_and_names_hold_by_the_rules_of_wcag_aa(visit: Callable[..., Visit], scheme: str) -> None:
    ours = visit(color_scheme=scheme)
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]}
    home = ours.home()
    expect(home.locator("#machine dd").first).not_to_be_empty()
    assert Axe().run(home, options=rules).generate_report() == Axe().run(home, options=rules).generate_report()
    found = Axe().run(home, options=rules).response["violations"]
    assert found == [], [(entry["id"], [node["html"][:120] for node in entry["nodes"]]) for entry in found]
    page = ours.lesson()
    page.locator("#dls-menu summary").click()
    # The bar is ours; the editor's own parts are the page engine's.
    found = Axe().run(page, context="#dls-bar", options=rules).response["violations"]
    assert found == [], [(entry["id"], [node["html"][:120] for node in entry["nodes"]]) for entry in found]
    login = visit(color_scheme=scheme).page()
    login.goto(ours.course.base)
    found = Axe().run(login, options=rules).response["violations"]
    assert found == [], [(entry["id"], [node["html"][:120] for node in entry["nodes"]]) for entry in found]


def test_the_server_goes_away_and_comes_back(visit: Callable[..., Visit], new_course: Callable[..., Course]) -> None:
    course = new_course().start()
    page = visit(course).lesson()
    write(page, "exercise_scale", "def scale(x):\n    return 3 * x")
    expect(output(page, "check_scale")).to_contain_text("passed")
    on_disk(course, "return 3 * x")
    assert course.stop() == 0
    expect(page.locator("#dls-sign")).to_contain_text("Not connected")
    page.evaluate("() => { window.asBefore = true; }")
    course.start()
    page.wait_for_function("() => !window.asBefore")  # nobody loads it by hand: it does that by itself
    expect(output(page, "check_scale")).to_contain_text("passed")
    expect(page.locator("#dls-sign")).to_have_text("Saved")
    course.stop()


def test_time_counts_only_while_the_page_can_be_seen(visit: Callable[..., Visit], course: Course) -> None:
    page = visit(alone=True).lesson()  # with a clock that the test moves on
    sent: list[float] = []
    page.on("request", lambda r: sent.append(r.post_data_json["seconds"]) if r.url.endswith("/course/time") else None)
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    hide += "document.dispatchEvent(new Event('visibilitychange'))"
    page.clock.install()
    page.clock.fast_forward(1500)
    with page.expect_request("**/course/time"):
        page.evaluate(hide % "true")
    page.clock.fast_forward(2500)
    page.evaluate(hide % "false")
    assert len(sent) == 1, "leaving the page notes the time until then"
    page.clock.fast_forward(700)
    with page.expect_request("**/course/time"):
        page.evaluate(hide % "true")
    assert len(sent) == 2
    assert 0.5 < sent[1] < 2.4, "the time in which nobody saw the page does not count"
