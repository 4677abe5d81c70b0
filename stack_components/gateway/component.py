"""The gateway component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

from infra.host import Reload
from infra.live_secrets import live_secret
from infra.plan import Plan
from infra.release import Part
from infra.secrets import Secrets
from infra.settings import Settings
from ops.config import (
    ALERTS_FOLDER,
    ALERTS_PATH,
    READ_ONLY_FOLDER,
    READ_ONLY_MOUNT,
    RETENTION_PASSWORD,
    RIGHTS_REFUSED,
    RIGHTS_TAKEN_IN,
    Access,
    Account,
    AlertsListener,
    GatewayConfig,
    Person,
    Rights,
    SignOn,
    container_name,
    render,
)
from ops.credentials.keys import public_jwks, signing_key_from_seed
from ops.credentials.passwords import password_hash
from stack_components.context import Context
from stack_components.gateway.service_accounts import service_accounts
from stack_components.service import Healthcheck, Service, ServiceArgs
from stack_components.sign_on import component as sign_on
from stack_components.spec import ComponentSpec

NAME = "gateway"
PORT = 8080
# On the network of edge and registry, and on no other that it is on.
_HOST = f"{NAME}.app"
METRICS_PORT = 8081
# The gateway's metrics are on one network only, by a name that is unique there.
_METRICS_HOST = f"{NAME}.gateway-metrics"
METRICS_ADDRESS = f"{_METRICS_HOST}:{METRICS_PORT}"
# Likewise where Alertmanager sends alerts: whoever reaches the first port could claim any client address.
ALERTS_PORT = 8082
_ALERTS_HOST = f"{NAME}.alerts"
ALERTS_URL = f"http://{_ALERTS_HOST}:{ALERTS_PORT}{ALERTS_PATH}"
_ALERTMANAGER = "alertmanager"
ISSUER = "private-registry"
DATA_FOLDER = "data/gateway"
JWKS = "gateway/jwks.json"
EVENTS_TOKEN = "gateway/events-token"  # noqa: S105  # a path
# Those that the gateway accepts: during a rotation two.
RIGHTS, EVENTS_TOKENS = live_secret(NAME, "rights.json"), live_secret(NAME, "events-tokens")
ALERTS_TOKENS = live_secret(NAME, "alerts-tokens")
_KEY = "gateway/signing-key.pem"
_LIVE = "/run/secrets/live"
# Where health checks keep compiled modules: the release is read-only, and each would compile them again. The gateway itself has
# no such folder, since Python would then look for compiled modules nowhere else: a server has compiled those of the release.
UNCOMPILED = ("-X", "pycache_prefix=/tmp/pycache")  # the container's own, in memory
_EVERYTHING = Access(repositories="**", actions=("pull", "push", "delete"))
_EVERY_PULL = Access(repositories="**", actions=("pull",))


def token_service(settings: Settings) -> str:
    """Return the audience of the tokens: what registry and gateway call the registry."""
    return settings.registry_host


def config(settings: Settings, *, signs_on: bool = False, measured: bool = False, alerted: bool = False) -> GatewayConfig:
    """Return the gateway's configuration for a stack.

    Args:
        settings: The stack's settings.
        signs_on: Whether browsers sign on at an identity provider.
        measured: Whether Prometheus runs.
        alerted: Whether Alertmanager runs.
    """
    alerts = AlertsListener(host=_ALERTS_HOST, port=ALERTS_PORT, token_file=Path(_LIVE, "current", "alerts-tokens"))
    return GatewayConfig(
        listen_host=_HOST,
        listen_port=PORT,
        issuer=ISSUER,
        service=token_service(settings),
        signing_key_file=Path("/run/secrets/signing-key.pem"),
        rights_file=Path(_LIVE, "current", "rights.json"),
        webhook_token_file=Path(_LIVE, "current", "events-tokens"),
        events_db=Path("/var/lib/gateway/events.db"),
        sign_on=SignOn(proof_file=Path(sign_on.PROOF_FILE)) if signs_on else None,
        alerts=alerts if alerted else None,
        metrics_host=_METRICS_HOST if measured else None,
        metrics_port=METRICS_PORT,
    )


def people(settings: Settings) -> tuple[Person, ...]:
    """Return what people who sign on at the identity provider may do: operators everything, the others browse and pull."""
    return tuple(
        Person(name=email, access=(_EVERYTHING if email in settings.sign_on.operators else _EVERY_PULL,), catalog=True)
        for email in settings.sign_on.emails
    )


def parts(plan: Plan) -> list[Part]:
    """Return the configuration, as parts of the release."""
    given = config(
        plan.settings,
        signs_on=plan.runs(sign_on.NAME),
        measured=plan.runs("prometheus"),
        alerted=plan.runs(_ALERTMANAGER),
    )
    return [Part.of_text(NAME, {"gateway.json": render(given)})]


def rights(plan: Plan, passwords: Mapping[str, str], operator: tuple[str, str], salt: str) -> str:
    """Return the rights file: the operator, who has every right, the accounts of the settings, those of services, and the others.

    Args:
        plan: What runs.
        passwords: Passwords by account name; the file has their bcrypt hashes.
        operator: The operator's name and password.
        salt: Random text that the salts of the hashes are derived from, so that the same input gives the same file.
    """

    def account(name: str, password: str, access: tuple[Access, ...], **rights: bool) -> Account:
        return Account(name=name, password_hash=password_hash(password, f"{salt}/{name}"), access=access, **rights)

    listed = [
        account(*operator, (_EVERYTHING,), catalog=True, operator=True),
        *(account(one.name, passwords[one.name], one.access, catalog=one.catalog) for one in plan.settings.accounts),
        *(account(name, passwords[name], one.access(plan.settings)) for name, one in service_accounts(plan).items()),
    ]
    known = people(plan.settings) if plan.runs(sign_on.NAME) else ()
    return render(Rights(accounts=tuple(listed), anonymous=plan.settings.anonymous, people=known))


def secret_files(plan: Plan, secrets: Secrets) -> Mapping[str, pulumi.Output[str]]:
    """Return the secret files that this component reads, and the public keys, which the registry reads."""
    key = secrets["token_signing_seed"].apply(signing_key_from_seed)
    keys = secrets.accepted("token_signing_seed").apply(lambda seeds: public_jwks(*map(signing_key_from_seed, seeds)))
    of_services = {name: secrets[account.password] for name, account in service_accounts(plan).items()}
    given = pulumi.Output.all(
        passwords=pulumi.Output.from_input({**secrets.passwords, **of_services}),
        user=secrets["registry_user"],
        password=secrets["registry_pass"],
        salt=secrets["password_salt"],
    )

    def rights_file(values: dict[str, Any]) -> str:
        return rights(plan, values["passwords"], (values["user"], values["password"]), values["salt"])

    return {
        RIGHTS: given.apply(rights_file),
        _KEY: key,
        JWKS: keys,
        EVENTS_TOKEN: secrets["events_token"],
        EVENTS_TOKENS: secrets.accepted("events_token").apply("\n".join),
        **({ALERTS_TOKENS: secrets.accepted("alerts_token").apply("\n".join)} if plan.runs(_ALERTMANAGER) else {}),
        # A task of the host's, which has no component of its own.
        **({RETENTION_PASSWORD: secrets["retention_password"]} if plan.deletes_tags else {}),
    }


def service_args(plan: Plan) -> ServiceArgs:
    """Return the gateway's service, on the stock Python image (D14)."""
    return ServiceArgs(
        command=["python3", "-m", "ops.gateway", "--config", "/etc/gateway/gateway.json"],
        healthcheck=Healthcheck(
            [
                "python3",
                *UNCOMPILED,
                "-m",
                "ops.gateway.health",
                "--url",
                f"http://{_HOST}:{PORT}/healthz",
            ],
            interval="10s",
        ),
        parts={NAME: "/etc/gateway", "ops": "/opt/ops", "site": "/opt/site"},
        secrets={
            _KEY: "/run/secrets/signing-key.pem",
            **({sign_on.PROOF: sign_on.PROOF_FILE} if plan.runs(sign_on.NAME) else {}),
        },
        live_secrets=_LIVE,
        data={DATA_FOLDER: "/var/lib/gateway"},
        reads={READ_ONLY_FOLDER: READ_ONLY_MOUNT},
        alongside=True,  # SQLite takes events from both
        environment={"PYTHONPATH": "/opt/ops:/opt/site"},
    )


def folders(plan: Plan) -> list[str]:
    """Return the folders that it writes to; alerts have one of their own, which `regops notify` empties."""
    return [DATA_FOLDER, *([f"{DATA_FOLDER}/{ALERTS_FOLDER}"] if plan.runs(_ALERTMANAGER) else [])]


class Gateway(pulumi.ComponentResource):
    """The token service and the receiver of events and alerts."""

    def __init__(self, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:gateway:Gateway", NAME, {}, opts)
        self.service = Service(NAME, service_args(context.plan), context, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


def reload(context: Context, *, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
    """Let the running gateway take in who may do what, and return what does."""
    how = Reload(confirmation=RIGHTS_TAKEN_IN, refusal=RIGHTS_REFUSED)
    name = container_name(context.settings.name, NAME)
    return context.host.reload(context.provisioned.live_copy_of_secrets(NAME), how, after=after, name=name)


SPEC = ComponentSpec(services=(NAME,), start=Gateway, folders=folders, parts=parts, secret_files=secret_files, reload=reload)
