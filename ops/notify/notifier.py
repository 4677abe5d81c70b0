"""Notifications of one stack: what tasks report, kept until its channels have it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ops.notify.alerts import tell
from ops.notify.channels import senders
from ops.notify.delivery import Delivery, flush
from ops.notify.message import Action, Letter, Message
from ops.notify.outbox import Outbox
from ops.notify.policy import AlertEvent
from ops.stack.stack import Stack


@dataclass(frozen=True)
class Notifier:
    """Tells of a stack. Without channels it keeps and sends nothing."""

    stack: Stack

    @property
    def outbox(self) -> Outbox:
        """The letters that wait."""
        channels = self.stack.config.notify.channels
        return Outbox(self.stack.data / "outbox", {name: channel.minimum for name, channel in channels.items()})

    def tell(self, events: Sequence[AlertEvent] = ()) -> Sequence[Letter]:
        """Keep what is worth telling of events; without any, what time has made due, such as reminders and the digest.

        Raises:
            OutboxError: It cannot be kept.
            LockedError: Another process tells for half a minute.
        """
        if not self.stack.config.notify.channels:
            return ()
        linked = [replace(event, message=self._linked(event.message)) for event in events]
        return tell(self.stack.data / "alerts.json", self.outbox, linked, time.time(), self.stack.config.notify.rules)

    def _linked(self, message: Message) -> Message:
        """Give a message the page that a tap leads to, where there are pages."""
        config = self.stack.config
        if message.actions or "ui" not in config.services:
            return message
        return replace(message, actions=(Action("Open the registry", config.url),))

    def send(self) -> Mapping[str, Delivery]:
        """Deliver what waits, as far as the services take it now."""
        return flush(self.outbox, senders(self.stack.config.notify.channels, self.stack.root / "secrets"))
