"""Devices: there is one, the CPU. Asking for another says so."""

from typing import Any


class device:
    """A place where tensors live, as `torch.device`; here always the CPU. RuntimeError for any other type."""

    type: str
    index: int | None

    def __init__(self, type: Any = "cpu", index: int | None = None):
        name = str(type)
        self.type, _, number = name.partition(":")
        self.index = int(number) if number else index
        if self.type != "cpu":
            raise RuntimeError(
                f"expected device 'cpu', got '{name}': dlstudy.scratch computes with NumPy, on the CPU "
                "only. Use torch for a GPU."
            )

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (")" if self.index is None else f", index={self.index})")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))


CPU = device("cpu")


def check_device(wanted: Any) -> None:
    """Accept None and the CPU; RuntimeError with a plain sentence for anything else."""
    if wanted is not None:
        device(wanted)
