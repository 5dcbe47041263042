"""Write what lesson runs came to as one JSON file for programs and one Markdown file for people."""

import json
import platform
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlstudy.course.running.runner import RunResult


def write(results: "list[RunResult]", folder: Path) -> list[Path]:
    """Write `report.json` and `report.md` into `folder`; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"date": datetime.now().isoformat(timespec="seconds"), **_versions()}
    data = {"facts": facts, "runs": [result.to_dict() for result in results]}
    paths = [folder / "report.json", folder / "report.md"]
    paths[0].write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    paths[1].write_text(_markdown(results, facts), encoding="utf-8")
    return paths


def _versions() -> dict[str, str]:
    found = {"system": platform.system(), "machine": platform.machine(), "python": platform.python_version()}
    for package in ("dlstudy", "marimo", "torch", "numpy"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def _markdown(results: "list[RunResult]", facts: dict[str, Any]) -> str:
    lines = ["# Lesson runs", "", ", ".join(f"{name} {value}" for name, value in facts.items()), ""]
    lines += [
        "| Lesson | Run | CPU s | Budget s | Share | Wall s | Peak MB | Cells | Figures | Exercises | Result |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for run in results:
        right = sum(
            status == ("passed" if run.mode == "worked" else "not-yet") for status in run.parts["check"].values()
        )
        lines.append(
            f"| {run.lesson.removesuffix('.md')} | {run.mode} | {run.cpu_seconds:.1f} | {run.budget:g} | "
            f"{run.cpu_seconds / run.budget:.0%} | {run.wall_seconds:.1f} | {run.peak_memory / 2**20:.0f} | "
            f"{sum(cell['status'] == 'ran' for cell in run.cells)} of {sum(group.cells for group in run.groups)} | "
            f"{run.figures} | {right} of {len(run.parts['check'])} | {'passed' if run.passed else 'failed'} |"
        )
    for run in results:
        if run.problems or run.warnings:
            lines += ["", f"## {run.lesson.removesuffix('.md')}, {run.mode}", ""]
            lines += [f"- {sentence}" for sentence in run.problems]
            lines += [f"- Warning: {sentence}" for sentence in run.warnings]
        slow = sorted(run.cells, key=lambda cell: -cell["seconds"])[:5]
        slow = [cell for cell in slow if cell["seconds"] >= 0.1]
        if slow:
            lines += ["", f"Slowest cells of {run.lesson.removesuffix('.md')}, {run.mode}:", ""]
            lines += [f"- {cell['name'] or 'unnamed'} (line {cell['line']}): {cell['seconds']:.2f} s" for cell in slow]
    return "\n".join(lines) + "\n"
