"""Saving and loading tensors, in the safetensors format that other libraries read and write too.

A file is a table of names, formats, shapes and places, and then the bytes of the tensors; reading one runs no code.
What is not a flat dict of tensors (a checkpoint with the states of model and optimizer and the number of the epoch) is
kept as its tensors and a description, in JSON, of where they belong.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from .device import check_device
from .tensor import Tensor, wrap

DESCRIPTION = "dlstudy.structure"  # the name of the description among the file's remarks


def save(obj: Any, f: Any) -> None:
    """Save `obj`, a state dict or any nest of dicts, lists, tuples, numbers, texts and tensors, to `f`.

    `f` is a path, or a file open for writing bytes. A file appears complete or not at all: it is written beside its
    place and then moved there. A dict of tensors becomes a plain safetensors file, byte for byte what
    `safetensors.torch.load_file` reads. TypeError for what cannot be saved, naming its place.
    """
    arrays: dict[str, Any] = {}
    description = _describe(obj, "", arrays)
    remarks = {"format": "np", DESCRIPTION: json.dumps(description)}
    content = safetensors.numpy.save(
        {name: a if a.flags.c_contiguous else a.copy() for name, a in arrays.items()}, remarks
    )
    if hasattr(f, "write"):
        f.write(content)
        return
    path = Path(f)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot save to {path}: the folder {path.parent} does not exist, make it first")
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def load(f: Any, map_location: Any = None, *, weights_only: bool = True, mmap: bool | None = None) -> Any:
    """Return what `save`, or any other writer of safetensors, put into `f`, a path or a file open for reading bytes.

    The tensors are new and require no gradient. FileNotFoundError if there is no such file, ValueError if it is none in
    this format or is damaged. `weights_only` and `mmap` are accepted and change nothing.
    """
    check_device(map_location)
    if hasattr(f, "read"):
        content, what = f.read(), "the file"
    else:
        path = Path(f)
        if not path.is_file():
            raise FileNotFoundError(
                f"cannot load {path}: expected a file, found {'a folder' if path.exists() else 'none'}"
            )
        content, what = path.read_bytes(), str(path)
    if content[:4] == b"PK\x03\x04":
        raise ValueError(
            f"cannot load {what}: expected the safetensors format, found one that PyTorch's torch.save wrote. Save it "
            "there with safetensors.torch.save_file(state_dict, path)."
        )
    try:
        arrays = safetensors.numpy.load(content)
        length = int.from_bytes(content[:8], "little")
        remarks = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    except KeyError as error:
        raise ValueError(
            f"cannot load {what}: it holds numbers in the format {error}, which NumPy does not have"
        ) from None
    except (safetensors.SafetensorError, ValueError, TypeError) as error:
        raise ValueError(f"cannot load {what}: it is no safetensors file, or a damaged one ({error})") from None
    if DESCRIPTION not in remarks:
        return {name: wrap(np.array(a)) for name, a in arrays.items()}
    return _restore(json.loads(remarks[DESCRIPTION]), arrays)


def _describe(obj: Any, path: str, arrays: dict[str, Any]) -> Any:
    """Return `obj` in JSON's terms, with its tensors put into `arrays` under the name of their place."""
    if isinstance(obj, Tensor):
        name = path or "tensor"
        while name in arrays:  # {"a.b": x, "a": {"b": y}}
            name += "_"
        arrays[name] = obj._data
        return {"tensor": name}
    if obj is None or isinstance(obj, bool | int | float | str):
        return obj
    if isinstance(obj, np.generic):
        return obj.item()
    inside = f"{path}." if path else ""
    if isinstance(obj, Mapping):
        pairs = []
        for key, value in obj.items():
            if not isinstance(key, str | int | float | bool | None):
                raise TypeError(f"cannot save the key {key!r} at '{path}': expected a text or a number")
            pairs.append([key, _describe(value, f"{inside}{key}", arrays)])
        return {"dict": pairs}
    if isinstance(obj, list | tuple):
        items = [_describe(value, f"{inside}{i}", arrays) for i, value in enumerate(obj)]
        return items if isinstance(obj, list) else {"tuple": items}
    raise TypeError(
        f"cannot save {type(obj).__name__} at '{path}': expected tensors, numbers, texts, and dicts, lists and tuples "
        "of these. Of a model, save its state_dict()."
    )


def _restore(description: Any, arrays: dict[str, Any]) -> Any:
    """Return what `_describe` described."""
    if isinstance(description, list):
        return [_restore(item, arrays) for item in description]
    if not isinstance(description, dict):
        return description
    ((kind, value),) = description.items()
    if kind == "tensor":
        return wrap(np.array(arrays[value]))
    if kind == "dict":
        return {key: _restore(item, arrays) for key, item in value}
    return tuple(_restore(item, arrays) for item in value)
