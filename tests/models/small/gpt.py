from __future__ import annotations

from dlstudy.models.gpt import GPT
from tests.models.inputs import Small, text

SMALL = {"gpt": Small(lambda: GPT(23, 12, 16, 2, 4, 0.1), text, (12, 1, 7))}
