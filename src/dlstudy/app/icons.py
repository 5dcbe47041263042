"""Line icons of our own, drawn on a grid of 20 with a stroke of 1.6; decorative, so hidden from screen readers."""


def _icon(name: str, paths: str) -> str:
    return (
        f'<svg class="dls-i dls-i-{name}" viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" '
        f'stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{paths}</svg>'
    )


HOME = _icon("home", '<path d="M3 9.5 10 3.5l7 6"/><path d="M5 8.5v8h10v-8"/>')
LEFT = _icon("left", '<path d="M12 4.5 6.5 10l5.5 5.5"/>')
RIGHT = _icon("right", '<path d="M8 4.5l5.5 5.5L8 15.5"/>')
BOOK = _icon("book", '<path d="M4 3.5h9.5a2 2 0 0 1 2 2v11H6a2 2 0 0 1-2-2z"/><path d="M4 14.5a2 2 0 0 1 2-2h9.5"/>')
RIBBON = _icon("ribbon", '<path d="M6 3.5h8v13l-4-3.4-4 3.4z"/>')
UNDO = _icon("undo", '<path d="M4 8h8a4 4 0 0 1 0 8H8"/><path d="M7 4.5 3.5 8 7 11.5"/>')
SUN = _icon(
    "sun",
    '<circle cx="10" cy="10" r="3.2"/><path d="M10 2.5v2M10 15.5v2M2.5 10h2M15.5 10h2M4.7 4.7l1.4 1.4M13.9 13.9l1.4 1.4'
    'M4.7 15.3l1.4-1.4M13.9 6.1l1.4-1.4"/>',
)
MOON = _icon("moon", '<path d="M16 12.2A6.8 6.8 0 0 1 7.8 4a6.8 6.8 0 1 0 8.2 8.2z"/>')
SEARCH = _icon("search", '<circle cx="9" cy="9" r="5"/><path d="m13 13 4 4"/>')
CHECK = _icon("check", '<path d="m4.5 10.5 3.6 3.6 7.4-8"/>')
STAR = (
    '<svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true"><path fill="currentColor" '
    'd="m6 .9 1.55 3.4 3.7.4-2.76 2.5.78 3.65L6 9l-3.27 1.85.78-3.65L.75 4.7l3.7-.4z"/></svg>'
)
