"""Compare EfficientNet-Lite0 with timm's and write down the result for lesson 06.

`python -m tests.lessons.lesson06.record_timm` does it. The course itself does not need timm; the page shows what was
recorded, and with what. `test_vision.py` holds the same.
"""

import datetime
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from dlstudy.lessons.lesson06 import compare
from dlstudy.models.efficientnet import EfficientNet

FILE = Path(__file__).parents[3] / "exercises/06/recorded/timm.json"


def measure(classes: int = 1000, size: int = 65) -> dict[str, Any]:
    """Return the row of the page's table: our network and timm's, on the same weights and images."""
    import timm

    ours = EfficientNet(dropout=0.0, drop_probability=0.0, eps=1e-3, momentum=0.01, lite=True, num_classes=classes)
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=classes)
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.01  # timm keeps PyTorch's 0.1 here, TensorFlow trained with 0.01
    names = dict(zip(theirs.state_dict(), ours.state_dict(), strict=True))  # both list from input to output
    images = torch.randn(4, 3, size, size, generator=torch.Generator().manual_seed(0))
    return {"network": "EfficientNet-Lite0, timm's", **compare(ours, theirs, images, names)}


def main() -> None:
    """Measure and write the file."""
    facts = {
        "rows": [measure()],
        "versions": {name: version(name) for name in ("torch", "timm")},
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "command": "python -m tests.lessons.lesson06.record_timm",
    }
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(facts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
