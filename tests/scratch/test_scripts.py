"""The same training script on torch and, ported by its import lines alone, on scratch: same start, losses and end."""

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import dlstudy.scratch as scratch
from dlstudy.scratch import porting

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))
STEPS = {
    "autoencoder": 40,
    "batchnorm_cnn": 32,
    "lenet": 126,
    "mlp_adam": 72,
    "mlp_sgd": 80,
    "schedule_and_clipping": 124,
}


def series(names: dict[str, Any]) -> dict[str, Any]:
    """Return the lists of numbers or arrays that a script has collected."""
    found = {k: v for k, v in names.items() if isinstance(v, list) and v and isinstance(v[0], float | np.ndarray)}
    assert "losses" in found
    return found


@pytest.mark.parametrize("path", SCRIPTS, ids=[path.stem for path in SCRIPTS])
def test_the_same_script_on_either(path: Path) -> None:
    theirs = runpy.run_path(str(path))
    ours = porting.run(path)
    assert isinstance(next(theirs["model"].parameters()), torch.Tensor)
    assert isinstance(next(ours["model"].parameters()), scratch.Tensor)
    assert repr(ours["model"]) == repr(theirs["model"])
    assert repr(ours["optimizer"]).splitlines()[0] == repr(theirs["optimizer"]).splitlines()[0]

    assert list(ours["start"]) == list(theirs["start"])
    for name, value in theirs["start"].items():
        np.testing.assert_array_equal(ours["start"][name], value, err_msg=name)  # bit by bit

    mine, other = series(ours), series(theirs)
    assert list(mine) == list(other)
    assert len(other["losses"]) == STEPS[path.stem]
    for name, values in other.items():
        np.testing.assert_allclose(mine[name], values, rtol=2e-5, atol=2e-6, err_msg=name)
    assert np.mean(mine["losses"][-5:]) < 0.9 * np.mean(mine["losses"][:5])  # it learns

    after = {name: p.detach().numpy() for name, p in theirs["model"].state_dict().items()}
    state = ours["model"].state_dict()
    assert list(state) == list(after)
    moved = 0.0
    for name, value in after.items():
        np.testing.assert_allclose(state[name].numpy(), value, rtol=1e-4, atol=2e-5, err_msg=name)
        moved = max(moved, float(np.abs(value - theirs["start"][name]).max()))
    assert moved > 0.01


PORTED = [
    ("import torch", "import dlstudy.scratch as torch"),
    ("import torch as th", "import dlstudy.scratch as th"),
    ("import torch.nn.functional as F", "import dlstudy.scratch.nn.functional as F"),
    ("import torch.nn", "import dlstudy.scratch.nn as _, dlstudy.scratch as torch"),
    ("import math, torch, os.path", "import math, os.path, dlstudy.scratch as torch"),
    ("from torch import nn, optim as o", "from dlstudy.scratch import nn, optim as o"),
    ("from torch.utils.data import *", "from dlstudy.scratch.utils.data import *"),
    ("if x:\n    import torch  # why\n", "if x:\n    import dlstudy.scratch as torch  # why\n"),
    ("a = 'é'; import torch; b = 'import torch'", "a = 'é'; import dlstudy.scratch as torch; b = 'import torch'"),
    ("import torchvision", "import torchvision"),
    ("from .torch import nn", "from .torch import nn"),
    ("from . import torch", "from . import torch"),
    ("torch.nn  # import torch", "torch.nn  # import torch"),
]


@pytest.mark.parametrize(("source", "expected"), PORTED)
def test_only_import_lines_change(source: str, expected: str) -> None:
    assert porting.port(source) == expected


def test_line_numbers_stay() -> None:
    source = "from torch import (  # layers\n    nn,\n    optim,\n)  # done\nhere = 1\n"
    ported = porting.port(source)
    assert ported.splitlines()[4] == "here = 1"
    names: dict[str, Any] = {}
    exec(ported, names)
    assert names["nn"] is scratch.nn
    assert names["optim"] is scratch.optim
    exec(porting.port("import torch.nn, math, torch.optim as o"), names)
    assert names["torch"] is scratch
    assert names["o"] is scratch.optim


def test_the_command_line(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("import sys\nimport torch\nprint(sys.argv[1:], torch.ones(2) + 1, torch.__name__, __name__)\n")
    command = [sys.executable, "-m", "dlstudy.scratch.porting", str(script)]
    done = subprocess.run([*command, "--lr", "3"], capture_output=True, text=True, check=True)
    assert done.stdout == "['--lr', '3'] tensor([2., 2.]) dlstudy.scratch __main__\n"
    shown = subprocess.run([*command, "--show"], capture_output=True, text=True, check=True)
    assert "import dlstudy.scratch as torch\n" in shown.stdout


def test_torch_itself_is_not_loaded(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import sys\nimport torch\nfrom torch import nn, optim\nfrom torch.utils.data import DataLoader\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-m", "dlstudy.scratch.porting", str(script)], check=False)
    assert done.returncode == 0


NET = """import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.Tensor(3))
"""
TRAIN = """from torch import optim
from net import Net
from parts.last import last
model = Net()
optimizer = optim.SGD(model.parameters(), lr=0.1)
parameter = last(model)
"""


def test_modules_beside_the_script_belong_to_it(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "last.py").write_text("import torch\ndef last(m):\n    return list(m.parameters())[-1] + 1\n")
    (tmp_path / "train.py").write_text(TRAIN)
    ours = porting.run(tmp_path / "train.py")
    assert isinstance(ours["parameter"], scratch.Tensor)
    assert "net" not in sys.modules
    assert not list(tmp_path.rglob("*.pyc"))  # else torch would find the ported code
    sys.path.insert(0, str(tmp_path))
    try:
        theirs = runpy.run_path(str(tmp_path / "train.py"))
        assert isinstance(theirs["parameter"], torch.Tensor)
        assert isinstance(porting.run(tmp_path / "train.py")["parameter"], scratch.Tensor)  # although torch's is loaded
        assert isinstance(sys.modules["net"].Net().bias, torch.Tensor)
    finally:
        sys.path.remove(str(tmp_path))
        for name in ("net", "parts", "parts.last"):
            sys.modules.pop(name, None)


def test_a_library_on_torch_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "library.py").write_text("import torch\n")
    script = tmp_path / "train.py"
    script.write_text("import sys\nsys.path.append(sys.argv[1])\nimport torch\nimport library\n")
    command = [sys.executable, "-m", "dlstudy.scratch.porting", str(script), str(tmp_path / "site-packages")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ImportError: a library that this script uses imports torch itself" in done.stderr
