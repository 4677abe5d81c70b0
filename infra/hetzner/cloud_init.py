"""Renders the user data of a new server: who may log in, its host key, and the files that it needs from its first boot.

It never changes on an existing server; everything that changes later comes with the release (`infra.server`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import yaml

from infra.hetzner.prepare import prepare_script
from infra.server import docker_daemon, sshd, upgrades

# https://docs.hetzner.cloud/reference/cloud#servers-create-a-server
LIMIT_BYTES = 32 * 1024


def user_data(*, host_key: str, host_key_public: str, authorized_keys: Sequence[str], ipv6: bool = True) -> str:
    """Return cloud-config.

    Args:
        host_key: The server's private host key; the program makes it, so that it can verify the first connection.
        host_key_public: The public host key.
        authorized_keys: Public keys that may log in as root.
        ipv6: Whether the edge listens on IPv6.
    """
    config = {
        "disable_root": False,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": host_key, "ed25519_public": host_key_public},
        "users": [{"name": "root", "lock_passwd": True, "ssh_authorized_keys": list(authorized_keys)}],
        "write_files": [
            _file(sshd.PATH, sshd.sshd_config()),
            _file(docker_daemon.PATH, docker_daemon.daemon_json(ipv6=ipv6)),
            _file(upgrades.PATH, upgrades.unattended_upgrades()),
        ],
        "runcmd": [["sh", "-c", prepare_script()]],
    }
    return "#cloud-config\n" + yaml.safe_dump(json.loads(json.dumps(config)), sort_keys=False, width=1000)


def _file(path: str, content: str) -> Mapping[str, str]:
    return {"path": path, "permissions": "0644", "owner": "root:root", "content": content}
