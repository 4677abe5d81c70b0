"""Bringing the ledger up to date: with events and without, at bad times, and killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.registry.transport import UnreachableError
from ops.tasks.changes import views
from ops.tasks.changes.compare import VanishedError
from ops.tasks.changes.ledger import Ledger
from ops.tasks.changes.model import Change, Kind, Scan, Source
from ops.tasks.changes.update import IncompleteError, OvertakenError, update
from ops.tasks.changes.views import state_at
from tests.ops.gateway.gateway_rig import query
from tests.ops.tasks.changes.ledger_samples import LOST, A, B, C, baseline, lines, look, minutes, seen, tell

BASELINE = ("v1", A, Kind.BASELINE, Source.SCAN, None)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger that begins with v1 = A."""
    with closing(Ledger(tmp_path / "changes.db")) as ledger:
        look(ledger, seen(v1=A), 0)
        yield ledger


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """The gateway's database, with an event from before the ledger."""
    tell(tmp_path / "events.db", -60, "v1", C)
    return tmp_path / "events.db"


def test_an_event_says_who_and_when_and_the_look_confirms(ledger: Ledger, events: Path) -> None:
    tell(events, 5, "v1", B)
    report = look(ledger, seen(v1=B, v2=C), 10, events)
    assert [(one.change, one.time, one.actor, one.source) for one in report.records] == [
        (Change("app", "v1", A, B), minutes(5), "robot", Source.EVENT),
        (Change("app", "v2", None, C), minutes(10), None, Source.SCAN),
    ]
    assert look(ledger, seen(v1=B, v2=C), 20, events).records == []


def test_a_change_that_was_there_and_gone_between_two_looks_is_known_by_its_events(ledger: Ledger, events: Path) -> None:
    for at, tag, digest in ((1, "v1", B), (2, "v1", A), (3, "v2", C), (4, "v2", None)):
        tell(events, at, tag, digest)
    assert look(ledger, seen(v1=A), 10, events).gaps == []
    assert lines(ledger) == [
        BASELINE,
        ("v1", B, Kind.MOVED, Source.EVENT, "robot"),
        ("v1", A, Kind.MOVED, Source.EVENT, "robot"),
        ("v2", C, Kind.ADDED, Source.EVENT, "robot"),
        ("v2", None, Kind.REMOVED, Source.EVENT, "robot"),
    ]


def test_an_event_that_arrives_after_the_look_explains_what_was_seen(ledger: Ledger, events: Path) -> None:
    look(ledger, seen(v1=B), 10, events)
    for _ in range(2):
        tell(events, 5, "v1", B, name="late")
        assert look(ledger, seen(v1=B), 20, events).records == []
    assert lines(ledger) == [BASELINE, ("v1", B, Kind.MOVED, Source.SCAN, "robot")]
    assert state_at(ledger, minutes(6)).state == baseline(v1=B), "it has the exact time now"
    tell(events, 4, "v1", B, actor="ada")  # is told later still
    look(ledger, seen(v1=B), 40, events)
    assert lines(ledger)[-1][-1] == "robot"


def test_who_pushes_the_same_again_has_not_changed_it(ledger: Ledger, events: Path) -> None:
    look(ledger, seen(v1=B), 10, events)
    tell(events, 30, "v1", B)
    look(ledger, seen(v1=B), 40, events)
    assert lines(ledger) == [BASELINE, ("v1", B, Kind.MOVED, Source.SCAN, None)]


def test_the_last_push_of_a_tag_is_known_even_if_it_changed_nothing(ledger: Ledger, events: Path) -> None:
    look(ledger, seen(v1=A), 1, events)
    assert ledger.pushes() == {}
    for at, digest in ((5, B), (7, B), (6, B)):  # told in any order
        tell(events, at, "v1", digest)
    tell(events, 8, "v2", None)
    look(ledger, seen(v1=B), 10, events)
    assert ledger.pushes() == {("app", "v1"): minutes(7)}
    assert ledger.last_look() == minutes(10)


def test_an_event_that_was_overtaken_by_what_was_seen_is_no_change(ledger: Ledger, events: Path) -> None:
    look(ledger, seen(v1=C), 10, events)
    tell(events, 5, "v1", B)
    assert look(ledger, seen(v1=C), 20, events).records == []
    assert lines(ledger) == [BASELINE, ("v1", C, Kind.MOVED, Source.SCAN, None)]


