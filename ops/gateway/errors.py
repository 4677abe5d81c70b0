"""Errors in the registry's format, which clients know how to show."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response


def registry_error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes ."""
    body = {"errors": [{"code": code, "message": message, "detail": None}]}
    return JSONResponse(body, status, headers={"Cache-Control": "no-store", **(headers or {})})
