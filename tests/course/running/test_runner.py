"""The runner must see through every way in which a broken lesson can look healthy."""

import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dlstudy.course.content.lessonfile import LessonError, LessonFile
from dlstudy.course.running import lessonrun, runner, sandbox
from dlstudy.course.running.runner import RunResult, run_lesson

pytestmark = pytest.mark.slow  # each test starts processes; together they are too long for `make check`

FRONT = """---
title: Broken on purpose
number: 7
stars: 1
track: Basics
minutes: 10
needs: none
code: none
budget: {budget}
---

# Page

```python {{.marimo name="imports"}}
import marimo as mo
```

"""
EXERCISE = """
title = "Double"
level = "core"
kind = "signature"
order = 1
source = "solution.py:double"
task = "Double it."
hints = ["one", "two", "three"]
explanation = "Twice."
[[wrong]]
id = "same"
find = "2 * x"
replace = "x"
hint = "Is that twice?"
"""
# A stand-in for a course page: it does what `Page` does for the suite, without the worker and torch's import.
FAKE_PAGE = """
import json, os
from dlstudy.course.content import paths
from dlstudy.course.learner.progress import Progress

class FakePage:
    def check(self, slug, answer):
        try:
            status = "passed" if answer(3) == 6 else "failed"
        except NotImplementedError:
            status = "not-yet"
        with open(os.environ["DLSTUDY_RUN_LOG"], "a") as log:
            record = {"event": "check", "exercise": "07/" + slug, "status": status, "message": "hm"}
            log.write(json.dumps(record) + "\\n")
        return status

    def quiz(self, name, right=True):
        if os.environ["DLSTUDY_RUN"] == "worked":
            Progress(paths.progress_file()).record_quiz("07", name, "a", right)

page = FakePage()
"""


def write(folder: Path, *cells: tuple[str, str], budget: float = 30) -> Path:
    (folder / "lessons").mkdir(exist_ok=True)
    path = folder / "lessons" / "07_Page.md"
    body = "".join(
        f'## {name}\n\n```python {{.marimo name="{name}"}}\n{textwrap.dedent(code).strip()}\n```\n\n'
        for name, code in cells
    )
    path.write_text(FRONT.format(budget=budget) + body, encoding="utf-8")
    return path


def add_exercise(folder: Path, solution: str = "return 2 * x") -> Path:
    place = folder / "exercises" / "07" / "double"
    place.mkdir(parents=True)
    (place / "exercise.toml").write_text(EXERCISE, encoding="utf-8")
    (place / "solution.py").write_text(f"def double(x):\n    {solution}\n", encoding="utf-8")
    return folder / "exercises"


STUB = 'def double(x):\n    raise NotImplementedError("your turn")'


def complaints(result: RunResult) -> str:
    return "\n".join(result.problems)


def test_a_sound_page_passes_both_ways_and_is_measured(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ("page", FAKE_PAGE),
        ("exercise_double", STUB),
        ("check_double", 'card = page.check("double", double)\ncard'),
        ("after_double", 'mo.stop(card != "passed")\ntwelve = double(6)'),
        ("quiz_one", 'page.quiz("one")'),
        ("go", 'go = mo.ui.run_button()\nmo.Html("<svg></svg>")'),
        ("long", "mo.stop(not go.value)\nanswer = double(21)"),
    )
    exercises = add_exercise(tmp_path)
    seen: list[str] = []
    opened = run_lesson(path, "opened", exercises=exercises, on_group=lambda group: seen.append(group.title))
    assert opened.problems == []
    assert opened.parts["check"] == {"double": "not-yet"}
    assert opened.parts["quiz"] == {}
    stopped = [cell["name"] for cell in opened.cells if cell["status"] == "stopped"]
    assert stopped == ["after_double", "long"]
    names = ["page", "exercise_double", "check_double", "after_double", "quiz_one", "go", "long"]
    assert sorted(seen) == sorted(["Page", *names])
    worked = run_lesson(path, "worked", exercises=exercises)
    assert worked.problems == []
    assert worked.parts["check"] == {"double": "passed"}
    assert worked.parts["quiz"] == {"one": "right"}
    assert {cell["status"] for cell in worked.cells} == {"ran"}
    assert (len(worked.cells), worked.figures) == (8, 1)
    assert 0.05 < worked.cpu_seconds < 30
    assert 20e6 < worked.peak_memory < 2e9
    assert worked.network in ("namespace", "guard")
    assert path.read_text(encoding="utf-8").count("NotImplementedError") == 2, "the lesson itself must stay as it is"
    json.dumps(worked.to_dict())


