import torch


def prepare(images, mean, std):
    """Return what a pretrained network wants to see: float32 (N, 3, H, W), normalised as in its training.

    `images` (N, H, W, 3) are uint8 from 0 to 255, as photographs come. `mean` and `std` are one number a colour, for
    pixels from 0 to 1.
    """
    x = torch.from_numpy(images).float() / 255
    x = x.permute(0, 3, 1, 2)  # colours before rows and columns
    mean, std = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)
    return (x - mean) / std
