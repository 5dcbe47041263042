"""One test for each thing we assume of marimo's private parts, named so that an upgrade says what broke."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dlstudy.course import engine
from dlstudy.course.content.lessonfile import LessonFile

HEAD = "---\ntitle: T\nmarimo-version: 0.25.2\n---\n\n"


def cell(name: str, code: str) -> str:
    return f'```python {{.marimo name="{name}"}}\n{code}\n```\n\n'


def page(folder: Path, *cells: tuple[str, str], prose: str = "# Title\n\n") -> Path:
    path = folder / "01_Page.md"
    text = HEAD + prose + cell("imports", "import marimo as mo") + "".join(cell(*pair) for pair in cells)
    path.write_text(text.strip(), encoding="utf-8")
    return path


def statuses(results: list[engine.CellResult]) -> dict[str, str]:
    return {result.name: result.status for result in results}


def test_the_installed_marimo_is_the_tested_one() -> None:
    assert engine.marimo_version() == engine.TESTED_VERSION


def test_a_save_keeps_a_page_in_saved_form_and_our_front_matter() -> None:
    text = (
        "---\ntitle: T\nnumber: 1\nneeds:\n- 1\n- 2\nbudget: 12.5\nneed: none\nwidth: medium\n"
        "marimo-version: 0.25.2\n---\n\n# T\n\nText $x^2$ and `code`.\n\n```python\nplain = '''doc'''\n```\n\n"
        "<details>\n<summary>S</summary>\n\nhi\n\n"
        '</details>\n\n```python {.marimo hide_code="true" name="imports"}\nimport marimo as mo\n```\n\n'
        '````python {.marimo name="fence"}\nx = "```"\n````'
    )
    assert engine.saved_text(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('x = """d"""', 'x = \\"\\"\\"d\\"\\"\\"'),  # why library blocks show '''
        ("needs: []\n", ""),  # why "none" is written out
        ("end\n", "end"),  # why a lesson has no final newline
    ],
)
def test_what_a_save_spoils(before: str, after: str) -> None:
    front = f"---\ntitle: T\nmarimo-version: 0.25.2\n{before if ':' in before else ''}---\n\n"
    text = f"{front}```python\n{before}\n```" if '"' in before else f"{front}{before}"
    saved = engine.saved_text(text)
    assert before not in saved
    assert after in saved


def test_cells_come_back_in_order_with_prose_left_out(tmp_path: Path) -> None:
    path = page(tmp_path, ("second", "b = a + 1"), ("first", "a = 1"), ("said", 'mo.md(f"{b}")'))
    seen: list[tuple[int, str]] = []
    done: list[str] = []
    results = engine.run(
        path, before_cell=lambda *facts: seen.append(facts), after_cell=lambda result: done.append(result.name)
    )
    names = [found.name for found in LessonFile.read(path).cells]
    assert [result.name for result in results] == names == ["imports", "second", "first", "said"]
    assert [result.index for result in results] == [0, 1, 2, 3]
    assert set(statuses(results).values()) == {"ran"}
    assert [name for _, name in seen] == done == ["imports", "first", "second", "said"]


def test_an_error_ends_only_what_depends_on_it(tmp_path: Path) -> None:
    path = page(tmp_path, ("bad", "a = 1\nb = a / 0"), ("needs_bad", "c = b"), ("free", "d = 1"))
    results = engine.run(path)
    assert statuses(results) == {"imports": "ran", "bad": "error", "needs_bad": "skipped", "free": "ran"}
    assert results[1].error == "ZeroDivisionError: division by zero (line 2 of the cell)"
    assert "ZeroDivisionError" in results[1].trace


def test_a_name_that_another_cell_failed_to_define_is_an_error_in_words(tmp_path: Path) -> None:
    (result,) = [r for r in engine.run(page(tmp_path, ("lost", "nowhere + 1"))) if r.name == "lost"]
    assert result.status == "error"
    assert "NameError" in result.error
    assert "nowhere" in result.error


def test_stop_and_what_follows_are_told_apart_from_errors(tmp_path: Path) -> None:
    path = page(tmp_path, ("halt", 'mo.stop(True, mo.md("wait"))\nx = 1'), ("after", "y = x"))
    assert statuses(engine.run(path)) == {"imports": "ran", "halt": "stopped", "after": "skipped"}


def test_cells_that_cannot_run_are_told_at_once_and_once(tmp_path: Path) -> None:
    path = page(
        tmp_path, ("halt", "mo.stop(True)\nx = 1"), ("after", "y = x"), ("free", "z = 1"), ("later", "w = y + z")
    )
    told: list[str] = []
    engine.run(path, after_cell=lambda result: told.append(f"{result.name} {result.status}"))
    assert told == ["imports ran", "halt stopped", "after skipped", "later skipped", "free ran"]


@pytest.fixture
def fresh_markdown() -> Iterator[None]:
    from marimo._output import md

    for cached in (md._get_extensions, md._get_markdown):
        cached.cache_clear()
    yield
    for cached in (md._get_extensions, md._get_markdown):
        cached.cache_clear()
    engine.markdown_in_folds()


FOLD = (
    '<details markdown="1">\n<summary>Why <code>a</code>?</summary>\n\n`b` and **c** and $d$\n\n'
    "```python\nx = 1\n```\n\n</details>\n\nafter *e*"
)


@pytest.mark.usefixtures("fresh_markdown")
def test_prose_in_a_fold_is_markdown_also_where_something_was_rendered_before() -> None:
    import marimo as mo

    assert "**c**" in mo.md(FOLD).text  # what the engine does by itself
    engine.markdown_in_folds()
    engine.markdown_in_folds()  # a second call changes nothing
    text = mo.md(FOLD).text
    for piece in ("<code>b</code>", "<strong>c</strong>", "<summary>Why <code>a</code>?</summary>", "<em>e</em>"):
        assert piece in text
    assert "marimo-tex" in text
    assert "codehilite" in text
    assert text.index("</details>") < text.index("<em>e</em>")
    assert "`" not in text


@pytest.mark.usefixtures("fresh_markdown")
def test_a_kernel_of_the_course_renders_folds_and_another_kernel_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    import marimo as mo
    from marimo._runtime.runtime import _KERNEL_LIFESPAN_REGISTRY

    async def start() -> None:
        for lifespan in _KERNEL_LIFESPAN_REGISTRY.get_all():
            async with lifespan(None):
                pass

    monkeypatch.delenv("DLSTUDY_SERVER", raising=False)
    asyncio.run(start())
    assert "**c**" in mo.md(FOLD).text
    monkeypatch.setenv("DLSTUDY_SERVER", "1")
    asyncio.run(start())
    assert "<strong>c</strong>" in mo.md(FOLD).text


def test_run_buttons_count_as_pressed_only_when_asked(tmp_path: Path) -> None:
    path = page(
        tmp_path,
        ("make", 'go = mo.ui.run_button(label="Go")'),
        ("use", "mo.stop(not go.value)\nresult = 1 / 0"),
    )
    assert statuses(engine.run(path))["use"] == "stopped"
    assert statuses(engine.run(path, press=True))["use"] == "error"
    assert statuses(engine.run(path))["use"] == "stopped", "the press must not outlive its run"


def test_an_output_that_cannot_be_shown_is_an_error(tmp_path: Path) -> None:
    code = "class Broken:\n    def _repr_html_(self):\n        raise ValueError('no picture')\nBroken()"
    result = engine.run(page(tmp_path, ("show", code)))[1]
    assert result.status == "error"
    assert result.error.startswith("the output cannot be shown: ValueError: no picture")


def test_figures_are_counted_through_layouts(tmp_path: Path) -> None:
    svg = 'mo.Html("<svg></svg>")'
    path = page(
        tmp_path,
        ("one", svg),
        ("two", f"mo.vstack([{svg}, mo.hstack([{svg}])])"),
        ("none", 'mo.md("text")\nx = 1'),
        ("plot", "import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])[0].axes"),
    )
    figures = {result.name: result.figures for result in engine.run(path)}
    assert figures == {"imports": 0, "one": 1, "two": 2, "none": 0, "plot": 1}


def test_the_course_s_cards_are_no_figures(tmp_path: Path) -> None:
    head = "import anywidget, traitlets\nclass Widget(anywidget.AnyWidget):\n    _esm = 'export default {}'\n"
    path = page(
        tmp_path,
        ("figure", head + "figure = mo.ui.anywidget(Widget())\nfigure"),
        (
            "card",
            "Card = type('Card', (Widget,), {'__module__': 'dlstudy.course.page.cards'})\nmo.ui.anywidget(Card())",
        ),
        ("bare_card", "Card()"),
    )
    results = {result.name: (result.status, result.figures) for result in engine.run(path)}
    assert results["figure"] == ("ran", 1)
    assert results["card"] == results["bare_card"] == ("ran", 0)


def test_async_cells_run(tmp_path: Path) -> None:
    path = page(tmp_path, ("wait", "import asyncio\nawait asyncio.sleep(0)\nx = 1"), ("use", "y = 1 / (x - 1)"))
    assert statuses(engine.run(path)) == {"imports": "ran", "wait": "ran", "use": "error"}


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([("bad", "x = (")], "cell 'bad' is not valid Python"),
        ([("one", "x = 1"), ("two", "x = 2")], "the name 'x' is defined by the cells one and two"),
        ([("one", "x = y"), ("two", "y = x")], "these cells need each other's names, so none can run first: one, two"),
    ],
)
def test_pages_that_cannot_run_say_why(tmp_path: Path, cells: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(engine.PageError) as caught:
        engine.run(page(tmp_path, *cells))
    assert message.casefold() in str(caught.value).casefold()


def test_the_script_runs_as_main_with_its_own_file(tmp_path: Path) -> None:
    path = page(tmp_path, ("here", "assert __name__ == '__main__'\nassert __file__.endswith('01_Page.md')"))
    assert statuses(engine.run(path))["here"] == "ran"
