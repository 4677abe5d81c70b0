"""Which release a stack runs: its digest, the version that it is of, and since when it is in force."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.stack.stack import Stack

# In the release, and read as text: a process has imported the package that it runs itself.
_PACKAGE = "ops/ops/__init__.py"
_VERSION = re.compile(r'^__version__ = "([0-9A-Za-z.+-]+)"$', re.MULTILINE)


@dataclass(frozen=True)
class Installed:
    """The release in force.

    Attributes:
        release: Its digest, which names its folder.
        version: The version of this project that rendered it; None before 1.0.0, which had none.
        since: When `up` made it the current one.
    """

    release: str
    version: str | None
    since: datetime

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"release": self.release, "version": self.version, "since": self.since.isoformat(timespec="seconds")}


def installed(stack: Stack) -> Installed | None:
    """Return the release that a stack runs; None if `up` has not installed one yet."""
    try:
        release = stack.current.readlink().name
        since = datetime.fromtimestamp(stack.current.lstat().st_mtime, UTC)
        package = (stack.current / _PACKAGE).read_text()
    except OSError:
        return None
    found = _VERSION.search(package)
    return Installed(release, found[1] if found else None, since)
