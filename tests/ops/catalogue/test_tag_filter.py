"""The tags that an entry names are those that the real regsync would copy; the highest are in the order of their versions."""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from ops.catalogue import patterns
from ops.catalogue.entry import Entry, TagFilter, read
from ops.catalogue.semver import Range, version
from ops.catalogue.tag_filter import highest, matching
from ops.core.process import CommandError, run
from tests.ops.tasks.gc.gc_rig import Client, Image, running
from tests.real_programs import go_binary


def _words(text: str) -> list[str]:
    return text.split()


# Releases, pre-releases, variants, rebuilds, dates, commits, names; numbers that are too large, and what only looks like one.
TAGS = _words(
    "latest edge 1 2 1.2 1.10 v1.2 1.2.3 v1.2.3 V1.2.3 1.2.3.4 1.02.3 0.0.3 0.0.4 0.2.3 0.3.0 2.0.0 1.2.3-rc1 1.2.3-rc.1 "
    "1.2.3-rc.2 1.2.3-rc10 1.2.3-alpha 1.2.3-alpha.beta 1.2.3-1 1.2.3-1a 1.2.3-1a2 1.2.3-1a10 1.2.3-a1.99999999999999999999 "
    "17.2-alpine 17.2 17.10-alpine3.20 3.20-alpine3.9 2024-01-15 20240115 99999999999999999999 1..2 1.2. v v1 sha-1a2b3c "
    "bookworm Bookworm bookworm_1 1.2.3- 1.2.3-rc1-alpine nightly-20240101 a1 aa ab"
)
PIECES = _words(
    r"\d+ \d [0-9]+ [0-9]{1,2} . .* .+ \. - _ v? v 1 2 1\.2 [a-c1]+ [^a-z]+ \w+ \W \pL \p{Lu} \pN* [[:alpha:]]+ [[:digit:]] "
    r"(?i) (?i:BOOK) (?:alpine|rc) (rc|alpha) (?P<a>1) (?s:.) ^ $ \b \B \A \z | | a{,5} a{0,3} \x31 \Q1.\E latest alpine "
    r"(-alpine)? .*? [a-z]+? (?U:1.*)"
)
FIXED: Sequence[dict[str, Any]] = (
    {},
    {"tags": {"allow": ["1|2"]}},
    {"tags": {"allow": ["1.2.3|a|b"], "deny": ["v.*|.*alpine"]}},
    {"tags": {"allow": ["(?P<n>1).*", "(?P<n>2).*"]}},
    {"tags": {"deny": ["(?i)BOOK.*"]}},
    {"tagSets": [{}, {"allow": ["1"]}]},
    {"tagSets": [{"allow": ["nothing"]}, {"semverRange": ["^0.2.3", "~1.2.3"]}], "tags": {"deny": [r".*\d.*"]}},
    {"tags": {"semverRange": [">=1.2.3-1a2 <=1.2.3-rc.2"]}},
    {"tags": {"semverRange": ["1.2.3-a1.5", "^0.0.3"]}},
)


def _pattern(dice: random.Random) -> str:
    if dice.random() < 0.2:
        return dice.choice(TAGS)
    return "".join(dice.choice(PIECES) for _ in range(dice.randrange(1, 6)))


def _range(dice: random.Random) -> str:
    versions = [tag for tag in TAGS if version(tag)]
    one = [dice.choice([">=", "<=", ">", "<", "=", "^", "~", ""]) + dice.choice(versions) for _ in range(dice.choice([1, 1, 2]))]
    return " ".join(one)


def _set(dice: random.Random) -> dict[str, Any]:
    def some(make: Any, most: int) -> list[str]:
        return [make(dice) for _ in range(dice.randrange(most + 1))]

    return {"allow": some(_pattern, 3), "deny": some(_pattern, 1), "semverRange": some(_range, 2) if dice.random() < 0.5 else []}


