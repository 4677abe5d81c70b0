"""Storage Boxes and their accounts, by the official client."""

from __future__ import annotations

from typing import Any

import pytest
from hcloud.storage_box_types import StorageBoxType
from hcloud.storage_boxes import (
    StorageBoxAccessSettings,
    StorageBoxSnapshotPlan,
    StorageBoxSubaccountAccessSettings,
)

from tests.tools.emulation.api.conftest import PASSWORD, PUBLIC_KEY, make_box, refused
from tests.tools.emulation.api.no_machines import NoMachines
from tools.emulation.api.server import Api
from tools.emulation.machines import BoxAccount


@pytest.fixture
def box(client: Any) -> Any:
    return make_box(client)


def test_a_box_has_accounts(machines: NoMachines, box: Any) -> None:
    assert (box.username, box.server, box.status) == (f"u{box.id}", f"u{box.id}.your-storagebox.de", "active")
    answer = box.create_subaccount(
        home_directory="backup",
        password=PASSWORD,
        name="reader",
        access_settings=StorageBoxSubaccountAccessSettings(ssh_enabled=True, readonly=True),
    )
    answer.action.wait_until_finished()
    main = BoxAccount(f"u{box.id}", PASSWORD, "", False, True, (PUBLIC_KEY,))
    reader = BoxAccount(f"u{box.id}-sub1", PASSWORD, "backup", True, True)
    assert machines.hosts[box.id] == box.server
    assert machines.accounts[box.id] == [main, reader]

    account = box.get_subaccount_by_id(answer.subaccount.id)
    assert account.server == f"u{box.id}-sub1.your-storagebox.de"
    account.reset_password(PASSWORD + "2").wait_until_finished()
    account.change_home_directory("other").wait_until_finished()
    account.update_access_settings(StorageBoxSubaccountAccessSettings(readonly=False)).wait_until_finished()
    account.update(name="writer", description="of backups", labels={"a": "b"})
    assert machines.accounts[box.id][1] == BoxAccount(f"u{box.id}-sub1", PASSWORD + "2", "other", False, True)
    found = box.get_subaccount_by_name("writer")
    assert (found.description, found.labels) == ("of backups", {"a": "b"})
    account.delete().action.wait_until_finished()
    assert machines.accounts[box.id] == [main]
    box.reset_password(PASSWORD + "3").wait_until_finished()
    box.update_access_settings(StorageBoxAccessSettings(ssh_enabled=False, zfs_enabled=True)).wait_until_finished()
    assert machines.accounts[box.id] == [BoxAccount(f"u{box.id}", PASSWORD + "3", "", False, False, (PUBLIC_KEY,))]


def test_a_box_keeps_its_plan_and_changes_its_type(client: Any, box: Any) -> None:
    plan = StorageBoxSnapshotPlan(max_snapshots=7, hour=3, minute=30, day_of_week=7)
    box.enable_snapshot_plan(plan).wait_until_finished()
    box.change_type(StorageBoxType(name="bx21")).wait_until_finished()
    box.update(name="other", labels={"a": "b"})
    now = client.storage_boxes.get_by_name("other")
    assert (now.snapshot_plan.hour, now.snapshot_plan.day_of_week, now.snapshot_plan.day_of_month) == (3, 7, None)
    assert now.storage_box_type.name == "bx21"
    box.disable_snapshot_plan().wait_until_finished()
    assert client.storage_boxes.get_by_id(box.id).snapshot_plan is None


def test_a_deleted_box_is_gone(api: Api, machines: NoMachines, box: Any) -> None:
    box.delete().action.wait_until_finished()
    assert machines.accounts == {}
    assert api.is_empty


def test_only_one_subaccount_is_made_at_a_time(client: Any, machines: NoMachines) -> None:
    box = make_box(client)
    machines.free.clear()
    first = box.create_subaccount(home_directory="a", password=PASSWORD)
    refused("locked", lambda: box.create_subaccount(home_directory="b", password=PASSWORD))
    machines.free.set()
    first.action.wait_until_finished()
    box.create_subaccount(home_directory="b", password=PASSWORD).action.wait_until_finished()


@pytest.mark.parametrize(
    "password", ["Short-7", "correct-horse-7-battery", "CORRECT-HORSE-7", "Correct-Horse", "CorrectHorse7Battery"]
)
def test_a_weak_password_is_refused(client: Any, password: str) -> None:
    refused("invalid_input", lambda: make_box(client, password=password), "password policy")


@pytest.mark.parametrize(
    "plan",
    [
        {"max_snapshots": 11, "hour": 3, "minute": 0},
        {"max_snapshots": 1, "hour": 24, "minute": 0},
        # Monday is 1, and Sunday is 7.
        {"max_snapshots": 1, "hour": 3, "minute": 0, "day_of_week": 0},
    ],
)
def test_a_plan_that_the_box_cannot_keep_is_refused(client: Any, plan: dict[str, int]) -> None:
    box = make_box(client)
    refused("invalid_input", lambda: box.enable_snapshot_plan(StorageBoxSnapshotPlan(**plan)))
