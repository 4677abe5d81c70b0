"""The schedule: which task runs on a server when (in its time zone), for how long, and what it may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from infra.plan import Plan
from infra.regops import ALERTS_FOLDER, ALL_DATA, DATA_FOLDER, METRICS_FOLDER
from ops.config import (
    ACTION_LIMIT_S,
    ACTION_REQUESTS,
    DRILLED_WITHIN_DAYS,
    MIRROR_FOLDER,
    READ_ONLY_FOLDER,
    REQUEST_FILE,
    request_folder,
)

_DAY_S = 86_400
# The schedule's clock and the host's may differ a little.
_INTO_WINDOW_MIN = 5
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


@dataclass(frozen=True)
class When:
    """Times by the host's clock, for systemd and for cron. An empty field means every value.

    Attributes:
        minutes: Minutes of the hour.
        hours: Hours of the day.
        weekdays: Weekdays, by their short English names.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...] = ()
    weekdays: tuple[str, ...] = ()

    @property
    def on_calendar(self) -> str:
        """The time for systemd: systemd.time(7)."""
        days = f"{','.join(self.weekdays)} " if self.weekdays else ""
        return f"{days}*-*-* {_numbers(self.hours, width=2)}:{_numbers(self.minutes, width=2)}:00"

    @property
    def cron(self) -> str:
        """The time for cron: crontab(5)."""
        days = _numbers(sorted(map(_WEEKDAYS.index, self.weekdays)))
        return f"{_numbers(self.minutes)} {_numbers(self.hours)} * * {days}"


