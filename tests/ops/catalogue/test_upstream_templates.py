"""Templates of the six registries: their sources, and that what they propose is what the starter's images of each have."""

from __future__ import annotations

import pytest

from ops.catalogue.document import Document
from ops.catalogue.edits import with_changes, with_entries, without_entry
from ops.catalogue.errors import CatalogueError
from ops.catalogue.model import Surroundings
from ops.catalogue.selection import chosen
from ops.catalogue.starter import STARTER, other_catalogue
from ops.catalogue.upstream_templates import TEMPLATES, Template, template_named, template_of
from ops.catalogue.wishes import Wishes, new_entry, patch_of, require_well

HERE = ["r.example.com"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_an_entry_of_each_is_added_edited_and_removed(template: Template) -> None:
    text = "version: 1\nsync:\n  - {source: a.example/b, target: r.example.com/b, type: repository}\n"
    document, around = Document(text), Surroundings.of(HERE, (), {})
    source = template.source(template.example)
    added = with_entries(document, [new_entry(document, source, template.wishes(source), HERE)])
    item = chosen(added, source)
    assert require_well(document, added, item, around) == []
    assert item.values["source"] == f"{template.registry}/{template.example}"
    edited = with_changes(added, item, patch_of(added, Wishes(deny=(".*-rc.*",), keep=1), HERE, None))
    assert require_well(added, edited, edited.entries[item.index], around) == []
    assert edited.entries[1].values["tags"]["deny"] == [".*-rc.*"]
    assert without_entry(edited, edited.entries[1]).text == text


def test_there_is_one_for_each_of_the_six_whose_example_the_starter_has() -> None:
    assert [one.registry for one in TEMPLATES] == ["docker.io", "ghcr.io", "lscr.io", "gcr.io", "quay.io", "codeberg.org"]
    starter = other_catalogue(STARTER)
    for one in TEMPLATES:
        assert chosen(starter, f"{one.registry}/{one.example}")


@pytest.mark.parametrize(
    ("name", "text", "source"),
    [
        ("hub", "redis", "docker.io/library/redis"),
        ("hub", "docker.io/grafana/grafana", "docker.io/grafana/grafana"),
        ("ghcr", "org/app:1.2", "ghcr.io/org/app:1.2"),
        ("ghcr.io", "ghcr.io/org/app", "ghcr.io/org/app"),
    ],
)
def test_its_sources_need_no_registry(name: str, text: str, source: str) -> None:
    template = template_named(name)
    assert template.source(text) == source
    assert (template.wishes(source) == Wishes()) == (":" in source)
    assert template_of(template.registry) is template


def test_others_are_refused() -> None:
    with pytest.raises(CatalogueError, match=r"quay\.io/a/b is not of docker\.io"):
        template_named("hub").source("quay.io/a/b")
    with pytest.raises(CatalogueError, match="no repository or image"):
        template_named("quay").source("ghcr.io/a/B")
    with pytest.raises(CatalogueError, match="there are hub, ghcr, lscr, gcr, quay, codeberg"):
        template_named("nexus")
    assert template_of("r.example.com") is None


def test_what_somebody_says_goes_before_what_a_template_proposes() -> None:
    usual = Wishes(tags=("a",), keep=3)
    assert usual.overridden_by(Wishes()) == usual
    assert usual.overridden_by(Wishes(tags=("b",))) == Wishes(tags=("b",), keep=3)
    assert usual.overridden_by(Wishes(semver=(">=1",), keep=0)) == Wishes(semver=(">=1",), keep=0)
