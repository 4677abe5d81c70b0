"""Entries by what people call them."""

from __future__ import annotations

import pytest

from ops.catalogue.document import Document
from ops.catalogue.errors import CatalogueError
from ops.catalogue.selection import chosen, matching
from tests.ops.catalogue.catalogue_samples import generated

TEXT = """\
sync:
- source: docker.io/library/postgres
  target: r.example.com/library/postgres
  type: repository
- source: docker.io/bitnami/postgres-exporter
  target: r.example.com/exporters/postgres
  type: repository
- source: quay.io/org/app:1
  target: r.example.com/org/app:1
  type: image
- source: quay.io/org/app:1
  target: r.example.com/other/App:1
  type: image
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("postgres", 2),  # a short name in full, though a part of another
        ("docker.io/library/postgres", 2),
        ("index.docker.io/postgres", 2),
        ("r.example.com/exporters/postgres", 5),
        ("exporter", 5),
        ("EXPORTERS", 5),
        ("other/app", 11),
        (":5", 5),
        (":7", 5),
        ("catalogue.yml:9", 8),
        (":99", 11),
    ],
)
def test_an_entry_is_found(text: str, line: int) -> None:
    assert chosen(Document(TEXT), text).line == line


def test_several_are_listed_with_their_lines() -> None:
    with pytest.raises(CatalogueError) as caught:
        chosen(Document(TEXT), "quay.io/org/app:1")
    assert str(caught.value).splitlines() == [
        "quay.io/org/app:1 matches 2 entries; write more of its name, or its line (:8):",
        "  :8     quay.io/org/app:1 -> r.example.com/org/app:1",
        "  :11    quay.io/org/app:1 -> r.example.com/other/App:1",
    ]


def test_many_are_counted() -> None:
    with pytest.raises(CatalogueError, match=r"upstream matches 20 entries(.|\n)*and 12 more$"):
        chosen(Document(generated(20)), "upstream")


@pytest.mark.parametrize("text", ["nothing", ":1"])
def test_none_is_told_with_the_remedy(text: str) -> None:
    with pytest.raises(CatalogueError, match=rf"no entry of catalogue.yml matches '{text}'; `regops catalogue list` shows"):
        chosen(Document(TEXT), text)


def test_a_search_looks_at_sources_and_targets() -> None:
    assert [item.line for item in matching(Document(TEXT), "Postgres")] == [2, 5]
    assert [item.line for item in matching(Document(TEXT), "other")] == [11]
