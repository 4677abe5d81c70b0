"""What will run: the services that the settings ask for, without those whose image is not available here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from infra.authorities import Authorities
from infra.blocks.upstreams import faults, secret_names
from infra.catalogue import judge
from infra.images import Image
from infra.messages import faults as faults_of_messages
from infra.messages import notes as notes_on_messages
from infra.services import SERVICES
from infra.settings import Settings, SettingsError
from ops.config import RETENTION, STORAGE_BOX, UPSTREAM_LOGINS

# Services that are not listed here always run.
_SWITCHES: Mapping[str, Callable[[Settings], bool]] = {
    "console": lambda settings: settings.console.enabled,
    "ui": lambda settings: settings.ui.enabled,
    "regsync": lambda settings: settings.sync.has_catalogue or (settings.sync.enabled and bool(settings.sync.entries)),
    "regbot": lambda settings: settings.sync.enabled and bool(settings.sync.scripts),
    "prometheus": lambda settings: settings.monitoring.enabled,
    "alertmanager": lambda settings: settings.monitoring.enabled,
    "grafana": lambda settings: settings.monitoring.enabled and settings.monitoring.grafana,
    "cadvisor-socket": lambda settings: settings.monitoring.enabled and settings.monitoring.cadvisor,
    "cadvisor": lambda settings: settings.monitoring.enabled and settings.monitoring.cadvisor,
    "node-exporter": lambda settings: settings.monitoring.enabled,
    "redis-exporter": lambda settings: settings.monitoring.enabled,
    "blackbox-exporter": lambda settings: settings.monitoring.enabled,
    "crowdsec": lambda settings: settings.protection.enabled,
    "portainer-socket": lambda settings: settings.management.enabled,
    "portainer": lambda settings: settings.management.enabled,
    "oauth2-proxy": lambda settings: settings.sign_on.issuer is not None,
}


@dataclass(frozen=True)
class Plan:
    """What the program builds.

    Attributes:
        settings: The stack's settings.
        images: Images by their key in the lock.
        services: The services that run, in the order of the table.
        left_out: The services that were asked for but cannot run here, with the reason.
        catalogue: What is mirrored: the file; None if the settings say it, or nothing is.
        notes: What people should know about what they asked for.
        authorities: Who vouches for registries that are mirrored from.
    """

    settings: Settings
    images: Mapping[str, Image]
    services: tuple[str, ...]
    left_out: Mapping[str, str]
    catalogue: bytes | None = None
    notes: Sequence[str] = ()
    authorities: Authorities = field(default_factory=Authorities)

    def runs(self, service: str) -> bool:
        """Whether a service runs.

        Raises:
            KeyError: No such service.
        """
        assert service in SERVICES, service  # noqa: S101  # else a typo in the program would silently mean "no"
        return service in self.services

    @property
    def has_catalogue(self) -> bool:
        """Whether something is mirrored here by the catalogue."""
        return self.settings.sync.has_catalogue and self.runs("regsync")

    @property
    def has_rules(self) -> bool:
        """Whether `regops` deletes old tags by rules."""
        return self.settings.sync.enabled and bool(self.settings.sync.retention)

    @property
    def deletes_tags(self) -> bool:
        """Whether `regops` may have to delete tags: by rules, or by policies of the catalogue."""
        return self.has_rules or self.has_catalogue

    @property
    def upstream_logins(self) -> Mapping[str, tuple[str, str]]:
        """The source registries whose login is set: the names of its two secrets, by registry."""
        named = {
            registry: pair for registry, pair in UPSTREAM_LOGINS.items() if all(getattr(self.settings, secret) for secret in pair)
        }
        return named | {registry: secret_names(registry) for registry in sorted(self.settings.upstream_logins)}

    def has_client(self, name: str) -> bool:
        """Whether a client of the registry that has an account of its own is there: a service, or retention, which is a task."""
        return self.deletes_tags if name == RETENTION else self.runs(name)


def wanted(settings: Settings) -> tuple[str, ...]:
    """Return the services that the settings ask for, in the order of the table."""
    return tuple(name for name in SERVICES if name not in _SWITCHES or _SWITCHES[name](settings))


def needed_images(settings: Settings) -> frozenset[str]:
    """Return the keys of the lock that the wanted services need."""
    return frozenset(SERVICES[name].image for name in wanted(settings))


def make_plan(
    settings: Settings,
    images: Mapping[str, Image],
    catalogue: bytes | None = None,
    authorities: Authorities | None = None,
) -> Plan:
    """Decide what runs.

    Args:
        settings: The stack's settings.
        images: Images by their key in the lock.
        catalogue: What is mirrored, if there is a catalogue.
        authorities: Who vouches for registries that are mirrored from; None if nobody but the public ones.

    Raises:
        SettingsError: Settings contradict each other, a service that every stack needs has no image, a stack on a server
            lacks an image or does not pin it by digest, or the catalogue has entries that cannot be mirrored.
    """
    asked = wanted(settings)
    left_out: dict[str, str] = {}
    for name in asked:  # in the table, what a service needs comes before the service
        kind = SERVICES[name]
        reasons = [f"it needs {other}" for other in kind.needs if other in left_out]
        if why := images[kind.image].unavailable:
            reasons.insert(0, why)
        if reasons:
            left_out[name] = reasons[0]
    for name in asked:
        if (client := name.removesuffix("-socket")) != name and client in left_out:
            left_out.setdefault(name, f"only {client} uses it")
    judged, authorities = judge(settings, catalogue), authorities or Authorities()
    problems = [
        *judged.refused,
        *authorities.refused,
        *_reach(settings),
        *_sign_on(settings),
        *_pairs(settings),
        *_backups(settings),
        *_recovery(settings),
        *faults_of_messages(settings),
        *_refused(settings, images, asked),
    ]
    if problems:
        raise SettingsError(problems)
    services = tuple(name for name in asked if name not in left_out)
    kept = catalogue if settings.sync.has_catalogue else None
    return Plan(settings, images, services, left_out, kept, [*judged.notes, *notes_on_messages(settings)], authorities)


def _reach(settings: Settings) -> list[str]:
    """Return what is missing to reach a server by SSH. Without it nobody could get in to open the firewall again."""
    if settings.is_local or settings.hetzner.ssh_from:
        return []
    return ["hetzner.ssh_from: is required: the networks that may reach the server by SSH, such as [203.0.113.7/32]"]


def _sign_on(settings: Settings) -> list[str]:
    """Return what is missing for an identity provider. This is checked here because `parse` may run without the secrets."""
    if settings.sign_on.issuer is None:
        return []
    secrets = {"oidc_client_id": settings.oidc_client_id, "oidc_client_secret": settings.oidc_client_secret}
    return [
        f"{name}: is required with sign_on.issuer; set it with `pulumi config set --secret {name}`"
        for name, value in secrets.items()
        if value is None
    ]


def _pairs(settings: Settings) -> list[str]:
    """Return what is missing of each pair of user and token; one without the other would be ignored."""
    alone = [
        f"{other}: is required with {name}"
        for pair in UPSTREAM_LOGINS.values()
        for name, other in (pair, pair[::-1])
        if getattr(settings, name) is not None and getattr(settings, other) is None
    ]
    named = [(registry, pair) for registry, pair in UPSTREAM_LOGINS.items() if any(getattr(settings, name) for name in pair)]
    return [*alone, *faults(settings.upstream_logins, named)]


def _backups(settings: Settings) -> list[str]:
    """Return what is wrong with where the backups of a server go: its own disk may be what is lost."""
    backup = settings.backup
    if backup.target == STORAGE_BOX:
        rented = not settings.is_local and settings.hetzner.storage_box
        return [] if rented else [f"backup.target: there is no {STORAGE_BOX}; give a folder, or ssh://user@host:22/path"]
    if settings.is_local or backup.target is None or backup.ssh:
        return []
    return [f"backup.target: a server's backups should go to another one, as in ssh://user@host:22/path (got {backup.target!r})"]


def _recovery(settings: Settings) -> list[str]:
    """Return what a recovery, or its kit, lacks."""
    backed_up, kit, problems = settings.backup.target is not None, settings.recovery_kit is not None, []
    if settings.recover and not backed_up:
        problems.append("recover: there are no backups without backup.target; set it to where they are")
    if kit and not backed_up:
        problems.append("recovery_kit: recovers nothing without backups; set backup.target")
    if kit and settings.is_local:
        problems.append(
            "recovery_kit: is for servers; what brings a local stack back is its folder .state, so keep a copy of that"
        )
    if kit and settings.recovery_kit_passphrase is None:
        problems.append("recovery_kit: is only written encrypted; set recovery_kit_passphrase")
    return problems


def _refused(settings: Settings, images: Mapping[str, Image], asked: tuple[str, ...]) -> list[str]:
    """Return which services lack an image but must not be left out, or have one that must be pinned."""
    problems = []
    for name in asked:
        image = images[SERVICES[name].image]
        if image.unavailable and (name not in _SWITCHES or not settings.is_local):
            problems.append(f"images_lock: {image.name}: {image.unavailable}, and {name} cannot be left out")
        elif not image.unavailable and not image.pinned and not settings.is_local:
            problems.append(f"images_lock: {image.name}: {image.reference} is not pinned by digest; run `make lock`")
    return list(dict.fromkeys(problems))
