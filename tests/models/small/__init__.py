"""Small relatives of every family of models, one file a family: what the generic tests try.

Each file has the name of its family and a `SMALL`: the relatives by name. A new family is a new file and nothing else.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.models.inputs import Small

FAMILIES: dict[str, dict[str, Small]] = {
    path.stem: importlib.import_module(f"{__name__}.{path.stem}").SMALL
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem != "__init__"
}
SMALL = {name: small for relatives in FAMILIES.values() for name, small in relatives.items()}
