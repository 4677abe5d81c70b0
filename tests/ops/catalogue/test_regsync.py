"""What is written is what the real regsync reads: entries, templates, merged keys, and nothing of ours in the way."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.catalogue.checks import check
from ops.catalogue.document import Document
from ops.catalogue.edits import without_entry
from ops.catalogue.entry import Entry, read
from ops.catalogue.errors import EditError
from ops.catalogue.model import Surroundings
from ops.catalogue.names import filled_in
from ops.core.process import CommandError, run
from tests.ops.catalogue.catalogue_samples import ANCHORS, FLOW, SHAPES, generated
from tests.ops.catalogue.test_random_edits import step
from tests.real_programs import go_binary

pytestmark = pytest.mark.system

ENVIRONMENT = {
    "REGISTRY": "r.example.com",
    "REGISTRY_ENDPOINT": "r.example.com",
    "POSTGRES_VERSION": "17",
    "MARIADB_VERSION": "11",
    "ELASTIC_VERSION": "9.1.2",
}


def understood(folder: Path, text: str) -> list[dict[str, Any]]:
    """Return the entries that regsync sees."""
    (folder / "catalogue.yml").write_bytes(text.encode())
    argv = [str(go_binary("regsync")), "config", "--config", str(folder / "catalogue.yml")]
    told = run(argv, timeout=60, env={**ENVIRONMENT, "HOME": str(folder)})
    return yaml.safe_load(told.stdout)["sync"] or []


def ours(text: str) -> list[Entry]:
    return [read(item.values) for item in Document(text).entries]


def same(entry: Entry, seen: dict[str, Any]) -> None:
    """Compare what regsync sees of an entry with what we do."""
    assert seen["source"] == filled_in(entry.source, ENVIRONMENT)
    assert seen["target"] == filled_in(entry.target, ENVIRONMENT)
    assert seen["type"] == entry.type
    for mine, its in zip((entry.tags, *entry.tag_sets), (seen["tags"], *(seen["tagSets"] or [])), strict=True):
        assert list(mine.allow) == (its["allow"] or [])
        assert list(mine.deny) == (its["deny"] or [])
        assert list(mine.semver_range) == (its.get("semverRange") or [])
    assert seen["digestTags"] == entry.digest_tags
    assert seen["referrers"] == entry.referrers
    assert seen["fastCheck"] == entry.fast_check
    assert [one["artifactType"] for one in seen["referrerFilters"] or []] == [one.artifact_type for one in entry.referrer_filters]
    assert (seen["platforms"] or []) == list(entry.platforms)
    assert seen["schedule"] == entry.schedule
    assert bool(seen["hooks"]["pre"]) == bool(entry.hooks.pre)


@pytest.mark.parametrize("shape", SHAPES)
def test_regsync_reads_an_edited_catalogue_as_we_do(tmp_path: Path, shape: str) -> None:
    random_ = random.Random(f"regsync {shape}")  # noqa: S311
    document = Document(SHAPES[shape])
    for number in range(12):
        try:
            document = step(random_, document, number)[0]
        except EditError:
            continue
    seen = understood(tmp_path, document.text.removeprefix("\ufeff"))  # which it does not know
    for item, its in zip(document.entries, seen, strict=True):
        tags = item.values.get("tags") or {}
        assert its["source"] == filled_in(item.text("source"), ENVIRONMENT)
        assert its["target"] == filled_in(item.text("target"), ENVIRONMENT)
        assert {key: its["tags"].get(key) or [] for key in ("allow", "deny", "semverRange")} == {
            key: [str(one) for one in tags.get(key) or []] for key in ("allow", "deny", "semverRange")
        }


@pytest.mark.parametrize("shape", ["charts", "versioned", "indented", "anchors", "flow", "everything", "windows"])
def test_regsync_reads_every_key_as_we_do(tmp_path: Path, shape: str) -> None:
    entries, seen = ours(SHAPES[shape]), understood(tmp_path, SHAPES[shape])
    assert len(entries) == len(seen) > 0
    for entry, its in zip(entries, seen, strict=True):
        same(entry, its)


@pytest.mark.parametrize("text", [ANCHORS, FLOW, "version: 1\nsync:\n  - {source: a, target: b, type: image}\n"])
def test_regsync_reads_a_catalogue_without_its_last_entries(tmp_path: Path, text: str) -> None:
    document = Document(text)
    while document.entries:
        try:
            document = without_entry(document, document.entries[-1])
        except EditError:
            break
        assert len(understood(tmp_path, document.text)) == len(document.entries)
    assert len(document.entries) == 0


def test_regsync_reads_thousands(tmp_path: Path) -> None:
    assert len(understood(tmp_path, generated())) == len(Document(generated()).entries)


@pytest.mark.parametrize(
    ("spelt", "seen"),
    [
        ("[3.20]", ["3.2"]),
        ("[010]", ["8"]),
        ("[1.10]", ["1.1"]),
        ("[True]", ["true"]),
        ("[a:b]", None),
        ("['3.20', 3.25, 12, 1.2.3, 08, 1e3, 'a:b', true]", ["3.20", "3.25", "12", "1.2.3", "08", "1e3", "a:b", "true"]),
    ],
)
def test_what_regsync_reads_otherwise_is_what_the_check_tells(tmp_path: Path, spelt: str, seen: list[str] | None) -> None:
    text = f"sync:\n- source: a\n  target: r.example.com/a\n  type: repository\n  tags: {{allow: {spelt}}}\n"
    told = [problem for problem in check(Document(text), Surroundings()) if problem.severe]
    if seen is None:
        with pytest.raises(CommandError):
            understood(tmp_path, text)
    else:
        assert understood(tmp_path, text)[0]["tags"]["allow"] == seen
    assert bool(told) == (seen != list(ours(text)[0].tags.allow))


@pytest.mark.parametrize(
    "text",
    [
        "sync:\n- source: a\n  target: b/a\n  type: image\n  referrers: yes\n",
        "sync:\n- source: a\n  target: b/a\n  type: image\n  referrers: 'true'\n",
        "sync:\n- source: a\n  target: b/a\n  type: image\n  tags: {allow: a}\n",
        "sync:\n- source: a\n  target: b/a\n  type: image\n  interval: 1d\n",
        "x: &x {type: image}\nsync:\n- source: a\n  target: b/a\n  <<: [*x]\n",
        "\ufeff# first\nsync: []\n",
    ],
)
def test_what_stops_regsync_is_told_by_the_check(tmp_path: Path, text: str) -> None:
    with pytest.raises(CommandError):
        understood(tmp_path, text)
    assert [problem for problem in check(Document(text), Surroundings()) if problem.severe]


def test_what_is_merged_in_replaces_what_is_before_it(tmp_path: Path) -> None:
    text = "x: &x {type: image}\nsync:\n- source: a\n  target: b/a\n  type: repository\n  <<: *x\n"
    assert understood(tmp_path, text)[0]["type"] == Document(text).entries[0].values["type"] == "image"
