"""Reads regsync's log: which images it is copying, and which failed, and why.

https://github.com/regclient/regclient/blob/v0.11.6/cmd/regsync/root.go
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ops.config import READ_ONLY_BY_HAND
from ops.core.answers import shown
from ops.tasks.sync.model import CLOSED_BY_HAND, Failure

_RUNNING, _FAILED = "Image sync running", "Failed to sync"
_TAIL = 5
# What regclient says, and whether it may pass: https://github.com/regclient/regclient/blob/v0.11.6/types/errs/error.go
_LASTING = re.compile(
    r"\b(?:40[0-7]|409|41\d)\b|unauthorized|denied|not found|name_unknown|manifest_unknown|digest mismatch|unsupported",
    re.I,
)
# An answer of this registry was lost on its way: what it had taken is no upload any more, or is longer than regsync believes.
_UPLOADING = re.compile(r"failed to send blob\b.*\bhttp (?:404|416)\b")
_LIMITED = re.compile(r"\b429\b|toomanyrequests|too many requests", re.I)
_FULL = re.compile(r"no space left|\b507\b", re.I)


@dataclass
class Log:
    """What regsync has said so far.

    Attributes:
        running: When each image began to be copied, by its name here; those that have failed since are not in it.
        failed: Why images were not copied, by their names here.
        tail: The last lines that are no messages of it, such as a panic's.
    """

    now: Callable[[], float] = time.monotonic
    running: dict[str, float] = field(default_factory=dict)
    failed: dict[str, Failure] = field(default_factory=dict)
    tail: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Read a line."""
        try:
            said = json.loads(line)
            message, target = said["msg"], str(said.get("target", ""))
        except (ValueError, TypeError, LookupError, RecursionError):
            if line.strip():
                self.tail = [*self.tail[1 - _TAIL :], shown(line.strip())]
            return
        if message == _RUNNING:
            self.running[target] = self.now()
        elif message == _FAILED:
            self.running.pop(target, None)
            self.failed[target] = failure_of(str(said.get("error", "")))


def failure_of(error: str) -> Failure:
    """Return what an error of regsync means."""
    text = shown(" ".join(error.split()))
    if READ_ONLY_BY_HAND in text:
        return Failure(CLOSED_BY_HAND, passes=True, waits=True)
    if _FULL.search(text):
        return Failure(text, "free some disk, or buy more", passes=True)
    passes = bool(_UPLOADING.search(text)) or not _LASTING.search(text)
    return Failure(text, passes=passes, waits=bool(_LIMITED.search(text)))
