"""Volumes of emulated servers: real block devices, whose data outlives servers, and of which nothing is left in the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.hetzner.mount import mount_script
from ops.core.process import run
from tests.tools.emulation.emulated import Shell, emulated, spec
from tools.emulation import servers, volume_devices
from tools.emulation.docker_machines import DockerMachines
from tools.emulation.machines import VolumeSpec
from tools.emulation.servers import BootError, DeviceError

pytestmark = pytest.mark.system

ADDRESS, OTHER_ADDRESS = "127.0.0.67", "127.0.0.68"
DEVICE = "/dev/disk/by-id/scsi-0HC_Volume_7"
ROOT = "/srv/private-registry"
VOLUME, GROWN = (VolumeSpec(7, size, "ext4") for size in (10, 20))


@pytest.fixture(scope="module")
def machines() -> Iterator[DockerMachines]:
    """A server with a mounted volume, on which there is something."""
    with emulated() as machines:
        machines.boot(spec(1, ADDRESS, VOLUME))
        shell = Shell(machines, 1)
        file = shell.run(f"stat -c %i {volume_devices.IMAGES}/7.img").strip()
        assert file in loops()
        shell.run(mount_script(device=DEVICE, folder=ROOT, size_gb=10))
        shell.run(f"echo precious > {ROOT}/x; sync")
        yield machines
    assert file not in loops()


@pytest.fixture(scope="module")
def shell(machines: DockerMachines) -> Shell:
    return Shell(machines, 1)


def loops() -> list[str]:
    """Return the inodes of files that are loop devices on this machine."""
    return run(["losetup", "--list", "--noheadings", "--raw", "--output", "BACK-INO"], timeout=10.0).stdout.split()


def test_it_grows_while_it_is_mounted(machines: DockerMachines, shell: Shell) -> None:
    machines.serve_volumes(1, [GROWN])
    assert int(shell.run(f"blockdev --getsize64 {DEVICE}")) == 20 << 30
    assert shell.run(f"cat {ROOT}/x") == "precious\n"


def test_it_is_there_and_mounted_after_a_power_cut(machines: DockerMachines, shell: Shell) -> None:
    machines.power_off(1)
    machines.boot(spec(1, ADDRESS, GROWN))
    assert shell.run(f"findmnt --noheadings --output FSTYPE --mountpoint {ROOT}; cat {ROOT}/x").split() == ["ext4", "precious"]
    assert shell.run("systemctl is-active docker").strip() == "active"


def test_a_server_without_it_answers_by_ssh_and_starts_no_engine(
    machines: DockerMachines, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.power_off(1)
    monkeypatch.setattr(servers, "_BOOT_LIMIT_S", 30.0)  # of which sshd needs some on a loaded machine
    with pytest.raises(BootError, match="its Docker engine"):
        machines.boot(spec(1, ADDRESS))
    assert shell.run("systemctl is-active ssh docker || true").split() == ["active", "inactive"]
    machines.serve_volumes(1, [GROWN])
    shell.run(f"mount {ROOT}; systemctl reset-failed; systemctl start docker")
    assert shell.run(f"cat {ROOT}/x") == "precious\n"


def test_pulled_from_a_server_at_work_it_fails_there_and_has_its_data_elsewhere(machines: DockerMachines, shell: Shell) -> None:
    machines.serve_volumes(1, [])
    code, text = shell.try_(f"[ ! -e {DEVICE} ]; cat {ROOT}/x")
    assert code != 0
    assert "Input/output error" in text
    machines.boot(spec(2, OTHER_ADDRESS, GROWN))
    other = Shell(machines, 2)
    other.run(f"mkdir -p {ROOT}; mount {DEVICE} {ROOT}")
    assert other.run(f"cat {ROOT}/x") == "precious\n"


def test_a_failed_format_is_reported_and_creates_no_volume(machines: DockerMachines, shell: Shell) -> None:
    with pytest.raises(DeviceError, match=r"mkfs\.xfs"):
        machines.serve_volumes(1, [VolumeSpec(9, 10, "xfs")])
    machines.serve_volumes(1, [])
    assert shell.run(f"ls {volume_devices.IMAGES}").split() == ["7.img", "9.part"]


def test_a_deleted_one_is_gone(machines: DockerMachines, shell: Shell) -> None:
    machines.serve_volumes(1, [VolumeSpec(8, 10, None)])
    machines.serve_volumes(1, [])
    machines.delete_volume(8)
    assert "8.img" not in shell.run(f"ls {volume_devices.IMAGES}")
