"""`torch.cuda` for code that asks: there is no GPU here."""


def is_available() -> bool:
    """Return False: NumPy computes on the CPU."""
    return False


def device_count() -> int:
    """Return 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no GPU generator to seed."""


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Do nothing: there is no GPU memory to give back."""
