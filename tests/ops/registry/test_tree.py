"""The registry's tree: what is read from one that is laid out by hand, whole or damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.registry.tree import RegistryTree, TreeError

DIGEST = f"sha256:{'a1' * 32}"


@pytest.fixture
def tree(tmp_path: Path) -> RegistryTree:
    made = RegistryTree(tmp_path)
    for repository, tag in (("app", "1"), ("team/app", "latest"), ("team/app", "v1.0"), ("team/app/nested", "1")):
        link = made.tag(repository, tag)
        link.parent.mkdir(parents=True)
        link.write_text(DIGEST)
    (made.repository("emptied") / "_manifests" / "revisions").mkdir(parents=True)
    (made.repository("never-finished") / "_uploads").mkdir(parents=True)
    return made


def test_repositories_are_found_at_any_depth_and_also_without_tags(tree: RegistryTree) -> None:
    assert sorted(tree.repository_names()) == ["app", "emptied", "team/app", "team/app/nested"]


def test_a_registry_that_nobody_has_pushed_to_has_no_repositories(tmp_path: Path) -> None:
    assert list(RegistryTree(tmp_path).repository_names()) == []


def test_tags_name_digests(tree: RegistryTree) -> None:
    assert tree.tag_names("team/app") == ["latest", "v1.0"]
    assert tree.tag_names("emptied") == []
    assert tree.tagged("team/app", "v1.0") == DIGEST


def test_a_deleted_tag_points_to_nothing(tree: RegistryTree) -> None:
    tree.tag("app", "1").unlink()
    assert tree.tagged("app", "1") is None


def test_a_folder_that_is_left_of_a_tag_is_none(tree: RegistryTree) -> None:
    tree.tag("team/app", "latest").unlink()
    (tree.tag_folder("team/app", "empty")).mkdir()
    (tree.tag_folder("team/app", "file")).touch()
    assert tree.tag_names("team/app") == ["v1.0"]


def test_a_tag_that_cannot_be_looked_at_is_one(tree: RegistryTree) -> None:
    """So that whoever reads it next meets the error: what is unknown is never taken for deleted."""
    link = tree.tag("team/app", "latest")
    link.unlink()
    link.symlink_to(link)
    assert tree.tag_names("team/app") == ["latest", "v1.0"]
    with pytest.raises(OSError, match="symbolic links"):
        tree.tagged("team/app", "latest")


@pytest.mark.parametrize("content", ["", "sha256:", "sha512:abc", DIGEST[:-1], "../../etc/passwd"])
def test_a_damaged_link_is_named(tree: RegistryTree, content: str) -> None:
    tree.tag("app", "1").write_text(content)
    with pytest.raises(TreeError, match="tags/1/current/link"):
        tree.tagged("app", "1")


def test_blobs_lie_below_their_first_two_letters(tree: RegistryTree) -> None:
    assert tree.blob(DIGEST) == tree.blobs / "sha256" / "a1" / ("a1" * 32) / "data"
    with pytest.raises(TreeError, match="not a digest"):
        tree.blob("../../../etc/passwd")
