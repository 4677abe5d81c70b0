"""What is laid out to see how things grow: of each kind ten times as much of one thing, and as much of all others."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.registry.listing import listing_of
from ops.registry.tree import RegistryTree
from tools.bench.growth_times import BASE, BLOBS, BYTES, GROWN, REPOSITORIES, TAGS, Shape, lay_out


def figures(shape: Shape) -> dict[str, int]:
    return {REPOSITORIES: shape.repositories, TAGS: shape.all_tags, BLOBS: shape.all_blobs, BYTES: shape.all_bytes}


@pytest.mark.parametrize("name", GROWN)
def test_one_thing_becomes_ten_times_as_much_and_all_others_stay(name: str) -> None:
    wanted = figures(BASE)
    wanted[name] *= 10
    assert figures(GROWN[name]) == pytest.approx(wanted, rel=0.01)


def test_what_is_laid_out_is_what_a_shape_says(tmp_path: Path) -> None:
    shape, tree = Shape(repositories=3, images=10, tags=2, layers=4, size=3000), RegistryTree(tmp_path / "registry")
    lay_out(tree, shape)
    listing = listing_of(tree)
    sizes = [tree.blob(digest).stat().st_size for digest in listing.blobs]
    laid = {
        REPOSITORIES: len(listing.repositories),
        TAGS: sum(len(links.tags) for links in listing.repositories.values()),
        BLOBS: len(listing.blobs),
        BYTES: sum(size for size in sizes if size == shape.size),
    }
    assert laid == figures(shape)
