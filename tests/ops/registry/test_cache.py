"""What the registry's cache is told when files were deleted; tests/ops/tasks/gc/test_cache.py tries it with a real one."""

from __future__ import annotations

from collections.abc import Sequence

from ops.registry import cache as subject
from ops.registry.cache import RedisCache
from ops.registry.tree import Entry, Kind
from tests.ops.tasks.gc.gc_rig import digest_of

ONE, TWO = digest_of(b"one"), digest_of(b"two", "sha512")


def sent(*entries: Entry) -> list[Sequence[str]]:
    told: list[Sequence[str]] = []
    RedisCache(told.extend).forget(entries)
    return told


def test_a_blob_and_its_links_are_forgotten() -> None:
    assert sent(
        Entry(Kind.TAG, ONE, "a/b", "v1"),
        Entry(Kind.TAG_HISTORY, ONE, "a/b", "v1"),
        Entry(Kind.REVISION, ONE, "a/b"),
        Entry(Kind.LAYER, TWO, "a/b"),
        Entry(Kind.BLOB, ONE),
    ) == [
        ["SREM", "repository::a/b::blobs", ONE, TWO],
        [
            *("UNLINK", f"blobs::{ONE}", f"repository::a/b::blobs::{ONE}"),
            *(f"blobs::{TWO}", f"repository::a/b::blobs::{TWO}"),
        ],
    ]


def test_without_such_files_nothing_is_sent() -> None:
    assert sent() == sent(Entry(Kind.TAG, ONE, "a", "v1")) == []


def test_many_are_sent_in_parts() -> None:
    told = sent(*(Entry(Kind.LAYER, digest_of(bytes([number // 256, number % 256])), "a") for number in range(1200)))
    assert max(map(len, told)) <= subject._AT_ONCE + 2
    assert sum(len(words) - 1 for words in told if words[0] == "UNLINK") == 2400
    assert sum(len(words) - 2 for words in told if words[0] == "SREM") == 1200
