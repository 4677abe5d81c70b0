"""Safety checks: why a collection refuses to start."""

from __future__ import annotations

from collections.abc import Callable

from ops.tasks.gc.model import Plan, Refusal, SafetyLimits

_DAY_S = 86_400.0


def refusals(
    plan: Plan, limits: SafetyLimits, backup_age_s: Callable[[], float | None], over_budget: Callable[[int], str]
) -> dict[Refusal, str]:
    """Return why a collection refuses to start, each reason with its remedy.

    Args:
        plan: What would be deleted.
        limits: What is allowed.
        backup_age_s: Returns how old the last verified backup is; None when there is none.
        over_budget: Returns why so many files are too many for the error budget; empty if they are not.
    """
    found: dict[Refusal, str] = {}
    if plan.all_blobs and plan.blobs / plan.all_blobs > limits.max_share:
        found[Refusal.SHARE] = (
            f"{plan.blobs} of {plan.all_blobs} blobs would be deleted, and the limit is {limits.max_share:.0%}; check with "
            "`regops gc --dry-run`, then pass --allow share"
        )
    if limits.max_backup_age_s is not None and (plan.blobs or plan.manifests or plan.tags):
        age = backup_age_s()
        if age is None or age > limits.max_backup_age_s:
            what = "no backup is verified" if age is None else f"the last verified backup is {age / _DAY_S:.1f} days old"
            limit = f"{limits.max_backup_age_s / _DAY_S:g} days"
            found[Refusal.BACKUP] = (
                f"{what}, and the limit is {limit}; `regops backup`, then `regops verify`, or pass --allow backup"
            )
    if Refusal.BUDGET not in limits.allowed and (reason := over_budget(plan.files)):
        found[Refusal.BUDGET] = reason
    return {kind: reason for kind, reason in found.items() if kind not in limits.allowed}
