"""The settings of a stack: one typed model of its Pulumi configuration. Every problem is reported at once, with its key."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from infra.blocks.edge import EdgeSettings
from infra.blocks.hetzner import HetznerSettings
from infra.blocks.local import LocalSettings
from infra.blocks.management import ManagementSettings
from infra.blocks.monitoring import MonitoringSettings
from infra.blocks.operations import OperationsSettings
from infra.blocks.protection import ProtectionSettings
from infra.blocks.registry import AccountSettings, RegistrySettings, not_reserved
from infra.blocks.rotation import ACCOUNT_PREFIX, FIRST, Rotation, fault_of
from infra.blocks.sign_on import SignOnSettings
from infra.blocks.sync import SyncSettings
from infra.blocks.ui import ConsoleSettings, UiSettings
from infra.blocks.upstreams import UpstreamLogin, UpstreamName
from infra.services import SERVICES
from ops.config import (
    ACCOUNT_NAME,
    HIGHEST_PORT,
    OLD_MEMORY_KEY,
    STORAGE_BOX,
    Access,
    BackupSettings,
    ConfigError,
    RecoverySettings,
    ServiceLimits,
    Strict,
    describe_fault,
    unique_names,
)
from ops.config.notify import ChannelName

PROJECT = "private-registry"
# How objects are set; those that are secret not in clear.
_HINTS = {
    False: "; write it as YAML below the key",
    True: "; set its parts with `pulumi config set --secret --path 'KEY[\"NAME\"].PART'`",
}
DEFAULT_USER = "admin"
_LONGEST_IDENTIFIER = 64
# On a server the edge has the ports that browsers and clients expect. Without TLS it stays on loopback.
_SERVER_EDGE = {"bind": "0.0.0.0", "https_port": 443, "ipv6": True, "tls": "public"}  # noqa: S104  # all addresses of the server


def _port_in_range(host: str) -> str:
    port = host.partition(":")[2]
    if port and not 1 <= int(port) <= HIGHEST_PORT:
        raise ValueError(f"port {port} is out of range; ports go from 1 to {HIGHEST_PORT}")
    return host


def _account_name(name: SecretStr) -> SecretStr:
    if not re.fullmatch(ACCOUNT_NAME, name.get_secret_value()):
        raise ValueError(f"is not a valid account name; it should match {ACCOUNT_NAME}")
    not_reserved(name.get_secret_value())
    return name


def _identifier(name: SecretStr) -> SecretStr:
    text = name.get_secret_value()
    if not text.isprintable() or text != text.strip() or not 1 <= len(text) <= _LONGEST_IDENTIFIER:
        raise ValueError(f"should be one line of at most {_LONGEST_IDENTIFIER} printable characters, without spaces around it")
    return name


def _ping_url(url: SecretStr) -> SecretStr:
    if not re.fullmatch(r"https://[!-~]+", url.get_secret_value()):
        raise ValueError("should be the URL that a checker elsewhere gives, such as https://hc-ping.com/…")
    return url


def _service_url(url: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[a-z][a-z0-9]*://[!-~]+", url.get_secret_value()):
        raise ValueError("should be an address as Apprise writes it, in one word: https://appriseit.com/services/")
    return url


ServiceUrl = Annotated[SecretStr, AfterValidator(_service_url)]
DnsLabel = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$")]
HostPort = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$"), AfterValidator(_port_in_range)]


class SettingsError(ConfigError):
    """The stack's configuration is invalid."""

    subject = "the configuration of this stack"


class GivenSecrets(Strict):
    """The secrets that a stack may set. Those that are not set are generated, or do not exist (infra/secrets.py)."""

    ghcr_token: SecretStr | None = None
    ghcr_user: SecretStr | None = None
    gotify_token: SecretStr | None = None
    gotify_url_secret: SecretStr | None = None
    hub_token: SecretStr | None = None
    hub_user: SecretStr | None = None
    ntfy_token: SecretStr | None = None
    oauth2_cookie_secret: SecretStr | None = None
    oidc_client_id: SecretStr | None = None
    oidc_client_secret: SecretStr | None = None
    recovery_kit_passphrase: Annotated[SecretStr, Field(min_length=12)] | None = None
    private_registry_identifier: Annotated[SecretStr, AfterValidator(_identifier)] | None = None
    registry_pass: Annotated[SecretStr, Field(min_length=12)] | None = None
    registry_user: Annotated[SecretStr, AfterValidator(_account_name)] | None = None
    watchdog_url: Annotated[SecretStr, AfterValidator(_ping_url)] | None = None


