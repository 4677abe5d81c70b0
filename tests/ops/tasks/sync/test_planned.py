"""What a plan does not do: it imports nothing that only copies need, and asks for no more than it has to know."""

from __future__ import annotations

import sys

import pytest

from infra.paths import PROJECT_FOLDER
from ops.core.process import run
from tests.ops.tasks.sync.mirror_rig import MirrorRig

_LISTING = "import sys; from ops.cli.app import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
pytestmark = pytest.mark.system


def test_a_plan_in_which_nothing_changes_imports_only_what_it_needs(mirror: MirrorRig) -> None:
    mirror.push("quick/app", "1")
    mirror.catalogue(mirror.entry("one", "quick/app"))
    assert mirror.sync("--force")["one/quick/app"]["state"] == "changed"
    words = [sys.executable, "-c", _LISTING, "--root", str(mirror.stack.root), "sync", "plan"]
    told = run(words, timeout=60, cwd=PROJECT_FOLDER)
    modules = set(told.stderr.split())
    assert "1 entries unchanged" in told.stdout
    assert "ops.tasks.sync.look" in modules
    assert not modules & {"docker", "prometheus_client", "rich", "tarfile", "ops.notify", "ops.runs.task", "ops.registry.live"}


def test_tags_are_asked_for_when_their_list_is_there_and_six_at_a_time(mirror: MirrorRig) -> None:
    front = mirror.fronts["one"]
    names = [f"many/app{number}" for number in range(8)]
    for name in names:
        for tag in ("1", "2"):
            mirror.push(name, tag)
    mirror.catalogue(*(mirror.entry("one", name) for name in names))
    front.latency_s, front.token, front.scopes, front.busiest = 0.05, True, 100, 0
    plan = mirror.plan()
    assert {len(one["copy"]) for one in plan.values()} == {2}
    asked = [path.rpartition("/")[0].rpartition("/")[2] for method, path in front.requests if method in {"GET", "HEAD"}]
    assert (front.busiest, asked.count("manifests")) == (6, 16)
    assert front.counted("GET", "/token") == 1
