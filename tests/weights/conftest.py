"""Hubs that are thrown away, and a server on this machine in the place of the official ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dlstudy.data import download
from dlstudy.data.download import Network
from dlstudy.models import registry
from dlstudy.weights import catalogue
from tests.data.server import Server, running


@dataclass
class Hubs:
    torch: Path
    huggingface: Path


@pytest.fixture(autouse=True)
def hubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hubs:
    """Folders for torch.hub and Hugging Face; nothing of the person who runs the tests is read or written."""
    for name in [*os.environ]:
        if (
            name.startswith(("HF_", "HUGGINGFACE_", "TORCH_HOME", "XDG_CACHE", "DLSTUDY_OFFLINE"))
            or "proxy" in name.lower()
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setattr(download, "DEFAULT", Network(attempts=3, timeout=20, pause=0.01, loopback=True))
    return Hubs(tmp_path / "torch" / "hub" / "checkpoints", tmp_path / "hf" / "hub")


@pytest.fixture(scope="session")
def one_server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def server(one_server: Server) -> Server:
    one_server.requests.clear()
    one_server.files.clear()
    return one_server


Publish = Callable[..., catalogue.Checkpoint]


@pytest.fixture
def publish(server: Server, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Serve a file as the official one of a model, and build a small relative under the model's name."""

    def published(
        model: str, content: bytes, *, options: dict[str, object] | None = None, builder: str = "", digits: int = 64,
        **behaviour: object,
    ) -> catalogue.Checkpoint:  # fmt: skip
        checkpoint, digest = catalogue.CHECKPOINTS[model], hashlib.sha256(content).hexdigest()
        first = checkpoint.files[0]
        if checkpoint.source == "torchvision":
            name = f"{model}-{digest[:8]}.pth"
            url = server.serve(f"models/{name}", content, **behaviour)
        else:
            name = first.name
            monkeypatch.setenv("HF_ENDPOINT", server.root)
            url = first.url
            server.serve(url.removeprefix("https://huggingface.co/"), content, **behaviour)
        file = catalogue.File(name, url, len(content), digest[:digits] or None)
        others = tuple(replace(other, size=None, sha256=None) for other in checkpoint.files[1:])
        made = replace(checkpoint, files=(file, *others))
        monkeypatch.setitem(catalogue.CHECKPOINTS, model, made)
        if options is not None:
            entry = registry.REGISTRY[model]
            small = replace(entry, builder=builder or entry.builder, options=options)
            monkeypatch.setitem(registry.REGISTRY, model, small)
        return made

    return published


def pth(state: dict[str, torch.Tensor], folder: Path) -> bytes:
    """Return a state dict as torchvision's files hold it."""
    torch.save(state, folder / "saved.pth")
    return (folder / "saved.pth").read_bytes()


def safetensors(state: dict[str, torch.Tensor], folder: Path) -> bytes:
    """Return a state dict as Hugging Face's files hold it."""
    save_file({name: value.contiguous().clone() for name, value in state.items()}, folder / "saved.safetensors")
    return (folder / "saved.safetensors").read_bytes()


def moved(model: torch.nn.Module, by: float = 0.1) -> torch.nn.Module:
    """Move parameters and running statistics off the values that they begin with."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                value.add_(by * torch.rand(value.shape, generator=generator))
            elif name.endswith("num_batches_tracked"):
                value.add_(7)
    return model.eval()
