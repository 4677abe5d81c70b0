"""What a drill tries: the canary always, other repositories by chance, and no more than fits."""

from __future__ import annotations

import json

from ops.registry.canary import REPOSITORY
from ops.registry.index import RepositoryIndex
from ops.tasks.drill.model import DrillOptions
from ops.tasks.drill.plan import Candidate, candidates, fitting, part_of, sizes_in

INDEX = {f"team/{number}": RepositoryIndex({"v1": "sha256:1", "v2": "sha256:2"}, revisions=["sha256:1"]) for number in range(30)}


def test_a_sample_has_the_canary_and_is_another_one_for_each_backup() -> None:
    index = {**INDEX, REPOSITORY: RepositoryIndex({"doctor": "sha256:3"}), "empty": RepositoryIndex()}
    first, again, other = (candidates(index, DrillOptions(repositories=5), seed) for seed in ("1", "1", "2"))
    assert first == again
    assert {one.repository for one in first} != {one.repository for one in other}
    assert first[0] == Candidate(REPOSITORY, "doctor", "sha256:3")
    assert len({one.repository for one in first}) == 6
    assert {str(one).rpartition(":")[2] for one in first[1:6]} <= {"v1", "v2"}, "one of each repository first"
    assert len(candidates(index, DrillOptions(repositories=99, tags=1), "1")) == 31


def test_what_does_not_fit_is_left_out_and_what_is_shared_counts_once() -> None:
    found = [Candidate("a", tag, tag) for tag in ("small", "large", "same")]
    needed = {"small": [("x", 40)], "large": [("y", 90)], "same": [("x", 40), ("z", 50)]}
    taken, blobs, size = fitting(found, lambda one: needed[one.tag], 100)
    assert ([one.tag for one in taken], blobs, size) == (["small", "same"], {"x", "z"}, 90)


def test_sizes_are_those_of_the_descriptors() -> None:
    one, other = ("sha256:" + letter * 64 for letter in "ab")
    manifest = {"config": {"digest": one, "size": 1}, "layers": [{"digest": other, "size": 2}, "nonsense", {"size": 3}]}
    assert sizes_in(json.dumps(manifest).encode()) == [(one, 1), (other, 2)]
    assert sizes_in(b"no JSON") == sizes_in(b"[]") == sizes_in(b'{"layers": 5}') == sizes_in(b"[" * 20_000) == []
    odd = {"manifests": [{"digest": one, "size": "many"}, {"digest": [one], "size": 1}, {"digest": "../..", "size": 1}]}
    assert sizes_in(json.dumps(odd).encode()) == [(one, 0)]


def test_only_the_tags_that_are_tried_are_served() -> None:
    part = part_of(INDEX, [Candidate("team/1", "v2", "sha256:2")])
    assert {name: one.tags for name, one in part.items()} == {"team/1": {"v2": "sha256:2"}}
    assert part["team/1"].revisions == ["sha256:1"]
