"""The alerts of the mirror: entries that do not get well, runs that do not come, and pulls that run out."""

from __future__ import annotations

from infra.plan import Plan
from infra.server.schedule import schedule
from stack_components.monitoring.rules import Group, alert
from stack_components.monitoring.tasks import IN_A_ROW, SEEN, period_s

_DAY_S = 86_400
_STALE_S, _FEW_PULLS = 3 * _DAY_S, 10
# As the doctor sees it: with a window, one run a day copies at least; else two runs in a row.
_LATE_WITH_WINDOW_H = 36
_RUN, _SUCCESS = "regops_mirror_last_run_timestamp_seconds", "regops_mirror_entry_last_success_seconds"


def mirror(plan: Plan) -> Group:
    """Return the alerts of the mirror of a server with a catalogue."""
    periods = [period_s(task.when) for task in schedule(plan) if task.name == "sync"]
    late_h = _LATE_WITH_WINDOW_H if plan.settings.sync.window else round(IN_A_ROW * periods[0] / 3600)
    # Measured at the last run: that no run comes is another alert, once and not for each entry.
    stale = f"{_RUN} - on (job, instance) group_right () ({_SUCCESS} > 0) > {_STALE_S}"
    never = f"{_SUCCESS} == 0 and {_SUCCESS} offset 3d == 0"
    lists = "`regops sync status` lists it with the reason"
    return Group(
        name="mirror",
        rules=[
            alert(
                "MirrorEntryStale",
                f"{stale} or {never}",
                hold="1h",
                severity="warning",
                service="regops",
                summary="{{ $labels.entry }} has not been mirrored for three days or longer",
                to_do=f"What is here of it can be pulled, and may be old. {lists}.",
            ),
            alert(
                "MirrorQuarantine",
                "regops_mirror_quarantined > 0",
                hold="1d",
                severity="warning",
                service="regops",
                summary="Mirror entries in quarantine: {{ $value }}",
                to_do="They are looked at once a day. `regops sync status` says why; once that is put right, "
                "`regops sync retry ENTRY` takes one out.",
            ),
            alert(
                "MirrorHasNotRun",
                f"time() - {_RUN} > {late_h * 3600}",
                hold="15m",
                severity="warning",
                service="regops",
                summary="Nothing has looked at the mirror's entries for {{ $value | humanizeDuration }}",
                to_do="`regops status` and `regops history --task sync` show what is wrong or in its way.",
            ),
            alert(
                "MirrorNeverRan",
                f"absent({_RUN}) and on () {SEEN}",
                hold=f"{late_h}h",
                severity="warning",
                service="regops",
                summary="Nothing has looked at the mirror's entries yet",
                to_do="`regops sync` looks now. `regops status` shows whether the catalogue can be read, and what is in its way.",
            ),
            alert(
                "MirrorPullsLow",
                f'regops_mirror_pulls_remaining{{registry="docker.io"}} < {_FEW_PULLS}',
                hold="5m",
                severity="warning",
                service="regops",
                summary="Docker Hub granted {{ $value }} more pulls when the mirror last asked",
                to_do="The mirror waits, and goes on by itself. With a login (hub_user, hub_token) more are granted; without "
                "one, all who pull from this address share them.",
            ),
        ],
    )
