"""What somebody types, as what the catalogue then says."""

from __future__ import annotations

from typing import Any

import pytest

from ops.catalogue.document import Document
from ops.catalogue.edits import with_changes, with_entries
from ops.catalogue.errors import CatalogueError, EditError
from ops.catalogue.model import Surroundings
from ops.catalogue.names import name_of
from ops.catalogue.wishes import Wishes, edit_patch, new_entry, own_name, patch_of, require_well
from tests.ops.catalogue.catalogue_samples import CHARTS, VERSIONED

OURS = ["r.example.com"]
DIGEST = "sha256:" + "b" * 64


def added(source: str, text: str = "", registries: list[str] = OURS, **wishes: Any) -> dict[str, Any]:
    return new_entry(Document(text), source, Wishes(**wishes), registries)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("alpine", None, ("docker.io/library/alpine", "r.example.com/library/alpine", "repository")),
        ("ghcr.io/org/app", None, ("ghcr.io/org/app", "r.example.com/org/app", "repository")),
        ("alpine:3.22", None, ("docker.io/library/alpine:3.22", "r.example.com/library/alpine:3.22", "image")),
        ("alpine:3.22", "base/alpine", ("docker.io/library/alpine:3.22", "r.example.com/base/alpine:3.22", "image")),
        ("alpine:3.22", "base/alpine:stable", ("docker.io/library/alpine:3.22", "r.example.com/base/alpine:stable", "image")),
        ("alpine", "r.example.com/x/y", ("docker.io/library/alpine", "r.example.com/x/y", "repository")),
        (
            "alpine",
            "docker.io/library/alpine",
            ("docker.io/library/alpine", "r.example.com/docker.io/library/alpine", "repository"),
        ),
        (f"a/b@{DIGEST}", "b:1", (f"docker.io/a/b@{DIGEST}", "r.example.com/b:1", "image")),
    ],
)
def test_names_are_written_in_full(source: str, target: str | None, expected: tuple[str, str, str]) -> None:
    assert tuple(added(source, target=target).values()) == expected


def test_what_targets_begin_with_is_taken_from_the_others() -> None:
    assert added("alpine", VERSIONED, [])["target"] == "registry.example.com/library/alpine"
    assert added("alpine", CHARTS, [])["target"] == '{{ env "REGISTRY_ENDPOINT" }}/library/alpine'
    assert added("alpine", CHARTS, OURS)["target"] == "r.example.com/library/alpine"
    assert own_name(Document("sync: [{target: a.example.com/x}, {target: b.example.com/x}]"), []) is None
    assert (
        own_name(Document("sync: [{target: a.example.com/x}, {target: b.example.com/x}]"), ["b.example.com", "c"])
        == "b.example.com"
    )


def test_a_target_without_a_registry_is_no_name_of_this_one() -> None:
    assert own_name(Document("sync: [{target: library/x}]"), []) is None


@pytest.mark.parametrize("target", [None, "base/alpine", "alpine"])
def test_without_any_the_registry_must_be_named(target: str | None) -> None:
    with pytest.raises(CatalogueError, match=r"which registry is .* to be copied to\? Give --registry"):
        added("alpine", "", [], target=target)
    assert added("alpine", "", [], target="r.example.com/base/alpine")["target"] == "r.example.com/base/alpine"


def test_patterns_with_alternatives_are_put_in_groups() -> None:
    entry = added("alpine", tags=("a|b", r"\|[|]", "(a|b)"), deny=("c|d",), semver=(">=3 <4",), keep=6)
    assert entry["tags"] == {"allow": ["(?:a|b)", r"\|[|]", "(a|b)"], "deny": ["(?:c|d)"], "semverRange": [">=3 <4"]}
    assert entry["x-regops"] == {"keep_last": "6"}


def test_what_was_not_said_is_not_written() -> None:
    assert list(added("alpine", tags=(), keep=0)) == ["source", "target", "type"]
    assert list(added("alpine", tags=("",), deny=("a",))["tags"]) == ["deny"]


