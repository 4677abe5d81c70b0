"""`regops mirror`, with real registries and the real regsync: one image, now, beside a catalogue that knows nothing of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ops.catalogue.shipped import working_copy
from ops.core.locks import lock
from ops.stack.mirror import catalogue_of
from ops.tasks.sync.mirror import mirror_of
from ops.tasks.sync.run import MIRROR_LOCK
from ops.upstream.budget import Budget
from tests.ops.tasks.sync.mirror_rig import HERE, MirrorRig, running_mirror

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MirrorRig]:
    with running_mirror(tmp_path_factory.mktemp("one"), ["up"]) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(mirror: MirrorRig) -> None:
    """A front as at the start, and a catalogue without entries."""
    front = mirror.fronts["up"]
    front.budget, front.token, front.login, front.private, front.hang, front.requests = None, False, None, set(), set(), []
    mirror.configure(into=("**",), hub_reserve=20, reserve_gb=0)
    mirror.catalogue()


def copied(mirror: MirrorRig, *words: str) -> dict[str, Any]:
    done = mirror.regops("mirror", *words, "--json")
    assert done.returncode == 0, done.stderr
    image: dict[str, Any] = json.loads(done.stdout)["image"]
    return image


def source(mirror: MirrorRig, image: str) -> str:
    return f"{mirror.fronts['up'].address}/{image}"


def test_an_image_is_copied_with_all_its_platforms_and_told_how_to_pull_it(mirror: MirrorRig) -> None:
    digest = mirror.push("team/app", "1.0", platforms=2)
    told = mirror.regops("mirror", source(mirror, "team/app:1.0"))
    assert told.returncode == 0, told.stderr
    first, second = told.stdout.splitlines()
    assert first.startswith("3 manifests, "), told.stdout
    assert first.endswith(" s, digest verified")
    assert second == f"docker pull {HERE}/team/app:1.0"
    assert "`--add` keeps it up to date" in told.stderr
    token = mirror.rig.target.token("repository:team/app:pull", "admin")
    head = mirror.rig.target.request("HEAD", "/v2/team/app/manifests/1.0", token, headers={"Accept": "*/*"})
    assert head.headers["docker-content-digest"] == digest
    before = mirror.fronts["up"].pulls
    again = mirror.regops("mirror", source(mirror, "team/app:1.0"))
    assert "is here already, with the same digest" in again.stdout
    assert mirror.fronts["up"].pulls == before


def test_without_a_tag_it_is_latest_and_a_digest_is_given_one(mirror: MirrorRig) -> None:
    latest, other = mirror.push("team/plain", "latest"), mirror.push("team/plain", "other")
    assert copied(mirror, source(mirror, "team/plain"))["digest"] == latest
    image = copied(mirror, source(mirror, f"team/plain@{other}"), "--as", "pinned/plain:1")
    assert (image["digest"], image["pull"], image["verified"]) == (other, f"{HERE}/pinned/plain:1", True)
    assert mirror.tags("pinned/plain") == ["1"]
    untagged = mirror.regops("mirror", source(mirror, f"team/plain@{other}"))
    assert untagged.returncode != 0
    assert "--as REPOSITORY:TAG" in untagged.stderr


def test_a_dry_run_tells_what_it_would_do_and_pulls_nothing(mirror: MirrorRig) -> None:
    digest = mirror.push("team/dry", "1")
    mirror.fronts["up"].budget = Budget(100, 54, 21600)
    told = mirror.regops("mirror", source(mirror, "team/dry:1"), "--dry-run")
    assert f"({digest}) would be copied" in told.stdout
    assert "grants 54 of 100 pulls" in told.stdout
    assert (mirror.fronts["up"].pulls, mirror.tags("team/dry")) == (0, [])


def test_where_the_mirror_may_not_write_it_says_what_to_type(mirror: MirrorRig) -> None:
    mirror.push("team/out", "1")
    mirror.configure(into=("library/**",))
    outside = mirror.regops("mirror", source(mirror, "team/out:1"))
    assert outside.returncode == 10, outside.stderr
    assert "team/out is outside of where the mirror may write (library/**)" in outside.stderr
    assert "--as library/out:1" in outside.stderr
    assert copied(mirror, source(mirror, "team/out:1"), "--as", "library/out:1")["repository"] == "library/out"


def test_what_upstream_refuses_is_said_with_what_helps(mirror: MirrorRig) -> None:
    mirror.push("team/refused", "1")
    front = mirror.fronts["up"]
    missing = mirror.regops("mirror", source(mirror, "team/refused:typo"))
    assert missing.returncode == 1
    assert "no such image: team/refused:typo; check its name and its tag" in missing.stderr
    front.private = {"team/refused"}
    private = mirror.regops("mirror", source(mirror, "team/refused:1"))
    assert (private.returncode, "set a login for this registry" in private.stderr) == (1, True), private.stderr
    front.private, front.budget = set(), Budget(100, 0, 21600)
    limited = mirror.regops("mirror", source(mirror, "team/refused:1"))
    assert limited.returncode == 75, limited.stderr
    assert "grants 0 more pulls" in limited.stderr
    assert "try again later" in limited.stderr
    assert "by itself" not in limited.stderr
    assert mirror.tags("team/refused") == []


def test_the_pulls_that_are_kept_for_people_are_for_people(mirror: MirrorRig) -> None:
    mirror.push("team/reserve", "1")
    mirror.fronts["up"].budget = Budget(100, 20, 21600)
    assert copied(mirror, source(mirror, "team/reserve:1"))["pulls_left"] == 19


def test_what_is_remembered_of_the_catalogue_stays_as_it_was(mirror: MirrorRig) -> None:
    for tag in ("1.0", "1.1"):
        mirror.push("team/known", tag)
    mirror.catalogue(mirror.entry("up", "team/known", r"1\.\d+", to="team/known"))
    mirror.sync()
    mirror.push("team/known", "1.1", "moved")

    def remembered() -> tuple[object, ...]:
        with mirror_of(mirror.stack) as opened:
            state = opened.state
            return state.records(), [state.known(entry) for entry in opened.entries], state.last_run()

    before = remembered()
    copied(mirror, source(mirror, "team/known:1.1"))
    assert remembered() == before
    assert mirror.sync("--force")["team/known"]["state"] == "unchanged", "it is as upstream has it now"


def test_it_waits_for_no_other_copy_and_says_who_is_at_it(mirror: MirrorRig) -> None:
    mirror.push("team/busy", "1")
    with lock(mirror.stack.lock_file(MIRROR_LOCK), "sync"):
        busy = mirror.regops("mirror", source(mirror, "team/busy:1"))
    assert busy.returncode == 75
    assert "sync" in busy.stderr


def test_add_keeps_it_up_to_date_and_is_refused_before_anything_is_copied(mirror: MirrorRig) -> None:
    mirror.push("team/added", "1")
    told = mirror.regops("mirror", source(mirror, "team/added:1"), "--add")
    assert told.returncode == 0, told.stderr
    assert "ahead of the repository" in told.stderr
    (entry,) = catalogue_of(mirror.stack).entries
    assert entry.values == {"source": source(mirror, "team/added:1"), "target": f"{HERE}/team/added:1", "type": "image"}
    moved = mirror.push("team/added", "1", "moved")
    assert mirror.sync("--force")["team/added"]["copied"] == ["1"]
    assert copied(mirror, source(mirror, "team/added:1"), "--add")["digest"] == moved
    assert len(catalogue_of(mirror.stack).entries) == 1, "it is there already"
    mirror.push("team/other", "1")
    content, before = working_copy(mirror.stack.root).read_bytes(), mirror.fronts["up"].pulls
    refused = mirror.regops("mirror", source(mirror, "team/other:1"), "--as", "team/added:1", "--add")
    assert refused.returncode != 0
    assert "writes" in refused.stderr
    assert (working_copy(mirror.stack.root).read_bytes(), mirror.fronts["up"].pulls) == (content, before)


def test_what_no_entry_names_is_listed_beside_the_catalogue(mirror: MirrorRig) -> None:
    mirror.push("team/orphan", "1")
    mirror.push("team/named", "1")
    mirror.configure(into=("kept/**",))
    for name in ("orphan", "named"):
        copied(mirror, source(mirror, f"team/{name}:1"), "--as", f"kept/{name}:1")
    mirror.catalogue(mirror.entry("up", "team/named", to="kept/named", policies={"enabled": False}))
    file = working_copy(mirror.stack.root)
    assert json.loads(mirror.regops("catalogue", "--file", str(file), "list", "--json").stdout)["orphans"] == ["kept/orphan"]
    told = mirror.regops("catalogue", "--file", str(file)).stderr
    assert "in no entry, so that nothing updates them: kept/orphan\n" in told
    assert "kept/" not in mirror.regops("catalogue", "--file", str(file), "list", "--search", "app").stderr
