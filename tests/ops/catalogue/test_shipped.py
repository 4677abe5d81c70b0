"""What is shipped becomes the host's working copy, unless that has edits; and a kill at any step loses nothing."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.catalogue.errors import CatalogueError
from ops.catalogue.shipped import is_ahead, note_pulled, require_room, ship, standing_of, take_in, working_copy
from ops.catalogue.store import Store
from tests.ops.hosts import killed_at, tree

OLD, NEW, EDITED = b"version: 1\nsync: []\n", b"# new\nversion: 1\nsync: []\n", b"# edited\nversion: 1\nsync: []\n"


def release(root: Path, content: bytes | None) -> None:
    part = root / "current/catalogue"
    part.mkdir(parents=True, exist_ok=True)
    if content is not None:
        (part / "catalogue.yml").write_bytes(content)


def host(
    root: Path, *, release_: bytes | None, working: bytes | None, shipped: bytes | None = None, pulled: bytes | None = None
) -> Path:
    release(root, release_)
    folder = working_copy(root).parent
    for name, content in (("catalogue.yml", working), ("shipped.yml", shipped), ("pulled.yml", pulled)):
        if content is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    return root


@pytest.mark.parametrize(
    ("before", "working", "shipped"),
    [
        # A host without one gets it, and one that has lost it gets it back.
        ({"release_": NEW, "working": None}, NEW, NEW),
        ({"release_": NEW, "working": None, "shipped": NEW}, NEW, NEW),
        ({"release_": NEW, "working": None, "shipped": OLD}, NEW, NEW),
        # Nothing has changed in the repository: edits of the host stay.
        ({"release_": OLD, "working": OLD, "shipped": OLD}, OLD, OLD),
        ({"release_": OLD, "working": EDITED, "shipped": OLD}, EDITED, OLD),
        ({"release_": OLD, "working": EDITED, "shipped": OLD, "pulled": EDITED}, EDITED, OLD),
        # Nothing has been edited on the host.
        ({"release_": NEW, "working": OLD, "shipped": OLD}, NEW, NEW),
        # The repository has what was edited.
        ({"release_": EDITED, "working": EDITED, "shipped": OLD}, EDITED, EDITED),
        ({"release_": EDITED, "working": EDITED}, EDITED, EDITED),
        # It was pulled, and joined with what the repository has.
        ({"release_": NEW, "working": EDITED, "shipped": OLD, "pulled": EDITED}, NEW, NEW),
        # A release without a catalogue.
        ({"release_": None, "working": EDITED, "shipped": OLD}, EDITED, OLD),
    ],
)
def test_a_release_is_taken_in(tmp_path: Path, before: dict[str, bytes | None], working: bytes, shipped: bytes) -> None:
    root = host(tmp_path, **before)
    for _ in range(2):
        require_room(root, root / "current")
        take_in(root)
        after = standing_of(root)
        assert (after.working, after.shipped) == (working, shipped)
        assert is_ahead(root) == (working != shipped)
    assert after.pulled is None or after.is_ahead


@pytest.mark.parametrize(
    "more", [{"shipped": OLD}, {}, {"shipped": OLD, "pulled": b"another"}], ids=["edited", "of nobody knows whom", "edited again"]
)
def test_edits_on_both_sides_are_told_and_nothing_is_touched(tmp_path: Path, more: dict[str, bytes]) -> None:
    root = host(tmp_path, release_=NEW, working=EDITED, **more)
    before = tree(root)
    for act in (take_in, lambda root: require_room(root, root / "current")):
        with pytest.raises(CatalogueError, match="`bin/regops catalogue pull --force`"):
            act(root)
    assert tree(root) == before


def test_what_was_replaced_can_be_had_back_by_an_undo(tmp_path: Path) -> None:
    root = host(tmp_path, release_=NEW, working=OLD, shipped=OLD)
    take_in(root)
    Store(working_copy(root)).undo()
    assert (working_copy(root).read_bytes(), is_ahead(root)) == (OLD, True)


@pytest.mark.parametrize(
    ("more", "pushed", "done"),
    [
        ({"working": OLD, "shipped": OLD}, NEW, True),
        ({"working": None}, NEW, True),
        ({"working": NEW, "shipped": OLD}, NEW, True),
        ({"working": EDITED, "shipped": OLD, "pulled": EDITED}, NEW, True),
        ({"working": EDITED, "shipped": OLD}, NEW, False),
        ({"working": EDITED, "shipped": OLD}, OLD, False),
    ],
)
def test_a_push_replaces_everything_but_edits(tmp_path: Path, more: dict[str, bytes | None], pushed: bytes, done: bool) -> None:
    root = host(tmp_path, release_=OLD, **more)
    before = standing_of(root)
    assert ship(root, pushed) is done
    if not done:
        assert standing_of(root) == before
        assert ship(root, pushed, force=True)
        Store(working_copy(root)).undo()
        assert working_copy(root).read_bytes() == before.working
        return
    assert (standing_of(root).working, standing_of(root).shipped, standing_of(root).pulled) == (pushed, pushed, None)
    # And the next `up`, which ships the same bytes, has nothing to do.
    release(root, pushed)
    after = tree(root)
    take_in(root)
    assert tree(root) == after


def test_what_was_pulled_and_edited_again_is_an_edit(tmp_path: Path) -> None:
    root = host(tmp_path, release_=OLD, working=EDITED, shipped=OLD)
    note_pulled(root, EDITED)
    assert is_ahead(root), "until it comes back"
    working_copy(root).write_bytes(b"edited again")
    assert not ship(root, NEW)


@pytest.mark.parametrize("action", [take_in, lambda root: ship(root, NEW)], ids=["up", "push"])
@pytest.mark.parametrize(
    "before", [{"working": None}, {"working": OLD, "shipped": OLD}, {"working": EDITED, "shipped": OLD, "pulled": EDITED}]
)
def test_a_kill_at_any_step_loses_nothing_and_the_next_run_completes_it(
    tmp_path: Path, action: Callable[[Path], object], before: dict[str, bytes | None]
) -> None:
    host(tmp_path / "before", release_=NEW, **before)
    root = tmp_path / "root"
    for step in itertools.count(1):
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(tmp_path / "before", root)
        if not killed_at(step, lambda: action(root)):
            break
        assert standing_of(root).working in {before["working"], NEW}
        action(root)
        assert (standing_of(root).working, standing_of(root).shipped, standing_of(root).pulled) == (NEW, NEW, None)
    assert step > 5
