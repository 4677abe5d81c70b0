"""How values are written on the pages: times, sizes, digests."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import humanize
from markupsafe import Markup, escape

_SHORT_DIGEST = 12
_MINUTE_S = 60.0
_UNITS = ((86_400.0, "d"), (3600.0, "h"), (_MINUTE_S, "min"))


def ago(at: datetime | float | None) -> str:
    """Return how long ago a time was, in words; one in the future is now, since only a clock can have been ahead."""
    if at is None:
        return "never"
    seconds = time.time() - (at.timestamp() if isinstance(at, datetime) else at)
    return "just now" if seconds < _MINUTE_S else humanize.naturaltime(timedelta(seconds=seconds))


def when(at: datetime | float | None) -> Markup:
    """Return a time as HTML: in words, and exactly for who points at it and for programs."""
    if at is None:
        return Markup("never")
    return _time(_in_utc(at), ago(at))


def until(at: datetime | float) -> Markup:
    """Return a time to come as HTML: in words, and exactly."""
    left = timedelta(seconds=max(0.0, _in_utc(at).timestamp() - time.time()))
    return _time(_in_utc(at), f"in {humanize.naturaldelta(left)}" if left else "now")


def moment(at: datetime) -> str:
    """Return a time to the minute, in UTC: the name of what was made then."""
    return f"{at.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def stamp(at: datetime | float) -> str:
    """Return a time as addresses have it."""
    return _in_utc(at).isoformat(timespec="seconds")


def read_time(text: str) -> datetime | None:
    """Return a time that a program has written; None if it is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (TypeError, ValueError):
        return None


def _in_utc(at: datetime | float) -> datetime:
    return (at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)).astimezone(UTC)


def _time(at: datetime, words: str) -> Markup:
    exactly = f"{at:%Y-%m-%d %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(timespec="seconds"), exactly, words)


def size(count: float | None) -> str:
    """Return a number of bytes in words."""
    return "unknown" if count is None else humanize.naturalsize(count, binary=True)


def duration(seconds: float | None) -> str:
    """Return a duration, in the largest unit of which it has two."""
    if seconds is None:
        return "unknown"
    if seconds < 1:
        return "under 1 s"
    unit, name = next(((unit, name) for unit, name in _UNITS if seconds >= 2 * unit), (1.0, "s"))
    return f"{seconds / unit:.0f} {name}"


def short(digest: str | None) -> str:
    """Return the beginning of a digest, by which people tell it from others."""
    algorithm, _, encoded = (digest or "").partition(":")
    return f"{algorithm}:{encoded[:_SHORT_DIGEST]}" if encoded else "none"


def day(at: datetime) -> str:
    """Return the day of a time, in UTC."""
    return f"{at.astimezone(UTC):%A, %-d %B %Y}"


def code(text: str, command: str) -> Markup:
    """Return a text as HTML in which what stands between backticks is code, and `regops` is called as this host calls it."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # one is missing
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(_called(piece, command)) if index % 2 else escape(piece)
        for index, piece in enumerate(pieces)
    )


def _called(piece: str, command: str) -> str:
    return f"{command}{piece.removeprefix('regops')}" if piece.partition(" ")[0] == "regops" else piece


FILTERS: Mapping[str, Callable[..., object]] = {
    "ago": ago,
    "when": when,
    "moment": moment,
    "stamp": stamp,
    "time": read_time,
    "until": until,
    "size": size,
    "duration": duration,
    "short": short,
    "day": day,
}
