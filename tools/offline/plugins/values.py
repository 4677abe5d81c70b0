"""Property values between the wire (`google.protobuf.Struct`) and Python, with the two that JSON does not have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value  # type: ignore[import-untyped]

Properties = dict[str, Any]

# Constants of the engine's protocol (sdk/go/common/resource/plugin/rpc.go and sdk/go/common/resource/sig).
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # marks a secret, is none
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
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


@dataclass(frozen=True)
class Asset:
    """A file or a text of the program's, or an archive of such; two with the same content are equal, wherever they lie.

    Attributes:
        hash: Of the content, as the engine computes it.
        is_archive: Whether it is an archive, which may be a folder.
        path: Where it lies, if it is a path's content.
        text: The content itself, if it is a text.
        wire: All of it as the engine sends it.
    """

    hash: str
    is_archive: bool
    path: str = field(default="", compare=False)
    text: str | None = field(default=None, compare=False)
    wire: Properties = field(default_factory=dict, compare=False)


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
            return _marked(decode(value.struct_value))
    return None


def _marked(found: Properties) -> Any:
    """Return what an object stands for: itself, unless it has a signature."""
    match found.get(_SIGNATURE):
        case str() as signature if signature == _SECRET:
            return Secret(found["value"])
        case str() as signature if signature in (_ASSET, _ARCHIVE):
            path, text = found.get("path") or "", found.get("text")
            # The official plugin fills all fields in; only an asset without path and address is a text.
            text = None if path or found.get("uri") else text
            return Asset(found.get("hash") or "", signature == _ARCHIVE, path, text, found)
    return found


def _encode(value: Any) -> Any:
    match value:
        case Unknown():
            return _UNKNOWN
        case Secret():
            return {_SIGNATURE: _SECRET, "value": _encode(value.value)}
        case Asset():
            return _encode(value.wire)
        case dict():
            return {key: _encode(item) for key, item in value.items()}
        case list():
            return [_encode(item) for item in value]
    return value
