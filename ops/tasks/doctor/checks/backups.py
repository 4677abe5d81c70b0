"""Checks of backups: the last one, the last that was verified, and the last drill, each with its figures."""

from __future__ import annotations

import time
from datetime import timedelta

import humanize
from humanize import naturalsize

from ops.backups.recovery import is_awaited, recovery_of
from ops.backups.standing import Good, Standing, Verified, standing_of, verified_within_s
from ops.config import DRILLED_WITHIN_DAYS
from ops.core.findings import FAILED, OK, SKIPPED, WARNING, Check
from ops.stack.stack import Stack

_DAY_S = 86_400.0
_RECOVERY, _LAST, _VERIFIED, _DRILL = "recovery", "last backup", "last verified", "last drill"


def backups(stack: Stack) -> list[Check]:
    """Return how the backups of a stack stand; nothing if it has none."""
    if stack.config.backup.target is None:
        return []
    recovering = [_recovery(stack)] if is_awaited(stack) else []
    standing, limit_s = standing_of(stack), verified_within_s(stack)
    good = standing.good
    if good is None:
        return [*recovering, Check(_LAST, SKIPPED, "there is none yet", "`regops backup` makes one")]
    return [*recovering, _last(good, limit_s), _verified(good, standing.verified, limit_s), _drill(good, standing)]


def _recovery(stack: Stack) -> Check:
    known = recovery_of(stack)
    if known is None or not known.pointers:
        return Check(_RECOVERY, WARNING, "not done yet, and most tasks wait for it", "`up` goes on with it")
    detail = f"backup {known.backup[:8]} serves what is not on the disk yet, since {_ago(time.time() - known.pointers)}"
    return Check(_RECOVERY, WARNING, detail, "`up` brings it, or `regops recover --check`, which says how far that is")


def _last(good: Good, limit_s: float) -> Check:
    age = time.time() - good.current
    sent = f"{_size(good.added)} sent in {good.seconds:.0f} s"
    detail = f"{good.name}, current {_ago(age)}: {good.tags} tags, {good.blobs} blobs, {_size(good.size)}; {sent}"
    late = age > limit_s
    return Check(_LAST, WARNING if late else OK, detail, "`regops backup` makes one, or says what is in its way" if late else "")


def _verified(good: Good, verified: Verified | None, limit_s: float) -> Check:
    remedy = "`regops verify` checks the backups"
    if verified is None:
        late = time.time() - good.since > limit_s
        return Check(_VERIFIED, WARNING if late else SKIPPED, "no backup is verified", remedy)
    age = time.time() - verified.current
    how = "checked on their server" if verified.by_server else "read back"
    read = f"{how}: {verified.part} of {verified.backups} backups in {verified.seconds:.0f} s"
    detail = f"{verified.name}, current {_ago(age)}, verified {_ago(time.time() - verified.at)}: {read}"
    late = age > limit_s
    return Check(_VERIFIED, WARNING if late else OK, detail, remedy if late else "")


def _drill(good: Good, standing: Standing) -> Check:
    drilled, limit_s = standing.drilled, DRILLED_WITHIN_DAYS * _DAY_S
    late = time.time() - max(good.since, drilled.last_passed if drilled else 0.0) > limit_s
    if drilled is None:
        detail = f"none in {DRILLED_WITHIN_DAYS:g} days" if late else "there was none yet"
        return Check(_DRILL, WARNING if late else SKIPPED, detail, "`regops drill` tries a restore")
    detail = f"{drilled.name}, {_ago(time.time() - drilled.at)}: {drilled.summary}"
    if not drilled.passed:
        return Check(_DRILL, FAILED, detail, "`regops drill show` has the details; `regops drill` tries it again")
    return Check(_DRILL, WARNING if late else OK, detail, "`regops drill` tries another restore" if late else "")


def _ago(age_s: float) -> str:
    return humanize.naturaltime(timedelta(seconds=max(0.0, age_s)))


def _size(size: float) -> str:
    return naturalsize(size, binary=True)
