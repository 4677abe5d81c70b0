"""Changes of a stack's tags: looks at the registry, records and announces what changed; answers questions from the ledger."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime

from ops.events.reader import EventCursor
from ops.notify.notifier import Notifier
from ops.notify.policy import AlertEvent
from ops.registry.client import RegistryClient
from ops.registry.transport import PooledEndpoint
from ops.runs.task import Outcome
from ops.stack.places import tree_of
from ops.stack.registry import operator_login
from ops.stack.stack import Stack
from ops.tasks.changes import views
from ops.tasks.changes.announce import announcements
from ops.tasks.changes.api_scan import scan_of_registry
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.model import Scan
from ops.tasks.changes.report import ChangesReport
from ops.tasks.changes.tree_scan import scan_of_tree
from ops.tasks.changes.update import update

LEDGER = "changes.db"
_NOTIFIER = "notifier"
_PATIENCE_S = 30.0


def record(stack: Stack, *, by_api: bool = False, accept: bool = False) -> ChangesReport:
    """Look at all tags, record what changed, and announce it.

    Args:
        stack: Whose registry.
        by_api: Ask the registry, as its users do, instead of reading its tree.
        accept: Record it even if most tags have vanished.

    Raises:
        RegistryError: Nothing of the registry could be read; TreeError if it is the tree.
        VanishedError: Most tags have vanished.
        IncompleteError: This is the first scan, and some repositories could not be read.
        OvertakenError: Another run was faster.
        LedgerError: The ledger could not be written.
    """
    events = stack.root / stack.config.events
    look = _look_by_api if by_api else _look_at_tree
    with _ledger(stack) as ledger:
        report = update(
            ledger, lambda: look(stack), events=events if events.exists() else None, accept=accept, moving=stack.config.moving
        )
        # Recorded first, announced second, and noted as announced last: a kill may repeat a message, but not lose it.
        if fresh := ledger.after(ledger.cursor(_NOTIFIER).seq):
            told = announcements(fresh, stack.display_name, moving=stack.config.moving, earlier=ledger.moved_before(fresh))
            Notifier(stack).tell([AlertEvent(message) for message in told])
            ledger.keep_cursor(_NOTIFIER, EventCursor(fresh[-1].seq))
        return report


def outcome_of(report: ChangesReport) -> Outcome:
    """Return how a look ended."""
    figures = {"tags": sum(map(len, report.state.values())), "repositories": len(report.state), "unknown": len(report.gaps)}
    return Outcome(report.exit_code, report.summary, figures)


def changes_since(stack: Stack, moment: datetime) -> ChangesReport:
    """Look up the changes since a time.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    with _ledger(stack) as ledger:
        return views.changes_since(ledger, moment, stack.config.moving)


def state_at(stack: Stack, moment: datetime) -> views.StateAt:
    """Look up which digest each tag pointed to at a time.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    with _ledger(stack) as ledger:
        return views.state_at(ledger, moment)


def history(stack: Stack, reference: str) -> views.History:
    """Look up all changes of a tag.

    Raises:
        ValueError: The reference is not `repository:tag`.
        LedgerError: The ledger cannot be read.
    """
    with _ledger(stack) as ledger:
        return views.history(ledger, reference)


@contextmanager
def _ledger(stack: Stack) -> Iterator[Ledger]:
    with closing(Ledger(stack.data / LEDGER)) as ledger:
        yield ledger


def _look_at_tree(stack: Stack) -> Scan:
    return scan_of_tree(tree_of(stack))


def _look_by_api(stack: Stack) -> Scan:
    config = stack.config
    login = operator_login(stack)
    with closing(PooledEndpoint(config.url, config.ca, config.resolve)) as endpoint:
        return scan_of_registry(RegistryClient(endpoint, login, until=time.monotonic() + _PATIENCE_S))
