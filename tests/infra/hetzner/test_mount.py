"""The script that mounts the data volume, run on an emulated server."""

from __future__ import annotations

from collections.abc import Iterator

import pulumi
import pytest

from infra.hetzner import mount
from infra.look import Wanted
from infra.ssh_client import SshAccess
from infra.ssh_host import look
from ops.core.process import CommandError, Completed, run
from tests.tools.emulation.emulated import Shell, emulated, spec
from tools.emulation.docker_machines import DockerMachines
from tools.emulation.machines import VolumeSpec

pytestmark = pytest.mark.system

ROOT = "/srv/private-registry"
ADDRESS = "127.0.0.64"
VOLUME = VolumeSpec(7, 10, "ext4")
UNIT = "srv-private\\x2dregistry.mount"


@pytest.fixture(scope="module")
def machines() -> Iterator[DockerMachines]:
    with emulated() as machines:
        machines.boot(spec(1, ADDRESS))
        yield machines


@pytest.fixture
def shell(machines: DockerMachines) -> Iterator[Shell]:
    """A server with a volume that nothing has mounted yet."""
    machines.serve_volumes(1, [VOLUME])
    shell = Shell(machines, 1)
    yield shell
    shell.run(f"umount -q {ROOT} || true; rm -rf {ROOT}; : > /etc/fstab; systemctl daemon-reload")


def script(volume: int = 7) -> str:
    return mount.mount_script(device=f"/dev/disk/by-id/scsi-0HC_Volume_{volume}", folder=ROOT, size_gb=10)


def test_it_is_one_for_any_shell() -> None:
    run(["sh", "-n"], stdin=script(), timeout=10.0)


def test_it_mounts_the_volume_and_run_again_changes_nothing(shell: Shell) -> None:
    shell.run("echo '# by hand' > /etc/fstab; echo 'tmpfs /somewhere tmpfs noauto 0 0' >> /etc/fstab")
    shell.run(script())
    seen = (
        f"findmnt --noheadings --output SOURCE,FSTYPE,OPTIONS --mountpoint {ROOT}; cat /etc/fstab; stat -c '%i %a %u' /etc/fstab"
    )
    first = shell.run(seen)
    assert "ext4" in first
    assert "discard" in first
    shell.run(script())
    assert shell.run(seen) == first
    table = shell.run("cat /etc/fstab").splitlines()
    assert table[:2] == ["# by hand", "tmpfs /somewhere tmpfs noauto 0 0"]
    assert [line.split()[1] for line in table[2:]] == [ROOT]
    assert shell.run("stat -c %a /etc/fstab").strip() == "644"


def test_docker_needs_the_volume_and_comes_after_it(shell: Shell) -> None:
    shell.run(script())
    told = shell.run(f"systemctl show -p RequiredBy -p WantedBy -p Before '{UNIT}'")
    assert "RequiredBy=docker.service" in told
    assert "docker.service" in next(line for line in told.splitlines() if line.startswith("Before="))
    # Without it the machine still comes up.
    assert "local-fs.target" not in told


def test_data_that_the_volume_would_hide_is_told_with_the_remedy_which_works(shell: Shell) -> None:
    shell.run(f"mkdir -p {ROOT}/data; echo precious > {ROOT}/data/x")
    code, text = shell.try_(script())
    assert code == 1
    assert f"{ROOT} is not empty" in text
    assert ROOT not in shell.run("cat /etc/fstab")
    remedy = [line for line in text.splitlines() if line.startswith("    ")]
    shell.run("\n".join(remedy))
    shell.run(script())
    assert shell.run(f"cat {ROOT}/data/x; cat {ROOT}.old/data/x") == "precious\nprecious\n"
    shell.run(f"rm -r {ROOT}/data {ROOT}.old; systemctl start docker")


def test_another_file_system_on_the_folder_is_left_alone(shell: Shell) -> None:
    shell.run(f"mkdir -p {ROOT}; mount -t tmpfs other {ROOT}")
    code, text = shell.try_(script())
    assert code == 1
    assert "has another file system, other, not the volume" in text


def test_a_volume_that_does_not_appear_is_told(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mount, "_DEVICE_LIMIT_S", 1)
    code, text = shell.try_(script(volume=8))
    assert code == 1
    assert "scsi-0HC_Volume_8 did not appear within 1 s; is it attached to this server?" in text
    assert ROOT not in shell.run("cat /etc/fstab")


def test_another_volume_takes_the_line_of_the_one_before(shell: Shell, machines: DockerMachines) -> None:
    shell.run(script())
    shell.run(f"umount {ROOT}")
    machines.serve_volumes(1, [VolumeSpec(8, 10, "ext4")])
    shell.run(script(volume=8))
    assert shell.run(f"grep -c {ROOT} /etc/fstab").strip() == "1"
    assert "Volume_8" in shell.run("cat /etc/fstab")


class Access(SshAccess):
    """A STAND-IN for SSH: commands run at the server's console."""

    shell: Shell

    def run(self, command: str, *, timeout: float, patience: float = 0.0) -> Completed:
        assert timeout > patience
        code, text = self.shell.try_(command)
        completed = Completed((command,), code or 0, text, "")
        if code:
            raise CommandError(f"failed with {code}", completed)
        return completed


def test_nothing_is_installed_beside_a_volume_that_is_not_mounted(shell: Shell) -> None:
    access = Access(ADDRESS, "", "")
    object.__setattr__(access, "shell", shell)
    assert look(access, Wanted([], {}))
    shell.run(script())
    assert look(access, Wanted([], {}))
    shell.run(f"umount {ROOT}")
    with pytest.raises(pulumi.RunError, match=f"{ROOT} is not mounted on the server {ADDRESS}"):
        look(access, Wanted([], {}))
