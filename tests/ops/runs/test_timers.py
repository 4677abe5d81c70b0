"""Whether a host starts a stack's tasks, read from the units and the cron file as the program renders them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from infra.server.cron import crontab
from infra.server.schedule import schedule
from infra.server.timers import units
from ops.runs.due import PERIODS_S
from ops.runs.timers import timers
from ops.stack.stack import Stack
from tests.infra.server.plans import plan

TASKS = schedule(plan())
ROOT = PurePosixPath("/srv/private registry")


@pytest.fixture
def systemd(tmp_path: Path) -> Path:
    (tmp_path / "timers.target.wants").mkdir()
    for task in TASKS:
        for name, text in units(task, ROOT).items():
            (tmp_path / name).write_text(text)
        (tmp_path / "timers.target.wants" / f"regops-{task.name}.timer").symlink_to(tmp_path / f"regops-{task.name}.timer")
    return tmp_path


def test_a_disabled_timer_is_seen(systemd: Path) -> None:
    stack = Stack(Path(ROOT))
    assert timers(stack, units=systemd, systemd=True) == dict.fromkeys(PERIODS_S, True)
    (systemd / "timers.target.wants/regops-gc.timer").unlink()
    assert timers(stack, units=systemd, systemd=True) == {**dict.fromkeys(PERIODS_S, True), "gc": False}


def test_without_systemd_cron_starts_them(tmp_path: Path) -> None:
    cron = tmp_path / "private-registry"
    cron.write_text(crontab(TASKS, ROOT))
    assert timers(Stack(Path(ROOT)), cron=cron, systemd=False) == dict.fromkeys(PERIODS_S, True)


def test_a_stack_that_nobody_starts_anything_for_expects_nothing(systemd: Path) -> None:
    assert timers(Stack(Path("/home/me/registry")), units=systemd, systemd=True) == {}
    assert timers(Stack(Path("/srv/private")), units=systemd, cron=systemd / "none", systemd=False) == {}
