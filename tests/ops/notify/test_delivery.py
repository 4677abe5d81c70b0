"""Delivery: in order, with backoff, late letters as one; a dead channel holds up no other, and clocks may jump."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.notify import backoff
from ops.notify.backoff import DELAYS_S, LONGEST_S
from ops.notify.delivery import Delivery, flush
from ops.notify.http import RefusedError, UnavailableError
from ops.notify.mailbox import Mailbox, names
from ops.notify.message import Letter
from ops.notify.outbox import Outbox, failing_file
from tests.ops.notify.notify_samples import DAY, HOUR, NOON, Clock, StandInService, gc_failed, letter, outbox

MINUTE = 60.0


def middle() -> float:
    return 0.5


class Post:
    """An outbox with the channel `phone`, its service, and the time."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.outbox: Outbox = outbox(folder)
        self.phone = StandInService()
        self.box: Mailbox = self.outbox.mailbox("phone")

    def post(self, *titles: str) -> None:
        for title in titles:
            self.outbox.post(letter(title, self.clock.now))

    def flush(self, draw: Callable[[], float] = middle) -> Delivery:
        return flush(self.outbox, {"phone": self.phone.send}, clock=self.clock, draw=draw)["phone"]

    def break_down(self, text: str = "no answer", retry_after_s: float | None = None) -> None:
        def trouble(_: Letter) -> None:
            raise UnavailableError(text, retry_after_s)

        self.phone.trouble = trouble

    @property
    def dead(self) -> dict[str, str]:
        return {stored.letter.message.title: stored.reason for _, stored in self.box.letters(self.box.dead)}


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


def test_letters_are_sent_once_and_in_order(post: Post) -> None:
    post.post("a", "b", "c")
    assert post.flush() == Delivery(sent=3)
    assert post.flush() == Delivery()
    assert post.phone.titles == ["a", "b", "c"]
    assert (len(names(post.box.new)), len(names(post.box.done))) == (0, 3)


def test_after_a_failure_the_channel_is_left_alone_for_longer_and_longer(post: Post) -> None:
    post.post("a", "b")
    post.break_down()
    tried: list[float] = []

    def trouble(_: Letter) -> None:
        tried.append(post.clock.now)
        raise UnavailableError("no answer")

    post.phone.trouble = trouble
    while post.clock.now < NOON + 12 * HOUR:
        result = post.flush()
        assert (result.sent, result.pending, result.problem) == (0, 2, "no answer")
        post.clock.now += MINUTE
    gaps = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert gaps == [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 4 * HOUR]
    post.phone.trouble = None
    post.clock.now += 4 * HOUR
    assert post.flush() == Delivery(sent=2)
    assert post.phone.titles == ["a", "b"]
    assert not failing_file(post.box).exists()
    post.post("c")
    post.break_down()
    assert post.flush().retry_at == post.clock.now + DELAYS_S[0], "the count begins anew"


