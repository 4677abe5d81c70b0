"""The alerts of a stack: those about services that run."""

from __future__ import annotations

from infra.plan import Plan
from stack_components.monitoring.error_budget import error_budget
from stack_components.monitoring.prometheus import PROBE_JOB
from stack_components.monitoring.rules import Group, RuleFile, alert


def rule_file(plan: Plan) -> RuleFile:
    """Return the rules of a stack: those about services that run."""
    logs = f"docker logs {plan.settings.name}"
    groups = [_monitoring(plan, logs), _registry(logs), _gateway(logs), _edge(logs)]
    if plan.runs("blackbox-exporter"):
        groups += error_budget(logs)
        groups += [] if plan.settings.is_local else [_certificate(logs)]
    if plan.runs("redis-exporter"):
        groups.append(_cache(logs))
    if plan.runs("crowdsec"):
        groups.append(_crowdsec(logs))
    if plan.runs("cadvisor"):
        groups.append(_containers(logs))
    if plan.runs("node-exporter"):
        groups.append(_host())
    return RuleFile(groups=groups)


def _monitoring(plan: Plan, logs: str) -> Group:
    rules = [
        alert(
            "Watchdog",
            "vector(1)",
            hold=None,
            severity="none",
            service="prometheus",
            summary="Alerts are being evaluated",
            to_do="Always fires, and is sent to nobody. When it is missing on the page of alerts, Prometheus evaluates no rules.",
        ),
        alert(
            "TargetDown",
            f'up{{job!="{PROBE_JOB}"}} == 0',
            hold="5m",
            severity="warning",
            service="{{ $labels.job }}",
            summary="{{ $labels.job }} gives no metrics",
            to_do=f"Until it does, alerts about it cannot fire. See `docker ps -a` and `{logs}-{{{{ $labels.job }}}}`.",
        ),
    ]
    if plan.settings.monitoring.ntfy_url:
        rules.append(
            alert(
                "AlertsNotDelivered",
                "increase(alertmanager_notifications_failed_total[15m]) > 0",
                hold="5m",
                severity="warning",
                service="alertmanager",
                summary="Alerts do not reach ntfy",
                to_do=f"`{logs}-alertmanager` says why. Check monitoring.ntfy_url and the secret ntfy_token.",
            )
        )
    return Group(name="monitoring", rules=rules)


def _registry(logs: str) -> Group:
    requests = "registry_http_requests_total"
    return Group(
        name="registry",
        rules=[
            alert(
                "RegistryDown",
                f'up{{job="registry"}} == 0 or probe_success{{job="{PROBE_JOB}"}} == 0',
                hold="2m",
                severity="critical",
                service="registry",
                summary="The registry does not answer ({{ $labels.instance }})",
                to_do=f"See `docker ps -a`, then `{logs}-registry` and `{logs}-edge`. Another `up` puts right what is missing.",
            ),
            alert(
                "RegistryErrors",
                f'sum(rate({requests}{{code=~"5.."}}[5m])) / sum(rate({requests}[5m])) > 0.01',
                hold="10m",
                severity="warning",
                service="registry",
                summary="{{ $value | humanizePercentage }} of the registry's answers are errors",
                to_do=f"`{logs}-registry` names them; a full disk and wrong owners below data/registry are usual causes.",
            ),
            alert(
                "RegistryEventsWaiting",
                "max by (endpoint) (registry_notifications_pending_total) > 20",
                hold="10m",
                severity="warning",
                service="registry",
                summary="{{ $value }} events of the registry wait to be taken",
                to_do=f"The gateway takes them: see `{logs}-gateway`. A restart of the registry loses those that wait.",
            ),
            alert(
                "RegistryStorageSlow",
                "histogram_quantile(0.99, sum by (le, action) (rate(registry_storage_action_seconds_bucket[10m]))) > 2",
                hold="10m",
                severity="warning",
                service="registry",
                summary="Storage: 1 in 100 of {{ $labels.action }} takes {{ $value | humanizeDuration }}",
                to_do="Look what else keeps the disk busy: `iostat -x 5`, a backup, garbage collection, or a noisy neighbour.",
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
                "EventsNotKept",
                "increase(gateway_database_errors_total[2m]) > 0",
                hold="3m",
                severity="warning",
                service="gateway",
                summary="Events of the registry cannot be kept",
                to_do=f"`{logs}-gateway` says why; a full disk is the usual cause. A restart of the registry loses what waits.",
            ),
            alert(
                "EventsMissing",
                f"{pushes} > 0 and on () {told} == 0",
                hold="15m",
                severity="warning",
                service="gateway",
                summary="Images are pushed, and no event tells of them",
                to_do=f"So nobody knows who pushed. `{logs}-registry` and `{logs}-gateway` say why, as when they share no token.",
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
                to_do=f"The edge should have renewed it: `{logs}-edge` says why not. The Internet must reach ports 80 and 443.",
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
                summary="The edge has refused its configuration",
                to_do=f"It goes on with the one before. `{logs}-edge` says what is wrong; put it right and go `up` again.",
            )
        ],
    )


