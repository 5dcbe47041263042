import torch

from dlstudy.models import resnet


@torch.no_grad()
def start_as_identity(model):
    for block in model.modules():
        if isinstance(block, (resnet.BasicBlock, resnet.BottleneckBlock)):
            norm = block.bn3 if hasattr(block, "bn3") else block.bn2
            norm.weight *= 0
            norm.bias.fill_(0)
