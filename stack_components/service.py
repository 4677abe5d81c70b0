"""`Service`: the only place that creates a `docker.Container`, so every rule about containers is enforced here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from typing import Literal

import pulumi
import pulumi_docker as docker

from infra.cache import digest
from infra.host import RolloutEntry
from infra.live_secrets import live_folder
from infra.services import SERVICES
from ops.config import NewContainer, container_name
from ops.core.labels import SERVICE_LABEL, VERSION_LABEL
from ops.core.layout import LIVE
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
        secrets: Secret files that it reads: path in the container by file name. A change replaces the container.
        live_secrets: Path in the container of the folder with the secret files that it takes in while it runs; empty if none.
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
        alongside: Whether two of it may run for a moment, so that a new one takes over without a gap. They share files and names.
        after: Services that must be healthy before it starts.
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
    live_secrets: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, str] = field(default_factory=dict)
    docker_socket: str = ""
    host_files: Mapping[str, str] = field(default_factory=dict)
    tmpfs: Sequence[str] = ()
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    exemptions: Mapping[Exemption, str] = field(default_factory=dict)
    capabilities: Mapping[str, str] = field(default_factory=dict)
    devices: Sequence[str] = ()
    ports: Sequence[Port] = ()
    stop_seconds: int = 10
    alongside: bool = False
    after: Sequence[str] = ()


class Service(pulumi.ComponentResource):
    """One container with its limits: read-only root, no capabilities, no new privileges, pinned by digest, with a healthcheck.

    It is not started here: the rollout does that, and gives it its name, when all containers are there. So a container that is
    replaced goes on running until then, and is there to go back to.
    """

    def __init__(self, name: str, args: ServiceArgs, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:service:Service", name, {}, opts)
        _check(name, args)
        image = context.plan.images[SERVICES[name].image]
        limits = context.settings.limits_of(name)
        needs: list[pulumi.Resource] = list(context.provisioned.ready)
        if image.pullable and args.image is None:
            needs.append(docker.RemoteImage(f"{name}-image", name=image.reference, keep_locally=True, opts=context.options(self)))
        live = [live_folder(name)] if args.live_secrets else []
        self.container_name = container_name(context.settings.name, name)
        self.container = docker.Container(
            f"{name}-container",
            hostname=name,
            image=args.image if args.image is not None else image.reference,
            entrypoints=list(args.entrypoint) or None,
            command=list(args.command),
            user=args.user or context.host.user,
            group_adds=list(args.groups) or None,
            envs=[pulumi.Output.concat(key, "=", value) for key, value in sorted(args.environment.items(), key=itemgetter(0))],
            networks_advanced=context.networks.of(name),
            ports=[
                docker.ContainerPortArgs(ip=port.bind, external=port.external, internal=port.internal, protocol=port.protocol)
                for port in args.ports
            ],
            mounts=_mounts(name, args, context),
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
            start=False,
            must_run=False,
            stop_timeout=args.stop_seconds,
            destroy_grace_seconds=args.stop_seconds,
            labels=_labels(name, args, context),
            opts=pulumi.ResourceOptions.merge(
                context.options(self),
                # The plugin plans a change of these as an update, which does nothing.
                pulumi.ResourceOptions(
                    depends_on=needs,
                    replace_on_changes=["healthcheck", "mounts", "tmpfs"],
                    # The plugin would delete first. A replacement gets a name and CPU cores of its own in spite of this; the
                    # rollout renames containers, and gives them CPU cores while they run.
                    delete_before_replace=False,
                    ignore_changes=["name", "cpus"],
                ),
            ),
        )
        context.rollout[name] = RolloutEntry(
            self.container,
            NewContainer(
                service=name,
                name=self.container_name,
                container="",
                cpus=limits.cpus,
                alongside=args.alongside,
                after=tuple(args.after),
                hot_reloaded=(*(f"{LIVE}/{part}" for part in sorted(args.hot_reloaded)), *live),
                version=image.version,
                one_way=image.one_way,
                accepted=f"{name}@{image.version}" in context.settings.one_way,
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


def _mounts(name: str, args: ServiceArgs, context: Context) -> list[docker.ContainerMountArgs]:
    provisioned = context.provisioned
    read: list[tuple[str, pulumi.Input[str]]] = [
        *((target, provisioned.part(part)) for part, target in args.parts.items()),
        *((target, provisioned.hot_reloaded(part)) for part, target in args.hot_reloaded.items()),
        *((target, provisioned.secret_version(secret)) for secret, target in args.secrets.items()),
        *([(args.live_secrets, provisioned.path(live_folder(name)))] if args.live_secrets else []),
        *((target, provisioned.path(folder)) for folder, target in args.reads.items()),
        *args.host_files.items(),
        *([(args.docker_socket, context.host.docker_socket)] if args.docker_socket else []),
    ]
    written = [(target, provisioned.path(folder)) for folder, target in args.data.items()]
    mounts = [
        *(docker.ContainerMountArgs(type="bind", source=source, target=target, read_only=True) for target, source in read),
        *(docker.ContainerMountArgs(type="bind", source=source, target=target, read_only=False) for target, source in written),
    ]
    return sorted(mounts, key=lambda mount: str(mount.target))


def _labels(name: str, args: ServiceArgs, context: Context) -> pulumi.Output[list[docker.ContainerLabelArgs]]:
    """Return the stack's labels, the service's, and a digest of all configuration that it reads, so that a change replaces it."""
    parts = {name: context.provisioned.release.parts[name].digest for name in args.parts}
    read = context.provisioned.secrets_digest(list(args.secrets)).apply(lambda secrets: digest([parts, secrets]))
    revision = context.host.seen.apply(lambda seen: seen.container(container_name(context.settings.name, name)))
    fixed = {SERVICE_LABEL: name, VERSION_LABEL: context.plan.images[SERVICES[name].image].version}
    labels = pulumi.Output.all(
        stack_labels(context.settings, context.host, revision), read.apply(lambda read: {**fixed, CONFIG_LABEL: read})
    )
    return labels.apply(
        lambda both: [docker.ContainerLabelArgs(label=key, value=value) for some in both for key, value in some.items()]
    )
