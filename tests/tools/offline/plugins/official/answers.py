"""The recorded answers: read by tests, written by record.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict  # type: ignore[import-untyped]
from google.protobuf.struct_pb2 import Struct  # type: ignore[import-untyped]

from tools.offline.plugins.values import decode, encode

FILE = Path(__file__).with_name("answers.json")


def load(file: Path = FILE) -> dict[str, Any]:
    """Return all answers; unknown and secret values are what they are in `tools.offline.plugins.values`."""
    return decode(ParseDict(json.loads(file.read_text()), Struct()))


def save(answers: dict[str, Any], file: Path = FILE) -> None:
    """Write all answers."""
    file.write_text(json.dumps(_whole(MessageToDict(encode(answers))), indent=1, sort_keys=True) + "\n")


def _whole(value: Any) -> Any:
    """Return a value with whole numbers written as such."""
    match value:
        case dict():
            return {key: _whole(item) for key, item in value.items()}
        case list():
            return [_whole(item) for item in value]
        case float() if value.is_integer():
            return int(value)
    return value
