"""What is sent and what is not: changes, not states; a pure function of what was known, what is reported, and the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from ops.config.notify import AlertRules, Severity
from ops.notify.again import Ended, Endings
from ops.notify.message import Letter, Message, Time, collapse
from ops.notify.text import duration, utc

_RESOLVED_TAG = "white_check_mark"
_AT_ONCE = 10
_HELD_AT_ONCE = 3
_HELD_KEPT = 100
_STORY_KEPT = 100

Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class AlertEvent:
    """Something a task reports.

    Attributes:
        message: What to say about it.
        ok: False when what the fingerprint names is broken, True when it was checked and is fine; None for news.
        changed: Whether it is broken in another way than was told last: then it is told, though it is known.
        began: Since when it is broken, where whoever reports it says that each time; it tells an old report from a new one.
    """

    message: Message
    ok: bool | None = None
    changed: bool = False
    began: float | None = None

    def __post_init__(self) -> None:
        if self.ok is not None and self.message.fingerprint is None:
            raise ValueError(f"{self.message.title!r} reports a state, so it needs a fingerprint")


@dataclass(frozen=True)
class Firing:
    """An open problem.

    Attributes:
        message: As first sent, or as sent when it got worse or changed.
        since: When it was first reported.
        told: When it was last sent.
        count: How often it has been reported.
        reported: When it was last reported; 0 if that is not known.
        began: When it began, as whoever reported it says; None if that is not said.
    """

    message: Message
    since: Time
    told: Time
    count: Annotated[int, Field(ge=1)] = 1
    reported: Time = 0.0
    began: Time | None = None


@dataclass(frozen=True)
class Day:
    """The material for the next daily digest: what started and ended, and how often tasks reported good and bad results.

    Attributes:
        story: Its lines.
        left_out: How many more there were.
        good: Good reports, by task.
        bad: Bad reports, by task.
    """

    story: tuple[str, ...] = ()
    left_out: Count = 0
    good: dict[str, Count] = field(default_factory=dict)
    bad: dict[str, Count] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownState:
    """What is known between two runs.

    Attributes:
        firing: Open problems, oldest first.
        held: News held until the quiet hours end.
        held_left_out: How many more there were.
        day: Since the last digest.
        digest_on: Date of the last digest, `YYYY-MM-DD`; empty before the first run.
        ended: Problems whose beginning is known, and that have ended.
        schema: Version of the format.
    """

    firing: tuple[Firing, ...] = ()
    held: tuple[Letter, ...] = ()
    held_left_out: Count = 0
    day: Day = Day()
    digest_on: Annotated[str, Field(pattern=r"^(\d{4}-\d\d-\d\d)?$")] = ""
    ended: tuple[Ended, ...] = ()
    schema: Literal[1] = 1


def decide(
    state: KnownState, events: Sequence[AlertEvent], now: float, rules: AlertRules
) -> tuple[KnownState, tuple[Message, ...]]:
    """Return what is known afterwards, and what to send, in order.

    Args:
        state: What was known before.
        events: What is reported, in order; empty when only time has passed.
        now: In seconds since the epoch. Clocks may jump: a time in the future is treated as now.
        rules: When to send what.
    """
    local = datetime.fromtimestamp(now, ZoneInfo(rules.time_zone))
    state, told = _changes(state, events, now)
    state, reminders = _reminders(state, now, rules)
    state, digest = _digest(state, now, local, rules.digest_hour)
    quiet = rules.quiet_hours is not None and rules.quiet_hours.covers(local.time())
    state, out = _hold(state, [*told, *reminders, *digest], now, quiet=quiet)
    if len(out) > _AT_ONCE:
        out = [collapse([Letter(message, now) for message in out], f"{len(out)} messages at once")]
    return state, tuple(out)


def _changes(state: KnownState, events: Sequence[AlertEvent], now: float) -> tuple[KnownState, list[Message]]:
    firing = {one.message.fingerprint: one for one in state.firing}
    ended = Endings(state.ended, now)
    day, out = state.day, list[Message]()
    for event in events:
        message, name = event.message, event.message.fingerprint
        if name is None or event.ok is None:
            out.append(message)
            continue
        known = firing.get(name)
        if event.ok:
            day = replace(day, good=_counted(day.good, name.task))
            ended.add(name, known.began if known else None)
            if known:
                del firing[name]
                out.append(_resolved(known, now))
                day = _tell_of(day, f"Resolved {utc(now)}: {known.message.title}")
            continue
        if known is None and ended.doubt(name, event.began):
            continue
        day = replace(day, bad=_counted(day.bad, name.task))
        if known is None:
            firing[name] = Firing(message, now, now, reported=now, began=event.began)
            out.append(message)
            day = _tell_of(day, f"Started {utc(now)}: {message.title}")
        elif event.changed or message.severity.rank > known.message.severity.rank:
            firing[name] = replace(known, message=message, told=now, count=known.count + 1, reported=now)
            out.append(message)
        else:
            firing[name] = replace(known, count=known.count + 1, reported=now)
    return replace(state, firing=tuple(firing.values()), day=day, ended=ended.kept()), out


def _reminders(state: KnownState, now: float, rules: AlertRules) -> tuple[KnownState, list[Message]]:
    kept, out = list[Firing](), list[Message]()
    for known in state.firing:
        one = replace(known, told=min(known.told, now))  # a clock that was ahead must not silence it
        urgent = one.message.severity is Severity.CRITICAL
        if now - one.told >= (rules.urgent_reminder_hours if urgent else rules.reminder_hours) * 3600.0:
            one = replace(one, told=now)
            first = f"Unresolved for {duration(now - one.since)}: reported {_times(one.count)} since {utc(one.since)}."
            out.append(replace(one.message, title=f"Still: {one.message.title}", lines=(first, *one.message.lines)))
        kept.append(one)
    return replace(state, firing=tuple(kept)), out


def _digest(state: KnownState, now: float, local: datetime, hour: int | None) -> tuple[KnownState, list[Message]]:
    today = local.date().isoformat()
    if hour is None or not state.digest_on:
        return replace(state, digest_on=today), []
    if state.digest_on == today or local.hour < hour:
        return state, []
    fresh = replace(state, day=Day(), digest_on=today)
    if not state.firing and not state.day.story:
        return fresh, []  # a daily "all is well" teaches people to stop reading
    broken = [f"{one.message.severity}: {one.message.title} (for {duration(now - one.since)})" for one in state.firing]
    tasks = sorted({*state.day.good, *state.day.bad})
    runs = [f"{task}: {state.day.good.get(task, 0)} good, {state.day.bad.get(task, 0)} bad" for task in tasks]
    lines = [*(["Open problems:", *broken] if broken else ["No open problems."])]
    lines += ["", "Reports:", *runs] if runs else []
    lines += ["", "Since the last digest:", *state.day.story] if state.day.story else []
    title = f"Daily digest: {len(broken)} open" if broken else "Daily digest: all resolved"
    return fresh, [Message(title, tuple(lines), omitted=state.day.left_out, tags=("newspaper",))]


def _hold(state: KnownState, messages: Sequence[Message], now: float, *, quiet: bool) -> tuple[KnownState, list[Message]]:
    """Hold news during quiet hours and release it afterwards."""
    if quiet:
        news = [Letter(message, now) for message in messages if _can_wait(message)]
        held = (*state.held, *news)
        extra = max(0, len(held) - _HELD_KEPT)
        kept = replace(state, held=held[extra:], held_left_out=state.held_left_out + extra)
        return kept, [message for message in messages if not _can_wait(message)]
    if len(state.held) > _HELD_AT_ONCE:
        count = len(state.held) + state.held_left_out
        released = [collapse(state.held, f"{count} messages from the quiet hours", omitted=state.held_left_out)]
    else:
        released = [collapse([letter], "") for letter in state.held]
    return replace(state, held=(), held_left_out=0), [*released, *messages]


def _can_wait(message: Message) -> bool:
    """Whether a message can wait until the quiet hours end: whoever was woken up may know that it is over."""
    return message.severity is Severity.INFO and message.reach is not Severity.CRITICAL


def _resolved(known: Firing, now: float) -> Message:
    lasted = f"It lasted {duration(now - known.since)}, from {utc(known.since)}, and was reported {_times(known.count)}."
    old = known.message
    where = [line for line in old.lines if line.startswith("Where: ")]
    return Message(
        f"Resolved: {old.title}",
        (lasted, *where),
        reach=old.severity,
        fingerprint=old.fingerprint,
        actions=old.actions,
        tags=(_RESOLVED_TAG,),
    )


def _tell_of(day: Day, line: str) -> Day:
    if len(day.story) < _STORY_KEPT:
        return replace(day, story=(*day.story, line))
    return replace(day, left_out=day.left_out + 1)


def _counted(counts: dict[str, int], task: str) -> dict[str, int]:
    return {**counts, task: counts.get(task, 0) + 1}


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
