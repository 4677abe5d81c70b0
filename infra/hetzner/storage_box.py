"""The Storage Box: a new or an existing one, and two accounts on it that only see the backups."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_hcloud as hcloud
from pulumi_command import remote

from infra.blocks.hetzner import StorageBoxSettings
from infra.host import BackupAccount
from infra.keys import KeyPair
from infra.secrets import GENERATE, generated
from infra.ssh_host import DIAL_LIMIT
from ops.config import authorized_keys

# Below the writer's folder. An account's keys are in `.ssh` of its own folder; with a common folder each key would open both.
# https://docs.hetzner.com/robot/storage-box/backup-space-ssh-keys/
BACKUPS = "backups"
_REPOSITORY = f"{BACKUPS}/restic"
_PORT = 23
# The API wants characters of four classes, and random text may lack one.
_FOUR_CLASSES = "-Aa1"


class BoxAccount(pulumi.ComponentResource):
    """A sub-account that sees one folder, and the key with which the server logs in to it.

    A box cannot switch passwords off. This one stays in the state, and only the program uses it, to install keys.

    Attributes:
        host: Host name of the box for this account.
        username: Name of the account.
        password: Password of the account; secret.
        key: Key pair of the account; the server gets the private key.
    """

    def __init__(
        self,
        name: str,
        labels: Mapping[str, str],
        *,
        box_id: pulumi.Input[int],
        title: str,
        folder: str,
        readonly: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-registry:hetzner:BoxAccount", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.key = KeyPair(f"{name}-key", child)
        self.password: pulumi.Output[str] = generated(f"{name}-password", GENERATE, self).apply(lambda text: text + _FOUR_CLASSES)
        account = hcloud.StorageBoxSubaccount(
            name,
            storage_box_id=box_id,
            name=title,
            description=f"private-registry: {'reads' if readonly else 'writes'} backups",
            home_directory=folder,
            password=self.password,
            access_settings=hcloud.StorageBoxSubaccountAccessSettingsArgs(
                ssh_enabled=True,
                readonly=readonly,
                reachable_externally=False,
                samba_enabled=False,
                webdav_enabled=False,
            ),
            labels=labels,
            opts=child,
        )
        self.host, self.username = account.server, account.username
        self.register_outputs({})


class StorageBox(pulumi.ComponentResource):
    """Where backups go.

    Attributes:
        writer: The account that writes backups, below `BACKUPS`.
        backup_account: The writer, as `regops backup` logs in.
        reader: The account that checks and restores them; it sees what is below `BACKUPS` and cannot change anything.
    """

    def __init__(
        self,
        name: str,
        settings: StorageBoxSettings,
        stack: str,
        labels: Mapping[str, str],
        *,
        protect: bool,
        append_only: bool,
        through: remote.ConnectionArgs,
        after: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-registry:hetzner:StorageBox", name, {}, opts)
        self._settings, self._stack, self._labels = settings, stack, labels
        self._through = through
        box_id: pulumi.Input[int] = settings.id if settings.id is not None else self._new(protect=protect).id.apply(int)
        self.writer, self.reader = [
            BoxAccount(
                f"backup-{role}",
                labels,
                box_id=box_id,
                # Several stacks may share a box, so the title has the stack's name.
                title=f"{stack}-{role}",
                folder=folder,
                readonly=role == "reader",
                opts=pulumi.ResourceOptions(parent=self),
            )
            for role, folder in (("writer", settings.folder), ("reader", f"{settings.folder}/{BACKUPS}"))
        ]
        # The API cannot set keys of sub-accounts.
        prune_key = KeyPair("backup-prune-key", pulumi.ResourceOptions(parent=self)) if append_only else None
        writers = self.writer.key.public.apply(lambda text: text + "\n")
        if prune_key:
            both = pulumi.Output.all(self.writer.key.public, prune_key.public)
            writers = both.apply(lambda keys: authorized_keys(keys[0], keys[1], _REPOSITORY))
        self._install_key("writer", ".ssh", writers, [after])
        # The reader cannot write, not even its own key. It is below the reader's folder, which the API creates with the account.
        readers = self.reader.key.public.apply(lambda text: text + "\n")
        self._install_key("reader", f"{BACKUPS}/.ssh", readers, [after, self.reader])
        url = pulumi.Output.format("ssh://{0}@{1}:{2}/{3}", self.writer.username, self.writer.host, _PORT, _REPOSITORY)
        self.backup_account = BackupAccount(url, self.writer.key.private, prune_key.private if prune_key else None)
        self.register_outputs({})

    def _install_key(self, role: str, folder: str, keys: pulumi.Output[str], after: list[pulumi.Resource]) -> None:
        """Let these keys into an account, and no others. The box's shell has no redirections, but it has dd."""
        name = f"backup-{role}-install-key"
        made = self._as_writer(f"{name}-folder", f"mkdir -p {folder}", after)
        self._as_writer(name, f"dd of={folder}/authorized_keys", [*after, made], stdin=keys)

    def _as_writer(
        self, name: str, command: str, after: list[pulumi.Resource], *, stdin: pulumi.Output[str] | None = None
    ) -> pulumi.Resource:
        """Run a command on the box as the writer, by its password, through the server, which only sees encrypted SSH."""
        return remote.Command(
            name,
            connection=remote.ConnectionArgs(
                host=self.writer.host,
                port=_PORT,
                user=self.writer.username,
                password=self.writer.password,
                host_key=self._settings.host_key,
                dial_error_limit=DIAL_LIMIT,
                proxy=remote.ProxyConnectionArgs(
                    host=self._through.host,
                    user=self._through.user,
                    private_key=self._through.private_key,
                    host_key=self._through.host_key,
                    dial_error_limit=DIAL_LIMIT,
                ),
            ),
            create=command,
            stdin=stdin,
            logging=remote.Logging.NONE,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=after),
        )

    def _new(self, *, protect: bool) -> hcloud.StorageBox:
        snapshots = self._settings.snapshots
        return hcloud.StorageBox(
            "storage-box",
            name=self._stack,
            storage_box_type=self._settings.type,
            location=self._settings.location,
            password=generated("storage-box-password", GENERATE, self).apply(lambda text: text + _FOUR_CLASSES),
            access_settings=hcloud.StorageBoxAccessSettingsArgs(
                ssh_enabled=True,
                zfs_enabled=True,  # makes snapshots readable; nothing can be changed in them
                reachable_externally=False,
                samba_enabled=False,
                webdav_enabled=False,
            ),
            snapshot_plan=hcloud.StorageBoxSnapshotPlanArgs(
                max_snapshots=snapshots.keep,
                hour=snapshots.hour,
                minute=snapshots.minute,
                day_of_week=snapshots.day_of_week,
            ),
            delete_protection=protect,
            labels=self._labels,
            opts=pulumi.ResourceOptions(
                parent=self,
                # The plugin lifts the API's protection by itself, but not this one.
                protect=protect,
                # A change of the keys would replace the box, and all backups would be lost: https://github.com/hetznercloud/terraform-provider-hcloud/issues/1287
                ignore_changes=["sshKeys", "location"],
            ),
        )
