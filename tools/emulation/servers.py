"""Servers as containers: Debian 13 with systemd, cloud-init, sshd and its own Docker engine, at native speed."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import docker
from docker.errors import NotFound
from docker.models.containers import Container

from tools.emulation import volume_devices
from tools.emulation.archive import archive
from tools.emulation.containers import machine_host
from tools.emulation.loaded import DATA, give
from tools.emulation.machines import ServerSpec, VolumeSpec

_SEED = "var/lib/cloud/seed/nocloud"
_PORTS = ("22/tcp", "80/tcp", "443/tcp", "443/udp")
_DEVICES = "/usr/local/lib/volume_devices.py"
# systemd's own generator skips devices in fstab where /sys is read-only, as in a container: it is shown another /sys.
_GENERATOR = "systemd-fstab-generator"
_FSTAB_OF_DEVICES = f"""\
#!/bin/sh
exec unshare --mount sh -c 'mount -t tmpfs none /sys && exec /usr/lib/systemd/system-generators/{_GENERATOR} "$@"' - "$@"
"""
_BOOT_LIMIT_S = 90.0
_POLL_S = 0.2
# Hetzner's images let root log in with the keys given to the API; user data is applied after this.
_VENDOR_DATA = "#cloud-config\ndisable_root: false\n"
_CGROUPS_V1 = ("systemd.unified_cgroup_hierarchy=0", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1")


class BootError(Exception):
    """A server does not boot; the message says what it is waiting for."""


class DeviceError(Exception):
    """A volume cannot be attached; the message says why."""


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
        loaded: str,
    ) -> None:
        """Describe them.

        Args:
            engine: The Docker engine that they are containers of.
            owner: Prefix of their names.
            image: Of a server.
            network: On which they reach Storage Boxes.
            labels: Of all that is made.
            loaded: The volume with the images that their own engines get (`ensure_loaded`); empty for none.
        """
        self._engine, self._owner, self._image, self._network = engine, owner, image, network
        self._labels, self._loaded = dict(labels), loaded

    def boot(self, server: ServerSpec) -> None:
        """Start a server, and wait until it accepts logins.

        Raises:
            BootError: It does not come up in time.
            DockerException: The engine refused.
        """
        container = self.find(server.id) or self._create(server)
        container.put_archive("/", _wanted(server.volumes))
        container.start()
        self._wait("sshd", lambda: _greets(server.address))
        self._wait("its Docker engine", lambda: container.exec_run(["docker", "version"]).exit_code == 0)

    def power_off(self, server_id: int) -> None:
        """Cut the power; does nothing to a server that is off."""
        container = self.find(server_id)
        if container and container.status == "running":
            container.kill()

    def delete(self, server_id: int) -> None:
        """Remove a server and its disk."""
        if container := self.find(server_id):
            container.remove(force=True, v=True)
        with contextlib.suppress(NotFound):  # an earlier attempt may have got only this far
            self._engine.volumes.get(self._name(server_id)).remove()

    def serve_volumes(self, server_id: int, volumes: Sequence[VolumeSpec]) -> None:
        """Give a running server exactly these volumes.

        Raises:
            DeviceError: One cannot be had.
            DockerException: The engine refused.
        """
        container = self.find(server_id)
        if container and container.status == "running":
            container.put_archive("/", _wanted(volumes))
            served = container.exec_run(["python3", "-I", _DEVICES, "serve"])
            if served.exit_code != 0:
                raise DeviceError(f"{container.name}: {served.output!r}")

    def delete_volume(self, volume_id: int) -> None:
        """Remove the file of a volume."""
        remove = ["rm", "-f", str(volume_devices.image_of(volume_id))]
        volumes = self._volumes()
        self._engine.containers.run(self._image, remove, remove=True, network_mode="none", labels=self._labels, volumes=volumes)

    def find(self, server_id: int) -> Container | None:
        """Return the container of a server."""
        try:
            return self._engine.containers.get(self._name(server_id))
        except NotFound:
            return None

    def _name(self, server_id: int) -> str:
        return f"{self._owner}-server-{server_id}"

    def _volumes(self) -> dict[str, dict[str, str]]:
        name = f"{self._owner}-volumes"
        self._engine.volumes.create(name, labels=self._labels)
        return {name: {"bind": str(volume_devices.IMAGES), "mode": "rw"}}

    def _create(self, server: ServerSpec) -> Container:
        name = self._name(server.id)
        self._engine.volumes.create(name, labels=self._labels)
        if self._loaded:
            give(self._engine, self._image, self._loaded, name)
        api = self._engine.api
        host = machine_host(
            self._engine,
            {**self._volumes(), name: {"bind": DATA, "mode": "rw"}},
            {port: (server.address, int(port.partition("/")[0])) for port in _PORTS},
        )
        made = api.create_container(
            self._image,
            ["python3", "-I", _DEVICES, "boot"],
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
    """Return an archive of what cloud-init reads and of what attaches the server's volumes.

    https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html
    """
    metadata = {"instance-id": f"i-{server.id}", "local-hostname": server.name, "public-keys": list(server.authorized_keys)}
    return archive(
        {
            f"{_SEED}/meta-data": json.dumps(metadata),
            f"{_SEED}/user-data": server.user_data,
            f"{_SEED}/vendor-data": _VENDOR_DATA,
            _DEVICES: Path(volume_devices.__file__).read_text(),
            f"/etc/systemd/system-generators/{_GENERATOR}": _FSTAB_OF_DEVICES,
        }
    )


def _wanted(volumes: Sequence[VolumeSpec]) -> bytes:
    return archive({str(volume_devices.WANTED): json.dumps([asdict(volume) for volume in volumes])})


def _cgroup_switches() -> Sequence[str]:
    return () if Path("/sys/fs/cgroup/cgroup.controllers").exists() else _CGROUPS_V1


def _greets(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