@pytest.mark.parametrize("draw", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("failures", [1, 2, 3, 4, 5, 6, 100])
def test_waits_differ_a_little_from_host_to_host(draw: float, failures: int) -> None:
    before = backoff.Failing(failures - 1, NOON, NOON, "") if failures > 1 else None
    failing = backoff.failed(before, NOON, "", None, lambda: draw)
    expected = DELAYS_S[min(failures, 5) - 1]
    assert failing.retry_at - NOON == pytest.approx(expected * (0.8 + 0.4 * draw))
    assert failing.waits(NOON)
    assert not failing.waits(failing.retry_at)


@pytest.mark.parametrize(("asked", "kept"), [(0.0, 1.0), (7.0, 7.0), (7200.0, 7200.0), (1e9, LONGEST_S)])
def test_retry_after_is_kept_to_up_to_a_day(post: Post, asked: float, kept: float) -> None:
    post.post("a")
    post.break_down(retry_after_s=asked)
    retry_at = post.flush(draw=lambda: 0.0).retry_at
    assert retry_at == NOON + kept
    post.phone.trouble = None
    post.clock.now = retry_at - 0.5
    assert post.flush().sent == 0
    post.clock.now = retry_at
    assert post.flush().sent == 1


def test_a_refused_letter_is_dead_at_once_and_the_next_ones_are_sent(post: Post) -> None:
    def trouble(sent: Letter) -> None:
        if sent.message.title == "b":
            raise RefusedError("it answered 413")

    post.phone.trouble = trouble
    post.post("a", "b", "c")
    assert post.flush() == Delivery(sent=2, refused=1, problem="refused for good: it answered 413")
    assert post.phone.titles == ["a", "c"]
    assert post.dead == {"b": "it answered 413"}
    assert post.flush() == Delivery()


def test_a_dead_channel_does_not_hold_up_the_others(tmp_path: Path) -> None:
    box, good, damaged = outbox(tmp_path, "broken", "refusing", "damaged", "good"), StandInService(), StandInService()

    def down(_: Letter) -> None:
        raise UnavailableError("no answer")

    def refusing(_: Letter) -> None:
        raise RefusedError("it answered 401")

    box.post(letter("a"))
    (box.mailbox("damaged").folder / "done").write_text("a file in the place of a folder")
    senders = {"broken": down, "refusing": refusing, "damaged": damaged.send, "good": good.send}
    result = flush(box, senders, clock=Clock())
    assert {channel: one.sent for channel, one in result.items()} == {"broken": 0, "refusing": 0, "damaged": 0, "good": 1}
    assert result["damaged"].problem.startswith("the outbox: ")
    assert good.titles == ["a"]
    assert damaged.titles == [], "what cannot be noted as sent would be sent at each delivery"


def test_nothing_is_sent_if_it_could_not_be_recorded(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Mailbox) -> None:
        raise OSError(28, "No space left on device", "outbox/phone/done")

    post.post("a")
    with monkeypatch.context() as during:
        during.setattr(Mailbox, "prepare", full)
        assert post.flush().problem == "the outbox: outbox/phone/done: No space left on device"
    assert post.phone.titles == []
    assert post.flush() == Delivery(sent=1)


def test_late_letters_come_as_one_before_the_others(post: Post) -> None:
    post.post("monday")
    post.outbox.post(Letter(gc_failed(), NOON + 60))
    post.clock.now += 25 * HOUR
    post.post("today", "now")
    assert post.flush() == Delivery(sent=4)
    digest, *others = post.phone.got
    assert digest.message.title == "2 messages that could not be delivered earlier"
    assert digest.message.lines == (
        "2026-11-18 12:01 UTC error: Garbage collection failed",
        "2026-11-18 12:00 UTC info: monday",
    )
    assert [one.message.title for one in others] == ["today", "now"]
    assert post.flush() == Delivery()
    assert len(names(post.box.done)) == 4


def test_a_single_late_letter_stays_itself(post: Post) -> None:
    post.post("monday")
    post.clock.now += 2 * DAY
    assert post.flush().sent == 1
    assert post.phone.titles == ["monday"]
    assert post.phone.got[0].message.lines == ("Written at 2026-11-18 12:00 UTC.",)


def test_after_three_days_letters_are_given_up_and_mentioned_once_the_channel_is_back(post: Post) -> None:
    post.break_down()
    for day in range(5):
        post.post(f"day {day}")
        for _ in range(6):
            post.flush()
            post.clock.now += 4 * HOUR + 1
    assert list(post.dead) == ["day 0", "day 1"]
    assert post.dead["day 0"] == "not delivered within 72 h: no answer"
    assert post.outbox.status(post.clock.now)["phone"].dead == 2
    post.phone.trouble = None
    post.clock.now += DAY
    assert post.flush().sent == 5
    assert [line.split(": ")[1] for line in post.phone.got[0].message.lines] == [f"day {day}" for day in range(5)]
    assert post.dead == {}
    assert post.flush() == Delivery()


def test_a_refused_digest_is_not_retried_forever(post: Post) -> None:
    post.post("a", "b")
    post.clock.now += 4 * DAY
    post.break_down()
    post.flush()
    assert len(post.dead) == 2
    post.post("c")
    post.clock.now += HOUR

    def refuse(sent: Letter) -> None:
        if "delivered earlier" in sent.message.title:
            raise RefusedError("it answered 400")

    post.phone.trouble = refuse
    result = post.flush()
    assert (result.sent, result.refused, result.pending) == (1, 2, 0)
    assert set(post.dead.values()) == {"it answered 400"}
    post.post("d")
    assert post.flush() == Delivery(sent=1)


def test_a_host_that_was_off_for_long_tries_before_it_gives_up(post: Post) -> None:
    post.post("a", "b")
    post.clock.now += 30 * DAY
    assert post.flush() == Delivery(sent=2)


@pytest.mark.parametrize("jump", [-3650 * DAY, -25 * HOUR, -HOUR, HOUR, 25 * HOUR, 3650 * DAY])
def test_a_clock_that_jumps_neither_loses_nor_repeats(post: Post, jump: float) -> None:
    post.post("before")
    post.break_down()
    post.flush()
    post.clock.now += jump
    post.post("there")
    post.flush()
    post.clock.now = NOON + 2 * HOUR
    post.post("back")
    post.phone.trouble = None
    post.flush()
    post.clock.now += 5 * HOUR
    post.flush()
    told = "\n".join("\n".join((one.message.title, *one.message.lines)) for one in post.phone.got)
    assert [told.count(title) for title in ("before", "there", "back")] == [1, 1, 1]
    assert (names(post.box.new), post.dead) == ([], {})


def test_a_wait_recorded_by_a_wrong_clock_is_ignored(post: Post) -> None:
    post.clock.now = NOON + 3650 * DAY
    post.post("a")
    post.break_down()
    post.flush()
    post.clock.now = NOON
    post.phone.trouble = None
    assert post.flush().sent == 1


@pytest.mark.parametrize("content", ["", "{", '{"schema": 2}', '{"failures": "many"}', "[" * 100_000])
def test_an_unreadable_record_of_failures_costs_one_try(post: Post, content: str) -> None:
    post.post("a")
    failing_file(post.box).write_text(content)
    assert post.flush().sent == 1


def test_two_at_once_do_not_send_twice(post: Post) -> None:
    post.post("a", "b")
    meanwhile: list[Delivery] = []

    def trouble(sent: Letter) -> None:
        if sent.message.title == "a":
            post.phone.trouble = None
            meanwhile.append(post.flush())

    post.phone.trouble = trouble
    assert post.flush() == Delivery(sent=2)
    assert meanwhile == [Delivery(problem="another process is delivering right now")]
    assert post.phone.titles == ["a", "b"]


def test_a_slow_service_does_not_hold_up_the_task_forever(post: Post) -> None:
    post.post("a", "b", "c")
    result = flush(post.outbox, {"phone": post.phone.send}, clock=post.clock, limit_s=-1)["phone"]
    assert (result.sent, result.pending) == (0, 3)
    assert flush(post.outbox, {"phone": post.phone.send}, clock=post.clock)["phone"] == Delivery(sent=3)
