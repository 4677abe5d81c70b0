"""Containers that may do what a machine may: run systemd, a Docker engine of their own, and mount block devices."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import docker

from ops.core.process import CommandError

# The id of the process that made it: what a killed process has left is found by it.
PROCESS_LABEL = "private-registry.emulation.process"
# What systemd and a Docker engine need. Not `privileged`: that fails where the machine itself lacks a capability.
_CAPABILITIES = (
    *("AUDIT_CONTROL", "AUDIT_READ", "BLOCK_SUSPEND", "DAC_READ_SEARCH", "IPC_LOCK", "IPC_OWNER", "LEASE", "LINUX_IMMUTABLE"),
    *("MAC_ADMIN", "MAC_OVERRIDE", "NET_ADMIN", "NET_BROADCAST", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_MODULE", "SYS_NICE"),
    *("SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM"),
)
# Loop devices, and the device that hands them out.
_DEVICE_RULES = ("b 7:* rmw", "c 10:237 rmw")
_FUSE = Path("/dev/fuse")
_CONTROL_GROUPS = {"/sys/fs/cgroup": {"bind": "/sys/fs/cgroup", "mode": "rw"}}


def machine_host(
    engine: docker.DockerClient, volumes: Mapping[str, Mapping[str, str]], ports: Mapping[int | str, Any] | None = None
) -> dict[str, Any]:
    """Return the host configuration of such a container.

    Args:
        engine: The Docker engine.
        volumes: What it mounts, as the Docker SDK has it.
        ports: What it publishes, as the Docker SDK has it.
    """
    host = engine.api.create_host_config(
        binds={**volumes, **_CONTROL_GROUPS},
        port_bindings=dict(ports or {}),
        tmpfs={"/run": "", "/tmp": "exec"},  # noqa: S108  # in the container
        cap_add=list(_CAPABILITIES),
        device_cgroup_rules=list(_DEVICE_RULES),
        devices=[str(_FUSE)] if _FUSE.exists() else None,
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        network_mode=None if ports else "none",
    )
    # Like `--security-opt systempaths=unconfined`: a Docker engine mounts /proc for its containers.
    return {**host, "MaskedPaths": [], "ReadonlyPaths": []}


def run_as_machine(
    engine: docker.DockerClient,
    image: str,
    script: str,
    arguments: Sequence[str] = (),
    *,
    volumes: Mapping[str, Mapping[str, str]],
) -> None:
    """Run a shell script in such a container and remove it.

    Raises:
        CommandError: The script failed; the message ends with what it said.
    """
    api = engine.api
    made = api.create_container(
        image,
        ["sh", "-euc", script, "sh", *arguments],
        host_config=machine_host(engine, volumes),
        labels={PROCESS_LABEL: str(os.getpid())},
    )
    container = engine.containers.get(made["Id"])
    try:
        container.start()
        code = container.wait()["StatusCode"]
        if code != 0:
            raise CommandError(f"a script in a container of {image} failed with exit code {code}: {container.logs().decode()}")
    finally:
        container.remove(force=True)
