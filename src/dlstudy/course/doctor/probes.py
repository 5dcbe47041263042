"""Questions to torch and torchvision, each asked in a process of its own: a broken installation may end that process.

`python -m dlstudy.course.doctor.probes torch` prints one line of JSON.
"""

import json
import sys
import time
import warnings
from typing import Any

SIZE = 1024


def torch_facts() -> dict[str, Any]:
    """Import torch, exchange an array with NumPy, name the devices and time a matrix product on each (seconds)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import numpy as np
        import torch

        exchanged = torch.from_numpy(np.arange(3.0)).numpy() * 2
        assert exchanged.tolist() == [0.0, 2.0, 4.0]
        found: dict[str, Any] = {
            "torch": torch.__version__,
            "numpy": np.__version__,
            "cuda_build": torch.version.cuda or "",
            "threads": torch.get_num_threads(),
            "cuda": torch.cuda.is_available(),
            "mps": torch.backends.mps.is_available(),
            "devices": [],
        }
        found["cpu_seconds"] = _time_product(torch, "cpu")
        for index in range(torch.cuda.device_count() if found["cuda"] else 0):
            facts = torch.cuda.get_device_properties(index)
            device = {
                "name": facts.name,
                "memory": facts.total_memory,
                "seconds": _time_product(torch, f"cuda:{index}"),
            }
            found["devices"].append(device)
        if found["mps"]:
            found["devices"].append({"name": "Apple GPU (MPS)", "memory": 0, "seconds": _time_product(torch, "mps")})
    found["warnings"] = [str(item.message) for item in caught]
    return found


def _time_product(torch: Any, device: str) -> float:
    """Return the shortest of three times in seconds for a SIZE by SIZE product in float32, waiting for the device."""

    def wait() -> None:
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        elif device == "mps":
            torch.mps.synchronize()

    a = torch.rand(SIZE, SIZE, device=device)
    a @ a
    wait()
    times = []
    for _ in range(3):
        started = time.perf_counter()
        a @ a
        wait()
        times.append(time.perf_counter() - started)
    return min(times)


def torchvision_facts() -> dict[str, Any]:
    """Import torchvision and use one of its compiled operations."""
    import torch
    import torchvision

    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.1, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0]])
    kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5)
    assert kept.tolist() == [0, 2]
    return {"torchvision": torchvision.__version__}


if __name__ == "__main__":
    answer = {"torch": torch_facts, "torchvision": torchvision_facts}[sys.argv[1]]()
    print("\n" + json.dumps(answer))
