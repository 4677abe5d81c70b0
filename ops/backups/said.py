"""What restic says where it cannot go on, in words that do not depend on how it reaches its repository."""

from __future__ import annotations

import re

_LOST = re.compile(
    r"unable to start the sftp session|connection lost|broken pipe|ssh command exited|rclone stdio connection already closed|"
    r"error talking HTTP to rclone: exit status 255"
)
_FULL = re.compile(r"no space left on device|disk quota exceeded|too big for remaining disk space", re.IGNORECASE)
_FILE_HERE = re.compile(r"(?:write|mkdir|open|create|fallocate|rename|link) (/[^\s:]+)")
# As text, or in JSON.
_TORN = re.compile(r"(?:<|\\u003c)index/\w+(?:>|\\u003e)\): invalid data returned")
_TORN_SNAPSHOT = re.compile(r"(?:<|\\u003c)snapshot/(\w+)(?:>|\\u003e)\): invalid data returned")


def said_lost(said: str) -> bool:
    """Whether a connection could not be made, or was lost."""
    return bool(_LOST.search(said))


def said_torn(said: str) -> bool:
    """Whether an index was written half."""
    return bool(_TORN.search(said))


def said_torn_snapshot(said: str) -> str:
    """Return how the name of a snapshot begins that was written half; empty if none was."""
    found = _TORN_SNAPSHOT.search(said)
    return found[1] if found else ""


def said_full(said: str, repository: str) -> str:
    """Return what is full: the repository, or a file here that could not be written; empty if nothing is."""
    line = next(filter(_FULL.search, said.splitlines()), "")
    here = _FILE_HERE.search(line)
    if here and not line.startswith("rclone: ") and not here[1].startswith(f"{repository}/"):
        return here[1]
    return repository if line else ""