def test_what_was_pushed_during_the_look_is_not_taken_back(ledger: Ledger, events: Path) -> None:
    def scan() -> Scan:
        tell(events, 10.5, "v1", B)  # after this tag was read
        tell(events, 10.6, "v2", B)
        return seen(v1=A)

    report = update(ledger, scan, events=events, clock=lambda: minutes(10))
    assert [one.change for one in report.records] == [Change("app", "v1", A, B), Change("app", "v2", None, B)]
    assert look(ledger, seen(v1=B, v2=B), 20, events).records == []


def test_an_event_that_is_not_true_is_put_right(ledger: Ledger, events: Path) -> None:
    tell(events, 5, "v1", B)
    assert [one.source for one in look(ledger, seen(v1=A), 10, events).records] == [Source.EVENT, Source.SCAN]
    assert ledger.state() == baseline(v1=A)


def test_events_from_before_the_ledger_and_of_other_things_say_nothing(tmp_path: Path, events: Path) -> None:
    with closing(Ledger(tmp_path / "other.db")) as ledger:
        assert len(look(ledger, seen(v1=A), 0, events).records) == 1
        tell(events, -30, "gone", C)
        tell(events, 1, "doctor", B, repository="regops/canary")
        tell(events, 2, "", B)
        assert look(ledger, seen(v1=A), 10, events).records == []


def test_a_gateway_whose_database_was_begun_anew_is_read_from_the_start(ledger: Ledger, events: Path) -> None:
    look(ledger, seen(v1=A), 1, events)
    for file in events.parent.glob("events.db*"):
        file.unlink()
    tell(events, 5, "v1", B)  # has the number that was read last
    assert [one.actor for one in look(ledger, seen(v1=B), 10, events).records] == ["robot"]


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_without_events_the_look_is_enough(ledger: Ledger, tmp_path: Path, damage: str) -> None:
    broken = tmp_path / "broken.db"
    if damage == "damaged":
        broken.write_bytes(b"no database" * 500)
    report = look(ledger, seen(v1=B), 10, broken)
    assert [one.change for one in report.records] == [Change("app", "v1", A, B)]
    assert len(report.notices) == 1
    assert report.notices[0].startswith(f"without the registry's events, which say who: {broken}: ")


def test_the_gateways_database_is_only_read(ledger: Ledger, events: Path) -> None:
    before = query(events, "SELECT * FROM events")
    events.chmod(0o444)
    tables = query(events, "SELECT name FROM sqlite_master")
    look(ledger, seen(v1=A), 10, events)
    assert (query(events, "SELECT * FROM events"), query(events, "SELECT name FROM sqlite_master")) == (before, tables)


def test_what_cannot_be_seen_is_unknown_and_stays_as_it_was(ledger: Ledger) -> None:
    look(ledger, seen(v1=A, v2=B), 1)
    for scan in (seen(v1=LOST, v2=B), seen(v1=LOST, v2=LOST), Scan({"app": LOST}), Scan({}, missing=LOST)):
        report = look(ledger, scan, 10)
        assert (report.records, report.exit_code) == ([], 3)
        assert report.gaps
    assert look(ledger, seen(v1=A, v2=B), 20).records == []


def test_a_registry_that_is_away_records_nothing(ledger: Ledger) -> None:
    def away() -> Scan:
        raise UnreachableError("nobody answers")

    with pytest.raises(UnreachableError):
        update(ledger, away)
    assert lines(ledger) == [BASELINE]


def test_a_version_that_moved_is_a_warning(ledger: Ledger) -> None:
    tags = {"1.0.0": A, "latest": A, "v2.0.0": A}
    look(ledger, seen(v1=A, **tags), 1)
    report = look(ledger, seen(v1=B, **tags | {"1.0.0": B, "latest": B}), 2)
    assert [one.change.tag for one in report.warnings] == ["1.0.0"]
    assert report.exit_code == 3


def test_a_version_that_moves_again_is_a_warning_once_a_day(ledger: Ledger) -> None:
    look(ledger, seen(v1=A, **{"1.0.0": A}), 1)
    codes = [
        look(ledger, seen(v1=A, **{"1.0.0": digest}), hour * 60).exit_code
        for hour, digest in ((1, B), (2, C), (11, A), (13, B), (14, C))
    ]
    assert codes == [3, 0, 0, 3, 0]
    since = views.changes_since(ledger, minutes(90))
    assert [one.time for one in since.warnings] == [minutes(13 * 60)]


