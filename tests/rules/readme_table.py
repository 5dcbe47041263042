"""The README's table of lessons as the catalogue has it: `python -m tests.rules.readme_table --write` puts it in."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from dlstudy.course.content.catalogue import Lesson, load

ROOT = Path(__file__).resolve().parents[2]
START, END = "<!-- lessons -->", "<!-- /lessons -->"


def row(lesson: Lesson) -> str:
    """One line of the table; a lesson that is written is a link, and only it carries the mark."""
    title = f"[{lesson.title}](lessons/{lesson.file})" if lesson.written else lesson.title
    mark = "**works**" if lesson.written else "planned"
    return f"| {lesson.id} | {title} | {'★' * lesson.stars} | {lesson.topics} | {mark} |"


def table() -> str:
    """All 27 lessons, the overview first."""
    catalogue = load(ROOT)
    lines = ["| | Lesson | | Topics | Today |", "|---|---|---|---|---|", row(catalogue.overview)]
    for group in catalogue.groups:
        lines.append(f"| | **{group.name}** | | {group.note} | |")
        lines += [row(lesson) for lesson in group.lessons]
    return "\n".join(lines)


def written(readme: str) -> str:
    """The table that stands in the README now."""
    found = re.search(rf"{START}\n(.*)\n{END}", readme, re.DOTALL)
    return found.group(1).strip() if found else ""


if __name__ == "__main__":
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    if "--write" in sys.argv:
        before, after = text.split(START)[0], text.split(END)[1]
        path.write_text(f"{before}{START}\n{table()}\n{END}{after}", encoding="utf-8")
    else:
        print(table())
