"""The contract of configuration files: what is valid, and how every problem is reported."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ops.config import (
    Access,
    Account,
    ConfigError,
    FailureLimits,
    GatewayConfig,
    Person,
    RegopsConfig,
    Rights,
    ServiceLimits,
    describe,
    load,
    render,
)
from ops.core import process
from ops.credentials.passwords import password_hash

HASH = password_hash("secret", "salt", cost=4)
GATEWAY: dict[str, Any] = {
    "issuer": "gateway",
    "service": "registry.example.com",
    "signing_key_file": "/run/secrets/key",
    "rights_file": "/etc/gateway/rights.json",
    "webhook_token_file": "/run/secrets/event_token",
    "events_db": "/var/lib/gateway/events.db",
}


@pytest.mark.parametrize(
    ("pattern", "covered", "not_covered"),
    [
        ("app", ["app"], ["app/x", "application", "ap", ""]),
        ("team/app", ["team/app"], ["team", "team/app/x", "team/apps", "x/team/app"]),
        ("ci/**", ["ci/app", "ci/deep/app"], ["ci", "cinema", "cinema/app", "x/ci/app"]),
        ("a.b/c__d/**", ["a.b/c__d/e"], ["axb/c__d/e"]),
        ("**", ["app", "team/app", "a/b/c"], []),
    ],
)
def test_a_pattern_covers_repositories(pattern: str, covered: list[str], not_covered: list[str]) -> None:
    access = Access(repositories=pattern, actions=("pull",))
    assert [name for name in covered + not_covered if access.covers(name)] == covered


@pytest.mark.parametrize(
    "pattern",
    ["", "*", "***", "/**", "ci/*", "ci/**/app", "**/app", "ci**", "ci/", "/ci", "CI/**", "../**", "a//b", "ci/** ", "ä"],
)
def test_other_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match=r"a prefix ending in /\*\*, or \*\* for all repositories"):
        Access(repositories=pattern, actions=("pull",))


@pytest.mark.parametrize("actions", [[], ["fly"], ["*"], "pull", ["PULL"]])
def test_other_actions_are_refused(actions: Any) -> None:
    with pytest.raises(ValidationError):
        Access.model_validate({"repositories": "**", "actions": actions})


@pytest.mark.parametrize("name", ["", "a:b", "a b", "-a", "a\n", "ä", "a" * 129])
def test_names_that_cannot_sign_in_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        Account(name=name, password_hash=HASH, access=())


@pytest.mark.parametrize("hashed", ["", "secret", HASH[:-1], HASH + "a", HASH.replace("$04$", "$17$"), "$6$x$y"])
def test_what_is_not_a_bcrypt_hash_of_acceptable_cost_is_refused_and_not_shown(hashed: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Account(name="a", password_hash=hashed, access=())
    [problem] = describe(caught.value)
    assert problem == "password_hash: should be a bcrypt hash made by ops.credentials.passwords.password_hash"


def test_an_account_does_not_show_its_hash() -> None:
    account = Account(name="a", password_hash=HASH, access=())
    assert HASH not in repr(account)
    assert account.cost == 4


def test_accounts_have_names_of_their_own_and_one_cost() -> None:
    one = {"name": "a", "password_hash": HASH, "access": []}
    other = one | {"name": "b", "password_hash": password_hash("secret", "salt", cost=5)}
    with pytest.raises(ValidationError, match="several accounts are called a; "):
        Rights.model_validate({"accounts": [one, one]})
    with pytest.raises(ValidationError, match="the password hashes differ in cost"):
        Rights.model_validate({"accounts": [one, other]})


def test_defaults_are_safe() -> None:
    config = GatewayConfig.model_validate(GATEWAY)
    assert Rights(accounts=()).anonymous == ()
    assert config.sign_on is None
    assert config.token_lifetime_s == 300
    assert config.failures == FailureLimits(per_client=30, per_account=10, window_s=300)


def test_an_account_is_not_the_operator_s_unless_it_says_so() -> None:
    account = Account(name="a", password_hash=HASH, access=())
    assert (account.operator, account.catalog) == (False, False)


def test_models_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        GatewayConfig.model_validate(GATEWAY).issuer = "other"  # type: ignore[misc]


def test_what_is_rendered_is_loaded_and_always_the_same(tmp_path: Path) -> None:
    access = Access(repositories="ci/**", actions=("pull", "push"))
    people = (Person(name="ann@example.com", access=(access,), catalog=True),)
    for model in (
        GatewayConfig.model_validate(GATEWAY | {"sign_on": {"proof_file": str(tmp_path)}}),
        Rights(
            accounts=(Account(name="a", password_hash=HASH, access=(access,), catalog=True),), anonymous=(access,), people=people
        ),
    ):
        path = tmp_path / "file.json"
        path.write_text(render(model))
        assert load(path, type(model)) == model
        assert render(load(path, type(model))) == render(model)


def test_every_problem_is_reported_with_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "gateway.json"
    broken = GATEWAY | {
        "listen_port": 70000,
        "failures": {"per_client": "hunter2", "per_day": 1},
        "sign_on": {"proof_file": 7},
        "isuer": "x",
    }
    del broken["service"]
    path.write_text(json.dumps(broken))
    with pytest.raises(ConfigError) as caught:
        load(path, GatewayConfig)
    assert caught.value.exit_code == 10
    assert caught.value.problems == [
        f"{path}: listen_port: Input should be less than or equal to 65535",
        f"{path}: service: is required",
        f"{path}: failures.per_client: Input should be a valid integer, unable to parse string as an integer",
        f"{path}: failures.per_day: unknown key",
        f"{path}: sign_on.proof_file: Input is not a valid path for <class 'pathlib.Path'>",
        f"{path}: isuer: unknown key",
    ]
    lines = str(caught.value).splitlines()
    assert lines[0] == "6 problems in the configuration:"
    assert lines[1:] == [f"  - {problem}" for problem in caught.value.problems]
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "Invalid JSON: EOF while parsing a value at line 1 column 0"),
        (b"{", "Invalid JSON: EOF while parsing an object at line 1 column 1"),
        (b"\xff", "is not UTF-8 text"),
        (b"[]", "Input should be an object"),
    ],
)
def test_what_is_not_a_configuration_is_reported(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="1 problem in the configuration") as caught:
        load(path, GatewayConfig)
    assert caught.value.problems == [f"{path}: {problem}"]


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.json", GatewayConfig)
    assert caught.value.problems == [f"{tmp_path}/none.json: cannot be read: No such file or directory"]


def test_the_program_can_import_it_quickly() -> None:
    code = (
        "import sys, ops.config; print(sorted({'starlette', 'cryptography', 'joserfc', 'bcrypt', 'limits'} & set(sys.modules)))"
    )
    assert process.run([sys.executable, "-c", code], timeout=30).stdout == "[]\n"


def test_a_file_of_an_older_release_may_have_the_old_name_of_memory(tmp_path: Path) -> None:
    path = tmp_path / "regops.json"
    text = {"stack": "test", "url": "http://localhost", "data": "data", "services": {"ui": {"cpus": 1, "memory_mb": 64}}}
    path.write_text(json.dumps(text))
    assert load(path, RegopsConfig).services == {"ui": ServiceLimits(cpus=1, memory_mib=64)}
