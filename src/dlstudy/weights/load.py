"""Models with their official weights: found or downloaded, checked, loaded strictly, ready to use."""

import pickle
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from dlstudy.data.download import Damaged
from dlstudy.models import registry
from dlstudy.weights import catalogue, hub, maps
from dlstudy.weights.catalogue import Checkpoint, Images

if TYPE_CHECKING:
    from dlstudy.data.tokenize import BPE


def from_pretrained(
    name: str,
    *,
    num_classes: int | None = None,
    folder: str | Path | None = None,
    download: bool = True,
    say: Callable[[str], None] | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> nn.Module:
    """Return the model called `name` with its official weights, in eval mode, on the CPU.

    The file is looked for where torch.hub and Hugging Face keep theirs. Where it is not there, it is downloaded to
    there, after a sentence that says its size; nothing is downloaded twice. Its checksum is compared each time.

    Args:
        name: as `dlstudy models` lists it; Hugging Face's names ("openai-community/gpt2") are understood too.
        num_classes: for other classes than the weights' own: the last layer is a new one of this size, with random
            weights, and everything before it is the official network.
        folder: a folder that holds the file, or shall, instead of the shared ones.
        download: False takes only what is on this machine.
        say, progress: see `dlstudy.data.download.fetch`.

    Raises ValueError for an unknown name, `catalogue.NoWeights` for a model without official weights, and
    `dlstudy.data.download.DownloadError` (`Unreachable`, `Damaged`, `NoSpace`) with a sentence that says what to do.

    Nothing in the file is run: safetensors hold no code, and pickles are read with weights_only=True.
    """
    checkpoint = catalogue.find(name)
    entry = registry.find(checkpoint.model)
    if num_classes is not None and checkpoint.images is None:
        raise ValueError(f"expected num_classes=None for {entry.name}, which has no classes; got {num_classes}")
    place = None if folder is None else Path(folder).expanduser()
    title = f"{entry.title}'s weights"
    path = hub.obtain(checkpoint, title, folder=place, download=download, say=say, progress=progress)
    state = _owned(maps.to_ours(checkpoint, _read(path, checkpoint)))
    if num_classes is None:
        model = _filled(lambda: registry.build(entry.name), state)
    else:
        model = _with_new_head(registry.build(entry.name, num_classes=num_classes), state)
    return model.eval()


def class_names() -> tuple[str, ...]:
    """Return the names of ImageNet's 1,000 classes, in the order of the outputs of every image model here."""
    from torchvision.models import ResNet50_Weights

    return tuple(ResNet50_Weights.IMAGENET1K_V1.meta["categories"])


def gpt2_tokenizer(*, download: bool = True, say: Callable[[str], None] | None = None) -> "BPE":
    """Return the byte-pair encoding of GPT-2, of all its sizes: found or downloaded (1.5 MB) as the weights are.

    Raises what `from_pretrained` raises for a file that is missing or damaged.
    """
    from dlstudy.data.tokenize import BPE

    checkpoint = catalogue.CHECKPOINTS["gpt2"]
    with tempfile.TemporaryDirectory() as folder:  # a cache may keep them under other names
        for file in checkpoint.tokenizer:
            path = hub.get_file(checkpoint, file, f"GPT-2's tokens, {file.name}", download=download, say=say)
            shutil.copyfile(path, Path(folder) / file.name)
        return BPE.load(folder)


def preprocess(name: str, image: Tensor) -> Tensor:
    """Return what the image model called `name` with its official weights wants to see.

    image: (3, H, W) or (B, 3, H, W), from 0 to 1. Returned is (..., 3, crop, crop): the shorter side resized, the
    middle cut out, mean subtracted and divided by std, as `catalogue.find(name).images` states.
    Equal to torchvision's own transforms of its weights. Raises ValueError for a model that takes no images.
    """
    checkpoint = catalogue.find(name)
    if checkpoint.images is None:
        raise ValueError(f"expected a model that takes images; {checkpoint.model} takes text")
    return _prepared(image, checkpoint.images)


def _prepared(image: Tensor, steps: Images) -> Tensor:
    batch = image if image.dim() == 4 else image[None]  # (B, 3, H, W)
    height, width = batch.shape[-2:]
    short, long = min(height, width), max(height, width)
    sides = steps.resize, int(steps.resize * long / short)
    size = sides if height <= width else sides[::-1]
    if size != (height, width):
        batch = F.interpolate(batch, size, mode=steps.interpolation, align_corners=False, antialias=True)
    top, left = (round((side - steps.crop) / 2) for side in batch.shape[-2:])
    batch = batch[..., top : top + steps.crop, left : left + steps.crop]  # (B, 3, crop, crop)
    mean, std = (batch.new_tensor(value).view(3, 1, 1) for value in (steps.mean, steps.std))
    prepared = (batch - mean) / std
    return prepared if image.dim() == 4 else prepared[0]


def _read(path: Path, checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Read a state dict without running anything that a file could hold."""
    try:
        if checkpoint.files[0].name.endswith(".safetensors"):  # a cache may keep it under another name
            return load_file(path)
        loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise Damaged(
            f"{path} cannot be read as weights. Fetch it again: dlstudy models {checkpoint.model} --download"
        ) from error
    return dict(loaded)


def _owned(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give each tensor memory of its own: the maps return views, of which several may look at one matrix."""

    def alone(value: Tensor) -> bool:
        return value.is_contiguous() and value.untyped_storage().nbytes() == value.numel() * value.element_size()

    return {name: value if alone(value) else value.contiguous().clone() for name, value in state.items()}


def _filled(build: Callable[[], nn.Module], state: dict[str, Tensor]) -> nn.Module:
    """Build a model and give it these weights, each and every one."""
    with torch.device("meta"):  # without random first weights, which would be overwritten: GPT-2 XL draws for long
        model = build()
    model.load_state_dict(state, strict=True, assign=True)
    return model


def _with_new_head(model: nn.Module, state: dict[str, Tensor]) -> nn.Module:
    """Load all but the last linear layer, which has another size."""
    head = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)][-1]
    left = {f"{head}.weight", f"{head}.bias"}
    missing, unexpected = model.load_state_dict({k: v for k, v in state.items() if k not in left}, strict=False)
    if set(missing) != left or unexpected or not left <= state.keys():
        raise RuntimeError(f"expected all weights but {sorted(left)}; missing {missing}, too many {unexpected}")
    return model
