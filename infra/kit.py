"""The recovery kit: `up` writes it at its end, when something in it has changed, or it is gone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pulumi
from pulumi.runtime import get_root_directory
from pulumi_command import local

from infra.backups import PRUNE_KEY, Backups
from infra.host import Host, ProvisionedHost
from infra.plan import Plan
from infra.regops import backup_settings
from ops.config import BACKUP_PASSWORD, BACKUP_SECOND_PASSWORD, BACKUP_SSH_KEY, BACKUP_TARGET, KitBackups, KitRequest


def write_kit(
    plan: Plan, host: Host, provisioned: ProvisionedHost, backups: Backups, *, after: Sequence[pulumi.Resource]
) -> None:
    """Have the recovery kit written, if the settings name a file for it.

    Args:
        plan: What runs.
        host: Where.
        provisioned: What the host holds.
        backups: How the backups are opened.
        after: What must be there before: the kit has the state as it is then.
    """
    settings = plan.settings
    if settings.recovery_kit is None or settings.recovery_kit_passphrase is None:
        return
    file, passphrase = settings.recovery_kit, settings.recovery_kit_passphrase.get_secret_value()
    configuration = _configuration()
    secrets = provisioned.secrets_digest(sorted(provisioned.secrets))

    def request(known: dict[str, Any]) -> str:
        target = known.get(BACKUP_TARGET, settings.backup.target)
        given = KitBackups(
            target=target,
            host_key=backup_settings(settings).host_key or "",
            key=known.get(BACKUP_SSH_KEY, ""),
            password=known[BACKUP_PASSWORD],
            second_password=known[BACKUP_SECOND_PASSWORD],
        )
        return KitRequest(
            file=str(file),
            passphrase=passphrase,
            stack=pulumi.get_stack(),
            settings=configuration,
            backups=given,
            made_of=json.dumps([known["secrets"], known["machine"]]),
        ).model_dump_json()

    # The host's own key may be tied to one command, with which nobody gets far by hand.
    keys = {BACKUP_SSH_KEY: backups.outputs[PRUNE_KEY]} if PRUNE_KEY in backups.outputs else {}
    opening = {**backups.secret_files, **keys}
    known: pulumi.Output[dict[str, Any]] = pulumi.Output.all(secrets=secrets, machine=host.identity, **opening)
    document: pulumi.Output[str] = pulumi.Output.secret(known.apply(request))
    # The engine knows what it has written, and not whether that is still there. What is ignored stays as it was.
    lost = not Path(get_root_directory(), file.expanduser()).exists()
    local.Command(
        "recovery-kit",
        # Plugins run in the project's folder. An absolute path would differ from machine to machine, and write the kit anew.
        create="bin/regops kit write",
        stdin=document,
        logging=local.Logging.STDERR,
        add_previous_output_in_env=False,
        triggers=[uuid4().hex] if lost else None,
        opts=pulumi.ResourceOptions(depends_on=list(after), ignore_changes=None if lost else ["triggers"]),
    )


def _configuration() -> str:
    """Return the text of the stack's configuration file.

    Raises:
        pulumi.RunError: It is not where Pulumi keeps it.
    """
    path = Path(get_root_directory(), f"Pulumi.{pulumi.get_stack()}.yaml")
    try:
        return path.read_text()
    except FileNotFoundError as error:
        raise pulumi.RunError(
            f"recovery_kit: {path} is missing, and the kit needs it; keep this stack's configuration there, without --config-file"
        ) from error
