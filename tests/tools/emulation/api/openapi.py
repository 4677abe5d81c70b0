"""Checks requests and answers against the OpenAPI description of the real APIs."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from infra.paths import PROJECT_FOLDER
from tools.emulation.api.server import Exchange

DESCRIPTION = Path(os.environ.get("HCLOUD_OPENAPI") or PROJECT_FOLDER.parent / "shared" / "data" / "hcloud-openapi.json")
MISSING = f"the OpenAPI description of the Hetzner APIs is not at {DESCRIPTION}; HCLOUD_OPENAPI can name another place"
# What the API has got since the description was written (2026-02): hcloud 2.27.0 cannot do without it.
_YOUNGER = {"available", "recommended"}
# Described as always there; the official clients leave it out where nothing is assigned.
_OPTIONAL = {"assignee_type"}
_IDS_OR_NAMES = re.compile(r"\bIDs?\b.{0,20}\bor names?\b", re.IGNORECASE)
# Described as text for addresses and as text or null for servers; the official plugin sends null for both.
_NULLABLE = {"dns_ptr"}
_CLIENT_ERROR = 400
_SERVER_ERROR = 500


class MismatchError(AssertionError):
    """What was said is not what the description says."""


def check(exchange: Exchange) -> None:
    """Check one request and its answer.

    Raises:
        MismatchError: One of them is not as described, or there is no such operation.
    """
    where = f"{exchange.method} {exchange.path} ({exchange.status})"
    operation = _operation(exchange.method, exchange.path)
    if operation is None:
        raise MismatchError(f"{where}: there is no such operation")
    # What is refused may well be wrong.
    if exchange.status < _CLIENT_ERROR:
        body = operation.get("requestBody")
        if body is None and exchange.request:
            raise MismatchError(f"{where}: the request has a body: {exchange.request}")
        if body is not None and not (exchange.request is None and not body.get("required")):
            _validate(f"{where}, request", _schema_of(body), exchange.request, strict=False)
    status = str(exchange.status)
    if exchange.status >= _CLIENT_ERROR:
        status = "5xx" if exchange.status >= _SERVER_ERROR else "4xx"
    if status not in operation["responses"]:
        raise MismatchError(f"{where}: described are {', '.join(operation['responses'])}")
    answer = operation["responses"][status]
    if ("content" in answer) is (exchange.answer is None):
        raise MismatchError(f"{where}: the answer has {'no body' if exchange.answer is None else 'a body'}")
    if exchange.answer is not None:
        _validate(f"{where}, answer", _schema_of(answer), exchange.answer, strict=exchange.status < _CLIENT_ERROR)


@cache
def _description() -> dict[str, Any]:
    return dict(json.loads(DESCRIPTION.read_text()))


@cache
def _operations() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    """Return all operations, those with the fewest parameters first: `/servers/actions` is no server."""
    paths = sorted(_description()["paths"].items(), key=lambda item: item[0].count("{"))
    return [
        (method.upper(), re.compile(re.sub(r"\\{.*?\\}", "[^/]+", re.escape(path))), operation)
        for path, methods in paths
        for method, operation in methods.items()
        if method in {"get", "post", "put", "delete"}
    ]


def _operation(method: str, path: str) -> dict[str, Any] | None:
    return next((found for verb, pattern, found in _operations() if verb == method and pattern.fullmatch(path)), None)


def _schema_of(part: dict[str, Any]) -> dict[str, Any]:
    return dict(part["content"]["application/json"]["schema"])


@cache
def _components(strict: bool) -> Any:
    return _json_schema(_description()["components"], strict)


def _validate(where: str, schema: dict[str, Any], value: Any, *, strict: bool) -> None:
    whole = {**_json_schema(schema, strict), "components": _components(strict)}
    faults = sorted(Draft202012Validator(whole).iter_errors(value), key=lambda fault: list(map(str, fault.path)))
    if faults:
        texts = [f"{'.'.join(map(str, fault.path)) or 'body'}: {fault.message[:300]}" for fault in faults]
        raise MismatchError(f"{where}: " + "; ".join(texts))


def _json_schema(node: Any, strict: bool) -> Any:
    """Return a schema of OpenAPI 3.0 as one of JSON Schema.

    Args:
        node: Some part of it.
        strict: Whether fields that are not described are faults.
    """
    if isinstance(node, list):
        return [_json_schema(item, strict) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: _json_schema(value, strict) for key, value in node.items() if key not in {"example", "examples"}}
    if isinstance(schema.get("required"), list):
        schema["required"] = [name for name in schema["required"] if name not in _OPTIONAL]
    if isinstance(schema.get("properties"), dict) and not strict:
        schema["properties"] |= dict.fromkeys(_NULLABLE & schema["properties"].keys(), True)
    if isinstance(schema.get("properties"), dict) and "type" in schema and strict:
        schema["properties"] |= dict.fromkeys(_YOUNGER, True)
        schema.setdefault("additionalProperties", False)
    # Official clients send ids as numbers.
    if _IDS_OR_NAMES.search(str(schema.get("description"))):
        for text in (schema, schema.get("items", {})):
            if text.get("type") == "string":
                text["type"] = ["string", "integer"]
    if schema.pop("nullable", False) is True:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema
