"""The alerts of a stack, for the services that run."""

from __future__ import annotations

from infra.plan import Plan
from ops.config import PROBE_JOB
from stack_components.monitoring.cache import cache
from stack_components.monitoring.containers import containers
from stack_components.monitoring.error_budget import error_budget
from stack_components.monitoring.host import host
from stack_components.monitoring.mirror import mirror
from stack_components.monitoring.own_health import own_health
from stack_components.monitoring.rules import Group, RuleFile, alert, with_runbook
from stack_components.monitoring.server import server
from stack_components.monitoring.tasks import tasks

# Targets whose absence is an alert of its own, about what it means for users.
_OWN_ALERTS = ("alertmanager", "edge", "gateway", "registry", PROBE_JOB)
_GATEWAY_AWAY = 'up{job="gateway"} == 0'


def rule_file(plan: Plan) -> RuleFile:
    """Return the rules of a stack, for the services that run."""
    logs = f"docker logs {plan.settings.name}"
    groups = [_monitoring(plan, logs), own_health(plan, logs), _registry(logs), _gateway(logs), _edge(logs)]
    if plan.runs("blackbox-exporter"):
        groups += error_budget(logs)
        groups += [] if plan.settings.is_local else [_certificate(logs)]
    if plan.runs("redis-exporter"):
        groups.append(cache(logs))
    if plan.runs("crowdsec"):
        groups.append(_crowdsec(logs))
    if plan.runs("cadvisor"):
        groups.append(containers(plan, logs))
    if plan.runs("node-exporter"):
        groups.append(host(plan))
        groups += [] if plan.settings.is_local else [server(plan), tasks(plan), *([mirror(plan)] if plan.has_catalogue else [])]
    return RuleFile(groups=[with_runbook(group) for group in groups])


def _monitoring(plan: Plan, logs: str) -> Group:
    rules = [
        alert(
            "Watchdog",
            "vector(1)",
            hold=None,
            severity="none",
            service="prometheus",
            summary="Alerts are being evaluated",
            to_do="Always fires: while it arrives, so would all others, and an outside checker is told (docs/regops.md).",
        ),
        alert(
            "TargetDown",
            f'up{{job!~"{"|".join(_OWN_ALERTS)}"}} == 0',
            hold="5m",
            severity="warning",
            service="{{ $labels.job }}",
            summary="No metrics from {{ $labels.job }}",
            to_do=f"Alerts about it cannot fire until they are back. See `docker ps -a` and `{logs}-{{{{ $labels.job }}}}`.",
        ),
        alert(
            "ServiceRestarts",
            "changes(process_start_time_seconds[30m]) >= 2",
            hold=None,
            severity="warning",
            service="{{ $labels.job }}",
            summary="{{ $labels.job }} has started {{ $value }} times in half an hour",
            to_do=f"`{logs}-{{{{ $labels.job }}}}` shows its last words. Out of memory? Then ContainerOutOfMemory fires too.",
        ),
    ]
    if plan.runs("alertmanager"):
        rules.append(
            alert(
                "AlertsNotDelivered",
                # While the gateway is away, that is the alert.
                "increase(alertmanager_notifications_failed_total[15m]) > 0"
                ' unless on () min_over_time(up{job="gateway"}[20m]) == 0',
                hold="5m",
                severity="warning",
                service="alertmanager",
                summary="Alertmanager cannot hand alerts over",
                to_do=f"They go to the gateway: see `{logs}-alertmanager` and `{logs}-gateway`. It goes on trying.",
            )
        )
    return Group(name="monitoring", rules=rules)


