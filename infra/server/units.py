"""Renders systemd units: one keeps containers away from the cloud's metadata, one limits the processes of each container."""

from __future__ import annotations

from infra.server.hardening import HARDENED
from infra.server.head import HEAD

GUARD = "private-registry-metadata-guard.service"
GUARD_PATH = f"/etc/systemd/system/{GUARD}"
# systemd reads this for every unit whose name begins with `docker-`, such as the scope of each container: systemd.unit(5).
SCOPE_PATH = "/etc/systemd/system/docker-.scope.d/private-registry.conf"

_CHAIN = "DOCKER-USER"
# All link-local addresses; they must not be forwarded anyway (RFC 3927 §2.7). Rejected, not dropped, so that nothing waits.
_RULE = f"{_CHAIN} --destination 169.254.0.0/16 --jump REJECT"
_CHECK, _MAKE, _INSERT = (
    f"iptables --wait --check {_RULE}",
    f"iptables --wait --new-chain {_CHAIN}",
    f"iptables --wait --insert {_RULE}",
)
_PROCESSES = 1024


def metadata_guard() -> str:
    """Return the unit that blocks requests from containers to Hetzner's metadata service, which shows the server's user data.

    The service has an IPv4 address (https://docs.hetzner.cloud/#server-metadata); IPv6 link-local addresses are never forwarded.
    The unit starts before the engine, so no container ever runs without it. Docker keeps the rules that it finds in this chain
    (https://docs.docker.com/engine/network/firewall-iptables/).
    """
    return f"""\
# {HEAD}
[Unit]
Description=Keep containers away from the metadata of this server
After=network-pre.target
Before=docker.service
PartOf=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c '{_CHECK} 2>/dev/null || {{ {_MAKE} 2>/dev/null; {_INSERT}; }}'

CapabilityBoundingSet=CAP_NET_ADMIN
IPAddressDeny=any
RestrictAddressFamilies=AF_NETLINK
{HARDENED}
[Install]
WantedBy=docker.service
"""


def container_scope() -> str:
    """Return the limit of processes and threads for every container.

    Docker's daemon.json cannot set one (https://github.com/moby/moby/issues/43056), nor can the plugin's `docker.Container`.
    It needs systemd as the engine's cgroup driver, which is the default on cgroup v2.
    """
    return f"""\
# {HEAD}
[Scope]
TasksMax={_PROCESSES}
"""
