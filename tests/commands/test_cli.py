"""The command as it is typed: what it prints, its exit codes, and that the quick ones stay quick."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dlstudy.commands import cli, terminal
from dlstudy.course.content import paths
from dlstudy.course.content.lessonfile import LessonFile
from dlstudy.course.learner.progress import Progress

HEAVY = ("torch", "torchvision", "numpy", "marimo", "matplotlib", "sklearn", "skimage")
PAGE = """---
title: Tensors and Autograd
number: 1
stars: 1
track: Basics
minutes: 175
needs: none
code: scratch/shapes.py
budget: 30
---

# Tensors and Autograd

```python {.marimo name="imports"}
import marimo as mo
```

```python {.marimo name="exercise_double"}
def double(x):
    raise NotImplementedError("your turn")
```
"""
EXERCISE = """
title = "Double"
level = "core"
kind = "signature"
order = 1
source = "solution.py:double"
uses = ["import math"]
task = "Double it."
hints = ["What is twice?", "Two times.", "Add it to itself."]
explanation = "Twice is *two times*."
[[wrong]]
id = "squares"
find = "2 * x"
replace = "x**2"
hint = "Is that not the square?"
"""
CHECK = """
from dlstudy.course.checking import Case

def cases(rng):
    return [Case("three", 3, expected=6), Case("four", 4, expected=8)]
