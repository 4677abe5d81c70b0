"""What an update must not replace or delete by accident: what is protected, and what holds data (D9)."""

from __future__ import annotations

from collections.abc import Mapping

# By the type of the resource, and below that by its name where only some of that type hold data.
_DATA: Mapping[str, str] = {
    "hcloud:index/server:Server": "the server, with all that is on its disk",
    "hcloud:index/volume:Volume": "a disk, with all that is on it",
    "hcloud:index/snapshot:Snapshot": "a copy of a disk",
    "hcloud:index/primaryIp:PrimaryIp": "the address at which clients find the registry",
    "hcloud:index/zone:Zone": "the names under which clients find the registry",
    "hcloud:index/storageBox:StorageBox": "the backups",
    "hcloud:index/storageBoxSnapshot:StorageBoxSnapshot": "a copy of the backups",
    "hcloud:index/storageBoxSubaccount:StorageBoxSubaccount": "the account that the backups belong to",
    "docker:index/volume:Volume": "a volume, with all that is in it",
}
_COMMANDS = ("command:local:Command", "command:remote:Command")
_FOLDERS = "folders"
# A generated secret is the output of its command, which runs only once: https://www.pulumi.com/registry/packages/command/
_SECRETS = {"private-registry:infra:Secrets", "private-registry:hetzner:KeyPair", "private-registry:hetzner:StorageBox"}
# Every other operation, including ones that a later engine adds, counts as a loss.
_HARMLESS = {
    "same",
    "create",
    "update",
    "read",
    "refresh",
    "import",
    "diff",
    "discard",  # these two forget what was only read
    "discard-replaced",
    "read-replacement",
    "remove-pending-replace",
    "extend-parameterize",
}


def is_loss(operation: str) -> bool:
    """Whether an operation of the engine removes the resource that exists now."""
    return operation not in _HARMLESS


def what_is_lost(urn: str, protected: bool | None) -> str:
    """Return what would be lost with a resource; empty when nothing would.

    Args:
        urn: The resource.
        protected: Whether it is protected now; None when unknown.
    """
    chain, name = type_and_name(urn)
    *parents, kind = chain.split("$")
    if kind in _DATA:
        return _DATA[kind]
    if kind in _COMMANDS and name == _FOLDERS:
        return "the folders that the services keep their data in"
    if kind in _COMMANDS and not _SECRETS.isdisjoint(parents):
        return "a generated secret, which cannot be recovered"
    if protected is None:
        return "unknown: the plan does not include its current state"
    return "something that is protected" if protected else ""


def type_and_name(urn: str) -> tuple[str, str]:
    """Return the type of a resource, those of its parents before it, and its name.

    `urn:pulumi:<stack>::<project>::<parent's type>$<type>::<name>`: https://www.pulumi.com/docs/iac/concepts/resources/names/
    """
    _, _, chain, name = (urn.split("::", 3) + [""] * 3)[:4]
    return chain, name
