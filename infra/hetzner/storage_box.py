"""The Storage Box: a new one or one that is there, and two accounts on it that see the backups alone."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_hcloud as hcloud
from pulumi_command import remote

from infra.blocks.hetzner import StorageBoxSettings
from infra.hetzner.keys import KeyPair
from infra.secrets import GENERATE, generated

_PORT = 23
# The API wants characters of four classes, which random text may lack.
_FOUR_CLASSES = "-Aa1"
_DIAL_LIMIT = 40


class BoxAccount(pulumi.ComponentResource):
    """A sub-account that sees one folder, and the key by which the server logs in to it.

    Its password is always accepted: it stays in the state, and is used once, from here, to install the key.

    Attributes:
        host: Name of the box for this account.
        username: Of the account.
        key: Its key pair; the server gets the private half.
    """

    def __init__(
        self,
        name: str,
        settings: StorageBoxSettings,
        labels: Mapping[str, str],
        *,
        box_id: pulumi.Input[int],
        readonly: bool,
        through: remote.ConnectionArgs,
        after: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-registry:hetzner:BoxAccount", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.key = KeyPair(f"{name}-key", child)
        password = generated(f"{name}-password", GENERATE, self).apply(lambda text: text + _FOUR_CLASSES)
        account = hcloud.StorageBoxSubaccount(
            name,
            storage_box_id=box_id,
            name=name,
            description=f"private-registry: {'reads' if readonly else 'writes'} backups",
            home_directory=settings.folder,
            password=password,
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
        remote.Command(
            f"{name}-install-key",
            # Sub-accounts have no keys at the API. The box is reached through the server, which sees nothing but TLS of SSH.
            connection=remote.ConnectionArgs(
                host=account.server,
                port=_PORT,
                user=account.username,
                password=password,
                host_key=settings.host_key,
                dial_error_limit=_DIAL_LIMIT,
                proxy=remote.ProxyConnectionArgs(
                    host=through.host,
                    user=through.user,
                    private_key=through.private_key,
                    host_key=through.host_key,
                    dial_error_limit=_DIAL_LIMIT,
                ),
            ),
            create="install-ssh-key",
            stdin=self.key.public.apply(lambda key: key + "\n"),
            logging=remote.Logging.NONE,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[after]),
        )
        self.register_outputs({})


class StorageBox(pulumi.ComponentResource):
    """Where backups go.

    Attributes:
        writer: The account that backups are written with.
        reader: The account that they are checked and restored with; it cannot change anything.
    """

    def __init__(
        self,
        name: str,
        settings: StorageBoxSettings,
        stack: str,
        labels: Mapping[str, str],
        *,
        protect: bool,
        through: remote.ConnectionArgs,
        after: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-registry:hetzner:StorageBox", name, {}, opts)
        self._settings, self._stack, self._labels = settings, stack, labels
        box_id: pulumi.Input[int] = settings.id if settings.id is not None else self._new(protect=protect).id.apply(int)
        accounts = [
            BoxAccount(
                account,
                settings,
                labels,
                box_id=box_id,
                readonly=readonly,
                through=through,
                after=after,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for account, readonly in (("backup-writer", False), ("backup-reader", True))
        ]
        self.writer, self.reader = accounts
        self.register_outputs({})

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
                zfs_enabled=True,  # snapshots can be read, and nothing in them be changed
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
                # The plugin lifts the API's protection by itself, this one it does not know.
                protect=protect,
                # A change of the keys replaces the box, with all backups: https://github.com/hetznercloud/terraform-provider-hcloud/issues/1287
                ignore_changes=["sshKeys", "location"],
            ),
        )
