"""A token that others may have seen is replaced, once."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from dlstudy.course.content import paths
from dlstudy.course.learner import private

_MARK = "token-never-shown"
"""An empty file beside the token: no list of processes has had this one."""


def forget_shown_token(learner: Path) -> None:
    """Replace the token of an installation that began when browsers were still opened with it; to be called at starts.

    Whoever listed the processes then could come in for good. What signs the cookies was never shown, and stays.
    """
    state = paths.state_folder(learner)
    mark, path = state / _MARK, state / "token"
    if mark.exists():
        return
    private.make_folder(state)
    try:
        session = str(json.loads(path.read_text(encoding="utf-8"))["session"])
    except (OSError, ValueError, KeyError, TypeError):
        session = ""
    if session:
        neighbour = path.with_name(f".token.{os.getpid()}.tmp")
        private.make_file(neighbour)
        new = {"token": secrets.token_urlsafe(32), "session": session}
        neighbour.write_text(json.dumps(new), encoding="utf-8")
        os.replace(neighbour, path)
    private.make_file(mark)
