"""What a tree has: links and blobs, through symbolic links too, and what cannot be read or listed is said."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.registry.listing import listing_of, stamp_of, written_at
from ops.registry.tree import RegistryTree
from tests.ops.tasks.gc.trees import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(RegistryTree(tmp_path / "registry"))


def test_links_and_blobs_are_listed_and_empty_folders_are_not(layout: Layout) -> None:
    image = layout.image("team/app", [b"layer"])
    layout.tag("team/app", "v1", image)
    gone = layout.image("team/app", [b"gone"])
    layout.tree.revision("team/app", gone).unlink()
    listing = listing_of(layout.tree)
    (links,) = listing.repositories.values()
    assert (links.pointed, list(links.histories), list(links.revisions)) == ({"v1": image}, [("v1", image)], [image])
    assert len(links.layers) == 4
    assert {image, gone, *links.layers} == listing.blobs
    assert (links.unreadable, links.unlisted, listing.unlisted) == ([], [], ())


def test_a_repository_behind_a_symbolic_link_is_one_and_a_circle_is_left(layout: Layout, tmp_path: Path) -> None:
    """The registry follows them as well: somebody may have moved a large repository to another disk."""
    image = layout.image("team/big", [b"layer"])
    layout.tag("team/big", "v1", image)
    (tmp_path / "disk").mkdir()
    layout.tree.repository("team").rename(tmp_path / "disk" / "team")
    layout.tree.repository("team").symlink_to(tmp_path / "disk" / "team")
    layout.tree.repository("team/circle").symlink_to(layout.tree.repositories)
    listing = listing_of(layout.tree)
    assert list(listing.repositories) == ["team/big"]
    assert listing.repositories["team/big"].pointed == {"v1": image}


def test_a_folder_that_cannot_be_listed_is_named(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    layout.tag("app", "v1", layout.image("app", [b"layer"]))
    layout.tag("other", "v1", layout.image("other", [b"layer"]))
    broken = f"{layout.tree.repository('app')}/_layers"
    real: Callable[..., list[str]] = os.listdir

    def listdir(path: str) -> list[str]:
        if str(path) == broken:
            raise OSError(5, os.strerror(5), path)
        return real(path)

    monkeypatch.setattr(os, "listdir", listdir)
    listing = listing_of(layout.tree)
    assert listing.repositories["app"].unlisted == [f"{broken} cannot be listed (Input/output error)"]
    assert listing.repositories["other"].unlisted == []
    assert len(listing.repositories["app"].revisions) == 1


def test_a_file_that_is_written_again_has_another_stamp(tmp_path: Path) -> None:
    file = tmp_path / "link"
    stamps = set()
    for _ in range(50):
        beside = tmp_path / "beside"
        beside.write_text("x")
        beside.rename(file)
        stamps.add(stamp_of(str(file)))
    assert len(stamps) > 1
    stamp = stamp_of(str(file))
    assert stamp is not None
    assert written_at(stamp) == pytest.approx(file.stat().st_mtime)
    assert stamp_of(str(tmp_path / "none")) is None
    assert stamp_of(str(file / "none")) is None
