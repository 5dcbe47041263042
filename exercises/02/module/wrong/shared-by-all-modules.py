class Module:
    registry = {}

    def __setattr__(self, name, value):
        self.registry[name] = value
        object.__setattr__(self, name, value)

    def __call__(self, *inputs):
        return self.forward(*inputs)

    def named_parameters(self):
        return {name: value for name, value in self.registry.items() if isinstance(value, Parameter)}
