"""Retention on a real registry behind edge and gateway: what its plan says goes, comes back, and nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from infra.paths import PROJECT_FOLDER
from ops.config import REGOPS_FILE, RetentionRule, render
from ops.core.files import write_atomic
from ops.core.process import Completed, run
from ops.registry.snapshots.store import SnapshotStore
from ops.registry.tree import RegistryTree
from ops.stack.stack import Stack
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.run import LEDGER
from tests.ops import command_line
from tests.ops.gateway.gateway_rig import SERVICE, basic, query
from tests.ops.gateway.registry_rig import MANIFEST_TYPE
from tests.ops.gateway.test_registry import until
from tests.ops.tasks.retention.test_plan import HASHES
from tests.stack_components.sync.sync_rig import Rig, running_rig

pytestmark = pytest.mark.system

SIGNATURE = f"sha256-{'0' * 64}"
RULES = [
    {"repository": "ci/app", "tags": "sha-[0-9a-f]{7}", "keep": 3},
    {"repository": "ci/signed", "tags": ".*", "keep": 1},
    {"repository": "com.example/shop", "tags": r"v\d+\.\d+", "keep": 1, "order": "version"},
    {"repository": "ci/none", "tags": ".*", "keep": 1},
]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running_rig(tmp_path_factory.mktemp("rig"), retention=RULES) as running:
        running.configure(retention=tuple(map(RetentionRule.model_validate, RULES)))
        write_atomic(running.folder / "secrets/retention/password", "password-of-retention\n")
        yield running


def regops(rig: Rig, *words: str) -> Completed:
    return command_line.regops(rig.folder, *words, limit_s=120)


def test_the_last_pushed_stay_whatever_their_names(rig: Rig) -> None:
    rig.push("ci/app", *HASHES, "latest")
    rig.push("ci/app", HASHES[0])  # pushed again, and the newest now
    until(
        lambda: query(rig.folder / "events.db", "SELECT count(*) FROM events WHERE repository = 'ci/app'") == [(8,)],
        "all are told",
    )
    assert regops(rig, "changes").returncode == 0
    before = rig.tags("ci/app")
    plan = json.loads(regops(rig, "retention", "--dry-run", "--json").stdout)["plan"]
    assert [one["tag"] for one in plan["old"]] == list(HASHES[1:4])
    assert rig.tags("ci/app") == before, "a dry run changes nothing"
    assert SnapshotStore(rig.folder / "snapshots", RegistryTree(rig.folder / "registry")).all() == []
    done = regops(rig, "retention")
    assert done.returncode == 0, done.stderr
    assert rig.tags("ci/app") == sorted([HASHES[0], *HASHES[4:], "latest"])
    assert json.loads(regops(rig, "retention", "--dry-run", "--json").stdout)["plan"]["old"] == []


def test_what_went_comes_back_from_the_snapshot_and_the_ledger_says_who_did_it(rig: Rig) -> None:
    rig.push("com.example/shop", "v1.9", "v1.10", "v1.2")
    regops(rig, "changes")
    done = regops(rig, "retention")
    assert rig.tags("com.example/shop") == ["v1.10"]
    (snapshot,) = [word for word in done.stderr.replace("`", " ").split() if word.endswith("-retention")]
    until(
        lambda: (
            query(
                rig.folder / "events.db",
                "SELECT count(*) FROM events WHERE repository = 'com.example/shop' AND action = 'delete'",
            )
            == [(2,)]
        ),
        "it is told",
    )
    regops(rig, "changes")
    with closing(Ledger(Stack(rig.folder).data / LEDGER)) as ledger:
        assert ledger.history("com.example/shop", "v1.9")[-1].actor == "retention"
    shown = json.loads(regops(rig, "snapshot", "restore", snapshot, "--dry-run", "--json").stdout)["plan"]
    assert shown["tags"] == ["com.example/shop:v1.2", "com.example/shop:v1.9"]


def test_signatures_and_other_names_of_an_image_stay(rig: Rig) -> None:
    rig.push("ci/signed", "1", SIGNATURE, f"{SIGNATURE}.sig")
    token = rig.target.token("repository:ci/signed:pull,push", "admin")
    same, headers = rig.target.pull("ci/signed", "1", token).content, {"Content-Type": MANIFEST_TYPE}
    assert rig.target.request("PUT", "/v2/ci/signed/manifests/stable", token, content=same, headers=headers).status_code == 201
    assert regops(rig, "retention").returncode == 0
    assert rig.tags("ci/signed") == [SIGNATURE, f"{SIGNATURE}.sig", "stable"]
    assert rig.target.pull("ci/signed", "stable", token).content == same


def test_its_account_may_delete_nothing_else(rig: Rig) -> None:
    rig.push("private/app", "1")
    parameters = {"service": SERVICE, "scope": "repository:private/app:pull,delete"}
    headers = basic("retention", "password-of-retention")
    token = (
        httpx.get(f"{rig.target.gateway_url}/auth/token", params=parameters, headers=headers).raise_for_status().json()["token"]
    )
    assert rig.target.request("DELETE", "/v2/private/app/manifests/1", token).status_code == 401
    assert rig.tags("private/app") == ["1"]


def test_without_rules_nothing_happens(rig: Rig, tmp_path: Path) -> None:
    config = Stack(rig.folder).config.model_copy(update={"retention": ()})
    write_atomic(tmp_path / "current" / REGOPS_FILE, render(config))
    done = run([sys.executable, "-m", "ops.cli", "--root", str(tmp_path), "retention"], timeout=60, cwd=PROJECT_FOLDER)
    assert "there are no rules; `sync.retention` in the settings has them" in done.stderr
