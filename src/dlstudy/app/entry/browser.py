"""Open the learner's browser, so that nobody who lists this machine's processes can come in as well.

What a program is started with is shown to every user of a machine. So a browser is started with the name of a small
file that only the learner can read; the file leads to the course with a code that works once, and is removed as soon
as the code has been used.
"""

from __future__ import annotations

import hashlib
import os
import platform
import webbrowser
from html import escape
from pathlib import Path
from urllib.parse import urlencode

ENTRY = "/api/course/enter"
"""The route that takes a code."""
_NAME = "open-the-course-{}.html"


def entry(root: str, code: str, lesson: str | None = None, place: str = "") -> str:
    """Return the address below `root` that lets a browser in once, and leads to a lesson or to the home page."""
    wanted = {"code": code, "file": lesson or "", "place": place if lesson else ""}
    return f"{root}{ENTRY}?{urlencode({name: value for name, value in wanted.items() if value})}"


def open_at(address: str, code: str, learner: Path) -> bool:
    """Open `address`, which holds `code`, in the learner's browser; tell whether there was one to open it."""
    if not _shows_processes():
        return webbrowser.open(address)
    page = page_of(code, learner)
    try:
        descriptor = os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_leading_to(address))
    except OSError:
        return False
    return webbrowser.open(page.as_uri())


def page_of(code: str, learner: Path) -> Path:
    """Return where the file lies that leads to `code`: at home and not hidden, for many browsers may read no other."""
    return _folder(learner) / _NAME.format(hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()[:16])


def remove_old_pages(learner: Path) -> None:
    """Remove the files whose code nobody used before its server ended."""
    for page in _folder(learner).glob(_NAME.format("*")):
        page.unlink(missing_ok=True)


def _folder(learner: Path) -> Path:
    home = Path.home()
    visible = learner.is_relative_to(home) and not any(part.startswith(".") for part in learner.relative_to(home).parts)
    return learner if visible else home


def _shows_processes() -> bool:
    """Tell whether other users see what a program was started with, and a browser here opens a file of this system.

    Windows shows them nothing; a browser of Windows that Linux inside it starts knows no path of that Linux.
    """
    return os.name == "posix" and "microsoft" not in platform.release().lower()


def _leading_to(address: str) -> str:
    target = escape(address)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Deep Learning Study Guide</title>'
        f'<meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url={target}"></head>'
        f'<body><p><a href="{target}">Open the course</a></p></body></html>'
    )
