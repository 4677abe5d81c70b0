"""An entry of type registry: all repositories that its upstream lists, page by page, but for those that are not wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ops.tasks.sync.model import Failure
from ops.tasks.sync.whole import parts_of
from tests.ops.tasks.sync.entries_for_tests import HERE, entries
from tests.ops.tasks.sync.mirror_rig import MirrorRig, running_mirror


def whole(**more: Any) -> dict[str, Any]:
    return {"source": "quay.io", "target": f"{HERE}/mirror", "type": "registry", **more}


def test_parts_go_below_the_target_and_names_that_are_none_go_nowhere() -> None:
    (entry,) = entries(whole(tags={"allow": ["1"]}))
    assert (entry.failure, entry.name, entry.upstream) == (None, "quay.io", "quay.io")
    found = parts_of(entry, ["org/app", "../../etc", "Upper/case", "taken"], {"mirror/taken"})
    assert isinstance(found, list)
    (part,) = found
    assert (part.name, part.repository, part.upstream) == ("quay.io/org/app", "mirror/org/app", "quay.io")
    assert (part.owner, part.key) == (entry, "quay.io mirror mirror/org/app")
    assert part.entry is not None
    assert (part.entry.type, part.entry.tags.allow, part.entry.digest_tags) == ("repository", ("1",), True)


def test_what_is_below_the_target_of_another_registry_is_left_to_that() -> None:
    outer, inner = entries(whole(), whole(source="ghcr.io", target=f"{HERE}/mirror/quay"))
    folders = {"mirror/", "mirror/quay/", "other/"}
    listed = ["org/app", "quay/app", "quayside/app"]
    for entry, expected in (
        (outer, ["mirror/org/app", "mirror/quayside/app"]),
        (inner, [f"mirror/quay/{name}" for name in listed]),
    ):
        found = parts_of(entry, listed, (), folders)
        assert isinstance(found, list)
        assert [part.repository for part in found] == expected


@pytest.mark.parametrize(
    ("repos", "expected"),
    [
        ({"allow": ["org/.*"]}, ["org/a", "org/b"]),
        ({"deny": ["org/.*"]}, ["other"]),
        ({"allow": ["org/.*"], "deny": [".*/b"]}, ["org/a"]),
        ({"allow": ["org"]}, None),
    ],
)
def test_patterns_hold_for_whole_names(repos: dict[str, list[str]], expected: list[str] | None) -> None:
    (entry,) = entries(whole(repos=repos))
    found = parts_of(entry, ["org/a", "org/b", "other"], ())
    if expected is None:
        assert isinstance(found, Failure)
        assert found.why == "no repository matches, of 3 upstream"
    else:
        assert isinstance(found, list)
        assert [part.source.repository for part in found if part.source] == expected


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MirrorRig]:
    """A mirror of an upstream that nobody else pushes to: what it lists is known."""
    with running_mirror(tmp_path_factory.mktemp("whole"), ["one"]) as mirror:
        yield mirror


@pytest.mark.system
def test_a_whole_registry_is_mirrored_and_each_of_its_repositories_fares_by_itself(alone: MirrorRig) -> None:
    mirror, front = alone, alone.fronts["one"]
    for name in ("org/a", "org/b", "org/own", "other/c", "secret/d"):
        for tag in ("1.2.3", "1.2.4"):
            mirror.push(name, tag)
    front.page = 2
    entry = {
        "source": front.address,
        "target": f"{HERE}/mirror",
        "type": "registry",
        "repos": {"allow": ["org/.*", "other/.*"]},
        "x-regops": {"keep_last": 1, "hold": True},
    }
    mirror.catalogue(entry, mirror.entry("one", "org/own", "1.2.3", to="mirror/org/own"))
    plan = mirror.plan()
    assert {name: one["copy"] for name, one in plan.items()} == {
        "mirror/org/a": ["1.2.4"],
        "mirror/org/b": ["1.2.4"],
        "mirror/other/c": ["1.2.4"],
        "mirror/org/own": ["1.2.3"],
    }
    assert front.counted("GET", "_catalog") == 3
    done = mirror.sync()["mirror"]
    assert (done["state"], sorted(done["copied"])) == (
        "changed",
        ["mirror/org/a:1.2.4", "mirror/org/b:1.2.4", "mirror/other/c:1.2.4"],
    )
    assert mirror.sync("--force")["mirror"]["state"] == "unchanged"
    assert [mirror.tags(f"mirror/{name}") for name in ("org/a", "org/own")] == [["1.2.4"], ["1.2.3"]]
    report = mirror.regops("mirror-report", "--json").stdout
    assert '"mirror/other/c"' in report

    moved = mirror.push("org/a", "1.2.4", "moved")
    mirror.push("org/b", "1.3.0")
    assert mirror.plan()["mirror/org/a"]["held"] == {"1.2.4": moved}
    done = mirror.sync("--force")["mirror"]
    assert (done["copied"], done["deleted"]) == (["mirror/org/b:1.3.0"], ["mirror/org/b:1.2.4"])
    released = mirror.regops("sync", "release", ":3", "org/a:1.2.4")
    assert released.returncode == 0, released.stderr
    assert mirror.sync()["mirror"]["copied"] == ["mirror/org/a:1.2.4"]

    front.private, front.token = {"org/a"}, True
    done = mirror.sync("--force")["mirror"]
    assert (done["state"], list(done["failures"])) == ("failed", ["mirror/org/a"])
    front.private, front.token = set(), False
    shown = mirror.regops("catalogue", "remove", ":3", "--images", "--dry-run").stderr
    assert "3 tags would be deleted here: mirror/org/a:1.2.4, mirror/org/b:1.3.0, mirror/other/c:1.2.4" in shown
    assert mirror.regops("catalogue", "list", "--json").stdout.count("orphans") == 1
    mirror.catalogue(mirror.entry("one", "org/own", "1.2.3", to="mirror/org/own"))
    mirror.sync("--force")
    assert "mirror/org/b" in mirror.regops("catalogue", "list", "--json").stdout, "no entry names it any more"


@pytest.mark.system
def test_who_lists_nothing_fails_alone(alone: MirrorRig) -> None:
    mirror, front = alone, alone.fronts["one"]
    mirror.push("org/own", "1.2.3")
    front.hang = set()
    entry = {"source": front.address, "target": f"{HERE}/lists", "type": "registry", "repos": {"allow": ["nothing/.*"]}}
    mirror.catalogue(entry, mirror.entry("one", "org/own", "1.2.3"))
    done = mirror.sync("--force")
    assert "no repository matches" in done["lists"]["failures"][""]
    assert done["one/org/own"]["state"] == "changed"
    assert "no repository matches" in mirror.plan()["lists"]["failure"]
