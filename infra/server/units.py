"""Renders what systemd does: it keeps containers away from the cloud's metadata, and limits how many processes each may have."""

from __future__ import annotations

from infra.server.hardening import HARDENED
from infra.server.head import HEAD

GUARD = "private-registry-metadata-guard.service"
GUARD_PATH = f"/etc/systemd/system/{GUARD}"
# systemd reads this for every unit whose name begins with `docker-`, as the scope of each container does: systemd.unit(5).
SCOPE_PATH = "/etc/systemd/system/docker-.scope.d/private-registry.conf"

_CHAIN = "DOCKER-USER"
# All link-local addresses: nobody may forward them (RFC 3927 §2.7). Refused, not dropped, so that nobody waits for an answer.
_RULE = f"{_CHAIN} --destination 169.254.0.0/16 --jump REJECT"
_CHECK, _MAKE, _INSERT = (
    f"iptables --wait --check {_RULE}",
    f"iptables --wait --new-chain {_CHAIN}",
    f"iptables --wait --insert {_RULE}",
)
_PROCESSES = 1024


def metadata_guard() -> str:
    """Return the unit that refuses what containers send to Hetzner's metadata service, which shows the server's user data.

    That service has an address of IPv4 (https://docs.hetzner.cloud/#server-metadata); link-local ones of IPv6 are never
    forwarded. The unit comes before the engine, so that no container ever runs without it: Docker
    leaves alone what it finds in the chain (https://docs.docker.com/engine/network/firewall-iptables/).
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
    """Return the limit of processes, threads included, of every container.

    Docker's daemon.json has none (https://github.com/moby/moby/issues/43056), and neither has `docker.Container` of the plugin.
    It needs the engine's cgroup driver to be systemd, as it is by itself on cgroup v2.
    """
    return f"""\
# {HEAD}
[Scope]
TasksMax={_PROCESSES}
"""
