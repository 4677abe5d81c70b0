"""Pushes while a backup is made: every tag of its index comes back whole. Blobs before pointers would fail the same test."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest

from ops.backups import stage
from ops.registry import listing
from ops.registry.listing import Listing, listing_of
from ops.registry.tree import RegistryTree
from tests.ops.backups.backup_rig import BackupRig, backed_up
from tests.ops.tasks.backup.faulty import restored
from tests.ops.tasks.gc.gc_rig import Client, Image
from tests.ops.tasks.gc.traffic import Traffic

pytestmark = pytest.mark.system

# How often it is tried; each time the clients are at another point.
RUNS = int(os.environ.get("BACKUP_RACE_RUNS", "2"))
# A fault that needs a push at the right moment does not show in each run.
_UNTIL_SEEN = 10
_CLIENTS, _REPOSITORIES, _TAGS = 3, 3, 40
_AT_LEAST, _BACKUPS = 10, 5


def storm(rig: BackupRig, folder: Path) -> list[str]:
    """Back up while clients push new images, to new tags and over old ones; return what is wrong with the backup."""
    numbers = itertools.count()

    def push(client: Client) -> httpx.Response:
        number = next(numbers)
        answer = client.push(f"team/{number % _REPOSITORIES}", f"n{number % _TAGS}", Image(f"{folder} {number}"))
        assert answer.status_code == 201, answer.text
        return answer

    clients = Traffic(rig.registry.client.url)
    try:
        for _ in range(_CLIENTS):
            clients.start(push)
        while clients.done < _AT_LEAST:
            time.sleep(0.01)
        before = clients.done
        for _ in range(_BACKUPS):  # on a machine that has other work, few pushes fall into one
            report = rig.back_up()
            if clients.done - before > _AT_LEAST:
                break
        else:
            pytest.fail("there was no storm")
    finally:
        clients.stop()
    assert clients.errors == []
    problems = [f"{tag}: {why}" for tag, why in report.damaged.items()]
    index = rig.backups.index(rig.backups.find())
    tags = {name: sorted(one.tags) for name, one in index.items() if one.tags}
    try:
        assert restored(rig, folder) == tags
    except AssertionError as error:
        problems.append(str(error))
    return problems


def in_all_runs(folder: Path, runs: int = RUNS) -> Generator[list[str]]:
    """Yield what is wrong in each run, with a registry of its own."""
    for run in range(runs):
        (folder / str(run)).mkdir()
        with backed_up(folder / str(run)) as rig:
            yield storm(rig, folder / str(run) / "restored")


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blobs of a large registry take a while to be listed."""

    def paused(tree: RegistryTree) -> Iterator[str]:
        time.sleep(0.1)
        yield from blobs_in(tree)
        time.sleep(0.1)

    blobs_in = listing.blobs_in
    monkeypatch.setattr(listing, "blobs_in", paused)


def test_every_tag_of_a_backup_comes_back_whole_whatever_is_pushed_meanwhile(tmp_path: Path) -> None:
    assert [problems for problems in in_all_runs(tmp_path) if problems] == []


def test_blobs_before_pointers_as_in_the_alphabet_lose_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def alphabetical(tree: RegistryTree) -> Listing:
        blobs = frozenset(listing.blobs_in(tree))
        return Listing(listing_of(tree).repositories, blobs)

    monkeypatch.setattr(stage, "listing_of", alphabetical)
    with contextlib.closing(in_all_runs(tmp_path, _UNTIL_SEEN)) as runs:
        assert any(runs), "otherwise the other test proves nothing"
