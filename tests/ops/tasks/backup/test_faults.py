"""Backups while things go wrong: the last one that was published comes back whole, and the next run goes on."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.backups.repository import is_complete
from ops.config import BACKUP_FOLDER, BACKUP_SSH_KEY
from ops.core import exit_codes
from ops.core.process import Completed, run
from ops.tasks.backup.verify import verify
from tests.mounts import small_disk
from tests.ops import command_line
from tests.ops.backups.backup_rig import BackupRig, backed_up
from tests.ops.tasks.backup.faulty import cut_off, in_folder, over_ssh, program, push_large, restored, wait_for
from tests.ops.tasks.backup.test_verify import TODAY
from tests.ops.tasks.backup.victim import kill_at
from tests.ops.tasks.gc.gc_rig import Image
from tests.tools.offline.plugins.command.sshd import Sshd, make_key, sshd

pytestmark = pytest.mark.system

BEFORE = {"team/app": ["v1"]}
_WAIT_S = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("server") / "sshd") as server:
        yield server


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[BackupRig]:
    """A registry with one image, and no backup yet."""
    with backed_up(tmp_path) as rig:
        assert rig.registry.client.push("team/app", "v1", Image("v1")).is_success
        yield rig


def backup(rig: BackupRig) -> Completed:
    return command_line.regops(rig.stack.root, "backup")


def whole(rig: BackupRig, tmp_path: Path, tags: dict[str, list[str]]) -> None:
    """All data is whole, and what was published last comes back."""
    assert verify(rig.stack, TODAY, everything=True, tell=lambda _: None).exit_code == exit_codes.OK
    assert restored(rig, tmp_path / f"restored-{len([*tmp_path.glob('restored-*')])}") == tags


@pytest.mark.parametrize("by_ssh", [True, False], ids=["server", "folder"])
def test_where_backups_have_no_room_the_next_goes_on_when_there_is(
    rig: BackupRig, server: Sshd, tmp_path: Path, *, by_ssh: bool
) -> None:
    with small_disk(tmp_path / "disk", size="6m", inodes=0) as disk:
        target = disk / "target"
        there = over_ssh(rig, server, target) if by_ssh else in_folder(rig, target)
        assert backup(there).returncode == exit_codes.OK
        push_large(rig, "v1", 8)
        full = backup(there)
        assert full.returncode == exit_codes.NO_SPACE, full.stderr
        assert f"{there.backups.restic.shown} is full; make room there" in full.stderr
        whole(there, tmp_path, BEFORE)
        run(["dd", "if=/dev/zero", f"of={disk}/other", "bs=4k"], timeout=30, check=False)
        assert backup(there).returncode == exit_codes.NO_SPACE, "not even its lock can be written"
        whole(there, tmp_path, BEFORE)
        run(["mount", "-o", "remount,size=64m", disk], timeout=30)
        assert backup(there).returncode == exit_codes.OK
        whole(there, tmp_path, {**BEFORE, "large": ["v1"]})


@pytest.mark.parametrize("by_ssh", [True, False], ids=["server", "folder"])
def test_a_snapshot_that_was_written_half_is_named_and_removed(
    rig: BackupRig, server: Sshd, tmp_path: Path, *, by_ssh: bool
) -> None:
    target = tmp_path / "there"
    there = over_ssh(rig, server, target) if by_ssh else in_folder(rig, target)
    assert backup(there).returncode == exit_codes.OK
    torn = target / "snapshots" / ("a" * 64)
    torn.touch()
    told = command_line.regops(there.stack.root, "verify")
    assert told.returncode == exit_codes.MISMATCH
    assert f"`regops backups prune` removes it: snapshots/{torn.name}" in told.stderr
    push_large(rig, "v1", 1)
    assert backup(there).returncode == exit_codes.OK
    removed = command_line.regops(there.stack.root, "backups", "prune")
    assert removed.returncode == exit_codes.OK, removed.stderr
    assert not torn.exists()
    whole(there, tmp_path, {**BEFORE, "large": ["v1"]})


def test_a_restore_without_room_says_where_and_goes_on_when_there_is(rig: BackupRig, tmp_path: Path) -> None:
    push_large(rig, "v1", 4)
    rig.back_up()
    with small_disk(tmp_path / "disk", size="3m", inodes=0) as disk:
        words = ["restore", "--to", str(disk / "restored")]
        full = command_line.regops(rig.stack.root, *words)
        assert full.returncode == exit_codes.NO_SPACE, full.stderr
        assert f"the disk of {disk}/restored" in full.stderr
        run(["mount", "-o", "remount,size=64m", disk], timeout=30)
        again = command_line.regops(rig.stack.root, *words)
        assert again.returncode == exit_codes.OK, again.stderr
    whole(rig, tmp_path, {**BEFORE, "large": ["v1"]})


def test_a_connection_that_is_cut_in_the_middle(
    rig: BackupRig, server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "there"
    away = over_ssh(rig, server, target)
    assert backup(away).returncode == exit_codes.OK
    push_large(rig, "v1", 12)
    slow = program(tmp_path / "slow", "restic", shutil.which("restic"), 'exec "$real" "$@" --limit-upload 1000')
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(slow), prepend=":")
        sending = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", "--root", str(rig.stack.root), "backup"],
            cwd=PROJECT_FOLDER,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        wait_for(lambda: any(file.stat().st_size > 1 << 20 for file in target.glob("data/*/*-temp-*")))
        cut_off(server)
        said = sending.communicate(timeout=_WAIT_S)[1]
    assert sending.returncode == exit_codes.UNREACHABLE, said
    # The last words of ssh may be lost with it.
    assert re.search("cannot be reached: (Connection to 127.0.0.1 closed|the connection was lost)", said), said
    whole(away, tmp_path, BEFORE)
    assert backup(away).returncode == exit_codes.OK
    whole(away, tmp_path, {**BEFORE, "large": ["v1"]})


def test_another_host_key_and_a_key_that_is_not_let_in_are_told_apart(rig: BackupRig, server: Sshd, tmp_path: Path) -> None:
    there = over_ssh(rig, server, tmp_path / "there")
    assert backup(there).returncode == exit_codes.OK
    make_key(tmp_path / "other")
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    settings = there.stack.config.backup
    refused = backup(there.configure(settings.model_copy(update={"host_key": other})))
    assert refused.returncode == exit_codes.UNREACHABLE
    assert "may be another machine; if it was set up anew, give its key as `backup.host_key`" in refused.stderr
    trusting = there.configure(settings.model_copy(update={"host_key": None}))
    assert backup(trusting).returncode == exit_codes.UNREACHABLE, "what was known before is not forgotten"
    (rig.stack.root / BACKUP_FOLDER / "known_hosts").unlink()
    assert backup(trusting).returncode == exit_codes.OK, "as the message says"
    there = there.configure(settings)
    key = rig.stack.root / "secrets" / BACKUP_SSH_KEY
    before = key.read_text()
    key.write_text((tmp_path / "other").read_text())
    refused = backup(there)
    assert refused.returncode == exit_codes.UNREACHABLE
    assert "does not let this key in; its `authorized_keys` needs the `backup_public_key`" in refused.stderr
    key.write_text(before)
    whole(there, tmp_path, BEFORE)


@pytest.mark.parametrize("step", ["connected", "listed", "linked", "sent"])
def test_kill_9_at_any_step(rig: BackupRig, tmp_path: Path, step: str) -> None:
    rig.back_up()
    rig.registry.client.push("team/app", "v2", Image("v2"))
    kill_at(step, rig.stack.root)
    after = {"team/app": ["v1", "v2"]}
    whole(rig, tmp_path, after if step == "sent" else BEFORE)
    done = backup(rig)
    assert done.returncode == exit_codes.OK, done.stderr
    whole(rig, tmp_path, after)
    assert not (rig.stack.root / BACKUP_FOLDER / "stage").exists()


def test_kill_9_while_restic_is_sending_which_goes_on_by_itself(
    rig: BackupRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.back_up()
    for number in range(6):
        push_large(rig, f"v{number}", 3)
    slow = 'echo $$ > "$0.pid"; set -- "$@" --pack-size 4 --limit-upload 4000 --read-concurrency 1'
    script = f'case " $* " in *" backup "*) {slow};; esac\nexec "$real" "$@"'
    folder = program(tmp_path / "slow", "restic", shutil.which("restic"), script)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=":")
        sending = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", "--root", str(rig.stack.root), "backup"],
            cwd=PROJECT_FOLDER,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: [*rig.stack.root.glob("target/data/*/*-tmp-*")])
        sending.send_signal(signal.SIGKILL)
        sending.wait()
    left = Path(f"/proc/{(folder / 'restic.pid').read_text().strip()}")
    assert left.exists(), "restic is in a session of its own"
    done = backup(rig)
    assert done.returncode == exit_codes.OK, done.stderr
    wait_for(lambda: not left.exists())
    assert len(rig.backups.all()) > 1
    whole(rig, tmp_path, {**BEFORE, "large": [f"v{number}" for number in range(6)]})
    assert backup(rig).returncode == exit_codes.OK
    whole(rig, tmp_path, {**BEFORE, "large": [f"v{number}" for number in range(6)]})


def test_a_backup_that_is_published_without_all_that_belongs_to_it_counts_for_nothing(
    rig: BackupRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = rig.back_up()
    rig.registry.client.push("team/app", "v2", Image("v2"))
    removing = 'case " $* " in *" backup "*) rm -r pool/[0-7]*;; esac\nexec "$real" "$@"'
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(program(tmp_path / "removing", "restic", shutil.which("restic"), removing)), prepend=":")
        lost = backup(rig)
    assert lost.returncode == exit_codes.FAILED
    assert "is incomplete" in lost.stderr
    assert [is_complete(one) for one in rig.backups.all()] == [True, False]
    assert "INCOMPLETE" in command_line.regops(rig.stack.root, "backups").stdout
    assert rig.backups.find().name == good.name
    whole(rig, tmp_path, BEFORE)
    again = rig.back_up()
    assert again.is_new, "it is not taken for what there is already"
    whole(rig, tmp_path, {"team/app": ["v1", "v2"]})


def test_a_clock_that_jumps_back_makes_no_old_backup_the_latest(
    rig: BackupRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = 'case " $* " in *" backup "*) set -- "$@" --time "2040-01-01 00:00:00";; esac\nexec "$real" "$@"'
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(program(tmp_path / "ahead", "restic", shutil.which("restic"), ahead)), prepend=":")
        assert backup(rig).returncode == exit_codes.OK
    rig.registry.client.push("team/app", "v2", Image("v2"))
    made = rig.back_up()
    assert rig.backups.find().name == made.name
    whole(rig, tmp_path, {"team/app": ["v1", "v2"]})
    assert not rig.back_up().is_new, "nothing has changed since"
    refused = command_line.regops(rig.stack.root, "backups", "prune")
    assert refused.returncode == exit_codes.OK, refused.stderr
    assert len(rig.backups.all()) == 2
