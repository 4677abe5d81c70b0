"""The table of the files on a server: where each goes, what it is for, and its content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from infra.blocks.edge import EdgeSettings
from infra.plan import Plan
from infra.release import Part
from infra.server import cron, docker_daemon, logrotate, regops, sshd, sysctl, timers, units, upgrades, users
from infra.server.schedule import Job, Task, requests, schedule
from ops.config import SERVICE_USER

PART = "host"
ROOT = PurePosixPath("/srv/private-registry")
_EDGE = EdgeSettings(https_port=443, ipv6=True)
# A connection whose client does not read holds 192 KiB at most, and the edge needs some memory for itself.
_CONNECTIONS_PER_MIB = 4


@dataclass(frozen=True)
class HostFile:
    """A file of the server, owned by root, with mode 0644, or 0755 for a program.

    Attributes:
        path: Its absolute path.
        purpose: What it is for, in a few words.
        text: Its content.
    """

    path: str
    purpose: str
    text: str


def host_files(
    root: PurePosixPath = ROOT,
    *,
    edge: EdgeSettings = _EDGE,
    edge_mib: int = 256,
    tasks: Sequence[Task] = (),
    asked: Job | None = None,
    recovers: bool = False,
) -> Sequence[HostFile]:
    """Return all files.

    Args:
        root: The stack's folder on the host.
        edge: The settings of the edge.
        edge_mib: The edge's memory, in MiB.
        tasks: The schedule.
        asked: What does the actions that are asked for in the console; None if nobody can ask.
        recovers: Whether the settings ask for a recovery.
    """
    recovery = [HostFile(timers.RECOVERY_PATH, "goes on with a recovery after a restart", timers.recovery(root))]
    ipv6 = edge.ipv6
    clients_guard = units.clients_guard(
        port=edge.https_port,
        connections=edge_mib * _CONNECTIONS_PER_MIB,
        one_address=bool(edge.trusted_proxies),
        ipv6=ipv6,
    )
    return [
        HostFile(sshd.PATH, "who may log in, and how: root with a key", sshd.sshd_config()),
        HostFile(docker_daemon.PATH, "how the Docker engine runs containers", docker_daemon.daemon_json(ipv6=ipv6)),
        HostFile(units.GUARD_PATH, "keeps containers away from the server's metadata", units.metadata_guard()),
        HostFile(units.USERS_GUARD_PATH, "keeps users away from unpublished ports of containers", units.users_guard(ipv6=ipv6)),
        HostFile(units.CLIENTS_GUARD_PATH, "limits the connections to the edge, in all and from one address", clients_guard),
        HostFile(units.SCOPE_PATH, "limits the processes of each container", units.container_scope()),
        HostFile(sysctl.PATH, "hardens the kernel", sysctl.sysctl_conf()),
        HostFile(
            upgrades.PATH, "installs security updates, and reboots at night if they need it", upgrades.unattended_upgrades()
        ),
        HostFile(logrotate.PATH, "keeps the logs of tasks small", logrotate.logrotate_conf(root)),
        HostFile(users.PATH, "gives the user of all services a name", users.sysusers(SERVICE_USER)),
        HostFile(cron.PATH, "starts tasks on hosts without systemd", cron.crontab(tasks, root)),
        HostFile(regops.PATH, "runs `regops` of the current release", regops.regops_script(root)),
        *(
            HostFile(f"{timers.FOLDER}/{name}", f"{task.name}: {task.purpose}", text)
            for task in [*tasks, *([asked] if asked else [])]
            for name, text in timers.units(task, root).items()
        ),
        *(recovery if recovers else []),
    ]


def host_part(plan: Plan, root: PurePosixPath = ROOT) -> Part:
    """Return the files as a part of the release; their paths below the part's folder are those below `/`."""
    settings = plan.settings
    listed = host_files(
        root,
        edge=settings.edge,
        edge_mib=settings.limits_of("edge").memory_mib,
        tasks=schedule(plan),
        asked=requests(plan),
        recovers=settings.recover is not None,
    )
    files: Mapping[str, str] = {file.path.lstrip("/"): file.text for file in listed}
    return Part.of_text(PART, files)


def server_parts(plan: Plan) -> Sequence[Part]:
    """Return the parts of the release for the server itself; there are none on the local place."""
    return [] if plan.settings.is_local else [host_part(plan)]
