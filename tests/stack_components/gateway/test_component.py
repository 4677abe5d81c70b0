"""What the gateway is given: accounts as hashes, keys, and a configuration that it can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings, parse
from ops.config import Access, GatewayConfig, Rights, load
from ops.credentials.keys import load_signing_key
from ops.credentials.passwords import password_matches
from stack_components.gateway.component import config, parts, rights
from stack_components.monitoring.prometheus import prometheus_config
from stack_components.networks import NETWORKS
from stack_components.registry.component import config as registry_config
from tests.declared import declare
from tests.plans import plan_of

ACCOUNTS = [
    {"name": "ci", "access": [{"repositories": "ci/**", "actions": ["pull", "push"]}]},
    {"name": "lister", "access": [{"repositories": "**", "actions": ["pull"]}], "catalog": True},
]
PASSWORDS = {"ci": "password-of-ci", "lister": "password-of-lister"}


def settings(**raw: Any) -> Settings:
    return parse({"accounts": ACCOUNTS, **raw}, stack="test")


def written(folder: Path, *, operator: tuple[str, str] = ("admin", "password-of-admin"), salt: str = "salt") -> Rights:
    """The rights file as the gateway reads it."""
    path = folder / "rights.json"
    path.write_text(rights(plan_of(accounts=ACCOUNTS), PASSWORDS, operator, salt))
    return load(path, Rights)


def test_the_same_secrets_give_the_same_file() -> None:
    one, other = (rights(plan_of(accounts=ACCOUNTS), PASSWORDS, ("admin", "x" * 12), "salt") for _ in range(2))
    assert one == other


def test_every_account_has_the_hash_of_its_own_password(tmp_path: Path) -> None:
    passwords = {**PASSWORDS, "admin": "password-of-admin"}
    listed = written(tmp_path).accounts
    assert [account.name for account in listed] == ["admin", "ci", "lister"]
    for account in listed:
        matching = [name for name, password in passwords.items() if password_matches(password, account.password_hash)]
        assert matching == [account.name]


def test_the_file_holds_no_clear_password() -> None:
    text = rights(plan_of(accounts=ACCOUNTS), PASSWORDS, ("admin", "password-of-admin"), "the-salt")
    assert [secret for secret in (*PASSWORDS.values(), "password-of-admin", "the-salt") if secret in text] == []


def test_equal_passwords_have_different_hashes(tmp_path: Path) -> None:
    same = dict.fromkeys(PASSWORDS, "the-same-password")
    document = json.loads(rights(plan_of(accounts=ACCOUNTS), same, ("admin", "the-same-password"), "salt"))
    assert len({account["password_hash"] for account in document["accounts"]}) == 3
    hashes = {written(tmp_path, salt=salt).accounts[0].password_hash for salt in ("salt", "pepper")}
    assert len(hashes) == 2


def test_the_operator_may_do_everything_and_others_what_they_are_given(tmp_path: Path) -> None:
    operator, robot, lister = written(tmp_path, operator=("boss", "password-of-boss")).accounts
    assert operator.access == (Access(repositories="**", actions=("pull", "push", "delete")),)
    assert (operator.name, operator.catalog) == ("boss", True)
    assert robot.access == (Access(repositories="ci/**", actions=("pull", "push")),)
    assert lister.access == (Access(repositories="**", actions=("pull",)),)
    assert (robot.catalog, lister.catalog) == (False, True)


def test_services_and_tasks_have_accounts_that_may_do_what_they_are_for() -> None:
    sync = {
        "entries": [{"source": f"docker.io/{path}"} for path in ("library/b", "library/a:1", "library/a:2")],
        "retention": [{"repository": "ci/app", "tags": tags, "keep": 1} for tags in ("a.*", "b.*")],
        "scripts": [{"name": "one", "repositories": ["ci/**"], "script": "log('')"}],
    }
    passwords = {**PASSWORDS, **{name: f"password-of-{name}" for name in ("regsync", "regbot", "retention")}}
    written = rights(plan_of(accounts=ACCOUNTS, sync=sync), passwords, ("admin", "x" * 12), "salt")
    listed = Rights.model_validate_json(written).accounts
    assert [account.name for account in listed] == ["admin", "ci", "lister", "regsync", "regbot", "retention"]
    regsync, regbot, retention = listed[3:]
    assert regsync.access == tuple(Access(repositories=name, actions=("pull", "push")) for name in ("library/a", "library/b"))
    assert regbot.access == (Access(repositories="ci/**", actions=("pull", "push", "delete")),)
    assert retention.access == (Access(repositories="ci/app", actions=("pull", "delete")),)
    assert not any(one.catalog for one in listed[3:])
    assert all(password_matches(passwords[one.name], one.password_hash) for one in listed[3:])


def test_the_gateway_can_read_its_configuration(tmp_path: Path) -> None:
    (part,) = parts(plan_of(accounts=ACCOUNTS))
    (tmp_path / "gateway.json").write_bytes(part.files["gateway.json"])
    assert load(tmp_path / "gateway.json", GatewayConfig) == config(settings(), measured=True, alerted=True)


@pytest.mark.parametrize("anonymous", [[], [{"repositories": "public/**", "actions": ["pull"]}]])
def test_what_everybody_may_do_is_told_with_the_accounts(anonymous: list[dict[str, Any]]) -> None:
    written = rights(plan_of(accounts=ACCOUNTS, anonymous=anonymous), PASSWORDS, ("admin", "x" * 12), "salt")
    told = Rights.model_validate_json(written)
    assert told.anonymous == tuple(Access.model_validate(access) for access in anonymous)
    assert told.people == ()


def test_metrics_are_served_on_an_address_that_prometheus_alone_reaches() -> None:
    assert config(settings()).metrics_host is None
    (part,) = parts(plan_of())
    given = json.loads(part.files["gateway.json"])
    name, network = given["metrics_host"].split(".")
    assert (name, set(NETWORKS[network].members)) == ("gateway", {"gateway", "prometheus"})
    (job,) = [job for job in prometheus_config(plan_of()).scrape_configs if job.job_name == "gateway"]
    assert job.static_configs[0].targets == [f"{given['metrics_host']}:{given['metrics_port']}"]


def test_registry_and_gateway_agree_on_the_tokens() -> None:
    given = settings(registry_host="registry.test")
    token = registry_config(plan_of(registry_host="registry.test"), http_secret="h", cache_password="c").auth.token
    assert (token.service, token.issuer) == (config(given).service, config(given).issuer)


def test_the_gateway_finds_its_files_where_its_configuration_says() -> None:
    container = declare().named("gateway-container")
    targets = {mount["target"]: mount for mount in container.inputs["mounts"]}
    read = config(settings())
    assert targets[str(read.signing_key_file)]["readOnly"] is True
    live = targets["/run/secrets/live"]
    assert (live["source"].partition("/.state/test/")[2], live["readOnly"]) == ("secrets/live/gateway", True)
    names = {
        f"/run/secrets/live/current/{file}"
        for _, _, file in (name.rpartition("live/gateway/") for name in declare().secret_files)
    }
    assert {str(read.rights_file), str(read.webhook_token_file)} <= names
    assert targets[str(read.events_db.parent)]["readOnly"] is False
    assert f"http://{read.listen_host}:{read.listen_port}/" in container.inputs["healthcheck"]["tests"][-1]


def test_the_gateway_listens_where_edge_and_registry_are_and_no_wider() -> None:
    name, network = config(settings()).listen_host.split(".")
    assert (name, set(NETWORKS[network].members)) == ("gateway", {"edge", "gateway", "registry"})


def test_changed_rights_replace_no_container_and_are_taken_in() -> None:
    one, other = declare(), declare({"accounts": json.dumps(ACCOUNTS), "anonymous": "[]"})
    assert one.named("gateway-container").inputs == other.named("gateway-container").inputs
    for declared in (one, other):
        (copy,) = {
            path.split("/")[2]
            for path in json.loads(declared.named("secrets", "command:local:Command").inputs["stdin"])
            if path.startswith("live/gateway/")
        }
        told = declared.named("reload-gateway")
        assert f" secrets/live/gateway --wanted {copy} --container registry-test-gateway " in told.inputs["create"]
        assert told.urn in declared.named("doctor").dependencies


def test_the_registry_is_given_the_public_half_of_the_gateways_key() -> None:
    files = declare().secret_files
    (published,) = json.loads(files["gateway/jwks.json"])["keys"]
    key = load_signing_key(files["gateway/signing-key.pem"])
    assert published == key.as_dict(private=False, alg="ES256", use="sig")
    assert "d" not in published
