import torch


def prepare(images, mean, std):
    planes = [(torch.from_numpy(images[..., c]) / 255 - mean[c]) / std[c] for c in range(3)]
    return torch.stack(planes, 1)
