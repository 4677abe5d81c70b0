"""Which tags go by the rules: pure, from what the tree has and what the ledger knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ops.catalogue.patterns import Patterns
from ops.config import RetentionOrder, RetentionRule, version_of
from ops.registry.listing import Links, written_at
from ops.tasks.changes.model import Kind, Record, Source
from ops.tasks.retention.model import OldTag, RetentionPlan, RuleShare

# Signatures and attestations: the garbage collector deletes them with what they sign.
_SIGNATURE = "sha256-"

# Returns when a tag was pushed last, from its repository, its name, what it points to, and when its link was written.
PushTimes = Callable[[str, str, str, datetime], datetime]


def plan_of(rules: Sequence[RetentionRule], repositories: Mapping[str, Links], pushed: PushTimes) -> RetentionPlan:
    """Return what would be deleted.

    Args:
        rules: The rules.
        repositories: What their repositories have.
        pushed: Tells when a tag was pushed last.
    """
    shares, kept, old = [], set[tuple[str, str]](), dict[tuple[str, str], OldTag]()
    unclear: dict[str, str] = {}
    for rule in rules:
        links = repositories.get(rule.repository, Links())
        if why := [*links.unlisted, *links.unreadable]:
            unclear[rule.repository] = why[0]
            continue
        matching = _matching(rule, links, pushed)
        newest, rest = _split(rule, matching)
        kept |= {(one.repository, one.tag) for one in newest}
        old |= {(one.repository, one.tag): one for one in rest}
        shares.append((rule, len(matching), tuple(one.tag for one in newest)))
    going = sorted((one for key, one in old.items() if key not in kept), key=lambda one: (one.repository, one.pushed, one.tag))
    return RetentionPlan(
        rules=tuple(
            RuleShare(rule.name, rule.order, count, newest, sum(one.rule == rule.name for one in going))
            for rule, count, newest in shares
        ),
        old=tuple(going),
        unclear=tuple(f"{name}: {why}" for name, why in sorted(unclear.items())),
    )


def last_push(
    records: Sequence[Record], told: datetime | None, looked: datetime | None, digest: str, written: datetime
) -> datetime:
    """Return when a tag was pushed last.

    Args:
        records: What the ledger knows of the tag, in order.
        told: The last push of it that the registry told; None if it told none.
        looked: When the ledger was brought up to date last; None if it never was.
        digest: What the tag points to.
        written: When its link was written: at a push, but at a restore too.
    """
    if looked is None or written > looked or not records or records[-1].change.new != digest:
        return written
    at = len(records) - 1
    while at > 1 and _restored(records[at - 1], records[at]):
        at -= 2
    found = min(written, records[at].time)
    return max(found, told) if told else found


def _restored(before: Record, record: Record) -> bool:
    """Whether a tag came back as it was, without a push that the registry told: somebody restored it from a snapshot."""
    seen = record.kind is Kind.ADDED and record.source is Source.SCAN and record.actor is None
    return seen and before.kind is Kind.REMOVED and before.change.old == record.change.new


def _matching(rule: RetentionRule, links: Links, pushed: PushTimes) -> list[OldTag]:
    # By RE2: Python takes hours for some patterns with several stars, and whoever pushes chooses the tags.
    pattern = Patterns([f"(?:{rule.tags})"])
    return [
        OldTag(
            rule.repository, tag, digest, pushed(rule.repository, tag, digest, _time(links.tags[tag])), rule.name, links.tags[tag]
        )
        for tag, digest in links.pointed.items()
        if pattern.match(tag) and not tag.startswith(_SIGNATURE)
    ]


def _split(rule: RetentionRule, matching: Sequence[OldTag]) -> tuple[Sequence[OldTag], Sequence[OldTag]]:
    """Return the newest tags, which stay, and the others. Those that are as new as the last one that stays, stay too."""

    def age(one: OldTag) -> Any:
        return version_of(one.tag) if rule.order is RetentionOrder.VERSION else one.pushed

    ordered = sorted(matching, key=lambda one: (age(one), one.tag), reverse=True)
    if len(ordered) <= rule.keep:
        return ordered, []
    oldest_kept = age(ordered[rule.keep - 1])
    return [one for one in ordered if age(one) >= oldest_kept], [one for one in ordered if age(one) < oldest_kept]


def _time(stamp: int) -> datetime:
    return datetime.fromtimestamp(written_at(stamp), UTC)
