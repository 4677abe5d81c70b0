"""How the tests run side by side."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest
from xdist.remote import Producer

from tests.flaky import pytest_sessionfinish, pytest_terminal_summary  # noqa: F401  # hooks
from tests.public_authorities import keep_public_authorities
from tests.side_by_side import FilesSideBySide, rank, unit

# Tests of the program make many objects and little garbage: with Python's own threshold, 700, looking for it took an eighth.
_OBJECTS_BEFORE_COLLECTION = 20_000

keep_public_authorities()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage neither during collection nor, later, among what it leaves: that took a quarter of its time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Know the option that writes the pages of docs/ whose tables tests hold to what they see."""
    parser.addoption("--write-pages", action="store_true", help="write what was seen into docs/clients.md")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest units first; workers take units in the order of their tests."""
    items.sort(key=lambda item: rank(unit(item.nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesSideBySide:
    """Hand out tests as tests/side_by_side.py says."""
    config.option.loadscopereorder = False  # else the files with the most tests come first
    return FilesSideBySide(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers: one more than there are cores, because a third of a test's time is waiting.

    More only makes the tests wait for each other: on two cores four workers kept sixteen processes waiting for a core.
    """
    return min(8, (os.cpu_count() or 1) + 1)
