"""Module: what every layer and every model is. It keeps track of its parameters, buffers and parts by name."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dlstudy.scratch import dtypes
from dlstudy.scratch.device import check_device
from dlstudy.scratch.tensor import RemovableHandle, Tensor
from dlstudy.scratch.types import Device

from . import state
from .hooks import BackwardHook
from .parameter import Parameter

Named = Iterator[tuple[str, Any]]


def typename(value: Any) -> str:
    """Return the name of a value's type for a message, such as 'torch.FloatTensor' or 'list'."""
    return value.type() if isinstance(value, Tensor) else type(value).__qualname__


class Module:
    """The base class of layers and models, with the names, the rules and the printed form of `torch.nn.Module`.

    A subclass calls `super().__init__()`, assigns its Parameters, buffers and other Modules as attributes, and says in
    `forward` what it computes; calling the module runs the hooks and `forward`.
    """

    _version = 1  # of the layout of the state dict
    _merges = False  # whether `_merge` can give anything but None
    training: bool

    def __init__(self, *args: Any, **kwargs: Any):
        if args or kwargs:
            raise TypeError(
                f"{type(self).__name__}.__init__() got an unexpected argument: {(*args, *kwargs)[0]!r}. "
                "Module.__init__ takes none"
            )
        own = self.__dict__
        own["training"] = True
        own["_parameters"], own["_buffers"], own["_modules"] = {}, {}, {}
        own["_non_persistent_buffers_set"] = set()
        own["_hooked"] = False  # whether any hook was ever registered, which makes calls without them quick
        for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
            own[kind] = {}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the result; every subclass says how."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    # -- calling --------------------------------------------------------------------------------------------
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the hooks and `forward`."""
        if not self.__dict__.get("_hooked", True):
            return self.forward(*args, **kwargs)
        return self._call_with_hooks(args, kwargs)

    def _merge(self, following: "Module") -> Callable[[Any], Any] | None:
        """Return a function that does the work of this module and the following one at once; None if there is none.

        Only for modules that are `_plain`, so that it makes no difference but in speed.
        """
        return None

    def _plain(self, kind: "type[Module]") -> bool:
        """Return whether this is a `kind`, no subclass, without hooks and without a forward of its own."""
        own = self.__dict__
        return type(self) is kind and not own["_hooked"] and "forward" not in own

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook, with_kwargs in list(self._forward_pre_hooks.values()):
            changed = hook(self, args, kwargs) if with_kwargs else hook(self, args)
            if changed is None:
                continue
            if not with_kwargs:
                args = changed if isinstance(changed, tuple) else (changed,)
            elif isinstance(changed, tuple) and len(changed) == 2:
                args, kwargs = changed
            else:
                raise RuntimeError(
                    f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                )
        backward = None
        if self._backward_hooks or self._backward_pre_hooks:
            backward = BackwardHook(self, list(self._backward_hooks.values()), list(self._backward_pre_hooks.values()))
            args = backward.enter(args)
        result, done = None, False
        try:
            result = self.forward(*args, **kwargs)
            done = True
        finally:
            for hook, with_kwargs, always_call in list(self._forward_hooks.values()):
                if done or always_call:
                    changed = hook(self, args, kwargs, result) if with_kwargs else hook(self, args, result)
                    result = result if changed is None else changed
        return result if backward is None else backward.leave(result)

    def _add_hook(self, kind: str, entry: Any, prepend: bool) -> RemovableHandle:
        self.__dict__["_hooked"] = True
        hooks = self.__dict__[kind]
        handle = RemovableHandle(hooks, entry)
        if prepend:
            others = [(key, value) for key, value in hooks.items() if key != handle.id]
            hooks.clear()
            hooks[handle.id] = entry
            hooks.update(others)
        return handle

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call hook(module, args) before every forward; what it returns, if anything, replaces the arguments."""
        return self._add_hook("_forward_pre_hooks", (hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call hook(module, args, output) after every forward; what it returns, if anything, replaces the output."""
        return self._add_hook("_forward_hooks", (hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call hook(module, grad_input, grad_output), both tuples, whenever the gradients of the module's inputs have
        been computed; what it returns, if anything, replaces grad_input.
        """
        return self._add_hook("_backward_hooks", hook, prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call hook(module, grad_output) before that; what it returns, if anything, replaces grad_output."""
        return self._add_hook("_backward_pre_hooks", hook, prepend)

    # -- attributes -----------------------------------------------------------------------------------------
    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for kind in ("_parameters", "_buffers", "_modules"):
            if kind in own and name in own[kind]:
                return own[kind][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        parameters, modules, buffers = own.get("_parameters"), own.get("_modules"), own.get("_buffers")
        if isinstance(value, Parameter):
            if parameters is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, "_buffers", "_modules")
            self.register_parameter(name, value)
        elif parameters is not None and name in parameters:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as parameter '{name}' (torch.nn.Parameter or None expected)"
                )
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if modules is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, "_parameters", "_buffers")
            modules[name] = value
        elif modules is not None and name in modules:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as child module '{name}' (torch.nn.Module or None expected)"
                )
            modules[name] = value
        elif buffers is not None and name in buffers:
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{typename(value)}' as buffer '{name}' "
                    "(torch.nn.Buffer, torch.Tensor or None expected)"
                )
            buffers[name] = value
        else:
            object.__setattr__(self, name, value)

    def _forget(self, name: str, *kinds: str) -> None:
        self.__dict__.pop(name, None)
        for kind in kinds:
            self.__dict__[kind].pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        for kind in (self._parameters, self._buffers, self._modules):
            if name in kind:
                del kind[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*object.__dir__(self), *self._parameters, *self._buffers, *self._modules}
        return sorted(name for name in names if not name[0].isdigit())

    def _check_name(self, kind: str, name: Any, known: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in known:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under `name`; None keeps the place free. KeyError for a name that cannot be used."""
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' (torch.nn.Parameter or None required)"
            )
        if param is not None and param._node is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. "
                f"To express '{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the module and is no parameter, such as a running mean.

        It is part of the state dict if `persistent`.
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            )
        self._buffers[name] = tensor
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def register_module(self, name: str, module: "Module | None") -> None:
        """Add a part under `name`."""
        self.add_module(name, module)

    def add_module(self, name: str, module: "Module | None") -> None:
        """Add a part under `name`; KeyError for a name that cannot be used, TypeError for what is no Module."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name("module", name, self._modules)
        self._modules[name] = module

    # -- walking through the parts --------------------------------------------------------------------------
    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, "Module"]]:
        """Yield this module and all its parts, parts of parts included, with their dotted names; each only once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator["Module"]:
        """Yield this module and all its parts."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """Yield the immediate parts with their names; each only once."""
        seen = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator["Module"]:
        """Yield the immediate parts."""
        for _, child in self.named_children():
            yield child

    def _named_members(self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Named:
        seen = set()
        parts = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in parts:
            for name, member in getattr(module, kind).items():
                if member is None or member in seen:
                    continue
                if remove_duplicate:
                    seen.add(member)
                yield (f"{path}.{name}" if path else name), member

    def named_parameters(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Named:
        """Yield all parameters with their dotted names; with `recurse` off, only those of this module itself."""
        yield from self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield all parameters, in the order in which they were assigned."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Named:
        """Yield all buffers with their dotted names."""
        yield from self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield all buffers."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> "Module":
        """Return the part with the dotted name `target` ("" is the module itself); AttributeError if there is none."""
        module = self
        for name in target.split(".") if target else []:
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter with the dotted name `target`; AttributeError if there is none."""
        return self._member(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer with the dotted name `target`; AttributeError if there is none."""
        return self._member(target, "_buffers", "a buffer")

    def _member(self, target: str, kind: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        if name not in getattr(module, kind):
            raise AttributeError(f"`{name}` is not {what}")
        return getattr(module, name)

    # -- changing everything at once ------------------------------------------------------------------------
    def train(self, mode: bool = True) -> "Module":
        """Set training mode (dropout drops, batch norm learns its statistics), or with False evaluation mode."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> "Module":
        """Set evaluation mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> "Module":
        """Set whether the parameters collect gradients."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with `set_to_none` off fill them with zeros."""
        for parameter in self.parameters():
            if parameter._grad is None or set_to_none:
                parameter._grad = None
            else:
                parameter._grad.detach_().zero_()

    def apply(self, fn: Callable[["Module"], Any]) -> "Module":
        """Call `fn` with every part, the innermost first, and with this module last."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self, *args: Any, **kwargs: Any) -> "Module":
        """Convert parameters and buffers of floating-point formats to another such format: to(dtype), to(device),
        to(device, dtype), to(tensor). The only device is "cpu"; RuntimeError for any other.
        """
        kind = kwargs.get("dtype")
        check_device(kwargs.get("device"))
        for argument in args:
            if isinstance(argument, Tensor):
                kind = argument.dtype
            elif isinstance(argument, dtypes.dtype | np.dtype | type):
                kind = argument
            elif not isinstance(argument, bool | None):
                check_device(argument)
        if kind is None:
            return self
        kind = dtypes.as_dtype(kind)
        if not kind.is_floating_point:
            raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={kind}")
        return self._convert(kind)

    def _convert(self, kind: dtypes.dtype) -> "Module":
        for module in self.modules():
            for parameter in module._parameters.values():
                if parameter is not None and parameter.is_floating_point():
                    parameter.data = parameter.data.to(kind)
                    if parameter._grad is not None:
                        parameter._grad = parameter._grad.detach().to(kind)
            for name, buffer in module._buffers.items():
                if buffer is not None and buffer.is_floating_point():
                    module._buffers[name] = buffer.to(kind)
        return self

    def float(self) -> "Module":
        """Convert to float32."""
        return self._convert(dtypes.float32)

    def double(self) -> "Module":
        """Convert to float64."""
        return self._convert(dtypes.float64)

    def half(self) -> "Module":
        """Convert to float16."""
        return self._convert(dtypes.float16)

    def type(self, dst_type: Any) -> "Module":
        """Convert to the format `dst_type`."""
        return self._convert(dtypes.as_dtype(dst_type))

    def cpu(self) -> "Module":
        """Return the module: it is on the CPU."""
        return self

    def cuda(self, device: Device = None) -> "Module":
        """Refuse, with a sentence: NumPy computes on the CPU."""
        check_device("cuda")
        return self

    # -- state ----------------------------------------------------------------------------------------------
    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """Return all parameters and persistent buffers by dotted name, detached, on the module's own memory."""
        if args:
            raise TypeError("state_dict: expected destination, prefix and keep_vars by name, got positional arguments")
        return state.collect(self, state.StateDict() if destination is None else destination, prefix, keep_vars)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> state.IncompatibleKeys:
        """Copy the values of `state_dict` into this module (with `assign`, take its tensors over instead).

        The values are tensors, or arrays of any kind with the right shapes. RuntimeError that lists all that does not
        fit; with `strict` off, missing and unexpected names are only returned.
        """
        return state.load(self, state_dict, strict, assign)

    def _load_from_state_dict(self, *args: Any) -> None:
        state.load_own(self, *args)

    # -- printing -------------------------------------------------------------------------------------------
    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """Return the settings to show in the printed form."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        if len(lines) == 1 and not self._modules:
            return f"{self._get_name()}({lines[0]})"
        lines += [f"({name}): {indented(repr(child))}" for name, child in self._modules.items()]
        if not lines:
            return f"{self._get_name()}()"
        listed = "\n  ".join(lines)
        return f"{self._get_name()}(\n  {listed}\n)"


def indented(text: str) -> str:
    """Return `text` with all lines but the first moved two places to the right."""
    return text.replace("\n", "\n  ")
