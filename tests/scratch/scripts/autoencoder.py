"""An autoencoder of digits: strided and transposed convolutions, binary cross-entropy with logits, RMSprop, a plateau
schedule, worker threads and a frozen layer.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, Dataset

from dlstudy import data


class Digits(Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = torch.from_numpy(self.images[index])
        return {"image": image, "brightness": image.mean().item()}


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ELU(), nn.Flatten(), nn.Linear(64, 12))
        self.expand = nn.Linear(12, 64)
        self.decode = nn.ConvTranspose2d(4, 1, 4, stride=2, padding=1)

    def forward(self, x):
        code = self.encode(x)
        return self.decode(F.softplus(self.expand(code)).reshape(-1, 4, 4, 4)), code


torch.manual_seed(2)
images, _ = data.load("digits").split("train").arrays()
model = Autoencoder()
model.encode[0].requires_grad_(False)
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.RMSprop(trained, lr=0.002, momentum=0.5, centered=True)
scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.05)
start = {name: p.detach().numpy().copy() for name, p in model.state_dict().items()}
losses, rates = [], []
for _ in range(4):
    total = 0.0
    for batch in DataLoader(Digits(images[:640]), batch_size=64, shuffle=True):
        logits, code = model(batch["image"])
        weight = 1 + batch["brightness"].float().reshape(-1, 1, 1, 1)
        loss = F.binary_cross_entropy_with_logits(logits, batch["image"], weight) + 1e-3 * code.pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        total += loss.item()
    scheduler.step(total)
    rates.append(optimizer.param_groups[0]["lr"])
