"""The registry's config.yml: the exact text, and a model that takes nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from stack_components.registry import config as models
from stack_components.registry.component import config
from stack_components.registry.config import RegistryConfig, render
from tests.plans import plan_of

SECRETS = {"http_secret": "http-secret", "cache_password": "cache-password"}


def typical(**raw: Any) -> RegistryConfig:
    return config(plan_of(**raw), **SECRETS)


def test_config_yml() -> None:
    assert (
        render(typical())
        == """\
version: 0.1
log:
  level: warn
  formatter: json
  accesslog:
    disabled: true
  fields:
    service: registry
storage:
  filesystem:
    rootdirectory: /var/lib/registry
    maxthreads: 100
  cache:
    blobdescriptor: redis
  delete:
    enabled: true
  redirect:
    disable: true
  tag:
    concurrencylimit: 8
  maintenance:
    uploadpurging:
      enabled: true
      age: 72h
      interval: 24h
      dryrun: false
    readonly:
      enabled: false
http:
  addr: :5000
  secret: http-secret
  relativeurls: true
  draintimeout: 30s
  headers:
    X-Content-Type-Options:
    - nosniff
  debug:
    addr: :5001
    prometheus:
      enabled: true
      path: /metrics
redis:
  addrs:
  - cache:6379
  username: registry
  password: cache-password
  db: 0
  dialtimeout: 200ms
  readtimeout: 200ms
  writetimeout: 200ms
  maxretries: 1
  poolsize: 32
  minidleconns: 2
  maxidleconns: 16
  connmaxidletime: 300s
auth:
  token:
    realm: https://localhost:8080/auth/token
    autoredirect: true
    autoredirectpath: /auth/token
    service: localhost:8080
    issuer: private-registry
    jwks: /run/secrets/jwks.json
    signingalgorithms:
    - ES256
notifications:
  endpoints:
  - name: gateway
    url: http://edge.app:8083/events
    timeout: 3s
    threshold: 5
    backoff: 10s
    ignore:
      mediatypes:
      - application/octet-stream
      actions:
      - pull
validation:
  manifests:
    urls:
      allow:
      - ^https?://mcr\\.microsoft\\.com/
      - ^https?://go\\.microsoft\\.com/
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""
    )


def test_a_public_registry_sends_clients_to_its_one_name_and_to_where_they_asked() -> None:
    token = typical(place="hetzner", registry_host="registry.example.com").auth.token
    assert (token.realm, token.autoredirect) == ("https://registry.example.com/auth/token", True)
    assert token.service == "registry.example.com"


def test_settings_reach_the_configuration() -> None:
    assert typical(registry={"log_level": "error"}).log.level == "error"


def test_layers_that_are_elsewhere_may_be_at_the_hosts_of_the_settings_only() -> None:
    given = typical(registry={"foreign_layer_hosts": ["layers.example.com"]}).validation
    assert given is not None
    assert given.manifests.urls.allow == [r"^https?://layers\.example\.com/"]
    assert "validation" not in yaml.safe_load(render(typical(registry={"foreign_layer_hosts": []})))


@pytest.mark.parametrize("secret", ["y", "1e3", "0x10", "- a", "a: b", "#", "'\"", "a" * 200, "* &", "~", "a b " * 60])
def test_any_secret_arrives_as_it_is(secret: str) -> None:
    values = dict.fromkeys(SECRETS, secret)
    document = yaml.safe_load(render(config(plan_of(), **values)))
    assert document["http"]["secret"] == document["redis"]["password"] == secret


def test_secrets_are_in_the_file_only() -> None:
    for secret in SECRETS.values():
        assert secret not in repr(typical())


def blocks() -> list[type[BaseModel]]:
    found = [item for item in vars(models).values() if isinstance(item, type) and issubclass(item, BaseModel)]
    return [block for block in found if block.__module__ == models.__name__]


def test_there_are_blocks_to_check() -> None:
    assert {"Storage", "Http", "Redis", "Token", "Endpoint", "RegistryConfig"} <= {block.__name__ for block in blocks()}


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.__name__)
def test_no_block_takes_a_key_that_it_does_not_know(block: type[BaseModel]) -> None:
    with pytest.raises(ValidationError) as caught:
        block.model_validate({"delet": {"enabled": True}})
    assert [fault["loc"] for fault in caught.value.errors() if fault["type"] == "extra_forbidden"] == [("delet",)]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("log", "level"), "info"),
        (("storage", "filesystem", "maxthreads"), 24),
        (("storage", "cache", "blobdescriptor"), "memory"),
        (("storage", "maintenance", "uploadpurging", "age"), "7 days"),
        (("storage", "maintenance", "readonly"), True),
        (("http", "draintimeout"), 30),
        (("redis", "db"), 1),
        (("redis", "addrs"), "cache:6379"),
        (("auth", "token", "signingalgorithms"), ["HS256"]),
        (("notifications", "endpoints", 0, "ignore", "actions"), ["pulls"]),
        (("version",), "0.2"),
    ],
)
def test_bad_values_are_refused(path: tuple[str | int, ...], value: object) -> None:
    document: Any = typical().model_dump(mode="json")
    RegistryConfig.model_validate(document)
    block = document
    for key in path[:-1]:
        block = block[key]
    assert path[-1] in block
    block[path[-1]] = value
    with pytest.raises(ValidationError) as caught:
        RegistryConfig.model_validate(document)
    assert caught.value.errors()[0]["loc"][: len(path)] == path
