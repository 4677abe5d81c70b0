"""Settings: the defaults, every problem told at once with its key, and the list of keys in Pulumi.yaml."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest
import yaml

from infra.paths import PROJECT_FOLDER
from infra.services import SERVICES
from infra.settings import SECRET_KEYS, GivenSecrets, Settings, SettingsError, parse
from ops.config import Access, Strict

PULL = {"repositories": "**", "actions": ["pull"]}


def given(**raw: Any) -> Settings:
    return parse(raw, stack="test")


def warnings(**raw: Any) -> list[str]:
    told: list[str] = []
    parse(raw, stack="test", warn=told.append)
    return told


def problems(**raw: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        given(**raw)
    return caught.value.problems


def account(name: str) -> dict[str, Any]:
    return {"name": name, "access": [PULL]}


def test_a_stack_needs_no_settings() -> None:
    settings = given()
    assert settings.is_local
    assert settings.name == "registry-test"
    assert settings.registry_host == "localhost:8080"
    assert (settings.edge.bind, settings.edge.http_port, settings.edge.https_port) == ("127.0.0.1", 8080, 8443)
    assert (settings.registry.log_level, settings.registry.max_upload_gb, settings.registry.keep_data) == ("warn", 20, True)
    assert settings.anonymous == (Access(repositories="**", actions=("pull",)),)
    assert settings.accounts == ()
    assert settings.images_lock.name == "images.lock"
    assert all(settings.limits_of(service) == kind.limits for service, kind in SERVICES.items())
    assert [name for name in GivenSecrets.model_fields if getattr(settings, name) is not None] == []


def test_a_server_listens_to_everybody_with_tls_on_the_port_that_clients_expect() -> None:
    edge = given(place="hetzner", registry_host="registry.example.com", edge='{"http_port": 8081}').edge
    assert (edge.bind, edge.plain_bind, edge.http_port, edge.https_port) == ("0.0.0.0", "127.0.0.1", 8081, 443)  # noqa: S104
    assert edge.ipv6
    assert not given().edge.ipv6


def test_every_problem_is_told_at_once_with_its_key() -> None:
    told = problems(
        place="moon",
        registy="{}",
        registry_host="registry.example.com:99999",
        registry_pass="short",
        registry_user="the admin",
        edge='{"bind": "localhost", "http_port": 99999, "https_port": 0, "colour": "blue"}',
        registry={"log_level": "info", "max_upload_gb": "much"},
        accounts='[{"name": "CI", "access": []}, {"name": "ci", "access": [{"repositories": "A", "actions": ["pul"]}]}]',
        anonymous="pull",
        limits={"cash": {"cpus": 1, "memory_mib": 64}, "cache": {"cpus": 0}},
        local={"user": "0:0"},
    )
    assert [problem.partition(": ")[0] for problem in told] == [
        "accounts.0.access",
        "accounts.0.name",
        "accounts.1.access.0.actions.0",
        "accounts.1.access.0.repositories",
        "anonymous",
        "edge.bind",
        "edge.colour",
        "edge.http_port",
        "edge.https_port",
        "limits.cache.cpus",
        "limits.cache.memory_mib",
        "limits.cash",
        "local.user",
        "place",
        "registry.log_level",
        "registry.max_upload_gb",
        "registry_host",
        "registry_pass",
        "registry_user",
        "registy",
    ]


def test_faults_between_keys_are_told_beside_the_others() -> None:
    told = problems(place="moon", edge={"http_port": 8443}, accounts=[account("ci"), account("ci")])
    assert [problem.partition(": ")[0] for problem in told] == ["accounts", "edge", "place"]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"registy": ""}, "registy: unknown key; did you mean registry?"),
        ({"limits": {"cash": {"cpus": 1, "memory_mib": 64}}}, "limits.cash: unknown service; did you mean cache?"),
        ({"limits": {"x": {"cpus": 1, "memory_mib": 64}}}, "limits.x: unknown service; it must be one of alertmanager, "),
        ({"edge": {"http_prt": 1}}, "edge.http_prt: unknown key"),
        ({"edge": 8080}, "edge: Input should be a valid dictionary or instance of EdgeSettings; write it as YAML below the key"),
        ({"edge": {"http_port": 443, "https_port": 443}}, "edge: http_port and https_port are the same; give each its own"),
        ({"accounts": [account("a"), account("a")]}, "accounts: several accounts are called a; give every account its own name"),
        ({"place": "hetzner"}, "registry_host: is required"),
        ({"registry_host": "https://a"}, "registry_host: String should match pattern"),
        ({"registry_host": "a:0"}, "registry_host: port 0 is out of range"),
        ({"name": "-a"}, "name: String should match pattern"),
        (
            {"limits": {"edge": {"cpus": 0.5, "memory_mib": 8}}},
            "limits.edge.memory_mib: Input should be greater than or equal to 16",
        ),
    ],
)
def test_a_problem_says_what_would_be_right(raw: dict[str, Any], told: str) -> None:
    (problem,) = problems(**raw)
    assert problem.startswith(told)


def test_the_old_name_of_memory_is_read_and_told() -> None:
    old: dict[str, Any] = {"limits": {"registry": {"cpus": 2, "memory_mb": 4096}, "edge": {"cpus": 1, "memory_mib": 512}}}
    new: dict[str, Any] = {"limits": {"registry": {"cpus": 2, "memory_mib": 4096}, "edge": {"cpus": 1, "memory_mib": 512}}}
    assert given(**old) == given(**new)
    told = "limits.registry.memory_mb: it holds MiB and is called memory_mib now; rename it"
    assert warnings(**old) == warnings(limits=json.dumps(old["limits"])) == [told]
    assert warnings(**new) == warnings() == []


def test_memory_by_both_names_is_a_problem() -> None:
    (problem,) = problems(limits={"registry": {"cpus": 2, "memory_mib": 4096, "memory_mb": 4096}})
    assert problem == "limits.registry: memory_mb is the old name of memory_mib; remove memory_mb"


@pytest.mark.parametrize(
    "raw",
    [{"accounts": [account("admin")]}, {"registry_user": "boss", "accounts": [account("boss")]}],
    ids=["the default name", "a name of one's own"],
)
def test_no_other_account_has_the_operators_name(raw: dict[str, Any]) -> None:
    (problem,) = problems(**raw)
    assert problem.startswith("accounts: one has the name of the operator's account (registry_user")
    given(**{**raw, "registry_user": "somebody-else"})


def test_a_faulty_edge_does_not_make_the_hosts_name_faulty() -> None:
    (problem,) = problems(edge={"http_port": "many"})
    assert problem.startswith("edge.http_port: ")


@pytest.mark.parametrize("edge", [{"http_port": 5005}, '{"http_port": 5005}', ' {"http_port": "5005"}'])
def test_the_hosts_name_follows_the_edges_port(edge: Any) -> None:
    assert given(edge=edge).registry_host == "localhost:5005"
    assert given(edge=edge, registry_host="registry.test").registry_host == "registry.test"


@pytest.mark.parametrize(
    ("bind", "host"), [("127.0.0.2", "localhost:8080"), ("192.0.2.1", "192.0.2.1:8443"), ("10.0.0.5", "10.0.0.5:8443")]
)
def test_the_hosts_name_is_an_address_that_answers(bind: str, host: str) -> None:
    assert given(edge={"bind": bind}).registry_host == host


def test_a_stack_on_all_addresses_needs_a_name() -> None:
    with pytest.raises(SettingsError, match="registry_host: is required"):
        given(edge={"bind": "0.0.0.0"})  # noqa: S104
    assert given(edge={"bind": "0.0.0.0"}, registry_host="registry.test:8443").registry_host == "registry.test:8443"  # noqa: S104


def test_objects_may_come_as_json_text() -> None:
    raw: dict[str, Any] = {
        "edge": {"http_port": 81},
        "accounts": [account("ci")],
        "limits": {"cache": {"cpus": 0.5, "memory_mib": 64}},
        "anonymous": [],
    }
    assert given(**{key: json.dumps(value) for key, value in raw.items()}) == given(**raw)


@pytest.mark.parametrize("nothing", ["", None])
def test_an_empty_text_means_not_set(nothing: str | None) -> None:
    assert given(**dict.fromkeys(Settings.model_fields, nothing)) == given()


def test_an_empty_list_takes_the_right_to_pull_from_anonymous_clients() -> None:
    assert given(anonymous="[]").anonymous == ()


@pytest.mark.parametrize("secret", sorted(SECRET_KEYS))
@pytest.mark.parametrize("value", [{"a": "hunter2"}, ["hunter2"], "[hunter2", 4711, "hunter2 \n"])
def test_secret_values_are_in_no_message(secret: str, value: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        given(**{secret: value}, place="moon")
    assert "hunter2" not in str(caught.value)
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        {"registry_pasword": "hunter2"},
        {"registry": {"registry_pass": "hunter2"}},
        {"accounts": [{**account("ci"), "password": "hunter2"}]},
        {"registry_user": "hunter2", "accounts": [account("hunter2")]},
    ],
    ids=["a misspelt key", "a key in the wrong place", "a key that does not exist", "a clash"],
)
def test_misplaced_secrets_are_in_no_message(raw: dict[str, Any]) -> None:
    assert "hunter2" not in str(problems(**raw))


@pytest.mark.parametrize(
    "login",
    [
        "hunter2",
        '{"user": "robot", "token": hunter2}',
        {"user": "robot", "pasword": "hunter2"},
        {"user": "robot", "token": ["hunter2"]},
        {"user": "robot", "token": {"secure": "hunter2"}},
    ],
)
def test_what_a_login_holds_is_in_no_message(login: Any) -> None:
    found = problems(upstream_logins={"quay.io": login})
    assert found[0].startswith("upstream_logins.quay.io")
    assert not {"hunter2", "robot"} & set(re.findall("[a-z0-9]+", str(found)))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("quay", "should be a registry as images name it, such as quay.io or registry.example.com:5000"),
        ("https://quay.io", "should be a registry"),
        ("quay.io/org", "should be a registry"),
        ("Quay.io", "should be a registry"),
        ("quay.io:70000", "should be a registry"),
        ("quay.io\n", "should be a registry"),
        ("index.docker.io", "is docker.io; write it so"),
    ],
)
def test_what_is_no_registry_has_no_login_and_no_authority(name: str, why: str) -> None:
    (login,) = problems(upstream_logins={name: {"user": "robot", "token": "hunter2"}})
    assert login.startswith(f"upstream_logins.{name}.[key]: {why}")
    assert "hunter2" not in login
    (authority,) = problems(sync={"upstream_ca": {name: "ca.pem"}})
    assert authority.startswith(f"sync.upstream_ca.{name}.[key]: {why}")


def test_logins_come_as_the_engine_hands_them_over() -> None:
    login = given(upstream_logins='{"quay.io": {"user": "robot", "token": "hunter2"}}').upstream_logins["quay.io"]
    assert login.token is not None
    assert login.token.get_secret_value() == "hunter2"


@pytest.mark.parametrize("name", ["two\nlines", "a\ttab", " padded ", "x" * 65])
def test_a_registry_names_itself_in_one_short_line(name: str) -> None:
    (problem,) = problems(private_registry_identifier=name)
    assert problem.startswith("private_registry_identifier: should be one line of at most 64 printable characters")
    assert name.strip() not in problem
    assert given(private_registry_identifier="Büro 1").private_registry_identifier is not None


def test_settings_print_no_secret() -> None:
    assert "hunter2" not in repr(given(registry_pass="hunter2hunter2"))


def test_a_stacks_name_that_is_no_dns_label_is_told() -> None:
    with pytest.raises(SettingsError, match=r"name: .*registry-My_Stack"):
        parse({}, stack="My_Stack")


def test_pulumi_yaml_describes_exactly_these_settings() -> None:
    described = yaml.safe_load((PROJECT_FOLDER / "Pulumi.yaml").read_text())["config"]
    assert set(described) == set(Settings.model_fields)
    assert [key for key, entry in described.items() if not entry["description"]] == []
    assert [key for key, entry in described.items() if entry["default"] not in ("", {}, [])] == []
    secrets = {key for key, entry in described.items() if entry["description"].startswith("Secret: ")}
    assert secrets == SECRET_KEYS
    defaults = {
        key: entry["default"] if entry["default"] == "" else json.dumps(entry["default"]) for key, entry in described.items()
    }
    assert given(**defaults) == given()


def test_the_description_of_a_block_names_each_of_its_keys() -> None:
    described = yaml.safe_load((PROJECT_FOLDER / "Pulumi.yaml").read_text())["config"]
    blocks = {
        key: kind
        for key, field in Settings.model_fields.items()
        for kind in (field.annotation, *get_args(field.annotation))
        if isinstance(kind, type) and issubclass(kind, Strict)
    }
    assert len(blocks) > 10
    keys = [(key, name) for key, block in blocks.items() for name in block.model_fields]
    assert [(key, name) for key, name in keys if not re.search(rf"\b{name}\b", described[key]["description"])] == []


@pytest.mark.parametrize("text", ["[" * 20_000, '{"http_port": ' + "9" * 5000 + "}"])
def test_a_value_that_json_does_not_end_or_count_is_told_with_its_key(text: str) -> None:
    assert [problem.partition(":")[0] for problem in problems(edge=text)] == ["edge"]
