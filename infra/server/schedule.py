"""The one table of what happens on a host without anybody: each task, when, for how long, and what it may touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from infra.plan import Plan
from infra.regops import ALL_DATA, DATA_FOLDER, METRICS_FOLDER
from ops.config import READ_ONLY_FOLDER

# The user of all services: it may read the secrets of the stack, and owns its data.
USER = "10001:10001"

_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


@dataclass(frozen=True)
class When:
    """Times of the host's clock; an empty field stands for each value. In systemd's words as well as in cron's.

    Attributes:
        minutes: Of the hour.
        hours: Of the day.
        weekdays: By their short English names.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...] = ()
    weekdays: tuple[str, ...] = ()

    @property
    def on_calendar(self) -> str:
        """As systemd.time(7) says."""
        days = f"{','.join(self.weekdays)} " if self.weekdays else ""
        return f"{days}*-*-* {_numbers(self.hours, width=2)}:{_numbers(self.minutes, width=2)}:00"

    @property
    def cron(self) -> str:
        """As crontab(5) says."""
        days = _numbers(sorted(map(_WEEKDAYS.index, self.weekdays)))
        return f"{_numbers(self.minutes)} {_numbers(self.hours)} * * {days}"


def _numbers(values: Sequence[int], width: int = 1) -> str:
    return ",".join(f"{value:0{width}}" for value in values) or "*"


@dataclass(frozen=True, kw_only=True)
class Task:
    """A row of the table.

    Attributes:
        name: Of the task; its units are `regops-<name>`.
        purpose: What it is for, in a few words.
        words: What `regops` is told.
        afterwards: What it is told when that has ended, in whatever way; nothing for nothing.
        when: When it begins.
        spread_s: Seconds by which it begins later, at random.
        limit_s: Seconds after which it is ended.
        writes: What it may change, as folders below the root.
        docker: Whether it may use the Docker engine.
        network: Whether it may reach others.
    """

    name: str
    purpose: str
    words: Sequence[str]
    afterwards: Sequence[str] = ()
    when: When
    spread_s: int = 0
    limit_s: int
    writes: Sequence[str] = ()
    docker: bool = False
    network: bool = False

    def command(self, root: PurePosixPath) -> Sequence[str]:
        """Return the words of its command."""
        return _regops(root, self.words)

    def last_command(self, root: PurePosixPath) -> Sequence[str]:
        """Return the words of what comes afterwards; none when nothing does."""
        return _regops(root, self.afterwards) if self.afterwards else ()


def _regops(root: PurePosixPath, words: Sequence[str]) -> Sequence[str]:
    # Parts of a release are never written to (-B), and modules come from them alone (-P).
    return ["python3", "-B", "-P", "-m", "ops.cli", "--root", str(root), *words]


def schedule(plan: Plan) -> Sequence[Task]:
    """Return the tasks of a stack."""
    everywhere = [DATA_FOLDER, *([METRICS_FOLDER] if plan.runs("node-exporter") else [])]
    return [
        Task(
            name="doctor",
            purpose="pushes and pulls a canary as users do",
            words=["doctor", "--registry"],
            when=When(minutes=(17,)),
            spread_s=300,
            limit_s=600,
            writes=everywhere,
            network=True,
        ),
        Task(
            name="changes",
            purpose="records which tags came, moved and went",
            words=["changes", "--quiet"],
            when=When(minutes=tuple(range(3, 60, 10))),
            spread_s=30,
            limit_s=300,
            writes=everywhere,
        ),
        Task(
            name="gc",
            purpose="frees what no tag leads to any more",
            words=["gc", "--wait", "1800"],
            # Killed in the middle, it is made good at once.
            afterwards=["gc", "--recover"],
            when=When(minutes=(10,), hours=(4,), weekdays=("Sun",)),
            spread_s=900,
            limit_s=4 * 3600,
            # One folder for both: systemd mounts each by itself, and there are no links from mount to mount.
            writes=[ALL_DATA, READ_ONLY_FOLDER],
            docker=True,
        ),
        Task(
            name="snapshot",
            purpose="lets undo what is deleted or overwritten from now on",
            words=["undo", "take", "--wait", "1800"],
            when=When(minutes=(20,), hours=(3,)),
            spread_s=600,
            limit_s=2 * 3600,
            writes=[ALL_DATA, READ_ONLY_FOLDER],
            docker=True,
        ),
        Task(
            name="notify",
            purpose="delivers messages, reminders and the daily digest",
            words=["notify"],
            when=When(minutes=tuple(range(0, 60, 5))),
            limit_s=120,
            writes=everywhere,
            network=True,
        ),
    ]


def environment(root: PurePosixPath) -> Mapping[str, str]:
    """Return the environment of all tasks: the packages of the current release."""
    return {"PYTHONPATH": f"{root}/current/ops:{root}/current/site"}