# Those, and the two that are objects.
SECRET_KEYS = frozenset({*GivenSecrets.model_fields, "apprise_urls", "upstream_logins"})


class Settings(GivenSecrets):
    """Everything a stack can set. Field names are the keys below `private-registry:`."""

    apprise_urls: dict[ChannelName, ServiceUrl] = Field(default_factory=dict)
    upstream_logins: dict[UpstreamName, UpstreamLogin] = Field(default_factory=dict)
    place: Literal["local", "hetzner"] = "local"
    name: DnsLabel
    registry_host: HostPort
    edge: EdgeSettings = EdgeSettings()
    registry: RegistrySettings = RegistrySettings()
    console: ConsoleSettings = ConsoleSettings()
    ui: UiSettings = UiSettings()
    sync: SyncSettings = SyncSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    protection: ProtectionSettings = ProtectionSettings()
    management: ManagementSettings = ManagementSettings()
    operations: OperationsSettings = OperationsSettings()
    backup: BackupSettings = BackupSettings()
    recover: RecoverySettings | None = None
    recovery_kit: Path | None = None
    sign_on: SignOnSettings = SignOnSettings()
    accounts: tuple[AccountSettings, ...] = ()
    anonymous: tuple[Access, ...] = (Access(repositories="**", actions=("pull",)),)
    limits: dict[str, ServiceLimits] = Field(default_factory=dict)
    rotation: dict[str, Rotation] = Field(default_factory=dict)
    local: LocalSettings = LocalSettings()
    hetzner: HetznerSettings = HetznerSettings()
    images_lock: Path = Path("images.lock")
    one_way: tuple[str, ...] = ()

    @field_validator("accounts")
    @classmethod
    def _names_of_their_own(cls, accounts: tuple[AccountSettings, ...], others: ValidationInfo) -> tuple[AccountSettings, ...]:
        names = [account.name for account in accounts]
        unique_names(names)
        operator = others.data.get("registry_user")
        if (operator.get_secret_value() if operator else DEFAULT_USER) in names:
            raise ValueError("one has the name of the operator's account (registry_user, or admin if that is not set); rename it")
        return accounts

    @field_validator("sync")
    @classmethod
    def _without_our_own_name(cls, sync: SyncSettings, others: ValidationInfo) -> SyncSettings:
        host = str(others.data.get("registry_host", "")).partition(":")[0]
        targets = [entry.target or "" for entry in sync.entries]
        given = [*sync.into, *targets, *(rule.repository for rule in sync.retention)]
        if named := [name for name in given if "." in host and name.startswith(f"{host}/")]:
            raise ValueError(f"{named[0]} begins with the name of this registry; leave {host}/ out")
        return sync

    @field_validator("rotation")
    @classmethod
    def _rotates_what_is_generated(cls, rotation: dict[str, Rotation], others: ValidationInfo) -> dict[str, Rotation]:
        accounts = {f"{ACCOUNT_PREFIX}{account.name}" for account in others.data.get("accounts", ())}
        for name, asked in rotation.items():
            if fault := fault_of(name, asked):
                raise ValueError(f"{name} {fault}")
            if name.startswith(ACCOUNT_PREFIX) and name not in accounts:
                raise ValueError(f"{name}: there is no account of that name; remove it")
            if others.data.get(name) is not None:
                raise ValueError(f"{name} is set in this stack's configuration: set another value there, and remove it here")
        return rotation

    def rotation_of(self, name: str) -> Rotation:
        """Return how far a generated secret has been rotated."""
        return self.rotation.get(name, FIRST)

    def limits_of(self, service: str) -> ServiceLimits:
        """Return the limits in force for a service.

        Raises:
            KeyError: There is no such service.
        """
        return self.limits.get(service, SERVICES[service].limits)

    @property
    def is_local(self) -> bool:
        """Whether this stack runs on the operator's own machine."""
        return self.place == "local"

    @property
    def public_url(self) -> str:
        """The URL of the pages in a browser, without a slash at the end."""
        plain = self.is_local and self.registry_host.endswith(f":{self.edge.http_port}")
        return f"{'http' if plain else 'https'}://{self.registry_host}"


