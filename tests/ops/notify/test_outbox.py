"""Letters on disk: kept before a task reports success, in order, each once, and never a reason to crash."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from ops.config.notify import Severity
from ops.core.process import run
from ops.notify import mailbox as subject
from ops.notify.mailbox import Mailbox, names
from ops.notify.message import Letter, Message
from ops.notify.outbox import Outbox, OutboxError
from tests.ops.notify.notify_samples import DAY, HOUR, NOON, gc_failed, letter, outbox


def titles(box: Mailbox, folder: Path | None = None) -> list[str]:
    return [stored.letter.message.title for _, stored in box.letters(folder or box.new)]


def test_a_letter_comes_back_as_it_was_posted(tmp_path: Path) -> None:
    posted = outbox(tmp_path).post(Letter(gc_failed(), NOON))
    ((name, stored),) = Mailbox(tmp_path / "phone").letters(tmp_path / "phone" / "new")
    assert stored.letter == posted
    assert len(posted.id) == 8
    assert name == f"001795003200000-{posted.id}.json"
    path = tmp_path / "phone" / "new" / name
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["schema"] == 1


def test_odd_text_survives_the_disk(tmp_path: Path) -> None:
    posted = outbox(tmp_path).post(Letter(Message("\ud83d 👍 \0", ("\udcff",)), NOON))
    ((_, stored),) = Mailbox(tmp_path / "phone").letters(tmp_path / "phone" / "new")
    assert stored.letter == posted


def test_channels_get_what_is_bad_enough_for_them(tmp_path: Path) -> None:
    box = Outbox(tmp_path, {"phone": Severity.INFO, "pager": Severity.ERROR})
    box.post(letter("news"))
    box.post(Letter(gc_failed(), NOON))
    assert titles(box.mailbox("phone")) == ["news", "Garbage collection failed"]
    assert titles(box.mailbox("pager")) == ["Garbage collection failed"]


def test_posting_the_same_letter_again_changes_nothing_wherever_it_is(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    posted = box.post(letter("once"))
    (name,) = names(box.mailbox("phone").new)
    box.post(posted)
    box.mailbox("phone").finish(name, box.mailbox("phone").new)
    box.post(posted)
    assert (titles(box.mailbox("phone")), names(box.mailbox("phone").done)) == ([], [name])


@pytest.mark.parametrize("jump", [0, 0.0004, -HOUR, -3650 * DAY, 3650 * DAY])
def test_the_order_is_that_of_posting_whatever_the_clock_does(tmp_path: Path, jump: float) -> None:
    box = outbox(tmp_path)
    for number in range(5):
        box.post(letter(str(number), NOON + number * jump))
    assert titles(box.mailbox("phone")) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"schema": 2}', b'{"letter": {"message": {"title": 3}, "at": 1, "id": ""}}'],
)
def test_unreadable_files_are_put_aside(tmp_path: Path, content: bytes) -> None:
    box = outbox(tmp_path)
    box.post(letter("good"))
    bad = box.mailbox("phone").new / "000000000000001-bad.json"
    bad.write_bytes(content)
    assert titles(box.mailbox("phone")) == ["good"]
    assert (box.mailbox("phone").unreadable / bad.name).read_bytes() == content
    assert titles(box.mailbox("phone")) == ["good"]


def test_a_format_of_the_future_is_put_aside_not_misread(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.post(letter("good"))
    (name,) = names(box.mailbox("phone").new)
    path = box.mailbox("phone").new / name
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 2}))
    assert titles(box.mailbox("phone")) == []
    assert names(box.mailbox("phone").unreadable) == [name]


def test_temporary_files_of_killed_writers_are_ignored(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.post(letter("good"))
    (box.mailbox("phone").new / ".000000000000001-x.json.abc.tmp").write_text("{")
    assert titles(box.mailbox("phone")) == ["good"]


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "NEW_KEPT", 3)
    monkeypatch.setattr(subject, "DONE_KEPT", 2)
    monkeypatch.setattr(subject, "DEAD_KEPT", 2)
    box, phone = outbox(tmp_path), outbox(tmp_path).mailbox("phone")
    for number in range(8):
        box.post(letter(str(number), NOON + number))
    assert titles(phone) == ["5", "6", "7"]
    phone.prune(NOON + 10)
    dead = [stored for _, stored in phone.letters(phone.dead)]
    assert [stored.letter.message.title for stored in dead] == ["3", "4"]
    assert all(stored.given_up and stored.reason == "more than 3 messages were waiting" for stored in dead)
    for name in names(phone.new):
        phone.finish(name, phone.new)
    phone.prune(NOON + 10)
    assert titles(phone, phone.done) == ["6", "7"]
    phone.prune(NOON + 8 * DAY)
    assert titles(phone, phone.done) == []
    assert titles(phone, phone.dead) == ["3", "4"], "age alone loses no dead letter"


def test_dead_letters_can_be_tried_again(tmp_path: Path) -> None:
    box, phone = outbox(tmp_path), outbox(tmp_path).mailbox("phone")
    box.post(letter("a"))
    box.post(letter("b"))
    for name in names(phone.new):
        phone.bury(name, phone.new, "401")
    assert (titles(phone), titles(phone, phone.dead)) == ([], ["a", "b"])
    assert phone.revive() == 2
    assert (titles(phone), titles(phone, phone.dead)) == (["a", "b"], [])


def test_the_status_tells_how_long_letters_wait(tmp_path: Path) -> None:
    box = outbox(tmp_path, "phone", "pager")
    box.post(letter("a"))
    box.post(letter("b", NOON + HOUR))
    (name, _) = names(box.mailbox("pager").new)
    box.mailbox("pager").bury(name, box.mailbox("pager").new, "401")
    status = box.status(NOON + 2 * HOUR)
    assert (status["phone"].pending, status["phone"].oldest_s, status["phone"].dead) == (2, 2 * HOUR, 0)
    assert (status["pager"].pending, status["pager"].oldest_s, status["pager"].dead) == (1, HOUR, 1)
    assert status["phone"].failing is None


@pytest.mark.parametrize(("error", "code"), [(errno.ENOSPC, 14), (errno.EDQUOT, 14), (errno.EROFS, 1), (errno.EACCES, 1)])
def test_a_letter_that_cannot_be_stored_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, code: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(subject, "write_atomic", refuse)
    with pytest.raises(OutboxError, match=f"cannot store a message for phone in {tmp_path}: .*; .*run the task again") as caught:
        outbox(tmp_path).post(letter("a"))
    assert caught.value.exit_code == code


@pytest.mark.system
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_really_full_disk_loses_no_letter(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], timeout=30)
    try:
        box = outbox(place)
        letters = [Letter(replace(gc_failed(), title=str(number)), NOON) for number in range(1000)]
        posted: list[Letter] = []
        with pytest.raises(OutboxError, match="No space left on device; free some space") as caught:
            posted.extend(box.post(one) for one in letters)
        assert caught.value.exit_code == 14
        assert len(posted) > 10
        kept = [str(number) for number in range(len(posted))]
        assert titles(box.mailbox("phone")) == kept
        assert not list(box.mailbox("phone").new.glob(".*")), "nothing half-written stays"
        (filler := box.mailbox("phone").new / names(box.mailbox("phone").new)[-1]).unlink()
        box.post(letter("again"))
        assert titles(box.mailbox("phone")) == [*kept[:-1], "again"]
        assert not filler.exists()
    finally:
        run(["umount", place], timeout=30)
