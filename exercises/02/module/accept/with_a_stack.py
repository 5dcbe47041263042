from dlstudy.scratch.nn import Parameter


class Module:
    def __call__(self, *inputs, **named):
        return self.forward(*inputs, **named)

    def named_parameters(self):
        found, seen, waiting = {}, set(), [("", self)]
        while waiting:
            path, module = waiting.pop()
            inside = []
            for name, value in module.__dict__.items():
                if isinstance(value, Parameter) and id(value) not in seen:
                    seen.add(id(value))
                    found[path + name] = value
                elif isinstance(value, Module):
                    inside.append((path + name + ".", value))
            waiting.extend(reversed(inside))
        return found
