"""What runs: what the settings ask for, less what has no image here; and what is refused on a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from infra.images import Image, load_lock
from infra.plan import Plan, make_plan, needed_images, wanted
from infra.project import LOCK
from infra.services import SERVICES
from infra.settings import SettingsError, parse
from ops.config import STORAGE_BOX
from tests.case_names import case_name
from tests.plans import BACKUP, BARE, EVERYTHING, SSH_FROM, plan_of

SERVER = {"place": "hetzner", "registry_host": "registry.example.com", "hetzner": SSH_FROM}
ALWAYS = ("registry", "cache", "edge", "gateway")
WHY = "no package has it"


def pinned() -> dict[str, Image]:
    """The project's images, all pinned: those that are not yet by a made-up digest."""
    return {
        name: image if image.pinned else replace(image, reference=f"{image.reference}@sha256:{'0' * 64}")
        for name, image in load_lock(LOCK).items()
    }


def without(*names: str) -> dict[str, Image]:
    """The images of a machine that cannot have some of them."""
    return pinned() | {name: Image(name, "", "", WHY) for name in names}


def plan(raw: Mapping[str, Any], images: Mapping[str, Image] | None = None) -> Plan:
    return make_plan(parse(raw, stack="test"), pinned() if images is None else images)


def problems(raw: Mapping[str, Any], images: Mapping[str, Image]) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        plan(raw, images)
    return refused.value.problems


@pytest.mark.parametrize("place", [{}, SERVER], ids=["local", "server"])
def test_everything_that_is_asked_for_runs(place: dict[str, str]) -> None:
    full = plan(EVERYTHING | place)
    assert full.services == tuple(SERVICES)
    assert full.left_out == {}
    assert all(full.runs(name) for name in SERVICES)
    bare = plan(BARE | place)
    assert bare.services == ALWAYS
    assert not bare.runs("grafana")


@pytest.mark.parametrize(
    ("raw", "gone"),
    [
        ({"ui": {"enabled": False}}, {"ui"}),
        ({"sync": {**EVERYTHING["sync"], "enabled": False}}, {"regsync", "regbot"}),
        ({"sync": {**EVERYTHING["sync"], "entries": []}}, {"regsync"}),
        ({"sync": {**EVERYTHING["sync"], "scripts": []}}, {"regbot"}),
        ({"monitoring": {"grafana": False}}, {"grafana"}),
        ({"monitoring": {"cadvisor": False}}, {"cadvisor", "cadvisor-socket"}),
        ({"protection": {"enabled": False}}, {"crowdsec"}),
        ({"management": {}}, {"portainer", "portainer-socket"}),
        ({"sign_on": {}}, {"oauth2-proxy"}),
        (
            {"monitoring": {"enabled": False}},
            {
                "prometheus",
                "alertmanager",
                "grafana",
                "cadvisor",
                "cadvisor-socket",
                "node-exporter",
                "redis-exporter",
                "blackbox-exporter",
            },
        ),
    ],
    ids=case_name,
)
def test_each_service_can_be_switched_off_and_nothing_is_left_that_needs_it(raw: dict[str, Any], gone: set[str]) -> None:
    settings = parse(EVERYTHING | raw, stack="test")
    assert set(SERVICES) - set(wanted(settings)) == gone
    made = make_plan(settings, pinned())
    assert (made.services, made.left_out) == (wanted(settings), {})
    assert [name for name in made.services if not all(made.runs(other) for other in SERVICES[name].needs)] == []
    assert needed_images(settings) == {SERVICES[name].image for name in made.services}


def test_the_image_of_what_is_off_is_not_needed() -> None:
    assert {"portainer", "oauth2_proxy", "regsync"} & needed_images(parse({}, stack="test")) == set()
    assert needed_images(parse(BARE, stack="test")) == {"registry", "redis", "caddy", "python"}
    assert plan({}, without("portainer")).left_out == {}


