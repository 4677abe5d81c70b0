"""The rendered regbot.yml in a real regbot: a script of the settings does what it says, with the rights that it was given."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.stack_components.sync.sync_rig import Rig, running_rig

pytestmark = pytest.mark.system

DELETE_OLD = """\
for _, name in ipairs(tag.ls(registry .. "/ci/app")) do
  if name:match("^old") then tag.delete(registry .. "/ci/app:" .. name) end
end
"""
SCRIPTS = [
    {"name": "delete old", "repositories": ["ci/app"], "script": DELETE_OLD},
    {"name": "too far", "repositories": ["ci/app"], "script": 'tag.delete(registry .. "/private/app:1")'},
]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running_rig(tmp_path_factory.mktemp("rig"), scripts=SCRIPTS) as running:
        running.push("private/app", "1")
        yield running


def test_a_script_deletes_and_a_dry_run_only_says_so(rig: Rig) -> None:
    rig.push("ci/app", "old-1", "old-2", "new-1")
    lines = [json.loads(line) for line in rig.run("regbot", "once", "--dry-run").stderr.splitlines() if line.startswith("{")]
    said = [
        line["image"].rpartition(":")[2] for line in lines if (line["msg"], line.get("script")) == ("Delete tag", "delete old")
    ]
    assert (said, rig.tags("ci/app")) == (["old-1", "old-2"], ["new-1", "old-1", "old-2"])
    rig.run("regbot", "once")  # the other script fails
    assert rig.tags("ci/app") == ["new-1"]


def test_a_script_reaches_no_other_repository(rig: Rig) -> None:
    rig.push("ci/app", "new-1")
    done = rig.run("regbot", "once")
    assert (done.returncode, "too far" in done.stderr, "unauthorized" in done.stderr) == (1, True, True), done.stderr
    assert rig.tags("private/app") == ["1"]


def test_read_only_mode_holds_for_scripts_too(rig: Rig) -> None:
    rig.push("ci/app", "old-1")
    rig.read_only_file.touch()
    try:
        assert rig.run("regbot", "once").returncode == 1
    finally:
        rig.read_only_file.unlink()
    assert "old-1" in rig.tags("ci/app")
