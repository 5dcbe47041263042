"""Saving and loading: what comes back is what went in, files are torch's too, and failures leave nothing behind."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

import dlstudy.scratch as scratch
from dlstudy.scratch import nn

from .modules import draw, pair


def model(M: Any) -> Any:
    nn = M.nn
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.PReLU(), nn.Linear(4, 2, bias=False), nn.LayerNorm(2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_files_go_both_ways_byte_for_byte(tmp_path: Path, dtype: str) -> None:
    ours, theirs = pair(model, dtype=dtype)
    file = tmp_path / "ours.safetensors"
    scratch.save(ours.state_dict(), file)
    read = safetensors.torch.load_file(file)
    fresh = model(torch).to(getattr(torch, dtype))
    fresh.load_state_dict(read)
    for name, value in theirs.state_dict().items():
        assert read[name].dtype == value.dtype
        assert read[name].numpy().tobytes() == value.numpy().tobytes(), name
        assert torch.equal(fresh.state_dict()[name], value), name

    file = tmp_path / "theirs.safetensors"
    safetensors.torch.save_file(theirs.state_dict(), file)
    back = scratch.load(file)
    other = model(scratch).to(getattr(scratch, dtype))
    assert repr(other.load_state_dict(back)) == "<All keys matched successfully>"
    for name, value in ours.state_dict().items():
        assert other.state_dict()[name].numpy().tobytes() == value.numpy().tobytes(), name


def test_every_format_and_shape(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kinds = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
    tensors = {
        f"{kind}{shape}": scratch.tensor(draw(rng, shape, 0, 9, kind))
        for kind in kinds
        for shape in [(), (0,), (3,), (2, 3)]
    }
    tensors["transposed"] = scratch.tensor(draw(rng, (4, 3))).T
    tensors["part"] = scratch.tensor(draw(rng, (4, 3)))[1:, ::2]
    tensors["special"] = scratch.tensor([float("nan"), float("inf"), -0.0])
    scratch.save(tensors, tmp_path / "all")
    back = scratch.load(tmp_path / "all")
    assert list(back) == list(tensors)
    for name, t in tensors.items():
        assert back[name].dtype is t.dtype
        assert back[name].shape == t.shape
        assert back[name].numpy().tobytes() == t.numpy().tobytes(), name


def test_a_checkpoint_goes_on_where_it_was(tmp_path: Path) -> None:
    def train(network: Any, optimizer: Any, steps: range) -> list[float]:
        losses = []
        for step in steps:
            x = scratch.tensor(np.random.default_rng(step).normal(size=(8, 3)))
            optimizer.zero_grad()
            loss = (network(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    def start() -> tuple[Any, Any]:
        scratch.manual_seed(0)
        network = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 1)).double()
        return network, scratch.optim.Adam(network.parameters(), lr=0.05)

    network, optimizer = start()
    train(network, optimizer, range(4))
    scratch.save({"model": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 4}, tmp_path / "c")
    expected = train(network, optimizer, range(4, 9))

    network, optimizer = start()
    checkpoint = scratch.load(tmp_path / "c")
    network.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    assert train(network, optimizer, range(checkpoint["epoch"], 9)) == expected


def test_nests_of_everything() -> None:
    obj = {
        "list": [1, 2.5, None, "text", True, scratch.ones(2)],
        "tuple": (1, (2, scratch.zeros(1))),
        3: {"a.b": scratch.ones(1), "a": {"b": scratch.zeros(1)}},
        "empty": [{}, [], ()],
        "limits": [float("inf"), -(2**60), 1e-300],
    }
    buffer = io.BytesIO()
    scratch.save(obj, buffer)
    buffer.seek(0)
    back = scratch.load(buffer)
    assert repr(back) == repr(obj)
    assert back[3]["a.b"].item() == 1
    assert back[3]["a"]["b"].item() == 0
    buffer = io.BytesIO()
    scratch.save(scratch.arange(3), buffer)
    buffer.seek(0)
    assert scratch.load(buffer).tolist() == [0, 1, 2]


def test_what_is_loaded_is_new_and_needs_no_gradient(tmp_path: Path) -> None:
    layer = nn.Linear(2, 2)
    scratch.save(layer.state_dict(keep_vars=True), str(tmp_path / "x"))
    back = scratch.load(str(tmp_path / "x"), map_location="cpu", weights_only=True)
    assert not back["weight"].requires_grad
    before = layer.weight.tolist()
    back["weight"].zero_()
    assert layer.weight.tolist() == before


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / "state"
    scratch.save({"a": scratch.ones(2)}, file)
    old = file.read_bytes()

    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    for step in ("fsync", "replace"):  # the content, and then the move to its place
        with monkeypatch.context() as patched:
            patched.setattr(os, step, full)
            with pytest.raises(OSError, match="no space left"):
                scratch.save({"a": scratch.zeros(2)}, file)
    with pytest.raises(TypeError):
        scratch.save({"a": object()}, file)
    assert file.read_bytes() == old
    assert os.listdir(tmp_path) == ["state"]


def test_what_cannot_be_saved_is_named(tmp_path: Path) -> None:
    for obj, words in [
        (nn.Linear(1, 1), r"Linear .*save its state_dict\(\)"),
        ({"a": [1, {2}]}, r"set at 'a\.1'"),
        ({"a": {(1, 2): 3}}, r"key \(1, 2\) at 'a'"),
    ]:
        with pytest.raises(TypeError, match=words):
            scratch.save(obj, tmp_path / "x")
    with pytest.raises(FileNotFoundError, match="does not exist, make it first"):
        scratch.save({}, tmp_path / "nowhere" / "x")


def test_what_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x"
    with pytest.raises(FileNotFoundError, match="expected a file, found none"):
        scratch.load(file)
    with pytest.raises(FileNotFoundError, match="expected a file, found a folder"):
        scratch.load(tmp_path)
    torch.save({"a": torch.ones(2)}, file)
    with pytest.raises(ValueError, match=r"PyTorch's torch\.save wrote"):
        scratch.load(file)
    scratch.save({"a": scratch.ones(20)}, file)
    whole = file.read_bytes()
    for damaged in (b"", b"not a file at all" * 9, whole[:40], whole[:-8], whole[:8] + b"}" + whole[9:]):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match="no safetensors file, or a damaged one"):
            scratch.load(file)
    safetensors.torch.save_file({"a": torch.ones(2, dtype=torch.bfloat16)}, file)
    with pytest.raises(ValueError, match="BF16"):
        scratch.load(file)
    with pytest.raises(RuntimeError, match="expected device 'cpu'"):
        scratch.load(file, map_location="cuda")
