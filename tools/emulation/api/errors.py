"""The API's errors; clients tell them apart by their codes."""

from __future__ import annotations

from typing import Any

# https://docs.hetzner.cloud/reference/cloud#errors lists the codes. It gives no status for most of them; both official
# clients decide by the code alone, except where there is no body.
_STATUS = {
    "unauthorized": 401,
    "not_found": 404,
    "firewall_resource_not_found": 404,
    "uniqueness_error": 409,
    "conflict": 409,
    "deprecated_api_endpoint": 410,
    "locked": 423,
    "protected": 423,
    "rate_limit_exceeded": 429,
    "server_error": 500,
    "maintenance": 503,
    "unavailable": 503,
    "timeout": 504,
}
_OTHERS = 422


class ApiError(Exception):
    """A refused request.

    Attributes:
        code: One of the documented codes.
        details: Their form depends on the code.
    """

    def __init__(self, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = details

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUS.get(self.code, _OTHERS)

    def body(self) -> dict[str, Any]:
        """Return the body for the client."""
        return {"error": {"code": self.code, "message": str(self), "details": self.details}}


def invalid(field: str, message: str) -> ApiError:
    """Return the error about one field of a request."""
    return invalid_fields({field: [message]})


def invalid_fields(faults: dict[str, list[str]]) -> ApiError:
    """Return the error about some fields of a request, with everything wrong with each."""
    field, messages = next(iter(faults.items()))
    fields = [{"name": name, "messages": texts} for name, texts in faults.items()]
    return ApiError("invalid_input", f"invalid input in field '{field}': {messages[0]}", {"fields": fields})


def not_found(what: str, key: object) -> ApiError:
    """Return the error about something that does not exist."""
    return ApiError("not_found", f"{what} with ID '{key}' not found")


def not_unique(what: str, field: str) -> ApiError:
    """Return the error about a value that is already taken."""
    return ApiError("uniqueness_error", f"{what} with the same {field} already exists", {"fields": [{"name": field}]})


def protected(what: str, key: object, against: str) -> ApiError:
    """Return the error about something that is protected."""
    return ApiError("protected", f"{what} {key}: {against} protection is enabled")


def locked(what: str, key: object) -> ApiError:
    """Return the error about something that an action is still working on."""
    return ApiError("locked", f"{what} {key} is locked: another action is running")
