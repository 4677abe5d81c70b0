"""What the program tells the host about a rollout: which containers shall run, and what is known about each."""

from __future__ import annotations

import re
from typing import Literal

from ops.config.base import Strict

_PARTS = {"major": 1, "minor": 2, "patch": 3}


class OneWay(Strict):
    """A data format that cannot go back: an older version does not read what a newer one has written.

    Attributes:
        at: Which part of the version has to rise for that.
        why: What happens to the data.
    """

    at: Literal["major", "minor", "patch"]
    why: str

    def crossed(self, before: str, after: str) -> bool:
        """Whether there is no way back from version `after` to `before`. Of a version that is not known, nothing is known."""
        old, new = numbers(before), numbers(after)
        return bool(old and new) and new[: _PARTS[self.at]] > old[: _PARTS[self.at]]


class NewContainer(Strict):
    """The container that shall run a service.

    Attributes:
        service: The service.
        name: The name of the container that runs it.
        container: The new container's id. If it runs already, there is nothing to do.
        cpus: CPU cores; a running container takes another number without a restart.
        alongside: Whether it may run beside the one before: then that one is stopped when the new one is healthy, not earlier.
        after: Services that must be healthy before this one starts.
        hot_reloaded: Folders below the root with copies of what it reads while it runs.
        version: Version of its image; empty if it is not known.
        one_way: Which versions change its data for good; None if none does.
        accepted: Whether that is wanted for this version.
    """

    service: str
    name: str
    container: str
    cpus: float
    alongside: bool = False
    after: tuple[str, ...] = ()
    hot_reloaded: tuple[str, ...] = ()
    version: str = ""
    one_way: OneWay | None = None
    accepted: bool = False


class Rollout(Strict):
    """All services of a stack."""

    services: tuple[NewContainer, ...]


def numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version without trailing zeros: v3.1.2-alpine gives (3, 1, 2), 3.0 gives (3,)."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", version)
    found = [int(number) for number in match[1].split(".")] if match else []
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)
