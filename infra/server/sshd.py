"""Renders the drop-in of sshd: keys only, room for many connections at once, no forwarding but to Storage Boxes."""

from __future__ import annotations

from collections.abc import Sequence

from infra.server.head import HEAD

# Of two values sshd takes the first, and cloud-init writes 50-cloud-init.conf: https://man.openbsd.org/sshd_config
PATH = "/etc/ssh/sshd_config.d/10-private-registry.conf"


def sshd_config(users: Sequence[str] = ("root",)) -> str:
    """Return the drop-in.

    Args:
        users: Who may log in. The program comes as root: a user who may talk to the Docker engine is no less than that.
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

# Pulumi opens a connection for each question to the Docker engine, many at once: https://github.com/docker/compose/issues/11677
# Docker gives some up before they are authenticated, which is no reason to lock its user out.
MaxStartups 100:30:200
PerSourcePenalties noauth:0
MaxSessions 100
ClientAliveInterval 60

# Docker and commands need a session. The program reaches the Storage Box through this server, and nothing else.
AllowTcpForwarding local
PermitOpen *:23
AllowStreamLocalForwarding no
AllowAgentForwarding no
X11Forwarding no
PermitTunnel no
PermitUserRC no

# OpenSSH's own choice but for what audits fail: the curves of NIST, SHA-1, and tags of 64 bits.
KexAlgorithms -ecdh-sha2-nistp*
HostKeyAlgorithms -ecdsa-sha2-nistp*
MACs -hmac-sha1*,umac-64*
"""
