"""Why a collection does not begin."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ops.tasks.gc.model import Plan, Refusal, SafetyLimits

_SHOWN = 3
_DAY_S = 86_400.0


def refusals(
    plan: Plan, lost: Collection[str], limits: SafetyLimits, backup_age_s: Callable[[], float | None]
) -> dict[Refusal, str]:
    """Return why a collection does not begin, each reason with its remedy.

    Args:
        plan: What would go.
        lost: Digests that the registry's collector would remove although a tag leads to them.
        limits: What is allowed.
        backup_age_s: Tells how old the last verified backup is; None when there is none.
    """
    found: dict[Refusal, str] = {}
    if lost:
        found[Refusal.SPARSE] = (
            f"the registry's collector would remove {len(lost)} blobs that tags name ({_some(lost)}). That happens when an index "
            "lacks a manifest in one repository that another one has; push that image whole, or give --allow sparse: what tags "
            "lead to stays"
        )
    if plan.all_blobs and plan.blobs / plan.all_blobs > limits.max_share:
        found[Refusal.SHARE] = (
            f"{plan.blobs} of {plan.all_blobs} blobs would go, and {limits.max_share:.0%} may; look at `regops gc --dry-run`, "
            "then give --allow share"
        )
    if limits.max_backup_age_s is not None:
        age = backup_age_s()
        if age is None or age > limits.max_backup_age_s:
            what = "there is no verified backup" if age is None else f"the last verified backup is {age / _DAY_S:.1f} days old"
            found[Refusal.BACKUP] = (
                f"{what}, and one of {limits.max_backup_age_s / _DAY_S:g} days is asked for; make one, or give --allow backup"
            )
    return {kind: reason for kind, reason in found.items() if kind not in limits.allowed}


def _some(digests: Collection[str]) -> str:
    shown = sorted(digests)[:_SHOWN]
    return ", ".join(shown) + (", …" if len(digests) > len(shown) else "")
