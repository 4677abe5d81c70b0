"""What the console sees of the host, and the little that it may write."""

from __future__ import annotations

from dataclasses import replace

from ops.config import ACCESS_LOG_FOLDER, REQUESTS_FOLDER
from stack_components.console.component import service_args
from tests.infra.server import plans
from tests.plans import EVERYTHING, plan_of


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
