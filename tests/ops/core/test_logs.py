"""Logs are one JSON object a line, whatever is logged."""

from __future__ import annotations

import json
import logging
from typing import Any

from ops.core.logs import JsonFormatter


def line(message: str, *values: object, **extra: object) -> dict[str, Any]:
    record = logging.getLogger("test").makeRecord("test", logging.INFO, "file", 1, message, values, None, None, extra)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    parsed: dict[str, Any] = json.loads(text)
    assert parsed.pop("time").endswith("+00:00")
    return parsed


def test_a_line_has_message_and_extra_values() -> None:
    assert line("%s tokens", 3, account="admin", path=logging) == {
        "level": "info",
        "logger": "test",
        "message": "3 tokens",
        "account": "admin",
        "path": str(logging),
    }


def test_nobody_can_inject_a_line() -> None:
    assert line("refused", account='x"}\n{"level":"info')["account"] == 'x"}\n{"level":"info'


def test_a_traceback_stays_on_its_line() -> None:
    try:
        raise ValueError("wrong")
    except ValueError as error:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": (ValueError, error, error.__traceback__)})
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert json.loads(text)["exception"].endswith("ValueError: wrong")
