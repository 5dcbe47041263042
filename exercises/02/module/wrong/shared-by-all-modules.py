from dlstudy.scratch.nn import Parameter


class Module:
    registry = {}  # noqa: RUF012 - one for all objects: that is the mistake

    def __setattr__(self, name, value):
        self.registry[name] = value
        object.__setattr__(self, name, value)

    def __call__(self, *inputs):
        return self.forward(*inputs)

    def named_parameters(self):
        return {name: value for name, value in self.registry.items() if isinstance(value, Parameter)}
