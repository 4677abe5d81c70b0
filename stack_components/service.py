"""`Service`: the only door to `docker.Container`, where every promise about a container is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from infra.cache import digest
from infra.settings import Limits
from stack_components.context import Context

CONFIG_LABEL = "private-registry.config"
_LOG_OPTIONS = {"max-size": "10m", "max-file": "3"}
_TMPFS_OPTIONS = "rw,noexec,nosuid,nodev,size=64m,mode=1777"


@dataclass(frozen=True)
class Healthcheck:
    """How Docker tells whether a service works; durations as Docker writes them."""

    command: Sequence[str]
    interval: str = "5s"
    timeout: str = "5s"
    retries: int = 6
    start_period: str = "10s"


@dataclass(frozen=True)
class Port:
    """A published port: `bind:external` on the host reaches `internal` in the container, over TCP."""

    bind: str
    external: int
    internal: int


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """What makes one service. Limits are required; everything a service needs beyond the rule is said here by name.

    Attributes:
        image: Key in the images lock.
        limits: CPU and memory; swap is never added.
        command: Arguments for the image; no string may be empty.
        networks: The networks it joins, under its own name.
        healthcheck: Required: `up` waits for it.
        parts: Folders of the release it reads: path in the container by part name.
        secrets: Secret files it reads: path in the container by file name.
        data: Host folders it writes: path in the container by folder name.
        reads: Host folders it only reads: path in the container by folder name.
        tmpfs: Further paths in memory beside /tmp.
        environment: Never secrets.
        capabilities: Those not dropped, written `CAP_X`, with the reason at the call.
        ports: Published ports; the edge alone may have any.
        stop_seconds: Time to end its work after SIGTERM.
    """

    image: str
    limits: Limits
    command: Sequence[str]
    networks: Sequence[docker.Network]
    healthcheck: Healthcheck
    parts: Mapping[str, str]
    secrets: Mapping[str, str]
    data: Mapping[str, str]
    reads: Mapping[str, str]
    tmpfs: Sequence[str] = ()
    environment: Mapping[str, str]
    capabilities: Sequence[str] = ()
    ports: Sequence[Port] = ()
    stop_seconds: int = 10


class Service(pulumi.ComponentResource):
    """One container with its limits: read-only root, no capabilities, no new privileges, digest-pinned, health-checked."""

    def __init__(self, name: str, args: ServiceArgs, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:service:Service", name, {}, opts)
        image = context.images[args.image]
        needs: list[pulumi.Resource] = list(context.shipped.ready)
        if image.pullable:
            needs.append(docker.RemoteImage(f"{name}-image", name=image.reference, keep_locally=True, opts=context.options(self)))
        self.container = docker.Container(
            f"{name}-container",
            name=f"{context.settings.name}-{name}",
            hostname=name,
            image=image.reference,
            command=list(args.command),
            user=context.host.user,
            envs=[f"{key}={value}" for key, value in sorted(args.environment.items())],
            networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=net.name, aliases=[name]) for net in args.networks],
            ports=[
                docker.ContainerPortArgs(ip=port.bind, external=port.external, internal=port.internal, protocol="tcp")
                for port in args.ports
            ],
            mounts=_mounts(args, context),
            tmpfs=dict.fromkeys(["/tmp", *args.tmpfs], _TMPFS_OPTIONS),  # noqa: S108  # the container's own, in memory
            cpus=f"{args.limits.cpus:g}",
            memory=args.limits.memory_mb,
            memory_swap=args.limits.memory_mb,
            read_only=True,
            # The plugin compares capabilities as written: other spellings or orders replace the container at every refresh.
            capabilities=docker.ContainerCapabilitiesArgs(adds=sorted(args.capabilities), drops=["ALL"]),
            security_opts=["no-new-privileges:true"],
            restart="unless-stopped",
            log_driver="json-file",
            log_opts=_LOG_OPTIONS,
            healthcheck=docker.ContainerHealthcheckArgs(
                tests=["CMD", *args.healthcheck.command],
                interval=args.healthcheck.interval,
                timeout=args.healthcheck.timeout,
                retries=args.healthcheck.retries,
                start_period=args.healthcheck.start_period,
            ),
            wait=True,
            wait_timeout=120,
            stop_timeout=args.stop_seconds,
            destroy_grace_seconds=args.stop_seconds,
            labels=_labels(args, context),
            opts=pulumi.ResourceOptions.merge(
                context.options(self),
                # A change of these is planned by the plugin as an update that does nothing.
                pulumi.ResourceOptions(
                    depends_on=needs,
                    replace_on_changes=["healthcheck", "mounts", "tmpfs"],
                    delete_before_replace=True,  # names and ports are taken until the old one is gone
                ),
            ),
        )
        self.register_outputs({"container": self.container.id})


def _mounts(args: ServiceArgs, context: Context) -> list[docker.ContainerMountArgs]:
    shipped = context.shipped
    read = [
        *((target, shipped.part(part)) for part, target in args.parts.items()),
        *((target, shipped.secret(secret)) for secret, target in args.secrets.items()),
        *((target, shipped.path(folder)) for folder, target in args.reads.items()),
    ]
    written = [(target, shipped.path(folder)) for folder, target in args.data.items()]
    return [
        docker.ContainerMountArgs(type="bind", source=source, target=target, read_only=read_only)
        for target, source, read_only in sorted([(*mount, True) for mount in read] + [(*mount, False) for mount in written])
    ]


def _labels(args: ServiceArgs, context: Context) -> list[docker.ContainerLabelArgs]:
    """Return the stack's labels and a digest of all configuration that this container reads, so that a change replaces it."""
    parts = {name: context.shipped.release.parts[name].digest for name in args.parts}
    read = context.shipped.secrets_digest(list(args.secrets)).apply(lambda secrets: digest([parts, secrets]))
    return [
        *(docker.ContainerLabelArgs(label=key, value=value) for key, value in context.labels.items()),
        docker.ContainerLabelArgs(label=CONFIG_LABEL, value=read),
    ]
