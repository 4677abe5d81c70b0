"""What was written since a listing is found, again and again, whatever the clock does, and without listing everything anew."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ops.registry.listing import listing_of
from ops.registry.listing import names_in as names_in_folder
from ops.registry.tree import RegistryTree
from ops.tasks.gc.written import Watch
from tests.ops.tasks.gc.trees import Layout, lay_out_images


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(RegistryTree(tmp_path / "registry"))
    layout.tag("team/app", "v1", layout.image("team/app", [b"first"]))
    return layout


def watch(layout: Layout) -> Watch:
    made = Watch(layout.tree, listing_of(layout.tree))
    assert (made.look().manifests, made.look().blobs) == (set(), set())
    return made


def test_new_tags_manifests_layers_and_repositories_are_found_each_time(layout: Layout) -> None:
    watching = watch(layout)
    for name in ("team/app", "team/new", "other"):
        image = layout.image(name, [name.encode()])
        for _ in range(2):
            found = watching.look()
            assert image in found.manifests
            assert image in found.repositories[name].revisions
            assert layout.layer(name, name.encode()) in found.blobs


def test_a_tag_that_moves_to_an_old_manifest_is_found(layout: Layout) -> None:
    old = layout.image("team/app", [b"old"])
    watching = watch(layout)
    layout.tag("team/app", "v1", old)
    assert watching.look().manifests == {old}


def test_a_link_that_is_written_into_an_empty_folder_is_found(layout: Layout) -> None:
    """The registry leaves the folder of a manifest that it deletes, so pushing it again makes no new name."""
    image = layout.image("team/app", [b"deleted"])
    link = layout.tree.revision("team/app", image)
    link.unlink()
    watching = watch(layout)
    link.write_text(image)
    assert watching.look().manifests == {image}


def test_pushes_within_one_tick_of_the_clock_are_all_found(layout: Layout) -> None:
    watching = watch(layout)
    for number in range(200):
        layer = layout.layer("team/app", str(number).encode())
        assert layer in watching.look().blobs


@pytest.mark.parametrize("jump_s", [-86_400, 86_400])
def test_a_clock_that_jumps_hides_nothing(layout: Layout, monkeypatch: pytest.MonkeyPatch, jump_s: int) -> None:
    watching = watch(layout)
    now = time.time_ns
    monkeypatch.setattr("ops.tasks.gc.written.time.time_ns", lambda: now() + jump_s * 10**9)
    for number in range(20):
        layer = layout.layer("team/app", str(number).encode())
        assert layer in watching.look().blobs


def test_a_tag_that_cannot_be_read_keeps_everything_in_its_repository(layout: Layout) -> None:
    watching = watch(layout)
    layout.tag("team/app", "v1", layout.image("team/app", [b"first"]))
    layout.tree.tag("team/app", "v1").write_text("")
    found = watching.look()
    assert found.manifests == set(found.repositories["team/app"].revisions)
    assert found.blobs == set(found.repositories["team/app"].layers)


def test_unchanged_folders_are_not_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = RegistryTree(tmp_path / "registry")
    lay_out_images(tree, 1_000)
    for folder, _, _ in os.walk(tree.top):
        os.utime(folder, (0, 0))
    watching = Watch(tree, listing_of(tree))
    watching.look()
    listed: list[str] = []
    real = names_in_folder

    def names_in(folder: str) -> list[str]:
        listed.append(folder)
        return real(folder)

    monkeypatch.setattr("ops.tasks.gc.written.names_in", names_in)
    watching.look()
    assert not [path for path in listed if path.endswith("/sha256")]
