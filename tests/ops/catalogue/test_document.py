"""A catalogue's text as a tree that knows its places: entries with their lines, what they say, and what cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import ops.catalogue.nodes as subject
from ops.catalogue.document import Document
from ops.catalogue.errors import CatalogueError
from tests.ops.catalogue.catalogue_samples import ANCHORS, SHAPES

BROKEN = {
    "version: 1\n# a\u2028b: c\n": r"catalogue.yml:2: has a character that only some programs take for the end of a line",
    "version: 1\rsync: []\r": r"catalogue.yml:1: has a character that only some programs",
    "version: 1\nsync: [\n": r"catalogue.yml:2: is not YAML",
    "sync:\n- source: a\n target: b\n": r"catalogue.yml:3: is not YAML",
    "a: 1\n---\nb: 2\n": r"catalogue.yml:2: begins a second document",
    "sync:\n  - <<: *gone\n": r"catalogue.yml:2: \*gone names an anchor that is not there",
    "version: 1\nsync: {a: b}\n": r"catalogue.yml:2: sync should be a list",
    "sync: alpine\n": r"catalogue.yml:1: sync should be a list",
    "- source: a\n": r"catalogue.yml:1: should be keys with values",
    "alpine\n": r"catalogue.yml:1: should be keys with values",
    "a: &a [x, x]\n"
    + "".join(f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)): (
        r"catalogue.yml:\d: \*\w makes it too large"
    ),
    "sync:\n- " + "[" * 3000 + "]" * 3000: r"catalogue.yml:2: has more than 50 parts within each other",
    "a: &a0 {b: c}\n"
    + "".join(f"x{n}: &a{n + 1} {{<<: *a{n}}}\n" for n in range(60)): r"catalogue.yml:\d+: has more than 50 parts",
    "sync:\n  - &a [*a]\n": r"catalogue.yml:2: \*a names an anchor that is not there",
}


def as_text(value: Any) -> Any:
    """Return a value of another reader with words in the place of what has none of its own here."""
    match value:
        case dict():
            return {str(key): as_text(inner) for key, inner in value.items()}
        case list():
            return [as_text(inner) for inner in value]
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
    return value


@pytest.fixture(params=["fast", "slow"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's parser in C, and the one in Python that stands in for it where that is missing."""
    if request.param == "slow":
        monkeypatch.setattr(subject, "_LOADER", yaml.SafeLoader)


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("shape", SHAPES)
def test_entries_say_what_another_reader_sees(shape: str) -> None:
    document = Document(SHAPES[shape])
    seen = yaml.safe_load(SHAPES[shape]) or {}
    assert [item.values for item in document.entries] == as_text(seen.pop("sync", None) or [])
    assert document.rest == as_text(seen)


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("shape", SHAPES)
def test_places_are_those_in_the_text(shape: str) -> None:
    text = SHAPES[shape]
    for item in Document(text).entries:
        written = text[item.node.start : item.node.end]
        assert written.strip() == written
        assert text.count("\n", 0, item.node.start) + 1 == item.line
        for key, value in item.node.pairs:
            assert text[key.start : key.end].strip("'\"") == key.text
            assert "#" not in text[key.start : value.end].rpartition("\n")[2].partition("# ")[2]
        assert written.partition("#")[0].strip(), "no entry is a comment alone"


def test_the_end_of_a_block_is_the_end_of_what_it_says() -> None:
    document = Document("sync:\n  - source: a # of it\n\n    # and this\n  - source: b\n")
    assert [document.text[item.node.start : item.node.end] for item in document.entries] == ["source: a", "source: b"]


def test_an_entry_that_is_only_named_stands_where_it_is_named() -> None:
    document = Document("x-a: &a {source: s, target: t}\nsync:\n  - *a # twice\n  - *a\n")
    assert [(item.line, item.values) for item in document.entries] == [
        (3, {"source": "s", "target": "t"}),
        (4, {"source": "s", "target": "t"}),
    ]
    assert [document.text[item.node.start : item.node.end] for item in document.entries] == ["*a", "*a"]


def test_own_keys_count_more_than_merged_ones() -> None:
    entries = Document(ANCHORS).entries
    assert entries[0].values["tags"] == {"allow": [r"v\d+\.\d+\.\d+"], "deny": [r".*-rc\d+"]}
    assert entries[3].values["target"] == "registry.example.com/copy/node-exporter"
    assert entries[3].values["source"] == "quay.io/prometheus/node-exporter"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 2),
        (("source",), 2),
        (("tags",), 4),
        (("tags", "allow", 1), 7),
        (("tags", "deny"), 8),
        (("platform",), 2),
        (("tags", "x"), 4),
    ],
)
def test_keys_have_lines(path: tuple[str | int, ...], line: int) -> None:
    text = "sync:\n- source: a\n  target: b\n  tags:\n    allow:\n    - a\n    - b\n    deny: [c]\n"
    assert Document(text).entries[0].line_of(*path) == line


@pytest.mark.parametrize("text", BROKEN)
def test_what_cannot_be_read_is_told_with_its_line(text: str) -> None:
    with pytest.raises(CatalogueError, match=BROKEN[text]) as caught:
        Document(text)
    assert caught.value.exit_code == 10


def test_what_is_no_utf_8_is_told_with_its_line() -> None:
    with pytest.raises(CatalogueError, match=r"my\.yml:2: is not UTF-8"):
        Document.of(b"version: 1\n# \xff\n", Path("folder/my.yml"))


def test_an_entry_that_is_no_mapping_is_there_and_says_nothing() -> None:
    document = Document("sync:\n  - alpine\n  -\n  - source: a\n")
    assert [item.values for item in document.entries] == [{}, {}, {"source": "a"}]


def test_an_entry_is_shown_with_its_lines() -> None:
    document = Document(SHAPES["versioned"])
    assert document.lines_of(document.entries[1]).splitlines() == [
        "  - source: 'docker.io/library/mariadb:{{ env \"MARIADB_VERSION\" }}'",
        "    target: 'registry.example.com/library/mariadb:{{ env \"MARIADB_VERSION\" }}'",
        "    type: 'image'",
    ]


@pytest.mark.parametrize("text", ["", "null", "~", "# nothing\n"])
def test_a_catalogue_that_says_nothing_has_nothing(text: str) -> None:
    document = Document(text)
    assert (document.entries, document.rest) == ((), {})
