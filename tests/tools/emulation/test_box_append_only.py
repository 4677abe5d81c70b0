"""Backups on a Storage Box: whoever has the host's key can add and read them, and not remove or change any."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from ops.backups.errors import BackupError, BackupFullError, BackupUnreachableError, TornIndexError, TornSnapshotError
from ops.backups.repository import GOOD, SUSPICIOUS
from ops.backups.told import Backup
from ops.config import (
    BACKUP_FOLDER,
    BACKUP_SECOND_PASSWORD,
    BACKUP_SSH_KEY,
    BackupSettings,
    KeepBackups,
    authorized_keys,
)
from ops.core.process import run
from ops.tasks.prune.run import prune
from tests.ops.backups.dated import PASSWORD, Dated, with_restic
from tests.ops.backups.quick_keys import make_repository
from tests.ops.tasks.backup.faulty import program, wait_for
from tests.tools.emulation.box import WRITER, Box
from tools.emulation.boxes import PORT
from tools.offline.debian import apt_install

pytestmark = pytest.mark.system
_FOLDER = "attacked"
_LIMIT_S = 60.0
_AT_ONCE_S = 20.0
_REPOSITORY = f"{_FOLDER}/restic"
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def dated(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dated]:
    """A stack with backups on the box, whose key there is tied to adding and reading."""
    folder = tmp_path_factory.mktemp("stack")
    publics = []
    for name in (f"secrets/{BACKUP_SSH_KEY}", "prune"):
        key, file = asyncssh.generate_private_key("ssh-ed25519"), folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        key.write_private_key(str(file))
        file.chmod(0o600)
        publics.append(key.export_public_key().decode().strip())
    keys = "/data/stack/.ssh/authorized_keys"
    before = box.console(f"cat {keys}")
    box.console(
        f"printf '%s' {shlex.quote(authorized_keys(publics[0], publics[1], _REPOSITORY))} >> {keys}; mkdir /data/stack/{_FOLDER}"
    )
    make_repository(folder / "made", PASSWORD)
    with tarfile.open(folder / "made.tar", "w") as packed:
        packed.add(folder / "made", Path(_REPOSITORY).name)
    assert box.container.put_archive(f"/data/stack/{_FOLDER}", (folder / "made.tar").read_bytes())
    box.console(f"chown -R 1000:1000 /data/stack/{_FOLDER}")
    host_key = " ".join(box.console("cat /data/.host-key.pub").split()[:2])
    settings = BackupSettings(
        target=f"ssh://{WRITER}@{box.address}:{PORT}/{_REPOSITORY}",
        host_key=host_key,
        append_only=True,
        keep=KeepBackups(all_days=1, daily_days=5, grace_days=0, weekly_days=0, monthly_days=0),
    )
    apt_install("openssh-client", "ssh", purpose="this test")
    with with_restic():
        dated = Dated(folder, settings)
        for days, tag in ((5.0, SUSPICIOUS), (4.1, GOOD), (2.2, GOOD), (2.1, GOOD), (0.1, GOOD)):
            dated.back_up(TODAY - timedelta(days=days), tag)
        yield dated
    box.console(f"rm -rf /data/stack/{_FOLDER}; printf '%s\\n' {shlex.quote(before)} > {keys}")


def files(box: Box) -> str:
    """Everything that the account has, with its checksums, but for locks."""
    return box.console("cd /data/stack && find . -type f ! -path '*/locks/*' -exec sha256sum {} + | sort")


@pytest.fixture
def ssh(dated: Dated) -> list[str]:
    """The client, with the host's key."""
    options = dated.backups.restic.options
    program = next(word.removeprefix("rclone.program=") for word in options if word.startswith("rclone.program="))
    return shlex.split(program)[:-1]


