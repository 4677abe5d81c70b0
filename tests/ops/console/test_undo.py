"""Snapshots: what each would bring back, the tags that were others when it was made, and the commands for both."""

from __future__ import annotations

import html
import os
import time
from pathlib import Path

import pytest

from ops.registry.snapshots.store import SnapshotState
from ops.registry.snapshots.trash import Restorer, remove
from ops.registry.tree import Entry, Kind
from tests.ops.console.console_rig import HOSTILE, Browser, Furnished, console, furnished
from tests.ops.console.test_app import seen


@pytest.fixture
def stack(tmp_path: Path) -> Furnished:
    made = furnished(tmp_path)
    # As if all of it were from before the snapshots.
    for link in made.layout.tree.repositories.rglob("current/link"):
        os.utime(link, (time.time() - 3600,) * 2)
    return made


@pytest.fixture
def browser(stack: Furnished) -> Browser:
    return console(stack.root)


def test_each_snapshot_says_what_it_would_bring_back_and_how(stack: Furnished, browser: Browser) -> None:
    kept, swept = stack.snapshot(), stack.collect("charts/web", "1.0.0")
    page = browser.text("/undo")
    assert page.index(swept.name) < page.index(kept.name)
    text = seen(page)
    assert "1 tag, 1 blob" in text
    assert f"regops snapshot restore {swept.name} --dry-run" in text
    assert f"regops snapshot restore {kept.name} REPOSITORY:TAG --dry-run" in text
    assert f'href="/undo/{swept.name}"' in page


def test_what_was_put_back_is_not_brought_back_again(stack: Furnished, browser: Browser) -> None:
    swept = stack.collect("charts/web", "1.0.0")
    ((digest, _),) = swept.trash.sizes()
    Restorer(stack.layout.tree).put_blob(swept.trash.file(digest), digest)
    assert "1 tag, 0 blobs" in seen(browser.text("/undo"))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (SnapshotState.SWEEPING, "a garbage collection is at work, or was killed"),
        (SnapshotState.ROLLED_BACK, "all of it was put back"),
    ],
)
def test_what_cannot_be_undone_says_so(stack: Furnished, browser: Browser, state: SnapshotState, said: str) -> None:
    stack.collect("charts/web", "1.0.0").become(state)
    assert said in seen(browser.text("/undo"))


def test_a_snapshot_shows_which_tags_were_others_then(stack: Furnished, browser: Browser) -> None:
    kept = stack.snapshot()
    stack.tag("library/alpine", "3.22", stack.image("library/alpine", b"newer"))
    stack.collect("charts/web", "1.0.0")
    page = seen(browser.text(f"/undo/{kept.name}"))
    assert "2 tags" in page
    assert f"regops snapshot restore {kept.name} library/alpine:3.22 --overwrite --dry-run" in page
    assert f"regops snapshot restore {kept.name} charts/web:1.0.0 --dry-run" in page
    assert "library/alpine:latest" not in page
    assert "1 tag of 2 match" in seen(browser.text(f"/undo/{kept.name}?q=CHARTS"))


def test_a_tag_that_was_set_again_to_the_same_differs_in_nothing(stack: Furnished, browser: Browser) -> None:
    kept = stack.snapshot()
    os.utime(stack.layout.tree.tag("library/alpine", "3.22"))
    assert "each tag that there was points to the same image now" in seen(browser.text(f"/undo/{kept.name}"))


def test_one_that_was_made_before_counts_is_shown_all_the_same(stack: Furnished, browser: Browser) -> None:
    kept = stack.snapshot()
    file = kept.folder / "snapshot.json"
    file.write_text(file.read_text().replace('"counts"', '"others"'))
    assert "not counted" in seen(browser.text("/undo"))
    assert "There were" not in seen(browser.text(f"/undo/{kept.name}"))


def test_a_damaged_index_is_told(stack: Furnished, browser: Browser) -> None:
    kept = stack.snapshot()
    kept.index_file.write_bytes(b"nonsense")
    assert "What it says cannot be read" in seen(browser.text(f"/undo/{kept.name}"))


@pytest.mark.parametrize("name", ["none", "..%2f..%2fetc", "%00", "a" * 3000])
def test_there_is_no_other_snapshot(browser: Browser, name: str) -> None:
    assert browser.get(f"/undo/{name}").status_code == 404


def test_without_snapshots_that_is_said(browser: Browser) -> None:
    assert "There are no snapshots yet" in seen(browser.text("/undo"))


def test_hostile_names_in_a_snapshot_are_text(stack: Furnished, browser: Browser) -> None:
    tree = stack.layout.tree
    digest = tree.tagged("team/app", "v1")
    assert digest
    stack.tag("team/app", HOSTILE.replace("/", "-"), digest)
    kept = stack.snapshot(why="<b>gc<b>")
    remove(tree, Entry(Kind.TAG, digest, "team/app", HOSTILE.replace("/", "-")), kept.trash)
    for path in ("/undo", f"/undo/{kept.name}"):
        page = browser.text(path)
        assert "<script" not in page
        assert "<b>" not in page
    assert html.escape(HOSTILE.replace("/", "-")) in page