"""


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "01_Tensors_and_Autograd.md").write_text(PAGE, encoding="utf-8")
    place = tmp_path / "exercises" / "01" / "double"
    place.mkdir(parents=True)
    (place / "exercise.toml").write_text(EXERCISE, encoding="utf-8")
    (place / "check.py").write_text(CHECK, encoding="utf-8")
    (place / "solution.py").write_text(
        'def double(x):\n    """Return twice x."""\n    return 2 * x\n', encoding="utf-8"
    )
    monkeypatch.setattr(paths, "content_root", lambda: tmp_path)
    monkeypatch.setenv(paths.LEARNER_VARIABLE, str(tmp_path / "learner"))
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def dlstudy(*words: str, expect: int = 0, typed: str | None = None) -> Result:
    result = CliRunner().invoke(cli.main, list(words), input=typed)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == expect, result.output
    return result


@pytest.mark.parametrize("words", [["--help"], ["list"], ["list", "attention"], ["where", "1"], ["run", "--help"]])
def test_quick_commands_import_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    code = (
        f"import sys; sys.argv = ['dlstudy', *{words!r}]\nfrom dlstudy.commands.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    environment = {**os.environ, paths.LEARNER_VARIABLE: str(tmp_path / "nobody")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines()[-1] == "HEAVY []", done.stdout + done.stderr
    assert not (tmp_path / "nobody").exists(), "looking must not make a folder"


def test_help_names_every_command_in_one_full_line() -> None:
    text = dlstudy("--help").output
    for name in cli.main.commands:
        (line,) = re.findall(rf"^  {name} .*$", text, re.MULTILINE)
        assert line.endswith("."), line
        assert not line.endswith("..."), line


def test_list_shows_what_is_written_and_what_is_done(content: Path) -> None:
    text = dlstudy("list").output
    assert re.search(r"^01\s+Tensors and Autograd\s+★\s+175\s+week 1\s+0/1$", text, re.MULTILINE)
    assert re.search(r"^10\s+Attention and the Transformer\s+★★★★\s+300 .*planned$", text, re.MULTILINE)
    assert "1 of 27 lessons is written" in text
    assert "Begin: dlstudy open 01" in text
    with Progress(paths.progress_file()) as progress:
        progress.visit("01")
        progress.record_attempt("01/double", passed=True, source="", verdict="passed")
    text = dlstudy("list").output
    assert re.search(r"Tensors and Autograd .* 1/1 ✓$", text, re.MULTILINE)
    assert "dlstudy open 01" in text
    assert [line[:2] for line in dlstudy("list", "attention").output.splitlines() if line[:2].isdigit()] == ["10", "18"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lsit"], "There is no command 'lsit'. Did you mean: list?"),
        (["progress", "exprot"], "There is no command 'exprot'. Did you mean: export"),
        (["list", "qqqq"], "No lesson is about 'qqqq'."),
        (["where", "99"], "There is no lesson 99; lessons go from 1 to 27."),
        (["where", "tensor_and_autograd"], "did you mean 01 Tensors and Autograd"),
        (["run", "2"], "Lesson 02 Neural Network Basics is planned and not written yet. Written: 01."),
        (["open", "2"], "Lesson 02 Neural Network Basics is planned and not written yet. Written: 01."),
        (["check", "01/duoble"], "Lesson 01 has no exercise 'duoble'. Nearest: 01/double."),
        (["hint", "1"], "Which exercise of lesson 1? Name one: 01/double."),
        (["hint"], "Which exercise? Name one: 01/double."),
        (["solution"], "Which exercise? Name one: 01/double."),
        (["run"], "Which lesson? Name one, such as: dlstudy run 01, or all of them: dlstudy run all."),
        (["where"], "Which lesson? Name one, such as: dlstudy where 01."),
        (["solution", "03/x"], "Lesson 03 Backpropagation is planned"),
        (["progress", "import", "nowhere.file"], "nowhere.file"),
        (["compare", "sorting"], "No row of the comparison is called 'sorting'. There are: Tensor, Forward Pass"),
        (["compare", "--json", "no/such/file.json"], "there is no folder no/such"),
    ],
)
def test_unknown_input_gets_a_sentence_and_exit_code_2(content: Path, words: list[str], sentence: str) -> None:
    result = dlstudy(*words, expect=2)
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert len(result.output.strip().splitlines()) == 1


def answer(content: Path, text: str) -> None:
    path = paths.answer_file(1, "double")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.slow  # the check's own process imports torch
def test_the_way_of_an_answer_in_a_file(content: Path) -> None:
    made = dlstudy("check", "01/double", expect=1).output
    own = paths.answer_file(1, "double")
    assert f"Made a file for your answer: {own}" in made
    assert own.read_text(encoding="utf-8").startswith("import math\n\n\ndef double(x):")
    again = dlstudy("check", "double", expect=1).output
    assert "Read from your file" in again
    assert "Not done yet" in again
    assert "Double it." in made
    assert "Double it." in again
    assert "after an honest try" in dlstudy("solution", "01/double", expect=1).output

    answer(content, "def double(x):\n    return x**2\n")
    wrong = dlstudy("check", "1/double", expect=1).output
    assert "Not right yet" in wrong
    assert "Is that not the square?" in wrong
    assert re.search(r"Expected 6, came 9", wrong)

    hints = [dlstudy("hint", "01/double").output for _ in range(4)]
    assert "What is twice?" in hints[0]
    assert "Two times." not in hints[0]
    assert "Add it to itself." in hints[2]
    assert "That was the last one" in hints[3]

    answer(content, "def double(x):\n    return x + x\n")
    right = dlstudy("check", "01").output
    assert "✓ Right." in right
    assert "two times" in right
    assert "return 2 * x" in dlstudy("solution", "01/double").output
    with Progress(paths.progress_file()) as progress:
        state = progress.snapshot()["lessons"]["01"]["exercises"]["double"]
    assert state["passed"]
    assert state["attempts"] == 2, "an untouched stub is no try"
    assert state["hints"] == 3


@pytest.mark.slow
def test_without_a_file_the_page_is_read_and_a_file_wins_over_it(content: Path) -> None:
    learner = paths.learner_folder()
    learner.mkdir()
    page = LessonFile.parse(PAGE, learner / "01_Tensors_and_Autograd.md")
    page.write(page.with_cell("exercise_double", "def double(x):\n    return 2 * x"))
    text = dlstudy("check", "01/double").output
    assert "Read from the answer cell of your page" in text
    assert not paths.answer_file(1, "double").exists()
    answer(content, "def double(x):\n    return 3 * x\n")
    text = dlstudy("check", "01/double", expect=1).output
    assert "Read from your file" in text
    assert "Your page holds another answer, which was not read" in text


@pytest.mark.slow
def test_an_endless_answer_is_stopped_and_said(content: Path) -> None:
    answer(content, "def double(x):\n    while True:\n        pass\n")
    assert "still running after 1 s" in dlstudy("check", "01/double", expect=1).output


def test_checking_everything_makes_no_files(content: Path) -> None:
    text = dlstudy("check", expect=1).output
    assert "No answer yet. Start one: dlstudy check 01/double" in text
    assert not paths.answers_folder(1).exists()


def test_giving_up_shows_the_solution_and_is_recorded(content: Path) -> None:
    text = dlstudy("solution", "01/double", "--give-up").output
    assert "return 2 * x" in text
    with Progress(paths.progress_file()) as progress:
        assert progress.exercise("01/double").solution_opened
    assert "return 2 * x" in dlstudy("solution", "double").output


def test_a_solution_can_be_pasted_however_narrow_the_terminal_is(
    content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    code = "def double(x):\n    # " + "a line longer than the terminal is wide " * 4 + "\n    return 2 * x\n"
    (content / "exercises" / "01" / "double" / "solution.py").write_text(code, encoding="utf-8")
    assert code.rstrip() in dlstudy("solution", "01/double", "--give-up").output


def test_where_names_every_path(content: Path) -> None:
    text = dlstudy("where", "01").output
    for path in (
        content / "lessons" / "01_Tensors_and_Autograd.md",
        paths.learner_folder() / "01_Tensors_and_Autograd.md",
        paths.answers_folder(1),
        content / "exercises" / "01",
        paths.progress_file(),
        Path(cli.__file__).parents[1] / "scratch" / "shapes.py",
    ):
        (line,) = [line for line in text.splitlines() if re.search(rf"\s{re.escape(str(path))}(\s|$)", line)]
        assert ("not there yet" in line) != path.exists()


@pytest.mark.slow
def test_run_tells_each_section_and_writes_a_report(content: Path, tmp_path: Path) -> None:
    text = dlstudy("run", "1", "--report", str(tmp_path / "out")).output
    assert len(re.findall(r"✓ Tensors and Autograd +\d+\.\d\d s  2 cells", text)) == 2
    assert "of the budget of 30 s" in text
    assert "✓ 2 runs passed" in text
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert [(run["mode"], run["passed"]) for run in report["runs"]] == [("opened", True), ("worked", True)]
    assert report["runs"][0]["peak_memory"] > 1e7
    assert "| 01_Tensors_and_Autograd | opened |" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")

    page = content / "lessons" / "01_Tensors_and_Autograd.md"
    page.write_text(PAGE + '\n```python {.marimo name="bad"}\n1 / 0\n```\n', encoding="utf-8")
    text = dlstudy("run", "all", "--opened", expect=1).output
    assert "Cell bad, line 23: ZeroDivisionError" in text
    assert "✗ 1 of 1 run failed: 01_Tensors_and_Autograd.md" in text


def test_progress_goes_out_and_in_and_is_reset_only_when_meant(content: Path, tmp_path: Path) -> None:
    with Progress(paths.progress_file()) as progress:
        progress.record_attempt("01/double", passed=True, source="x", verdict="passed")
    target = tmp_path / "mine.progress"
    assert "Written" in dlstudy("progress", "export", str(target)).output
    assert "exists already" in dlstudy("progress", "export", str(target), expect=2).output
    assert "Aborted" in dlstudy("progress", "reset", expect=1, typed="n\n").output
    assert "1/1" in dlstudy("list").output
    assert "Reset your progress in 01/double." in dlstudy("progress", "reset", "01/double", "--yes").output
    assert "0/1" in dlstudy("list").output
    os.environ[paths.LEARNER_VARIABLE] = str(tmp_path / "other")
    assert re.search(r"[1-9]\d* new entries", dlstudy("progress", "import", str(target)).output)
    assert "1/1" in dlstudy("list").output
    assert "0 new entries" in dlstudy("progress", "import", str(target)).output


@pytest.mark.slow  # imports torch
def test_compare_measures_the_row_asked_for_and_says_nothing_else(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from dlstudy.commands.cli import main; main()",
        "compare",
        "back",
        "--json",
        "out.json",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=True)
    assert not done.stderr.strip()
    topics, ways = (
        re.findall(r"^(\w.*): .* \| ", done.stdout, re.MULTILINE),
        ("derived by hand", "our autograd on NumPy"),
    )
    assert topics == ["Backpropagation"]
    assert all(re.search(rf"^    {way} +\S+ [mµn]?s .* [kM]?B +\d+ lines, off by", done.stdout, re.M) for way in ways)
    timings = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["timings"]
    assert {timing["topic"] for timing in timings} == {"Backpropagation"}
    assert all(timing["seconds"] > 0 and timing["peak"] > 0 for timing in timings)


def test_review_lists_what_comes_back(content: Path) -> None:
    assert "Nothing comes back today." in dlstudy("review").output
    with Progress(paths.progress_file()) as progress:
        progress.record_attempt("01/double", passed=False, source="x", verdict="failed")
        assert "The next of 1 comes on 20" in dlstudy("review").output
        progress.write(lambda db: db.execute("UPDATE attempts SET at = '2026-01-01'") and None, None)
    assert "exercise 01/double, went wrong  dlstudy check 01/double" in dlstudy("review").output


def test_import_refuses_what_is_no_export_in_a_sentence(content: Path, tmp_path: Path) -> None:
    with Progress(paths.progress_file()) as progress:
        progress.record_attempt("01/double", passed=True, source="x", verdict="passed")
    bad = tmp_path / "holiday.txt"
    bad.write_text("not progress", encoding="utf-8")
    cut = tmp_path / "cut"
    dlstudy("progress", "export", str(cut))
    cut.write_bytes(cut.read_bytes()[:5000])
    for file, sentence in (
        (bad, "is not a progress file of this course"),
        (cut, "is not a progress file of this course (or is damaged); nothing was changed"),
        (tmp_path / "none", "there is no file"),
    ):
        said = dlstudy("progress", "import", str(file), expect=2).output
        assert sentence in said
        assert "Traceback" not in said
    assert "1/1" in dlstudy("list").output


def test_open_hands_the_lesson_to_the_server(content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    def serve(**facts: object) -> int:
        seen.update(facts)
        return 0

    monkeypatch.setattr("dlstudy.app.server.serve", serve)
    dlstudy("open", "01", "--port", "2799", "--no-browser")
    assert (seen["lesson"], seen["port"], seen["open_browser"]) == ("01_Tensors_and_Autograd.md", 2799, False)
    (content / "lessons" / "Glossary.md").write_text("# Glossary", encoding="utf-8")
    dlstudy("open", "Glossary")
    assert seen["lesson"] == "Glossary.md"
    dlstudy("open", "1#strides")
    assert (seen["lesson"], seen["place"]) == ("01_Tensors_and_Autograd.md", "strides")
    assert "Expected one lesson" in dlstudy("open", "all", expect=2).output
    dlstudy("open")
    assert (seen["lesson"], seen["port"], seen["open_browser"]) == (None, None, True)


def test_a_broken_exercise_is_a_sentence(content: Path) -> None:
    (content / "exercises" / "01" / "double" / "exercise.toml").write_text("title = ", encoding="utf-8")
    for words in (["list"], ["check", "01/double"], ["hint", "01/double"]):
        assert "toml" in dlstudy(*words, expect=2).output.casefold()


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "cp437"])
@pytest.mark.parametrize("sign", ["★", "✓", "✗", "→", "é", "漢", "🎉", "\udc80"])
def test_any_sign_can_be_printed_in_any_encoding(encoding: str, sign: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", pipe)
    terminal.make_safe()
    terminal.console().print(f"a {sign} b")
    pipe.flush()
    printed = pipe.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert printed.startswith("a ")
    assert printed.rstrip().endswith(" b")


@pytest.mark.parametrize("command", ["list", "search strides", "models"])
def test_a_command_prints_where_the_output_has_few_signs(command: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from dlstudy.commands.cli import main; main()", *command.split()],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        timeout=100,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.decode("ascii")


def test_a_narrow_terminal_keeps_the_titles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert "Tensors and Autograd" in dlstudy("list").output