def entries(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Entries with what is valid for us; what is not is refused long before."""
    dice, made = random.Random(seed), 0  # noqa: S311
    while made < count:
        filters = {"tags": _set(dice), "tagSets": [_set(dice) for _ in range(dice.choice([0, 0, 1, 2]))]}
        try:
            _entry(filters)
        except ValidationError:
            continue
        made += 1
        yield filters


def _entry(filters: dict[str, Any]) -> Entry:
    return read({"source": "s.example.com/a", "target": "t.example.com/a", "type": "repository", **filters})


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A registry with one repository that has all the tags."""
    with running(tmp_path_factory.mktemp("tags")) as rig:
        for tag in TAGS:
            assert rig.client.push("source", tag, Image("any", layers=1)).status_code == 201, tag
        yield rig.client


def copied(folder: Path, registry: Client, filters: Sequence[dict[str, Any]]) -> list[set[str]]:
    """Return the tags that regsync says it would copy, by entry."""
    host = registry.url.removeprefix("http://")
    sync = [
        {"source": f"{host}/source", "target": f"{host}/to/{n}", "type": "repository", **one} for n, one in enumerate(filters)
    ]
    creds = [{"registry": host, "tls": "disabled", "reqPerSec": 0, "reqConcurrent": 20}]
    defaults = {"skipDockerConfig": True}
    (folder / "sync.yml").write_text(yaml.safe_dump({"version": 1, "creds": creds, "defaults": defaults, "sync": sync}))
    argv = [str(go_binary("regsync")), "--logopt", "json", "check", "--config", str(folder / "sync.yml")]
    told = run(argv, timeout=300, env={"HOME": str(folder)})
    found: defaultdict[int, set[str]] = defaultdict(set)
    for line in told.stderr.splitlines():
        message = json.loads(line)
        assert message["level"] != "ERROR", line
        if message["msg"] == "Image sync needed":
            repository, _, tag = message["target"].rpartition(":")
            found[int(repository.rpartition("/")[2])].add(tag)
    return [found[number] for number in range(len(filters))]


@pytest.mark.system
@pytest.mark.parametrize("seed", range(2))
def test_the_tags_are_those_that_regsync_copies(seed: int, registry: Client, tmp_path: Path) -> None:
    tried = [*FIXED, *entries(seed, 60)]
    expected = copied(tmp_path, registry, tried)
    ours = [set(matching(_entry(one), TAGS)) for one in tried]
    assert [(one, mine, its) for one, mine, its in zip(tried, ours, expected, strict=True) if mine != its] == []
    assert sum(0 < len(one) < len(TAGS) for one in expected) > 15


@pytest.mark.system
def test_what_has_no_version_in_it_is_refused_by_both(registry: Client, tmp_path: Path) -> None:
    huge = "99999999999999999999"
    with pytest.raises(ValueError, match=huge):
        Range(f">={huge}")
    with pytest.raises(CommandError, match="invalid semver range"):
        copied(tmp_path, registry, [{"tags": {"semverRange": [f">={huge}"]}}])


def test_the_order_of_the_registry_stays() -> None:
    tags = ["b", "a", "c", "a1"]
    assert matching(_entry({"tags": {"allow": ["c", "[ab]"]}}), tags) == ["b", "a", "c"]
    assert matching(_entry({}), tags) == tags


def test_long_lists_of_tags_take_no_time() -> None:
    names = [f"v{minor}.{patch}.0" for minor in range(100) for patch in range(30)]
    entry = _entry({"tags": {"allow": names, "deny": [rf"{name}-.*" for name in names]}})
    started = time.process_time()
    assert matching(entry, [*names, *(f"{name}-rc1" for name in names)]) == names
    assert time.process_time() - started < 2


def test_patterns_that_are_too_large_only_together_are_matched_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "_MAX_BYTES", 1 << 20)
    allow = [rf"{letter}1|{letter}\pL{{20}}" for letter in "abcdefghijkl"]
    assert matching(_entry({"tags": {"allow": allow}}), ["a1", "l1", "m1"]) == ["a1", "l1"]


def test_a_pattern_that_is_too_large_is_named() -> None:
    filters = TagFilter.model_construct(allow=(r"(?:\pL{1000}|\pN{1000}){1000}",))
    with pytest.raises(ValueError, match="pN"):
        matching(_entry({}).model_copy(update={"tags": filters}), TAGS)


@pytest.mark.parametrize(
    "ordered",
    [
        ["17.2-alpine", "17.2", "17.1-alpine", "17.1", "17.0-alpine", "17.0"],
        ["17.10", "17.9", "17", "16.11"],
        ["3.20-alpine3.10", "3.20-alpine3.9", "3.20", "3.3"],
        ["v1.2.3-1", "v1.2.3", "v1.2.3-rc10", "v1.2.3-rc2", "v1.2.3-beta.1", "v1.2.3-alpha", "v1.2.2"],
        ["3.14.0", "3.14.0rc2", "3.14.0b1-pre", "3.13.9"],
        ["1.2.0", "1.2", "1.2.0-rc1", "1.1"],
        ["2026-02-01", "2026-01-15", "2025-12-31"],
        ["jdk-21.0.2", "jdk-17.0.20", "latest", "Edge"],
    ],
)
def test_versions_are_ordered_by_value(ordered: list[str]) -> None:
    shuffled = list(ordered)
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)  # noqa: S311
        assert highest([*shuffled, shuffled[0]], 100) == ordered
    assert highest(shuffled, 2) == ordered[:2]
    assert highest(shuffled, 0) == []
