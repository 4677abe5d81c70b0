"""One token for several repositories, of services that give such, and of those that do not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ops.registry.client import Login
from ops.upstream.client import Cause, Upstream, UpstreamError
from tests.ops.tasks.gc.gc_rig import Image, running
from tests.upstreams import Front

NAMES = [f"team/app{number:02}" for number in range(20)]
RIGHT, WRONG = Login("robot", "secret"), Login("robot", "wrong")
pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("tokens")) as rig:
        for name in NAMES:
            assert rig.client.push(name, "v1", Image("any")).status_code == 201
        yield rig.client.url


@pytest.fixture
def front(url: str) -> Iterator[Front]:
    with Front(url, token=True, login=("robot", "secret")).running() as front:
        yield front


def listed(front: Front, login: Login = RIGHT) -> list[list[str] | Cause]:
    """Return the tags of all repositories, or why there are none, as six threads get them."""
    upstream = Upstream(front.address, login)
    upstream.expect(NAMES)

    def tags(name: str) -> list[str] | Cause:
        try:
            return upstream.tags(name)
        except UpstreamError as error:
            return error.cause

    with ThreadPoolExecutor(6) as threads:
        return list(threads.map(tags, NAMES))


def test_one_token_does_for_many_repositories(front: Front) -> None:
    front.scopes = 100
    assert listed(front) == [["v1"]] * 20
    assert front.counted("GET", "/token") == 2


@pytest.mark.parametrize("one_scope", [True, False])
def test_who_gives_none_for_many_is_asked_for_each(front: Front, *, one_scope: bool) -> None:
    front.one_scope = one_scope
    # Again and again: six threads find out at once, each at its own moment.
    for latency_s in (0.0, 0.005, 0.02, 0.0, 0.005, 0.02):
        front.latency_s, front.requests = latency_s, []
        assert listed(front) == [["v1"]] * 20
        # Those in vain end after three of them, beside which five more may be under way.
        assert 20 <= front.counted("GET", "/token") <= 20 + 8


@pytest.mark.parametrize("denied", ["private", "untold"])
def test_one_that_is_denied_takes_no_token_from_the_others(front: Front, denied: str) -> None:
    front.scopes = 100
    getattr(front, denied).add(NAMES[3])
    assert listed(front) == [["v1"]] * 3 + [Cause.REFUSED] + [["v1"]] * 16


def test_a_wrong_account_is_tried_once(front: Front) -> None:
    front.scopes = 100
    assert listed(front, WRONG) == [Cause.REFUSED] * 20
    assert front.logins == ["robot"]


def test_a_joint_token_is_renewed_when_it_has_expired(front: Front) -> None:
    front.scopes, front.token_life_s = 100, 5  # less than the time in which one is renewed
    upstream = Upstream(front.address, RIGHT)
    upstream.expect(NAMES[:2])
    for _ in range(2):
        assert [upstream.tags(name) for name in NAMES[:2]] == [["v1"]] * 2
    front.token_life_s = 300
    front.forget_tokens()
    assert [upstream.tags(name) for name in NAMES[:2]] == [["v1"]] * 2
