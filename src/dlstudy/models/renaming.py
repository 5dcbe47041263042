"""State dicts under other names: what the official weights call a layer, and what we call it.

A family whose official weights have other names than ours has a file of them beside its own, such as `gpt_names.py`
beside `gpt.py`, with two functions:

    to_ours(state)        from the official names to ours
    to_official(state)    from ours to the official ones

Each takes a state dict and returns one under the other side's names; weights are views where they can be. Names that it
does not know stay as they are, so that strict loading complains of them.
"""

import re

from torch import Tensor

State = dict[str, Tensor]
Rules = tuple[tuple[str, str], ...]


def renamed(name: str, rules: Rules) -> str:
    """Return a name after all these replacements (pattern, by what), one after the other."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name
