import torch
from torch import nn


def replace_head(model, num_classes):
    last = None
    for module in model.modules():
        if isinstance(module, nn.Linear):
            last = module
    last.weight = nn.Parameter(torch.zeros(num_classes, last.in_features))
    if last.bias is not None:
        last.bias = nn.Parameter(torch.zeros(num_classes))
    last.out_features = num_classes
    return last