def test_a_digest_needs_a_tag_here() -> None:
    with pytest.raises(CatalogueError, match="has a digest, which nobody would find it by; give it a tag here: --target"):
        added(f"alpine@{DIGEST}")
    with pytest.raises(CatalogueError, match="source 'Alpine' is no repository"):
        added("Alpine")


def test_a_change_is_what_was_said() -> None:
    document, name = Document(VERSIONED), name_of("alpine:1")
    assert patch_of(document, Wishes(), [], name) == {}
    patch = patch_of(document, Wishes(target="x/y", tags=("",), semver=("^1",), keep=0), [], name)
    assert patch == {
        "target": "registry.example.com/x/y:1",
        "tags": {"allow": None, "semverRange": ["^1"]},
        "x-regops": {"keep_last": None},
    }
    assert patch_of(document, Wishes(target="x/y"), [], None) == {"target": "registry.example.com/x/y"}


ENTRY = "sync: [{source: SOURCE, target: r.example.com/TARGET, type: TYPE}]"


@pytest.mark.parametrize(
    ("before", "source", "after"),
    [
        ("a x repository", "quay.io/org/b", {"source": "quay.io/org/b"}),
        ("a x repository", "docker.io/library/a", {"source": "docker.io/library/a"}),
        ("a:1 x:1 image", "a:2", {"source": "docker.io/library/a:2", "target": "r.example.com/x:2"}),
        ("a:1 x:stable image", "a:2", {"source": "docker.io/library/a:2"}),
        ("a:1 x:1 image", "b", {"source": "docker.io/library/b", "target": "r.example.com/x", "type": "repository"}),
        ("a x repository", "b:2", {"source": "docker.io/library/b:2", "target": "r.example.com/x:2", "type": "image"}),
        ("quay.io mirror registry", "ghcr.io", {"source": "ghcr.io"}),
        ("a x repository", "{{ env `HUB` }}/a", {"source": "{{ env `HUB` }}/a"}),
    ],
)
def test_another_source_is_copied_to_where_the_other_one_was(before: str, source: str, after: dict[str, str]) -> None:
    names = dict(zip(("SOURCE", "TARGET", "TYPE"), before.split(), strict=True))
    text = ENTRY
    for old, new in names.items():
        text = text.replace(old, new)
    document = Document(text)
    assert edit_patch(document, document.entries[0], Wishes(source=source), OURS) == after


def test_signatures_are_copied_as_somebody_says_or_as_usual() -> None:
    document = Document(ENTRY.replace("TYPE", "repository, referrers: true"))
    patch = edit_patch(document, document.entries[0], Wishes(digest_tags="false", referrers=""), OURS)
    assert patch == {"digestTags": "false", "referrers": None}
    with pytest.raises(CatalogueError, match="digestTags should be true or false, or empty"):
        patch_of(document, Wishes(digest_tags="yes"), OURS, None)
    with pytest.raises(CatalogueError, match="source 'A' is no repository"):
        edit_patch(document, document.entries[0], Wishes(source="A"), OURS)


def test_an_edit_that_makes_something_wrong_is_refused_and_doubts_are_told() -> None:
    before = Document("sync:\n- {source: a, target: r.example.com/a, type: repository, platform: linux/arm64}\n")
    wrong = with_changes(before, before.entries[0], {"tags": {"allow": ["(?!a)"]}})
    with pytest.raises(EditError, match=r"a would not work so; nothing was written:\n  tags.allow.0: .*look-ahead") as caught:
        require_well(before, wrong, wrong.entries[0], Surroundings())
    assert "platform" not in str(caught.value), "it was so before"
    doubtful = with_changes(before, before.entries[0], {"tags": {"allow": ["a|b"]}})
    (doubt,) = require_well(before, doubtful, doubtful.entries[0], Surroundings())
    assert doubt.startswith("catalogue.yml:2: 'a|b' matches parts of tags")


def test_an_entry_that_writes_what_another_does_is_refused() -> None:
    before = Document("sync:\n- {source: a, target: r.example.com/a, type: repository}\n")
    after = with_entries(before, [new_entry(before, "b", Wishes(target="a"), [])])
    with pytest.raises(EditError, match=r"writes r.example.com/a, as catalogue.yml:2 does"):
        require_well(before, after, after.entries[1], Surroundings())