def test_on_this_machine_a_service_without_an_image_is_left_out_with_all_that_need_it() -> None:
    made = plan(EVERYTHING, without("registry_ui", "socket_proxy", "grafana"))
    assert made.left_out == {
        "ui": WHY,
        "grafana": WHY,
        "cadvisor-socket": WHY,
        "cadvisor": "it needs cadvisor-socket",
        "portainer-socket": WHY,
        "portainer": "it needs portainer-socket",
    }
    assert set(made.services) == set(SERVICES) - made.left_out.keys()
    assert plan(EVERYTHING, without("prometheus")).left_out.keys() == {
        "prometheus",
        "alertmanager",
        "grafana",
        "cadvisor-socket",
        "cadvisor",
        "node-exporter",
        "redis-exporter",
        "blackbox-exporter",
    }


@pytest.mark.parametrize("name", ALWAYS)
def test_what_every_stack_needs_is_never_left_out(name: str) -> None:
    image = SERVICES[name].image
    assert problems({}, without(image)) == [f"images_lock: {image}: {WHY}, and {name} cannot be left out"]


def test_on_a_server_nothing_is_left_out() -> None:
    assert problems(EVERYTHING | SERVER, without("prometheus", "socket_proxy")) == [
        f"images_lock: prometheus: {WHY}, and prometheus cannot be left out",
        f"images_lock: socket_proxy: {WHY}, and cadvisor-socket cannot be left out",
        f"images_lock: socket_proxy: {WHY}, and portainer-socket cannot be left out",
    ]
    assert plan(BARE | SERVER, without("prometheus", "socket_proxy")).services == ALWAYS


def test_on_a_server_every_image_is_pinned() -> None:
    images = pinned()
    for name in ("redis", "socket_proxy", "portainer"):
        images[name] = replace(images[name], reference=images[name].tag)
    assert plan(EVERYTHING, images).services == tuple(SERVICES)
    told = {name: f"images_lock: {name}: {images[name].tag} is not pinned by digest; run `make lock`" for name in images}
    assert problems(EVERYTHING | SERVER, images) == [told["redis"], told["socket_proxy"], told["portainer"]]
    assert problems(SERVER | {"monitoring": {"cadvisor": False}}, images) == [told["redis"]]


def test_an_identity_provider_without_its_secrets_is_refused_with_the_command_to_set_them() -> None:
    given = {key: value for key, value in EVERYTHING.items() if key != "oidc_client_secret"}
    assert problems(given, pinned()) == [
        "oidc_client_secret: is required with sign_on.issuer; set it with `pulumi config set --secret oidc_client_secret`"
    ]


def test_every_problem_is_told_at_once() -> None:
    given = {key: value for key, value in EVERYTHING.items() if not key.startswith("oidc_")}
    assert len(problems(given | SERVER, without("redis"))) == 3


def test_a_service_that_the_table_does_not_have_is_a_slip() -> None:
    with pytest.raises(AssertionError, match="grafanna"):
        plan({}).runs("grafanna")


def test_the_table_names_what_a_service_needs_before_the_service() -> None:
    names = list(SERVICES)
    assert [name for name, kind in SERVICES.items() for other in kind.needs if names.index(other) > names.index(name)] == []


@pytest.mark.parametrize("given", ["hub_user", "hub_token", "ghcr_user", "ghcr_token"])
def test_half_of_a_login_is_refused(given: str) -> None:
    other = {"user": "token", "token": "user"}[given.partition("_")[2]]
    with pytest.raises(SettingsError, match=f"{given.partition('_')[0]}_{other}: is required with {given}"):
        plan_of(**{given: "something"})


@pytest.mark.parametrize(
    ("login", "problem"),
    [
        (
            {"user": "robot"},
            "token is missing; set it with `pulumi config set --secret --path 'upstream_logins[\"quay.io\"].token'`",
        ),
        (
            {"token": "hunter2"},
            "user is missing; set it with `pulumi config set --secret --path 'upstream_logins[\"quay.io\"].user'`",
        ),
    ],
)
def test_half_of_a_login_at_any_registry_is_refused(login: dict[str, str], problem: str) -> None:
    assert problems({"upstream_logins": {"quay.io": login}}, pinned()) == [f'upstream_logins["quay.io"]: {problem}']


