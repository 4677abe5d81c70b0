"""Settings of the tasks that run on the host on a schedule."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from ops.config import MOVING, GcSettings, MovingPattern, NotifySettings, PingUrl, SnapshotSettings, Strict


class OperationsSettings(Strict):
    """What `regops` does by timer.

    Attributes:
        pings: URL of a check at Healthchecks or a similar service, by the name of a task (docs/schedule.md). The check is told
            when the task starts and how it ends. If it hears nothing, for example because the server is down, it raises an alarm.
        moving: Tags that move by design, as shell patterns: of tags (`*-dev`) or, with a colon, of repositories and tags
            (`library/*:*`). Those of the mirror always count. A move is news, and of other version tags (`1.2.3`) a warning.
        gc: Garbage collection: what is deleted, and what is kept.
        undo: For how long deleted content can be restored.
        notify: Channels of messages and alerts, and what is sent when. Their tokens and addresses are secrets of this stack.
    """

    pings: Mapping[str, PingUrl] = Field(default_factory=dict)
    notify: NotifySettings = NotifySettings()
    moving: tuple[MovingPattern, ...] = MOVING
    gc: GcSettings = GcSettings()
    undo: SnapshotSettings = SnapshotSettings()
