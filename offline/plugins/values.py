"""Property values between the wire (`google.protobuf.Struct`) and Python, with the two that JSON does not have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value  # type: ignore[import-untyped]

Properties = dict[str, Any]

# Constants of the engine's protocol (sdk/go/common/resource/plugin/rpc.go and sdk/go/common/resource/sig).
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # marks a secret, is none
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown:
    """The type of `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()
"""A value that will only be known when `up` has made what it comes from."""


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts in its state."""

    value: Any


def decode(message: Struct) -> Properties:
    """Return the properties of a request; whole numbers come as int."""
    return {name: _decode(value) for name, value in message.fields.items()}


def encode(properties: Properties) -> Struct:
    """Return properties as an answer carries them."""
    message = Struct()
    message.update(_encode(properties))
    return message


def reveal(value: Any) -> Any:
    """Return a value without its secret marks, at any depth."""
    match value:
        case Secret():
            return reveal(value.value)
        case dict():
            return {key: reveal(item) for key, item in value.items()}
        case list():
            return [reveal(item) for item in value]
    return value


def is_known(value: Any) -> bool:
    """Return whether nothing in a value is unknown, at any depth."""
    match value:
        case Unknown():
            return False
        case Secret():
            return is_known(value.value)
        case dict():
            return all(is_known(item) for item in value.values())
        case list():
            return all(is_known(item) for item in value)
    return True


def _decode(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return UNKNOWN if value.string_value == _UNKNOWN else value.string_value
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case "struct_value":
            found = decode(value.struct_value)
            return Secret(found["value"]) if found.get(_SIGNATURE) == _SECRET else found
    return None


def _encode(value: Any) -> Any:
    match value:
        case Unknown():
            return _UNKNOWN
        case Secret():
            return {_SIGNATURE: _SECRET, "value": _encode(value.value)}
        case dict():
            return {key: _encode(item) for key, item in value.items()}
        case list():
            return [_encode(item) for item in value]
    return value