def test_a_login_that_is_given_twice_is_refused_and_one_that_is_given_once_is_taken() -> None:
    login = {"user": "robot", "token": "hunter2"}
    twice = {"upstream_logins": {"ghcr.io": login, "docker.io": login}, "ghcr_user": "robot", "ghcr_token": "hunter2"}
    remedy = """remove one: `pulumi config rm --path 'upstream_logins["ghcr.io"]'`"""
    assert problems(twice, pinned()) == [
        f'upstream_logins["ghcr.io"]: its login is given by ghcr_user and ghcr_token too; {remedy}'
    ]
    assert set(plan({"upstream_logins": {"docker.io": login}}).upstream_logins) == {"docker.io"}


@pytest.mark.parametrize(
    ("channel", "missing"),
    [
        ({"kind": "ntfy", "server": "https://ntfy.example.com", "topic": "t"}, ["ntfy_token"]),
        ({"kind": "ntfy", "server": "https://ntfy.example.com", "topic": "t", "token_secret": None}, []),
        ({"kind": "gotify"}, ["gotify_url_secret", "gotify_token"]),
        ({"kind": "gotify", "server": "https://gotify.example.com"}, ["gotify_token"]),
        ({"kind": "gotify", "token_secret": "slack_token"}, ["gotify_url_secret", "slack_token"]),
    ],
)
def test_a_channel_without_its_secret_is_refused(channel: dict[str, Any], missing: list[str]) -> None:
    raw = {"operations": {"notify": {"channels": {"phone": channel}}}}
    expected = [
        f"operations.notify.channels.phone: needs the secret {name}; set it with `pulumi config set --secret {name}`"
        for name in missing
    ]
    if expected:
        assert problems(raw, pinned()) == expected
    else:
        assert plan(raw).services


def test_the_backups_of_a_server_do_not_go_to_its_own_disk() -> None:
    assert plan({"backup": {"target": "/mnt/backups"}}).settings.backup.target == "/mnt/backups"
    assert plan({**SERVER, "backup": BACKUP}).settings.backup.ssh
    (problem,) = problems({**SERVER, "backup": {"target": "/mnt/backups"}}, pinned())
    assert problem.startswith("backup.target: a server's backups should go to another one")
    assert plan(SERVER).settings.backup.target == STORAGE_BOX
    boxless = {**SERVER, "hetzner": {**SSH_FROM, "storage_box": False}}
    assert plan(boxless).settings.backup.target is None
    (problem,) = problems({**boxless, "backup": {"target": STORAGE_BOX}}, pinned())
    assert problem.startswith("backup.target: there is no storage-box")


@pytest.mark.parametrize(
    ("raw", "faults"),
    [
        ({"recover": "latest"}, ["recover: there are no backups"]),
        ({"recover": "latest", "backup": {"target": "/mnt/backups"}}, []),
        ({**SERVER, "recovery_kit": "kit.age"}, ["recovery_kit: is only written encrypted"]),
        ({**SERVER, "recovery_kit": "kit.age", "recovery_kit_passphrase": "long enough to count"}, []),
        (
            {"recovery_kit": "kit.age", "recovery_kit_passphrase": "long enough to count"},
            ["recovery_kit: is for servers", "recovery_kit: recovers nothing without backups"],
        ),
    ],
)
def test_a_recovery_has_what_it_needs(raw: dict[str, Any], faults: list[str]) -> None:
    found = problems(raw, pinned()) if faults else []
    assert [fault for fault in faults if not any(one.startswith(fault) for one in found)] == []
    assert len(found) == len(faults)
    if not faults:
        assert plan(raw).services
