"""A Module of one's own on MNIST digits: two groups of parameters, Adam, Dropout, and a pass over validation digits."""

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

from dlstudy import data


class MLP(nn.Module):
    def __init__(self, hidden: int):
        super().__init__()
        self.first = nn.Linear(784, hidden)
        self.second = nn.Linear(hidden, hidden // 2)
        self.last = nn.Linear(hidden // 2, 10)
        self.drop = nn.Dropout(0.2)

    def forward(self, x):
        x = torch.flatten(x, 1)
        x = self.drop(torch.relu(self.first(x)))
        return self.last(torch.tanh(self.second(x)))


torch.manual_seed(1)
images, labels = data.load("mnist").split("train").arrays()
whole = TensorDataset(torch.from_numpy(images), torch.from_numpy(labels))
train, val, _ = random_split(Subset(whole, range(0, 4000, 2)), [0.6, 0.2, 0.2])

model = MLP(64)
weights = [p for p in model.parameters() if p.dim() > 1]
biases = [p for p in model.parameters() if p.dim() == 1]
optimizer = optim.Adam([{"params": weights, "weight_decay": 1e-3}, {"params": biases, "lr": 5e-3}], lr=2e-3)
criterion = nn.CrossEntropyLoss()
generator = torch.Generator().manual_seed(7)
start = {name: p.detach().numpy().copy() for name, p in model.state_dict().items()}
losses, accuracies = [], []
for _ in range(3):
    model.train()
    for x, y in DataLoader(train, 50, shuffle=True, drop_last=True, generator=generator):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in DataLoader(val, batch_size=100):
            right += (model(x).argmax(dim=1) == y).sum().item()
    accuracies.append(right / len(val))
