"""What repositories and images have for themselves, and share: of trees laid out by hand, while they change."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ops.registry import sharing
from ops.registry.manifests import BlobFiles, Fetched, fetched
from ops.registry.sharing import Contents, Share
from ops.registry.tree import RegistryTree
from tests.ops.tasks.gc.trees import Layout

BASE, LEFT, RIGHT, NEW = b"b" * 10_000, b"l" * 200, b"r" * 3000, b"n" * 70


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(RegistryTree(tmp_path))


def weight(layout: Layout, *digests: str) -> int:
    return sum(layout.tree.blob(one).stat().st_size for one in digests)


def _listed(layout: Layout, digest: str) -> list[dict[str, str]]:
    document = json.loads(layout.tree.blob(digest).read_bytes())
    return [document["config"], *document["layers"]]


def test_what_two_repositories_have_is_shared_and_the_rest_their_own(layout: Layout) -> None:
    one, other = layout.image("team/one", [BASE, LEFT]), layout.image("team/other", [BASE, RIGHT])
    layout.tag("team/one", "v1", one)
    layout.tag("team/other", "v1", other)
    layout.image("team/other", [b"untagged"])
    found = Contents(layout.tree).sharing()
    own = {
        name: sum(layout.tree.blob(part["digest"]).stat().st_size for part in _listed(layout, digest))
        for name, digest in (("team/one", one), ("team/other", other))
    }
    assert {name: share.shared for name, share in found.repositories.items()} == {"team/one": len(BASE), "team/other": len(BASE)}
    assert found.repositories["team/one"] == Share(
        own["team/one"] + weight(layout, one), own["team/one"] + weight(layout, one) - len(BASE)
    )
    assert found.images[other].own == own["team/other"] + weight(layout, other) - len(BASE)


def test_one_image_under_two_names_is_its_own_in_one_repository_and_shared_by_two(layout: Layout) -> None:
    image = layout.image("a", [BASE])
    for tag in ("v1", "latest"):
        layout.tag("a", tag, image)
    contents = Contents(layout.tree)
    before = contents.sharing()
    assert before.repositories["a"].shared == before.images[image].shared == 0
    layout.image("b", [BASE])
    layout.tag("b", "v1", image)
    after = contents.sharing()
    assert after.repositories["a"].own == after.repositories["b"].own == 0
    assert after.images[image] == before.images[image]


def test_an_index_has_all_its_images_and_shares_those_that_have_tags(layout: Layout) -> None:
    one, other = layout.image("a", [BASE, LEFT]), layout.image("a", [BASE, RIGHT])
    index = layout.index("a", [one, other])
    layout.tag("a", "v1", index)
    layout.tag("a", "v1-one", one)
    found = Contents(layout.tree).sharing()
    assert found.images[one].own == 0
    assert found.images[index].shared == found.images[one].size
    assert found.repositories["a"].own == found.repositories["a"].size == found.images[index].size


def test_what_changes_is_seen_and_what_is_known_is_not_read_again(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(source: BlobFiles, root: str) -> Fetched:
        read.append(root)
        return fetched(source, root)

    monkeypatch.setattr(sharing, "fetched", noted)
    contents = Contents(layout.tree)
    first = layout.image("a", [BASE, LEFT])
    layout.tag("a", "v1", first)
    assert contents.sharing().repositories["a"].own == contents.sharing().repositories["a"].size
    assert read == [first]
    second = layout.image("a", [BASE, NEW])
    layout.tag("a", "v2", second)
    assert contents.sharing().images[first].shared == len(BASE)
    assert read == [first, second]
    layout.tag("a", "v1", second)
    assert set(contents.sharing().images) == {second}
    assert contents.sharing().images[second].shared == 0


def test_an_index_that_is_still_being_copied_grows(layout: Layout) -> None:
    here = layout.image("a", [LEFT])
    later = layout.image("a", [RIGHT])
    file, aside = layout.tree.blob(later), layout.tree.blob(later).with_name("aside")
    layout.tag("a", "v1", layout.index("a", [here, later]))
    os.rename(file, aside)  # noqa: PTH104
    contents = Contents(layout.tree)
    before = contents.sharing().repositories["a"].size
    os.rename(aside, file)  # noqa: PTH104
    after = contents.sharing()
    assert after.repositories["a"].size > before + len(RIGHT)
    assert after == Contents(layout.tree).sharing()


def test_damaged_tags_lead_nowhere_and_an_empty_tree_has_nothing(layout: Layout) -> None:
    assert Contents(layout.tree).sharing() == ({}, {})
    layout.tag("a", "v1", layout.image("a", [LEFT]))
    layout.write(str(layout.tree.tag("a", "v2")), b"")
    assert len(Contents(layout.tree).sharing().images) == 1


def test_what_was_deleted_is_forgotten(layout: Layout) -> None:
    contents = Contents(layout.tree)
    for number in range(8):
        layout.tag("a", "v1", layout.image("a", [bytes([number]) * 100]))
        assert len(contents.sharing().images) == 1
    assert len(contents._numbers) <= 9
