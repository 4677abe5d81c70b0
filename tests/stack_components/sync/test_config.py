"""The configuration of regsync and regbot as it is rendered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from infra.authorities import Authorities
from infra.blocks.upstreams import secret_names
from stack_components.sync.component import parts
from stack_components.sync.hosts import RegistryHost
from stack_components.sync.regsync import Defaults, Step
from tests.plans import plan_of

DIGEST = "sha256:" + "0" * 64


def rendered(**raw: Any) -> dict[str, str]:
    return {name: content.decode() for part in parts(plan_of(**raw)) for name, content in part.files.items()}


def test_regsync_is_told_sources_targets_and_where_its_password_is() -> None:
    entries = [
        {"source": "quay.io/prometheus/prometheus", "tags": [r"v3\.\d+\.\d+", "latest|main"], "deny": ["v3.0.*"]},
        {"source": "docker.io/library/alpine:3.22", "target": "base/alpine"},
        {"source": "index.docker.io/library/busybox", "target": "docker.io/library/busybox", "semver": [">=1.36 <2"]},
        {"source": f"alpine:3.22@{DIGEST}", "target": "base/alpine:stable"},
    ]
    assert rendered(sync={"entries": entries, "interval": "6h", "parallel": 2}) == {
        "regsync.yml": r"""version: 1
creds:
- registry: edge.inner:8080
  tls: disabled
  user: regsync
  pass: '{{file "/run/secrets/password" | trimSpace}}'
  repoAuth: true
- registry: docker.io
  tls: enabled
  repoAuth: true
- registry: quay.io
  tls: enabled
  repoAuth: true
defaults:
  parallel: 2
  interval: 6h
  ratelimit:
    min: 50
    retry: 15m
  fastCheck: true
  cacheCount: 500
  cacheTime: 15m
  skipDockerConfig: true
sync:
- source: quay.io/prometheus/prometheus
  target: edge.inner:8080/prometheus/prometheus
  type: repository
  tags:
    allow:
    - (?:v3\.\d+\.\d+)
    - (?:latest|main)
    deny:
    - (?:v3.0.*)
- source: docker.io/library/alpine:3.22
  target: edge.inner:8080/base/alpine:3.22
  type: image
- source: docker.io/library/busybox
  target: edge.inner:8080/docker.io/library/busybox
  type: repository
  tags:
    semverRange:
    - '>=1.36 <2'
- source: docker.io/library/alpine:3.22@sha256:0000000000000000000000000000000000000000000000000000000000000000
  target: edge.inner:8080/base/alpine:stable
  type: image
"""
    }


# A file that is missing would be an empty password, and regsync would not say so. Half a pair is refused before: infra/plan.py.
@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        ([], {}),
        (["hub_user", "hub_token"], {"docker.io": "hub"}),
        (["hub_user", "hub_token", "ghcr_user", "ghcr_token"], {"docker.io": "hub", "ghcr.io": "ghcr"}),
    ],
)
def test_regsync_signs_in_where_name_and_token_are_set(secrets: list[str], expected: dict[str, str]) -> None:
    entries = [{"source": "docker.io/a"}, {"source": "ghcr.io/b"}]
    text = rendered(sync={"entries": entries}, **dict.fromkeys(secrets, "the-value"))["regsync.yml"]
    logins = {host["registry"]: (host.get("user"), host.get("pass")) for host in yaml.safe_load(text)["creds"][1:]}
    files = {
        name: tuple(f'{{{{file "/run/secrets/{secret}_{end}" | trimSpace}}}}' for end in ("user", "token"))
        for name, secret in expected.items()
    }
    assert logins == {"docker.io": (None, None), "ghcr.io": (None, None), **files}
    assert "the-value" not in text


def test_regsync_trusts_who_vouches_for_a_registry_with_its_login_and_without() -> None:
    entries = [{"source": "registry.corp:5000/a"}, {"source": "other.corp/b"}, {"source": "quay.io/c"}]
    logins = {"registry.corp:5000": {"user": "robot", "token": "hunter2"}}
    plan = plan_of(sync={"entries": entries}, upstream_logins=logins)
    authorities = Authorities({"registry.corp:5000": "ONE\n", "other.corp": "OTHER\n"})
    (part,) = parts(replace(plan, authorities=authorities))
    hosts = {host["registry"]: host for host in yaml.safe_load(part.files["regsync.yml"])["creds"][1:]}
    assert {name: host.get("regcert") for name, host in hosts.items()} == {**authorities.by_registry, "quay.io": None}
    files = [f'{{{{file "/run/secrets/{name}" | trimSpace}}}}' for name in secret_names("registry.corp:5000")]
    assert [hosts["registry.corp:5000"][key] for key in ("user", "pass")] == files
    assert "user" not in hosts["other.corp"]


def test_regbot_is_told_the_scripts_and_where_the_registry_is() -> None:
    scripts = [{"name": name, "repositories": ["ci/**"], "script": f"log('{name}')\nlog(registry)"} for name in ("one", "two")]
    (text,) = rendered(sync={"scripts": scripts}).values()
    document = yaml.safe_load(text)
    assert document["creds"] == [
        {
            "registry": "edge.inner:8080",
            "tls": "disabled",
            "user": "regbot",
            "pass": '{{file "/run/secrets/password" | trimSpace}}',
            "repoAuth": True,
        }
    ]
    assert document["defaults"] == {"schedule": "30 2 * * *", "timeout": "30m", "skipDockerConfig": True}
    assert [(script["name"], script["script"]) for script in document["scripts"]] == [
        (name, f"local registry = \"edge.inner:8080\"\nlog('{name}')\nlog(registry)") for name in ("one", "two")
    ]


def test_what_does_not_run_is_told_nothing() -> None:
    entries, scripts = [{"source": "docker.io/a"}], [{"name": "b", "repositories": ["b"], "script": "log('')"}]
    assert rendered() == {}
    assert rendered(sync={"enabled": False, "entries": entries, "scripts": scripts}) == {}
    assert set(rendered(sync={"entries": entries, "scripts": scripts})) == {"regsync.yml", "regbot.yml"}


def test_a_key_that_regsync_would_ignore_cannot_be_written() -> None:
    # fastCopy is what its documentation calls fastCheck.
    with pytest.raises(ValidationError, match="fastCopy"):
        Defaults(parallel=1, interval="12h", fastCopy=True)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="platforms"):
        Step(source="a", target="b", type="image", platforms=["linux/amd64"])  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="scheme"):
        RegistryHost(registry="a", scheme="http")  # type: ignore[call-arg]
