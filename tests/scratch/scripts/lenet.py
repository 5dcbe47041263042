"""LeNet on MNIST digits, with max pooling and ReLU, SGD with Nesterov momentum, and a step schedule."""

import torch as th
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

from dlstudy import data


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        return F.log_softmax(self.fc3(F.relu(self.fc2(x))), dim=1)


th.manual_seed(3)
images, labels = data.load("mnist").split("train").take(list(range(0, 4000, 4))).arrays()
loader = DataLoader(TensorDataset(th.as_tensor(images), th.as_tensor(labels)), batch_size=16, shuffle=True)
model = LeNet()
optimizer = th.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
scheduler = StepLR(optimizer, step_size=1, gamma=0.5)
start = {name: p.detach().numpy().copy() for name, p in model.state_dict().items()}
losses = []
for _ in range(2):
    for x, y in loader:
        optimizer.zero_grad(set_to_none=False)
        loss = F.nll_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
