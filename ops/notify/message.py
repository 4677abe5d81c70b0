"""Messages, and the template they are written by."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from ops.config.notify import Severity
from ops.notify.text import LINE_BYTES, fit, size, tidy, utc

# The most a message may hold. Services accept less; the code that writes for a service cuts to its limits.
_TITLE_BYTES = 200
_BODY_BYTES = 16_000
_LINES = 300
_WORD_BYTES = 80
_URL_BYTES = 400
_ACTIONS = 3  # ntfy refuses more
_TAGS = 4
_LABEL_BYTES = 40
_URL = re.compile(r"https?://[!#-\[\]-~]+")  # no quotes, no backslashes: a byte stays a byte in JSON
_TAG = re.compile(r"[a-z0-9_+-]{1,32}")

# Seconds since the epoch, up to the year 3000: what can be turned into a date.
Time = Annotated[float, Field(ge=0, le=32_503_680_000)]


@dataclass(frozen=True, order=True)
class Fingerprint:
    """Tells whether two reports are about the same thing: `gc`, `failed`, `library/nginx`."""

    task: str
    kind: str
    subject: str = ""

    def __post_init__(self) -> None:
        for name in ("task", "kind", "subject"):
            object.__setattr__(self, name, tidy(getattr(self, name), LINE_BYTES))


@dataclass(frozen=True)
class Action:
    """A link worth opening."""

    label: str
    url: str


@dataclass(frozen=True)
class Message:
    """Something to say. Whatever it is made from, it holds only what can be shown, stored and sent.

    Attributes:
        title: What happened, in one line.
        lines: The rest, most important first: the end is cut where a service accepts less.
        severity: How bad it is.
        reach: Whom it goes to: the channels that want this severity; None for its own. Who was told of a problem is told of its
            end too.
        fingerprint: What it is about; None for news without a state.
        next_command: What to type next; never cut.
        actions: Up to three links; tapping the message opens the first.
        tags: ntfy tags: short names of emoji.
        run: The run it comes from.
        omitted: How many lines are missing at the end.
    """

    title: str
    lines: tuple[str, ...] = ()
    severity: Severity = Severity.INFO
    reach: Severity | None = None
    fingerprint: Fingerprint | None = None
    next_command: str = ""
    actions: tuple[Action, ...] = ()
    tags: tuple[str, ...] = ()
    run: str = ""
    omitted: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        raw = [line for text in self.lines for line in text.splitlines() or [""]]
        lines = [tidy(line, LINE_BYTES) for line in raw[:_LINES]]
        sizes = itertools.accumulate(size(line) + size("\n") for line in lines)
        kept = sum(total <= _BODY_BYTES for total in sizes)
        actions = [Action(tidy(one.label, _LABEL_BYTES), one.url) for one in self.actions if _is_url(one.url)]
        values: dict[str, object] = {
            "title": tidy(self.title, _TITLE_BYTES).strip() or "(no title)",
            "lines": tuple(lines[:kept]),
            "omitted": self.omitted + len(raw) - kept,
            "next_command": tidy(self.next_command, LINE_BYTES),
            "actions": tuple([one for one in actions if one.label][:_ACTIONS]),
            "tags": tuple([tag for tag in self.tags if _TAG.fullmatch(tag)][:_TAGS]),
            "run": tidy(self.run, _WORD_BYTES),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)


def _is_url(text: str) -> bool:
    return len(text) <= _URL_BYTES and _URL.fullmatch(text) is not None


@dataclass(frozen=True)
class Letter:
    """A message on its way.

    Attributes:
        message: What it says.
        at: When it was written.
        id: Also shown in the footer, so that a reader recognizes a repeat; empty until it is posted.
    """

    message: Message
    at: Time
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{0,32}$")] = ""


def report(
    what: str,
    *,
    where: str,
    since: float | None = None,
    impact: str = "",
    details: Iterable[str] = (),
    severity: Severity = Severity.INFO,
    fingerprint: Fingerprint | None = None,
    next_command: str = "",
    actions: Sequence[Action] = (),
    tags: Sequence[str] = (),
    run: str = "",
) -> Message:
    """Write a message by the template: what happened, where, since when, its impact, details, the next command, the run."""
    head = [("Where", where), ("Since", "" if since is None else utc(since)), ("Impact", impact)]
    lines = [f"{name}: {text}" for name, text in head if text]
    more = list(details)
    return Message(
        title=what,
        lines=(*lines, *(["", *more] if more else [])),
        severity=severity,
        fingerprint=fingerprint,
        next_command=next_command,
        actions=tuple(actions),
        tags=tuple(tags),
        run=run,
    )


def body_of(letter: Letter, limit: int, *, links: bool = False) -> str:
    """Return the text below the title, at most `limit` bytes; lines are cut, never the footer.

    Args:
        letter: The letter.
        limit: In bytes (`ops.notify.text.size`); at least 1,500.
        links: Write out the actions, for services without buttons.
    """
    message = letter.message
    run = f"Run {message.run}, message" if message.run else "Message"
    shown = [f"{one.label}: {one.url}" for one in message.actions] if links else []
    command = [f"Next: {message.next_command}"] if message.next_command else []
    footer = "\n".join([*shown, *command, f"{run} {letter.id}"])
    head = "\n".join(fit(message.lines, message.omitted, limit - size(footer) - size("\n\n")))
    return f"{head}\n\n{footer}" if head else footer


def collapse(letters: Sequence[Letter], title: str, *, omitted: int = 0) -> Message:
    """Merge letters into one message, worst first, with the worst severity; a single one stays, plus when it was written."""
    if len(letters) == 1 and not omitted:
        only = letters[0]
        return replace(only.message, lines=(f"Written at {utc(only.at)}.", *only.message.lines))
    by_weight = sorted(letters, key=lambda letter: -letter.message.severity.rank)  # by time among equals
    lines = [f"{utc(letter.at)} {letter.message.severity}: {letter.message.title}" for letter in by_weight]
    worst = by_weight[0].message.severity if by_weight else Severity.INFO
    reach = max((letter.message.reach or letter.message.severity for letter in letters), key=lambda one: one.rank, default=None)
    return Message(title, tuple(lines), severity=worst, reach=reach, omitted=omitted)
