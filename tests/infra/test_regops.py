"""What `regops` is told of a stack: the services that run, and the images that they should run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest

from infra.authorities import Authorities
from infra.blocks.upstreams import secret_names
from infra.regops import regops_config
from infra.services import SERVICES
from ops.config import MOVING, VERIFIED_WITHIN_DAYS, MirrorSettings, render
from tests.plans import BARE, CATALOGUE, EVERYTHING, MIRROR, plan_of, plan_with

ROOT = PurePosixPath("/srv/private-registry")


def test_alerts_of_the_old_setting_and_the_outside_checker_reach_the_host() -> None:
    given = {"monitoring": {"ntfy_url": "https://ntfy.example.com/alerts"}, "watchdog_url": "https://hc-ping.com/hunter2"}
    plan = plan_of(**given)
    config = regops_config(plan, ROOT)
    assert [one.secrets for one in config.notify.channels.values()] == [()]
    assert config.watchdog_secret == "watchdog_url"
    assert "hunter2" not in render(config)
    assert [note.partition(" ")[0] for note in plan.notes if "ntfy" in note] == ["monitoring.ntfy_url"]
    assert regops_config(plan_of(), ROOT).watchdog_secret is None
    assert regops_config(plan_of(**{**given, "monitoring": {"enabled": False}}), ROOT).watchdog_secret is None


def test_every_service_is_told_with_the_image_of_the_lock() -> None:
    plan = plan_of(**BARE)
    config = regops_config(plan, ROOT)
    assert config.images.keys() == config.services.keys() == set(plan.services)
    assert config.images["cache"] == plan.images["redis"].reference


def test_the_image_that_the_host_makes_for_a_protected_edge_is_not_told() -> None:
    config = regops_config(plan_of(**EVERYTHING), ROOT)
    assert config.services.keys() - config.images.keys() == {"edge"}
    assert config.services.keys() == SERVICES.keys()


def test_a_registry_is_named_by_its_identifier_only_if_that_is_set() -> None:
    assert regops_config(plan_of(**BARE), ROOT).identifier_secret is None
    named = regops_config(plan_of(**BARE, private_registry_identifier="The Smiths' registry"), ROOT)
    assert named.identifier_secret == "private_registry_identifier"
    assert "Smiths" not in render(named)


def test_what_the_mirror_brings_moves_by_design() -> None:
    entries = [
        {"source": "docker.io/library/golang", "target": "go"},
        {"source": "quay.io/coreos/etcd:v3.6.1"},
    ]
    config = regops_config(plan_of(**BARE | {"sync": {"entries": entries}, "operations": {"moving": ["*-wip"]}}), ROOT)
    assert config.moving == ("*-wip", "coreos/etcd:v3.6.1", "go:*")
    assert regops_config(plan_of(**BARE), ROOT).moving == MOVING


def test_where_there_are_backups_garbage_collection_needs_a_verified_one_unless_the_settings_say_otherwise() -> None:
    def limit(**more: Any) -> float | None:
        return regops_config(plan_of(**BARE | more), ROOT).gc.max_backup_age_days

    backup = {"target": "/mnt/backups"}
    assert limit() is None
    assert limit(backup=backup) == VERIFIED_WITHIN_DAYS
    assert limit(backup=backup, operations={"gc": {"max_backup_age_days": 7}}) == 7
    assert limit(backup=backup, operations={"gc": {"max_backup_age_days": None}}) is None


def test_where_mirrored_images_come_from_is_told_with_the_names_of_logins_and_without_the_logins() -> None:
    entries = [
        {"source": "alpine", "tags": ["3.22"]},
        {"source": "ghcr.io/org/app:1.2", "target": "base/app:stable"},
        {"source": "quay.io/org/app:1.2", "target": "base/app:old"},
    ]
    secrets = {"ghcr_user": "somebody", "ghcr_token": "of-somebody"}
    config = regops_config(plan_of(**{**BARE, **secrets, "sync": {"entries": entries}}), ROOT)
    assert config.upstreams == {
        "base/app": ("ghcr.io/org/app", "quay.io/org/app"),
        "library/alpine": ("docker.io/library/alpine",),
    }
    assert config.upstream_logins == {"ghcr.io": ("ghcr_user", "ghcr_token")}
    assert "somebody" not in render(config)
    assert regops_config(plan_of(**BARE), ROOT).upstreams == {}


def test_of_a_mirror_with_a_catalogue_the_host_is_told_where_it_may_write_and_not_what_it_copies() -> None:
    secrets = {"hub_user": "somebody", "hub_token": "of-somebody"}
    plan = plan_with(CATALOGUE, **BARE | secrets | {"sync": {**MIRROR, "window": "22:00-06:00", "parallel": 4}})
    config = regops_config(plan, ROOT)
    into, names = ("library/**", "mirror/tools"), ("localhost:8080",)
    assert config.sync == MirrorSettings(into=into, window="22:00-06:00", parallel=4, registries=names)
    assert (config.upstreams, config.upstream_logins) == ({}, {"docker.io": ("hub_user", "hub_token")})
    assert config.moving == (*MOVING, "library/*:*", "mirror/tools:*")
    assert "library/alpine" not in render(config)


def test_the_host_is_told_of_logins_anywhere_by_name_and_of_who_vouches_for_a_registry() -> None:
    logins = {"registry.corp:5000": {"user": "robot", "token": "hunter2"}}
    plan = plan_with(CATALOGUE, **BARE | {"sync": MIRROR, "upstream_logins": logins})
    config = regops_config(replace(plan, authorities=Authorities({"registry.corp:5000": "PEM"})), ROOT)
    assert config.upstream_logins == {"registry.corp:5000": secret_names("registry.corp:5000")}
    assert config.upstream_ca == {"registry.corp:5000": "PEM"}
    assert not {"robot", "hunter2"} & set(render(config).split('"'))


@pytest.mark.parametrize("sync", [{}, {"entries": [{"source": "alpine"}]}, {**MIRROR, "enabled": False}])
def test_without_a_catalogue_the_host_mirrors_nothing(sync: dict[str, Any]) -> None:
    assert regops_config(plan_with(CATALOGUE, **BARE | {"sync": sync}), ROOT).sync is None
