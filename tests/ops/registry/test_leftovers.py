"""What is left of tags, as a registry that is killed leaves it: found, and with the time of its last change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ops.registry.leftovers import left_since, leftovers_of
from ops.registry.listing import links_of
from ops.registry.tree import RegistryTree
from tests.ops.tasks.gc.trees import Layout

HOUR_NS = 3600 * 10**9


@pytest.fixture
def tree(tmp_path: Path) -> RegistryTree:
    """Of five tags one is whole; of the others there is a history, a history half deleted, nothing, and a damaged link."""
    layout = Layout(RegistryTree(tmp_path))
    for tag in ("whole", "history", "half", "nothing", "damaged"):
        layout.tag("team/app", tag, layout.image("team/app", [tag.encode()]))
    for tag in ("history", "half", "nothing"):
        layout.tree.tag("team/app", tag).unlink()
    for folder in ("current", "index/sha256"):
        shutil.rmtree(layout.tree.tag_folder("team/app", "half") / folder)
    shutil.rmtree(layout.tree.tag_folder("team/app", "nothing"))
    layout.tree.tag_folder("team/app", "nothing").mkdir()
    layout.tree.tag("team/app", "damaged").write_text("")
    return layout.tree


def test_what_is_left_of_tags_is_found_and_no_tag_is_among_it(tree: RegistryTree) -> None:
    left = leftovers_of(tree, "team/app")
    assert list(left) == ["half", "history", "nothing"]
    assert links_of(tree, "team/app").leftovers == left
    assert leftovers_of(tree, "team/other") == {}


@pytest.mark.parametrize("below", ["", "index", "index/sha256/{}", "current"])
def test_its_time_is_that_of_the_last_change_anywhere_in_it(tree: RegistryTree, below: str) -> None:
    folder = tree.tag_folder("team/app", "history")
    now = folder.stat().st_mtime_ns
    for one, _, _ in os.walk(folder):
        os.utime(one, ns=(now - HOUR_NS, now - HOUR_NS))
    (history,) = (folder / "index/sha256").iterdir()
    assert left_since(str(folder)) == now - HOUR_NS
    (folder / below.format(history.name) / "written.tmp").touch()
    assert (left_since(str(folder)) or 0) >= now - HOUR_NS // 2


def test_a_tag_and_a_folder_that_is_gone_have_no_time(tree: RegistryTree) -> None:
    assert left_since(str(tree.tag_folder("team/app", "whole"))) is None
    assert left_since(str(tree.tag_folder("team/app", "gone"))) is None
