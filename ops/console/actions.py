"""Actions: what operators ask the host for with arguments. First its plan is shown; then it is done, and its lines are shown."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ops.config import (
    ACTION_LIMIT_S,
    ACTION_REQUESTS,
    NOTHING,
    ActionRequest,
    ConsoleConfig,
    DeleteTag,
    PlanTask,
    RestoreTag,
    Unban,
    Undo,
)
from ops.console.asking import ask_for, is_from_here, operator_of, waits
from ops.console.undo import Held
from ops.core import exit_codes
from ops.registry.snapshots.store import Snapshot
from ops.runs.history import Run, history_of
from ops.runs.output import Printed, printed
from ops.stack.stack import Stack
from ops.tasks.changes.model import Record

# Tasks that delete: what they would delete is shown before they can be asked for.
PLANNED = get_args(PlanTask.model_fields["task"].annotation)
_MAX_BODY = 16 * 1024
_MAX_FIELDS = 12
# How often a page is loaded again whose action is at work.
_AGAIN_S = 2
# Between taking a request and the first line of its output.
_BEGINS_WITHIN_S = 30.0
# What takes longer was killed; that takes a moment, too.
_ENDS_WITHIN_S = ACTION_LIMIT_S + 60.0
# The field that says that it is to be done, and not only planned.
_DO = "do"


@dataclass(frozen=True)
class Words:
    """What an action is called.

    Attributes:
        title: The heading.
        button: The words on the button that does it.
    """

    title: str
    button: str


def words_of(request: ActionRequest) -> Words:
    """Return what an action is called."""
    match request.what:
        case DeleteTag() as what:
            return Words(f"Delete {what.repository}:{what.tag}", "Delete it")
        case RestoreTag() as what:
            return Words(f"Give back {what.repository}:{what.tag}", "Give it back")
        case Undo() as what:
            return Words(f"Undo {what.snapshot}", "Undo it")
        case Unban() as what:
            return Words(f"Unban {what.words()[1]}", "Unban")
        case PlanTask() as what:
            return Words(f"What {what.task} would delete", f"Run {what.task}")


@dataclass(frozen=True)
class Actions:
    """The pages of actions.

    Attributes:
        config: The console's.
        stack: The stack, as it is mounted here.
        page: Makes a page of a template.
    """

    config: ConsoleConfig
    stack: Stack
    page: Callable[..., Response]

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/actions", self.ask, methods=["POST"]),
            Route("/actions/{run}", self.show, methods=["GET"]),
        ]

    async def ask(self, request: Request) -> Response:
        """`POST /actions`: ask the host for an action, or for its plan; the page of its output shows how it fares."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_BODY:
                raise HTTPException(413, "This is longer than any form of the console.")
        return await run_in_threadpool(self._ask, request, bytes(body))

    def show(self, request: Request) -> Response:
        """`GET /actions/RUN`: what an action has printed so far, or a task that was asked for."""
        run = request.path_params["run"]
        output = printed(self.stack, run)
        if output is None:
            begins = waits(self.config, ACTION_REQUESTS) or _is_young(run)
            return self.page(
                request, "action.html", title="Asked for", output=None, begins=begins, again_s=_AGAIN_S if begins else 0
            )
        asked = _request_in(output)
        killed = output.exit_code is None and time.time() - output.begun > _ENDS_WITHIN_S
        return self.page(
            request,
            "action.html",
            title=words_of(asked).title if asked else str(output.about.get("task", "Output")),
            output=output,
            killed=killed,
            mark=_mark(output, killed=killed),
            doing=self._next(request, asked, output),
            only_shown=asked is not None and asked.only_shows,
            again_s=_AGAIN_S if output.exit_code is None and not killed else 0,
        )

    def _ask(self, request: Request, body: bytes) -> Response:
        user = operator_of(request, self.config)
        if user is None:
            raise HTTPException(403, "Only operators may change anything.")
        if not is_from_here(request):
            raise HTTPException(403, "This did not come from a page of the console. Open it, and try again there.")
        asked = _parsed(body, user)
        if asked.what.action not in self.config.actions:
            raise HTTPException(404)
        try:
            ask_for(self.config, asked)
        except FileExistsError:
            raise HTTPException(
                409, "Something else that was asked for has not begun yet. Go back, and try again soon."
            ) from None
        return RedirectResponse(f"/actions/{asked.run}", 303)

    def _next(self, request: Request, asked: ActionRequest | None, output: Printed) -> Mapping[str, Any] | None:
        """Return the form that does what was planned; None where there is nothing to do, or nobody who may."""
        planned = asked is not None and asked.only_shows and output.exit_code in exit_codes.SUCCESSFUL
        if asked is None or not planned or operator_of(request, self.config) is None:
            return None
        button = words_of(asked).button
        if isinstance(asked.what, PlanTask):
            offered = asked.what.task in self.config.offers
            return _form(f"/tasks/{asked.what.task}", button, {}) if offered else None
        return _form("/actions", button, asked.what.model_dump(mode="json", exclude_none=True) | {_DO: "yes"})

    def giving(
        self, request: Request, history: Sequence[Record], digest: str | None, held: Callable[[], Sequence[Held] | None]
    ) -> Mapping[int, Mapping[str, str]]:
        """Return from where a tag can be given back what it was: see `sources`. Nothing for who may not ask for it."""
        if operator_of(request, self.config) is None or "restore" not in self.config.actions:
            return {}
        snapshots = [one.snapshot for one in held() or ()]
        backups = [run for run in history_of(self.stack).runs() if run.task == "backup" and run.went_well]
        return sources(history, digest, snapshots, backups)


