"""Decides which backups go: those that restic's rules do not keep, after a grace time, and none if anything looks odd."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from datetime import datetime, timedelta
from itertools import pairwise

from ops.backups.repository import GOOD, SUSPICIOUS, is_complete, is_good
from ops.backups.told import Backup
from ops.config import KeepBackups
from ops.tasks.prune.model import PrunePlan, Refusal

# How far the clocks of two machines may be apart.
_CLOCKS = timedelta(hours=1)
# If no good backup has been made for so long, the old ones may be the only good ones that there will ever be.
_FRESH = timedelta(days=7)


def planned(
    backups: Sequence[Backup],
    outlived: Set[str],
    noted: Mapping[str, datetime],
    keep: KeepBackups,
    now: datetime,
    *,
    allowed: Collection[Refusal] = (),
) -> PrunePlan:
    """Return what would be removed.

    Args:
        backups: All of them, the oldest first.
        outlived: Ids of those that the rules do not keep.
        noted: Since when that has been known of a backup, by id. What is noted for a time to come does not count.
        keep: The rules.
        now: The time by this machine's clock.
        allowed: Safety checks that are overridden.
    """
    good = [one for one in backups if is_good(one) and SUSPICIOUS not in one.tags]
    # Never the latest good one, whatever anybody says.
    going = [one for one in good[:-1] if one.id in outlived - _stand_ins(backups, outlived)]
    going += [one for one in backups if GOOD in one.tags and not is_complete(one) and good and one.made_at < good[-1].made_at]
    since = {one.id: min(noted.get(one.id, now), now) for one in going}
    grace = timedelta(days=keep.grace_days)
    remove = [one for one in going if since[one.id] + grace <= now]
    later = {one.id: since[one.id] + grace for one in going if since[one.id] + grace > now}
    found = _odd(good, going, keep, now) if going else {}
    return PrunePlan(
        remove=remove,
        later=later,
        noted=since,
        kept=len(backups) - len(remove),
        suspicious=sum(SUSPICIOUS in one.tags for one in backups),
        refused={kind: reason for kind, reason in found.items() if kind not in allowed},
    )


def _stand_ins(backups: Sequence[Backup], outlived: Set[str]) -> set[str]:
    """Return the ids of those in whose stead restic's rules, which take any for good, keep an incomplete one made next."""
    counted = [one for one in backups if GOOD in one.tags]
    return {one.id for one, later in pairwise(counted) if not is_complete(later) and later.id not in outlived}


def _odd(good: Sequence[Backup], going: Sequence[Backup], keep: KeepBackups, now: datetime) -> dict[Refusal, str]:
    """Return what speaks against removing anything: there is some, and so at least one that stays."""
    latest, found = max(good, key=lambda one: one.made_at), dict[Refusal, str]()
    if latest.made_at > now + _CLOCKS:
        found[Refusal.CLOCK] = (
            f"{latest.name} was made on {latest.made_at:%Y-%m-%d}, and today is {now:%Y-%m-%d}; one of the clocks is wrong. "
            "If it is not this one's, find out who made that backup; then pass --allow clock"
        )
    if now - latest.made_at > _FRESH:
        found[Refusal.AGE] = (
            f"the latest good backup is {(now - latest.made_at).days} days old, and the limit is {_FRESH.days}; "
            "make one with `regops backup`, or pass --allow age"
        )
    # One that shares its day, week or month with another is no loss; one that is older than all rules reach back is.
    reach = timedelta(days=max(keep.all_days, keep.daily_days, keep.weekly_days, keep.monthly_days))
    expired = sum(one.made_at < latest.made_at - reach for one in going)
    if expired / len(good) > keep.max_share:
        found[Refusal.SHARE] = (
            f"{expired} of {len(good)} backups are more than {reach.days} days older than the latest one, and the limit is "
            f"{keep.max_share:.0%}; look at `regops backups prune --dry-run`, then pass --allow share"
        )
    return found
