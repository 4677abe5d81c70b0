"""Renders the drop-in of sshd: keys only, many connections at once, and no forwarding except to Storage Boxes."""

from __future__ import annotations

from collections.abc import Sequence

from infra.server.head import HEAD

# sshd uses the first value that it reads, and cloud-init writes 50-cloud-init.conf: https://man.openbsd.org/sshd_config
PATH = "/etc/ssh/sshd_config.d/10-private-registry.conf"


def sshd_config(users: Sequence[str] = ("root",)) -> str:
    """Return the drop-in.

    Args:
        users: Who may log in. The program logs in as root; a user who may use the Docker engine would have the same power.
    """
    return f"""\
# {HEAD}

# Keys only.
AllowUsers {" ".join(users)}
PermitRootLogin prohibit-password
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxAuthTries 4
LoginGraceTime 30

# Pulumi opens a connection for each request to the Docker engine, many at once: https://github.com/docker/compose/issues/11677
# Docker drops some before they are authenticated, which must not lock its user out.
MaxStartups 100:30:200
PerSourcePenalties noauth:0
MaxSessions 100
ClientAliveInterval 60

# Docker and commands need a session. Forwarding is only for the Storage Box, which the program reaches through this server.
AllowTcpForwarding local
PermitOpen *:23
AllowStreamLocalForwarding no
AllowAgentForwarding no
X11Forwarding no
PermitTunnel no
PermitUserRC no

# OpenSSH's own choice, without what audits complain about: NIST curves, SHA-1 and 64-bit MACs.
KexAlgorithms -ecdh-sha2-nistp*
HostKeyAlgorithms -ecdsa-sha2-nistp*
MACs -hmac-sha1*,umac-64*
"""
