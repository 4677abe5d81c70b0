"""What a plan asks of upstream registries: real ones, behind a front that wants logins, limits, hangs and cuts."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ops.registry.client import Login
from ops.upstream import line
from ops.upstream.budget import Budget
from ops.upstream.client import Cause, Upstream, UpstreamError
from tests.ops.tasks.gc.gc_rig import MANIFEST, Client, Image, running
from tests.upstreams import Front

IMAGE = Image("planned")
TAGS = [f"v{number:02}" for number in range(12)]
RIGHT, WRONG = Login("robot", "secret"), Login("robot", "wrong")
pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A registry with two repositories, one of which has many tags."""
    with running(tmp_path_factory.mktemp("upstream")) as rig:
        assert rig.client.push("team/other", "v1", IMAGE).status_code == 201
        for tag in TAGS:
            assert rig.client.push("team/app", tag, IMAGE).status_code == 201
        yield rig.client


Fronts = Callable[..., Front]


@pytest.fixture
def front_of(registry: Client) -> Iterator[Fronts]:
    """Makes a running front of the registry."""
    with contextlib.ExitStack() as fronts:
        yield lambda **behaviour: fronts.enter_context(Front(registry.url, **behaviour).running())


class Waiting:
    """Waits without taking time, and knows how long it would have been."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)


def failed(ask: Callable[[], object]) -> UpstreamError:
    with pytest.raises(UpstreamError) as error:
        ask()
    return error.value


class TestWhatItHas:
    """Tags, repositories, heads and manifests."""

    def test_tags_and_repositories_come_in_pages(self, front_of: Fronts) -> None:
        front = front_of(page=5)
        for links_to in ("", front.address):
            front.links_to = links_to
            assert Upstream(front.address).tags("team/app") == TAGS
        assert front.counted("GET", "/tags/list") == 2 * 3
        upstream = Upstream(front_of().address)
        assert upstream.tags("team/app") == TAGS
        assert upstream.repositories() == ["team/app", "team/other"]

    def test_a_page_elsewhere_is_not_asked_for(self, front_of: Fronts) -> None:
        other = front_of()
        front = front_of(page=5, links_to=other.address)
        error = failed(lambda: Upstream(front.address).tags("team/app"))
        assert (error.cause, other.requests) == (Cause.UNUSABLE, [])
        assert "next page, which was not followed" in str(error)

    def test_a_head_is_no_pull_and_a_manifest_is_one(self, front_of: Fronts) -> None:
        front = front_of(budget=Budget(100, 54, 21600))
        upstream = Upstream(front.address)
        unasked = upstream.budget
        head = upstream.head("team/app", "v01")
        assert (head.digest, head.media_type, head.size) == (IMAGE.digest, MANIFEST, len(IMAGE.manifest))
        assert (unasked, upstream.budget) == (None, Budget(100, 54, 21600))
        for reference in ("v01", IMAGE.digest):
            manifest = upstream.manifest("team/app", reference)
            assert (manifest.content, manifest.media_type, manifest.digest) == (IMAGE.manifest, MANIFEST, IMAGE.digest)
        assert (upstream.budget, front.pulls) == (Budget(100, 52, 21600), 2)

    def test_who_tells_no_digest_is_pulled_from(self, front_of: Fronts) -> None:
        front = front_of(digests=False)
        head = Upstream(front.address).head("team/app", "v01")
        assert (head.digest, head.media_type, head.size, front.pulls) == (IMAGE.digest, MANIFEST, len(IMAGE.manifest), 1)

    def test_what_is_missing_is_told(self, front_of: Fronts) -> None:
        front = front_of()
        upstream = Upstream(front.address)
        for ask, said in [
            (lambda: upstream.tags("team/typo"), "no such repository: team/typo"),
            (lambda: upstream.head("team/app", "v99"), "no such image: team/app:v99"),
            (lambda: upstream.manifest("team/app", "v99"), "no such image: team/app:v99"),
            (lambda: upstream.manifest("team/app", f"sha256:{'0' * 64}"), f"no such image: team/app@sha256:{'0' * 64}"),
        ]:
            error = failed(ask)
            assert (str(error), error.cause, error.passes) == (f"{front.address}: {said}", Cause.MISSING, False)


class TestLogins:
    """Accounts and tokens."""

    def test_a_token_is_asked_for_once_per_repository(self, front_of: Fronts) -> None:
        front = front_of(token=True, login=("robot", "secret"))
        upstream = Upstream(front.address, RIGHT)
        for repository in ("team/app", "team/app", "team/other"):
            upstream.tags(repository)
        assert upstream.head("team/app", "v01").digest == IMAGE.digest
        assert upstream.repositories() == ["team/app", "team/other"]
        assert front.counted("GET", "/token") == len(front.logins) == 3
        # It has to be told once only that tokens are wanted.
        assert len(front.requests) == 5 + 3 + 1

    def test_a_token_is_renewed_when_it_expires_and_when_it_is_refused(self, front_of: Fronts) -> None:
        front = front_of(token=True)
        upstream = Upstream(front.address)
        upstream.tags("team/app")
        front.forget_tokens()
        upstream.tags("team/app")
        assert (front.counted("GET", "/token"), front.counted("GET", "/tags/")) == (2, 4)
        front.token_life_s = 5  # less than the time in which one is renewed
        front.forget_tokens()
        for _ in range(3):
            upstream.tags("team/app")
        assert (front.counted("GET", "/token"), front.counted("GET", "/tags/")) == (5, 8)

    @pytest.mark.parametrize(("wants", "status"), [("token", 401), ("token", 403), ("basic", 401)])
    def test_a_wrong_account_is_tried_once_however_many_ask(self, wants: str, status: int, front_of: Fronts) -> None:
        front = front_of(**{wants: True}, login=("robot", "secret"), account_status=status, latency_s=0.02)
        upstream = Upstream(front.address, WRONG)
        with ThreadPoolExecutor(12) as threads:
            errors = list(threads.map(lambda tag: failed(lambda: upstream.head("team/app", tag)), TAGS))
        assert {(str(one), one.cause) for one in errors} == {
            (f"{front.address} refuses the account robot ({status})", Cause.REFUSED)
        }
        # A 403 may be about the repository: the account is then asked about alone.
        assert front.logins == ["robot"] * (1 if status == 401 else 2)
        asked = len(front.requests)
        assert failed(lambda: upstream.tags("team/other")).cause is Cause.REFUSED
        assert len(front.requests) == asked

    @pytest.mark.parametrize("wants", [{"token": True}, {"basic": True, "anonymous": False}, {}])
    def test_what_is_denied_may_not_exist_and_is_no_fault_of_the_account(self, wants: dict[str, bool], front_of: Fronts) -> None:
        login = RIGHT if wants else None
        front = front_of(**wants, login=("robot", "secret"), private={"team/typo"})
        upstream = Upstream(front.address, login)
        error = failed(lambda: upstream.tags("team/typo"))
        who = "robot may not pull it" if login else "needs a login"
        assert f"{front.address}: team/typo does not exist, or {who} (40" in str(error)
        assert (error.cause, error.passes) == (Cause.REFUSED, False)
        assert upstream.tags("team/app") == TAGS

    def test_who_gives_no_token_for_a_repository_may_take_the_account(self, front_of: Fronts) -> None:
        front = front_of(token=True, login=("robot", "secret"), untold={"team/typo"})
        upstream = Upstream(front.address, RIGHT)
        assert "team/typo does not exist, or robot may not pull it (403)" in str(failed(lambda: upstream.tags("team/typo")))
        assert upstream.tags("team/app") == TAGS
        anonymous = Upstream(front.address)
        assert "team/app does not exist, or needs a login (401)" in str(failed(lambda: anonymous.tags("team/app")))


class TestLimits:
    """The two kinds of 429."""

    def test_used_up_pulls_are_told_at_once(self, front_of: Fronts) -> None:
        front, waiting = front_of(budget=Budget(100, 1, 21600)), Waiting()
        upstream = Upstream(front.address, pause=waiting)
        upstream.manifest("team/app", "v01")
        error = failed(lambda: upstream.manifest("team/app", "v02"))
        assert (error.cause, error.passes, waiting.pauses) == (Cause.LIMITED, True, [])
        assert "the pull rate limit is reached" in str(error)
        assert upstream.budget == Budget(100, 0, 21600)
        assert upstream.head("team/app", "v02").digest == IMAGE.digest

    def test_who_was_too_fast_waits_as_told_and_goes_on(self, front_of: Fronts) -> None:
        front, waiting = front_of(busy=2, retry_after="3"), Waiting()
        assert Upstream(front.address, pause=waiting).tags("team/app") == TAGS
        assert waiting.pauses == [3, 3]
        front, waiting = front_of(busy=3), Waiting()
        assert Upstream(front.address, pause=waiting).head("team/app", "v01").digest == IMAGE.digest
        assert waiting.pauses == [1, 1, 2]

    @pytest.mark.parametrize(("told", "pauses"), [("600", []), ("11", [11, 11]), ("", [1, 1, 2, 4, 8])])
    def test_nobody_waits_for_longer_than_half_a_minute(self, told: str, pauses: list[float], front_of: Fronts) -> None:
        front, waiting = front_of(busy=1000, retry_after=told), Waiting()
        upstream = Upstream(front.address, pause=waiting)
        error = failed(lambda: upstream.tags("team/app"))
        assert (error.cause, error.retry_after_s, waiting.pauses) == (Cause.LIMITED, float(told) if told else None, pauses)
        assert "too many requests were sent from here" in str(error)
        asked = len(front.requests)
        assert str(failed(lambda: upstream.tags("team/other"))) == str(error)
        assert len(front.requests) == asked

    def test_a_time_to_wait_may_be_a_date(self, front_of: Fronts) -> None:
        at = datetime.now(UTC) + timedelta(hours=1)
        front = front_of(busy=1, retry_after=format_datetime(at, usegmt=True))
        error = failed(lambda: Upstream(front.address).tags("team/app"))
        assert error.retry_after_s == pytest.approx(3600, abs=30)

    def test_a_token_service_that_limits_hides_no_repository(self, front_of: Fronts) -> None:
        front = front_of(token=True, busy_tokens=1000, retry_after="60")
        assert failed(lambda: Upstream(front.address).tags("team/app")).cause is Cause.LIMITED


class TestAway:
    """Registries that do not answer, or not in full."""

    def test_a_hanging_registry_costs_all_entries_one_timeout(self, front_of: Fronts, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(line, "READ_LIMIT_S", 0.5)
        front = front_of(hang={"/"})
        upstream = Upstream(front.address)
        started = time.monotonic()
        with ThreadPoolExecutor(20) as threads:
            errors = list(threads.map(lambda number: failed(lambda: upstream.tags(f"team/{number}")), range(130)))
        assert time.monotonic() - started < 2
        assert {(str(one), one.cause, one.passes) for one in errors} == {(f"{front.address}: timed out", Cause.AWAY, True)}
        assert len(front.requests) <= line.CONNECTIONS

    def test_a_hanging_token_service_is_a_hanging_registry(self, front_of: Fronts, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(line, "READ_LIMIT_S", 0.3)
        front = front_of(token=True, hang={"/token"})
        upstream = Upstream(front.address)
        assert failed(lambda: upstream.tags("team/app")).cause is Cause.AWAY
        assert failed(lambda: upstream.tags("team/other")).cause is Cause.AWAY
        assert len(front.requests) == 2

    def test_a_blob_may_come_late(self, front_of: Fronts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(line, "READ_LIMIT_S", 0.1)
        front = front_of(latency_s=0.3)
        Upstream(front.address).fetch("team/app", IMAGE.digest, tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == IMAGE.manifest
        assert failed(lambda: Upstream(front.address).head("team/app", "v01")).cause is Cause.AWAY

    def test_one_that_cannot_be_reached_is_tried_once(self) -> None:
        upstream = Upstream("127.0.0.1:9")
        errors = [failed(lambda: upstream.tags("team/app")) for _ in range(2)]
        assert {(str(one), one.cause) for one in errors} == {("127.0.0.1:9: Connection refused", Cause.AWAY)}

    @pytest.mark.parametrize("trouble", ["resets", "failing"])
    def test_a_passing_trouble_is_passed_over_once(self, trouble: str, front_of: Fronts) -> None:
        front = front_of(**{trouble: 1})
        upstream = Upstream(front.address, pause=Waiting())
        assert upstream.tags("team/app") == TAGS
        setattr(front, trouble, 2)
        assert failed(lambda: upstream.tags("team/app")).cause is Cause.AWAY
        assert upstream.tags("team/app") == TAGS

    def test_an_answer_that_is_cut_is_no_answer(self, front_of: Fronts, tmp_path: Path) -> None:
        front = front_of(cut_after=50)
        upstream = Upstream(front.address, pause=Waiting())
        for ask in (
            lambda: upstream.tags("team/app"),
            lambda: upstream.manifest("team/app", "v01"),
            lambda: upstream.fetch("team/app", IMAGE.digest, tmp_path / "fetched"),
        ):
            assert failed(ask).cause is Cause.AWAY
        assert list(tmp_path.iterdir()) == []


def test_six_connections_serve_all_threads(front_of: Fronts) -> None:
    front = front_of(token=True, latency_s=0.02)
    upstream = Upstream(front.address)
    barrier = threading.Barrier(24)

    def ask(number: int) -> str:
        barrier.wait()
        return [upstream.head("team/app", tag).digest for tag in TAGS][number % len(TAGS)]

    with ThreadPoolExecutor(24) as threads:
        assert set(threads.map(ask, range(24))) == {IMAGE.digest}
    assert (front.busiest, front.connections) == (6, 6)
    assert front.counted("GET", "/token") == 1
