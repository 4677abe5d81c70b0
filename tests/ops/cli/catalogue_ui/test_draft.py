"""What becomes of what somebody types when others change the file meanwhile, and which fields there are: without a screen."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from ops.catalogue.document import Document, Item
from ops.catalogue.edits import with_changes, with_entries, without_entry
from ops.catalogue.errors import CatalogueBusyError, CatalogueError
from ops.catalogue.model import Surroundings
from ops.catalogue.wishes import patch_of
from ops.cli.catalogue_files import around
from ops.cli.catalogue_ui.desk import Desk
from ops.cli.catalogue_ui.draft import Draft, preview, same_entry
from ops.cli.catalogue_ui.fields import Fields
from tests.ops.cli.catalogue_ui.pilots import TEXT

HERE = ["r.example.com"]
AROUND = Surroundings.of(HERE, (), {})
FIELDS = {"target": "", "tags": "latest", "deny": ".*-rc", "semver": ">=3", "keep": "2"}


def of(text: str) -> tuple[Document, Item]:
    document = Document(text)
    return document, document.entries[0]


def test_fields_are_those_of_an_entry_in_whatever_form() -> None:
    assert Fields.of(of(TEXT)[1]) == Fields(
        "docker.io/library/postgres", "r.example.com/library/postgres", r"1[67]\.\d+", keep="6"
    )
    assert Fields.of(of("sync: [{tags: {allow: x, deny: {a: b}}, x-regops: 5}]")[1]) == Fields(tags="x", deny="{'a': 'b'}")
    assert Fields.of(of("sync: [a]")[1]) == Fields()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({"tags": " a \n\n b"}, {"tags": ("a", "b")}),
        ({"tags": ""}, {"tags": ()}),
        ({"keep": ""}, {"keep": 0}),
        ({"keep": " 7 "}, {"keep": 7}),
        ({"target": "x/y"}, {"target": "x/y"}),
        ({"source": " a/b "}, {"source": "a/b"}),
        ({"digest_tags": "true", "referrers": ""}, {"digest_tags": "true"}),
        ({}, {}),
    ],
)
def test_only_what_was_changed_is_wanted(now: dict[str, str], expected: dict[str, object]) -> None:
    base = Fields.of(of(TEXT)[1])
    said = {name: value for name, value in vars(replace(base, **now).wishes(base)).items() if value is not None}
    assert said == expected


@pytest.mark.parametrize("keep", ["-1", "x", "1.5"])
def test_what_is_no_number_is_told(keep: str) -> None:
    with pytest.raises(CatalogueError, match="is no number"):
        Fields(keep=keep).wishes(Fields())


@pytest.mark.parametrize("seed", range(40))
def test_whatever_two_people_change_neither_loses_anything(seed: int) -> None:
    """The one types, the other writes; then the one saves on top. Fields that both have changed are told."""
    chance = random.Random(seed)  # noqa: S311
    document, item = of(TEXT)
    mine = {name: FIELDS[name] for name in chance.sample(["tags", "deny", "semver", "keep"], chance.randint(1, 3))}
    draft = Draft.editing(item)
    draft = replace(draft, now=replace(draft.now, **mine))
    theirs = {name: f"{FIELDS[name]}1" for name in chance.sample(["tags", "deny", "semver", "keep"], chance.randint(0, 3))}
    other = document
    if theirs:
        wishes = replace(Fields.of(item), **theirs).wishes(Fields.of(item))
        other = with_changes(document, item, patch_of(document, wishes, HERE, None))
    added = {"source": "a.example/b", "target": "r.example.com/b", "type": "repository"}
    if chance.random() < 0.5:
        other = with_entries(other, [added])
    if chance.random() < 0.5:
        other = without_entry(other, other.entries[1])
    other = Document(other.text)
    rebased = draft.onto(other)
    found = preview(other, rebased, AROUND, HERE)
    assert found.change is not None
    assert not found.problems
    after = found.change.after
    assert Fields.of(after.entries[0]) == replace(Fields.of(item), **{**theirs, **mine})
    assert [one.values for one in after.entries[1:]] == [one.values for one in other.entries[1:]]
    assert rebased.theirs == {name: theirs[name] for name in mine.keys() & theirs.keys()}


def test_an_entry_is_found_again_by_its_names() -> None:
    document, item = of(TEXT)
    twice = Document(
        TEXT.replace("sync:\n", "sync:\n  - {source: docker.io/library/postgres, target: r.example.com/pg, type: repository}\n")
    )
    found = same_entry(twice, item)
    assert found is twice.entries[1]
    moved = Document(TEXT.replace("r.example.com/library/postgres", "r.example.com/pg"))
    assert same_entry(moved, item) is moved.entries[0]
    from_elsewhere = Document(TEXT.replace("docker.io/library/postgres", "public.ecr.aws/docker/library/postgres"))
    assert same_entry(from_elsewhere, item) is from_elsewhere.entries[0]
    assert same_entry(Document("sync: []"), item) is None
    assert same_entry(document, item) is item


def test_a_change_is_only_written_over_what_it_was_made_of(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yml"
    file.write_text(TEXT)
    desk = Desk(file, None, around(file, None, None), HERE)
    assert desk.load()
    change = desk.removal(desk.document.entries[0])
    file.write_text(TEXT + "# theirs\n")
    with pytest.raises(CatalogueBusyError):
        desk.write(change)  # nobody has looked yet
    assert desk.is_stale()
    assert desk.load()
    with pytest.raises(CatalogueBusyError):
        desk.write(change)  # somebody has
    assert file.read_text() == TEXT + "# theirs\n"
    file.touch()
    desk.load()
    change = desk.removal(desk.document.entries[0])
    file.touch()
    assert not desk.load(), "it says the same"
    desk.write(change)
    assert "postgres" not in file.read_text()
