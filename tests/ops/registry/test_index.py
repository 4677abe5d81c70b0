"""The index: what is written is read, it is compact, and a damaged one is named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ops.registry.index import IndexDamagedError, RepositoryIndex, index_of, read_index, write_index
from ops.registry.listing import listing_of
from ops.registry.tree import Kind, RegistryTree
from tests.ops.tasks.gc.trees import Layout, lay_out_images


def test_an_index_is_read_as_it_was_written(tmp_path: Path) -> None:
    layout = Layout(RegistryTree(tmp_path / "registry"))
    layout.layer("team/app", b"layer", "sha512")
    layout.tag("team/app", "v1", layout.image("team/app", [b"one"]))
    layout.tag("team/app", "v1", layout.image("team/app", [b"two"]))
    index = index_of(listing_of(layout.tree))
    write_index(tmp_path / "index.gz", index)
    assert read_index(tmp_path / "index.gz") == index
    one = index["team/app"]
    assert len(one.histories["v1"]) == 2
    assert [one.stored_as(digest).partition(":")[0] for digest in one.aliases] == ["sha256"]
    kinds = [entry.kind for entry in one.entries("team/app")]
    assert kinds == sorted(kinds), "targets before what points to them"
    assert kinds.count(Kind.TAG) == 1


def test_a_tag_that_is_just_being_pushed_for_the_first_time_is_none_yet(tmp_path: Path) -> None:
    """The registry writes its history first. Restored without its end, it would be a tag that is listed and cannot be pulled."""
    layout = Layout(RegistryTree(tmp_path / "registry"))
    layout.tag("team/app", "v1", layout.image("team/app", [b"one"]))
    layout.tag("team/app", "v2", layout.image("team/app", [b"two"]))
    (layout.tree.tag_folder("team/app", "v2") / "current/link").unlink()
    (one,) = index_of(listing_of(layout.tree)).values()
    assert (list(one.tags), list(one.histories), len(one.revisions)) == (["v1"], ["v1"], 2)


def test_a_history_without_a_tag_that_an_earlier_version_noted_is_not_restored() -> None:
    image = f"sha256:{'a1' * 32}"
    index = RepositoryIndex(tags={"v1": image}, histories={"v1": [image], "left": [image]}, revisions=[image])
    assert [(entry.kind, entry.tag) for entry in index.entries("team/app")] == [
        (Kind.REVISION, ""),
        (Kind.TAG_HISTORY, "v1"),
        (Kind.TAG, "v1"),
    ]


def test_an_index_takes_some_forty_bytes_for_each_blob(tmp_path: Path) -> None:
    tree = RegistryTree(tmp_path / "registry")
    lay_out_images(tree, 3_000)
    write_index(tmp_path / "index.gz", index_of(listing_of(tree)))
    assert (tmp_path / "index.gz").stat().st_size / 3_000 < 50


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        # Without a time, which would give each test worker names of its own.
        gzip.compress(b"", mtime=0),
        gzip.compress(b"[]\n", mtime=0),
        gzip.compress(b'{"schema":1}\n{"repository":"app","what":1}\n', mtime=0),
        gzip.compress(b'{"schema":1}\n{"rep', mtime=0),
        gzip.compress(b'{"schema":1}\n' + b"[" * 20_000, mtime=0),
        gzip.compress(b'{"schema":1}\n{"repository":"app","tags":5}\n', mtime=0),
        gzip.compress(b'{"schema":1}\n{"repository":5}\n', mtime=0),
        gzip.compress(b'{"schema":1}\n{"repository":"app","histories":{"v1":null}}\n', mtime=0),
        gzip.compress(b'{"schema":1}\n' * 100, mtime=0)[:-9],
    ],
)
def test_a_damaged_index_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "index.gz").write_bytes(content)
    with pytest.raises(IndexDamagedError, match=r"index\.gz cannot be read"):
        read_index(tmp_path / "index.gz")


def test_an_index_of_a_later_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.gz").write_bytes(gzip.compress(b'{"schema":99}\n'))
    with pytest.raises(IndexDamagedError, match="later version"):
        read_index(tmp_path / "index.gz")


def test_a_repository_has_nothing_by_default() -> None:
    assert list(RepositoryIndex().entries("app")) == []
