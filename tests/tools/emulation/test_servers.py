"""Emulated servers: what cloud-init makes of them, limits of their containers, power, removal, and who owns what."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import asyncssh
import docker
import pytest
import yaml
from docker.errors import NotFound

from infra.paths import PROJECT_FOLDER
from tests.tools.emulation.machines import console, machines, new_owner
from tests.tools.offline.plugins.busybox import import_busybox
from tools.emulation.docker_machines import DockerMachines, sweep
from tools.emulation.machines import BoxAccount, ServerSpec

pytestmark = pytest.mark.system

ADDRESS, PLAIN_ADDRESS = "127.0.0.65", "127.0.0.66"
ACCOUNT = BoxAccount("u1", "Correct-Horse-7", "", readonly=False, ssh=True)
_LIMIT_S = 30.0
_START_LIMIT_S = 120.0
# Of control groups of the first and of the second version, seen from within a container.
_MEMORY = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"
_CPU = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us 2>/dev/null || cat /sys/fs/cgroup/cpu.max"


@dataclass(frozen=True)
class Booted:
    """A server that is on.

    Attributes:
        machines: Of its owner.
        owner: Its owner's name.
        spec: What it was booted from.
        image: An image that its engine has.
        login: Key of root.
        host: Its host key.
    """

    machines: DockerMachines
    owner: str
    spec: ServerSpec
    image: str
    login: asyncssh.SSHKey
    host: asyncssh.SSHKey

    def console(self, script: str) -> str:
        return console(self.machines.servers.find(self.spec.id), script)


def ssh(address: str, host: asyncssh.SSHKey | None, login: asyncssh.SSHKey, command: str) -> str:
    """Run a command on a server that has this host key, which is not checked when it is None."""

    async def session() -> str:
        known: Any = None if host is None else ([host.convert_to_public()], [], [])
        async with asyncssh.connect(
            address, username="root", client_keys=[login], known_hosts=known, config=None, agent_path=None
        ) as connection:
            return str((await connection.run(command, check=True)).stdout).strip()

    return asyncio.run(asyncio.wait_for(session(), _LIMIT_S))


def private(key: asyncssh.SSHKey) -> str:
    return key.export_private_key().decode()


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


def user_data(host: asyncssh.SSHKey, login: asyncssh.SSHKey) -> str:
    config = {
        "disable_root": False,
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": private(host), "ed25519_public": public(host)},
        "users": [{"name": "root", "ssh_authorized_keys": [public(login)]}],
        "write_files": [{"path": "/etc/written", "permissions": "0640", "content": "by cloud-init\n"}],
        "runcmd": ["id -un > /etc/run"],
    }
    return "#cloud-config\n" + yaml.safe_dump(config)


@pytest.fixture(scope="module")
def booted(engine: docker.DockerClient) -> Iterator[Booted]:
    """A server; tests leave it on."""
    host, login = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    spec = ServerSpec(1, "registry", ADDRESS, user_data(host, login), [])
    image = new_owner()
    import_busybox(engine.api, image)
    try:
        with machines(engine, preload=[image]) as (made, owner):
            made.boot(spec)
            yield Booted(made, owner, spec, image, login, host)
    finally:
        engine.images.remove(image, force=True)


def test_a_server_does_what_its_user_data_says(booted: Booted) -> None:
    status = json.loads(booted.console("cloud-init status --wait --format json"))
    assert (status["status"], status["errors"]) == ("done", [])
    assert booted.console("cat /etc/written; stat -c %a /etc/written") == "by cloud-init\n640"
    assert booted.console("cat /etc/run; hostname") == "root\nregistry"


def test_it_has_the_host_key_that_it_was_given_from_the_first_connection_on(booted: Booted) -> None:
    assert ssh(ADDRESS, booted.host, booted.login, "hostname") == "registry"
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        ssh(ADDRESS, booted.login, booted.login, "true")


def test_only_its_keys_get_in(booted: Booted) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        ssh(ADDRESS, booted.host, booted.host, "true")


def test_its_engine_holds_a_container_to_its_limits(booted: Booted) -> None:
    run = f"docker run --rm --network none --cpus 0.5 --memory 64m {booted.image} sh -c"
    assert booted.console(f"{run} '{_MEMORY}'") == str(64 * 1024 * 1024)
    quota, period = booted.console(f"{run} '{_CPU}'").split()
    assert int(quota) / int(period) == 0.5


def test_what_was_written_is_there_after_a_power_cut(booted: Booted) -> None:
    volume = f"docker run --rm --network none -v kept:/kept {booted.image} sh -c"
    booted.console(f"echo here > /srv/file; echo gone > /run/file; {volume} 'echo here > /kept/file'; sync")
    booted.machines.power_off(1)
    with pytest.raises(ConnectionRefusedError):
        ssh(ADDRESS, booted.host, booted.login, "true")
    booted.machines.power_off(1)  # told twice
    booted.machines.boot(booted.spec)
    assert ssh(ADDRESS, booted.host, booted.login, "cat /srv/file; test ! -e /run/file") == "here"
    assert booted.console(f"{volume} 'cat /kept/file'") == "here"


def test_owners_do_not_see_each_other(booted: Booted, engine: docker.DockerClient) -> None:
    with machines(engine) as (others, _):
        others.serve_box(1, "u1.example.com", [ACCOUNT])
        assert others.servers.find(1) is None
        others.power_off(1)
        others.delete_server(1)
        booted.machines.delete_box(1)
        assert booted.console("getent hosts u1.example.com || echo unknown") == "unknown"
        booted.machines.serve_box(1, "u1.example.com", [ACCOUNT])
        found = booted.console("getent hosts u1.example.com").split()[0]
    assert booted.console(f"bash -c 'exec 3<>/dev/tcp/{found}/23; head -c 4 <&3'") == "SSH-"
    booted.machines.delete_box(1)


def test_a_server_without_user_data_has_the_keys_of_the_api(engine: docker.DockerClient) -> None:
    login = asyncssh.generate_private_key("ssh-ed25519")
    with machines(engine) as (made, owner):
        made.boot(ServerSpec(2, "plain", PLAIN_ADDRESS, "", [public(login)]))
        console(made.servers.find(2), "cloud-init status --wait")
        assert ssh(PLAIN_ADDRESS, None, login, "id -un") == "root"
        made.delete_server(2)
        assert made.servers.find(2) is None
        with pytest.raises(NotFound):
            engine.volumes.get(f"{owner}-server-2")
        made.delete_server(2)  # told twice


def test_a_disk_goes_even_when_its_server_is_gone_already(engine: docker.DockerClient) -> None:
    with machines(engine) as (made, owner):
        made.serve_box(1, "u1.example.com", [ACCOUNT])
        engine.volumes.create(f"{owner}-server-1", labels=engine.volumes.get(f"{owner}-box-1").attrs["Labels"])
        engine.containers.get(f"{owner}-box-1").remove(force=True)
        made.delete_server(1)
        made.delete_box(1)
        assert not engine.volumes.list(filters={"name": owner})


_KILLED = """
import os, signal, sys, docker
from tools.emulation.docker_machines import DockerMachines
from tools.emulation.machines import BoxAccount
machines = DockerMachines(docker.from_env(), owner=sys.argv[1], preload=[sys.argv[2]])
machines.serve_box(1, "u1.example.com", [BoxAccount("u1", "Correct-Horse-7", "", False, True)])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_leaves_is_removed_and_nothing_else(booted: Booted, engine: docker.DockerClient) -> None:
    owner = new_owner()
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, owner, booted.image], cwd=PROJECT_FOLDER, timeout=_START_LIMIT_S, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert engine.networks.list(names=[owner])
    with ThreadPoolExecutor(2) as both:  # as processes do that start at the same time
        list(both.map(sweep, [engine, engine]))
    assert not engine.networks.list(names=[owner])
    assert not engine.containers.list(all=True, filters={"name": owner})
    assert not engine.volumes.list(filters={"name": owner})
    assert booted.console("true") == ""
