"""What the edge's access log says of clients: which layers they asked about, and what was pulled when."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ops.config import ACCESS_LOG_FILE, ACCESS_LOG_FOLDER, TOKEN_PATH, USER_HEADER
from ops.core.answers import UNEXPECTED
from ops.stack.log_files import Appended, backwards, every_file, lines_of
from ops.stack.stack import Stack

_DIGEST = r"[a-z0-9+._-]+:[0-9a-fA-F]+"
_PATH = re.compile(rf"/+v2/(.+)/(blobs|manifests)/({_DIGEST})")
_CONTENT = re.compile(r"/+v2/(.+)/(blobs|manifests)/([^/]+)")
SENT = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})
# Lines are written when requests end, by many threads: not quite in the order of their times.
DISORDER_S = 5.0
# The year 10000, of which no date can be shown.
_NEVER = 253_402_300_800.0


@dataclass(frozen=True, slots=True)
class Line:
    """A request that the edge has answered.

    Attributes:
        time: When it ended (Unix time).
        method: Its method.
        status: Of the answer.
        path: What was asked for.
        query: The query after it, as it was sent.
        size: How many bytes were sent.
        client: The address that it came from.
        agent: What the client calls itself: anything.
        media_type: Of the answer; empty without one.
        account: Who got a token by this request; empty if it was not one for a token, or nobody had signed in.
    """

    time: float
    method: str
    status: int
    path: str
    query: str
    size: int
    client: str
    agent: str
    media_type: str
    account: str


def access_log_of(stack: Stack) -> Path:
    """Return a stack's access log."""
    return stack.root / ACCESS_LOG_FOLDER / ACCESS_LOG_FILE


def asked_for(log: Path, within_s: float, *, max_bytes: int = 64 * 2**20) -> frozenset[str]:
    """Return the digests of blobs that clients were told are there, lately: they will push a manifest without sending those.

    That is `HEAD` of a blob, and a mount from another repository. A log that does not exist has none.

    Args:
        log: The access log; rotated files beside it are read too if they are young enough.
        within_s: How many seconds ago at most.
        max_bytes: How much is read at most, from the end.
    """
    since = time.time() - within_s
    found: set[str] = set()
    for lines in backwards(log, max_bytes):
        found |= _asked(lines, since)
        first = next(filter(None, map(parsed, lines)), None)
        if first is not None and first.time < since - DISORDER_S:
            break
    return frozenset(found)


class NewlyAsked:
    """What clients were told since the last time, for one collection: reads only what was appended, across rotations."""

    def __init__(self, log: Path) -> None:
        """Begin at the log's present end."""
        self._appended, self._since = Appended(log), time.time() - DISORDER_S

    def digests(self) -> frozenset[str]:
        """Return the digests of blobs that clients were told are there since the last call, or since this began."""
        return frozenset(_asked(self._appended.lines(), self._since))

    def close(self) -> None:
        """Close the log."""
        self._appended.close()


def last_pulls(log: Path) -> dict[tuple[str, str], float]:
    """Return when each image was last pulled by digest (Unix time), by repository and digest, as far back as the log goes.

    A HEAD is no pull: that is how one looks whether it is there.
    """
    pulls: dict[tuple[str, str], float] = {}
    for one, found in _fetched(log, b'"status":200', b"manifests"):
        if one.status == HTTPStatus.OK and found[2] == "manifests" and re.fullmatch(_DIGEST, found[3]):
            key = found[1], found[3]
            pulls[key] = max(one.time, pulls.get(key, 0))
    return pulls


@dataclass
class Pulls:
    """What clients have pulled from a repository.

    Attributes:
        references: How often each tag or digest was fetched as a manifest.
        last: When one was last (Unix time).
        size: Bytes of layers and manifests that were sent.
        latest: By tag or digest, when that was last.
    """

    references: Counter[str] = field(default_factory=Counter)
    last: float = 0.0
    size: int = 0
    latest: dict[str, float] = field(default_factory=dict)

    def add(self, one: Line, asked: re.Match[str]) -> None:
        """Count a request for content that was answered."""
        self.size += one.size
        if asked[2] == "manifests":
            self.references[asked[3]] += 1
            self.last = max(self.last, one.time)
            self.latest[asked[3]] = max(self.latest.get(asked[3], 0.0), one.time)


def pulls_of(log: Path) -> dict[str, Pulls]:
    """Return what clients have pulled, by repository, as far back as the log goes. A HEAD is no pull."""
    found: dict[str, Pulls] = {}
    for one, asked in _fetched(log, b'"method":"GET"'):
        if one.status in SENT:
            found.setdefault(asked[1], Pulls()).add(one, asked)
    return found


def _fetched(log: Path, *having: bytes) -> Iterator[tuple[Line, re.Match[str]]]:
    """Yield each GET of a manifest or blob whose line has some texts, with the parts of its path: others are not parsed."""
    for path in every_file(log):
        for line in lines_of(path):
            if b"/v2/" not in line or not all(text in line for text in having):
                continue
            one = parsed(line)
            if one and (found := content_of(one)):
                yield one, found


def content_of(one: Line) -> re.Match[str] | None:
    """Return the parts of the path of a GET of a manifest or blob: repository, `manifests` or `blobs`, tag or digest."""
    return _CONTENT.fullmatch(one.path) if one.method == "GET" else None


def reaches_back_to(log: Path) -> float | None:
    """Return the time of the oldest line that is kept (Unix time); None if there is none."""
    lines = (line for path in every_file(log) for line in lines_of(path))
    return next((one.time for one in map(parsed, lines) if one), None)


def _asked(lines: Iterable[bytes], since: float) -> set[str]:
    found: set[str] = set()
    for line in lines:
        if b'"method":"HEAD"' not in line and b"mount=" not in line:
            continue
        one = parsed(line)
        if one is None or one.time < since:
            continue
        if one.method == "HEAD" and one.status == HTTPStatus.OK and (path := _PATH.fullmatch(one.path)) and path[2] == "blobs":
            found.add(path[3])
        if one.method == "POST" and one.status == HTTPStatus.CREATED:
            found.update(digest for digest in parse_qs(one.query).get("mount", ()) if re.fullmatch(_DIGEST, digest))
    return found


def parsed(line: bytes) -> Line | None:
    """Return what a line says; None if it is not a whole line of a request."""
    try:
        entry: Any = json.loads(line.decode("utf-8", "replace"))
        if b"\\ud" in line or b"\\uD" in line:  # halves of characters cannot be shown
            entry = json.loads(json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace"))
        request = entry["request"]
        target, _, query = str(request["uri"]).partition("?")
        path = target if target.startswith("/") else urlsplit(target).path  # clients may send a whole URL
        answered = entry.get("resp_headers", {})
        at = float(entry["ts"])
        if not 0 <= at < _NEVER:
            return None
        return Line(
            at,
            str(request["method"]),
            int(entry["status"]),
            unquote(path),
            query,
            int(entry.get("size", 0)),
            str(request.get("client_ip") or request.get("remote_ip", "")),
            _first(request.get("headers", {}), "User-Agent"),
            _first(answered, "Content-Type"),
            _first(answered, USER_HEADER) if path == TOKEN_PATH else "",
        )
    except UNEXPECTED:
        return None


def _first(headers: Mapping[str, Any], name: str) -> str:
    """Return the first value of a header, as Caddy logs them; empty without one."""
    return str((headers.get(name) or [""])[0])