def test_a_page_is_as_large_as_itself_and_not_as_who_runs_it(tmp_path: Path) -> None:
    held = bytearray(b"x") * (900 << 20)
    opened = run_lesson(write(tmp_path, ("one", "x = 1")), "opened")
    assert 20e6 < opened.peak_memory < len(held)


def test_the_budget_counts_what_is_done_here_and_not_what_a_record_stands_for(tmp_path: Path) -> None:
    path = write(tmp_path, ("one", "x = 1"))
    assert run_lesson(path, "worked", taken={"long": 1000.0}).problems == []


def test_an_error_behind_a_button_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, ("go", "go = mo.ui.run_button()"), ("boom", "mo.stop(not go.value)\n1 / 0"))
    assert run_lesson(path, "opened").passed
    worked = run_lesson(path, "worked")
    assert "Cell boom, line 26: ZeroDivisionError: division by zero (line 2 of the cell)" in complaints(worked)


def test_a_cell_that_never_runs_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, ("gate", "mo.stop(True)\nx = 1"), ("after", "y = x + 1"))
    assert run_lesson(path, "opened").passed
    found = complaints(run_lesson(path, "worked"))
    assert "Cell gate, line 20: stopped at mo.stop, although every button is pressed" in found
    assert "1 of 3 cells never ran, because one they need stopped or failed: after." in found


def test_an_error_on_opening_is_found(tmp_path: Path) -> None:
    opened = run_lesson(write(tmp_path, ("bad", "nothing_of_the_kind + 1"), ("good", "x = 1")), "opened")
    assert "NameError" in complaints(opened)
    assert [group.ran for group in opened.groups] == [1, 0, 1]


def test_a_wrong_solution_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, ("page", FAKE_PAGE), ("exercise_double", STUB), ("check", 'page.check("double", double)'))
    worked = run_lesson(path, "worked", exercises=add_exercise(tmp_path, "return 3 * x  # not 2 * x"))
    assert "The check 'double' says 'failed' to its solution and should say 'passed'. It said: hm" in complaints(worked)


def test_an_exercise_handed_out_solved_is_found(tmp_path: Path) -> None:
    solved = "def double(x):\n    return 2 * x"
    path = write(tmp_path, ("page", FAKE_PAGE), ("exercise_double", solved), ("check", 'page.check("double", double)'))
    opened = run_lesson(path, "opened", exercises=add_exercise(tmp_path))
    assert "says 'passed' to the exercise as handed out and should say 'not-yet'" in complaints(opened)


def test_checks_and_questions_that_are_never_reached_are_found(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ("page", FAKE_PAGE),
        ("check", 'if False:\n    page.check("double", lambda x: 2 * x)'),
        ("quiz", 'show = False\nif show:\n    page.quiz("one")\npage.quiz("two", right=False)'),
    )
    found = complaints(run_lesson(path, "worked"))
    assert "The check 'double' was never reached." in found
    assert "The quiz 'one' was never answered." in found
    assert "The quiz 'two' was answered wrong" in found


@pytest.mark.parametrize(
    "code",
    [
        "from urllib import request\ntry:\n    request.urlopen('http://192.0.2.1', timeout=2)\nexcept OSError: pass",
        "import socket\ntry:\n    socket.getaddrinfo('example.com', 80)\nexcept OSError:\n    pass",
    ],
)
def test_reaching_for_the_network_is_found_even_when_the_error_is_swallowed(tmp_path: Path, code: str) -> None:
    found = complaints(run_lesson(write(tmp_path, ("reach", code)), "opened"))
    assert "The page asked the network for" in found


