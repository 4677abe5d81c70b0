"""Bad input and a broken environment: one clear message with the remedy, nothing half-made, and the next `up` works."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from infra.paths import PROJECT_FOLDER
from infra.settings import SettingsError
from ops.core.process import CommandError, run
from tests.engine.stacks import TestStack, new_stack
from tools.bootstrap.errors import NoSpaceError, SetupError, StackBusyError

DIGEST = "sha256:" + "0" * 64
# Less than a release takes, so that the disk fills up while one is unpacked.
_LEFT_BYTES = 8 * 2**20


def test_bad_settings_fail_the_preview_with_every_key(fresh: TestStack) -> None:
    session = fresh.open(raw={"edge": {"http_port": "many"}, "bogus": 1, "limits": {"registry": {"cpus": -1}}})
    session.stack.prepare()
    with pytest.raises(CommandError) as failure:
        session.stack.preview()
    shown = failure.value.completed
    assert shown is not None
    for key in ("edge.http_port", "bogus", "limits.registry.cpus", "limits.registry.memory_mib"):
        assert key in shown.stdout + shown.stderr
    assert "Traceback" not in shown.stdout + shown.stderr


def test_bad_settings_are_told_before_anything_is_set_up(fresh: TestStack) -> None:
    with pytest.raises(SettingsError, match=r"edge\.https_port"):
        fresh.open(change={"edge": {"https_port": 0}})
    assert not (fresh.folder / "state").exists()


def test_a_taken_port_is_named(fresh: TestStack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", fresh.http_port))
        taken.listen()
        with pytest.raises(SetupError, match=rf"edge\.http_port: port {fresh.http_port} .* is taken"):
            fresh.open().up(stream=False)
    assert fresh.containers() == {}


def test_a_taken_name_is_told_with_its_owner(living: TestStack, fresh: TestStack) -> None:
    before = {service: container.id for service, container in living.containers().items()}
    session = fresh.open(change={"name": living.name})
    with pytest.raises(SetupError, match=str(living.root)):
        session.up(stream=False)
    assert {service: container.id for service, container in living.containers().items()} == before


def test_no_docker_engine_is_told(fresh: TestStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/no-engine.sock"
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(SetupError, match=address):
        fresh.open()


def test_a_wrong_passphrase_is_told(living: TestStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "not the one")
    with pytest.raises(SetupError, match="the passphrase does not open the state"):
        living.open().up(stream=False)


def test_an_image_that_does_not_exist_is_told(fresh: TestStack, tmp_path: Path) -> None:
    lock = yaml.safe_load((PROJECT_FOLDER / "images.lock").read_text())
    lock["redis"] = {"image": DIGEST, "version": "8.0.2"}
    path = tmp_path / "images.lock"
    path.write_text(yaml.safe_dump({"redis": lock["redis"]}))
    with pytest.raises(SetupError, match=f"redis: .*{DIGEST}"):
        fresh.open(change={"images_lock": str(path)})


def test_an_unpinned_image_fails_before_the_engine_starts(fresh: TestStack, tmp_path: Path) -> None:
    path = tmp_path / "images.lock"
    path.write_text("redis: {image: redis:latest}")
    with pytest.raises(SettingsError, match="redis:latest is not a fixed version"):
        fresh.open(change={"images_lock": str(path)})


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk in memory, just large enough for a stack."""
    if os.geteuid() != 0:
        pytest.skip("mounting a disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", disk], timeout=10)
    yield disk
    run(["umount", "-l", disk], timeout=10)


def test_a_disk_without_room_is_told_before_the_work_begins(disk: Path, tmp_path: Path) -> None:
    run(["mount", "-o", "remount,size=32m", disk], timeout=10)
    with new_stack(tmp_path, {"local": {"root": str(disk / "root")}}) as stack:
        with pytest.raises(NoSpaceError, match=f"the disk of {disk}"):
            stack.open()
        assert not stack.root.exists()


def test_a_disk_that_gets_full_during_the_work_is_told_and_a_later_up_goes_on(disk: Path, tmp_path: Path) -> None:
    filler = disk / "filler"
    with new_stack(tmp_path, {"local": {"root": str(disk / "root")}}) as stack:
        session = stack.open()
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - _LEFT_BYTES)
        # If the engine's output was cut before the reason, the disks themselves are checked.
        told = rf"(?is)^(a disk is full; .*no space left on device|the disk of {disk}/root has \d+ MiB left)"
        with pytest.raises(NoSpaceError, match=told) as failure:
            session.up(stream=False)
        assert failure.value.exit_code == 14
        filler.unlink()
        assert stack.open().up(stream=False)["registry"] == f"localhost:{stack.http_port}"
        stack.open().destroy(stream=False)
        assert stack.containers() == {}


def test_a_stack_in_use_is_told_with_its_holder(fresh: TestStack) -> None:
    session = fresh.open()
    with session.stack.locked(), pytest.raises(StackBusyError, match="in use by process"):
        fresh.open().up(stream=False)
