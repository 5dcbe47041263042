"""Oracle: what a block of identities must return, and the two parameters of each block, named by hand."""

import copy

import torch
from torch import nn

from dlstudy.course.checking import Case
from dlstudy.models.resnet import BasicBlock, BottleneckBlock, ResNet

MUTATES = True
RTOL, ATOL = 1e-6, 1e-8

# what must have changed, by hand
GATES = {
    "one basic block": ["0.bn2"],
    "basic blocks with and without a projection": ["0.0.bn2", "0.1.bn2", "1.0.bn2"],
    "two bottleneck blocks": ["0.bn3", "1.bn3"],
    "a whole ResNet": ["layer1.0.bn2", "layer2.0.bn2", "layer2.1.bn2"],
    "no residual block at all": [],
}


def _model(label):
    torch.manual_seed(3)
    model = {
        "one basic block": lambda: nn.Sequential(BasicBlock(3, 3)),
        "basic blocks with and without a projection": lambda: nn.Sequential(
            nn.Sequential(BasicBlock(3, 4, 2), BasicBlock(4, 4)), nn.Sequential(BasicBlock(4, 4))
        ),
        "two bottleneck blocks": lambda: nn.Sequential(BottleneckBlock(3, 2), BottleneckBlock(8, 2)),
        "a whole ResNet": lambda: ResNet(BasicBlock, (1, 2), 4, channels=3, small_images=True),
        "no residual block at all": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)),
    }[label]().double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # as after some training
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_()
    return model


def cases(rng):
    def image(*shape):
        return torch.from_numpy(abs(rng.normal(size=shape)) + 0.1)  # as it comes out of a ReLU

    return [Case(label, label, image(2, 3, 6, 6)) for label in GATES]


def given(label, x):
    return f"an input of shape {tuple(x.shape)}, not negative"


def run(answer, label, x):
    model = _model(label)
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)  # made before, as one is
    answer(model)
    changed = [
        f"{name} = 0" if not value.any() else name
        for name, value in model.state_dict().items()
        if not torch.equal(value, before[name])
    ]
    y = model(x)
    at_zero = {name: value.detach().clone() for name, value in model.named_parameters()}
    torch.manual_seed(5)
    optimizer.zero_grad()
    y.backward(torch.randn(y.shape, dtype=y.dtype))
    optimizer.step()
    stuck = [name for name, value in model.named_parameters() if name in before and f"{name} = 0" in changed
             and torch.equal(value, at_zero[name])]  # fmt: skip
    frozen = [name for name, value in model.named_parameters() if not value.requires_grad]
    return {"output": y.detach(), "changed": changed, "asks for no gradient": frozen, "does not learn": stuck}


def oracle(label, x):
    model = _model(label)

    def through(part, x):
        if isinstance(part, BasicBlock | BottleneckBlock):
            return x if part.downsample is None else part.downsample(x).relu()
        if isinstance(part, nn.Sequential):
            for inner in part:
                x = through(inner, x)
            return x
        if isinstance(part, ResNet):
            x = part.relu(part.bn1(part.conv1(x)))
            return part.fc(through(nn.Sequential(part.layer1, part.layer2), x).mean((2, 3)))
        return part(x)

    changed = [f"{gate}.{name} = 0" for gate in GATES[label] for name in ("weight", "bias")]
    output = through(model, x).detach()
    return {"output": output, "changed": changed, "asks for no gradient": [], "does not learn": []}


def _then(change):
    def make(solution):
        def start_as_identity(model):
            solution(model)
            change(model)

        return start_as_identity

    return make


def _all(value):
    def change(model):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(value)

    return change


def _negate(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.neg_()


AUTOMATIC = {"zeros": _then(_all(0.0)), "negated": _then(_negate), "ones": _then(_all(1.0))}
