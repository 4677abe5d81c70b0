"""What the gateway is given: accounts as hashes, keys, and a configuration that it can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings, parse
from ops.config import Access, Accounts, GatewayConfig, load
from ops.credentials.keys import load_signing_key
from ops.credentials.passwords import password_matches
from stack_components.gateway.component import accounts, config, parts
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


def written(folder: Path, *, operator: tuple[str, str] = ("admin", "password-of-admin"), salt: str = "salt") -> Accounts:
    """The accounts file as the gateway reads it."""
    path = folder / "accounts.json"
    path.write_text(accounts(plan_of(accounts=ACCOUNTS), PASSWORDS, operator, salt))
    return load(path, Accounts)


def test_the_same_secrets_give_the_same_file() -> None:
    one, other = (accounts(plan_of(accounts=ACCOUNTS), PASSWORDS, ("admin", "x" * 12), "salt") for _ in range(2))
    assert one == other


def test_every_account_has_the_hash_of_its_own_password(tmp_path: Path) -> None:
    passwords = {**PASSWORDS, "admin": "password-of-admin"}
    listed = written(tmp_path).accounts
    assert [account.name for account in listed] == ["admin", "ci", "lister"]
    for account in listed:
        matching = [name for name, password in passwords.items() if password_matches(password, account.password_hash)]
        assert matching == [account.name]


def test_the_file_holds_no_clear_password() -> None:
    text = accounts(plan_of(accounts=ACCOUNTS), PASSWORDS, ("admin", "password-of-admin"), "the-salt")
    assert [secret for secret in (*PASSWORDS.values(), "password-of-admin", "the-salt") if secret in text] == []


def test_equal_passwords_have_different_hashes(tmp_path: Path) -> None:
    same = dict.fromkeys(PASSWORDS, "the-same-password")
    document = json.loads(accounts(plan_of(accounts=ACCOUNTS), same, ("admin", "the-same-password"), "salt"))
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


def test_services_that_run_have_accounts_that_may_do_what_they_are_for() -> None:
    sync = {
        "entries": [{"source": f"docker.io/{path}"} for path in ("library/b", "library/a:1", "library/a:2")],
        "retention": [{"repository": "ci/app", "tags": tags, "keep": 1} for tags in ("a.*", "b.*")],
    }
    passwords = {**PASSWORDS, "regsync": "password-of-regsync", "regbot": "password-of-regbot"}
    written = accounts(plan_of(accounts=ACCOUNTS, sync=sync), passwords, ("admin", "x" * 12), "salt")
    listed = Accounts.model_validate_json(written).accounts
    assert [account.name for account in listed] == ["admin", "ci", "lister", "regsync", "regbot"]
    regsync, regbot = listed[3:]
    assert regsync.access == tuple(Access(repositories=name, actions=("pull", "push")) for name in ("library/a", "library/b"))
    assert regbot.access == (Access(repositories="ci/app", actions=("pull", "push", "delete")),)
    assert (regsync.catalog, regbot.catalog) == (False, False)
    assert [password_matches(passwords[one.name], one.password_hash) for one in (regsync, regbot)] == [True, True]


@pytest.mark.parametrize("anonymous", [[], [{"repositories": "public/**", "actions": ["pull"]}]])
def test_the_gateway_can_read_its_configuration(tmp_path: Path, anonymous: list[dict[str, Any]]) -> None:
    given = settings(anonymous=anonymous)
    (part,) = parts(plan_of(accounts=ACCOUNTS, anonymous=anonymous))
    (tmp_path / "gateway.json").write_bytes(part.files["gateway.json"])
    read = load(tmp_path / "gateway.json", GatewayConfig)
    assert read == config(given, measured=True)
    assert read.anonymous == tuple(Access.model_validate(access) for access in anonymous)


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
    token = registry_config(
        plan_of(registry_host="registry.test"), http_secret="h", cache_password="c", events_token="e"
    ).auth.token
    assert (token.service, token.issuer) == (config(given).service, config(given).issuer)


def test_the_gateway_finds_its_files_where_its_configuration_says() -> None:
    container = declare().named("gateway-container")
    targets = {mount["target"]: mount for mount in container.inputs["mounts"]}
    read = config(settings())
    for path in (read.signing_key_file, read.accounts_file, read.webhook_token_file):
        assert targets[str(path)]["readOnly"] is True
    assert targets[str(read.events_db.parent)]["readOnly"] is False
    assert f":{read.listen_port}/" in container.inputs["healthcheck"]["tests"][-1]


def test_the_registry_is_given_the_public_half_of_the_gateways_key() -> None:
    files = json.loads(declare().named("secrets", "command:local:Command").inputs["stdin"])
    (published,) = json.loads(files["gateway/jwks.json"])["keys"]
    key = load_signing_key(files["gateway/signing-key.pem"])
    assert published == key.as_dict(private=False, alg="ES256", use="sig")
    assert "d" not in published
