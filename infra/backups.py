"""What backups need on the host: the passwords of their repository, and a key of their own if they go to a server."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from infra.host import Host
from infra.keys import KeyPair
from infra.plan import Plan
from infra.secrets import Secrets
from ops.config import BACKUP_PASSWORD, BACKUP_SECOND_PASSWORD, BACKUP_SSH_KEY, BACKUP_TARGET, STORAGE_BOX, authorized_keys

# The output with the key that can remove backups: `make prune` hands it to the host for one run.
PRUNE_KEY = "backup_prune_key"
# The output that says how the program logs in to the server: the fields of `infra.ssh_client.SshAccess`, as JSON.
LOGIN = "server_login"


class Backups:
    """Backups of a stack, if its settings say where they go.

    Attributes:
        secret_files: Secret files of the host, content by name.
        outputs: What the operator needs to know: the public key that the server has to accept, and the key that removes backups.
    """

    def __init__(self, plan: Plan, host: Host, secrets: Secrets) -> None:
        self.secret_files: dict[str, pulumi.Output[str]] = {}
        self.outputs: Mapping[str, pulumi.Output[str]] = {}
        if plan.settings.backup.target:
            self.secret_files[BACKUP_PASSWORD] = secrets["backup_password"]
            self.secret_files[BACKUP_SECOND_PASSWORD] = secrets["backup_second_password"]
        if plan.settings.backup.target == STORAGE_BOX:
            assert host.backup_account is not None  # noqa: S101  # the plan has made sure of it
            self.secret_files[BACKUP_TARGET] = host.backup_account.url
            self.secret_files[BACKUP_SSH_KEY] = host.backup_account.private_key
            if host.backup_account.prune_key is not None:
                self.outputs = {PRUNE_KEY: host.backup_account.prune_key, **_login(host)}
        elif plan.settings.backup.ssh:
            key = KeyPair("backup-key")
            self.secret_files[BACKUP_SSH_KEY] = key.private
            self.outputs = {"backup_public_key": key.public}
            if plan.settings.backup.is_append_only:
                prune, path = KeyPair("backup-prune-key"), plan.settings.backup.ssh.path
                lines = pulumi.Output.all(key.public, prune.public).apply(lambda keys: authorized_keys(keys[0], keys[1], path))
                self.outputs = {"backup_authorized_keys": lines, PRUNE_KEY: prune.private, **_login(host)}


def _login(host: Host) -> Mapping[str, pulumi.Output[str]]:
    return {} if host.login is None else {LOGIN: host.login}