def parse(raw: Mapping[str, Any], *, stack: str, warn: Callable[[str], object] = lambda _: None) -> Settings:
    """Make settings of a stack's configuration.

    Args:
        raw: Keys without the `private-registry:` prefix. Objects may still be JSON text, which is how the engine passes them.
        stack: The stack's name; the default of `name` is made from it.
        warn: Called with one line for each key that has an old name, if the settings are valid.

    Raises:
        SettingsError: The settings are invalid. It has every problem.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in Settings.model_fields:
            problems.append(f"{key}: unknown key{_suggestion(key, Settings.model_fields)}")
            continue
        if value not in ("", None):  # how the engine, and YAML, say that a key is not set
            values[key] = _decoded(key, value)
    values.setdefault("name", f"registry-{stack}")
    if values.get("place") == "hetzner":
        _take_defaults_of_servers(values)
    if "registry_host" not in values and values.get("place") != "hetzner" and (host := _default_host(values.get("edge", {}))):
        values["registry_host"] = host
    limits = values.get("limits")
    unknown = limits.keys() - SERVICES if isinstance(limits, dict) else ()
    problems += [f"limits.{service}: unknown service{_suggestion(service, SERVICES)}" for service in unknown]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += _describe(error)
    if problems:
        raise SettingsError(sorted(problems))
    for service, given in values.get("limits", {}).items():
        if OLD_MEMORY_KEY in given:
            warn(f"limits.{service}.{OLD_MEMORY_KEY}: it holds MiB and is called memory_mib now; rename it")
    return settings


def _take_defaults_of_servers(values: dict[str, Any]) -> None:
    hetzner, defaults = values.get("hetzner"), {"edge": _SERVER_EDGE}
    if not isinstance(hetzner, dict) or hetzner.get("storage_box") is not False:
        defaults["backup"] = {"target": STORAGE_BOX}
    for key, block in defaults.items():
        given = values.setdefault(key, {})
        if isinstance(given, dict):  # else the model says what is wrong with it
            values[key] = {**block, **given}


def _decoded(key: str, value: Any) -> Any:
    """Undo the engine's encoding of objects and lists as JSON text. Leave everything else to the model."""
    if key in GivenSecrets.model_fields or not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _default_host(edge: Any) -> str:
    try:
        return EdgeSettings.model_validate(edge).default_host
    except ValidationError:
        return EdgeSettings().default_host  # what is wrong with `edge` is reported with the rest


def _is_below(inner: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _suggestion(key: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; it must be one of {', '.join(sorted(known))}"


def _describe(error: ValidationError) -> list[str]:
    """Return one line for each fault. It shows the given value, unless the key is a secret."""
    lines = []
    faults = error.errors(include_url=False)
    for fault in faults:
        if fault["type"] == "too_short" and any(_is_below(other["loc"], fault["loc"]) for other in faults):
            continue  # the items are there, but faulty
        given = fault.get("input")
        # The value of an unknown key may be a secret in the wrong place.
        secret = fault["type"] == "extra_forbidden" or (bool(fault["loc"]) and fault["loc"][0] in SECRET_KEYS)
        shown = f" (got {given!r})" if isinstance(given, str | int | float | bool) and not secret else ""
        hint = _HINTS[secret] if fault["type"] in {"model_type", "dict_type", "tuple_type"} else ""
        lines.append(f"{describe_fault(fault)}{hint}{shown}")
    return lines
