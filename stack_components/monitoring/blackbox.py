"""The blackbox exporter's configuration as a typed model: how the registry is probed.

Keys and their meaning: https://github.com/prometheus/blackbox_exporter/blob/v0.28.0/CONFIGURATION.md
"""

from __future__ import annotations

from typing import Literal

import yaml

from infra.settings import Settings
from ops.config import Strict

MODULE = "http_registry"


class HttpProbe(Strict):
    """A GET that must return one of these statuses, on a server only with TLS. The probe's network has no IPv6."""

    valid_status_codes: tuple[int, ...] = (200, 401)
    follow_redirects: bool = False
    fail_if_not_ssl: bool
    preferred_ip_protocol: Literal["ip4"] = "ip4"


class Module(Strict):
    """A kind of probe. Prometheus waits 10 s for its result."""

    prober: Literal["http"] = "http"
    timeout: str = "9s"
    http: HttpProbe


class BlackboxConfig(Strict):
    """The whole of config.yml."""

    modules: dict[str, Module]


def blackbox_config(settings: Settings) -> BlackboxConfig:
    """Return how a stack's registry is probed: `/v2/` answers with or without a token."""
    return BlackboxConfig(modules={MODULE: Module(http=HttpProbe(fail_if_not_ssl=not settings.is_local))})


def render(config: BlackboxConfig) -> str:
    """Return config.yml."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
