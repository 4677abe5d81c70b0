"""What makes the services that measure: cAdvisor with its socket proxy, and the exporters."""

from __future__ import annotations

from infra.regops import METRICS_FOLDER
from stack_components.monitoring.prometheus import NODE_FOLDER
from stack_components.service import Exemption, Healthcheck, ServiceArgs
from stack_components.socket_proxy import PORT as SOCKET_PORT
from stack_components.socket_proxy import socket_proxy_args

REDIS_PASSWORDS = "redis-exporter/passwords.json"
REDIS_ADDRESS, REDIS_USER = "redis://cache.data:6379", "metrics"
# cAdvisor's questions: which engine it is, and of each control group whose it is. No others: below `/containers/` there are also
# the files of every container.
_CADVISOR_ASKS = r"(/v[0-9]+\.[0-9]+)?/(_ping|version|info|containers/json|containers/[0-9a-f]{64}/json)"
# Of the host, and to be seen from a container. Those of the network would measure the container's own.
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
    """Return what makes the proxy before the Docker engine's socket that cAdvisor asks."""
    return socket_proxy_args({"GET": _CADVISOR_ASKS, "HEAD": _CADVISOR_ASKS}, client="cadvisor")


def cadvisor_args() -> ServiceArgs:
    """Return what makes cAdvisor, unprivileged: https://github.com/google/cadvisor/blob/v0.60.5/docs/running.md.

    It finds the containers of engines that keep images themselves (overlay2). With the containerd image store, the default of new
    installations since Docker 29, it would need containerd's socket, which is as good as root on the host: then it measures none.
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
        # It looks for the host's own below /rootfs, and takes itself to be outside a container when it finds no /rootfs/proc.
        host_files={
            "/sys": "/sys",
            "/rootfs/proc": "/proc",
            "/rootfs/var/lib/docker/image": "/var/lib/docker/image",
        },
        devices=["/dev/kmsg"],
        exemptions={
            Exemption.ROOT: "Docker lets only root read which layer is whose, without which no container is measured",
            Exemption.HOST_FILES: "control groups in /sys, networks of processes in /proc, and the engine's list of layers",
        },
        capabilities={"CAP_SYSLOG": "the kernel's log, which alone tells that a container was stopped for want of memory"},
    )


def node_exporter_args() -> ServiceArgs:
    """Return what makes the node exporter, which needs nothing of the host: the kernel's figures are the same in a container.

    Its own root is on the Docker engine's disk, and the folder of text files on the disk of the stack's data.
    """
    return ServiceArgs(
        command=[
            "--collector.disable-defaults",
            *(f"--collector.{name}" for name in _COLLECTORS),
            f"--collector.filesystem.mount-points-include=^(/|{NODE_FOLDER})$",
            "--collector.filesystem.fs-types-exclude=^$",  # the root's is one of those that are left out by default
            f"--collector.textfile.directory={NODE_FOLDER}",
        ],
        healthcheck=Healthcheck.of_page("127.0.0.1:9100/"),
        reads={METRICS_FOLDER: NODE_FOLDER},
    )


def redis_exporter_args() -> ServiceArgs:
    """Return what makes the exporter of the cache: https://github.com/oliver006/redis_exporter/tree/v1.88.0#command-line-flags."""
    return ServiceArgs(
        command=[
            f"--redis.addr={REDIS_ADDRESS}",
            f"--redis.user={REDIS_USER}",
            "--redis.password-file=/run/secrets/passwords.json",
        ],
        # The image holds this program alone: all that can be told is that it can be started. Whether it works is in its metrics.
        healthcheck=Healthcheck(["/redis_exporter", "--version"], interval="10s"),
        secrets={REDIS_PASSWORDS: "/run/secrets/passwords.json"},
        # Else it would sign in at any address that somebody on its network names.
        environment={"REDIS_EXPORTER_DISABLE_SCRAPE_ENDPOINT": "true"},
    )


def blackbox_exporter_args() -> ServiceArgs:
    """Return what makes the exporter that probes the registry."""
    return ServiceArgs(
        command=["--config.file=/etc/blackbox_exporter/config.yml"],
        healthcheck=Healthcheck.of_page("127.0.0.1:9115/-/healthy"),
        parts={"blackbox-exporter": "/etc/blackbox_exporter"},
    )
