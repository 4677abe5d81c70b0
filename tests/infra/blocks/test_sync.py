"""Settings of the mirror that cannot work are refused, each with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from infra.settings import SettingsError, parse

ALPINE = {"source": "docker.io/library/alpine"}


def problem(**sync: Any) -> str:
    """Return the one problem that settings of the mirror have."""
    with pytest.raises(SettingsError) as refused:
        parse({"sync": sync}, stack="test")
    (told,) = refused.value.problems
    return told


@pytest.mark.parametrize(
    ("source", "registry", "repository", "tag"),
    [
        ("docker.io/library/alpine", "docker.io", "library/alpine", None),
        ("docker.io/library/alpine:3.22", "docker.io", "library/alpine", "3.22"),
        ("codeberg.org/forgejo/forgejo:12-rootless", "codeberg.org", "forgejo/forgejo", "12-rootless"),
        ("registry:5000/a", "registry:5000", "a", None),
        ("localhost/a/b", "localhost", "a/b", None),
        ("192.0.2.1:5000/a:1", "192.0.2.1:5000", "a", "1"),
    ],
)
def test_a_source_names_registry_repository_and_perhaps_a_tag(
    source: str, registry: str, repository: str, tag: str | None
) -> None:
    (entry,) = parse({"sync": {"entries": [{"source": source}]}}, stack="test").sync.entries
    assert (entry.registry, entry.repository, entry.tag) == (registry, repository, tag)


def test_an_entry_may_have_another_target() -> None:
    entries = [{**ALPINE, "target": "base/alpine"}]
    assert parse({"sync": {"entries": entries}}, stack="test").sync.entries[0].repository == "base/alpine"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"source": "alpine"}, "entries.0.source: should be a repository or image with its registry, such as "),
        ({"source": "library/alpine"}, "entries.0.source: should be a repository or image with its registry, such as "),
        ({"source": "docker.io/Alpine"}, "entries.0.source: should be "),
        ({"source": "https://docker.io/alpine"}, "entries.0.source: should be "),
        ({"source": "docker.io/alpine:"}, "entries.0.source: should be "),
        ({"source": "docker.io/{{env `HOME`}}"}, "entries.0.source: should be "),
        ({"source": "docker.io/alpine@sha256:" + "0" * 64}, "entries.0.source: has a digest, "),
        ({**ALPINE, "target": "registry.example.com/alpine"}, "entries.0.target: starts with a registry; "),
        ({**ALPINE, "target": "localhost:5000/alpine"}, "entries.0.target: should be a repository of this registry, "),
        ({**ALPINE, "target": "alpine:3.22"}, "entries.0.target: should be a repository of this registry, without "),
        ({**ALPINE, "tags": ["3.22", "(?!rc).*"]}, "entries.0.tags.1: should be a regular expression of "),
        ({**ALPINE, "deny": ["("]}, "entries.0.deny.0: is not a valid regular expression: "),
        ({"source": "docker.io/alpine:3.22", "tags": ["3.*"]}, "entries.0: source is a single image; "),
        # An index without some of its platforms loses data in garbage collections.
        ({**ALPINE, "platforms": ["linux/amd64"]}, "entries.0.platforms: unknown key"),
    ],
)
def test_an_entry_that_cannot_be_mirrored_is_refused(entry: dict[str, Any], told: str) -> None:
    assert problem(entries=[entry]).startswith(f"sync.{told}")


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ([ALPINE], "several entries copy to library/alpine; "),
        ([{"source": "ghcr.io/library/alpine"}], "several entries copy to library/alpine; "),
        ([{"source": "docker.io/a/b", "target": "library/alpine"}], "several entries copy to library/alpine; "),
        ([{"source": "docker.io/library/alpine:3.22"}], "one entry copies to library/alpine, another to library/alpine:3.22; "),
        ([{"source": "docker.io/a:1"}, {"source": "ghcr.io/a:1"}], "several entries copy to a:1; "),
    ],
)
def test_no_two_entries_write_the_same(others: list[dict[str, str]], told: str) -> None:
    assert problem(entries=[ALPINE, *others]).startswith(f"sync: {told}")


def test_single_tags_of_one_repository_may_come_from_anywhere() -> None:
    entries = [{"source": "docker.io/a:1"}, {"source": "docker.io/a:2"}, {"source": "ghcr.io/b:3", "target": "a"}]
    assert len(parse({"sync": {"entries": entries}}, stack="test").sync.entries) == 3


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"repository": "ci/app:1"}, "retention.0.repository: should be a repository of this registry, "),
        ({"repository": "registry.example.com/ci"}, "retention.0.repository: starts with a registry; "),
        ({"repository": "ci/**"}, "retention.0.repository: should be a repository of this registry, "),
        ({"tags": "(ci|pr)-.*"}, "retention.0.tags: should be a regular expression of "),
        ({"tags": ""}, "retention.0.tags: should be "),
        ({"keep": 0}, "retention.0.keep: "),
    ],
)
def test_a_rule_that_could_delete_something_else_is_refused(rule: dict[str, Any], told: str) -> None:
    assert problem(retention=[{"repository": "ci/app", "tags": "ci-.*", "keep": 3, **rule}]).startswith(f"sync.{told}")


def test_two_rules_do_not_contradict_each_other() -> None:
    rules = [{"repository": "ci/app", "tags": "ci-.*", "keep": keep} for keep in (3, 30)]
    assert problem(retention=rules).startswith("sync: several retention rules are for ci-.* in ci/app; ")


def test_what_is_mirrored_is_not_deleted_over_and_over() -> None:
    rule = {"repository": "library/alpine", "tags": ".*", "keep": 3}
    assert problem(entries=[ALPINE], retention=[rule]).startswith(
        "sync: retention: tags deleted from library/alpine would be mirrored again; "
    )


@pytest.mark.parametrize("interval", ["0h", "0m", "4m", "h", "12", "30s", "1m1h"])
def test_regsync_neither_stands_still_nor_runs_all_the_time(interval: str) -> None:
    assert problem(interval=interval).startswith("sync.interval: ")


@pytest.mark.parametrize("interval", ["5m", "12h", "1h30m"])
def test_intervals_are_written_as_go_does(interval: str) -> None:
    assert parse({"sync": {"interval": interval}}, stack="test").sync.interval == interval
