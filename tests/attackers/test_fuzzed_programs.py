"""What programs print and answer that others wrote, of any content: read, or called unusable by name.

CrowdSec, restic, Prometheus, Docker's engine, systemd, cosign.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.backups import told as restic
from ops.backups.errors import BackupError, error_of
from ops.backups.told import Backup
from ops.console.prometheus import Prometheus
from ops.core.labels import REVISION_LABEL
from ops.core.process import CommandError, Completed
from ops.host import engine
from ops.host.units import units_of
from ops.stack import budget
from ops.stack.ban_list import note_bans, noted_bans
from ops.stack.crowdsec import BansError, CrowdSec, hits, read
from ops.stack.prometheus import AnswerError, PrometheusError, alerts_of, series_of
from ops.stack.regsync import RegsyncError, runs_in
from ops.upstream.cosign import unverified
from tests.attackers.fuzzing import damaged, in_bounded_time, json_bodies, told
from tests.ops.runs.test_task import stack_in
from tests.ops.stack.test_crowdsec import ALERT, DECISION, NOW, StandInForAContainer

ID = "a" * 64
LONG = {**DECISION, "duration": "99999999999h0m0s", "value": "2001:db8::/32"}
TYPED = {**DECISION, "scenario": "\x1b[2J typed", "origin": "cscli", "scope": "Country", "value": "XX"}
BANS = ([ALERT, {**ALERT, "decisions": [LONG, TYPED], "source": None}], [{**ALERT, "created_at": "2026-11-25T11:59:58"}], None)
ALLOWED = ([{"name": "a", "items": [{"value": "192.0.2.0/24"}, {"value": "2001:db8::7"}]}, {"items": None}], None)
COUNTED = {"decisions": {"a": {"CAPI": {"ban": 15_000}, "lists": {"ban": 3}, "crowdsec": {"ban": 1}}}}


def printing(content: bytes) -> CrowdSec:
    """A CrowdSec whose program prints something."""
    container: Any = StandInForAContainer((0, content, b""))
    return CrowdSec(container)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


@given(json_bodies(*BANS))
def test_bans_are_read_and_noted_or_said_to_be_none(folder: Path, content: bytes) -> None:
    stack = stack_in(folder)
    with in_bounded_time():
        try:
            bans = read(content.decode("utf-8", "replace"), NOW)
        except BansError as error:
            assert str(error).isprintable()  # noqa: PT017  # it goes to terminals
            return
        note_bans(stack, bans, None)
        noted = noted_bans(stack)
        assert noted is not None
        assert list(noted.bans) == bans
        for ban in sorted(bans, key=lambda ban: ban.since):
            assert all(value.isprintable() for value in ban.document().values())
            if ban.network:
                assert ban in hits(bans, ban.network)


@given(json_bodies(*ALLOWED), json_bodies(COUNTED))
def test_who_is_allowed_and_how_many_are_banned_is_read_or_unknown(allowed: bytes, counted: bytes) -> None:
    with in_bounded_time():
        told(printing(allowed).allowed, BansError)
        count = printing(counted).community_count()
    assert count is None or isinstance(count, int)


SERIES = {
    "status": "success",
    "data": {
        "resultType": "vector",
        "result": [
            {"metric": {"of": "all"}, "value": [1_700_000_000.123, "86400"]},
            {"metric": {"of": "good", "a": "b"}, "values": [[1, "NaN"], [2, "+Inf"], [3, "5"]]},
        ],
    },
}
FIRING = {
    "labels": {"alertname": "DiskFull", "severity": "critical"},
    "annotations": {"summary": "full \x1b[2J", "description": "`df -h`"},
    "state": "firing",
    "activeAt": "2026-11-25T11:59:58Z",
}
ALERTS = {"status": "success", "data": {"alerts": [FIRING, {**FIRING, "state": "pending"}, {"state": "firing"}]}}


class Answering(Prometheus):
    """A Prometheus that always answers the same."""

    def __init__(self, content: bytes) -> None:
        super().__init__("http://prometheus")
        self._content = content

    def _get(self, path: str, **fields: str) -> bytes:
        del path, fields
        return self._content


@given(json_bodies(SERIES), json_bodies(ALERTS))
def test_what_prometheus_answers_is_shown_or_unknown(series: bytes, alerts: bytes) -> None:
    with in_bounded_time():
        for one in Answering(series).values("up") or ():
            assert all(isinstance(label, str) for label in one.labels.values())
        for alert in Answering(alerts).alerts() or ():
            assert f"{alert.name}{alert.severity}{alert.summary}{alert.to_do}{alert.since}".isprintable()
        told(lambda: alerts_of(alerts), AnswerError)


@given(json_bodies(SERIES))
def test_the_budget_is_counted_or_unknown(content: bytes) -> None:
    def ask(*_: object) -> object:
        try:
            return series_of(content)
        except AnswerError as error:
            raise PrometheusError(str(error)) from None

    stack: Any = None
    with pytest.MonkeyPatch.context() as patch, in_bounded_time(), contextlib.suppress(PrometheusError):
        patch.setattr(budget, "ask", ask)
        patch.setattr(budget, "measures", lambda *_: True)
        patch.setattr(budget, "held_since", lambda *_: [])
        standing = budget.standing_of_budget(stack, since=0.0, until=86_400.0, window_s=86_400.0)
        assert isinstance(standing.failed, int)
        assert all(at >= 0 or good in {True, False} for at, good in budget.probes_of(stack, since=0.0, until=1.0))


SUMMARY = {
    "message_type": "summary",
    "snapshot_id": ID,
    "data_added_packed": 5,
    "total_bytes_processed": 10**12,
    "total_files_processed": 3,
}
SNAPSHOT = {"id": ID, "time": "2026-11-25T11:59:58.123456789Z", "tags": ["good"], "summary": SUMMARY}
SNAPSHOTS = ([SNAPSHOT, {**SNAPSHOT, "time": "2026-11-24T11:59:58+01:00"}, {**SNAPSHOT, "summary": None, "tags": None}], None)
GROUPS = ([{"tags": None, "remove": [SNAPSHOT], "keep": None}, {"remove": None}], None)


def are_usable(backups: list[Backup]) -> None:
    """Check that what was read may become a word of a command, and is a time and a size."""
    for one in backups:
        assert len(one.id) == 64
        assert not set(one.id) - set("0123456789abcdef")
        assert f"{one.made_at:%Y-%m-%d}" and one.added >= 0  # noqa: PT018
        assert all(isinstance(tag, str) for tag in one.tags)


@given(json_bodies({"message_type": "status", "percent_done": 0.5}), json_bodies(SUMMARY), json_bodies(*SNAPSHOTS))
def test_backups_are_read_or_said_to_be_none(status: bytes, summary: bytes, snapshots: bytes) -> None:
    said = [text.decode("utf-8", "replace") for text in (status + b"\n" + summary, snapshots)]
    with in_bounded_time():
        assert told(lambda: are_usable([restic.backup_made(said[0], ["good"])]), BackupError).isprintable()
        assert told(lambda: are_usable(restic.backups(said[1])), BackupError).isprintable()


@given(json_bodies(*GROUPS), damaged(f"{ID}\n{ID}\n".encode(), b"--help\n../../config\n"))
def test_what_may_be_removed_is_an_id_or_nothing(groups: bytes, listed: bytes) -> None:
    with in_bounded_time():
        found = list[str]()
        with contextlib.suppress(BackupError):
            found += restic.outlived(groups.decode("utf-8", "replace"))
        with contextlib.suppress(BackupError):
            found += restic.names(listed.decode("utf-8", "replace"))
    assert all(len(one) == 64 and one.isalnum() for one in found)


SAID = (
    b"Fatal: unable to open repository: Load(<index/1a2b>): invalid data returned\n",
    b'{"message_type":"error","error":{"message":"Load(\\u003csnapshot/1a2b\\u003e): invalid data returned"}}\n',
    b"write /var/cache/restic/x: no space left on device\n",
    b"sftp: connection lost\nssh command exited: exit status 255\n",
)


@given(damaged(*SAID), st.sampled_from((1, 3, 10, 11, 12, 130)))
def test_why_a_backup_failed_is_told(said: bytes, code: int) -> None:
    done = Completed((), code, "", said.decode("utf-8", "replace") * 50)
    with in_bounded_time():
        assert str(error_of(done, "/backups", "the box", lambda: ""))


NETWORKS = [{"Name": "stack-app", "Labels": {REVISION_LABEL: "abc"}}, {"Name": "stack-edge", "Labels": None}]
LISTED = [{"Names": ["/stack-cache"], "Id": ID}]
CONTAINER = {
    "Config": {"Labels": {REVISION_LABEL: "abc"}},
    "NetworkSettings": {"Networks": {"stack-app": {}}},
    "State": {"Status": "running"},
    "HostConfig": {"NanoCpus": 250_000_000, "Memory": 64 << 20, "MemorySwap": 64 << 20},
    "Mounts": [{"Type": "bind", "Source": "/nowhere"}, {"Type": "volume"}],
}


@given(json_bodies(NETWORKS), json_bodies(LISTED), json_bodies(CONTAINER))
def test_what_the_engine_shows_is_judged_or_unknown(folder: Path, networks: bytes, listed: bytes, container: bytes) -> None:
    answers: Mapping[str, bytes] = {"/networks": networks, "/containers/json": listed}
    config = folder / "current/regops/regops.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('{"stack": "stack", "services": {"cache": {"cpus": 0.25, "memory_mib": 64}}}')

    def get(_: object, path: str) -> object:
        return json.loads(answers.get(path.partition("?")[0], container))

    with pytest.MonkeyPatch.context() as patch, in_bounded_time():
        patch.setattr(engine, "_connected", contextlib.nullcontext)
        patch.setattr(engine, "_get", get)
        seen = engine.look(folder, [])
    assert seen is None or all(isinstance(one["fault"], str) for one in seen["containers"].values())


RUNNING = ["10001", "4242", "4200", "0", "11:59", "?", "00:00:01", "regsync once --config /runs/a.json --logopt json"]
TOP = {"Titles": ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"], "Processes": [RUNNING, [*RUNNING[:-1], "sleep 1"]]}


@given(json_bodies(TOP))
def test_runs_that_were_left_are_found_or_said_to_be_unknown(content: bytes) -> None:
    try:
        listed = json.loads(content)
    except (ValueError, RecursionError):
        return
    with in_bounded_time():
        told(lambda: runs_in(listed), RegsyncError)


SHOWN = b"Id=docker.service\nActiveState=active\nNRestarts=2\nExecMainStartTimestamp=@1700000000\n\nId=a.service\nNRestarts=\n"


@given(damaged(SHOWN, b"Id=a\nNRestarts=" + b"9" * 5_000, b"Id=a\nExecMainStartTimestamp=n/a\n"))
def test_units_are_read_whatever_their_counts_are(shown: bytes) -> None:
    with in_bounded_time():
        for unit in units_of(shown.decode("utf-8", "replace")):
            assert unit.restarts >= 0 <= unit.started < float("inf")


@given(
    damaged(b"Error: no signatures found\nmain.go:74: error\n", b"\x1b[31mError: \xff denied\n", b""),
    st.sampled_from((1, 10, 11)),
)
def test_why_an_image_is_not_verified_can_be_shown(said: bytes, code: int) -> None:
    done = Completed((), code, "", said.decode("utf-8", "replace"))
    error = unverified(CommandError("failed", done))
    assert str(error).isprintable()
