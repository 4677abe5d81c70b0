"""The console component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import pulumi

from infra.host import Reload
from infra.plan import Plan
from infra.reach import reach
from infra.regops import DATA_FOLDER, REGISTRY_FOLDER, SNAPSHOTS_FOLDER
from infra.release import Part
from infra.server.schedule import schedule
from ops.config import (
    ACTION_REQUESTS,
    MIRROR_FOLDER,
    READ_ONLY_FOLDER,
    REGOPS_FILE,
    REQUESTS_FOLDER,
    SETTINGS_REFUSED,
    SETTINGS_TAKEN_IN,
    ConsoleConfig,
    container_name,
    render,
    request_folder,
)
from ops.core.layout import LIVE
from stack_components import access_log
from stack_components.context import Context
from stack_components.edge import component as edge
from stack_components.edge.pages import PAGES
from stack_components.gateway import component as gateway
from stack_components.service import Healthcheck, Service, ServiceArgs
from stack_components.spec import ComponentSpec

NAME = "console"
PORT = 8080
# On the network that it shares with the edge, and on no other that it is on: whoever reaches it sees everything.
_HOST = f"{NAME}.{NAME}"
METRICS_PORT = 8081
# Prometheus reaches nothing but this.
_METRICS_HOST = f"{NAME}.console-metrics"
METRICS_ADDRESS = f"{_METRICS_HOST}:{METRICS_PORT}"
# The part with the configuration of `regops`, which is read here too.
SETTINGS = REGOPS_FILE.partition("/")[0]
# The stack's folder, as far as the console sees it.
_ROOT = "/srv/stack"


def config(plan: Plan) -> ConsoleConfig:
    """Return the console's configuration for a stack."""
    settings = plan.settings
    return ConsoleConfig(
        listen_host=_HOST,
        listen_port=PORT,
        metrics_host=_METRICS_HOST if plan.runs("prometheus") else None,
        metrics_port=METRICS_PORT,
        root=Path(_ROOT),
        title=settings.ui.title,
        registry=settings.registry_host,
        own_authority=reach(settings, PurePosixPath()).ca is not None,
        registry_url=f"http://{edge.NAME}:{edge.PLAIN_PORT}",
        prometheus_url=f"http://{PAGES['prometheus'].upstream}/prometheus" if plan.runs("prometheus") else None,
        links=links(plan),
        command="bin/regops" if settings.is_local else "regops",
        scheduled=not settings.is_local,
        offers=offers(plan),
        actions=actions(plan),
        operators=settings.sign_on.operators if settings.sign_on.issuer else None,
    )


def offers(plan: Plan) -> tuple[str, ...]:
    """Return the tasks that the console can ask the host for; where nothing starts tasks, none."""
    watched = [] if plan.settings.is_local else schedule(plan)
    return tuple(task.name for task in watched if task.asked)


def actions(plan: Plan) -> tuple[str, ...]:
    """Return the actions that the console can ask the host for; where nothing takes requests, none."""
    if plan.settings.is_local:
        return ()
    return ("delete", "restore", "undo", "plan", *(("unban",) if plan.runs("crowdsec") else ()))


def links(plan: Plan) -> Mapping[str, str]:
    """Return the other pages behind sign-on: path by name."""
    return {page.title: f"{page.path}/" for service, page in PAGES.items() if page.path and plan.runs(service)}


def parts(plan: Plan) -> list[Part]:
    """Return the configuration, as parts of the release."""
    return [Part.of_text(NAME, {"console.json": render(config(plan))})]


def service_args(plan: Plan) -> ServiceArgs:
    """Return the console's service, on the stock Python image (D14). What it shows it may read (D6b); requests it may write."""
    read = (DATA_FOLDER, REGISTRY_FOLDER, SNAPSHOTS_FOLDER, READ_ONLY_FOLDER, gateway.DATA_FOLDER, access_log.FOLDER)
    folders = (*read, MIRROR_FOLDER) if plan.has_catalogue else read
    return ServiceArgs(
        command=["python3", "-m", "ops.console", "--config", "/etc/console/console.json"],
        healthcheck=Healthcheck(
            ["python3", *gateway.UNCOMPILED, "-m", "ops.gateway.health", "--url", f"http://{_HOST}:{PORT}/console/healthz"],
            interval="10s",
        ),
        parts={NAME: "/etc/console", "ops": "/opt/ops", "site": "/opt/site"},
        # Most settings are of what `regops` does, and no reason to replace the pages on which people see it.
        hot_reloaded={SETTINGS: f"{_ROOT}/{LIVE}/{SETTINGS}"},
        reads={folder: f"{_ROOT}/{folder}" for folder in folders},
        data={REQUESTS_FOLDER: f"{_ROOT}/{REQUESTS_FOLDER}"} if _folders(plan) else {},
        alongside=True,
        environment={"PYTHONPATH": "/opt/ops:/opt/site"},
    )


class Console(pulumi.ComponentResource):
    """The pages that people look at."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:console:Console", NAME, {}, opts)
        self.service = Service(NAME, service_args(context.plan), context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


def reload(context: Context, *, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
    """Let the running console take in the configuration of `regops`, and return what does."""
    how = Reload(confirmation=SETTINGS_TAKEN_IN, refusal=SETTINGS_REFUSED)
    name = container_name(context.settings.name, NAME)
    return context.host.reload(context.provisioned.live_copy_of_part(SETTINGS), how, after=after, name=name)


def _folders(plan: Plan) -> list[str]:
    asked_for = (*offers(plan), *((ACTION_REQUESTS,) if actions(plan) else ()))
    return [REQUESTS_FOLDER, *map(request_folder, asked_for)] if asked_for else []


SPEC = ComponentSpec(services=(NAME,), start=Console, folders=_folders, parts=parts, hot_reloaded=(SETTINGS,), reload=reload)
