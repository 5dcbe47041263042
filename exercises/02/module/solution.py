from dlstudy.scratch.nn import Parameter


class Module:
    """A part of a network that knows its own parameters. Subclasses assign them to attributes and define `forward`.

    Whatever Parameter or Module is assigned to an attribute belongs to the module, without being announced. A plain
    tensor does not, and neither does what is inside a list, a tuple or a dict.
    """

    def __call__(self, *inputs):
        """Return what `forward` makes of the inputs."""
        return self.forward(*inputs)

    def named_parameters(self):
        """Return a dict of name and Parameter: all that belong to this module and to the modules in it.

        First come the module's own, in the order of assignment, then those of each module in it; an attribute that is
        assigned anew keeps its place. Their names say the way, as in "body.first.weight". A parameter that can be
        reached in two ways is listed once, under the name that comes first.
        """
        found = {name: value for name, value in vars(self).items() if isinstance(value, Parameter)}
        for name, value in vars(self).items():
            if isinstance(value, Module):
                inside = value.named_parameters()
                found |= {f"{name}.{inner}": parameter for inner, parameter in inside.items()}
        first = {}
        for name, parameter in found.items():
            first.setdefault(id(parameter), (name, parameter))
        return dict(first.values())