def _cache(logs: str) -> Group:
    return Group(
        name="cache",
        rules=[
            alert(
                "CacheDown",
                "redis_up == 0",
                hold="5m",
                severity="warning",
                service="cache",
                summary="The registry's cache does not answer",
                to_do=f"Pulls go on, more slowly. See `{logs}-cache`.",
            )
        ],
    )


def _crowdsec(logs: str) -> Group:
    # The handler that every request of the sites passes once, and no scrape or health check of the edge itself.
    served = 'sum(rate(caddy_http_requests_total{handler="subroute"}[30m])) > 0'
    return Group(
        name="protection",
        rules=[
            alert(
                "CrowdSecReadsNothing",
                f"(sum(rate(cs_filesource_hits_total[30m])) or vector(0)) == 0 and on () {served}",
                hold="15m",
                severity="warning",
                service="crowdsec",
                summary="CrowdSec reads no lines of the edge's access log",
                to_do=f"Nobody is banned until it does. See `{logs}-crowdsec`, and whether logs/edge/access.log grows.",
            )
        ],
    )


def _containers(logs: str) -> Group:
    return Group(
        name="containers",
        rules=[
            alert(
                "ContainersNotMeasured",
                'absent(container_last_seen{name!=""})',
                hold="15m",
                severity="warning",
                service="cadvisor",
                summary="cAdvisor finds no container",
                to_do=f"It looks for the engine once, when it starts: `docker restart` it, and see `{logs}-cadvisor`.",
            ),
            alert(
                "ContainerMemoryLow",
                'container_memory_working_set_bytes{name!=""} / (container_spec_memory_limit_bytes{name!=""} > 0) > 0.9',
                hold="10m",
                severity="warning",
                service="{{ $labels.name }}",
                summary="{{ $labels.name }} uses {{ $value | humanizePercentage }} of the memory it may have",
                to_do="Give it more with limits.{{ $labels.name }}.memory_mib, when the host has it.",
            ),
            alert(
                "ContainerOutOfMemory",
                'increase(container_oom_events_total{name!=""}[10m]) > 0',
                hold=None,
                severity="critical",
                service="{{ $labels.name }}",
                summary="{{ $labels.name }} was stopped for want of memory",
                to_do=f"See `{logs}-{{{{ $labels.name }}}}`, and raise limits.{{{{ $labels.name }}}}.memory_mib.",
            ),
        ],
    )


def _host() -> Group:
    free = 'node_filesystem_avail_bytes{disk!=""}'
    share = f'{free} / node_filesystem_size_bytes{{disk!=""}}'
    to_do = "`du -xh --max-depth=2` finds what is big; delete images and collect garbage, or enlarge the volume."
    return Group(
        name="host",
        rules=[
            alert(
                "DiskAlmostFull",
                f"{share} < 0.15",
                hold="10m",
                severity="warning",
                service="host",
                summary="{{ $value | humanizePercentage }} of the disk of {{ $labels.disk }} is left",
                to_do=f"Uploads fail when it is full. {to_do}",
            ),
            alert(
                "DiskFullSoon",
                f"predict_linear({free}[6h], 4 * 86400) < 0 and {share} < 0.4",
                hold="1h",
                severity="warning",
                service="host",
                summary="As it goes, the disk of {{ $labels.disk }} is full within four days",
                to_do=f"Look what grows. {to_do}",
            ),
        ],
    )
