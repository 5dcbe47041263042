"""What a page measures live of an experiment that is recorded whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


def plan(whole: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a recorded experiment: `whole` while results are being recorded, else the part run live.

    Being recorded is what DLSTUDY_RECORD says; see `dlstudy.course.page`.
    """
    return dict(whole if os.environ.get("DLSTUDY_RECORD") else part)
