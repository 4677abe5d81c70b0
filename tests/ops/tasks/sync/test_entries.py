"""The catalogue is read as regsync reads it, and what cannot be mirrored says why."""

from __future__ import annotations

import pytest

from tests.ops.tasks.sync.entries_for_tests import HERE, entries, entry


def test_names_are_in_full() -> None:
    (found,) = entries({"source": "alpine:3.22", "target": f"{HERE}/base/alpine:3.22", "type": "image"})
    assert (found.name, found.upstream, found.repository, found.tag) == (
        "docker.io/library/alpine:3.22",
        "docker.io",
        "base/alpine",
        "3.22",
    )
    assert found.failure is None


def test_defaults_of_the_file_hold_for_entries_that_say_nothing_else() -> None:
    given = {"source": "quay.io/a/b", "target": f"{HERE}/a/b", "type": "repository"}
    own, inherited = entries(
        {**given, "referrers": False}, {**given, "target": f"{HERE}/c"}, defaults={"referrers": True, "parallel": 4}
    )
    assert own.entry is not None
    assert inherited.entry is not None
    assert (own.entry.referrers, inherited.entry.referrers) == (False, True)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"source": "quay.io/a/b", "target": "elsewhere.example.com/a/b", "type": "repository"}, "elsewhere.example.com"),
        ({"source": "quay.io/a/b", "target": f"{HERE}/a/b", "type": "repo"}, "type"),
        ({"source": "quay.io/org", "target": HERE, "type": "registry"}, "names more than a registry"),
        ({"source": "docker.io", "target": HERE, "type": "registry"}, "lists its repositories to nobody"),
        ({"source": "quay.io/{{ env \"X\" }}", "target": f"{HERE}/a/b", "type": "repository"}, "$X is not set"),
        ({"source": "ocidir:///srv/images", "target": f"{HERE}/a/b", "type": "repository"}, "names a folder"),
        ({"source": "quay.io/a/b", "target": f"{HERE}/a/b", "type": "repository", "platform": "linux/amd64"}, "platform"),
    ],
)  # fmt: skip
def test_what_cannot_be_mirrored_says_why_with_its_line(given: dict[str, str], why: str) -> None:
    (found,) = entries(given)
    assert found.failure is not None
    assert why in found.failure.why
    assert found.failure.why.startswith("catalogue.yml:")
    assert found.failure.remedy
    assert not found.failure.passes


def test_two_that_write_the_same_tag_are_both_refused() -> None:
    given = {"target": f"{HERE}/a/b", "type": "image"}
    found = entries({"source": "quay.io/a/b:1", **given}, {"source": "ghcr.io/a/b:1", **given})
    assert all(one.failure for one in found)


def test_an_edit_of_its_filters_does_not_make_it_another_entry() -> None:
    assert entry(tags={"allow": ["1"]}).key == entry(tags={"allow": ["2"]}).key
    assert entry().key != entry(target="elsewhere").key