def test_loopback_stays_usable_and_child_processes_are_cut_off_too(tmp_path: Path) -> None:
    code = """
    import socket, subprocess, sys
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 2):
        pass
    attempt = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=2)"
    done = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True)
    assert done.returncode == 1
    assert "unreachable" in done.stderr or "may not use the network" in done.stderr, done.stderr
    """
    assert run_lesson(write(tmp_path, ("use", code)), "opened").problems == []


def test_the_guard_holds_where_there_is_no_namespace(tmp_path: Path) -> None:
    code = """
    import socket, subprocess, sys, os
    from pathlib import Path
    from dlstudy.course.running import sandbox
    sandbox._own_namespace = lambda: False
    assert sandbox.block_network(Path("helpers")) == "guard"
    attempt = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=2)"
    child = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True)
    assert "may not use the network" in child.stderr, child.stderr
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 2):
        pass
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=2)
    except PermissionError:
        print("refused")
    """
    log = tmp_path / "log.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env={**os.environ, sandbox.LOG_VARIABLE: str(log)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "refused", done.stderr
    assert [json.loads(line)["address"] for line in log.read_text().splitlines()] == ["192.0.2.1"] * 2


def test_a_namespace_that_cannot_be_made_whole_is_not_entered(tmp_path: Path) -> None:
    """As where a system allows the namespace and refuses its loopback: the guard must find loopback as it was."""
    code = """
    import fcntl, socket
    from pathlib import Path
    from dlstudy.course.running import sandbox
    def refuse(*facts):
        raise PermissionError(1, "Operation not permitted")
    fcntl.ioctl = refuse
    print(sandbox.block_network(Path("helpers")))
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 2):
        print("loopback")
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["guard", "loopback"], done.stderr


BURN = """
import time
started = time.process_time()
while time.process_time() - started < {seconds}:
    pass
