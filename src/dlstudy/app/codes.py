"""Words that let a browser in once: what the launcher hands to a browser instead of the token."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

LIFETIME = 300.0
"""Seconds in which a code can be used; a browser on a slow disk takes half a minute to start."""
_WAITING = 20  # codes that can be valid at once: who asks for more is not a learner who opens the course


class OneTimeCodes:
    """The codes of one server: each is right once, and not for long."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def issue(self) -> str:
        """Return a new code."""
        now = self._clock()
        waiting = [(code, until) for code, until in self._until.items() if until > now]
        self._until = dict(waiting[1 - _WAITING :])
        code = secrets.token_urlsafe(32)
        self._until[code] = now + LIFETIME
        return code

    def redeem(self, code: str) -> bool:
        """Tell whether `code` is right; afterwards it is not any more."""
        return self._until.pop(code, float("-inf")) > self._clock()
