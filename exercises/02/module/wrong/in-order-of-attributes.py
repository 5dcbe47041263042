from dlstudy.scratch.nn import Parameter


class Module:
    def __call__(self, *inputs):
        return self.forward(*inputs)

    def named_parameters(self):
        found = {}
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                found[name] = value
            elif isinstance(value, Module):
                for inner, parameter in value.named_parameters().items():
                    found[f"{name}.{inner}"] = parameter
        first = {}
        for name, parameter in found.items():
            first.setdefault(id(parameter), (name, parameter))
        return dict(first.values())
