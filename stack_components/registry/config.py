"""The registry's config.yml as a typed model. Distribution ignores unknown keys; this model refuses them.

Keys and their meaning: https://distribution.github.io/distribution/about/configuration/ (3.1). Durations are in Go's format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer

from stack_components.durations import GoDuration


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AccessLog(_Block):
    """The registry's own access log, off because the edge has one."""

    disabled: bool = True


class Log(_Block):
    """Logging. At `info` the registry would print the headers of its notification endpoint."""

    level: Literal["error", "warn"] = "warn"
    formatter: Literal["json", "text", "logstash"] = "json"
    accesslog: AccessLog = AccessLog()
    fields: dict[str, str] = {"service": "registry"}


class Filesystem(_Block):
    """The storage driver: a folder of the host."""

    rootdirectory: str = "/var/lib/registry"
    maxthreads: Annotated[int, Field(ge=25)] = 100


class StorageCache(_Block):
    """Where blob descriptors are cached."""

    blobdescriptor: Literal["redis", "inmemory"] = "redis"


class Enabled(_Block):
    """A switch."""

    enabled: bool


class Redirect(_Block):
    """No redirects: clients see one host."""

    disable: bool = True


class UploadPurging(_Block):
    """Removal of uploads that were never finished. All four keys are needed, otherwise the registry panics.

    The age counts from an upload's beginning, whether it goes on or not. So it must be longer than the slowest one takes: 20 GB,
    the largest by default, take 45 hours at 1 Mbit/s.
    """

    enabled: bool = True
    age: GoDuration = "72h"
    interval: GoDuration = "24h"
    dryrun: bool = False


class Maintenance(_Block):
    """Housekeeping. Read-only mode is the edge's job, not the registry's."""

    uploadpurging: UploadPurging = UploadPurging()
    readonly: Enabled = Enabled(enabled=False)


class Tag(_Block):
    """How many tags the deletion of a manifest looks up at once."""

    concurrencylimit: Annotated[int, Field(ge=1)] = 8


class Storage(_Block):
    """Storage: exactly one driver, the file system."""

    filesystem: Filesystem = Filesystem()
    cache: StorageCache = StorageCache()
    delete: Enabled = Enabled(enabled=True)
    redirect: Redirect = Redirect()
    tag: Tag = Tag()
    maintenance: Maintenance = Maintenance()


class PrometheusMetrics(_Block):
    """Metrics on the debug port."""

    enabled: bool = True
    path: str = "/metrics"


class Debug(_Block):
    """The debug port, for Prometheus only. `/debug/vars` shows the headers of events, so they hold no secret."""

    addr: str
    prometheus: PrometheusMetrics = PrometheusMetrics()


class Http(_Block):
    """The server. `draintimeout` lets uploads finish when it stops; `secret` keeps them valid across a restart."""

    addr: str = ":5000"
    secret: SecretStr
    relativeurls: bool = True
    draintimeout: GoDuration = "30s"
    headers: dict[str, list[str]] = {"X-Content-Type-Options": ["nosniff"]}
    debug: Debug

    @field_serializer("secret")
    def _reveal(self, value: SecretStr) -> str:
        return value.get_secret_value()


class Redis(_Block):
    """The cache's address, and short time limits, so that a dead cache slows nothing down."""

    addrs: list[str]
    username: str
    password: SecretStr
    db: Literal[0] = 0
    dialtimeout: GoDuration = "200ms"
    readtimeout: GoDuration = "200ms"
    writetimeout: GoDuration = "200ms"
    maxretries: int = 1
    poolsize: int = 32
    minidleconns: int = 2
    maxidleconns: int = 16
    connmaxidletime: GoDuration = "300s"

    @field_serializer("password")
    def _reveal(self, value: SecretStr) -> str:
        return value.get_secret_value()


class Token(_Block):
    """Bearer tokens: https://distribution.github.io/distribution/spec/auth/token/.

    The realm is a URL. With `autoredirect` it is the request's own scheme and host, with `autoredirectpath`.
    """

    realm: str
    autoredirect: bool
    autoredirectpath: str = "/auth/token"
    service: str
    issuer: str
    jwks: str
    signingalgorithms: list[Literal["ES256"]] = ["ES256"]


class Auth(_Block):
    """Exactly one kind of authentication."""

    token: Token


class IgnoredEvents(_Block):
    """Events that are not sent: blobs, and pulls."""

    mediatypes: list[str] = ["application/octet-stream"]
    actions: list[Literal["pull", "push", "mount", "delete"]] = ["pull"]


class Endpoint(_Block):
    """Where events go. The registry keeps them in memory and retries forever, in order."""

    name: str
    url: str
    timeout: GoDuration = "3s"
    threshold: int = 5
    backoff: GoDuration = "10s"
    ignore: IgnoredEvents = IgnoredEvents()


class Notifications(_Block):
    """The registry's events."""

    endpoints: list[Endpoint]


class StorageDriverHealth(_Block):
    """Answers 503 when the storage fails."""

    enabled: bool = True
    interval: GoDuration = "10s"
    threshold: int = 3


class Health(_Block):
    """What the registry checks about itself."""

    storagedriver: StorageDriverHealth = StorageDriverHealth()


class LayerUrls(_Block):
    """URLs of layers that are elsewhere (foreign, non-distributable), as regular expressions; without any, all are refused."""

    allow: list[str]


class ManifestValidation(_Block):
    """What manifests are checked for. Indexes keep the default: they must be complete."""

    urls: LayerUrls


class Validation(_Block):
    """What is checked before something is stored."""

    manifests: ManifestValidation


class RegistryConfig(_Block):
    """The whole of config.yml. `catalog.maxentries` keeps its default."""

    version: Literal["0.1"] = "0.1"
    log: Log = Log()
    storage: Storage = Storage()
    http: Http
    redis: Redis
    auth: Auth
    notifications: Notifications
    validation: Validation | None = None
    health: Health = Health()


def validation(foreign_layer_hosts: Sequence[str]) -> Validation | None:
    """Return the validation that lets manifests name layers at these hosts; None for none, which is the registry's default."""
    if not foreign_layer_hosts:
        return None
    # The registry looks for a match anywhere in the URL.
    allow = [f"^https?://{re.escape(host)}/" for host in foreign_layer_hosts]
    return Validation(manifests=ManifestValidation(urls=LayerUrls(allow=allow)))


def render(config: RegistryConfig) -> str:
    """Return config.yml."""
    document = config.model_dump(mode="json", exclude_none=True)
    document["version"] = float(document["version"])  # the registry wants the plain number 0.1
    return yaml.safe_dump(document, sort_keys=False, width=120)
