from dlstudy.scratch.nn import Parameter


class Module:
    def __setattr__(self, name, value):
        self.__dict__.setdefault("_registry", {}).setdefault(name, value)
        object.__setattr__(self, name, value)

    def __call__(self, *inputs):
        return self.forward(*inputs)

    def named_parameters(self):
        registry = self.__dict__.get("_registry", {})
        found = {name: value for name, value in registry.items() if isinstance(value, Parameter)}
        for name, value in registry.items():
            if isinstance(value, Module):
                for inner, parameter in value.named_parameters().items():
                    found[f"{name}.{inner}"] = parameter
        first = {}
        for name, parameter in found.items():
            first.setdefault(id(parameter), (name, parameter))
        return dict(first.values())
