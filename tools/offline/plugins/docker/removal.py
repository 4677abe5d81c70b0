"""Removing what containers may still use: they can take a moment to let go."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tools.offline.plugins.docker.engine import DockerEngine, DockerError

_LIMIT_S = 30.0
_POLL_S = 0.5


def remove_when_free(engine: DockerEngine, failure: str, in_use: str, remove: Callable[[Any], Any]) -> None:
    """Remove something, trying again for 30 s (the official plugin's limit) while Docker says `in_use`.

    Raises:
        DockerError: It is still in use then, or Docker refuses for another reason.
    """
    give_up = time.monotonic() + _LIMIT_S
    while True:
        try:
            engine.find(failure, remove)
        except DockerError as error:
            if in_use not in str(error) or time.monotonic() > give_up or engine.cancelled:
                raise
            time.sleep(_POLL_S)
        else:
            return
