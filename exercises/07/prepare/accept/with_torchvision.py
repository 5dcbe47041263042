import torch
from torchvision.transforms import v2


def prepare(images, mean, std):
    x = torch.from_numpy(images).permute(0, 3, 1, 2)
    x = v2.functional.to_dtype(x, torch.float32, scale=True)
    return v2.functional.normalize(x, mean, std)