def test_restic_with_the_hosts_key_removes_nothing(dated: Dated, box: Box) -> None:
    restic, second = dated.backups.restic, dated.root / "secrets" / BACKUP_SECOND_PASSWORD
    second.write_text("another\n")
    restic.add_password(second)
    before = files(box)
    (key,) = [one for one in json.loads(restic._run(["key", "list", "--json"], _LIMIT_S).stdout) if not one["current"]]
    for words in (["forget", "--keep-last", "1"], ["key", "remove", key["id"]]):
        with contextlib.suppress(BackupError):
            restic._run(words, 6.0)  # it would go on for longer
        assert set(before.splitlines()) <= set(files(box).splitlines()), words
    dated.restorable(dated.backups.all())
    # It is no quick one: whatever opens the repository would try it, too.
    box.console(f"rm /data/stack/{_REPOSITORY}/keys/{key['id']}*")
    second.unlink()


def test_the_protocol_itself_deletes_and_overwrites_nothing(box: Box, ssh: list[str]) -> None:
    before, keys = files(box), box.console("cat /data/stack/.ssh/authorized_keys")
    names = box.console(f"cd /data/stack/{_REPOSITORY} && find config keys snapshots data index -type f").split()
    kinds = {name.split("/")[0]: name for name in names}
    assert set(kinds) == {"config", "keys", "snapshots", "data", "index"}
    for path in [*(f"{kind}/{name.rsplit('/', 1)[-1]}" if "/" in name else name for kind, name in kinds.items())]:
        assert _asked(ssh, "DELETE", path) in {403, 405}, path
        assert _asked(ssh, "POST", path, "forged") in {403, 405}, path
    assert _asked(ssh, "DELETE", "") in {403, 404, 405}
    for path in (
        "../../.ssh/authorized_keys",
        "%2e%2e/%2e%2e/.ssh/authorized_keys",
        "data/..%2f..%2f..%2f.ssh%2fauthorized_keys",
    ):
        _asked(ssh, "POST", path, "forged")
    # What looks like a way out is a name below the repository.
    assert set(before.splitlines()) <= set(files(box).splitlines())
    assert box.console("cat /data/stack/.ssh/authorized_keys") == keys


def test_neither_a_shell_nor_sftp_nor_rsync_is_there(dated: Dated, box: Box, ssh: list[str], tmp_path: Path) -> None:
    before = files(box)
    gone = f"{_REPOSITORY}/config"
    for command in (f"rm {gone}", f"rm -r {_FOLDER}", f"mv {gone} x", f"dd of={gone}", "install-ssh-key", "mkdir x", ""):
        run([*ssh, *([command] if command else [])], timeout=30, stdin="x\n", check=False)
    run([*ssh, "-s", "sftp"], timeout=30, stdin="x", check=False)
    rsync = apt_install("rsync", "rsync", purpose="this test")
    *client, target = ssh
    sent = run(
        [rsync, "--rsh", shlex.join(client), "-r", "--delete", f"{tmp_path}/", f"{target}:{_FOLDER}/"], timeout=30, check=False
    )
    assert sent.returncode != 0
    assert files(box) == before
    dated.restorable(dated.backups.all())


def test_a_lock_that_a_killed_restic_has_left_is_in_nobodys_way(dated: Dated, box: Box) -> None:
    restic, locks = dated.backups.restic, f"ls /data/stack/{_REPOSITORY}/locks"
    words = ["--repo", restic.repository, "--password-file", restic.password_file, "--no-cache", *restic.options]
    # A check holds the only lock, and is slow.
    held = subprocess.Popen([str(shutil.which("restic")), *map(str, words), "check", "--read-data", "--limit-download", "1"])
    give_up = time.monotonic() + _LIMIT_S
    while not box.console(locks) and time.monotonic() < give_up:
        time.sleep(0.1)
    held.kill()
    held.wait()
    assert box.console(locks)
    stage = dated.root / "another"
    stage.mkdir()
    (stage / "index.jsonl").write_text("{}\n")
    restic.back_up(stage, host="tested", tags=["another"])
    assert box.console(locks) == ""


