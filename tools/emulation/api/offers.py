"""Read-only lists of what can be ordered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from tools.emulation.api.catalog import BOX_TYPES, IMAGES, LOCATIONS, SERVER_TYPES
from tools.emulation.api.errors import not_found
from tools.emulation.api.listing import listing
from tools.emulation.api.web import Answer, Call, Operation, Operations, ok


class _Offer(Protocol):
    @property
    def id(self) -> int: ...
    def body(self) -> dict[str, Any]: ...


def _of(name: str, kind: str, offers: Sequence[_Offer], fields: Sequence[str] = ("name",)) -> Operations:
    def every(call: Call) -> Answer:
        return listing(call, name, [offer.body() for offer in offers], fields=fields)

    def one(call: Call) -> Answer:
        for offer in offers:
            if offer.id == call.id():
                return ok(**{kind: offer.body()})
        raise not_found(kind, call.id())

    return (Operation("GET", f"/{name}", every), Operation("GET", f"/{name}/{{id}}", one))


OPERATIONS: Operations = (
    *_of("locations", "location", LOCATIONS),
    *_of("server_types", "server_type", SERVER_TYPES),
    *_of("images", "image", IMAGES, fields=("name", "architecture", "type", "status")),
    *_of("storage_box_types", "storage_box_type", BOX_TYPES),
)
