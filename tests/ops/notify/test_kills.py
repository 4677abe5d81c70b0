"""Killed with -9 at any step: every letter arrives, the next run continues, and a repeat has the same id."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.config.notify import AlertRules
from ops.core.process import run
from ops.notify.alerts import known, tell
from ops.notify.delivery import flush
from ops.notify.policy import AlertEvent
from tests.ops.notify.notify_samples import NOON, Clock, StandInService, gc_failed, outbox

RULES = AlertRules(digest_hour=None)

# Tells of two failures and delivers them to a file; kills itself right before or after the n-th call of a step.
PROGRAM = """
import sys
from pathlib import Path
from ops.notify import alerts, mailbox
from ops.notify.delivery import flush
from ops.notify.policy import AlertEvent
from ops.config.notify import AlertRules
from tests.ops.deadly import Deadly
from tests.ops.notify.notify_samples import NOON, Clock, gc_failed, outbox

folder, step, moment, number = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
deadly = Deadly(step, moment, number)

def send(letter):
    with (folder / "service").open("a") as service:
        service.write(f"{letter.message.fingerprint.subject} {letter.id}\\n")

alerts.write_atomic = deadly("state", alerts.write_atomic)
mailbox.write_atomic = deadly("letter", mailbox.write_atomic)
mailbox.Mailbox.finish = deadly("done", mailbox.Mailbox.finish)
events = [AlertEvent(gc_failed(subject=subject), ok=False) for subject in ("a", "b")]
alerts.tell(folder / "alerts.json", outbox(folder / "outbox"), events, NOON, AlertRules(digest_hour=None))
flush(outbox(folder / "outbox"), {"phone": deadly("send", send)}, clock=Clock())
"""

STEPS = [
    (step, moment, number) for step in ("state", "letter", "send", "done") for moment in ("before", "after") for number in (1, 2)
]


@pytest.mark.parametrize(("step", "moment", "number"), STEPS)
def test_nothing_is_lost_and_every_repeat_has_its_id(tmp_path: Path, step: str, moment: str, number: int) -> None:
    argv = [sys.executable, "-c", PROGRAM, str(tmp_path), step, moment, str(number)]
    ended = run(argv, timeout=60, cwd=PROJECT_FOLDER, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    service = tmp_path / "service"
    before = service.read_text().split("\n")[:-1] if service.exists() else []
    # The task runs again, as its timer does.
    box, phone = outbox(tmp_path / "outbox"), StandInService()
    events = [AlertEvent(gc_failed(subject=subject), ok=False) for subject in ("a", "b")]
    tell(tmp_path / "alerts.json", box, events, NOON + 60, RULES)
    flush(box, {"phone": phone.send}, clock=Clock(NOON + 60))
    after = [f"{one.message.fingerprint.subject} {one.id}" for one in phone.got if one.message.fingerprint]
    assert {line.split()[0] for line in (*before, *after)} == {"a", "b"}
    assert len({*before, *after}) == 2, "a repetition has the id that it had"
    repeated = step in {"send", "done"} and (step, moment) not in {("send", "before"), ("done", "after")}
    assert len(before) + len(after) == (3 if repeated else 2)
    assert [one.message.fingerprint.subject for one in known(tmp_path / "alerts.json").firing if one.message.fingerprint] == [
        "a",
        "b",
    ]
    assert not [path for path in tmp_path.rglob("*.json") if path.stat().st_size == 0]
