"""Servers as containers: a Debian 13 with systemd, cloud-init, sshd and a Docker engine of its own, at native speed."""

from __future__ import annotations

import io
import json
import socket
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import docker
from docker.errors import NotFound
from docker.models.containers import Container

from emulation.machines import ServerSpec

_SEED = "var/lib/cloud/seed/nocloud"
_PRELOAD = "/var/lib/preload.tar"
_PORTS = ("22/tcp", "80/tcp", "443/tcp", "443/udp")
_BOOT_LIMIT_S = 90.0
_POLL_S = 0.2
# What systemd and a Docker engine need. Not `privileged`: that fails where the machine itself lacks a capability.
_CAPABILITIES = (
    *("AUDIT_CONTROL", "AUDIT_READ", "BLOCK_SUSPEND", "DAC_READ_SEARCH", "IPC_LOCK", "IPC_OWNER", "LEASE", "LINUX_IMMUTABLE"),
    *("MAC_ADMIN", "MAC_OVERRIDE", "NET_ADMIN", "NET_BROADCAST", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_MODULE", "SYS_NICE"),
    *("SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM"),
)
_CGROUPS_V1 = ("systemd.unified_cgroup_hierarchy=0", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1")


class BootError(Exception):
    """A server does not come up; the message says what it is waiting for."""


class Servers:
    """The servers of one owner, on its network."""

    def __init__(
        self,
        engine: docker.DockerClient,
        *,
        owner: str,
        image: str,
        network: str,
        labels: Mapping[str, str],
        preload: Path | None,
    ) -> None:
        """Describe them.

        Args:
            engine: The Docker engine that they are containers of.
            owner: Prefix of their names.
            image: Of a server.
            network: On which they reach Storage Boxes.
            labels: Of all that is made.
            preload: Images that their own engines get, as `docker save` writes them; None for none.
        """
        self._engine, self._owner, self._image, self._network = engine, owner, image, network
        self._labels, self._preload = dict(labels), preload

    def boot(self, server: ServerSpec) -> None:
        """Start a server, and wait until it can be logged in to.

        Raises:
            BootError: It does not come up in time.
            DockerException: The engine refused.
        """
        container = self.find(server.id)
        new = container is None
        container = container or self._create(server)
        container.start()
        self._wait("sshd", lambda: _greets(server.address))
        self._wait("its Docker engine", lambda: container.exec_run(["docker", "version"]).exit_code == 0)
        if new and self._preload:
            loaded = container.exec_run(["docker", "load", "--quiet", "--input", _PRELOAD])
            if loaded.exit_code != 0:
                raise BootError(f"{container.name}: images cannot be loaded: {loaded.output!r}")

    def power_off(self, server_id: int) -> None:
        """Cut the power; nothing happens to a server that is off."""
        container = self.find(server_id)
        if container and container.status == "running":
            container.kill()

    def delete(self, server_id: int) -> None:
        """Remove a server and its disk."""
        if container := self.find(server_id):
            container.remove(force=True, v=True)
            self._engine.volumes.get(self._name(server_id)).remove()

    def find(self, server_id: int) -> Container | None:
        """Return the container of a server."""
        try:
            return self._engine.containers.get(self._name(server_id))
        except NotFound:
            return None

    def _name(self, server_id: int) -> str:
        return f"{self._owner}-server-{server_id}"

    def _create(self, server: ServerSpec) -> Container:
        name = self._name(server.id)
        self._engine.volumes.create(name, labels=self._labels)
        volumes: dict[str, Mapping[str, str]] = {
            name: {"bind": "/var/lib/docker", "mode": "rw"},
            "/sys/fs/cgroup": {"bind": "/sys/fs/cgroup", "mode": "rw"},
        }
        if self._preload:
            volumes[str(self._preload)] = {"bind": _PRELOAD, "mode": "ro"}
        api = self._engine.api
        host = api.create_host_config(
            binds=volumes,
            port_bindings={port: (server.address, int(port.partition("/")[0])) for port in _PORTS},
            tmpfs={"/run": "", "/tmp": "exec"},  # noqa: S108  # in the container
            cap_add=list(_CAPABILITIES),
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        )
        # As `--security-opt systempaths=unconfined`: a Docker engine mounts /proc for its containers.
        host |= {"MaskedPaths": [], "ReadonlyPaths": []}
        made = api.create_container(
            self._image,
            ["/sbin/init"],
            name=name,
            hostname=server.name,
            labels=self._labels,
            ports=[(int(number), protocol) for number, _, protocol in (port.partition("/") for port in _PORTS)],
            host_config=host,
            networking_config={"EndpointsConfig": {self._network: api.create_endpoint_config()}},
            environment={"container": "docker", "SYSTEMD_PROC_CMDLINE": " ".join([*_cgroup_switches(), "ds=nocloud"])},
        )
        container = self._engine.containers.get(made["Id"])
        container.put_archive("/", _seed(server))
        return container

    def _wait(self, what: str, is_there: Callable[[], bool]) -> None:
        give_up = time.monotonic() + _BOOT_LIMIT_S
        while not is_there():
            if time.monotonic() > give_up:
                raise BootError(f"the server has been waiting for {what} for {_BOOT_LIMIT_S:.0f} s")
            time.sleep(_POLL_S)


def _seed(server: ServerSpec) -> bytes:
    """Return what cloud-init reads, as an archive: https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html."""
    metadata = {"instance-id": f"i-{server.id}", "local-hostname": server.name, "public-keys": list(server.authorized_keys)}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in (("meta-data", json.dumps(metadata)), ("user-data", server.user_data)):
            member = tarfile.TarInfo(f"{_SEED}/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def _cgroup_switches() -> Sequence[str]:
    return () if Path("/sys/fs/cgroup/cgroup.controllers").exists() else _CGROUPS_V1


def _greets(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
