"""Which upstreams are taken to sign their images, and what an entry says against it."""

from __future__ import annotations

from typing import Any

import pytest

from infra.paths import PROJECT_FOLDER
from ops.catalogue.names import is_registry
from ops.catalogue.signed import SIGNED
from tests.ops.tasks.sync.entries_for_tests import HERE, entries, entry


def test_the_table_is_that_of_the_docs() -> None:
    docs = (PROJECT_FOLDER / "docs/mirror.md").read_text()
    for prefix, keys in SIGNED.items():
        (row,) = (line for line in docs.splitlines() if f"`{prefix}`" in line)
        assert row.endswith(f"| {', '.join(f'`{key}`' for key in keys)} |")
        assert is_registry(prefix.partition("/")[0])


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ("ghcr.io/org/app", (True, False)),
        ("gcr.io/distroless/static", (True, False)),
        ("gcr.io/other/static", (False, False)),
        ("mcr.microsoft.com/dotnet/runtime", (False, True)),
        ("quay.io/org/app", (True, True)),
        ("alpine", (False, False)),
    ],
)
def test_signatures_of_known_signers_are_wanted(source: str, keys: tuple[bool, bool]) -> None:
    found = entry(source, "here/app").entry
    assert found is not None
    assert (found.digest_tags, found.referrers) == keys


@pytest.mark.parametrize("says", [{"digestTags": False}, {"platform": "linux/amd64", "x-regops": {"platform_only": True}}])
def test_an_entry_may_say_otherwise(says: dict[str, Any]) -> None:
    found = entry("ghcr.io/org/app", **says).entry
    assert found is not None
    assert not found.digest_tags


def test_defaults_of_the_file_may_say_otherwise() -> None:
    given = {"source": "ghcr.io/org/app", "target": f"{HERE}/org/app", "type": "repository"}
    (found,) = entries(given, defaults={"digestTags": False})
    assert found.entry is not None
    assert not found.entry.digest_tags