def _numbers(values: Sequence[int], width: int = 1) -> str:
    return ",".join(f"{value:0{width}}" for value in values) or "*"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What systemd runs of `regops`.

    Attributes:
        name: Its name; its units are `regops-<name>`.
        purpose: What it is for, in a few words.
        words: Arguments of `regops`.
        afterwards: Arguments of a second `regops` that runs when it has ended, even if it was killed.
        limit_s: Seconds after which it is killed.
        writes: Folders below the root that it may change.
        docker: Whether it may use the Docker engine.
        network: Whether it may use the network.
        watches: Folder below the root: what appears there starts it too, at once; empty if there is none.
        asked: File below the root that starts it too, when somebody has asked for it; empty if nobody can.
        measures: Whether it reads the kernel's figures below /proc/sys.
        restores: Whether it runs `restic restore`, which asks the kernel to give files their owners, and is killed where it may
            not ask. Without a capability it gets no answer but no.
    """

    name: str
    purpose: str
    words: Sequence[str]
    afterwards: Sequence[str] = ()
    limit_s: int
    writes: Sequence[str] = ()
    docker: bool = False
    network: bool = False
    watches: str = ""
    asked: str = ""
    measures: bool = False
    restores: bool = False

    def command(self, root: PurePosixPath) -> Sequence[str]:
        """Return the words of its command."""
        return _regops(root, self.words)

    def last_command(self, root: PurePosixPath) -> Sequence[str]:
        """Return the words of the command that runs afterwards; empty if there is none."""
        return _regops(root, self.afterwards) if self.afterwards else ()


@dataclass(frozen=True, kw_only=True)
class Task(Job):
    """A row of the table.

    Attributes:
        when: When it starts.
        spread_s: Random delay of the start, in seconds at most.
        within_s: For how many seconds it may go without success, if not until the second run in a row should have ended.
    """

    when: When
    spread_s: int = 0
    within_s: int = 0


def _regops(root: PurePosixPath, words: Sequence[str]) -> Sequence[str]:
    # -B: parts of a release are never written to; installing it compiles them. -P: modules are only imported from them.
    return ["python3", "-B", "-P", "-m", "ops.cli", "--root", str(root), *words]


_RETENTION = Task(
    name="retention",
    purpose="deletes old tags by the rules of the settings",
    words=["retention", "--wait", "1800"],
    when=When(minutes=(30,), hours=(2,)),
    spread_s=300,
    limit_s=2 * 3600,
    writes=[ALL_DATA, READ_ONLY_FOLDER],
    docker=True,
    network=True,
)

_BANS = Task(
    name="bans",
    purpose="writes down who is banned, for the console",
    words=["who-is-banned", "--note"],
    when=When(minutes=tuple(range(2, 60, 5))),
    limit_s=120,
    docker=True,
)

_SCRUB = Task(
    name="scrub",
    purpose="compares blobs on the disk with their digests, and repairs the damaged ones",
    words=["scrub", "--wait", "600"],
    when=When(minutes=(15,), hours=(0,)),
    spread_s=1800,
    limit_s=6 * 3600,
    writes=[ALL_DATA],
    network=True,
    restores=True,
)


_SYNC = Task(
    name="sync",
    purpose="mirrors what the catalogue names",
    words=["sync"],
    # Twice at night, for those who mirror in the night only.
    when=When(minutes=(25,), hours=(4, 10, 16, 22)),
    spread_s=600,
    # What is not done by then is done by the next run.
    limit_s=5 * 3600,
    docker=True,
    network=True,
)


def schedule(plan: Plan) -> Sequence[Task]:
    """Return the tasks of a stack."""
    everywhere = [DATA_FOLDER, *([METRICS_FOLDER] if plan.runs("node-exporter") else [])]
    retention = [_RETENTION] if plan.has_rules else []
    backups = _backups() if plan.settings.backup.target else []
    # What is damaged can be had from somewhere.
    scrub = [_SCRUB] if backups or plan.runs("regsync") else []
    window = plan.settings.sync.window
    sync = [replace(_SYNC, when=_times(window), writes=[*everywhere, MIRROR_FOLDER])] if plan.has_catalogue else []
    bans = [replace(_BANS, writes=everywhere)] if plan.runs("crowdsec") else []
    tasks = [*_everyday(everywhere), *bans, *sync, *retention, *backups, *scrub]
    return [*(map(_asked, tasks) if plan.runs("console") else tasks), _notify(plan, everywhere)]


def requests(plan: Plan) -> Job | None:
    """Return what does the actions that are asked for in the console; None where nobody can ask."""
    if not plan.runs("console"):
        return None
    return Job(
        name="requests",
        purpose="does what operators have asked for in the console",
        words=["requests", "run"],
        limit_s=ACTION_LIMIT_S,
        # What any of the actions needs: a restore from a backup needs most.
        writes=[ALL_DATA, READ_ONLY_FOLDER],
        docker=True,
        network=True,
        asked=f"{request_folder(ACTION_REQUESTS)}/{REQUEST_FILE}",
        restores=True,
    )


def _asked(task: Task) -> Task:
    """Return a task that starts also when somebody asks for it in the console."""
    folder = request_folder(task.name)
    writes = task.writes if ALL_DATA in task.writes else [*task.writes, folder]
    return replace(task, asked=f"{folder}/{REQUEST_FILE}", writes=writes)


def _times(window: str | None) -> When:
    """Return when the mirror runs: every six hours, and where it may copy in a window only, first just after that begins."""
    if window is None:
        return _SYNC.when
    hour, minute = map(int, window.partition("-")[0].split(":"))
    first = hour * 60 + minute + _INTO_WINDOW_MIN
    return When(minutes=(first % 60,), hours=tuple(sorted((first // 60 + 6 * number) % 24 for number in range(4))))


def _everyday(everywhere: Sequence[str]) -> Sequence[Task]:
    return [
        Task(
            name="doctor",
            purpose="pushes and pulls a canary, as users do",
            words=["doctor", "--registry"],
            when=When(minutes=(17,)),
            spread_s=300,
            limit_s=600,
            writes=everywhere,
            network=True,
        ),
        Task(
            name="changes",
            purpose="records which tags were added, moved or deleted",
            words=["changes", "--quiet"],
            when=When(minutes=tuple(range(3, 60, 10))),
            spread_s=30,
            limit_s=300,
            writes=everywhere,
        ),
        Task(
            name="gc",
            purpose="deletes blobs that no tag references",
            words=["gc", "--wait", "1800"],
            # If it was killed, this rolls it back at once.
            afterwards=["gc", "--recover"],
            when=When(minutes=(10,), hours=(4,), weekdays=("Sun",)),
            spread_s=900,
            limit_s=4 * 3600,
            # One folder for registry and snapshots: systemd mounts each one separately, and no file can be moved across mounts.
            writes=[ALL_DATA, READ_ONLY_FOLDER],
            docker=True,
        ),
        Task(
            name="snapshot",
            purpose="takes a snapshot, from which deleted and overwritten tags can be restored",
            words=["snapshot", "create", "--wait", "1800"],
            when=When(minutes=(20,), hours=(3,)),
            spread_s=600,
            limit_s=2 * 3600,
            writes=[ALL_DATA, READ_ONLY_FOLDER],
            docker=True,
        ),
    ]


def _notify(plan: Plan, everywhere: Sequence[str]) -> Task:
    alerts = plan.runs("alertmanager")
    return Task(
        name="notify",
        purpose="sends messages, reminders and the daily digest",
        words=["notify"],
        when=When(minutes=tuple(range(0, 60, 5))),
        limit_s=120,
        writes=[*everywhere, *([ALERTS_FOLDER] if alerts else [])],
        network=True,
        measures=plan.runs("node-exporter"),
        watches=ALERTS_FOLDER if alerts else "",
    )


def _backups() -> Sequence[Task]:
    return [
        Task(
            name="backup",
            purpose="backs the registry and the stack's state up",
            words=["backup", "--wait", "600"],
            when=When(minutes=(40,), hours=(1, 7, 13, 19)),
            spread_s=600,
            limit_s=5 * 3600,
            # Where the blobs are too, which are linked.
            writes=[ALL_DATA],
            network=True,
        ),
        Task(
            name="verify",
            purpose="checks that the backups are whole",
            words=["verify", "--wait", "3600"],
            when=When(minutes=(30,), hours=(5,)),
            spread_s=1800,
            limit_s=4 * 3600,
            writes=[ALL_DATA],
            network=True,
        ),
        Task(
            name="drill",
            purpose="tries whether the backups can be restored",
            words=["drill", "--wait", "600"],
            when=When(minutes=(10,), hours=(9,), weekdays=("Sat",)),
            spread_s=1800,
            limit_s=2 * 3600,
            writes=[ALL_DATA],
            docker=True,
            network=True,
            within_s=round(DRILLED_WITHIN_DAYS * _DAY_S),
            restores=True,
        ),
        Task(
            name="prune",
            purpose="removes old backups, or says which can go",
            words=["backups", "prune", "--wait", "3600"],
            when=When(minutes=(50,), hours=(3,), weekdays=("Wed",)),
            spread_s=900,
            limit_s=3 * 3600,
            writes=[ALL_DATA],
            network=True,
        ),
    ]


def environment(root: PurePosixPath) -> Mapping[str, str]:
    """Return the environment of all tasks: where the packages of the current release are."""
    return {"PYTHONPATH": f"{root}/current/ops:{root}/current/site"}
