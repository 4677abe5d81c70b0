"""Edits of single entries, by what they make of the text; and those that are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ops.catalogue.difference import difference
from ops.catalogue.document import Document
from ops.catalogue.edits import with_changes, with_entries, without_entry
from ops.catalogue.errors import EditError
from ops.catalogue.nodes import Plain
from tests.ops.catalogue.catalogue_samples import ACCENTS, ANCHORS, EVERYTHING, FLOW, INDENTED, SHAPES, VERSIONED

ENTRY = {"source": "quay.io/a/b", "target": "registry.example.com/a/b", "type": "image"}
WRITTEN = "  - source: quay.io/a/b\n    target: registry.example.com/a/b\n    type: image\n"
ADDED = {
    "": f"version: 1\nsync:\n{WRITTEN}",
    "# mine\n": f"# mine\nversion: 1\nsync:\n{WRITTEN}",
    "# mine": f"# mine\nversion: 1\nsync:\n{WRITTEN}"[:-1],
    "version: 1": f"version: 1\nsync:\n{WRITTEN}"[:-1],
    "version: 1\nsync: []\n": f"version: 1\nsync:\n{WRITTEN}",
    "sync: []  # none\nversion: 1\n": f"sync:  # none\n{WRITTEN}version: 1\n",
    "sync: [ ]": f"sync:\n{WRITTEN}"[:-1],
    "sync:\n": f"sync:\n{WRITTEN}",
    "sync: null\n# end\n": f"sync:\n{WRITTEN}# end\n",
    "sync: ~\n...\n": f"sync:\n{WRITTEN}...\n",
    "sync:\n- source: a\n": "sync:\n- source: a\n" + WRITTEN.replace("\n  ", "\n")[2:],
    "sync:\n  - source: a\n  # next\n\n# end\n": f"sync:\n  - source: a\n{WRITTEN}  # next\n\n# end\n",
    "sync:\n  - source: a\n    # of a\n\n# end\n": f"sync:\n  - source: a\n    # of a\n{WRITTEN}\n# end\n",
    "sync: [\n]\n": "sync: [\n{source: quay.io/a/b, target: registry.example.com/a/b, type: image}]\n",
    "sync: [{source: a}]\n": "sync: [{source: a}, {source: quay.io/a/b, target: registry.example.com/a/b, type: image}]\n",
    "sync: [{source: a},  # one\n]\n": (
        "sync: [{source: a}, {source: quay.io/a/b, target: registry.example.com/a/b, type: image},  # one\n]\n"
    ),
}


def changed(text: str, index: int, patch: Mapping[str, Any]) -> list[str]:
    """Return the lines that a change takes out and puts in."""
    document = Document(text)
    new = with_changes(document, document.entries[index], patch)
    return [line for line in difference(text, new.text, "x")[2:] if line[0] in "+-"]


@pytest.mark.parametrize("text", ADDED)
def test_an_entry_is_added_where_there_is_room(text: str) -> None:
    assert with_entries(Document(text), [ENTRY]).text == ADDED[text]


def test_an_entry_is_written_like_those_that_are_there() -> None:
    assert with_entries(Document(INDENTED), [ENTRY]).text == INDENTED + WRITTEN.replace("  ", "    ", 1).replace(
        "\n    ", "\n      "
    )
    wide = "sync:\n-   source: a\n    target: b\n"
    assert with_entries(Document(wide), [ENTRY]).text == wide + WRITTEN.replace("  - ", "-   ")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{version: 1}\n", r"catalogue.yml:1: all of it stands in brackets"),
        ("x: &x [{source: a}]\nsync: *x\n", "its list of entries is written elsewhere"),
    ],
)
def test_where_there_is_no_room_that_is_told(text: str, why: str) -> None:
    with pytest.raises(EditError, match=why):
        with_entries(Document(text), [ENTRY])


def test_text_is_quoted_where_it_must_be() -> None:
    words = [
        "true",
        "12",
        "1.20",
        "~",
        "",
        " a",
        "a: b",
        "a #b",
        "- a",
        "it's",
        "2020-01-01",
        "ä",
        "0x1",
        "1_000",
        "latest",
        "a\nb",
        "\x07",
        "🐙",
    ]
    document = with_entries(Document(""), [ENTRY | {"tags": {"allow": words}, "x-note": {"a b: c": [{"d": None, "e": []}, {}]}}])
    assert document.entries[0].values["tags"]["allow"] == words
    assert "- latest" in document.text
    assert "- '12'" in document.text
    flow = with_entries(Document("sync: [{source: a}]\n"), [ENTRY | {"tags": {"allow": [*words, "a, b", "[c", "}"]}}])
    assert flow.entries[1].values["tags"]["allow"] == [*words, "a, b", "[c", "}"]


@pytest.mark.parametrize("shape", [name for name in SHAPES if Document(SHAPES[name]).entries])
def test_an_entry_that_was_added_is_removed_without_a_trace(shape: str) -> None:
    document = Document(SHAPES[shape])
    added = with_entries(document, [ENTRY])
    assert without_entry(added, added.entries[-1]).text == document.text


def test_a_removed_entry_takes_the_comments_in_it_along_and_no_others() -> None:
    document = Document(VERSIONED)
    gone = difference(VERSIONED, without_entry(document, document.entries[2]).text, "x")
    assert [line[1:] for line in gone[2:] if line[0] == "-"] == [
        "  - source: 'docker.elastic.co/elasticsearch/elasticsearch:{{ env \"ELASTIC_VERSION\" }}'",
        "    target: 'registry.example.com/elasticsearch/elasticsearch:{{ env \"ELASTIC_VERSION\" }}'",
        "    type: 'image'",
        "    # no arm here",
    ]
    kept = without_entry(document, document.entries[1]).text
    assert "# the old one, for the archive\n\n  # ---- search ----\n" in kept


def test_the_only_entry_is_removed_and_the_next_one_takes_its_place() -> None:
    document = Document(f"version: 1\nsync: # all\n{WRITTEN}# end\n")
    empty = without_entry(document, document.entries[0])
    assert empty.text == "version: 1\nsync: # all\n# end\n"
    assert with_entries(empty, [ENTRY]).text == document.text
    anchored = Document(f"sync: &all\n{WRITTEN}")
    empty = without_entry(anchored, anchored.entries[0])
    assert empty.text == "sync: &all []\n"
    assert with_entries(empty, [ENTRY]).text == anchored.text


def test_entries_in_brackets_leave_with_their_comma() -> None:
    for index in range(3):
        document = Document(FLOW)
        assert len(without_entry(document, document.entries[index]).entries) == 2
    one = Document("sync: [{source: a}]\n")
    assert without_entry(one, one.entries[0]).text == "sync: []\n"


def test_several_keys_in_brackets_change_at_once() -> None:
    text = "sync: [{source: a, target: b/b, x-note: c, x-regops: {hold: true}, type: image}]\n"
    assert changed(text, 0, {"x-note": None, "x-regops": {"hold": None}})[-1] == "+sync: [{source: a, target: b/b, type: image}]"
    patch = {"x-regops": {"hold": None}, "tags": {"allow": ["a"]}, "type": None}
    assert changed(text, 0, patch)[-1] == "+sync: [{source: a, target: b/b, x-note: c, tags: {allow: [a]}}]"


def test_colons_in_brackets_are_in_quotes() -> None:
    added = with_entries(Document("sync: [{source: a}]\n"), [{"source": "a/b:1", "x-also": ["a/b:1", "a/b"]}])
    assert "{source: 'a/b:1', x-also: ['a/b:1', a/b]}" in added.text


def test_what_others_name_is_not_removed() -> None:
    document = Document(ANCHORS)
    with pytest.raises(EditError, match=r"\*exporter names an anchor that is not there; nothing was written: edit catalogue.yml"):
        without_entry(document, document.entries[1])
    first = "sync:\n  - &a\n    source: a\n  - &a\n    source: b\n  - *a\n"
    with pytest.raises(EditError, match="would change more than this entry"):
        without_entry(Document(first), Document(first).entries[1])


def test_single_items_of_lists_change_and_the_others_keep_their_comments() -> None:
    patch = {"tags": {"allow": [r"x86_64-v1[67]\.\d+\.\d+", "x86_64-v18"], "deny": None}}
    assert changed(VERSIONED, 3, patch) == [
        "-        - 'x86_64-latest'",
        "-      deny:",
        "-        - '.*-pwsh'",
        "+        - 'x86_64-v18'",
    ]


def test_a_version_that_regsync_misreads_gets_quotes_when_it_is_given_again() -> None:
    text = "sync:\n- source: a\n  tags:\n    allow:\n    - 3.19\n    - 3.20\n"
    assert changed(text, 0, {"tags": {"allow": ["3.19", "3.20"]}}) == ["-    - 3.20", "+    - '3.20'"]


def test_new_keys_come_after_the_others() -> None:
    assert changed(ACCENTS, 2, {"x-regops": {"keep_last": Plain(3)}}) == ["+    x-regops:", "+      keep_last: 3"]
    assert changed(INDENTED, 0, {"tags": {"deny": ["a"]}}) == ["+        deny:", "+          - a"]
    assert changed(ACCENTS, 1, {"x-regops": {"keep_last": Plain(3)}}) == [
        "-  x-regops: {hold: true, protect: ['7']}",
        "+  x-regops: {hold: true, protect: ['7'], keep_last: 3}",
    ]


def test_what_has_nothing_left_in_it_goes() -> None:
    assert changed(FLOW, 2, {"x-regops": {"keep_last": None}})[-1] == "+    type: repository }"
    assert changed(INDENTED, 1, {"tags": {"allow": None}}) == [
        "-      tags:",
        "-        allow:",
        "-        - latest",
        "-        - edge",
    ]


def test_comments_at_the_end_of_a_line_stay() -> None:
    assert changed(ACCENTS, 0, {"target": "registry.example.com/x/y"}) == [
        "-  target: registry.example.com/library/nginx   # wörtlich",
        "+  target: registry.example.com/x/y   # wörtlich",
    ]
    assert changed("sync:\n- source: a\n  target: # later\n  type: image\n", 0, {"target": "b/c"}) == [
        "-  target: # later",
        "+  target: b/c # later",
    ]


def test_merged_keys_are_overridden_in_the_entry_alone() -> None:
    assert changed(ANCHORS, 0, {"tags": {"deny": ["x"]}}) == [
        "+    tags:",
        "+      allow:",
        "+        - 'v\\d+\\.\\d+\\.\\d+'",
        "+      deny:",
        "+        - x",
    ]
    assert changed(ANCHORS, 4, {"tags": {"deny": None}}) == [
        "-    tags: *releases",
        "+    tags:",
        "+      allow:",
        "+        - 'v\\d+\\.\\d+\\.\\d+'",
    ]


@pytest.mark.parametrize(
    ("text", "index", "patch", "why"),
    [
        (ANCHORS, 0, {"tags": None}, "would change more than this entry"),  # it is merged into it
        (ANCHORS, 1, {"source": "a/b"}, "would change more than this entry"),  # the fourth has its keys
        ("x: &x {source: a}\nsync: [*x]\n", 0, {"target": "a/b"}, "catalogue.yml:2: is written elsewhere and only named here"),
        ("sync: [a]\n", 0, {"target": "a/b"}, "is written elsewhere"),
    ],
)
def test_what_would_change_others_is_refused(text: str, index: int, patch: Mapping[str, Any], why: str) -> None:
    with pytest.raises(EditError, match=why):
        changed(text, index, patch)


def test_text_over_several_lines_is_replaced_as_a_whole() -> None:
    assert changed(EVERYTHING, 1, {"target": "r.example.com/b/b"}) == [
        "-    target: >-",
        "-      registry.example.com/library/busybox",
        "+    target: r.example.com/b/b",
    ]
    assert changed(EVERYTHING, 0, {"x-note": "short"})[:1] == ["-    x-note: |"]
