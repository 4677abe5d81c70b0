"""The kernel's settings: each is one that the kernel has, and takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.server.sysctl import PATH, SETTINGS, sysctl_conf
from tests.infra.server.debian13 import Debian13

WANTED = {key: value for group in SETTINGS.values() for key, value in group.items()}
# A kernel may be built without Yama; those of net.core are the machine's, out of reach in a network of one's own.
NOT_EVERYWHERE = {"kernel.yama.ptrace_scope", *(key for key in WANTED if key.startswith("net.core."))}


def test_each_setting_is_made_once() -> None:
    lines = [line for line in sysctl_conf().splitlines() if line and not line.startswith("#")]
    assert lines == [f"{key} = {value}" for key, value in WANTED.items()]
    assert len(WANTED) == sum(map(len, SETTINGS.values()))


def test_forwarding_is_left_to_docker() -> None:
    assert [key for key in WANTED if key.endswith("forward") or key.endswith("forwarding")] == []


def test_the_kernel_has_them() -> None:
    missing = {key for key in WANTED if not Path("/proc/sys", *key.split(".")).exists()}
    assert missing <= NOT_EVERYWHERE


@pytest.mark.system
def test_sysctl_reads_them(server: Debian13) -> None:
    read = server.run(f"sysctl --dry-run --load {PATH}", check=False)
    missing = {f"{key} = {value}" for key, value in WANTED.items()} ^ set(read.stdout.splitlines())
    assert missing <= {f"{key} = {WANTED[key]}" for key in NOT_EVERYWHERE}
    assert len(read.stderr.splitlines()) == len(missing), read.stderr


@pytest.mark.system
def test_the_kernel_takes_those_of_a_network(server: Debian13) -> None:
    # The others would change this machine.
    keys = sorted(key for key in WANTED if key.startswith(("net.ipv4.", "net.ipv6.")))
    script = f"""
    for key in {" ".join(keys)}; do echo 3 > "/proc/sys/$(echo $key | tr . /)" || true; done 2>/dev/null
    sysctl --quiet --load {PATH} --pattern '^net\\.ipv[46]\\.'
    sysctl {" ".join(keys)}
    """
    assert server.run(script).stdout.splitlines() == [f"{key} = {WANTED[key]}" for key in keys]
