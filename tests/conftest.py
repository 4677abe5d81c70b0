"""How the tests run side by side."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest
from xdist.remote import Producer

from tests.side_by_side import FilesSideBySide, rank, unit


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage neither during collection nor, later, among what it leaves: that took a quarter of its time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest units first; workers take units in the order of their tests."""
    items.sort(key=lambda item: rank(unit(item.nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesSideBySide:
    """Hand out tests as tests/side_by_side.py says."""
    config.option.loadscopereorder = False  # else the files with the most tests come first
    return FilesSideBySide(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of workers: one per core for tests that compute, one more when some of them wait.

    More only makes the tests wait for each other: on two cores four workers kept sixteen processes waiting for a core.
    """
    cores = os.cpu_count() or 1
    return cores if config.option.numprocesses == "logical" else min(8, cores + 1)
