"""The starter: what the real regsync and our own check say of it, and entries that are taken from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.site import ops_part
from ops.catalogue import starter
from ops.catalogue.checks import check
from ops.catalogue.document import Document
from ops.catalogue.edits import with_entries
from ops.catalogue.entry import read
from ops.catalogue.errors import CatalogueError
from ops.catalogue.model import Surroundings
from ops.catalogue.names import name_of
from ops.catalogue.selection import chosen
from ops.catalogue.starter import STARTER, entry_like, other_catalogue
from ops.catalogue.wishes import Wishes
from ops.config import Access
from tests.ops.catalogue.test_regsync import same, understood

OWN = Surroundings(frozenset({"registry.example.com"}))


def taken(name: str, text: str = "version: 1\nsync: []\n", wishes: Wishes | None = None) -> Document:
    document = Document(text)
    item = chosen(other_catalogue(STARTER), name)
    return with_entries(document, [entry_like(item, document, wishes or Wishes(), ["r.example.com"])])


def test_it_has_many_images_of_all_kinds_of_registries_and_no_problems() -> None:
    document = other_catalogue(STARTER)
    assert len(document.entries) >= 120
    assert check(document, OWN) == []
    sources = [name_of(item.text("source")) for item in document.entries]
    assert len(set(sources)) == len(sources)
    assert {source.registry for source in sources} >= {
        "docker.io",
        "gcr.io",
        "ghcr.io",
        "lscr.io",
        "mcr.microsoft.com",
        "public.ecr.aws",
        "quay.io",
        "registry.k8s.io",
    }
    for item, source in zip(document.entries, sources, strict=True):
        assert name_of(item.text("target")).repository == source.repository, "where `add` puts it, too"


def test_what_has_versions_keeps_the_highest_of_them_alone() -> None:
    for item in other_catalogue(STARTER).entries:
        entry = read(item.values)
        assert entry.tags.allow, item.line
        endless = any("\\d" in pattern for pattern in entry.tags.allow)
        assert (entry.policies.keep_last is not None) == endless, f":{item.line}"


@pytest.mark.system
def test_the_real_regsync_reads_it_as_we_do(tmp_path: Path) -> None:
    document = other_catalogue(STARTER)
    seen = understood(tmp_path, document.text)
    for item, its in zip(document.entries, seen, strict=True):
        same(read(item.values), its)


def test_it_is_on_the_host_as_in_the_checkout() -> None:
    assert ops_part().files["ops/catalogue/starter.yml"] == Path(starter.__file__).with_name("starter.yml").read_bytes()


def test_an_entry_is_taken_with_this_registrys_name() -> None:
    document = taken("library/postgres", "# mine\nversion: 1\n")
    (item,) = document.entries
    assert document.text.startswith("# mine\n")
    assert item.values == {
        "source": "docker.io/library/postgres",
        "target": "r.example.com/library/postgres",
        "type": "repository",
        "tags": {"allow": [r"\d+\.\d+(?:-alpine)?"]},
        "x-regops": {"keep_last": "6"},
    }
    assert check(document, Surroundings(frozenset({"r.example.com"}))) == []


def test_what_is_said_besides_counts_more() -> None:
    (item,) = taken("library/postgres", wishes=Wishes(target="db/postgres", tags=("17",), keep=0)).entries
    assert item.text("target") == "r.example.com/db/postgres"
    assert item.values["tags"] == {"allow": ["17"]}
    assert "x-regops" not in item.values


def test_any_other_file_is_a_catalogue_to_take_from(tmp_path: Path) -> None:
    file = tmp_path / "regsync.yml"
    file.write_text("version: 1\nsync:\n- {source: 'alpine:3', target: 'other.example.com/base/alpine:3', type: image}\n")
    document = Document("version: 1\n")
    values = entry_like(chosen(other_catalogue(str(file)), "alpine"), document, Wishes(), ["r.example.com"])
    assert values == {"source": "alpine:3", "target": "r.example.com/base/alpine:3", "type": "image"}
    with pytest.raises(CatalogueError, match="give starter, or the path"):
        other_catalogue(str(tmp_path / "none.yml"))


def test_every_entry_may_be_written_where_its_repository_is_a_valid_one() -> None:
    for item in other_catalogue(STARTER).entries:
        Access(repositories=name_of(item.text("target")).repository, actions=("push",))
