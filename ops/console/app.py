"""The console's routes. Each page is read from what the host has written; what is to be done is asked of the host."""

from __future__ import annotations

import contextlib
import re
from functools import cached_property, partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ops.config import REPOSITORY_NAME, ConfigError
from ops.console import views
from ops.console.actions import PLANNED, Actions
from ops.console.asking import ask, is_from_here, operator_of, waits
from ops.console.behind import Courteous
from ops.console.headers import SecurityHeaders
from ops.console.host_pages import HostPages
from ops.console.paging import asked_for, sliced
from ops.console.past_pages import PastPages
from ops.registry.tree import DIGEST
from ops.runs.history import RUNNING, history_of
from ops.tasks.sync.state import MirrorStateError

# How often a page is loaded again that shows a task at work.
_AGAIN_S = 3
_STYLE = Path(__file__).with_name("static") / "style.css"
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
_REFERENCE = re.compile(
    rf"(?P<repository>{REPOSITORY_NAME})(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}})|@(?P<digest>{DIGEST.pattern}))?"
)
_LONGEST = 512
_NOT_FOUND = "There is no such page. Repositories and tags that were deleted are still in the changes."


class Console(PastPages, HostPages):
    """All pages, and what can be asked for."""

    @cached_property
    def actions(self) -> Actions:
        """What operators ask the host for with arguments."""
        return Actions(self.config, self.stack, self._page)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        pages = {
            "/": self.home,
            "/images": self.repositories,
            "/images/{name:path}": self.image_or_repository,
            "/changes": self.changes,
            "/changes/at": self.then,
            "/mirror": self.mirror,
            "/backups": self.backups,
            "/undo": self.undo,
            "/undo/{name}": self.snapshot,
            "/tasks": self.tasks,
            "/bans": self.bans,
            "/clients": self.clients,
        }
        return Starlette(
            routes=[
                *(Route(path, page, methods=["GET"]) for path, page in pages.items()),
                Route("/tasks/{task}", self.ask, methods=["POST"]),
                *self.actions.routes(),
                Route("/status", self.status, methods=["GET"]),
                Route("/console/style.css", self.style, methods=["GET"]),
                Route("/console/healthz", self.healthz, methods=["GET"]),
            ],
            middleware=[Middleware(Courteous, courtesy=self.courtesy), Middleware(SecurityHeaders)],
            exception_handlers={HTTPException: self.error, Exception: self.failure},
        )

    def begin(self) -> None:
        """Begin to find out what takes long. Without the stack's configuration that comes later: `healthz` tells of it."""
        with contextlib.suppress(ConfigError):
            self.figures.begin()

    def home(self, request: Request) -> Response:
        """`GET /`: whether all is well, and what needs a person."""
        return self._page(request, "home.html", health=self.observer.health())

    def repositories(self, request: Request) -> Response:
        """`GET /images`: the repositories, those that contain all words of a search; a reference leads to its page."""
        asked = asked_for(request)
        if ":" in asked and not asked.startswith("sha256:"):
            return RedirectResponse(f"/images/{asked}", 303)
        words = asked.casefold().split()
        found = [one for one in self.images.repositories() if all(word in one.name.casefold() for word in words)]
        page = sliced(request, found)
        rows = views.repository_rows(page.items, self.figures)
        return self._page(request, "repositories.html", asked=asked, page=page, rows=rows, figures=self.figures)

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

    def mirror(self, request: Request) -> Response:
        """`GET /mirror`: the entries of the catalogue, and how each fares."""
        try:
            status = views.mirror_status(self.stack)
        except MirrorStateError as error:
            return self._page(request, "mirror.html", status=None, entries=[], problem=str(error))
        entries = views.mirror_entries(status, asked_for(request)) if status else []
        return self._page(request, "mirror.html", status=status, entries=entries, problem=status and status.problem)

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
            page=sliced(request, found),
            latest=[latest[name] for name in names],
            offers=offers,
            waiting=waiting,
            planned=PLANNED if "plan" in self.config.actions else (),
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
        """`GET /clients`: who pulls what, and how clients are set up for this registry."""
        asked, pulls = asked_for(request), self.figures.pulls.get()
        found = views.clients(pulls, asked) if pulls else []
        return self._page(request, "clients.html", asked=asked, pulls=pulls, page=sliced(request, found))

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
        asked = asked_for(request)
        everything = self.images.tags(name)
        if not everything:
            raise HTTPException(404)
        found = [tag for tag in everything if asked.casefold() in tag.name.casefold()]
        page = sliced(request, found)
        make = partial(views.tag_rows, self.images, name, page.items, self.figures)
        rows = self._read_ledger(make)
        return self._page(
            request,
            "tags.html",
            repository=name,
            asked=asked,
            page=page,
            rows=rows if rows is not None else make(None),
            total=len(everything),
            figures=self.figures,
            gone=self._read_ledger(lambda ledger: views.gone(self.images, name, ledger)) or [],
        )

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
            share_and_pull=self.figures.image(repository, tag, digest),
            figures=self.figures,
            referring=self.images.referring(repository, digest) if digest else [],
            history=list(past or [])[::-1],
            giving=self.actions.giving(request, past or [], digest, self.snapshots.held),
            deployed=set(views.readable(past or [], self.images, repository)),
        )
