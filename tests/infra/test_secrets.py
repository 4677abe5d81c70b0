"""Secrets: which there are, how missing ones are made, and that no value leaves by another way than standard input."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

import pytest

from infra.blocks.upstreams import secret_names
from infra.secrets import INTERNAL, SECRETS, Origin
from infra.services import SERVICES
from infra.settings import GivenSecrets
from ops.config import RETENTION
from ops.core.process import run
from ops.credentials.keys import signing_key_from_seed
from ops.credentials.passwords import password_matches
from tests.declared import Declarations, Declared, declare
from tests.plans import BARE, EVERYTHING

COMMAND = "command:local:Command"
# The names of the system this replaces.
FOURTEEN = {
    "ghcr_token",
    "ghcr_user",
    "gotify_token",
    "gotify_url_secret",
    "hub_token",
    "hub_user",
    "ntfy_token",
    "oauth2_cookie_secret",
    "oidc_client_id",
    "oidc_client_secret",
    "private_registry_identifier",
    "registry_host",
    "registry_pass",
    "registry_user",
}
# Opens what has all the others, so that the host never gets it.
OF_THE_KIT = "recovery_kit_passphrase"
GIVEN = {name: f"given-{name.replace('_', '-')}" for name in sorted({*GivenSecrets.model_fields} - {OF_THE_KIT})}
GIVEN["watchdog_url"] = "https://hc-ping.example.com/given"
BARE_TEXTS = {key: json.dumps(value) for key, value in BARE.items()}
ALWAYS = {name for name, services in INTERNAL.items() if not services}
ACCOUNTS = json.dumps([{"name": "ci", "access": [{"repositories": "ci/**", "actions": ["pull", "push"]}]}])


@pytest.fixture(scope="module")
def unset() -> Declarations:
    return declare({"accounts": ACCOUNTS, **BARE_TEXTS})


@pytest.fixture(scope="module")
def given() -> Declarations:
    return declare({"accounts": ACCOUNTS, **BARE_TEXTS, **GIVEN, OF_THE_KIT: "given-for-the-kit"})


def generated(declared: Declarations) -> dict[str, Declared]:
    return {command.name: command for command in declared.of_type(COMMAND) if "private-registry:infra:Secrets$" in command.urn}


def files(declared: Declarations) -> Mapping[str, str]:
    """The files that go to the host."""
    return declared.secret_files


def texts(value: Any) -> list[str]:
    """All texts within a value."""
    if isinstance(value, dict):
        return [text for item in value.items() for text in texts(list(item))]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [str(value)]


def test_the_fourteen_names_are_kept() -> None:
    assert set(SECRETS) == FOURTEEN
    assert FOURTEEN - set(GivenSecrets.model_fields) == {"registry_host"}


def test_what_can_be_generated_is_generated(unset: Declarations) -> None:
    expected = {name for name, origin in SECRETS.items() if origin is Origin.GENERATED} | ALWAYS | {"password-ci"}
    assert set(generated(unset)) == expected
    assert {"registry_pass", "oauth2_cookie_secret", "private_registry_identifier"} <= expected


def test_what_is_given_is_not_generated(given: Declarations) -> None:
    assert set(generated(given)) == {*ALWAYS, "password-ci"}
    assert {name: text for name, text in files(given).items() if name in {**GIVEN, OF_THE_KIT: ""}} == GIVEN


def test_optional_secrets_stay_away_until_they_are_given(unset: Declarations) -> None:
    assert set(files(unset)) & FOURTEEN == {name for name, origin in SECRETS.items() if origin is not Origin.OPTIONAL}
    assert files(unset)["registry_user"] == "admin"
    assert files(unset)["registry_host"] == "localhost:8080"


def test_logins_at_other_registries_are_files_and_nowhere_else() -> None:
    """They are in the document that the host reads from standard input, which the state keeps encrypted."""
    logins = {"quay.io": {"user": "the-robot", "token": "hunter2"}, "registry.corp:5000": {"user": "me", "token": "hunter3"}}
    sync = {"entries": [{"source": "quay.io/org/app"}]}
    declared = declare({**BARE_TEXTS, "sync": json.dumps(sync), "upstream_logins": json.dumps(logins)})
    for registry, login in logins.items():
        assert [files(declared)[name] for name in secret_names(registry)] == list(login.values())
    holding = {
        (one.name, key)
        for one in declared.values()
        for key, value in one.inputs.items()
        if any(word in text for text in texts(value) for word in ("the-robot", "hunter2", "hunter3"))
    }
    assert holding == {("secrets", "stdin")}
    assert "stdin" in declared.named("secrets", COMMAND).secret


def test_addresses_of_channels_are_files_and_nowhere_else() -> None:
    url = "mailtos://robot:hunter2@example.com"
    notify = {"notify": {"channels": {"mail": {"kind": "apprise"}}}}
    declared = declare({**BARE_TEXTS, "operations": json.dumps(notify), "apprise_urls": json.dumps({"mail": url})})
    assert files(declared)["apprise/mail"] == url
    holding = {
        (one.name, key) for one in declared.values() for key, value in one.inputs.items() if "hunter2" in str(texts(value))
    }
    assert holding == {("secrets", "stdin")}


def test_secrets_of_services_are_made_when_these_run() -> None:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in EVERYTHING.items()}
    assert set(INTERNAL) <= set(generated(declare(texts)))


def test_secrets_name_services_that_exist() -> None:
    assert {service for services in INTERNAL.values() for service in services} <= {*SERVICES, RETENTION}


@pytest.mark.parametrize(
    ("stage", "accepted", "signing"),
    [
        ("announced", ["events_token", "events_token-2"], "token_signing_seed"),
        ("used", ["events_token-2", "events_token"], "token_signing_seed-2"),
        ("done", ["events_token-2"], "token_signing_seed-2"),
    ],
)
def test_a_rotation_makes_another_value_and_keeps_the_old_one_until_it_is_done(
    stage: str, accepted: list[str], signing: str
) -> None:
    overlapping = {name: {"generation": 2, "stage": stage} for name in ("alerts_token", "events_token", "token_signing_seed")}
    rotation = {**overlapping, "registry_pass": {"generation": 3}, "password-ci": {"generation": 2}}
    declared = declare({"accounts": ACCOUNTS, **BARE_TEXTS, "monitoring": "{}", "rotation": json.dumps(rotation)})

    def value(name: str) -> str:
        return f"mocked-{name}".ljust(43, "x")

    written = files(declared)
    assert written["live/gateway/events-tokens"].split("\n") == [value(name) for name in accepted]
    assert written["gateway/events-token"] == value(accepted[0])  # the edge's
    alerts = [name.replace("events", "alerts") for name in accepted]
    assert written["live/gateway/alerts-tokens"].split("\n") == [value(name) for name in alerts]
    assert written["alertmanager/alerts-token"] == value(alerts[0])
    assert written["gateway/signing-key.pem"] == signing_key_from_seed(value(signing))
    assert len(json.loads(written["gateway/jwks.json"])["keys"]) == len(accepted)
    assert written["registry_pass"] == value("registry_pass-3")
    assert {"registry_pass", "registry_pass-2", "password-ci"} & set(generated(declared)) == set()
    operator, robot = json.loads(written["live/gateway/rights.json"])["accounts"]
    assert password_matches(value("registry_pass-3"), operator["password_hash"])
    assert password_matches(value("password-ci-2"), robot["password_hash"])


def test_generated_values_stay_what_they_are(unset: Declarations) -> None:
    for command in generated(unset).values():
        # A changed input would run the command again: a new value.
        assert set(command.inputs) <= command.ignored, command.name
        assert "triggers" not in command.inputs


def test_generated_values_are_secret(unset: Declarations) -> None:
    for command in generated(unset).values():
        assert {"stdout", "stderr"} <= command.secret_outputs, command.name
        assert command.inputs["logging"] == "none"


def test_generated_values_are_random_and_long(unset: Declarations) -> None:
    (command,) = {command.inputs["create"] for command in generated(unset).values()}
    values = {run(shlex.split(command), timeout=20).stdout.strip() for _ in range(3)}
    assert len(values) == 3
    assert all(len(value) == 43 for value in values)


def test_no_secret_is_in_a_clear_input(given: Declarations, unset: Declarations) -> None:
    for declared in (given, unset):
        secret = [f"mocked-{name}" for name in generated(declared)] + list(GIVEN.values())
        for resource in declared.values():
            clear = [text for key, value in resource.inputs.items() if key not in resource.secret for text in texts(value)]
            assert [text for text in clear for value in secret if value in text] == [], resource.urn


def test_secrets_reach_the_host_by_standard_input_only(given: Declarations) -> None:
    (holder,) = [resource for resource in given.values() if resource.secret]
    assert (holder.name, holder.type, set(holder.secret)) == ("secrets", COMMAND, {"stdin"})
    assert holder.inputs["logging"] == "stderr"
    assert "environment" not in holder.inputs
    assert holder.inputs["addPreviousOutputInEnv"] is False


def test_the_internal_secrets_are_in_the_files_of_their_readers(unset: Declarations) -> None:
    written = files(unset)
    for name in ("cache_password", "registry_http_secret"):
        assert f"mocked-{name}" in written["registry/config.yml"]
    assert "mocked-events_token" not in written["registry/config.yml"]  # it would be shown on the debug port
    for name in ("gateway/events-token", "live/gateway/events-tokens"):
        assert written[name].startswith("mocked-events_token")
    everything = "".join(written.values())
    for name in ("password_salt", "token_signing_seed", "password-ci"):
        assert f"mocked-{name}" not in everything


def test_what_the_operator_is_shown_is_secret_where_it_must_be(unset: Declarations) -> None:
    assert unset.outputs["registry_pass"].startswith("mocked-registry_pass")
    assert unset.outputs["accounts"]["ci"].startswith("mocked-password-ci")
    assert {"registry_pass", "accounts"} <= unset.secret_outputs
    clear = [text for key, value in unset.outputs.items() if key not in unset.secret_outputs for text in texts(value)]
    assert [text for text in clear if "mocked-" in text] == []
