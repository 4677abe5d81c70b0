"""Settings of the mirror that cannot work are refused, each with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from infra.settings import SettingsError, parse

DIGEST = "sha256:" + "0" * 64
ALPINE = {"source": "docker.io/library/alpine"}
COSIGN = {"url": "https://example.com/cosign-linux-amd64", "sha256": "0" * 64}


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
        ("alpine", "docker.io", "library/alpine", None),
        ("alpine:3.22", "docker.io", "library/alpine", "3.22"),
        ("docker.io/alpine", "docker.io", "library/alpine", None),
        ("coredns/coredns:1", "docker.io", "coredns/coredns", "1"),
        ("index.docker.io/coredns/coredns", "docker.io", "coredns/coredns", None),
        ("registry-1.docker.io/alpine", "docker.io", "library/alpine", None),
        (f"quay.io/org/app:1.2@{DIGEST}", "quay.io", "org/app", "1.2"),
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


@pytest.mark.parametrize(
    ("source", "target", "repository", "tag"),
    [
        ("alpine", "base/alpine", "base/alpine", None),
        ("alpine", "docker.io/library/alpine", "docker.io/library/alpine", None),
        ("quay.io/org/app", "com.example/shop", "com.example/shop", None),
        ("alpine:3.22", "base/alpine", "base/alpine", "3.22"),
        ("alpine:3.22", "base/alpine:stable", "base/alpine", "stable"),
        (f"alpine@{DIGEST}", "base/alpine:pinned", "base/alpine", "pinned"),
        (f"alpine:3.22@{DIGEST}", "base/alpine", "base/alpine", "3.22"),
    ],
)
def test_an_entry_may_have_another_target(source: str, target: str, repository: str, tag: str | None) -> None:
    entries = [{"source": source, "target": target}]
    (entry,) = parse({"sync": {"entries": entries}}, stack="test").sync.entries
    assert (entry.repository, entry.tag) == (repository, tag)


def test_a_mirror_may_be_laid_out_by_upstream_host_beside_namespaces_that_look_like_hosts() -> None:
    entries = [
        {"source": f"{host}/{path}", "tags": [r"v?3\.\d+"], "target": f"{host}/{path}"}
        for host, path in (("docker.io", "library/alpine"), ("quay.io", "prometheus/prometheus"))
    ]
    rules = [{"repository": "com.example/shop", "tags": r"build-\d+", "keep": 5}]
    anonymous = [{"repositories": f"{host}/**", "actions": ["pull"]} for host in ("docker.io", "quay.io")]
    settings = parse({"sync": {"entries": entries, "retention": rules}, "anonymous": anonymous}, stack="test")
    assert [entry.repository for entry in settings.sync.entries] == ["docker.io/library/alpine", "quay.io/prometheus/prometheus"]


@pytest.mark.parametrize("where", ["target", "repository"])
def test_the_name_of_this_registry_is_no_part_of_a_repository(where: str) -> None:
    given = {
        "target": {"entries": [{**ALPINE, "target": "registry.example.com/alpine"}]},
        "repository": {"retention": [{"repository": "registry.example.com/alpine", "tags": "a", "keep": 1}]},
    }
    with pytest.raises(SettingsError, match=r"begins with the name of this registry; leave registry\.example\.com/ out"):
        parse({"sync": given[where], "registry_host": "registry.example.com:8443"}, stack="test")


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"source": "docker.io/Alpine"}, "entries.0.source: should be "),
        ({"source": "https://docker.io/alpine"}, "entries.0.source: should be "),
        ({"source": "docker.io/alpine:"}, "entries.0.source: should be "),
        ({"source": "docker.io/{{env `HOME`}}"}, "entries.0.source: should be "),
        ({"source": f"docker.io/alpine@{DIGEST}"}, "entries.0: source has a digest, "),
        ({"source": f"docker.io/alpine@{DIGEST}", "target": "base/alpine"}, "entries.0: source has a digest, "),
        ({"source": "docker.io/alpine@sha256:abc"}, "entries.0.source: should be "),
        ({"source": f"docker.io/alpine:1@{DIGEST}", "semver": ["1"]}, "entries.0: source is a single image; "),
        ({**ALPINE, "target": "localhost:5000/alpine"}, "entries.0.target: should be a repository of this registry, "),
        ({**ALPINE, "target": "alpine:3.22"}, "entries.0: target has a tag, but source is a whole repository; "),
        ({**ALPINE, "target": f"alpine@{DIGEST}"}, "entries.0.target: should be a repository of this registry, "),
        (
            {**ALPINE, "tags": ["3.22", "(?!rc).*"]},
            "entries.0.tags.1: is not a regular expression that regsync understands: look-ahead",
        ),
        ({**ALPINE, "deny": ["("]}, "entries.0.deny.0: is not a valid regular expression: "),
        ({**ALPINE, "semver": [">= 3.19"]}, "entries.0.semver.0: "),
        ({**ALPINE, "semver": ["3.x"]}, "entries.0.semver.0: "),
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
        ([{"source": "quay.io/a:1"}, {"source": "ghcr.io/a:1"}], "several entries copy to a:1; "),
    ],
)
def test_no_two_entries_write_the_same(others: list[dict[str, str]], told: str) -> None:
    assert problem(entries=[ALPINE, *others]).startswith(f"sync: {told}")


def test_a_single_tag_may_stand_beside_a_repository_that_does_not_copy_it() -> None:
    entries = [{**ALPINE, "tags": [r"3\.\d+"]}, {"source": "alpine:3.22", "target": "library/alpine:stable"}]
    assert len(parse({"sync": {"entries": entries}}, stack="test").sync.entries) == 2
    assert problem(entries=[*entries, {"source": "alpine:3.21"}]).startswith(
        "sync: one entry copies to library/alpine, another to "
    )


def test_single_tags_of_one_repository_may_come_from_anywhere() -> None:
    entries = [{"source": "docker.io/a:1"}, {"source": "docker.io/a:2"}, {"source": "ghcr.io/b:3", "target": "a"}]
    assert len(parse({"sync": {"entries": entries}}, stack="test").sync.entries) == 3


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"repository": "ci/app:1"}, "retention.0.repository: should be a repository of this registry, "),
        ({"repository": "ci/**"}, "retention.0.repository: should be a repository of this registry, "),
        ({"tags": "(ci|pr)-.*"}, "retention.0.tags: should be a regular expression of "),
        ({"tags": ""}, "retention.0.tags: should be "),
        ({"keep": 0}, "retention.0.keep: "),
        ({"order": "name"}, "retention.0.order: "),
        ({"order": "version"}, "retention.0: order: version, but .* in ci-.* may be anything, "),
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


def test_the_catalogue_or_the_settings_say_what_is_mirrored_and_not_both() -> None:
    told = problem(into=["library/**"], entries=[ALPINE])
    assert told.startswith("sync: into and entries exclude each other")
    assert "`bin/regops catalogue import`" in told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"entries": [ALPINE], "window": "22:00-06:00"}, "window only works with into"),
        ({"reserve_gb": 5, "hub_reserve": 5}, "reserve_gb, hub_reserve only works with into"),
        ({"variables": {"HUB": "docker.io"}}, "variables only works with into"),
        ({"cosign": COSIGN}, "cosign only works with into"),
        ({"into": ["library/**"], "interval": "6h"}, "interval only works with entries"),
    ],
)
def test_what_nothing_would_read_is_refused(given: dict[str, Any], told: str) -> None:
    assert problem(**given).startswith(f"sync: {told}; ")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"into": ["library/*"]}, "into.0: should be a repository name, a prefix ending in /**, "),
        ({"window": "22-6"}, "window: should be two times of day in UTC, "),
        ({"reserve_gb": -1}, "reserve_gb: "),
        ({"parallel": 17}, "parallel: "),
        ({"variables": {"A-B": "x"}}, "variables.A-B"),
        ({"variables": {"A": ""}}, "variables.A: "),
        ({"cosign": {"url": COSIGN["url"]}}, "cosign.sha256: is required"),
        ({"cosign": {**COSIGN, "sha256": "sha256:abc"}}, "cosign.sha256: "),
        ({"cosign": {**COSIGN, "url": "/usr/bin/cosign"}}, "cosign.url: "),
    ],
)
def test_a_mirror_that_cannot_be_is_refused(given: dict[str, Any], told: str) -> None:
    assert problem(**{"into": ["library/**"], **given}).startswith(f"sync.{told}")


def test_the_host_is_told_which_cosign_to_fetch() -> None:
    mirror = parse({"sync": {"into": ["library/**"], "cosign": COSIGN}}, stack="test").sync.mirror(())
    assert mirror.cosign is not None
    assert mirror.cosign.model_dump() == COSIGN


def test_the_mirror_does_not_write_below_the_name_of_this_registry() -> None:
    with pytest.raises(SettingsError, match=r"registry\.example\.com/\*\* begins with the name of this registry"):
        parse({"sync": {"into": ["registry.example.com/**"]}, "registry_host": "registry.example.com"}, stack="test")