def test_a_key_that_the_next_up_will_tie_works_the_same(dated: Dated, box: Box) -> None:
    keys = "/data/stack/.ssh/authorized_keys"
    tied = box.console(f"cat {keys}")
    box.console(f"sed -i 's/^command=[^A-Z]*restrict //' {keys}")
    assert box.console(f"cat {keys}") != tied
    try:
        dated.restorable(dated.backups.all()[:4])
    finally:
        box.console(f"printf '%s\\n' {shlex.quote(tied)} > {keys}")


def test_what_cannot_be_reached_is_told_with_the_reason_and_nothing_is_noted(dated: Dated, tmp_path: Path) -> None:
    away = Dated(tmp_path, dated.settings.model_copy(update={"target": f"ssh://{WRITER}@127.0.0.1:1/{_REPOSITORY}"}))
    shutil.copytree(dated.root / "secrets", tmp_path / "secrets", dirs_exist_ok=True)
    for key in (None, tmp_path / "secrets" / BACKUP_SSH_KEY):
        with pytest.raises(BackupUnreachableError, match=r"cannot be reached: .*port 1: Connection refused"):
            prune(away.stack, lambda _: None, key=key)
    assert not (tmp_path / BACKUP_FOLDER / "prune.json").exists()


def test_a_server_without_rclone_is_told_as_such(dated: Dated, box: Box) -> None:
    program = "/usr/bin/rclone"
    box.console(f"mv {program} {program}.away")
    try:
        with pytest.raises(BackupError, match="does not answer as rclone does"):
            dated.backups.all()
    finally:
        box.console(f"mv {program}.away {program}")


@pytest.fixture
def sending(dated: Dated, tmp_path: Path) -> Callable[[], Backup]:
    """Makes a backup of 12 MB that are new."""
    (tmp_path / "index.jsonl").write_text("{}\n")
    (tmp_path / "blob").write_bytes(os.urandom(12_000_000))
    return lambda: dated.backups.restic.back_up(tmp_path, host="tested", tags=["another"])


def test_a_full_box_is_said_and_has_what_it_had(dated: Dated, box: Box, sending: Callable[[], Backup]) -> None:
    before, place = dated.backups.all(), f"/jails/{WRITER}/home/{_REPOSITORY}"
    box.console(f"cp -a {place} /tmp/kept && mount -t tmpfs -o size=8m,uid=1000 tmpfs {place} && cp -a /tmp/kept/. {place}/")
    try:
        with pytest.raises(BackupFullError, match="is full; make room there"):
            sending()
        assert dated.backups.all() == before
        dated.restorable([one for one in before if "another" not in one.tags])
        box.console(f"dd if=/dev/zero of={place}/fill bs=4k 2>/dev/null || true")
        began = time.monotonic()
        with pytest.raises(BackupFullError, match="is full; make room there"):
            sending()
        assert time.monotonic() - began < _AT_ONCE_S, "restic tries for more than a minute to write its lock"
        box.console(f"rm {place}/fill")
        box.console(f"mount -o remount,size=64m {place}")
        sending()
        dated.restorable([one for one in before if "another" not in one.tags])
    finally:
        box.console(f"umount -l {place}; rm -rf /tmp/kept")


