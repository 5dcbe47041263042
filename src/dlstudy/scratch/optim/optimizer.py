"""What all optimizers share: groups of parameters with their settings, the state of each parameter, saving and loading.

An optimizer's own file holds its settings and `update`, the rule for one parameter. The rules work element by element,
so `pieces` can hand them arrays that fit the processor's cache: the same numbers come out, bit by bit, in about half
the time for Adam on a million parameters or more (tests/scratch/test_optim.py holds the two forms together).
"""

import copy
import itertools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from dlstudy.scratch.autograd import enable_grad
from dlstudy.scratch.changes import note_change
from dlstudy.scratch.ops.inplace import check_writable
from dlstudy.scratch.quiet import quiet
from dlstudy.scratch.tape import mode
from dlstudy.scratch.tensor import RemovableHandle, Tensor, wrap
from dlstudy.scratch.types import Array

Group = dict[str, Any]
Params = Iterable[Any]  # parameters, or dicts: a group each
PIECE = 65536  # elements: the six arrays that Adam works on are then 1.5 MiB in float32, and stay in the cache


def pieces(*arrays: Array) -> Iterable[tuple[Array, ...]]:
    """Yield matching pieces of arrays of one shape, each a view of at most PIECE elements, that together are the whole.

    If one of them is not contiguous, they are yielded as they are.
    """
    size = arrays[0].size
    if size <= PIECE or not all(a.flags.c_contiguous for a in arrays):
        return (arrays,)
    flat = [a.reshape(-1) for a in arrays]
    return (tuple([a[start : start + PIECE] for a in flat]) for start in range(0, size, PIECE))


def running_mean(mean: Array, new: Array, beta: float) -> None:
    """Change the array `mean` to beta mean + (1 - beta) new."""
    change = new - mean
    change *= 1 - beta
    mean += change


def check_settings(*settings: tuple[str, Any, bool]) -> None:
    """Raise ValueError for the first (name, value, is it right?) that is not right."""
    for name, value, right in settings:
        if not right:
            raise ValueError(f"Invalid {name}: {value}")


