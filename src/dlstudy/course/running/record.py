"""Write down what a lesson's buttons measure, to stand beside them: `python -m dlstudy.course.running.record NN`.

Without an option everything that the named lessons measure is measured again. `--check` only says of each experiment
whether its record still belongs to its code, without running anything; `--renew` measures those that do not. Without a
lesson both go through all of them.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dlstudy.course.content import paths
from dlstudy.course.content.lessonfile import LessonError
from dlstudy.course.running import provenance, runner
from dlstudy.course.running.provenance import Recording


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 1 where a record does not belong to its code, or could not be written."""
    parser = argparse.ArgumentParser(
        prog="python -m dlstudy.course.running.record",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("lessons", nargs="*", metavar="NN", help="numbers of lessons")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--check", action="store_true", help="only say which records belong to their code")
    way.add_argument("--renew", action="store_true", help="measure again what does not")
    options = parser.parse_args(arguments)
    if not (options.lessons or options.check or options.renew):
        parser.error("name the lessons to measure, or say --check or --renew")
    found = pages(options.lessons)
    # A list: one that fails keeps no other from its turn.
    done = [check(path) if options.check else record(path, only_wrong=options.renew) for path in found]
    return 0 if all(done) else 1


def pages(numbers: Sequence[str]) -> list[Path]:
    """Return the pages of these lessons, or of all.

    Raises SystemExit: there is no such lesson.
    """
    every = sorted(paths.lessons_folder().glob("[0-9][0-9]_*.md"))
    chosen = [path for path in every if path.name[:2] in {number[:2].rjust(2, "0") for number in numbers}]
    if len(chosen) < len(set(numbers)):
        raise SystemExit(f"expected numbers of lessons from {every[0].name[:2]} to {every[-1].name[:2]}, got {numbers}")
    return chosen or every


def check(path: Path, say: Callable[[str], None] = print) -> bool:
    """Say of each experiment of a page whether its record is right; whether none has to be renewed."""
    found = provenance.recordings(path)
    for one in found:
        say(f"{one.lesson}/{one.name}: {sentence(one)}")
    return not any(one.must_renew for one in found)


def sentence(one: Recording) -> str:
    """Say what is to be said of a record, with the command that renews it where that is needed."""
    if one.state == "right":
        return f"right, {one.seconds:g} s when it was measured"
    if one.state == "versions":
        return f"right for other versions: {one.why}"
    return f"stale, {one.why}: python -m dlstudy.course.running.record {one.lesson} --renew"


def record(path: Path, *, only_wrong: bool, say: Callable[[str], None] = print) -> bool:
    """Measure what a page measures and write it down under `exercises/NN/recorded/`; whether all went well.

    With `only_wrong` the records that are right stand for their results, and only the others are measured.
    """
    found = provenance.recordings(path)
    wrong = [one for one in found if one.state != "right"]
    if only_wrong and not wrong:
        say(f"{path.name[:2]}: every record is right")
        return True
    names = [one.name for one in wrong] if only_wrong else ["all"]
    taken = {one.name: one.seconds for one in found if only_wrong and one not in wrong}
    folder = paths.exercises_folder() / path.name[:2] / "recorded"
    before = {file: file.stat().st_mtime_ns for file in folder.glob("*.json")}
    begun = time.perf_counter()
    try:
        result = runner.run_lesson(path, "worked", taken=taken, record=names)
    except LessonError as error:
        say(f"{path.name[:2]}: {error}")
        return False
    for problem in result.problems:
        say(f"{path.name[:2]}: {problem}")
    written = [file for file in sorted(folder.glob("*.json")) if before.get(file) != file.stat().st_mtime_ns]
    for one in found:
        if one.file in written:
            provenance.stamp(one)
    if written:
        say("\n".join(f"wrote {file.name}" for file in written))
    else:
        say(f"{path.name[:2]}: nothing on that page is recorded by name")
    say(f"{path.name[:2]}: {time.perf_counter() - begun:.0f} s")
    return bool(written) and result.passed


if __name__ == "__main__":
    sys.exit(main())