def test_a_connection_that_is_cut_in_the_middle_leaves_what_there_was(
    dated: Dated,
    box: Box,
    sending: Callable[[], Backup],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = dated.backups.all()
    slow = program(
        tmp_path_factory.mktemp("programs") / "slow", "restic", shutil.which("restic"), 'exec "$real" "$@" --limit-upload 1000'
    )
    with monkeypatch.context() as patch, ThreadPoolExecutor() as pool:
        patch.setenv("PATH", str(slow), prepend=":")
        made = pool.submit(sending)
        wait_for(
            lambda: box.console(f"find /data/stack/{_REPOSITORY}/data -type f -size +1M -newer /data/stack/{_REPOSITORY}/config")
        )
        box.console(f"pkill -9 -f '[s]shd.*{WRITER}'")
        with pytest.raises(BackupUnreachableError, match=r"cannot be reached: (Connection to .* closed|the connection was lost)"):
            made.result()
    assert dated.backups.all() == before
    sending()
    dated.restorable([one for one in before if "another" not in one.tags])


def test_without_the_other_key_what_can_go_is_counted_and_with_it_removed(dated: Dated) -> None:
    def pruned(*words: str, key: str | None = None) -> dict[str, Any]:
        command = [sys.executable, "-m", "ops.cli", "--root", str(dated.root), "backups", "prune", "--json", *words]
        document: dict[str, Any] = json.loads(run(command, timeout=_LIMIT_S, stdin=key).stdout)["report"]
        return document

    (dated.root / "data/regops").mkdir(parents=True, exist_ok=True)
    before = dated.backups.all()
    counted = pruned()
    assert (counted["removed"], counted["waiting"]) == (0, 1)
    assert dated.backups.all() == before
    removed = pruned("--key", "-", key=(dated.root / "prune").read_text())
    assert (removed["removed"], removed["waiting"]) == (1, 0)
    assert len(dated.backups.all()) == len(before) - 1
    dated.restorable([one for one in dated.backups.all() if "another" not in one.tags])


def test_an_index_that_rclone_has_left_on_a_full_box_is_mended_with_the_other_key(
    dated: Dated, box: Box, ssh: list[str], sending: Callable[[], Backup]
) -> None:
    place = f"/jails/{WRITER}/home/{_REPOSITORY}/index"
    box.console(f"cp -a {place} /tmp/kept && mount -t tmpfs -o size=64k,uid=1000 tmpfs {place} && cp -a /tmp/kept/. {place}/")
    try:
        box.console(f"dd if=/dev/zero of={place}/fill bs=4k 2>/dev/null || true")
        assert _asked(ssh, "POST", f"index/{'a' * 64}", "x" * 10_000) == 500
        box.console(f"rm {place}/fill && cp -a {place}/. /tmp/kept/")
    finally:
        box.console(f"umount -l {place} && cp -a /tmp/kept/. {place}/ && rm -rf /tmp/kept")
    with pytest.raises(TornIndexError, match="then run `make prune`"):
        sending()
    prune(dated.stack, lambda _: None, key=dated.root / "prune")
    sending()
    dated.restorable([one for one in dated.backups.all() if "another" not in one.tags])


def test_a_snapshot_that_rclone_has_left_on_a_full_box_stops_no_backup_and_is_removed_with_the_other_key(
    dated: Dated, box: Box, sending: Callable[[], Backup]
) -> None:
    torn = f"snapshots/{'a' * 64}"
    box.console(f"touch /jails/{WRITER}/home/{_REPOSITORY}/{torn}")
    sending()
    with pytest.raises(TornSnapshotError, match=f"`make prune` removes it: {torn}"):
        dated.backups.restic.check()
    prune(dated.stack, lambda _: None, key=dated.root / "prune")
    dated.restorable([one for one in dated.backups.all() if "another" not in one.tags])


def _asked(ssh: list[str], method: str, path: str, body: str = "") -> int:
    """Ask rclone at the other end of a connection over HTTP/2, as restic does; return the status, 0 for no answer."""
    curl = shutil.which("curl") or str(apt_install("curl", "curl", purpose="this test"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/{path}"
        words = [curl, "-s", "-m", "20", "--path-as-is", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code}"]
        words += ["-X", method, *(["--data-binary", body] if body else []), url]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as asking:
            connection, _ = server.accept()
            with (
                connection,
                subprocess.Popen(
                    [*ssh, "rclone"], stdin=connection.fileno(), stdout=connection.fileno(), stderr=subprocess.DEVNULL
                ) as serving,
            ):
                told = asking.communicate(timeout=30)[0]
                serving.terminate()
    return int(told or 0)
