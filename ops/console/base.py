"""What all pages of the console have in common: what they read, and how they are made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ops.config import SETTINGS_REFUSED, SETTINGS_TAKEN_IN, USER_HEADER, ConfigError, ConsoleConfig
from ops.console import views
from ops.console.actions import forms
from ops.console.behind import Courtesy
from ops.console.figures import Figures
from ops.console.health import Observer, fired_at
from ops.console.images import Images
from ops.console.prometheus import Prometheus
from ops.console.undo import Undo
from ops.console.words import FILTERS, code
from ops.registry.snapshots.store import SnapshotStore
from ops.stack.places import tree_of
from ops.stack.stack import Stack
from ops.tasks.changes.ledger import Ledger, LedgerError

# The words in the navigation, in the order of what people look for.
NAVIGATION = {
    "/": "Home",
    "/images": "Repositories",
    "/changes": "Changes",
    "/mirror": "Mirror",
    "/backups": "Backups",
    "/undo": "Undo",
    "/tasks": "Tasks",
    "/bans": "Bans",
    "/clients": "Clients",
}

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass
class Pages:
    """What pages read, and how they are made."""

    config: ConsoleConfig
    courtesy: Courtesy = field(default_factory=Courtesy, init=False)
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

    def take_in(self) -> None:
        """Read the stack's settings again. If something is wrong with them, all stays as it was, and the log says what it is."""
        new = Stack(self.config.root, from_container=True)
        try:
            _log.info(SETTINGS_TAKEN_IN, extra={"stack": new.config.stack})
        except ConfigError as error:
            _log.error(SETTINGS_REFUSED, extra={"problems": error.problems})
            return
        self.stack = new
        self.__dict__.pop("observer", None)  # it looks at the stack

    @cached_property
    def images(self) -> Images:
        """The registry's images."""
        return Images(tree_of(self.stack))

    @cached_property
    def figures(self) -> Figures:
        """What takes long to find out about images."""
        return Figures(self.stack, self.images.tree, self.courtesy)

    @cached_property
    def snapshots(self) -> Undo:
        """The snapshots on the host's disk."""
        return Undo(SnapshotStore(self.stack.root / self.stack.config.snapshots, self.images.tree))

    @cached_property
    def observer(self) -> Observer:
        """Who looks how the registry is."""
        url = self.config.prometheus_url
        return Observer(self.stack, self.config.registry_url, Prometheus(url) if url else None)

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

    def _page(self, request: Request, template: str, *, status: int | Any = 200, **values: Any) -> Response:
        context: Mapping[str, Any] = {
            "path": request.url.path,
            "user": request.headers.get(USER_HEADER, ""),
            "again_s": 0,
            "form": forms(self.config, request),
            "link_to_page": lambda number: "?" + urlencode({**request.query_params, "page": number}),
            **values,
        }
        if not isinstance(status, int):
            context, status = {**context, "status": status}, 200
        return HTMLResponse(self._templates.get_template(template).render(context, status_code=status), status)
