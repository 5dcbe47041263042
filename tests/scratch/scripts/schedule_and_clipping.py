"""AdamW with warm-up, cosine and clipped gradients; LayerNorm, GELU, label smoothing, accumulated gradients."""

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW, lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

from dlstudy import data

torch.manual_seed(5)
images, labels = data.load("digits").split("train").arrays(flat=True)
loader = DataLoader(
    TensorDataset(torch.tensor(images), torch.tensor(labels)), batch_size=40, shuffle=True, drop_last=True
)
model = nn.Sequential(nn.Linear(64, 48), nn.LayerNorm(48), nn.GELU(), nn.Linear(48, 24), nn.SiLU(), nn.Linear(24, 10))
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = AdamW(model.parameters(), lr=0.01, weight_decay=0.05)
warm_up = lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=10)
cosine = lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
scheduler = lr_scheduler.SequentialLR(optimizer, [warm_up, cosine], milestones=[10])
start = {name: p.detach().numpy().copy() for name, p in model.state_dict().items()}
losses, norms, rates = [], [], []
for _ in range(4):
    for i, (x, y) in enumerate(loader):
        loss = criterion(model(x), y) / 2
        loss.backward()
        losses.append(loss.item())
        if i % 2 == 1:
            norms.append(clip_grad_norm_(model.parameters(), max_norm=0.5).item())
            optimizer.step()
            optimizer.zero_grad()
            rates.append(scheduler.get_last_lr()[0])
            scheduler.step()
