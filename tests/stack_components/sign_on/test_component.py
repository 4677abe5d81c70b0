"""What a stack with an identity provider declares, and which of its services know what."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from ops.config import Access, GatewayConfig, Rights
from stack_components.gateway.component import parts as gateway_parts
from stack_components.gateway.component import rights
from stack_components.sign_on.component import NAME, PROOF_FILE, cookie_name, provider
from tests.declared import Declarations, below_root, declare
from tests.plans import EVERYTHING, plan_of

SIGN_ON = {key: EVERYTHING[key] for key in ("sign_on", "oidc_client_id", "oidc_client_secret")}


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return declare({key: value if isinstance(value, str) else json.dumps(value) for key, value in SIGN_ON.items()})


def secret_files(declared: Declarations) -> dict[str, str]:
    files: dict[str, str] = declared.secret_files
    return files


def sources(declared: Declarations, service: str) -> dict[str, str]:
    """What a service has mounted: file or folder of the stack by path in the container."""
    mounts = declared.named(f"{service}-container").inputs["mounts"]
    return {mount["target"]: below_root(mount["source"]) for mount in mounts}


@pytest.mark.parametrize(
    ("settings", "address", "cookie"),
    [
        ({}, "http://localhost:8080", "sign-on"),
        ({"registry_host": "registry.test:8080"}, "http://registry.test:8080", "sign-on"),
        ({"registry_host": "localhost:8443"}, "https://localhost:8443", "__Host-sign-on"),
        ({"edge": {"bind": "192.0.2.1"}}, "https://192.0.2.1:8443", "__Host-sign-on"),
        ({"place": "hetzner", "registry_host": "r.example.com"}, "https://r.example.com", "__Host-sign-on"),
        ({"place": "hetzner", "registry_host": "r.example.com:8080"}, "https://r.example.com:8080", "__Host-sign-on"),
    ],
)
def test_browsers_come_to_the_address_of_the_registry(settings: dict[str, Any], address: str, cookie: str) -> None:
    given = _settings(**settings)
    assert (given.public_url, cookie_name(given)) == (address, cookie)


def _settings(**raw: Any) -> Any:
    from infra.settings import parse  # noqa: PLC0415

    return parse(raw, stack="test")


def test_it_reads_its_configuration_and_nothing_else(declared: Declarations) -> None:
    container = declared.named(f"{NAME}-container").inputs
    mounted = sources(declared, NAME)
    assert mounted.pop("/etc/oauth2-proxy").startswith("parts/sign-on-")
    assert mounted == {"/run/secrets/oauth2-proxy.cfg": "secrets/sign-on/oauth2-proxy.cfg"}
    assert container["envs"] == []
    assert container["command"] == ["--config", "/run/secrets/oauth2-proxy.cfg"]
    assert container["healthcheck"]["tests"] == ["CMD", NAME, "--config", "/run/secrets/oauth2-proxy.cfg", "--config-test"]
    assert "entrypoints" not in container


def test_its_configuration_has_the_given_secrets_and_a_key_of_its_own(declared: Declarations) -> None:
    files = secret_files(declared)
    read = tomllib.loads(files["sign-on/oauth2-proxy.cfg"])
    assert (read["client_id"], read["client_secret"]) == ("the-client-id", "the-client-secret")
    assert read["oidc_issuer_url"] == "https://id.example.com"
    assert len(read["cookie_secret"]) == 44
    assert read["cookie_secret"] not in files.values()


def test_the_gateway_has_the_proof_as_it_was_generated(declared: Declarations) -> None:
    files = secret_files(declared)
    assert files["sign-on/proof"].startswith("mocked-sign_on_token")
    assert "\n" not in files["sign-on/proof"]
    assert sources(declared, "gateway")[PROOF_FILE] == "secrets/sign-on/proof"


def test_the_edge_has_the_proof_too(declared: Declarations) -> None:
    assert sources(declared, "edge")[PROOF_FILE] == "secrets/sign-on/proof"


def test_nobody_else_has_the_proof_or_the_configuration(declared: Declarations) -> None:
    containers = [one.name.removesuffix("-container") for one in declared.of_type("docker:index/container:Container")]
    knowing = {
        service: {source for source in sources(declared, service).values() if source.startswith("secrets/sign-on/")}
        for service in containers
    }
    assert {service for service, known in knowing.items() if known} == {"edge", "gateway", NAME}
    assert knowing[NAME] == {"secrets/sign-on/oauth2-proxy.cfg"}


def test_without_an_issuer_there_is_nothing_of_it() -> None:
    declared = declare()
    assert [one.name for one in declared.values() if NAME in one.name or "sign_on" in one.name] == []
    assert not any(name.startswith("sign-on/") for name in secret_files(declared))
    assert not any("sign-on" in source for service in ("edge", "gateway") for source in sources(declared, service).values())
    assert provider(plan_of()) is None
    (part,) = gateway_parts(plan_of())
    assert GatewayConfig.model_validate_json(part.files["gateway.json"]).sign_on is None


def test_operators_may_do_everything_and_others_look_and_pull() -> None:
    told = Rights.model_validate_json(rights(plan_of(**SIGN_ON), {}, ("admin", "x" * 12), "salt"))
    assert {person.name: (person.access, person.catalog) for person in told.people} == {
        "ann@example.com": ((Access(repositories="**", actions=("pull", "push", "delete")),), True),
        "bob@example.com": ((Access(repositories="**", actions=("pull",)),), True),
    }