class Optimizer:
    """The base of all optimizers, as `torch.optim.Optimizer`.

    `params` are the parameters, or dicts of them with settings of their own: [{"params": [...], "lr": 0.1}, ...];
    `defaults` are the settings that a group does not name. State dicts have torch's keys and order, and load in either
    direction. The settings foreach, fused and capturable are accepted and change nothing; differentiable is refused.
    """

    def __init__(self, params: Params, defaults: dict[str, Any]):
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got a Tensor"
            )
        if defaults.get("differentiable"):
            raise NotImplementedError("differentiable=True: expected False, an update is not recorded here")
        if isinstance(params, set):
            text = (
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
                "will change between runs. Please use a list instead."
            )
            warnings.warn(text, FutureWarning, stacklevel=3)
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._stepped = False  # asked by the schedulers, which come after the first step
        self._pre_hooks: dict[int, Callable[..., Any]] = {}
        self._post_hooks: dict[int, Callable[..., Any]] = {}
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    # -- groups ---------------------------------------------------------------------------------------------
    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with settings of their own, a dict with "params"; ValueError if one is there already."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections: expected a list, not a "
                            "set, whose order changes between runs")  # fmt: skip
        params = [params] if isinstance(params, Tensor) else list(params)
        names = [p[0] for p in params if isinstance(p, tuple)]
        params = [p[1] if isinstance(p, tuple) else p for p in params]
        if names:
            if len(names) != len(params):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            param_group["param_names"] = names
        param_group["params"] = params
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
            if not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            param_group.setdefault(name, default)
        if len({id(p) for p in params}) != len(params):
            warnings.warn("optimizer contains a parameter group with duplicate parameters", stacklevel=3)
        here = {id(p) for group in self.param_groups for p in group["params"]}
        if here & {id(p) for p in params}:
            raise ValueError("some parameters appear in more than one parameter group")
        if any(("param_names" in group) != bool(names) for group in self.param_groups):
            raise ValueError("all optimizer param groups should be with/without names")
        self.param_groups.append(param_group)

    # -- a step ---------------------------------------------------------------------------------------------
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros if `set_to_none` is false."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                elif p._grad is not None:
                    p._grad = p._grad.detach() if p._grad._node is not None else p._grad
                    p._grad._data.fill(0)
                    note_change(p._grad._data)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient by the optimizer's rule.

        `closure`, if given, computes the loss and its gradients again; its result is returned.
        """
        for hook in list(self._pre_hooks.values()):
            changed = hook(self, (closure,) if closure else (), {})
            if changed is not None:
                closure = changed[0][0] if changed[0] else changed[1].get("closure")
        self._stepped = True
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._update_all()
        for hook in list(self._post_hooks.values()):
            hook(self, (closure,) if closure else (), {})
        return loss

    @quiet
    def _update_all(self) -> None:
        was_enabled, mode.enabled = mode.enabled, False
        try:
            for group in self.param_groups:
                for p in group["params"]:
                    if p._grad is None:
                        continue
                    values, grad = p._data, p._grad._data
                    if not values.flags.writeable:
                        check_writable(p)  # which says so in a sentence
                    if grad.size > PIECE and not grad.flags.c_contiguous:
                        grad = np.ascontiguousarray(grad)
                    self.update(values, -grad if group["maximize"] else grad, self.state[p], group)
                    note_change(values)
        finally:
            mode.enabled = was_enabled

    def update(self, p: Array, g: Array, state: dict[str, Any], group: Group) -> None:
        """Change the array `p` of a parameter in place, given its gradient `g`, its `state` and its group's settings.

        `g` must not be changed. What the next step needs is put into `state` as Tensors under torch's names.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update rule: write update(p, g, state, group)")

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) before every step; it may return new (args, kwargs)."""
        return RemovableHandle(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) after every step."""
        return RemovableHandle(self._post_hooks, hook)

    # -- saving and loading ---------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """Return {"state": {number of a parameter: its state}, "param_groups": settings, with numbers for parameters};
        the tensors are those in use, not copies.
        """
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(id(p), len(numbers))
            settings = {name: value for name, value in group.items() if name != "params"}
            groups.append({**settings, "params": [numbers[id(p)] for p in group["params"]]})
        states = {numbers[id(p)]: state for p, state in self.state.items() if state}
        return {"state": states, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned, here or in torch (its tensors turned into ours); tensors are copied.

        ValueError if the groups, or the numbers of parameters in them, differ.
        """
        saved = copy.deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise ValueError(
                "loaded state dict has a different number of parameter groups: "
                f"expected {len(self.param_groups)}, got {len(saved)}"
            )
        for old, new in zip(self.param_groups, saved):
            if len(old["params"]) != len(new["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group: "
                    f"expected {len(old['params'])} parameters, got {len(new['params'])}"
                )
        numbers = itertools.chain.from_iterable(group["params"] for group in saved)
        params = itertools.chain.from_iterable(group["params"] for group in self.param_groups)
        param_of = dict(zip(numbers, params))
        self.state = defaultdict(dict)
        for number, values in state_dict["state"].items():
            p = param_of[number]
            self.state[p] = {name: _copied(value, name, p) for name, value in values.items()}
        for old, new in zip(self.param_groups, saved):
            new["params"] = old["params"]
            for name, default in self.defaults.items():
                new.setdefault(name, default)
        self.param_groups = saved

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            settings = [f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params"]
            text += f"\nParameter Group {i}\n" + "".join(settings)
        return text + ")"


def _copied(value: Any, name: str, p: Any) -> Any:
    """Return a copy of one entry of a state, in the parameter's format unless it is the number of steps."""
    if not hasattr(value, "detach"):
        return value
    array = np.array(value.detach().numpy())
    return wrap(array if name == "step" else array.astype(p._data.dtype))


def count_step(state: dict[str, Any]) -> float:
    """Add 1 to the state's number of steps, a 0-d float32 tensor as in torch, and return it."""
    if "step" not in state:
        state["step"] = wrap(np.zeros((), np.float32))
    step = state["step"]._data
    step += 1
    return step.item()


def buffer(state: dict[str, Any], name: str, p: Array, value: float = 0.0) -> Array:
    """Return the array of the state's tensor `name`, made with the parameter's shape and filled on first use."""
    held = state.get(name)
    if held is None:
        held = state[name] = wrap(np.full(p.shape, value, p.dtype))
    return held._data


__all__ = ["Optimizer", "buffer", "check_settings", "count_step", "pieces", "running_mean"]
