"""Settings of the tasks that run on the host by themselves."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from ops.config import GcSettings, NotifySettings, PingUrl, SnapshotSettings, Strict


class OperationsSettings(Strict):
    """What `regops` does by timer.

    Attributes:
        pings: Address of a check at Healthchecks or a service like it, by the name of a task (docs/schedule.md): it is told
            when the task begins and how it ended, and misses it when the server is gone.
        gc: Garbage collection: what goes, and what stays.
        undo: For how long what goes can be given back.
        notify: Channels at ntfy and Gotify, and when what is told; tokens are secrets of this stack.
    """

    pings: Mapping[str, PingUrl] = Field(default_factory=dict)
    notify: NotifySettings = NotifySettings()
    gc: GcSettings = GcSettings()
    undo: SnapshotSettings = SnapshotSettings()
