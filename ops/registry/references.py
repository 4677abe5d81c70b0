"""What a manifest may reference, read conservatively: every digest in it counts, whatever kind of manifest it is. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.registry.tree import DIGEST

_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_USUAL = re.compile('"(sha256:[0-9a-f]{64})"')
# What every digest ends with, and more.
_ANY = re.compile(":[a-zA-Z0-9=_-]{32,}")
_JSON_BEGINS_WITH = (b"{", b"[")
# The registry refuses larger ones: maxManifestBodySize in registry/handlers/manifests.go of distribution.
MAX_MANIFEST_BYTES = 4 * 2**20
_SUBJECT = "subject"
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class References:
    """What a manifest may reference.

    Attributes:
        digests: Every digest in it, without that of the subject unless it also stands elsewhere.
        subject: Digests of what it is about (a signature's image), which it does not keep:
            https://github.com/opencontainers/image-spec/blob/main/manifest.md#image-manifest-property-descriptions
    """

    digests: frozenset[str]
    subject: frozenset[str] = frozenset()


LEAF = References(frozenset())


def is_manifest(content: bytes) -> bool:
    """Whether content can be a manifest at all: JSON, and no larger than the registry takes."""
    return len(content) <= MAX_MANIFEST_BYTES and content.lstrip(b" \t\r\n")[:1] in _JSON_BEGINS_WITH


def references(content: bytes) -> References:
    """Return what content may reference. It never fails: what cannot be parsed is searched as text, and then nothing is left out.

    Keys do not matter, since Go reads them in any case. Nor does the media type, since clients put unexpected things into known
    lists (a build cache is an index of layers).
    """
    if not is_manifest(content):
        return LEAF
    text = content.decode(errors="replace")  # as Go reads it
    if "\\" not in text and _SUBJECT not in text.casefold():
        return References(frozenset(_all_digests(text)))  # the same as below, and several times as fast
    try:
        # Pairs, not dictionaries: of a key that stands twice both count.
        document = json.loads(text, object_pairs_hook=_Members)
    except (ValueError, RecursionError):
        return References(frozenset(DIGEST.findall(_ESCAPED.sub(_character, text).replace("\\/", "/"))))
    members = document if isinstance(document, _Members) else _Members([("", document)])
    subject = frozenset(_digests([value for key, value in members if key.casefold() == _SUBJECT]))
    others = frozenset(_digests([(key, value) for key, value in members if key.casefold() != _SUBJECT]))
    return References(others, subject - others)


def members_of(content: bytes) -> Mapping[str, Any]:
    """Return the members of a manifest, which anybody may have pushed; none of what is no JSON object that can be read."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):  # the registry takes ten times the nesting that Python reads
        return {}
    return document if isinstance(document, dict) else {}


def listed_in(members: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """Yield the descriptors that a member of a manifest is, or lists: those with a digest."""
    found = members.get(key)
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, dict) and isinstance(digest := one.get("digest"), str) and DIGEST.fullmatch(digest):
            yield one


def size_in(descriptor: Mapping[str, Any]) -> int:
    """Return the size that a descriptor tells; 0 if it is none."""
    size = descriptor.get("size")
    return size if isinstance(size, int) and 0 < size <= _LARGEST else 0


def _all_digests(text: str) -> list[str]:
    """Return what `DIGEST` finds, but quickly where all of it is the usual: quoted, by SHA-256."""
    usual: list[str] = _USUAL.findall(text)
    return usual if len(usual) == len(_ANY.findall(text)) else DIGEST.findall(text)


class _Members(list[tuple[str, Any]]):
    """The members of a JSON object, in order."""


def _digests(value: Any) -> Iterator[str]:
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
            yield from DIGEST.findall(one)
        elif isinstance(one, list | tuple):
            pending.extend(one)


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))
