"""The component of the mirror: regsync and regbot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pulumi

from infra.plan import Plan
from infra.release import Part
from infra.secrets import Secrets
from ops.config import CATALOGUE_FILE, CATALOGUE_PART, MIRROR_FOLDER, MIRROR_TARGET, RUNS_FOLDER, RUNS_MOUNT
from stack_components.context import Context
from stack_components.edge import component as edge
from stack_components.gateway.service_accounts import service_accounts
from stack_components.service import Healthcheck, Service, ServiceArgs
from stack_components.spec import ComponentSpec
from stack_components.sync.hosts import RegistryHost, from_file, render
from stack_components.sync.regbot import regbot_config
from stack_components.sync.regsync import IdleConfig, regsync_config

REGSYNC, REGBOT = "regsync", "regbot"
REGISTRY = MIRROR_TARGET
_SECRETS = "/run/secrets"
# Beside the folder of runs, not around it: nothing can be mounted into a folder that is mounted read-only.
_IDLE = "/etc/regsync/idle"


def parts(plan: Plan) -> list[Part]:
    """Return the configuration, as parts of the release. Secrets are in files that it refers to."""
    sync, found = plan.settings.sync, []
    if plan.has_catalogue:
        found.append(Part(CATALOGUE_PART, {CATALOGUE_FILE: plan.catalogue or b""}))
        found.append(Part.of_text(REGSYNC, {"regsync.yml": render(IdleConfig())}))
    elif plan.runs(REGSYNC):
        config = regsync_config(sync, target=_registry(REGSYNC), known=_known(plan))
        found.append(Part.of_text(REGSYNC, {"regsync.yml": render(config)}))
    if plan.runs(REGBOT):
        found.append(Part.of_text(REGBOT, {"regbot.yml": render(regbot_config(sync, target=_registry(REGBOT)))}))
    return found


def secret_files(plan: Plan, secrets: Secrets) -> Mapping[str, pulumi.Output[str]]:
    """Return the secret files that this component reads, besides those of the source registries."""
    accounts = service_accounts(plan)
    return {_password(name): secrets[accounts[name].password] for name in (REGSYNC, REGBOT) if plan.runs(name)}


def _registry(service: str) -> RegistryHost:
    return RegistryHost(registry=REGISTRY, tls="disabled", user=service, password=from_file(f"{_SECRETS}/password"))


def _known(plan: Plan) -> list[RegistryHost]:
    """Return the source registries with a login, or with a certificate that is not a public one."""
    logins, authorities = plan.upstream_logins, plan.authorities.by_registry
    found = []
    for registry in {**logins, **authorities}:
        user, token = (from_file(f"{_SECRETS}/{secret}") for secret in logins[registry]) if registry in logins else (None, None)
        found.append(RegistryHost(registry=registry, user=user, password=token, regcert=authorities.get(registry)))
    return found


def _password(service: str) -> str:
    return f"{service}/password"


class Sync(pulumi.ComponentResource):
    """regsync and regbot: clients that reach the registry through the edge. regsync reaches the Internet too."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:sync:Sync", "sync", {}, opts)
        logins = [secret for login in context.plan.upstream_logins.values() for secret in login]
        args = {REGSYNC: _args(REGSYNC, logins), REGBOT: _args(REGBOT, [])}
        if context.plan.has_catalogue:
            args[REGSYNC] = _idling(args[REGSYNC])
        self.services = {
            name: Service(name, given, context, pulumi.ResourceOptions(parent=self))
            for name, given in args.items()
            if context.plan.runs(name)
        }
        self.register_outputs({})


def _args(name: str, secrets: list[str]) -> ServiceArgs:
    return ServiceArgs(
        command=["server", "--config", f"/etc/{name}/{name}.yml", "--logopt", "json"],
        # It has no port, and its image has no shell, so "healthy" only means that the program can start. It exits if its
        # configuration is bad, and Docker restarts it when it exits.
        healthcheck=Healthcheck([name, "version"], interval="10s"),
        parts={name: f"/etc/{name}"},
        secrets={_password(name): f"{_SECRETS}/password", **{secret: f"{_SECRETS}/{secret}" for secret in secrets}},
        # The official image has the program in /, which is not in Docker's default PATH.
        environment={"PATH": "/usr/local/bin:/"},
        stop_seconds=30,
        after=(edge.NAME,),  # if that were down, the first run would fail, and the next one is hours later
    )


def _idling(args: ServiceArgs) -> ServiceArgs:
    """Return a regsync that waits: runs of the mirror start others in its container, each with a configuration of its own."""
    file = f"{_IDLE}/regsync.yml"
    command = [file if word == f"/etc/{REGSYNC}/regsync.yml" else word for word in args.command]
    return replace(args, command=command, parts={REGSYNC: _IDLE}, reads={RUNS_FOLDER: RUNS_MOUNT})


def _folders(plan: Plan) -> list[str]:
    return [MIRROR_FOLDER, RUNS_FOLDER] if plan.has_catalogue else []


def _kept(plan: Plan) -> list[str]:
    return _folders(plan) if plan.settings.registry.keep_data else []


SPEC = ComponentSpec(services=(REGSYNC, REGBOT), start=Sync, folders=_folders, kept=_kept, parts=parts, secret_files=secret_files)
