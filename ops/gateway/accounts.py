"""The accounts in force: read again whenever their file changes, the old ones kept when the new ones are invalid."""

from __future__ import annotations

import logging
from pathlib import Path

from ops.config import Account, Accounts, ConfigError, load

_log = logging.getLogger(__name__)

_Signature = tuple[int, int, int]


class AccountsFile:
    """Accounts by name.

    Raises:
        ConfigError: The file is invalid when first read; later it only shows in `problems`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _signature(path)
        self._accounts = _by_name(load(path, Accounts))
        self.problems: list[str] = []

    def current(self) -> dict[str, Account]:
        """Return the accounts, from the file as it is now if it is valid. Costs one `stat` when it has not changed."""
        seen = _signature(self._path)
        if seen != self._seen:
            self._seen = seen
            self._reload()
        return self._accounts

    def _reload(self) -> None:
        try:
            self._accounts = _by_name(load(self._path, Accounts))
        except ConfigError as error:
            self.problems = error.problems
            _log.error("accounts file is invalid, the old accounts stay in force", extra={"problems": self.problems})
        else:
            self.problems = []
            _log.info("accounts read", extra={"accounts": len(self._accounts)})


def _by_name(accounts: Accounts) -> dict[str, Account]:
    return {account.name: account for account in accounts.accounts}


def _signature(path: Path) -> _Signature | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
