"""The alerts of monitoring about itself: rules that fail, samples that are not stored, alerts that do not get out."""

from __future__ import annotations

from infra.plan import Plan
from stack_components.monitoring.rules import Alert, Group, alert

_ITS = '{job="prometheus"}'
# What goes wrong while it writes, in the last hours; it writes a block every two.
_WRITING = ("compactions_failed", "checkpoint_creations_failed", "head_truncations_failed", "reloads_failures")


def own_health(plan: Plan, logs: str) -> Group:
    """Return the alerts of Prometheus and Alertmanager.

    Args:
        plan: What runs.
        logs: The command that shows a service's log, but for the service's name.
    """
    # One is counted before the first sample, so it never increases.
    repaired = f"prometheus_tsdb_wal_corruptions_total > 0 and time() - process_start_time_seconds{_ITS} < 86400"
    failed = " or ".join(f"increase(prometheus_tsdb_{name}_total[3h]) > 0" for name in _WRITING)
    log = f"`{logs}-prometheus`"
    return Group(
        name="prometheus",
        rules=[
            alert(
                "MetricsNotStored",
                f"absent(up{_ITS})",
                hold="5m",
                severity="critical",
                service="prometheus",
                summary="Prometheus stores no metrics, so no other alert can fire",
                to_do=f"Its disk is full or read-only: `df -h` and `findmnt` show it, {log} what it could not write.",
            ),
            alert(
                "RulesFail",
                "increase(prometheus_rule_evaluation_failures_total[10m]) > 0",
                hold="5m",
                severity="warning",
                service="prometheus",
                summary="Alerts of {{ $labels.rule_group }} cannot be evaluated",
                to_do=f"They cannot fire until they can. {log} names the rule and the reason.",
            ),
            alert(
                "PrometheusReloadFailed",
                "prometheus_config_last_reload_successful == 0",
                hold="5m",
                severity="warning",
                service="prometheus",
                summary="Prometheus rejected its new configuration",
                to_do=f"It keeps the previous one. {log} says what is wrong. Running `up` restores the files.",
            ),
            alert(
                "PrometheusStorageFails",
                f"({repaired}) or {failed}",
                hold=None,
                severity="warning",
                service="prometheus",
                summary="Prometheus cannot read or write some of its own data",
                to_do=f"Samples may be missing. {log} says which files; is the disk full or failing?",
            ),
            *(_alertmanager(logs) if plan.runs("alertmanager") else []),
        ],
    )


def _alertmanager(logs: str) -> list[Alert]:
    away = 'up{job="alertmanager"} == 0'
    log = f"`{logs}-alertmanager`"
    return [
        alert(
            "AlertmanagerDown",
            away,
            hold="5m",
            severity="critical",
            service="alertmanager",
            summary="Alerts are not sent: Alertmanager is not responding",
            to_do=f"They are only shown, on Prometheus's page. See `docker ps -a` and {log}.",
        ),
        alert(
            "AlertsDropped",
            # While it is away that is no news; and what was dropped meanwhile is no news once it is back.
            f"increase(prometheus_notifications_dropped_total[5m]) > 0 unless on () {away}",
            hold="10m",
            severity="warning",
            service="alertmanager",
            summary="Prometheus cannot hand its alerts to Alertmanager",
            to_do=f"`{logs}-prometheus` says why, and {log} what it refused.",
        ),
        alert(
            "AlertmanagerReloadFailed",
            "alertmanager_config_last_reload_successful == 0",
            hold="5m",
            severity="warning",
            service="alertmanager",
            summary="Alertmanager rejected its new configuration",
            to_do=f"It keeps the previous one. {log} says what is wrong. Running `up` restores the file.",
        ),
    ]
