"""The services that measure: cAdvisor with its socket proxy, and the exporters."""

from __future__ import annotations

from infra.regops import METRICS_FOLDER
from stack_components.monitoring.prometheus import NODE_FOLDER
from stack_components.service import Exemption, Healthcheck, ServiceArgs
from stack_components.socket_proxy import PORT as SOCKET_PORT
from stack_components.socket_proxy import socket_proxy_args

REDIS_PASSWORDS = "redis-exporter/passwords.json"
REDIS_ADDRESS, REDIS_USER = "redis://cache.data:6379", "metrics"
# cAdvisor's requests: about the engine, and about the container of each control group. Nothing else is allowed, because the files
# of every container are below `/containers/` too.
_CADVISOR_ASKS = r"(/v[0-9]+\.[0-9]+)?/(_ping|version|info|containers/json|containers/[0-9a-f]{64}/json)"
# Collectors that measure the host even from a container. Those of the network would measure the container's own.
_COLLECTORS = (
    "cpu",
    "diskstats",
    "filefd",
    "filesystem",
    "loadavg",
    "meminfo",
    "pressure",
    "stat",
    "textfile",
    "timex",
    "vmstat",
)


def cadvisor_socket_args() -> ServiceArgs:
    """Return the service of the proxy between cAdvisor and the Docker engine's socket."""
    return socket_proxy_args({"GET": _CADVISOR_ASKS, "HEAD": _CADVISOR_ASKS}, client="cadvisor")


def cadvisor_args() -> ServiceArgs:
    """Return cAdvisor's service, unprivileged: https://github.com/google/cadvisor/blob/v0.60.5/docs/running.md.

    It finds containers if the engine stores images itself (overlay2). With the containerd image store, the default of new
    installations since Docker 29, it would need containerd's socket, which amounts to root on the host; it then finds none.
    """
    return ServiceArgs(
        command=[
            f"--docker=tcp://cadvisor-socket:{SOCKET_PORT}",
            "--docker_only=true",
            "--enable_metrics=cpu,memory,network,diskIO,oom_event",
            "--housekeeping_interval=15s",
            "--store_container_labels=false",
        ],
        healthcheck=Healthcheck.of_page("127.0.0.1:8080/healthz"),
        user="0:0",
        # It looks for the host's files below /rootfs; without /rootfs/proc it assumes that it is not in a container.
        host_files={
            "/sys": "/sys",
            "/rootfs/proc": "/proc",
            "/rootfs/var/lib/docker/image": "/var/lib/docker/image",
        },
        devices=["/dev/kmsg"],
        exemptions={
            Exemption.ROOT: "only root may read which container a layer belongs to; without that none is measured",
            Exemption.HOST_FILES: "control groups in /sys, networks of processes in /proc, and the engine's list of layers",
        },
        capabilities={"CAP_SYSLOG": "the kernel's log, the only place that says that a container was OOM-killed"},
        after=("cadvisor-socket",),  # it only looks for the engine when it starts
    )


def node_exporter_args() -> ServiceArgs:
    """Return the node exporter's service. It needs nothing from the host: the kernel's figures are the same in a container.

    Its root is on the Docker engine's disk, and the folder of text files on the disk of the stack's data.
    """
    return ServiceArgs(
        command=[
            "--collector.disable-defaults",
            *(f"--collector.{name}" for name in _COLLECTORS),
            f"--collector.filesystem.mount-points-include=^(/|{NODE_FOLDER})$",
            "--collector.filesystem.fs-types-exclude=^$",  # by default the type of the root is excluded
            f"--collector.textfile.directory={NODE_FOLDER}",
        ],
        healthcheck=Healthcheck.of_page("127.0.0.1:9100/"),
        reads={METRICS_FOLDER: NODE_FOLDER},
    )


def redis_exporter_args() -> ServiceArgs:
    """Return the service of the cache's exporter: https://github.com/oliver006/redis_exporter/tree/v1.88.0#command-line-flags."""
    return ServiceArgs(
        command=[
            f"--redis.addr={REDIS_ADDRESS}",
            f"--redis.user={REDIS_USER}",
            "--redis.password-file=/run/secrets/passwords.json",
        ],
        # The image has only this program, so "healthy" only means that it can start. Its metrics say whether it works.
        healthcheck=Healthcheck(["/redis_exporter", "--version"], interval="10s"),
        secrets={REDIS_PASSWORDS: "/run/secrets/passwords.json"},
        # Without it anybody on its network could make it log in at any address.
        environment={"REDIS_EXPORTER_DISABLE_SCRAPE_ENDPOINT": "true"},
    )


def blackbox_exporter_args() -> ServiceArgs:
    """Return the service of the exporter that probes the registry."""
    return ServiceArgs(
        command=["--config.file=/etc/blackbox_exporter/config.yml"],
        healthcheck=Healthcheck.of_page("127.0.0.1:9115/-/healthy"),
        parts={"blackbox-exporter": "/etc/blackbox_exporter"},
    )
