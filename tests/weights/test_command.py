"""`dlstudy models` as it is typed: the list, one model, and its weights from a server on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dlstudy.commands import cli, modelcards
from dlstudy.models import registry
from dlstudy.weights import caches, catalogue, hub
from dlstudy.words import amount
from tests.data.server import Server
from tests.weights.conftest import Hubs, Publish

CONTENT = bytes(range(256)) * 2000


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "130")


def dlstudy(*words: str, expect: int = 0) -> Result:
    result = CliRunner().invoke(cli.main, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == expect, result.output
    return result


def test_the_list_imports_nothing_heavy() -> None:
    heavy = ("torch", "torchvision", "numpy", "marimo", "matplotlib", "safetensors", "ssl", "urllib.request")
    code = (
        "import sys; sys.argv = ['dlstudy', 'models']\nfrom dlstudy.commands.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('HEAVY', [name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert done.stdout.splitlines()[-1] == "HEAVY []", done.stdout + done.stderr


def test_the_list_has_every_model_with_its_costs() -> None:
    text = dlstudy("models").output
    for entry in registry.ENTRIES:
        (line,) = re.findall(rf"^{re.escape(entry.name)} .*$", text, re.MULTILINE)
        assert entry.title in line
        assert amount(entry.parameters) in line
    assert re.search(r"^resnet50 +ResNet-50 +25\.6 M +4\.09 G +224 x 224 +103 MB\s*$", text, re.MULTILINE)
    assert re.search(r"^gpt2 +GPT-2 +124 M +1,024 tokens +548 MB\s*$", text, re.MULTILINE)
    assert re.search(r"^rnnsearch +RNNsearch +80\.5 M +text +none\s*$", text, re.MULTILINE)
    assert re.search(r"^efficientnet_lite0 .* 18\.8 MB +✓ here\s*$", text, re.MULTILINE)
    assert "Lesson 06  official weights: download.pytorch.org" in text
    assert f"{len(registry.ENTRIES)} models; the official weights of 1 are on this machine." in text


def test_a_narrow_terminal_shows_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in (["models"], ["models", "vgg16"]):
        lines = dlstudy(*words).output.splitlines()
        assert "…" not in "".join(lines)
        table = [
            line for line in lines if line.startswith(("vgg", "resnet", "features", "classifier", "Name", "Stage"))
        ]
        assert max(map(len, table)) <= 80


def test_weights_are_fetched_and_then_shown_as_here(publish: Publish, server: Server, hubs: Hubs) -> None:
    checkpoint = publish("resnet50", CONTENT, cuts=[200_000, None])
    assert "not here" not in dlstudy("models").output
    told = dlstudy("models", "resnet50", "--download")
    path = hubs.torch / checkpoint.files[0].name
    assert f"Downloading ResNet-50's weights: 512 kB from 127.0.0.1 to {path}" in told.stderr
    assert "broke off after 200 kB of 512 kB; trying again." in told.stderr
    assert told.stdout == f"Here, and as published (SHA-256): {path}\n"
    assert path.read_bytes() == CONTENT
    asked = len(server.requests)
    again = dlstudy("models", "resnet50", "--download")
    assert (again.stdout, again.stderr) == (told.stdout, "")
    assert len(server.requests) == asked
    assert re.search(r"^resnet50 .*✓ here\s*$", dlstudy("models").output, re.MULTILINE)


@pytest.mark.parametrize("model", ["gpt2-medium", "gpt2-large", "bert-large"])
def test_weights_without_a_published_checksum_are_never_called_as_published(
    publish: Publish, hubs: Hubs, model: str
) -> None:
    assert catalogue.CHECKPOINTS[model].files[0].sha256 is None
    assert "none is published: a download cannot be checked" in dlstudy("models", model).output
    publish(model, CONTENT, digits=0)
    told = dlstudy("models", model, "--download")
    assert told.stdout.startswith("Here, and not checked: no checksum is published for it: ")
    assert "and 127.0.0.1 states none: not checked." in told.stderr
    assert "as published" not in told.output + dlstudy("models", model, "--download").output


def test_a_file_of_a_hundred_bytes_is_not_gigabytes_of_weights(publish: Publish, server: Server, hubs: Hubs) -> None:
    checkpoint = catalogue.CHECKPOINTS["gpt2-medium"]
    publish("gpt2-medium", bytes(100))
    catalogue.CHECKPOINTS["gpt2-medium"] = checkpoint  # `publish` puts it back: only the server stays
    said = dlstudy("models", "gpt2-medium", "--download", expect=2).output
    assert "offers a file of 100 bytes; expected about 1.52 GB" in said
    assert hub.find(checkpoint) is None


def test_eight_digits_are_called_eight_digits(publish: Publish, hubs: Hubs) -> None:
    publish("vgg11", CONTENT, digits=8)
    said = "Here, and as published (the first 8 digits of its SHA-256, all that is published): "
    assert dlstudy("models", "vgg11", "--download").stdout.startswith(said)


def test_a_damaged_file_is_shown_and_fetched_again(publish: Publish, hubs: Hubs) -> None:
    checkpoint = publish("resnet50", CONTENT)
    path = hubs.torch / checkpoint.files[0].name
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-7])
    assert re.search(r"^resnet50 .*✗ damaged\s*$", dlstudy("models").output, re.MULTILINE)
    dlstudy("models", "resnet50", "--download")
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["resnet5"],
            "There is no model 'resnet5'; nearest are resnet50, resnet152, resnet34. See them all: dlstudy models",
        ),
        (["--download"], "Which model? Name one, such as: dlstudy models resnet50 --download"),
        (
            ["rnnsearch", "--download"],
            "There are no official weights for rnnsearch (RNNsearch); `dlstudy models` lists",
        ),
    ],
)
def test_unknown_input_gets_a_sentence(words: list[str], sentence: str) -> None:
    result = dlstudy("models", *words, expect=2)
    assert sentence in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_offline_the_command_says_how_to_put_it_there(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = publish("gpt2", CONTENT)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    lines = dlstudy("models", "gpt2", "--download", expect=2).output.splitlines()
    assert lines[0] == "Missing on this machine: GPT-2's weights, 512 kB from 127.0.0.1."
    assert lines[1] == "Not fetched: HF_HUB_OFFLINE is set."
    assert lines[2].startswith("By hand: fetch http://127.0.0.1")
    assert str(checkpoint.files[0].sha256) in lines[2]


def test_a_server_with_something_else(publish: Publish, server: Server, hubs: Hubs) -> None:
    checkpoint = publish("resnet50", CONTENT)
    server.files[f"/models/{checkpoint.files[0].name}"].content = CONTENT[::-1]
    said = dlstudy("models", "resnet50", "--download", expect=2).output
    assert f"127.0.0.1 sent something else: expected the SHA-256 {checkpoint.files[0].sha256}, came " in said
    assert hub.find(catalogue.CHECKPOINTS["resnet50"]) is None


def test_one_model_in_detail() -> None:
    text = dlstudy("models", "resnet50").output
    assert re.search(r"^resnet50  ResNet-50  lesson 06  arXiv 1512\.03385$", text, re.MULTILINE)
    # worked by hand: 7 x 7 x 3 x 64 weights, each used at 112 x 112 places
    assert re.search(r"^conv1 +Conv2d +64 x 112 x 112 +9\.41 k +118 M ", text, re.MULTILINE)
    assert re.search(r"^layer3 +6 x BottleneckBlock +1024 x 14 x 14 +7\.10 M +1\.46 G +16\.5 MB$", text, re.MULTILINE)
    assert re.search(r"^whole model +1000 +25\.6 M +4\.09 G +85\.5 MB$", text, re.MULTILINE)
    for part in ("103 MB, from download.pytorch.org, not on this machine", "top-1 76.13", "ImageNet-1K", "BSD-3-Clause",
                 "bilinear to 256 pixels, of that the middle 224 x 224", "dlstudy models resnet50 --download",
                 'from_pretrained("resnet50")'):  # fmt: skip
        assert part in text
    text = dlstudy("models", "bert-base-uncased").output
    assert re.search(r"^layers\.0 to 11 +12 x EncoderLayer +512 x 768 +85\.1 M", text, re.MULTILINE)
    text = dlstudy("models", "transformer-base").output
    assert "There are no official weights." in text


SLOW = (pytest.mark.slow, pytest.mark.proof)
EVERY = [
    pytest.param(entry, id=entry.name, marks=() if entry.name in ("vgg11_bn", "gpt2") else SLOW)
    for entry in registry.ENTRIES
]


@pytest.mark.parametrize("entry", EVERY)
def test_the_stages_of_a_model_add_up_to_the_whole(entry: registry.Entry) -> None:
    row = modelcards.row(entry.name)
    _, lines = modelcards.stages(entry, row.checkpoint)
    *stages, whole = lines
    assert whole.parameters == entry.parameters
    assert 2 <= len(stages) <= 14
    if whole.multiply_adds is None:
        return
    assert sum(stage.multiply_adds or 0 for stage in stages) == whole.multiply_adds
    assert sum(stage.activation_bytes or 0 for stage in stages) == whole.activation_bytes
    if row.checkpoint and row.checkpoint.multiply_adds:
        assert whole.multiply_adds == row.checkpoint.multiply_adds
        assert sum(stage.parameters for stage in stages) == whole.parameters


def test_a_model_that_cannot_be_followed_without_numbers_shows_its_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    from dlstudy.models import counting

    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("no numbers")

    monkeypatch.setattr(counting, "count", refuse)
    text = dlstudy("models", "resnet18").output
    assert re.search(r"^layer1 +Sequential +148 k +\? +\?$", text, re.MULTILINE)
    assert re.search(r"^whole model +ResNet +11\.7 M +\? +\?$", text, re.MULTILINE)


def test_ctrl_c_in_the_command_keeps_what_came(publish: Publish, server: Server, tmp_path: Path) -> None:
    """The real command in a process of its own, stopped by the signal that Ctrl-C sends."""
    import signal
    import time

    if os.name == "nt":
        pytest.skip("Windows sends Ctrl-C to the whole console")
    checkpoint = publish("resnet50", CONTENT * 8, trickle=0.001)
    file = checkpoint.files[0]
    # Under nohup, or behind an "&", these tests inherit that Ctrl-C is ignored; at a learner's terminal it is not.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from dataclasses import replace; from dlstudy.data import download; from dlstudy.weights import catalogue\n"
        "download.DEFAULT = download.Network(loopback=True)\n"
        "old = catalogue.CHECKPOINTS['resnet50']\n"
        f"file = catalogue.File({file.name!r}, {file.url!r}, {file.size}, {file.sha256!r})\n"
        "catalogue.CHECKPOINTS['resnet50'] = replace(old, files=(file,))\n"
        "from dlstudy.commands.cli import main; main(['models', 'resnet50', '--download'])"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    part = caches.torch_folder() / f"{file.name}.part"
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 20) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    try:
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1
    assert re.search(r"^Stopped\. [\d.]+ (bytes|kB) of ResNet-50's weights are kept; the next try goes on", said, re.M)
    assert "Traceback" not in said
    kept = part.stat().st_size
    assert kept > 20
    server.files[f"/models/{file.name}"].trickle = 0
    server.requests.clear()
    dlstudy("models", "resnet50", "--download")
    assert server.sent == len(CONTENT) * 8 - kept


def test_the_check_up_tells_what_was_downloaded(
    publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlstudy.course import doctor
    from dlstudy.data import download

    monkeypatch.setenv("DLSTUDY_LEARNER", str(tmp_path / "learner"))
    (finding,) = doctor.look_at_downloads()
    assert (finding.level, finding.found) == ("good", "nothing, and nothing needs to be")
    publish("resnet50", CONTENT)
    dlstudy("models", "resnet50", "--download")
    download.download_folder().mkdir(parents=True)
    (download.download_folder() / "set.gz").write_bytes(bytes(3000))
    (finding,) = doctor.look_at_downloads()
    assert finding.found == "official weights of resnet50: 512 kB; data sets: 3 kB"
    assert doctor.look_at_downloads in [check.look for check in doctor.CHECKS]
