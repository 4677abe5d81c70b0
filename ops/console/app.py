"""The console's routes. Each page is read from what the host has written; what is to be done is asked of the host."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ops.config import REPOSITORY_NAME, USER_HEADER, ConfigError, ConsoleConfig
from ops.console import views
from ops.console.asking import ask, is_from_here, operator_of, waits
from ops.console.headers import SecurityHeaders
from ops.console.health import Observer, fired_at
from ops.console.images import Images
from ops.console.prometheus import Prometheus
from ops.console.words import FILTERS, code
from ops.registry.tree import DIGEST
from ops.runs.history import RUNNING, history_of
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.changes.ledger import Ledger, LedgerError
from ops.tasks.sync.state import MirrorStateError

PER_PAGE = 100
# How often a page is loaded again that shows a task at work.
_AGAIN_S = 3
_STYLE = Path(__file__).with_name("static") / "style.css"
# The words in the navigation, in the order of what people look for.
NAVIGATION = {
    "/": "Home",
    "/images": "Repositories",
    "/changes": "Changes",
    "/mirror": "Mirror",
    "/backups": "Backups",
    "/tasks": "Tasks",
    "/clients": "Clients",
}
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
_REFERENCE = re.compile(
    rf"(?P<repository>{REPOSITORY_NAME})(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}})|@(?P<digest>{DIGEST.pattern}))?"
)
_LONGEST = 512
_NOT_FOUND = "There is no such page. Repositories and tags that were deleted are still in the changes."

T = TypeVar("T")


@dataclass(frozen=True)
class Slice:
    """One page of a long list."""

    items: Sequence[Any]
    number: int
    pages: int
    count: int


@dataclass
class Console:
    """The pages, and what they read."""

    config: ConsoleConfig
    _templates: Environment = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the templates; what they insert is escaped."""
        self._templates = Environment(
            loader=PackageLoader("ops.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._templates.filters |= {**FILTERS, "code": lambda text: code(text, self.config.command)}
        self._templates.globals |= {"config": self.config, "navigation": NAVIGATION, "fired_at": fired_at}

    @cached_property
    def stack(self) -> Stack:
        """The stack, as it is mounted here."""
        return Stack(self.config.root, from_container=True)

    @cached_property
    def images(self) -> Images:
        """The registry's images."""
        return Images(tree_of(self.stack))

    @cached_property
    def observer(self) -> Observer:
        """Who looks how the registry is."""
        url = self.config.prometheus_url
        return Observer(self.stack, self.config.registry_url, Prometheus(url) if url else None)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        pages = {
            "/": self.home,
            "/images": self.repositories,
            "/images/{name:path}": self.image_or_repository,
            "/changes": self.changes,
            "/mirror": self.mirror,
            "/backups": self.backups,
            "/tasks": self.tasks,
            "/clients": self.clients,
        }
        return Starlette(
            routes=[
                *(Route(path, page, methods=["GET"]) for path, page in pages.items()),
                Route("/tasks/{task}", self.ask, methods=["POST"]),
                Route("/status", self.status, methods=["GET"]),
                Route("/console/style.css", self.style, methods=["GET"]),
                Route("/console/healthz", self.healthz, methods=["GET"]),
            ],
            middleware=[Middleware(SecurityHeaders)],
            exception_handlers={HTTPException: self.error, Exception: self.failure},
        )

    def home(self, request: Request) -> Response:
        """`GET /`: whether all is well, and what needs a person."""
        return self._page(request, "home.html", health=self.observer.health())

    def repositories(self, request: Request) -> Response:
        """`GET /images`: the repositories, those that contain all words of a search; a reference leads to its page."""
        asked = request.query_params.get("q", "").strip()
        if ":" in asked and not asked.startswith("sha256:"):
            return RedirectResponse(f"/images/{asked}", 303)
        words = asked.casefold().split()
        found = [one for one in self.images.repositories() if all(word in one.name.casefold() for word in words)]
        return self._page(request, "repositories.html", asked=asked, page=self._sliced(request, found), total=len(found))

    def image_or_repository(self, request: Request) -> Response:
        """`GET /images/NAME`, `NAME:TAG` and `NAME@DIGEST`: tags of a repository, or what one of them leads to."""
        name: str = request.path_params["name"]
        asked = _REFERENCE.fullmatch(name) if len(name) <= _LONGEST else None
        if asked is None:
            raise HTTPException(404)
        repository, tag, digest = asked["repository"], asked["tag"] or "", asked["digest"]
        if digest:
            return self._image(request, repository, "", digest)
        return (
            self._image(request, repository, tag, self.images.digest(repository, tag)) if tag else self._tags(request, repository)
        )

    def changes(self, request: Request) -> Response:
        """`GET /changes`: which tags changed, by day, the newest first."""
        days = _number(request, "days", 7, limit=3650)
        asked = request.query_params.get("q", "").strip()
        since = datetime.now(UTC) - timedelta(days=days)
        found = self._read_ledger(lambda ledger: views.changes(ledger, since, asked))
        page = self._sliced(request, found.records if found else [])
        return self._page(
            request, "changes.html", days=days, asked=asked, found=found, page=page, by_day=views.by_day(page.items)
        )

    def mirror(self, request: Request) -> Response:
        """`GET /mirror`: the entries of the catalogue, and how each fares."""
        try:
            status = views.mirror_status(self.stack)
        except MirrorStateError as error:
            return self._page(request, "mirror.html", status=None, entries=[], problem=str(error))
        entries = views.mirror_entries(status, request.query_params.get("q", "").strip()) if status else []
        return self._page(request, "mirror.html", status=status, entries=entries, problem=status and status.problem)

    def backups(self, request: Request) -> Response:
        """`GET /backups`: backups, drills, and the snapshots that undo deletions."""
        health = self.observer.health()
        known = {check.name: check for check in health.checks}
        shown = [known[name] for name in ("recovery", "last backup", "last verified", "last drill") if name in known]
        runs = views.runs_of(history_of(self.stack), views.BACKUP_TASKS)[:20]
        snapshots = views.snapshots(self.stack)
        return self._page(request, "backups.html", health=health, checks=shown, runs=runs, snapshots=snapshots)

    def tasks(self, request: Request) -> Response:
        """`GET /tasks`: what ran, the newest first."""
        asked = request.query_params.get("task", "")
        history = history_of(self.stack).runs()[::-1]
        names = sorted({run.task for run in history})
        found = [run for run in history if not asked or run.task == asked]
        latest = {run.task: run for run in reversed(history)}
        offers = self.config.offers if operator_of(request, self.config) else ()
        waiting = [name for name in offers if waits(self.config, name)]
        busy = asked and (asked in waiting or any(run.state == RUNNING for run in found[:1]))
        return self._page(
            request,
            "tasks.html",
            names=names,
            asked=asked,
            page=self._sliced(request, found),
            latest=[latest[name] for name in names],
            offers=offers,
            waiting=waiting,
            again_s=_AGAIN_S if busy else 0,
        )

    def ask(self, request: Request) -> Response:
        """`POST /tasks/TASK`: ask the host to run a task; the page of its runs shows how it fares."""
        task: str = request.path_params["task"]
        if task not in self.config.offers:
            raise HTTPException(404)
        user = operator_of(request, self.config)
        if user is None:
            raise HTTPException(403, "Only operators may run tasks.")
        if not is_from_here(request):
            raise HTTPException(403, "This did not come from a page of the console. Open it, and try again there.")
        ask(self.config, task, user)
        return RedirectResponse(f"/tasks?task={task}", 303)

    def clients(self, request: Request) -> Response:
        """`GET /clients`: how clients are set up for this registry."""
        return self._page(request, "clients.html")

    def status(self, request: Request) -> Response:
        """`GET /status`: what everybody may know, where the edge lets them ask: nothing of what there is, or of what fails."""
        return self._page(request, "status.html", health=self.observer.health())

    def style(self, _: Request) -> Response:
        """`GET /console/style.css`: how the pages look."""
        return FileResponse(_STYLE, media_type="text/css", headers={"Cache-Control": "max-age=300"})

    def healthz(self, _: Request) -> Response:
        """`GET /console/healthz`: whether pages can be served; how the registry is, Home says."""
        try:
            return JSONResponse({"status": "ok", "stack": self.stack.config.stack})
        except ConfigError as error:
            return JSONResponse({"status": "failed", "problems": error.problems}, 503)

    def error(self, request: Request, error: Exception) -> Response:
        """Answer what cannot be found, and what is no `GET`."""
        code_ = error.status_code if isinstance(error, HTTPException) else 500
        detail = _NOT_FOUND if code_ == 404 else getattr(error, "detail", "")  # noqa: PLR2004
        return self._page(request, "error.html", status=code_, title="Not found" if code_ == 404 else "Refused", detail=detail)  # noqa: PLR2004

    def failure(self, request: Request, error: Exception) -> Response:
        """Answer what went wrong here; Starlette logs it, too."""
        return self._page(request, "error.html", status=500, title="This page cannot be shown", detail=str(error))

    def _tags(self, request: Request, name: str) -> Response:
        asked = request.query_params.get("q", "").strip()
        everything = self.images.tags(name)
        if not everything:
            raise HTTPException(404)
        found = [tag for tag in everything if asked.casefold() in tag.name.casefold()]
        page = self._sliced(request, found)
        rows = self._read_ledger(lambda ledger: views.tag_rows(self.images, name, page.items, ledger))
        rows = rows if rows is not None else views.tag_rows(self.images, name, page.items, None)
        return self._page(request, "tags.html", repository=name, asked=asked, page=page, rows=rows, total=len(everything))

    def _image(self, request: Request, repository: str, tag: str, digest: str | None) -> Response:
        past = self._read_ledger(lambda ledger: ledger.history(repository, tag)) if tag else []
        if digest is None and not past:
            raise HTTPException(404)
        if digest and not tag and not self.images.has(repository, digest):
            raise HTTPException(404)
        image = self.images.image(digest) if digest else None
        return self._page(
            request,
            "image.html",
            repository=repository,
            tag=tag,
            digest=digest,
            image=image,
            details=views.details(self.images.configuration(image)) if image else None,
            referring=self.images.referring(repository, digest) if digest else [],
            history=list(past or [])[::-1],
            deployed=set(views.readable(past or [], self.images, repository)),
        )

    def _read_ledger(self, ask: Callable[[Ledger], T]) -> T | None:
        """Return what the ledger says; None if it cannot be read now, or there is none yet."""
        path = views.ledger_file(self.stack)
        if not path.exists():
            return None
        try:
            with closing(Ledger(path)) as ledger:
                return ask(ledger)
        except LedgerError:
            return None

    def _sliced(self, request: Request, items: Sequence[Any]) -> Slice:
        pages = max(1, math.ceil(len(items) / PER_PAGE))
        number = min(_number(request, "page", 1, limit=10**6), pages)
        return Slice(items[(number - 1) * PER_PAGE : number * PER_PAGE], number, pages, len(items))

    def _page(self, request: Request, template: str, *, status: int | Any = 200, **values: Any) -> Response:
        context: Mapping[str, Any] = {
            "path": request.url.path,
            "user": request.headers.get(USER_HEADER, ""),
            "again_s": 0,
            "link_to_page": lambda number: "?" + urlencode({**request.query_params, "page": number}),
            **values,
        }
        if not isinstance(status, int):
            context, status = {**context, "status": status}, 200
        return HTMLResponse(self._templates.get_template(template).render(context, status_code=status), status)


def _number(request: Request, name: str, default: int, *, limit: int) -> int:
    """Return a number from the query; the default for what is none."""
    try:
        return max(1, min(int(request.query_params.get(name, default)), limit))
    except ValueError:
        return default
