"""Renders the entry of the services' user. Containers do not need it, but systemd only runs services as users that exist."""

from __future__ import annotations

from infra.server.head import HEAD

PATH = "/etc/sysusers.d/private-registry.conf"
NAME = "private-registry"


def sysusers(user: str) -> str:
    """Return the file for `systemd-sysusers`.

    Args:
        user: The user, as UID:GID.
    """
    uid, _, gid = user.partition(":")
    return f'# {HEAD}\ng {NAME} {gid}\nu {NAME} {uid}:{gid} "services of the private registry"\n'
