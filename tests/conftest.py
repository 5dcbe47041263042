"""What all tests share: one computing thread, a learner's folder of their own, and no silent skip of a browser test."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from jaxtyping import install_import_hook

ROOT = Path(__file__).resolve().parent.parent
pytest_plugins = ["tests.proofs.plugin"]

# Before anything imports NumPy or torch: worker processes share the cores, and threads beyond them only wait.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# No test may touch the work of the person who runs it; tests that need a learner's folder make one and say so.
NO_LEARNER = Path(tempfile.gettempdir()) / f"dlstudy-no-learner-{os.getpid()}"
os.environ["DLSTUDY_LEARNER"] = str(NO_LEARNER)
atexit.register(shutil.rmtree, NO_LEARNER, ignore_errors=True)  # some are begun all the same


def annotated_modules() -> list[str]:
    """The modules of the package whose signatures carry shapes: those that import jaxtyping."""
    files = [path for path in (ROOT / "src").rglob("*.py") if "\nfrom jaxtyping import" in path.read_text("utf-8")]
    return [".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__") for path in files]


# From here on every call in these modules is checked against its signature: types, and shapes that share a letter.
if annotated_modules():
    import tests.typechecker  # noqa: F401 - the hook takes it by its name

    install_import_hook(annotated_modules(), "tests.typechecker.check")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of a Chromium, Chrome or Edge; without one the test is skipped, and in CI that fails."""
    from setup_env import find_chromium

    found = find_chromium()
    if found is None:
        pytest.skip("no Chromium, Chrome or Edge was found; DLSTUDY_CHROMIUM can name one")
    return found


@pytest.fixture(scope="session")
def leash() -> Iterator[None]:
    """No process and no folder of these tests outlives them; to leave one behind is an error."""
    from tests.leash import leashed

    with leashed():
        yield
        shutil.rmtree(NO_LEARNER, ignore_errors=True)


@pytest.fixture(scope="session")
def browser(chromium_path: str, leash: None) -> Iterator[Any]:
    """A real browser for all tests of a process: Playwright starts only once in each."""
    from playwright.sync_api import sync_playwright

    from tests.served import FLAGS

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def figures(browser: Any) -> Iterator[Any]:
    """The page engine and the tab that all figures of a process share; see `tests.served.figure_page`."""
    from tests.served import figures_of_a_worker

    with figures_of_a_worker(browser) as shared:
        yield shared


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped browser test is a failed one."""
    report = yield
    if (
        report.skipped
        and os.environ.get("CI")
        and item.get_closest_marker("browser")
        and not hasattr(report, "wasxfail")
    ):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"A browser test must not be skipped in CI. {reason}"
    return report
