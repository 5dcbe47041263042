"""Oracle: the same classes, built on `torch.nn.Module`. Each parameter's number tells which it is."""

import textwrap

import torch

from dlstudy import scratch
from dlstudy.course.checking import Case
from dlstudy.course.checking.modules import spoiled
from dlstudy.scratch.nn import Parameter

LAYERS = """
class Linear(Module):
    def __init__(self):
        super().__init__()
        self.weight = number()
        self.bias = number()

    def forward(self, x):
        return x * self.weight + self.bias

class Scale(Module):
    def __init__(self):
        super().__init__()
        self.factor = number()

    def forward(self, x):
        return x * self.factor
"""

ONE = "net = Linear()"
OWN_LAST = """
class Net(Module):
    def __init__(self):
        super().__init__()
        self.first = Linear()
        self.second = Scale()
        self.shift = number()
    def forward(self, x):
        return self.second(self.first(x)) + self.shift
net = Net()
"""
NESTED = """
class Block(Module):
    def __init__(self):
        super().__init__()
        self.inner = Linear()
        self.gain = number()
    def forward(self, x):
        return self.inner(x) * self.gain
class Net(Module):
    def __init__(self):
        super().__init__()
        self.left = Block()
        self.right = Block()
    def forward(self, x):
        return self.left(x) - self.right(x)
net = Net()
"""
NOT_ALL = """
class Net(Module):
    def __init__(self):
        super().__init__()
        self.name = "net"
        self.size = 3
        self.mask = tensor([1.0])
        self.nothing = None
        self.layers = [Linear(), Linear()]
        self.last = Scale()
    def forward(self, x):
        return self.last(self.layers[1](self.layers[0](x))) * self.mask
net = Net()
"""
SHARED = """
class Net(Module):
    def __init__(self):
        super().__init__()
        self.encoder = Scale()
        self.decoder = Linear()
        self.decoder.weight = self.encoder.factor
        self.again = self.encoder
    def forward(self, x):
        return self.again(self.decoder(self.encoder(x)))
net = Net()
"""
LATER = """
net = Linear()
net.weight = number()
net.extra = Scale()
net.extra.factor = number()
net.extra.late = number()
"""
EQUAL = """
class Net(Module):
    def __init__(self):
        super().__init__()
        self.first = number(0.5)
        self.second = number(0.5)
        self.third = number(0.25)
    def forward(self, x):
        return x * self.first + self.second * self.third
net = Net()
"""
DEEP = """
class Around(Module):
    def __init__(self, inside):
        super().__init__()
        self.inside = inside
        self._hidden = number()
    def forward(self, x, y):
        return self.inside(x) - y * self._hidden
class Plain(Module):
    def __init__(self, inside):
        super().__init__()
        self.body = inside
        self.gain = number()
    def forward(self, x):
        return self.body(x) * self.gain
net = Around(Plain(Plain(Plain(Linear()))))
inputs = [2.0, 3.0]
"""
GONE = """
net = Linear()
net.extra = Scale()
net.more = Scale()
dict(net.named_parameters())
net.bias = None
net.late = number()
inputs = None
"""
IN_DICTS = """
class Net(Module):
    def __init__(self):
        super().__init__()
        self.layers = {"one": Linear(), "two": number()}
        self.pair = (Scale(), number())
        self.last = Scale()
    def forward(self, x):
        return self.last(x)
net = Net()
"""
TWO = """
other = Scale()
net = Linear()
"""


def cases(rng):
    return [
        Case("a layer with a weight and a bias", ONE),
        Case("two layers, and a parameter of the net's own after them", OWN_LAST),
        Case("a net of blocks of layers", NESTED),
        Case("attributes that are not parameters, and layers in a list", NOT_ALL),
        Case("a parameter that two layers share", SHARED),
        Case("two parameters that hold equal numbers", EQUAL),
        Case("parameters that are replaced and added after the start", LATER),
        Case("five levels, and a forward of two inputs", DEEP),
        Case("a parameter taken out and another put in, after a first look", GONE),
        Case("layers and parameters in a dict and in a tuple", IN_DICTS),
        Case("two modules that have nothing to do with each other", TWO),
    ]


def build(program, module, parameter, tensor):
    made = []

    def number(value=None):
        made.append(parameter(tensor([len(made) + 1.5 if value is None else value])))
        return made[-1]

    names = {"Module": module, "number": number, "tensor": tensor}
    exec(textwrap.dedent(LAYERS + program), names)
    inputs = names.get("inputs", [2.0])
    if getattr(names["net"], "layers", None) is not None or program is TWO:
        inputs = None
    return names["net"], made, None if inputs is None else [tensor([value]) for value in inputs]


def called(net, inputs):
    """The number that a net gives, or whatever else comes back."""
    result = net(*inputs) if inputs is not None else None
    return round(result.item(), 6) if hasattr(result, "item") else result


def run(answer, program):
    net, made, inputs = build(program, answer, Parameter, scratch.tensor)
    found = net.named_parameters()
    if not isinstance(found, dict):
        return found
    if not all(any(value is one for one in made) for value in found.values()):
        raise AssertionError("something in the dict is not one of the net's own Parameters, but another object")
    names = [(name, value.item()) for name, value in found.items()]
    return {"parameters": names, "what the net gives": called(net, inputs)}


def oracle(program):
    net, _, inputs = build(program, torch.nn.Module, torch.nn.Parameter, torch.tensor)
    names = [(name, value.item()) for name, value in net.named_parameters()]
    return {"parameters": names, "what the net gives": called(net, inputs)}


def given(program):
    text = program.strip()
    return "a layer `Linear` with a weight and a bias" if text == ONE.strip() else f"the program\n{text}\n"


def copied(found):
    return {name: Parameter(scratch.tensor([value.item()])) for name, value in found.items()}


AUTOMATIC = {
    "zeros": spoiled(lambda found: {}, "named_parameters"),
    "none": spoiled(lambda found: None, "named_parameters"),
    "transposed": spoiled(lambda found: dict(reversed(found.items())), "named_parameters"),
    "wrong-dtype": spoiled(lambda found: list(found), "named_parameters"),
    "sum-for-mean": spoiled(copied, "named_parameters"),
}
