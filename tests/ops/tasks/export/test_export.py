"""Exports by a real rsync, to a folder and through a real sshd; and the page "Without this software", followed literally."""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.paths import PROJECT_FOLDER
from ops.core import exit_codes
from ops.registry.tree import RegistryTree
from ops.tasks.export.model import ExportError, ExportReport, TargetUnreachableError
from ops.tasks.export.rsync import Target
from ops.tasks.export.run import MARK, export
from tests.free_ports import free_port
from tests.ops.backups.backup_rig import BackupRig, backed_up
from tests.ops.gateway.gateway_rig import wait_until_up
from tests.ops.tasks.backup.faulty import tags_in
from tests.ops.tasks.gc.gc_rig import Client, Image, digest_of
from tests.real_programs import registry_binary
from tests.tools.offline.plugins.command.sshd import sshd
from tools.offline.debian import apt_install

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackupRig]:
    apt_install("rsync", "rsync", purpose="an export")
    with backed_up(tmp_path_factory.mktemp("rig")) as rig:
        for tag in ("v1", "v2"):
            assert rig.registry.client.push("team/app", tag, Image(tag)).status_code == 201
        assert rig.registry.client.push("other", "v1", Image("other")).status_code == 201
        yield rig


def exported(rig: BackupRig, target: Target, *, dry_run: bool = False) -> ExportReport:
    return export(rig.stack, target, lambda _: None, dry_run=dry_run)


def test_a_folder_gets_what_is_missing_and_what_is_gone_goes_there_too(rig: BackupRig, tmp_path: Path) -> None:
    target = Target(str(tmp_path / "out"))
    planned = exported(rig, target, dry_run=True)
    assert planned.sent > 15
    assert not (tmp_path / "out").exists()
    first = exported(rig, target)
    assert (first.exit_code, first.tags, first.blobs, first.repaired) == (exit_codes.OK, 3, 15, [])
    assert first.sent == planned.sent
    assert tags_in(tmp_path / "out") == {"team/app": ["v1", "v2"], "other": ["v1"]}
    assert json.loads((tmp_path / "out" / MARK).read_text())["complete"] is True
    blob = RegistryTree(tmp_path / "out").blob(digest_of(Image("v1").blobs[1]))
    assert blob.stat().st_nlink == 1, "a copy, not a link"
    assert exported(rig, target).sent == 0
    live = rig.registry.tree.blob(digest_of(Image("v1").blobs[1]))
    blob.write_bytes(b"x" * live.stat().st_size)
    os.utime(blob, (live.stat().st_atime, live.stat().st_mtime))
    assert rig.registry.client.delete("other", "v1").status_code == 202
    again = exported(rig, target)
    assert [name.split("/")[-2] for name in again.repaired] == [live.parent.name], "what was damaged there is found and repaired"
    assert live.read_bytes() == Image("v1").blobs[1], "and not through a link"
    assert tags_in(tmp_path / "out") == {"team/app": ["v1", "v2"], "other": []}
    assert not (rig.stack.root / "data/backup/export").exists()
    assert rig.registry.client.push("other", "v1", Image("other")).status_code == 201


def test_a_server_gets_it_by_ssh_and_one_that_is_away_is_said(rig: BackupRig, tmp_path: Path) -> None:
    with sshd(tmp_path / "sshd") as server:
        known = tmp_path / "known_hosts"
        known.write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
        url = f"ssh://{getpass.getuser()}@127.0.0.1:{server.port}/{tmp_path}/there/registry"
        target = Target(url, server.folder / "user", known)
        assert exported(rig, target, dry_run=True).sent > 0
        assert not (tmp_path / "there").exists()
        done = exported(rig, target)
        assert (done.exit_code, done.tags) == (exit_codes.OK, 3)
        assert exported(rig, target).sent == 0
    assert tags_in(tmp_path / "there/registry") == {"team/app": ["v1", "v2"], "other": ["v1"]}
    with pytest.raises(TargetUnreachableError, match="goes on where it was"):
        exported(rig, target)


@pytest.mark.parametrize("step", ["linked", "marked", "sent", "compared"])
def test_an_interrupted_export_goes_on_and_has_no_tag_that_is_not_whole(rig: BackupRig, tmp_path: Path, step: str) -> None:
    class KilledError(BaseException):
        pass

    def die(now: str) -> None:
        if now == step:
            raise KilledError

    target = Target(str(tmp_path / "out"))
    with pytest.raises(KilledError):
        export(rig.stack, target, die)
    tags_in(tmp_path / "out")
    assert exported(rig, target).exit_code == exit_codes.OK
    assert tags_in(tmp_path / "out") == {"team/app": ["v1", "v2"], "other": ["v1"]}


def test_a_registry_that_no_export_has_made_is_left_alone(rig: BackupRig) -> None:
    with pytest.raises(ExportError, match="that no export has made"):
        exported(rig, Target(str(rig.registry.tree.root)))


def test_what_is_damaged_here_is_named_and_left_out(rig: BackupRig, tmp_path: Path) -> None:
    live = rig.registry.tree.blob(digest_of(Image("v2").blobs[1]))
    content = live.read_bytes()
    live.write_bytes(b"damaged")
    try:
        done = exported(rig, Target(str(tmp_path / "out")))
    finally:
        live.write_bytes(content)
    assert (done.exit_code, done.damaged) == (exit_codes.MISMATCH, [digest_of(Image("v2").blobs[1])])
    assert not RegistryTree(tmp_path / "out").blob(done.damaged[0]).exists()


def test_the_page_without_this_software_restores_a_registry(rig: BackupRig, tmp_path: Path) -> None:
    rig.back_up()
    page = (PROJECT_FOLDER / "docs/backups.md").read_text().partition("## Without this software")[2]
    block = re.search(r"```\n(.*?)```", page, re.DOTALL)
    assert block
    lines = block[1].strip().splitlines()
    assert len(lines) <= 6
    port = free_port()
    place = {
        "sftp:backup@nas.example.com:registry": str(rig.stack.config.backup.target),
        "…": "'of the tests'",
        "127.0.0.1:5000": f"127.0.0.1:{port}",
    }
    script = block[1]
    for written, meant in place.items():
        assert script.count(written) == 1
        script = script.replace(written, meant)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "registry").symlink_to(registry_binary())
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path), "OTEL_TRACES_EXPORTER": "none"}
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            ["/bin/sh", "-e", "-c", script], cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as shell,
        httpx.Client(timeout=20) as http,
    ):
        try:
            wait_until_up(f"http://127.0.0.1:{port}/", shell)
            client = Client(f"http://127.0.0.1:{port}", http)
            assert client.ask("GET", "/v2/_catalog").json() == {"repositories": ["other", "team/app"]}
            for name, tag in (("team/app", "v1"), ("team/app", "v2"), ("other", "v1")):
                assert client.pull(name, tag) == []
        finally:
            os.killpg(shell.pid, signal.SIGKILL)
