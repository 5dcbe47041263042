"""A small convolutional net with BatchNorm on MNIST digits, one-cycle rates, and a break in the middle: model and
optimizer are saved, made anew and loaded, and the training goes on.
"""

import copy

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

from dlstudy import data

STEPS = 16


def make():
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, stride=2, bias=False), nn.BatchNorm2d(16), nn.LeakyReLU(0.1), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(16 * 3 * 3, 10),
    )  # fmt: skip
    return model, optim.AdamW(model.parameters(), lr=0.003)


torch.manual_seed(8)
images, labels = data.load("mnist").split("train").take(list(range(0, 4000, 8))).arrays()
model, optimizer = make()
start = {name: p.detach().numpy().copy() for name, p in model.state_dict().items()}
scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.02, total_steps=2 * STEPS)
losses, seen = [], []
for epoch in range(2):
    generator = torch.Generator().manual_seed(epoch)
    loader = DataLoader(
        TensorDataset(torch.from_numpy(images), torch.from_numpy(labels)), 32, shuffle=True, generator=generator
    )
    model.train()
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        seen.append(model(torch.from_numpy(images[:20])).numpy())
    saved = copy.deepcopy([thing.state_dict() for thing in (model, optimizer, scheduler)])
    model, optimizer = make()
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.02, total_steps=2 * STEPS)
    for thing, state in zip((model, optimizer, scheduler), saved):
        thing.load_state_dict(state)
