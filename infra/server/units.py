"""Renders systemd units: guards between containers, the cloud's metadata, users and clients; and limits."""

from __future__ import annotations

from collections.abc import Sequence

from infra.server.hardening import HARDENED
from infra.server.head import HEAD

GUARD = "private-registry-metadata-guard.service"
GUARD_PATH = f"/etc/systemd/system/{GUARD}"
USERS_GUARD = "private-registry-users-guard.service"
USERS_GUARD_PATH = f"/etc/systemd/system/{USERS_GUARD}"
CLIENTS_GUARD = "private-registry-clients-guard.service"
CLIENTS_GUARD_PATH = f"/etc/systemd/system/{CLIENTS_GUARD}"
# systemd reads this for every unit whose name begins with `docker-`, such as the scope of each container: systemd.unit(5).
SCOPE_PATH = "/etc/systemd/system/docker-.scope.d/private-registry.conf"

_CHAIN = "DOCKER-USER"
# All link-local addresses; they must not be forwarded anyway (RFC 3927 §2.7). Rejected, not dropped, so that nothing waits.
_RULE = f"{_CHAIN} --destination 169.254.0.0/16 --jump REJECT"
_PROCESSES = 1024
# Connections that users of this server open to a container's own address. Those to published ports, of which Docker changes the
# address, are left alone. Docker's bridges begin with `br-`.
_DIRECT = (
    "OUTPUT --out-interface br-+ --match conntrack --ctstate NEW --match conntrack ! --ctstate DNAT"
    " --match owner ! --uid-owner 0 --jump REJECT"
)


def metadata_guard() -> str:
    """Return the unit that blocks requests from containers to Hetzner's metadata service, which shows the server's user data.

    The service has an IPv4 address (https://docs.hetzner.cloud/#server-metadata); IPv6 link-local addresses are never forwarded.
    The unit starts before the engine, so no container ever runs without it. Docker keeps the rules that it finds in this chain
    (https://docs.docker.com/engine/network/firewall-iptables/).
    """
    return _guard("Keep containers away from the metadata of this server", [_insert("iptables", _RULE)])


def users_guard(*, ipv6: bool) -> str:
    """Return the unit that keeps users other than root away from the ports of containers that are not published.

    The host has an address on two of the stack's networks only, as the gateway of the edge and of those who ask the Internet
    (stack_components/networks.py). On these, every port of theirs would be open to every process of the host.

    Args:
        ipv6: Whether a network has IPv6 too.
    """
    programs = ["iptables", *(["ip6tables"] if ipv6 else [])]
    return _guard(
        "Keep users of this server away from ports of containers that are not published",
        [f"{one} --wait --check {_DIRECT} 2>/dev/null || {one} --wait --insert {_DIRECT}" for one in programs],
    )


def clients_guard(*, port: int, connections: int, one_address: bool, ipv6: bool) -> str:
    """Return the unit that limits the connections to the edge: each takes up memory, also while nothing is asked.

    Whoever has too many is refused at once, as by a port on which nobody listens; connections that are open stay.

    Args:
        port: The published port for TLS.
        connections: How many there may be, in all; a quarter of them from one address, or from one /64 of IPv6.
        one_address: Whether many clients come from one address: that of a proxy in front.
        ipv6: Whether a network has IPv6 too.
    """
    # Docker's own rules have changed the port already.
    opened = f"{_CHAIN} --protocol tcp --syn --match conntrack --ctorigdstport {port}"
    commands = []
    for program, longest in (("iptables", 32), *([("ip6tables", 64)] if ipv6 else [])):
        # A mask of 0 counts the connections from all addresses together.
        limits = {0: connections} if one_address else {0: connections, longest: connections // 4}
        for mask, most in limits.items():
            limit = f"--match connlimit --connlimit-above {most} --connlimit-mask {mask}"
            commands.append(_insert(program, f"{opened} {limit} --jump REJECT --reject-with tcp-reset"))
    return _guard("Limit the connections to the registry", commands)


def _insert(program: str, rule: str) -> str:
    """Return the command that puts a rule first in Docker's chain for users, which is made if Docker has not yet."""
    make = f"{program} --wait --new-chain {_CHAIN} 2>/dev/null; {program} --wait --insert {rule}"
    return f"{program} --wait --check {rule} 2>/dev/null || {{ {make}; }}"


def _guard(description: str, commands: Sequence[str]) -> str:
    started = "\n".join(f"ExecStart=/bin/sh -c '{command}'" for command in commands)
    return f"""\
# {HEAD}
[Unit]
Description={description}
After=network-pre.target
Before=docker.service
PartOf=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
{started}

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
