"""The rendered regbot.yml in a real regbot: what the rules say is deleted, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.ops.gateway.registry_rig import MANIFEST_TYPE
from tests.stack_components.sync.sync_rig import Rig, running_rig

pytestmark = pytest.mark.system

SIGNATURE = "sha256-" + "0" * 64
# Which of these tags does each expression mean?
TAGS = ["a", "b1", "ci-1", "ci-12", "ci-1x", "v1.2", "v1.10", "v1x2", "pr-7-0abcdef", "pr-7-0abcdeg", "1.0_beta", SIGNATURE]
EXPRESSIONS = [
    r"ci-\d+",
    r"v\d+\.\d+",
    r"a|b\d",
    ".*",
    r"pr-\d+-[0-9a-f]{7}",
    r"[^ab].{3,5}",
    r"\w+\.\w+",
    r"[\w.-]{3,4}",
    r"v?\d+\.\d*_?[a-z]*",
]
RULES = [
    *({"repository": "ci/patterns", "tags": expression, "keep": 1} for expression in EXPRESSIONS),
    {"repository": "ci/order", "tags": r"v[\w.-]+", "keep": 3},
    {"repository": "ci/huge", "tags": r"\d+", "keep": 1},
    {"repository": "ci/signed", "tags": ".*", "keep": 1},
    {"repository": "ci/few", "tags": r"\d+", "keep": 5},
    {"repository": "ci/empty", "tags": ".*", "keep": 1},
]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running_rig(tmp_path_factory.mktemp("rig"), retention=RULES) as running:
        running.push("ci/patterns", *TAGS)
        yield running


def would_delete(rig: Rig) -> dict[str, set[str]]:
    """What regbot says that it would delete: tags by rule, as `repository: expression`."""
    done = rig.run("regbot", "once", "--dry-run")
    assert done.returncode == 0, done.stderr
    found: dict[str, set[str]] = {}
    for line in map(json.loads, done.stderr.splitlines()):
        if line["msg"] == "Delete tag":
            repository, _, tag = line["image"].partition("/")[2].rpartition(":")
            assert line["script"].startswith(f"{repository}: ")
            found.setdefault(line["script"], set()).add(tag)
    return found


def test_expressions_mean_the_same_to_lua_as_to_everybody_else(rig: Rig) -> None:
    planned = would_delete(rig)
    for expression in EXPRESSIONS:
        meant = {tag for tag in TAGS if re.fullmatch(expression, tag) and tag != SIGNATURE}
        deleted = planned.get(f"ci/patterns: {expression}", set())
        assert len(meant - deleted) == 1, expression
        assert deleted < meant, expression


def test_the_highest_stay_and_numbers_count_by_value(rig: Rig) -> None:
    kept = ["v9.10", "v10.0", "v10.0-rc1"]
    lower = ["v1.100", "v9.2", "v9.9", "v9.9-rc1", "v9.010", "v9"]
    rig.push("ci/order", *kept, *lower, "latest", "x99.0")
    highest = f"1{29 * '0'}1"  # more digits than a number of Lua has
    rig.push("ci/huge", "9", f"1{30 * '0'}", highest)
    planned = would_delete(rig)
    assert planned[r"ci/order: v[\w.-]+"] == set(lower)
    assert planned[r"ci/huge: \d+"] == {"9", f"1{30 * '0'}"}


def test_a_dry_run_deletes_nothing_and_a_real_one_just_what_it_said(rig: Rig) -> None:
    rig.push("ci/few", "1", "2", "3")
    before = {rule["repository"]: rig.tags(str(rule["repository"])) for rule in RULES}
    planned = would_delete(rig)
    assert {name: rig.tags(str(name)) for name in before} == before
    done = rig.run("regbot", "once")
    assert done.returncode == 0, done.stderr
    gone = {f"{script.partition(':')[0]}:{tag}" for script, tags in planned.items() for tag in tags}
    expected = {name: [tag for tag in tags if f"{name}:{tag}" not in gone] for name, tags in before.items()}
    assert {name: rig.tags(str(name)) for name in before} == expected
    assert expected["ci/few"] == ["1", "2", "3"]
    assert would_delete(rig) == {}


def test_signatures_and_other_names_of_an_image_stay(rig: Rig) -> None:
    rig.push("ci/signed", "1", "2", SIGNATURE, f"{SIGNATURE}.sig")
    token = rig.target.token("repository:ci/signed:pull,push", "admin")
    same = rig.target.pull("ci/signed", "1", token).content
    headers = {"Content-Type": MANIFEST_TYPE}
    assert rig.target.request("PUT", "/v2/ci/signed/manifests/9-stable", token, content=same, headers=headers).status_code == 201
    assert rig.run("regbot", "once").returncode == 0
    assert rig.tags("ci/signed") == ["9-stable", SIGNATURE, f"{SIGNATURE}.sig"]
    assert rig.target.pull("ci/signed", "9-stable", token).content == same


def test_read_only_mode_holds_for_deletions_too(rig: Rig) -> None:
    rig.run("regbot", "once")
    rig.push("ci/few", *(str(number) for number in range(1, 8)))
    rig.read_only_file.touch()
    try:
        assert rig.run("regbot", "once").returncode == 1
    finally:
        rig.read_only_file.unlink()
    token = rig.target.token("repository:ci/few:pull", "admin")
    assert rig.tags("ci/few") == ["1", "2", "3", "4", "5", "6", "7"]
    assert b"delete-tag" not in rig.target.pull("ci/few", "1", token).content
    assert rig.run("regbot", "once").returncode == 0
    assert rig.tags("ci/few") == ["3", "4", "5", "6", "7"]
