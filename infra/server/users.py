"""Renders the entry of the services' user: containers need none, but systemd runs no service as a number without one."""

from __future__ import annotations

from infra.server.head import HEAD

PATH = "/etc/sysusers.d/private-registry.conf"
NAME = "private-registry"


def sysusers(user: str) -> str:
    """Return the file that `systemd-sysusers` reads.

    Args:
        user: As UID:GID.
    """
    uid, _, gid = user.partition(":")
    return f'# {HEAD}\ng {NAME} {gid}\nu {NAME} {uid}:{gid} "services of the private registry"\n'
