from dlstudy.scratch.nn import Parameter


class Module:
    def __setattr__(self, name, value):
        own = self.__dict__.setdefault("_own", {})
        parts = self.__dict__.setdefault("_parts", {})
        if not isinstance(value, Parameter):
            own.pop(name, None)
        if not isinstance(value, Module):
            parts.pop(name, None)
        if isinstance(value, Parameter):
            own[name] = value
        elif isinstance(value, Module):
            parts[name] = value
        object.__setattr__(self, name, value)

    def __call__(self, *inputs):
        return self.forward(*inputs)

    def named_parameters(self):
        found = {}
        for name, parameter in self.__dict__.get("_own", {}).items():
            if not any(parameter is other for other in found.values()):
                found[name] = parameter
        for name, module in self.__dict__.get("_parts", {}).items():
            for inner, parameter in module.named_parameters().items():
                if not any(parameter is other for other in found.values()):
                    found[name + "." + inner] = parameter
        return found
