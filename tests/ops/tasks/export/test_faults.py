"""Exports while things go wrong: what an export has left there before is whole, and the next goes on."""

from __future__ import annotations

import getpass
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.core import exit_codes
from ops.core.process import Completed, run
from tests.mounts import small_disk
from tests.ops import command_line
from tests.ops.backups.backup_rig import BackupRig, backed_up
from tests.ops.tasks.backup.faulty import cut_off, program, push_large, tags_in, wait_for
from tests.ops.tasks.gc.gc_rig import Image
from tests.tools.offline.plugins.command.sshd import Sshd, make_key, sshd

pytestmark = pytest.mark.system

BEFORE = {"team/app": ["v1"]}
_WAIT_S = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("server") / "sshd") as server:
        (server.folder / "known").write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
        yield server


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[BackupRig]:
    with backed_up(tmp_path) as rig:
        assert rig.registry.client.push("team/app", "v1", Image("v1")).is_success
        yield rig


def words(target: Path, server: Sshd, key: str = "user", known: str = "known") -> list[str]:
    """The words of an export to a folder of the server."""
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{server.port}/{target}"
    return ["export", url, "--identity", str(server.folder / key), "--known-hosts", str(server.folder / known)]


def exported(rig: BackupRig, *told: str) -> Completed:
    return command_line.regops(rig.stack.root, *told)


@pytest.mark.parametrize("by_ssh", [True, False], ids=["server", "folder"])
def test_a_full_target_has_what_it_had_and_the_next_goes_on_when_there_is_room(
    rig: BackupRig, server: Sshd, tmp_path: Path, *, by_ssh: bool
) -> None:
    with small_disk(tmp_path / "disk", size="6m", inodes=0) as disk:
        told = words(disk / "there", server) if by_ssh else ["export", str(disk / "there")]
        assert exported(rig, *told).returncode == exit_codes.OK
        push_large(rig, "v1", 8)
        full = exported(rig, *told)
        assert full.returncode == exit_codes.NO_SPACE, full.stderr
        assert f"{told[1]} is full; make room" in full.stderr
        assert tags_in(disk / "there") == BEFORE
        run(["mount", "-o", "remount,size=64m", disk], timeout=30)
        assert exported(rig, *told).returncode == exit_codes.OK
        assert tags_in(disk / "there") == {**BEFORE, "large": ["v1"]}


def test_a_connection_that_is_cut_in_the_middle(
    rig: BackupRig, server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    told = words(there, server)
    assert exported(rig, *told).returncode == exit_codes.OK
    push_large(rig, "v1", 12)
    slow = program(tmp_path / "slow", "rsync", shutil.which("rsync"), 'exec "$real" --bwlimit=2000 "$@"')
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(slow), prepend=":")
        sending = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", "--root", str(rig.stack.root), *told],
            cwd=PROJECT_FOLDER,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        wait_for(lambda: any(file.stat().st_size > 1 << 20 for file in there.rglob(".data.*")))
        cut_off(server)
        said = sending.communicate(timeout=_WAIT_S)[1]
    assert sending.returncode == exit_codes.UNREACHABLE, said
    assert "run it again: it goes on where it was" in said
    assert tags_in(there) == BEFORE
    assert exported(rig, *told).returncode == exit_codes.OK
    assert tags_in(there) == {**BEFORE, "large": ["v1"]}


def test_another_host_key_and_a_key_that_is_not_let_in_are_told_apart(rig: BackupRig, server: Sshd, tmp_path: Path) -> None:
    make_key(server.folder / "other")
    (server.folder / "unknown").write_text(f"[127.0.0.1]:{server.port} {(server.folder / 'other.pub').read_text()}")
    refused = exported(rig, *words(tmp_path / "there", server, known="unknown"))
    assert (refused.returncode, "may be another machine" in refused.stderr) == (exit_codes.UNREACHABLE, True), refused.stderr
    refused = exported(rig, *words(tmp_path / "there", server, key="other"))
    assert (refused.returncode, "with --identity" in refused.stderr) == (exit_codes.UNREACHABLE, True), refused.stderr
    assert not (tmp_path / "there").exists()
