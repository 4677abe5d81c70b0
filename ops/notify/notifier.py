"""Notifications of one stack: what tasks report, stored until its channels have accepted it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ops.notify.alerts import known, tell
from ops.notify.channels import senders
from ops.notify.delivery import Delivery, flush
from ops.notify.message import Action, Fingerprint, Letter, Message
from ops.notify.outbox import Outbox
from ops.notify.policy import AlertEvent, Firing
from ops.stack.stack import Stack


@dataclass(frozen=True)
class Notifier:
    """Sends a stack's notifications. Without channels it stores and sends nothing."""

    stack: Stack

    @property
    def outbox(self) -> Outbox:
        """The letters that are waiting."""
        channels = self.stack.config.notify.channels
        return Outbox(self.stack.data / "outbox", {name: channel.minimum for name, channel in channels.items()})

    def tell(self, events: Sequence[AlertEvent] = ()) -> Sequence[Letter]:
        """Store what is worth sending about events; without any, what is due now, such as reminders and the digest.

        Raises:
            OutboxError: It cannot be stored.
            LockedError: Another process has been doing this for half a minute.
        """
        if not self.stack.config.notify.channels:
            return ()
        linked = [replace(event, message=self._linked(event.message)) for event in events]
        return tell(self.stack.data / "alerts.json", self.outbox, linked, time.time(), self.stack.config.notify.rules)

    def firing(self) -> Sequence[Firing]:
        """Return what is known to be broken, and since when; nothing if that cannot be read."""
        try:
            return known(self.stack.data / "alerts.json").firing
        except (OSError, ValueError, RecursionError):
            return ()

    def open_problems(self) -> Mapping[Fingerprint, Message]:
        """Return what is known to be broken; nothing if that cannot be read."""
        return {one.message.fingerprint: one.message for one in self.firing() if one.message.fingerprint}

    def _linked(self, message: Message) -> Message:
        """Link a message to the registry's page, if the stack has one."""
        config = self.stack.config
        if message.actions or "console" not in config.services:
            return message
        return replace(message, actions=(Action("Open the registry", config.url),))

    def send(self, *, at_once: bool = False) -> Mapping[str, Delivery]:
        """Deliver what is waiting, as far as the services accept it now.

        Args:
            at_once: Whether to try channels that failed lately too, before it is time: somebody has asked for it.
        """
        return flush(self.outbox, senders(self.stack.config.notify.channels, self.stack.root / "secrets"), at_once=at_once)
