"""A pytest plugin that spares the garbage collector what lives to the end: `python -m pytest -p tests.suite.collector`.

When all test files are imported, PyTorch and the references with them, very many objects are there that no test frees,
and every full collection looks at each of them: close to half a second on a busy machine, in memory tests above all. So
nothing is collected while the files are imported, and what is there then is set aside (`gc.freeze`). What tests make is
collected as ever.
"""

from __future__ import annotations

import gc

import pytest


def runs_tests(config: pytest.Config) -> bool:
    """Return whether tests run in this process, not in workers that it starts."""
    return hasattr(config, "workerinput") or not config.getoption("numprocesses", None)


def pytest_configure(config: pytest.Config) -> None:
    """Do not look for garbage while the files are imported."""
    if runs_tests(config):
        gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Drop what the imports left over, set aside the rest, and collect from here on."""
    if runs_tests(session.config):
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    """Give everything back to the collector, also when the tests were never collected."""
    gc.unfreeze()
    gc.enable()
