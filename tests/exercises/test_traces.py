"""An answer leaves nothing behind: the next check judges as if it were the first, whatever the one before it did."""

import builtins
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from dlstudy.course.checking import traces
from dlstudy.course.checking.check import check, prepare
from dlstudy.course.checking.worker import Worker
from dlstudy.course.content.exercises import Exercise

SWITCHES: dict[str, tuple[str, Callable[[], Any]]] = {
    "grad mode": ("torch.set_grad_enabled(False)", torch.is_grad_enabled),
    "default dtype": ("torch.set_default_dtype(torch.float64)", torch.get_default_dtype),
    "default device": ("torch.set_default_device('meta')", torch.get_default_device),
    "threads": ("torch.set_num_threads(torch.get_num_threads() + 1)", torch.get_num_threads),
    "deterministic": ("torch.use_deterministic_algorithms(True)", torch.are_deterministic_algorithms_enabled),
    "anomaly": ("torch.autograd.set_detect_anomaly(True)", torch.is_anomaly_enabled),
    "torch prints": ("torch.set_printoptions(precision=1)", lambda: torch._tensor_str.PRINT_OPTS.precision),
    "numpy errors": ("np.seterr(all='raise')", np.geterr),
    "numpy prints": ("np.set_printoptions(precision=1)", lambda: np.get_printoptions()["precision"]),
    "recursion": ("import sys; sys.setrecursionlimit(5000)", sys.getrecursionlimit),
    "environment": ("import os; os.environ['HOME'] = '/nowhere'; os.environ['NEW'] = '1'", lambda: dict(os.environ)),
    "folder": ("import os; os.chdir('/')", os.getcwd),
    "path": ("import sys; sys.path.insert(0, '/nowhere')", lambda: list(sys.path)),
    "trace": ("import sys; sys.setprofile(lambda *a: None)", sys.getprofile),
    "built-in name": ("import builtins; builtins.zip = None", lambda: builtins.zip),
    "new built-in name": ("import builtins; builtins.my_help = 1", lambda: hasattr(builtins, "my_help")),
    "isclose": ("np.isclose = lambda *a, **k: np.True_", lambda: np.isclose),
    "pi": ("import math; math.pi = np.pi = 3.0", lambda: (math.pi, np.pi)),
    "softmax": ("torch.softmax = torch.sigmoid", lambda: torch.softmax),
    "functional": ("torch.nn.functional.relu = torch.neg", lambda: torch.nn.functional.relu),
    "a method of tensors": ("torch.Tensor.sum = lambda *a: 0", lambda: torch.Tensor.sum),
    "an operator of tensors": ("torch.Tensor.__add__ = lambda *a: 0", lambda: torch.Tensor.__add__),
    "a layer": ("torch.nn.Linear.forward = lambda *a: 0", lambda: torch.nn.Linear.forward),
    "a class": ("torch.nn.Linear = torch.nn.Identity", lambda: torch.nn.Linear),
    "a deleted function": ("del torch.cat", lambda: torch.cat),
    "random": ("import random; random.shuffle = None", lambda: random.shuffle),
}  # fmt: skip


@pytest.fixture
def exercise(make: Callable[..., Exercise]) -> Exercise:
    return make(toml=('uses = ["import numpy as np"]', 'uses = ["import numpy as np", "import torch"]'))


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_as_it_was_after_an_answer(exercise: Exercise, name: str) -> None:
    line, read = SWITCHES[name]
    made = prepare(exercise)
    before = read()
    for source in (f"{line}\n{exercise.solution}", f"def column_means(x):\n    {line}\n    return x.mean(axis=0)\n"):
        check(exercise, source, prepared=made)
        assert read() == before
    assert check(exercise, exercise.solution, prepared=made).passed


def test_a_spoiled_comparison_passes_nothing(exercise: Exercise) -> None:
    made = prepare(exercise)
    spoil = "np.isclose = lambda a, *r, **k: np.ones(np.shape(a), bool)\n"
    wrong = "def column_means(x):\n    return x[0] * 1.0\n"
    assert check(exercise, spoil + wrong, prepared=made).status == "failed"
    assert check(exercise, wrong, prepared=made).status == "failed"


def test_keeping_the_libraries_takes_a_moment() -> None:
    times = []
    for _ in range(5):
        begun = time.process_time()
        with traces.libraries_kept():
            pass
        times.append(time.process_time() - begun)
    assert min(times) < 0.1


RIGHT = "def column_means(x):\n    return x.mean(axis=0)\n"
WRONG = "def column_means(x):\n    return x[0] * 1.0\n"


@pytest.fixture
def own_worker(exercise: Exercise) -> Iterator[Worker]:
    with Worker(root=exercise.folder.parent.parent) as made:
        yield made


@pytest.mark.slow
def test_each_check_gets_its_own_verdict_though_answers_fork_and_spoil(exercise: Exercise, own_worker: Worker) -> None:
    spoilers = [
        "import os\nos.fork()\n" + RIGHT,
        "def column_means(x):\n    import os\n    os.fork()\n    return x.mean(axis=0)\n",
        "import os, time\nif not os.fork():\n    time.sleep(600)\n" + WRONG,
        *(f"{SWITCHES[name][0]}\n{RIGHT}" for name in ("grad mode", "default device", "built-in name", "isclose")),
    ]
    if not hasattr(os, "fork"):
        spoilers = spoilers[3:]
    before = psutil.Process().children(recursive=True)
    for spoiler in spoilers:
        own_worker.check(exercise, spoiler)
        assert own_worker.check(exercise, WRONG).status == "failed", spoiler
        assert own_worker.check(exercise, RIGHT).status == "passed", spoiler
    own_worker.close()
    left = [process for process in psutil.Process().children(recursive=True) if process not in before]
    assert [process.pid for process in left] == []


@pytest.mark.slow
def test_an_answer_works_in_a_folder_of_its_own_that_goes_with_it(
    exercise: Exercise, own_worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = tmp_path / "learner"
    learner.mkdir()
    (learner / "precious.md").write_text("mine")
    monkeypatch.chdir(learner)
    source = (
        "import glob, os\nfor name in glob.glob('*'):\n    os.remove(name)\nopen('left.txt', 'w').write('x')\n"
        "print(os.getcwd())\n"
    )
    verdict = own_worker.check(exercise, source + RIGHT)
    assert verdict.passed
    scratch = Path(verdict.output.strip())
    assert scratch.is_dir()
    assert scratch != learner
    assert (learner / "precious.md").read_text() == "mine"
    assert [file.name for file in learner.iterdir()] == ["precious.md"]
    own_worker.close()
    assert not scratch.exists()


@pytest.mark.slow
def test_an_oracle_that_an_answer_broke_is_asked_again_in_a_new_process(
    make: Callable[..., Exercise], own_worker: Worker
) -> None:
    exercise = make()
    assert own_worker.check(exercise, RIGHT).passed
    # Deep inside a library, where nobody puts anything back.
    deep = "import sys\nsys.modules['math'] = None\n"
    first = own_worker.pid
    own_worker.check(exercise, f"{deep}{RIGHT}")
    file = exercise.check_file
    file.write_text(file.read_text().replace("import numpy as np\n", "import math\nimport numpy as np\n"))
    assert own_worker.check(exercise, RIGHT).passed
    assert own_worker.pid != first
