"""The second password with which a stack's backups are encrypted: whoever has lost the first one opens them with it."""

from __future__ import annotations

from hashlib import sha256

from ops.backups.errors import OtherPasswordError
from ops.backups.repository import repository_of
from ops.config import BACKUP_FOLDER, BACKUP_SECOND_PASSWORD
from ops.core.files import write_atomic
from ops.stack.stack import Stack

# Below the folder of backups: for which password and repository this was done. Asking each time would take a second.
_DONE = "second_password.done"


def add_second_password(stack: Stack, *, is_new: bool) -> None:
    """Make the second password open the backups, too, unless it does.

    Args:
        stack: Whose. It may come from an `up` that knew of no second password; then there is nothing to do.
        is_new: Whether the repository has no backup yet, so that nothing that is noted here can be about it.

    Raises:
        BackupError: It cannot be added.
    """
    second = repository_of(stack, BACKUP_SECOND_PASSWORD).restic
    if not second.password_file.exists():
        return
    done = stack.root / BACKUP_FOLDER / _DONE
    mark = sha256(f"{second.repository}\n{stack.secret(BACKUP_SECOND_PASSWORD)}".encode()).hexdigest()
    if not is_new and done.exists() and done.read_text() == mark:
        return
    try:
        second.open()
    except OtherPasswordError:
        repository_of(stack).restic.add_password(second.password_file)
    write_atomic(done, mark, mode=0o600)
