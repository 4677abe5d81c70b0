"""What follows a run: the metrics of the mirror, and a message if its entries fare otherwise than people were told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ops.notify.notifier import Notifier
from ops.runs.task import Outcome, only_warning
from ops.tasks.sync.measured import write_metrics
from ops.tasks.sync.mirror import Mirror
from ops.tasks.sync.model import SyncReport
from ops.tasks.sync.news import news_of
from ops.tasks.sync.run import outcome_of
from ops.tasks.sync.status import status_of


def concluded(mirror: Mirror, report: SyncReport, warn: Callable[[str], None]) -> Outcome:
    """Measure and tell how a mirror fares after a run; return how the run ended.

    Args:
        mirror: The mirror.
        report: What the run did.
        warn: Called if the metrics or the message cannot be written.

    Raises:
        MirrorStateError: What is remembered cannot be read or written.
    """
    stack, status, told = mirror.stack, status_of(mirror), False
    if stack.config.metrics:
        with only_warning("metrics of the mirror", warn):
            write_metrics(stack.root / stack.config.metrics, status)
    if stack.config.notify.channels:
        with only_warning("notifications", warn):
            event, now_told = news_of(status, mirror.state.told(), stack.display_name)
            # First the message: whoever is killed in between tells twice, and not never.
            Notifier(stack).tell([event])
            mirror.state.tell(now_told)
            told = True
    return replace(outcome_of(report), told=told)