"""


def test_a_page_over_budget_warns_then_fails(tmp_path: Path) -> None:
    probe = run_lesson(write(tmp_path, ("idle", "x = 1")), "opened").cpu_seconds
    path = write(tmp_path, ("burn", BURN.format(seconds=1)), budget=round((probe + 1) / 1.5, 2))
    warned = run_lesson(path, "opened")
    assert warned.passed
    assert any("its budget is" in warning for warning in warned.warnings)
    path = write(tmp_path, ("burn", BURN.format(seconds=2)), budget=0.5)
    assert "more than twice its budget of 0.5 s" in complaints(run_lesson(path, "opened"))


def test_a_cell_that_makes_opening_slow_is_told_unless_a_button_starts_it(tmp_path: Path) -> None:
    burn = BURN.format(seconds=1.2)
    slow = run_lesson(write(tmp_path, ("burn", burn)), "opened")
    assert slow.passed
    assert any("Cell burn, line 20: takes 1." in warning for warning in slow.warnings)
    path = write(tmp_path, ("go", "go = mo.ui.run_button()"), ("burn", "mo.stop(not go.value)\n" + burn))
    assert not run_lesson(path, "opened").warnings
    assert not run_lesson(path, "worked").warnings


def test_the_time_of_child_processes_counts(tmp_path: Path) -> None:
    burn = BURN.format(seconds=2)
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}], check=True)"
    assert run_lesson(write(tmp_path, ("child", code)), "opened").cpu_seconds > 2


def test_a_page_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "FAIL_AT", -28.0)  # a limit of 2 s instead of half a minute
    found = complaints(run_lesson(write(tmp_path, ("spin", "while True:\n    pass"), budget=1), "opened"))
    assert "in the cell spin: does it ever finish?" in found


def test_a_process_that_dies_is_reported_with_its_cell(tmp_path: Path) -> None:
    found = complaints(run_lesson(write(tmp_path, ("die", "import os\nos._exit(7)")), "opened"))
    assert "The process died in the cell die (exit code 7)" in found


def test_an_error_in_a_thread_is_found_and_a_thread_without_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessonrun, "GRACE", 1.0)
    code = """
    import threading, time
    threading.Thread(target=lambda: 1 / 0).start()
    threading.Thread(target=time.sleep, args=(600,)).start()
    """
    result = run_lesson(write(tmp_path, ("threads", code)), "opened")
    assert result.problems == ["A thread that the page started failed: ZeroDivisionError: division by zero"]
    assert result.wall_seconds < 60


def test_a_page_that_cannot_be_run_says_why(tmp_path: Path) -> None:
    found = complaints(run_lesson(write(tmp_path, ("one", "x = 1"), ("two", "x = 2")), "opened"))
    assert "07_Page.md: the name 'x' is defined by the cells one and two" in found


def test_wrong_front_matter_is_refused_before_anything_runs(tmp_path: Path) -> None:
    path = write(tmp_path, ("a", "x = 1"))
    path.write_text(path.read_text(encoding="utf-8").replace("stars: 1", "stars: many"), encoding="utf-8")
    with pytest.raises(LessonError, match="stars should be"):
        run_lesson(path, "opened")


def test_home_and_learner_folder_are_throwaway_and_the_cache_starts_empty(tmp_path: Path) -> None:
    marker = Path.home() / ".dlstudy-runner-test"
    code = f"""
    from pathlib import Path
    from dlstudy.course.content import paths
    assert Path.home() != Path({str(Path.home())!r})
    assert paths.learner_folder().is_relative_to(Path.home().parent)
    assert Path.cwd() == paths.learner_folder().resolve()
    assert not list(Path.cwd().rglob("cache")), "a cache was there already"
    (Path.home() / {marker.name!r}).touch()
    with mo.persistent_cache("cached"):
        kept = 41 + 1
    """
    path = write(tmp_path, ("use", code))
    for _ in range(2):
        assert run_lesson(path, "opened").problems == []
    assert not marker.exists()
    assert sorted(item.name for item in path.parent.iterdir()) == ["07_Page.md"]


def test_results_cached_by_content_make_a_second_opening_instant(tmp_path: Path) -> None:
    """In one folder, as the learner's is: the second run takes the stored result, an edit computes anew."""
    code = """
    from pathlib import Path
    factor = 2
    with mo.persistent_cache("slow"):
        Path("runs.txt").open("a").write("run\\n")
        product = factor * 21
    assert product == factor * 21
    """
    path = write(tmp_path, ("slow", code))

    def run() -> list[str]:
        script = "import sys; from pathlib import Path; from dlstudy.course import engine\n"
        script += "print([r.status for r in engine.run(Path(sys.argv[1]))])"
        done = subprocess.run(
            [sys.executable, "-c", script, str(path)], cwd=path.parent, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "['ran', 'ran']", done.stdout + done.stderr
        return (path.parent / "runs.txt").read_text().split()

    assert run() == ["run"]
    assert run() == ["run"], "the second opening computed again"
    path.write_text(path.read_text(encoding="utf-8").replace("factor = 2", "factor = 3"), encoding="utf-8")
    assert run() == ["run", "run"], "an edit must not be answered from the cache"


def test_files_beside_the_lesson_travel_with_it(tmp_path: Path) -> None:
    path = write(tmp_path, ("look", "from pathlib import Path\nassert Path('images/a.svg').read_text() == 'x'"))
    (path.parent / "images").mkdir()
    (path.parent / "images" / "a.svg").write_text("x")
    assert run_lesson(path, "opened").problems == []


def test_parts_are_read_from_the_cells(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ("a", 'page = other = None\ndef f():\n    page.check("one", 1)\n    page.predict("p")'),
        ("b", '# page.quiz("no")\n"page.quiz(\'no\')"\nother.check("no", 1)\npage.quiz("q")'),
    )
    assert runner.parts_of(LessonFile.read(path)) == {"check": ["one"], "quiz": ["q"], "prediction": ["p"]}


def test_loopback_names() -> None:
    inside = ["localhost", "127.0.0.1", "127.1.2.3", "::1", "", None, socket.gethostname()]
    assert all(sandbox._is_loopback(host) for host in inside)
    assert not any(sandbox._is_loopback(host) for host in ["192.0.2.1", "example.com", "128.0.0.1", "fe80::1"])