def _registry(logs: str) -> Group:
    requests = "registry_http_requests_total"
    # To manifests that it does not understand and to uploads that are broken off, the registry answers 500 as to a full disk. The
    # edge tells the latter apart: an answer that has nobody left to go to is not counted as 500 there.
    failed = f'(sum(rate({requests}{{code=~"5..",method!~"patch|put"}}[5m])) or vector(0))'
    uploads = 'caddy_http_request_duration_seconds_count{handler="subroute",method="PATCH",code="500"}'
    return Group(
        name="registry",
        rules=[
            alert(
                "RegistryDown",
                f'up{{job=~"edge|registry"}} == 0 or probe_success{{job="{PROBE_JOB}"}} == 0',
                hold="2m",
                severity="critical",
                service="registry",
                summary="The registry is not responding ({{ $labels.instance }})",
                to_do=f"See `docker ps -a`, then `{logs}-registry` and `{logs}-edge`. Running `up` restores what is missing.",
            ),
            alert(
                "RegistryErrors",
                f"({failed} + (sum(rate({uploads}[5m])) or vector(0))) / sum(rate({requests}[5m])) > 0.01",
                hold="10m",
                severity="warning",
                service="registry",
                summary="{{ $value | humanizePercentage }} of the registry's responses are errors",
                to_do=f"`{logs}-registry` shows them. Usual causes: a full disk, or wrong ownership below data/registry.",
            ),
            alert(
                "RegistryEventsWaiting",
                f"max by (endpoint) (registry_notifications_pending_total) > 20 unless on () {_GATEWAY_AWAY}",
                hold="10m",
                severity="warning",
                service="registry",
                summary="{{ $value }} registry events are waiting for delivery",
                to_do=f"They go to the gateway: see `{logs}-gateway`. A restart of the registry loses waiting events.",
            ),
            alert(
                "RegistryStorageSlow",
                "histogram_quantile(0.99, sum by (le, action) (rate(registry_storage_action_seconds_bucket[10m]))) > 2",
                hold="10m",
                severity="warning",
                service="registry",
                summary="Slow storage: 1% of {{ $labels.action }} operations take {{ $value | humanizeDuration }} or more",
                to_do="Find what else keeps the disk busy (`iostat -x 5`): a backup, garbage collection, or a noisy neighbour.",
            ),
        ],
    )


def _gateway(logs: str) -> Group:
    pushes = 'sum(increase(registry_http_requests_total{handler="manifest",method="put",code="201"}[30m]))'
    told = 'sum(increase(gateway_events_total{action="push"}[30m]))'
    return Group(
        name="gateway",
        rules=[
            alert(
                "GatewayDown",
                _GATEWAY_AWAY,
                hold="2m",
                severity="critical",
                service="gateway",
                summary="Nobody can pull or push: the gateway, which issues tokens, is not responding",
                to_do=f"See `docker ps -a`, then `{logs}-gateway`. Running `up` restores what is missing.",
            ),
            alert(
                "EventsNotKept",
                "increase(gateway_database_errors_total[2m]) > 0",
                hold="3m",
                severity="warning",
                service="gateway",
                summary="Registry events cannot be stored",
                to_do=f"`{logs}-gateway` says why; usually the disk is full. A restart of the registry loses waiting events.",
            ),
            alert(
                "EventsMissing",
                f"{pushes} > 0 and on () {told} == 0",
                hold="15m",
                severity="warning",
                service="gateway",
                summary="Images are pushed, but no events arrive",
                to_do=f"Nobody sees who pushed. See `{logs}-registry` and `{logs}-gateway`; their webhook tokens may differ.",
            ),
        ],
    )


def _certificate(logs: str) -> Group:
    return Group(
        name="certificate",
        rules=[
            alert(
                "CertificateExpires",
                f'probe_ssl_earliest_cert_expiry{{job="{PROBE_JOB}"}} - time() < 14 * 86400',
                hold="1h",
                severity="warning",
                service="edge",
                summary="The certificate expires in {{ $value | humanizeDuration }}",
                to_do=f"`{logs}-edge` says why it was not renewed. Ports 80 and 443 must be reachable from the Internet.",
            )
        ],
    )


def _edge(logs: str) -> Group:
    return Group(
        name="edge",
        rules=[
            alert(
                "EdgeReloadFailed",
                "caddy_config_last_reload_successful == 0",
                hold="1m",
                severity="warning",
                service="edge",
                summary="The edge rejected its new configuration",
                to_do=f"It keeps the previous one. `{logs}-edge` says what is wrong. Fix it, then run `up` again.",
            )
        ],
    )


def _crowdsec(logs: str) -> Group:
    # The handler that every request to the sites passes exactly once, and that scrapes and health checks of the edge never do.
    served = 'sum(rate(caddy_http_requests_total{handler="subroute"}[30m])) > 0'
    runs = 'up{job="crowdsec"} == 1'
    return Group(
        name="protection",
        rules=[
            alert(
                "CrowdSecReadsNothing",
                f"(sum(rate(cs_filesource_hits_total[30m])) or vector(0)) == 0 and on () {served} and on () {runs}",
                hold="15m",
                severity="warning",
                service="crowdsec",
                summary="CrowdSec is not reading the edge's access log",
                to_do=f"Nobody is banned until it does. See `{logs}-crowdsec`, and whether logs/edge/access.log is growing.",
            )
        ],
    )