def forms(config: ConsoleConfig, request: Request) -> Callable[..., Mapping[str, Any] | None]:
    """Return what makes the forms of a page; it makes none for who may not ask, and of what is not offered."""
    may = operator_of(request, config) is not None

    def form(action: str, button: str, about: str = "", **fields: Any) -> Mapping[str, Any] | None:
        offered = may and action in config.actions
        return _form("/actions", button, {"action": action, **fields}, about) if offered else None

    return form


def sources(
    history: Sequence[Record], digest: str | None, snapshots: Iterable[Snapshot], backups: Iterable[Run]
) -> dict[int, Mapping[str, str]]:
    """Return from where a tag can be given back what it was, by the number of the change in the ledger.

    A snapshot has what the tag pointed to when it was made, and so has a backup. The plan says what it is in truth.

    Args:
        history: The tag's changes, the oldest first.
        digest: What it points to now; None if it is gone.
        snapshots: The snapshots.
        backups: The runs of backups that went well.
    """
    made = sorted((one.made_at, one.name) for one in snapshots)
    kept = [(_time(run.at), _time(run.at + (run.seconds or 0.0) + 1)) for run in backups]
    found: dict[int, Mapping[str, str]] = {}
    for record, after in zip(history, [*history[1:], None], strict=True):
        if record.change.new in {None, digest}:
            continue
        until = after.time if after else datetime.now(UTC)
        here = [{"snapshot": name} for at, name in made if record.time < at < until]
        there = [{"before": end.isoformat()} for start, end in kept if record.time < start and end < until]
        if here or there:
            found[record.seq] = {**(here or there)[-1], "expect": digest or NOTHING}
    return found


def _form(action: str, button: str, fields: Mapping[str, Any], about: str = "") -> Mapping[str, Any]:
    return {"action": action, "button": button, "fields": fields, "about": about}


def _parsed(body: bytes, user: str) -> ActionRequest:
    """Return the request that a form makes.

    Raises:
        HTTPException: It makes none.
    """
    try:
        fields = dict(parse_qsl(body.decode(), strict_parsing=True, max_num_fields=_MAX_FIELDS))
        planned = fields.pop(_DO, None) is None
        run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(8)}"
        return ActionRequest.model_validate({"run": run, "by": user[:128], "dry_run": planned, "what": fields})
    except (ValidationError, ValueError):
        raise HTTPException(400, "This is none of the forms of the console. Open the page again, and try it there.") from None


def _request_in(output: Printed) -> ActionRequest | None:
    try:
        return ActionRequest.model_validate(output.about.get("request"))
    except ValidationError:  # of a task, or of an older release
        return None


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _is_young(run: str) -> bool:
    """Whether a run was asked for a moment ago, by its id."""
    try:
        asked = datetime.strptime(run.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return False
    return 0 <= time.time() - asked.timestamp() < _BEGINS_WITHIN_S


def _mark(output: Printed, *, killed: bool) -> str:
    if killed:
        return "failed"
    if output.exit_code is None:
        return "running"
    warns = output.exit_code in (exit_codes.WARNINGS, exit_codes.BUSY)
    return "ok" if output.exit_code == exit_codes.OK else "warning" if warns else "failed"
