"""The check of tags: those that clients are told of and cannot pull are named, and why."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ops.config import GcSettings
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.doctor.checks.tags import tags
from tests.ops.runs.test_task import stack_in
from tests.ops.tasks.gc.trees import Layout

HOUR_S = 3600.0


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Of two tags that name the same image."""
    stack = stack_in(tmp_path, gc=GcSettings(min_age_hours=1))
    layout = Layout(tree_of(stack))
    image = layout.image("team/app", [b"layer"])
    for tag in ("v1", "v2"):
        layout.tag("team/app", tag, image)
    return stack


def age(folder: Path, hours: float) -> None:
    """Make all below a folder, and the folder, so old."""
    when = time.time() - hours * HOUR_S
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (when, when))


def test_tags_with_an_image_are_well_and_so_is_a_registry_without_any(stack: Stack, tmp_path: Path) -> None:
    assert (tags(stack).state, tags(stack_in(tmp_path / "empty")).state) == ("ok", "ok")


@pytest.mark.parametrize(("hours", "state"), [(0.9, "ok"), (1.1, "warning")])
def test_what_is_left_of_a_tag_is_told_once_it_is_no_push_under_way(stack: Stack, hours: float, state: str) -> None:
    tree = tree_of(stack)
    tree.tag("team/app", "v2").unlink()
    age(tree.tag_folder("team/app", "v2"), hours)
    check = tags(stack)
    assert check.state == state
    if state == "warning":
        assert check.detail.startswith("clients are told of team/app:v2, and cannot pull it: only its folder is left")
        assert check.remedy == "`regops delete team/app:v2` deletes it, or push it again"


@pytest.mark.parametrize(("hours", "state"), [(0.9, "ok"), (1.1, "warning")])
def test_tags_whose_manifest_was_deleted_are_told_once_their_deletion_is_over(stack: Stack, hours: float, state: str) -> None:
    """The registry deletes a manifest first, and then its tags."""
    tree = tree_of(stack)
    digest = tree.tagged("team/app", "v1") or ""
    age(tree.repository("team/app"), 2)
    tree.revision("team/app", digest).unlink()
    age(tree.revision("team/app", digest).parent, hours)
    check = tags(stack)
    assert check.state == state
    if state == "warning":
        assert check.detail == (
            f"clients are told of team/app:v1 (and 1 more), and cannot pull it: its manifest was deleted, {digest}"
        )


def test_a_damaged_link_is_told_at_once(stack: Stack) -> None:
    tree_of(stack).tag("team/app", "v1").write_text("")
    assert tags(stack).detail == "clients are told of team/app:v1, and cannot pull it: its link is damaged"
