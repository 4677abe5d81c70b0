"""Content is fetched from real registries, open ones and such that want a login, and from fronts that behave as some do."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from ops.config import Access
from ops.registry.client import Login
from ops.upstream.client import Upstream, UpstreamError
from tests.ops.gateway.gateway_rig import PASSWORDS, running_anew
from tests.ops.gateway.registry_rig import EMPTY, Registry, running_registry
from tests.ops.tasks.gc.gc_rig import Image, digest_of, running
from tests.ops.upstream.front import running_front
from tests.real_programs import registry_binary

IMAGE = Image("upstream")
LAYER = max(IMAGE.blobs, key=len)
CONTENT = b"what a blob has"
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


def named(url: str) -> str:
    """A registry as images name it."""
    return url.removeprefix("http://")


@pytest.fixture(scope="module")
def behind_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry whose token service lets nobody pull without an account."""
    folder = tmp_path_factory.mktemp("tokens")
    with (
        running_anew(folder, anonymous=(Access(repositories="public/**", actions=("pull",)),)) as gateway,
        running_registry(registry_binary(), folder, gateway.url, behind_edge=False) as registry,
    ):
        for repository in ("ci/app", "public/app"):
            token = registry.token(f"repository:{repository}:pull,push", "admin")
            assert registry.push(repository, "v1", token).status_code == 201
        yield registry


@pytest.mark.system
class TestRealRegistries:
    """Distribution, as an upstream."""

    def test_an_open_one_gives_blobs_and_manifests(self, tmp_path: Path) -> None:
        with running(tmp_path) as rig:
            assert rig.client.push("team/app", "v1", IMAGE).status_code == 201
            upstream, file = Upstream(named(rig.client.url)), tmp_path / "fetched"
            upstream.fetch("team/app", digest_of(LAYER), file)
            assert file.read_bytes() == LAYER
            upstream.fetch("team/app", digest_of(IMAGE.manifest), file)
            assert file.read_bytes() == IMAGE.manifest
            with pytest.raises(UpstreamError, match="team/app does not have it any more"):
                upstream.fetch("team/app", DIGEST, file)
            assert not file.exists()

    def test_one_that_wants_a_password_is_given_it(self, tmp_path: Path) -> None:
        (tmp_path / "users").write_bytes(b"robot:" + bcrypt.hashpw(b"secret", bcrypt.gensalt(4)) + b"\n")
        with running(tmp_path, settings={"auth": {"htpasswd": {"realm": "tested", "path": str(tmp_path / "users")}}}) as rig:
            rig.client.http.auth = ("robot", "secret")
            assert rig.client.push("team/app", "v1", IMAGE).status_code == 201
            name, file = named(rig.client.url), tmp_path / "fetched"
            Upstream(name, Login("robot", "secret")).fetch("team/app", digest_of(LAYER), file)
            assert file.read_bytes() == LAYER
            with pytest.raises(UpstreamError, match="wants a login, and none is set"):
                Upstream(name).fetch("team/app", digest_of(LAYER), file)
            with pytest.raises(UpstreamError, match="401"):
                Upstream(name, Login("robot", "wrong")).fetch("team/app", digest_of(LAYER), file)

    def test_one_with_a_token_service_is_asked_with_a_token(self, behind_tokens: Registry, tmp_path: Path) -> None:
        name, file = named(behind_tokens.url), tmp_path / "fetched"
        Upstream(name, Login("admin", PASSWORDS["admin"])).fetch("ci/app", EMPTY, file)
        assert file.read_bytes() == b"{}"
        Upstream(name).fetch("public/app", EMPTY, file)
        with pytest.raises(UpstreamError, match="refuses the account admin"):
            Upstream(name, Login("admin", "wrong")).fetch("ci/app", EMPTY, file)
        with pytest.raises(UpstreamError, match=name):
            Upstream(name).fetch("ci/app", EMPTY, file)
        assert not file.exists()


def test_who_is_sent_on_to_another_server_takes_no_account_along(tmp_path: Path) -> None:
    file = tmp_path / "fetched"
    with running_front(lambda _: (200, {}, CONTENT)) as storage:
        challenge = {"WWW-Authenticate": 'Basic realm="tested"'}

        def answers(_: str) -> tuple[int, dict[str, str], bytes]:
            if not registry.asked[-1][1]:
                return 401, challenge, b""
            return 307, {"Location": f"http://{storage.name}/signed?by=them"}, b""

        with running_front(answers) as registry:
            Upstream(registry.name, Login("robot", "secret")).fetch("team/app", DIGEST, file)
    assert file.read_bytes() == CONTENT
    assert [authorization != "" for _, authorization in registry.asked] == [False, True]
    assert storage.asked == [("/signed?by=them", "")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {}, b"something else"), "gave other content"),
        ((200, {"Content-Length": "1000"}, CONTENT), "IncompleteRead|closed|other content|bytes"),
        ((429, {}, b""), "too many requests were sent from here"),
        ((500, {}, b""), "answered 500"),
        ((307, {"Location": "http://192.0.2.1/blob"}, b""), "which was not followed: it has no TLS"),
        ((307, {"Location": "/again"}, b""), "on and on"),
        ((307, {}, b""), "on and on"),
        ((401, {}, b""), "wants a login"),
        ((401, {"WWW-Authenticate": 'Bearer realm="http://192.0.2.1/token"'}, b""), "which was not followed: it has no TLS"),
    ],
)
def test_what_goes_wrong_there_is_named_and_leaves_no_file(
    answer: tuple[int, dict[str, str], bytes], said: str, tmp_path: Path
) -> None:
    with running_front(lambda _: answer) as front, pytest.raises(UpstreamError, match=said) as error:
        Upstream(front.name, pause=lambda _: None).fetch("team/app", DIGEST, tmp_path / "fetched")
    assert front.name in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("body", [b"[]", b"{}", b"no JSON", b'"text"'])
def test_a_token_service_that_gives_none_is_named(body: bytes, tmp_path: Path) -> None:
    def answers(path: str) -> tuple[int, dict[str, str], bytes]:
        if path.startswith("/token"):
            return 200, {}, body
        return 401, {"WWW-Authenticate": f'Bearer realm="http://{front.name}/token?a=1",service="x"'}, b""

    with running_front(answers) as front, pytest.raises(UpstreamError, match="gave no token"):
        Upstream(front.name).fetch("team/app", DIGEST, tmp_path / "fetched")
    assert front.asked[-1][0] == "/token?a=1&scope=repository%3Ateam%2Fapp%3Apull&service=x"


def test_a_registry_that_is_away_is_named(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match=r"127\.0\.0\.1:9: Connection refused"):
        Upstream("127.0.0.1:9").fetch("team/app", DIGEST, tmp_path / "fetched")


def test_a_registry_on_another_machine_is_asked_by_tls(tmp_path: Path) -> None:
    with running_front(lambda _: (200, {}, CONTENT)) as front:
        port = front.name.partition(":")[2]
        Upstream(f"localhost:{port}").fetch("team/app", DIGEST, tmp_path / "fetched")
        # A name that only resolves to an address of this machine may lead elsewhere tomorrow.
        with pytest.raises(UpstreamError, match=socket.gethostname()):
            Upstream(f"{socket.gethostname()}:{port}").fetch("team/app", DIGEST, tmp_path / "fetched")
    assert len(front.asked) == 1
