"""What the console sees of the host, the little that it may write, what replaces it, and what it takes in while it runs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ops.config import ACCESS_LOG_FOLDER, REQUESTS_FOLDER, SETTINGS_REFUSED, SETTINGS_TAKEN_IN
from ops.core.layout import LIVE
from stack_components.console.component import service_args
from tests.declared import Declarations, below_root, declare
from tests.infra.server import plans
from tests.plans import EVERYTHING, plan_of

OF_REGOPS: list[dict[str, Any]] = [
    {"operations": {"gc": {"max_share": 0.3}}},
    {"operations": {"undo": {"days": 3}}},
    {"limits": {"cache": {"cpus": 0.3, "memory_mib": 200}}},
]


def declared(config: dict[str, Any]) -> Declarations:
    return declare({key: json.dumps(value) for key, value in config.items()})


@pytest.mark.parametrize("config", OF_REGOPS, ids=lambda config: next(iter(config)))
def test_settings_of_what_regops_does_leave_its_container_as_it_is(config: dict[str, Any]) -> None:
    before, after = declared({}), declared(config)
    told = [stack.named("reload-regops").inputs["create"] for stack in (before, after)]
    assert told[0] != told[1], "the setting is in the file that the console reads"
    assert after.named("console-container").inputs == before.named("console-container").inputs


def test_its_own_settings_replace_it() -> None:
    before, after = declared({}), declared({"ui": {"title": "Ours"}})
    assert after.named("console-container").inputs != before.named("console-container").inputs


def test_it_is_told_that_the_settings_have_changed_once_everything_runs() -> None:
    stack = declared({})
    mounts = {below_root(one["source"]): one["target"] for one in stack.named("console-container").inputs["mounts"]}
    assert mounts[f"{LIVE}/regops"] == "/srv/stack/live/regops"
    assert " regops" in stack.named("live", "command:local:Command").inputs["create"]
    told = stack.named("reload-regops")
    assert all(word in told.inputs["create"] for word in (f"{LIVE}/regops", SETTINGS_TAKEN_IN, SETTINGS_REFUSED))
    assert stack.named("rollout").urn in told.dependencies


def test_without_it_nothing_is_told() -> None:
    stack = declared({"console": {"enabled": False}})
    assert "reload-regops" not in {one.name for one in stack.values()}


def test_it_reads_what_its_pages_show_at_the_same_place_below_its_root() -> None:
    reads = service_args(plan_of(**EVERYTHING)).reads
    assert set(reads) == {
        "data/regops",
        "data/registry",
        "data/snapshots",
        "data/gateway",
        "gate",
        ACCESS_LOG_FOLDER,
    }
    assert all(mounted == f"/srv/stack/{folder}" for folder, mounted in reads.items())


def test_it_writes_requests_and_nothing_else_and_those_only_where_somebody_takes_them() -> None:
    assert service_args(plan_of(**EVERYTHING)).data == {}
    assert list(service_args(replace(plans.plan(), services=("console",))).data) == [REQUESTS_FOLDER]


def test_it_has_no_secret_no_capability_and_no_root() -> None:
    args = service_args(plan_of(**EVERYTHING))
    assert not args.secrets
    assert not args.capabilities
    assert not args.ports
