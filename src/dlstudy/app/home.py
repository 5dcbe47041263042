"""thin"""
from __future__ import annotations
from html import escape
from dlstudy.app import pages
def render(site, snapshot, theme):
    items = "".join(f'<li><a href="{site.base}/{l.file}">{l.id} {escape(l.title)}</a></li>' if l.written else f"<li>{l.id} {escape(l.title)}</li>" for l in site.catalogue.lessons)
    return f'<!doctype html><html lang="en"><head>{pages.head(site, "Deep Learning Study Guide", ("home.css",), ("home.js",))}</head><body><ol>{items}</ol></body></html>'
