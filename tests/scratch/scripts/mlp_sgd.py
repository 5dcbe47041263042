"""The shortest whole training: real digits of 8x8 pixels, two layers, SGD with momentum. For torch, as it stands."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from dlstudy import data

images, labels = data.load("digits").split("train").arrays(flat=True)
digits = TensorDataset(torch.from_numpy(images), torch.from_numpy(labels))

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
start = {name: p.detach().numpy().copy() for name, p in model.state_dict().items()}
losses = []
for _ in range(4):
    for x, y in DataLoader(digits, batch_size=64, shuffle=True):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
