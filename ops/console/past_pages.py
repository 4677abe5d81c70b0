"""The pages of the past: what changed, what there was at a time, and backups with their drills."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from ops.console import views
from ops.console.base import Pages
from ops.console.paging import asked_for, number, sliced
from ops.core.time_expressions import moment
from ops.runs.history import history_of
from ops.tasks.changes.views import state_at
from ops.tasks.drill.proof import proofs_of

_BACKUPS_SHOWN = 20
# Before it there was nothing, and nobody can count back from the first year.
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class PastPages(Pages):
    """Changes, and backups."""

    def changes(self, request: Request) -> Response:
        """`GET /changes`: which tags changed, by day, the newest first: in the last days, or between two times."""
        days, asked = number(request, "days", 7, limit=3650), asked_for(request)
        since, until, problem = None, None, ""
        try:
            since, until = _time(request, "since"), _time(request, "until")
        except ValueError as error:
            problem = str(error)
        begin = since or (until or datetime.now(UTC)) - timedelta(days=days)
        found = self._read_ledger(lambda ledger: views.changes(ledger, begin, until, asked))
        page = sliced(request, found.records if found else [])
        return self._page(
            request,
            "changes.html",
            days=days,
            since=since,
            until=until,
            given={name: request.query_params.get(name, "") for name in ("since", "until")},
            problem=problem,
            asked=asked,
            found=found,
            page=page,
            by_day=views.by_day(page.items),
        )

    def then(self, request: Request) -> Response:
        """`GET /changes/at?time=TIME`: what each tag pointed to at a time, beside what it points to now."""
        asked, given, problem = asked_for(request), request.query_params.get("time", ""), ""
        try:
            at = _time(request, "time") or datetime.now(UTC)
        except ValueError as error:
            at, problem = datetime.now(UTC), str(error)
        found = self._read_ledger(lambda ledger: state_at(ledger, at))
        page = sliced(request, views.tags_at(found, asked) if found else [])
        rows = [(one, self.images.digest(one.repository, one.tag)) for one in page.items]
        return self._page(
            request, "then.html", found=found, given=given, problem=problem, at=at, asked=asked, page=page, rows=rows
        )

    def backups(self, request: Request) -> Response:
        """`GET /backups`: backups and what is new in each, drills, and the snapshots that undo deletions."""
        health, history = self.observer.health(), history_of(self.stack)
        known = {check.name: check for check in health.checks}
        shown = [known[name] for name in ("recovery", "last backup", "last verified", "last drill") if name in known]
        runs = history.runs()[::-1]
        made = views.made(runs)[: _BACKUPS_SHOWN + 1]
        oldest = datetime.fromtimestamp(made[-1].at if made else time.time(), UTC)
        changed = self._read_ledger(lambda ledger: views.when_changed(ledger, oldest))
        return self._page(
            request,
            "backups.html",
            health=health,
            checks=shown,
            made=views.backed_up(made, changed)[:_BACKUPS_SHOWN],
            drills=proofs_of(self.stack).reports(),
            runs=[run for run in runs if run.task in views.BACKUP_TASKS][:_BACKUPS_SHOWN],
            snapshots=self.snapshots.held(),
        )


def _time(request: Request, name: str) -> datetime | None:
    """Return a time from the query, as people write it to `regops changes`, in UTC; None without one.

    Raises:
        ValueError: It is none.
    """
    text = request.query_params.get(name, "").strip()
    return max(moment(text, datetime.now(UTC)), _EARLIEST) if text else None
