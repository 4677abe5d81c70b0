"""What regsync is told to copy, as a configuration of its own: pure.

https://github.com/regclient/regclient/blob/v0.11.6/cmd/regsync/config.go
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ops.tasks.sync.entries import PASSED_ON
from ops.tasks.sync.model import Job

_SECRETS = "/run/secrets"
_ACCOUNT, _PASSWORD = "regsync", "password"


def configuration(
    jobs: Sequence[Job],
    *,
    target: str,
    parallel: int,
    login: tuple[str, str] | None = None,
    tls: bool = True,
    ca: str | None = None,
) -> str:
    """Return the configuration that copies some tags of one upstream registry.

    Each is named by its digest, so that what was planned is copied, whatever upstream does meanwhile.

    Args:
        jobs: The tags, all of the same registry.
        target: The address of this registry, as regsync reaches it.
        parallel: How many images are copied at once.
        login: The secret files with user and token of the registry; None for anonymous access.
        tls: Whether the registry has TLS.
        ca: Certificates (PEM) that vouch for it besides the public ones.
    """
    upstream: dict[str, Any] = {
        "registry": jobs[0].entry.upstream,
        "tls": "enabled" if tls else "disabled",
        # Else one token covers all repositories used so far, until it asks for more than a token service grants.
        "repoAuth": True,
        # As many as the planner asks at once.
        "reqConcurrent": 6,
    }
    if ca:
        upstream["regcert"] = ca
    if login:
        upstream |= {"user": _from_file(login[0]), "pass": _from_file(login[1])}
    here = {"registry": target, "tls": "disabled", "user": _ACCOUNT, "pass": _from_file(_PASSWORD), "repoAuth": True}
    defaults = {"parallel": parallel, "cacheCount": 500, "cacheTime": "15m", "skipDockerConfig": True}
    steps = [{"source": source_of(job), "target": target_of(job, target), "type": "image", **_options(job)} for job in jobs]
    return json.dumps({"version": 1, "creds": [here, upstream], "defaults": defaults, "sync": steps}, indent=1) + "\n"


def source_of(job: Job) -> str:
    """Return what a tag is called upstream."""
    assert job.entry.source is not None  # noqa: S101  # it was looked at
    return f"{job.entry.source.registry}/{job.entry.source.repository}@{job.seen.digest}"


def target_of(job: Job, target: str) -> str:
    """Return what a tag is called here, as regsync names it in its log, too."""
    return f"{target}/{job.name}"


def _options(job: Job) -> Mapping[str, Any]:
    assert job.entry.entry is not None  # noqa: S101  # it was looked at
    return job.entry.entry.model_dump(mode="json", by_alias=True, include=set(PASSED_ON), exclude_defaults=True)


def _from_file(name: str) -> str:
    return f'{{{{file "{_SECRETS}/{name}" | trimSpace}}}}'
