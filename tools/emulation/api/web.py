"""Requests and answers, between the HTTP server and the handlers of resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from starlette.datastructures import QueryParams

from tools.emulation.api.errors import ApiError, invalid_fields, not_found
from tools.emulation.api.labels import Labels
from tools.emulation.api.state import R, State, Store


class Body(BaseModel):
    """The body of a request. Undocumented fields are refused: they would do nothing, and nobody would notice."""

    model_config = ConfigDict(extra="forbid", strict=True)


B = TypeVar("B", bound=Body)


class Update(Body):
    """`PUT` of most kinds."""

    name: str | None = None
    labels: Labels | None = None

    @field_validator("name", "labels", mode="before")
    @classmethod
    def _never_null(cls, value: Any, _: ValidationInfo) -> Any:
        if value is None:
            raise ValueError("may be left out, but not null")
        return value


class Protection(Body):
    """`change_protection` of most kinds."""

    delete: bool | None = None

    def applied_to(self, current: bool) -> bool:
        """Return the resulting protection."""
        return current if self.delete is None else self.delete


@dataclass(frozen=True)
class Call:
    """A request.

    Attributes:
        state: The resources.
        path: Path parameters.
        query: Query parameters.
        raw: The body.
    """

    state: State
    path: Mapping[str, str]
    query: QueryParams
    raw: bytes

    def id(self, name: str = "id") -> int:
        """Return an id from the path.

        Raises:
            ApiError: It is not a number, so there is nothing that has it.
        """
        text = self.path[name]
        if not text.isascii() or not text.isdecimal():
            raise not_found("resource", text)
        return int(text)

    def body(self, model: type[B]) -> B:
        """Return the parsed body.

        Raises:
            ApiError: It does not say it as documented.
        """
        try:
            return model.model_validate_json(self.raw or b"{}")
        except ValidationError as error:
            faults: dict[str, list[str]] = {}
            for fault in error.errors(include_url=False, include_input=False):
                if fault["type"] == "json_invalid":
                    raise ApiError("json_error", "the body is not JSON") from error
                faults.setdefault(".".join(map(str, fault["loc"])) or "body", []).append(fault["msg"])
            raise invalid_fields(faults) from error


class Answer(NamedTuple):
    """The answer to a request that is not refused."""

    status: int
    body: dict[str, Any] | None


Handler = Callable[[Call], Answer]


class Operation(NamedTuple):
    """A method, a path below the base URL in Starlette's notation, and a handler."""

    method: str
    path: str
    handler: Handler


Operations = Sequence[Operation]


def ok(**body: Any) -> Answer:
    """Answer with something that exists (200)."""
    return Answer(200, body)


def created(**body: Any) -> Answer:
    """Answer with something new (201)."""
    return Answer(201, body)


def no_content() -> Answer:
    """Answer that it is done (204)."""
    return Answer(204, None)


def update_fields(store: Store[R], item: R, wanted: Update) -> None:
    """Change name and labels, if given.

    Raises:
        ApiError: The name is taken.
    """
    if wanted.name is not None:
        store.check_name(wanted.name, but=item.id)
        item.name = wanted.name
    if wanted.labels is not None:
        item.labels = wanted.labels


def update(call: Call, store: Store[R]) -> R:
    """Handle a `PUT` of name and labels; return what has changed.

    Raises:
        ApiError: The name is taken, or there is nothing to update.
    """
    item = store.get(call.id())
    update_fields(store, item, call.body(Update))
    return item
