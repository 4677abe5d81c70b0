"""The pages of what only the host can change back: snapshots, and bans."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ops.console import bans
from ops.console.base import Pages
from ops.console.paging import asked_for, sliced


class HostPages(Pages):
    """Undo, and bans."""

    def undo(self, request: Request) -> Response:
        """`GET /undo`: the snapshots on the host's disk, and what each would bring back."""
        return self._page(request, "undo.html", snapshots=self.snapshots.held())

    def snapshot(self, request: Request) -> Response:
        """`GET /undo/NAME`: what a snapshot would bring back, and the tags that were others when it was made."""
        held = self.snapshots.get(request.path_params["name"])
        if held is None:
            raise HTTPException(404)
        asked = asked_for(request)
        differing = self.snapshots.differing(held.snapshot)
        found = [one for one in differing or () if asked.casefold() in f"{one.repository}:{one.tag}".casefold()]
        page = sliced(request, found)
        return self._page(request, "snapshot.html", held=held, differing=differing, asked=asked, page=page)

    def bans(self, request: Request) -> Response:
        """`GET /bans`: who is banned at the edge, as far as the host has written it down."""
        asked = asked_for(request)
        shown = bans.shown(self.stack, asked)
        return self._page(request, "bans.html", shown=shown, asked=asked, page=sliced(request, shown.bans))
