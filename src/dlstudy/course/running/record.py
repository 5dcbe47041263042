"""Write down what a lesson's buttons measure, to stand beside them: `python -m dlstudy.course.running.record NN`."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dlstudy.course import engine
from dlstudy.course.content import catalogue, paths


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the lesson with every button pressed and keep its named comparisons under `exercises/NN/recorded/`."""
    parser = argparse.ArgumentParser(prog="python -m dlstudy.course.running.record", description=__doc__)
    parser.add_argument("lesson", help="number or file name of the lesson")
    options = parser.parse_args(arguments)
    lesson = catalogue.load().find(options.lesson)
    folder = paths.exercises_folder() / f"{lesson.number:02d}" / "recorded"
    before = {file: file.stat().st_mtime_ns for file in folder.glob("*.json")}
    with tempfile.TemporaryDirectory() as learner:
        os.environ.update(DLSTUDY_LEARNER=learner, DLSTUDY_RUN="worked", DLSTUDY_RECORD="1")
        results = engine.run(paths.lessons_folder() / Path(lesson.file).name, press=True)
    for result in results:
        if result.status == "error":
            print(f"{result.name}: {result.error}", file=sys.stderr)
    written = [file for file in sorted(folder.glob("*.json")) if before.get(file) != file.stat().st_mtime_ns]
    print("\n".join(f"wrote {file.name}" for file in written) or "nothing on that page is recorded by name")
    return 0 if written else 1


if __name__ == "__main__":
    sys.exit(main())
