"""State dicts: a module's parameters and buffers by name, out of the module and back in."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dlstudy.scratch.autograd import no_grad
from dlstudy.scratch.tensor import Tensor, wrap

from .parameter import Parameter


class IncompatibleKeys(NamedTuple):
    """What load_state_dict returns: the names that the dict lacks, and those that the module does not know."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class StateDict(OrderedDict):
    """Names and tensors in the order of the module's parts; `_metadata` holds the version of each part, as in torch."""

    _metadata: dict[str, dict[str, Any]]

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._metadata = {}


def collect(module: Any, destination: Any, prefix: str, keep_vars: bool) -> Any:
    """Add everything that `module` and its parts hold to `destination`, each name with `prefix` in front."""
    destination._metadata[prefix[:-1]] = {"version": module._version}
    for name, value in own_state(module).items():
        destination[prefix + name] = value if keep_vars else value.detach()
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    return destination


def own_state(module: Any) -> dict[str, Tensor]:
    """Return the parameters and persistent buffers of `module` itself, by name."""
    buffers = {n: b for n, b in module._buffers.items() if n not in module._non_persistent_buffers_set}
    return {n: t for n, t in {**module._parameters, **buffers}.items() if t is not None}


def load(module: Any, state_dict: Any, strict: bool, assign: bool) -> IncompatibleKeys:
    """Copy the values of `state_dict` into the module's parameters and buffers; see Module.load_state_dict."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    missing: list[str] = []
    unexpected: list[str] = []
    errors: list[str] = []
    given = StateDict(state_dict)
    given._metadata = getattr(state_dict, "_metadata", {})
    _load_part(module, given, "", assign, missing, unexpected, errors)
    if strict:
        if unexpected:
            errors.insert(0, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
        if missing:
            errors.insert(0, f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if errors:
        listed = "\n\t".join(errors)
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t{listed}")
    return IncompatibleKeys(missing, unexpected)


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _load_part(
    module: Any, given: StateDict, prefix: str, assign: bool, missing: list[str], unexpected: list[str], errors: Any
) -> None:
    """Load what belongs to `module`, whose names start with `prefix`, and then its parts."""
    metadata = given._metadata.get(prefix[:-1], {})
    if assign:
        metadata = {**metadata, "assign_to_params_buffers": assign}
    module._load_from_state_dict(given, prefix, metadata, True, missing, unexpected, errors)
    for name, child in module._modules.items():
        if child is not None:
            part = StateDict((k, v) for k, v in given.items() if k.startswith(f"{prefix}{name}."))
            part._metadata = given._metadata
            _load_part(child, part, f"{prefix}{name}.", assign, missing, unexpected, errors)


def load_own(
    module: Any, given: Any, prefix: str, metadata: Any, strict: bool, missing: list[str], unexpected: list[str],
    errors: list[str],
) -> None:  # fmt: skip
    """Load the parameters and buffers of `module` itself and note in the three lists what does not fit."""
    assign = metadata.get("assign_to_params_buffers", False)
    state = own_state(module)
    for name, own in state.items():
        key = prefix + name
        if key not in given:
            if strict:
                missing.append(key)
            continue
        value = _as_tensor(given[key])
        if value is None:
            errors.append(
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from '
                f"checkpoint but received {type(given[key])}"
            )
            continue
        if own._data.ndim == 0 and value._data.shape == (1,):
            value = value[0]
        if value._data.shape != own._data.shape:
            errors.append(
                f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, the shape in "
                f"current model is {own.shape}."
            )
            continue
        if assign:
            if isinstance(own, Parameter) and not isinstance(value, Parameter):
                value = Parameter(value, requires_grad=own.requires_grad)
            setattr(module, name, value)
        else:
            with no_grad():
                own.copy_(value)
    if strict:
        for key in given:
            if key.startswith(prefix):
                first, *rest = key[len(prefix) :].split(".", 1)
                if first not in (module._modules if rest else state):
                    unexpected.append(key)


def _as_tensor(value: Any) -> Tensor | None:
    """Return a Tensor, or a tensor on the memory of any other kind of array (NumPy's, PyTorch's); None for the rest."""
    if isinstance(value, Tensor):
        return value
    if hasattr(value, "__array__") and not isinstance(value, np.generic):
        return wrap(np.asarray(value))
    return None
