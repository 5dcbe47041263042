from dlstudy.scratch.nn import Parameter


class Module:
    def __call__(self, *inputs):
        return self.forward(*inputs)

    def named_parameters(self):
        found = {name: value for name, value in vars(self).items() if isinstance(value, Parameter)}
        for name, value in vars(self).items():
            inside = {name: value} if isinstance(value, Module) else {}
            if isinstance(value, list):
                inside = {f"{name}.{i}": item for i, item in enumerate(value) if isinstance(item, Module)}
            for way, module in inside.items():
                for inner, parameter in module.named_parameters().items():
                    found[f"{way}.{inner}"] = parameter
        first = {}
        for name, parameter in found.items():
            first.setdefault(id(parameter), (name, parameter))
        return dict(first.values())
