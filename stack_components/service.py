"""`Service`: the only place that creates a `docker.Container`, so every rule about containers is enforced here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import pulumi
import pulumi_docker as docker

from infra.cache import digest
from infra.services import SERVICES
from ops.config import container_name
from stack_components.context import Context
from stack_components.labels import stack_labels

CONFIG_LABEL = "private-registry.config"
_LOG_OPTIONS = {"max-size": "10m", "max-file": "3"}
_STEADY_INTERVAL, _STEADY_RETRIES = "20s", 3
_TMPFS_OPTIONS = "rw,noexec,nosuid,nodev,size=64m,mode=1777"


@dataclass(frozen=True)
class Healthcheck:
    """How Docker checks that a service works. Durations are in Docker's format.

    Attributes:
        command: What runs in the container; it works if that exits with 0.
        interval: How often, by an engine that does not know start intervals.
        timeout: After this long a check has failed.
        retries: After so many failed checks the service is unhealthy.
        start_period: In this time after its start, failed checks do not count.
    """

    command: Sequence[str]
    interval: str = "5s"
    timeout: str = "5s"
    retries: int = 6
    start_period: str = "30s"

    @classmethod
    def of_page(cls, address: str) -> Healthcheck:
        """Fetch a page of the service, given as `127.0.0.1:port/path`, with the wget that most images have."""
        return cls(["wget", "-q", "-O", "/dev/null", f"http://{address}"])


@dataclass(frozen=True)
class Port:
    """A published port: `bind:external` on the host reaches `internal` in the container."""

    bind: str
    external: int
    internal: int
    protocol: Literal["tcp", "udp"] = "tcp"


class Exemption(StrEnum):
    """What a service may be exempt from, if it says why."""

    ROOT = "runs as root"
    WRITABLE = "has a writable root file system"
    DOCKER_SOCKET = "has the Docker engine's socket"
    HOST_FILES = "reads files of the host"


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """What one service needs. Every exemption from the rules is listed here, with its reason.

    Image and limits are in the table of services, networks in the table of networks.

    Attributes:
        command: Arguments of the image; none may be empty.
        entrypoint: Program to start instead of the image's own; empty for that one.
        healthcheck: Required; `up` waits until it succeeds.
        image: An image that is built on the host, instead of the one in the table.
        user: uid:gid, if it is not that of all services. Root needs `Exemption.ROOT`.
        groups: Additional groups of the user, by number.
        parts: Parts of the release that it reads: path in the container by part name. A change replaces the container.
        hot_reloaded: Parts of the release that it reloads without a restart: path in the container by part name.
        secrets: Secret files that it reads: path in the container by file name.
        data: Host folders that it writes to: path in the container by folder name.
        reads: Host folders that it only reads: path in the container by folder name.
        docker_socket: Path in the container of the Docker engine's socket; empty if it has none.
        host_files: The host's own files that it reads: path on the host by path in the container.
        tmpfs: Paths in memory, besides /tmp.
        environment: Environment variables; never secrets.
        exemptions: Its exemptions from the rules, with the reason.
        capabilities: Capabilities that it keeps, written `CAP_X`, with the reason.
        devices: Devices of the host that it reads.
        ports: Published ports; only the edge may have any.
        stop_seconds: Seconds it gets to finish after SIGTERM.
    """

    command: Sequence[str]
    entrypoint: Sequence[str] = ()
    healthcheck: Healthcheck
    image: pulumi.Input[str] | None = None
    user: str | None = None
    groups: Sequence[str] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    hot_reloaded: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, str] = field(default_factory=dict)
    docker_socket: str = ""
    host_files: Mapping[str, str] = field(default_factory=dict)
    tmpfs: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    exemptions: Mapping[Exemption, str] = field(default_factory=dict)
    capabilities: Mapping[str, str] = field(default_factory=dict)
    devices: Sequence[str] = ()
    ports: Sequence[Port] = ()
    stop_seconds: int = 10


class Service(pulumi.ComponentResource):
    """One container with its limits: read-only root, no capabilities, no new privileges, pinned by digest, with a healthcheck."""

    def __init__(self, name: str, args: ServiceArgs, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:service:Service", name, {}, opts)
        _check(name, args)
        image = context.plan.images[SERVICES[name].image]
        limits = context.settings.limits_of(name)
        needs: list[pulumi.Resource] = list(context.provisioned.ready)
        if image.pullable and args.image is None:
            needs.append(docker.RemoteImage(f"{name}-image", name=image.reference, keep_locally=True, opts=context.options(self)))
        self.container_name = container_name(context.settings.name, name)
        self.container = docker.Container(
            f"{name}-container",
            name=self.container_name,
            hostname=name,
            image=args.image if args.image is not None else image.reference,
            entrypoints=list(args.entrypoint) or None,
            command=list(args.command),
            user=args.user or context.host.user,
            group_adds=list(args.groups) or None,
            envs=[f"{key}={value}" for key, value in sorted(args.environment.items())],
            networks_advanced=context.networks.of(name),
            ports=[
                docker.ContainerPortArgs(ip=port.bind, external=port.external, internal=port.internal, protocol=port.protocol)
                for port in args.ports
            ],
            mounts=_mounts(args, context),
            devices=[docker.ContainerDeviceArgs(host_path=path, permissions="r") for path in args.devices] or None,
            tmpfs=dict.fromkeys(["/tmp", *args.tmpfs], _TMPFS_OPTIONS),  # noqa: S108  # the container's own, in memory
            cpus=f"{limits.cpus:g}",
            memory=limits.memory_mib,
            memory_swap=limits.memory_mib,
            read_only=Exemption.WRITABLE not in args.exemptions,
            # The plugin compares capabilities as text: another spelling or order would replace the container at every refresh.
            capabilities=docker.ContainerCapabilitiesArgs(adds=sorted(args.capabilities), drops=["ALL"]),
            security_opts=["no-new-privileges:true"],
            restart="unless-stopped",
            log_driver="json-file",
            log_opts=_LOG_OPTIONS,
            healthcheck=_healthcheck(args.healthcheck, context.host.start_interval),
            wait=True,
            wait_timeout=120,
            stop_timeout=args.stop_seconds,
            destroy_grace_seconds=args.stop_seconds,
            labels=_labels(args, context),
            opts=pulumi.ResourceOptions.merge(
                context.options(self),
                # The plugin plans a change of these as an update, which does nothing.
                pulumi.ResourceOptions(
                    depends_on=needs,
                    replace_on_changes=["healthcheck", "mounts", "tmpfs"],
                    delete_before_replace=True,  # the old container holds the name and the ports
                ),
            ),
        )
        self.register_outputs({"container": self.container.id})


def _healthcheck(check: Healthcheck, start_interval: str) -> docker.ContainerHealthcheckArgs:
    """Return a healthcheck: often while the service starts, seldom afterwards, since each check is a new process in a container.

    Without start intervals, it has to be often always, or `up` would wait for the first one.
    """
    return docker.ContainerHealthcheckArgs(
        tests=["CMD", *check.command],
        interval=_STEADY_INTERVAL if start_interval else check.interval,
        timeout=check.timeout,
        retries=_STEADY_RETRIES if start_interval else check.retries,
        start_period=check.start_period,
        start_interval=start_interval or None,
    )


def _check(name: str, args: ServiceArgs) -> None:
    """Check a service against the rules, so that a mistake in the program stops it before anything is created."""
    assert not args.ports or name == "edge", f"{name} publishes a port"  # noqa: S101
    assert (args.user or "").partition(":")[0] not in {"0", "root"} or Exemption.ROOT in args.exemptions, name  # noqa: S101
    assert not args.host_files or Exemption.HOST_FILES in args.exemptions, name  # noqa: S101
    sockets = [path for path in [args.docker_socket, *args.host_files.values()] if path.endswith(".sock")]
    assert not sockets or Exemption.DOCKER_SOCKET in args.exemptions, name  # noqa: S101


def _mounts(args: ServiceArgs, context: Context) -> list[docker.ContainerMountArgs]:
    provisioned = context.provisioned
    read = [
        *((target, provisioned.part(part)) for part, target in args.parts.items()),
        *((target, provisioned.hot_reloaded(part)) for part, target in args.hot_reloaded.items()),
        *((target, provisioned.secret(secret)) for secret, target in args.secrets.items()),
        *((target, provisioned.path(folder)) for folder, target in args.reads.items()),
        *args.host_files.items(),
        *([(args.docker_socket, context.host.docker_socket)] if args.docker_socket else []),
    ]
    written = [(target, provisioned.path(folder)) for folder, target in args.data.items()]
    return [
        docker.ContainerMountArgs(type="bind", source=source, target=target, read_only=read_only)
        for target, source, read_only in sorted([(*mount, True) for mount in read] + [(*mount, False) for mount in written])
    ]


def _labels(args: ServiceArgs, context: Context) -> list[docker.ContainerLabelArgs]:
    """Return the stack's labels, and a digest of all configuration that the container reads, so that a change replaces it."""
    parts = {name: context.provisioned.release.parts[name].digest for name in args.parts}
    read = context.provisioned.secrets_digest(list(args.secrets)).apply(lambda secrets: digest([parts, secrets]))
    return [
        *(
            docker.ContainerLabelArgs(label=key, value=value)
            for key, value in stack_labels(context.settings, context.host).items()
        ),
        docker.ContainerLabelArgs(label=CONFIG_LABEL, value=read),
    ]