def test_a_tag_that_moves_by_design_is_no_warning(ledger: Ledger) -> None:
    look(ledger, Scan({"app": {"1.4.0-SNAPSHOT": A, "1.4.0": A}, "mirror/alpine": {"3.22.1": A}}), 1, accept=True)
    report = look(ledger, Scan({"app": {"1.4.0-SNAPSHOT": B, "1.4.0": A}, "mirror/alpine": {"3.22.1": B}}), 2)
    assert ([one.kind for one in report.records], report.exit_code) == ([Kind.MOVED, Kind.MOVED], 0)


def test_most_tags_vanish_only_when_that_is_accepted_or_told(ledger: Ledger, events: Path) -> None:
    look(ledger, seen(v1=A, v2=A, v3=A), 1, events)
    with pytest.raises(VanishedError, match="2 of 3"):
        look(ledger, seen(v3=A), 2, events)
    assert ledger.state() == baseline(v1=A, v2=A, v3=A)
    tell(events, 3, "v1", None)
    assert len(look(ledger, seen(v2=A, v3=A), 4, events).records) == 1, "who deleted it is known"
    with pytest.raises(VanishedError):
        look(ledger, Scan({}), 5, events)
    assert len(look(ledger, Scan({}), 6, events, accept=True).records) == 2


def test_a_ledger_does_not_begin_with_half_of_the_registry(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "new.db")) as ledger:
        for scan in (Scan({"app": {"v1": A}}, missing=LOST), Scan({"app": LOST})):
            with pytest.raises(IncompleteError, match=r"no ledger was started.*the network is down.*--accept"):
                look(ledger, scan, 0)
        assert ledger.last_scan() == 0
        look(ledger, seen(v1=A, v2=LOST), 1)
        assert [one.kind for one in look(ledger, seen(v1=A, v2=B), 2).records] == [Kind.ADDED]


def test_a_look_that_another_run_overtook_is_not_recorded(ledger: Ledger, tmp_path: Path) -> None:
    def slow() -> Scan:
        with closing(Ledger(tmp_path / "changes.db")) as other:
            look(other, seen(v1=B), 10)
        return seen(v1=A)

    with pytest.raises(OvertakenError):
        update(ledger, slow)
    assert ledger.state() == baseline(v1=B)


STEPS = ("Ledger.transaction", "merge", "Ledger.append", "Ledger.keep_cursor", "Ledger.scanned", "repositories_changed")
KILLED = """
import os, signal, sys
from contextlib import closing
from pathlib import Path
import ops.tasks.changes.update as subject
from ops.tasks.changes.ledger import Ledger
from tests.ops.tasks.changes.ledger_samples import B, C, look, seen

owner, name = (subject, sys.argv[2]) if "." not in sys.argv[2] else (Ledger, sys.argv[2].partition(".")[2])
real = getattr(owner, name)

def killed(*given, **named):
    done = sys.argv[3] == "after" and real(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
    return done

folder = Path(sys.argv[1])
with closing(Ledger(folder / "changes.db")) as ledger:
    setattr(owner, name, killed)
    look(ledger, seen(v1=B, v2=C), 10, folder / "events.db")
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_is_killed_loses_nothing_and_doubles_nothing(
    ledger: Ledger, events: Path, tmp_path: Path, step: str, when: str
) -> None:
    look(ledger, seen(v1=A), 1, events)
    tell(events, 5, "v1", B)
    ledger.close()
    command = [sys.executable, "-c", KILLED, str(tmp_path), step, when]
    assert subprocess.run(command, cwd=PROJECT_FOLDER, check=False).returncode == -signal.SIGKILL
    with closing(Ledger(tmp_path / "changes.db")) as again:
        assert again.notice is None
        committed = step == "repositories_changed"
        assert len(again.after(1)) == (2 if committed else 0)
        tell(events, 5, "v1", B)  # and the registry tells it again
        look(again, seen(v1=B, v2=C), 20, events)
        assert lines(again) == [
            BASELINE,
            ("v1", B, Kind.MOVED, Source.EVENT, "robot"),
            ("v2", C, Kind.ADDED, Source.SCAN, None),
        ]
