"""In-place changes."""

from typing import Any


def refresh_view(view: Any) -> None:
    """Find a view's place in the graph again after its base was changed in place."""
    if view._seen != view._version.n:
        view._seen = view._version.n
