"""Files that register models: what is filled in, in which order they come, and what is said of a wrong one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dlstudy.models import registry
from dlstudy.models.families import Misregistered
from dlstudy.weights import catalogue

NET = """
[defaults]
builder = "{name}"
paper = "1512.03385"
published = 2015-12-10
lesson = 6
options = { depth = 3 }

[defaults.checkpoint]
source = "torchvision"
licence = "of {name}"
trained_on = "photographs"
images = { resize = 256, crop = 224 }

[[models]]
name = "net5"
title = "Net-5"
parameters = 5
options = { width = 2 }

[models.checkpoint]
metrics = { top-1 = 70 }
images = { crop = 256 }

[[models.checkpoint.files]]
url = "https://example.org/models/net5-01234567.pth"
size = 20

[[models]]
name = "net7"
title = "Net-7"
builder = "other"
parameters = 7
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of one family and return the folder."""

    def written(family: str = "net", text: str = NET) -> Path:
        (tmp_path / f"{family}.toml").write_text(text, encoding="utf-8")
        return tmp_path

    return written


def with_change(old: str, new: str) -> str:
    assert NET.count(old) == 1, old
    return NET.replace(old, new)


def test_what_a_model_does_not_say_is_the_defaults(write: Write) -> None:
    five, seven = registry.load(write())
    assert (five.name, five.title, five.parameters, five.lesson, five.paper) == ("net5", "Net-5", 5, 6, "1512.03385")
    assert (five.builder, seven.builder) == ("net:net5", "net:other")
    assert (five.family, five.image_size) == ("net", None)
    assert (dict(five.options), dict(seven.options)) == ({"depth": 3, "width": 2}, {"depth": 3})


def test_what_a_checkpoint_does_not_say_is_the_defaults(write: Write) -> None:
    checkpoints = catalogue.load(write())
    assert list(checkpoints) == ["net5"], "a model without a checkpoint of its own has none, whatever the defaults"
    five = checkpoints["net5"]
    assert (five.model, five.source, five.licence, five.trained_on) == ("net5", "torchvision", "of net5", "photographs")
    assert dict(five.metrics) == {"top-1": 70.0}
    assert five.images == catalogue.Images(256, 256)
    assert five.files == (catalogue.File("net5-01234567.pth", "https://example.org/models/net5-01234567.pth", 20),)


def test_the_address_of_a_file_at_hugging_face_follows_from_the_revision(write: Write) -> None:
    text = with_change('source = "torchvision"', 'source = "huggingface"\nrepo = "someone/{name}"\nrevision = "abc"')
    text = text.replace('url = "https://example.org/models/net5-01234567.pth"', 'name = "model.safetensors"')
    (file,) = catalogue.load(write(text=text))["net5"].files
    assert (file.name, file.url) == (
        "model.safetensors",
        "https://huggingface.co/someone/net5/resolve/abc/model.safetensors",
    )


def test_models_come_lesson_by_lesson_and_as_their_papers_did(write: Write) -> None:
    write()
    older = NET.replace("net5", "old5").replace("net7", "old7").replace("2015-12-10", "2014-09-04")
    write("zeta", older.replace("lesson = 6", "lesson = 5", 1))
    write("yota", older.replace("old", "mid"))
    folder = write("alpha", NET.replace("net5", "new5").replace("net7", "new7").replace("2015-12-10", "2019-05-28"))
    order = ["old5", "old7", "mid5", "mid7", "net5", "net7", "new5", "new7"]
    assert [entry.name for entry in registry.load(folder)] == order
    assert list(catalogue.load(folder)) == ["old5", "mid5", "net5", "new5"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('title = "Net-5"', "", "net.toml, net5: the field `title` is missing"),
        ('title = "Net-5"', "title = 5", "net.toml, net5.title: expected `str`, got `int`"),
        ("parameters = 5", 'parameters = "5"', "net.toml, net5.parameters: expected `int`, got `str`"),
        ("parameters = 5", "parameters = 5\nvocab = 3", "net.toml, net5: there is no field `vocab`; it has vocab_size"),
        ("published = 2015-12-10", "published = 2015", "net.toml, net5.published: expected `date`, got `int`"),
        ('name = "net7"', 'name = "net5"', "net.toml, net5: there is another model of this name (net.toml, net5)"),
        ('name = "net7"', "", "net.toml: model 2 has no name"),
        ('name = "net7"', 'name = "net7"\nname = "net8"', "net.toml cannot be read: Cannot overwrite a value (at line"),
        ("[defaults]", "[default]", "net.toml: there is no field `default`; it has defaults"),
        ("[defaults.checkpoint]", "[defaults.weights]", "net.toml, net5: there is no field `weights`"),
        ("options = { depth = 3 }", "options = 3", "net.toml, net7.options: expected `table`, got `int`"),
    ],
)
def test_a_wrong_model_is_said(old: str, new: str, sentence: str, write: Write) -> None:
    with pytest.raises(Misregistered, match=f"^{re.escape(sentence)}"):
        registry.load(write(text=with_change(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('licence = "of {name}"', "", ".checkpoint: the field `licence` is missing"),
        ('source = "torchvision"', 'source = "attic"', ".checkpoint.source: invalid enum value 'attic'"),
        ('"torchvision"', '"huggingface"', ".checkpoint: the field `repo` is missing"),
        ('"torchvision"', '"huggingface"\nrepo = "someone/net5"', ".checkpoint: the field `revision` is missing"),
        ('"torchvision"', '"package"', ".checkpoint: the field `repo` is missing"),
        ("size = 20", 'size = "20"', ".checkpoint.files[0].size: expected `int`, got `str`"),
        ("size = 20", "sise = 20", ".checkpoint.files[0]: there is no field `sise`; it has size"),
        ("{ crop = 256 }", "{ cut = 256 }", ".checkpoint.images: there is no field `cut`; it has resize, crop, mean"),
        ("top-1 = 70", 'top-1 = "70"', ".checkpoint.metrics[...]: expected `float`, got `str`"),
        ("metrics = {", 'model = "net6"\nmetrics = {', ": its weights say that they are of 'net6'"),
        ("[models.checkpoint]", "[[models.checkpoint]]", ".checkpoint: expected a table, got [{"),
        ('url = "https://example.org/models/net5-01234567.pth"', "", ": a file of its weights has neither a name nor"),
        ("[[models.checkpoint.files]]", "[[models.checkpoint.tokenizer]]", ".checkpoint: the field `files` is missing"),
        ("[[models.checkpoint.files]]", "files = []\n[[models.checkpoint.tokenizer]]", ": its weights have no file"),
    ],
)
def test_a_wrong_checkpoint_is_said(old: str, new: str, sentence: str, write: Write) -> None:
    with pytest.raises(Misregistered, match=f"^net\\.toml, net5{re.escape(sentence)}"):
        catalogue.load(write(text=with_change(old, new)))


def test_a_checkpoint_that_belongs_to_no_model_is_said(write: Write) -> None:
    folder = write(text='[models.checkpoint]\nsource = "torchvision"\n')
    with pytest.raises(Misregistered, match=r"^net\.toml: \[models\.checkpoint\] stands below no model"):
        registry.load(folder)


def test_two_models_of_one_name_in_two_files_are_said(write: Write) -> None:
    write()
    sentence = r"^web\.toml, net5: there is another model of this name \(net\.toml, net5\)$"
    with pytest.raises(Misregistered, match=sentence):
        registry.load(write("web", NET.replace('name = "net7"', 'name = "net9"')))
