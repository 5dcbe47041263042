"""Find the links and pictures of a page's prose, and say which of them lead nowhere, on GitHub or in the course."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from dlstudy.course.content.lessonfile import LessonFile

_LINK = re.compile(
    r"(?P<picture>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\(\s*<?(?P<target>[^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)"
)
_HTML = re.compile(r"<(?P<tag>a|img)\b(?P<rest>[^>]*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"(?P<name>href|src|alt)\s*=\s*[\"'](?P<value>[^\"']*)[\"']", re.IGNORECASE)
_CODE = re.compile(r"(`+).+?\1")


@dataclass(frozen=True)
class Link:
    """A link or picture in the prose: `target` as written, `text` is the words of a link or a picture's alt text."""

    target: str
    text: str
    picture: bool
    line: int


def links_of(page: LessonFile) -> list[Link]:
    """Return the links and pictures of a page's prose, in order; what stands in code is none."""
    found = []
    for number, line in page.prose:
        line = _CODE.sub(lambda code: "x" * len(code[0]), line)
        for match in _LINK.finditer(line):
            found.append(Link(match["target"], match["text"].strip(), bool(match["picture"]), number))
        for match in _HTML.finditer(line):
            facts = {item["name"].lower(): item["value"] for item in _ATTRIBUTE.finditer(match["rest"])}
            picture = match["tag"].lower() == "img"
            target = facts.get("src" if picture else "href")
            if target is not None:
                found.append(Link(target, facts.get("alt", "") if picture else "link", picture, number))
    return found


def problems_of(page: LessonFile) -> list[str]:
    """Return a sentence for every link or picture of the page that leads nowhere or has no words."""
    problems = []
    for link in links_of(page):
        where = f"{page.path.name}, line {link.line}:"
        if not link.text:
            what = "the picture has no alt text" if link.picture else "the link has no words"
            problems.append(f"{where} {what}: {link.target}")
        reason = _dead(link, page)
        if reason:
            problems.append(f"{where} {link.target} {reason}")
    return problems


def anchors_of(page: LessonFile) -> set[str]:
    """Return the anchors that GitHub gives the page's headings."""
    seen: dict[str, int] = {}
    anchors = set()
    for section in page.sections:
        anchor = anchor_of(section.text)
        count = seen.get(anchor, 0)
        seen[anchor] = count + 1
        anchors.add(f"{anchor}-{count}" if count else anchor)
    return anchors


def anchor_of(heading: str) -> str:
    """Return the anchor that GitHub makes of a heading: lower case, words joined by hyphens, other signs left out."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip()).replace("`", "").replace("*", "").lower()
    kept = (sign for sign in text if sign in " -_" or unicodedata.category(sign)[0] in "LNM")
    return "".join(kept).replace(" ", "-")


def _dead(link: Link, page: LessonFile) -> str:
    parts = urlsplit(link.target)
    if parts.scheme in ("https", "mailto"):
        return "shows a picture from the network, which the course has no use of" if link.picture else ""
    if parts.scheme == "http":
        return "" if not link.picture else "shows a picture from the network"
    if parts.scheme or parts.netloc or link.target.startswith(("/", "\\")):
        return "should be a path relative to the page"
    target = page.path
    if parts.path:
        path = PurePosixPath(unquote(parts.path))
        target = page.path.parent / path
        if not target.is_file():
            return "leads to no file"
        # Case counts on GitHub, whatever it does on this machine.
        if target.resolve().name not in {item.name for item in target.resolve().parent.iterdir()}:
            return "leads to no file of that spelling"
        inside = target.resolve().is_relative_to(page.path.parent.resolve())
        if not inside:
            return "leads out of the lessons' folder, which learners do not have"
    if parts.fragment:
        if target.suffix != ".md":
            return "has an anchor in a file that has none"
        other = page if target == page.path else LessonFile.read(target)
        if unquote(parts.fragment) not in anchors_of(other):
            return "has an anchor that no heading of that page makes"
    return ""
