"""A registry with a certificate of a private authority: who is told of it trusts it, in the planner and in regsync."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.core.process import run
from ops.tasks.sync.configuration import configuration
from ops.tasks.sync.model import Job
from ops.upstream.client import Cause, Upstream, UpstreamError, has_tls
from tests.ops.tasks.gc.gc_rig import Image, Rig, running
from tests.ops.tasks.sync.entries_for_tests import entry, seen
from tests.private_authority import Authority, authority
from tests.real_programs import go_binary

IMAGE = Image("behind a private authority")


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, trusted: Authority) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("registry"), certificate=trusted.server) as rig:
        assert rig.client.push("team/app", "v1", IMAGE).status_code == 201
        yield rig


def named(rig: Rig) -> str:
    return rig.client.url.removeprefix("https://")


@pytest.mark.system
class TestRealRegistry:
    """Distribution with TLS."""

    def test_the_planner_trusts_who_is_named(self, registry: Rig, trusted: Authority, tmp_path: Path) -> None:
        upstream = Upstream(named(registry), ca=trusted.certificate)
        assert upstream.tags("team/app") == ["v1"]
        upstream.fetch("team/app", IMAGE.digest, tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == IMAGE.manifest

    def test_a_private_authority_may_lack_what_python_since_3_13_wants_of_public_ones(
        self, registry: Rig, trusted: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = ssl.create_default_context

        def strict() -> ssl.SSLContext:
            context = made()
            context.verify_flags |= ssl.VERIFY_X509_STRICT
            return context

        monkeypatch.setattr(ssl, "create_default_context", strict)
        assert Upstream(named(registry), ca=trusted.certificate).tags("team/app") == ["v1"]

    def test_the_planner_trusts_nobody_else(self, registry: Rig, tmp_path: Path) -> None:
        with pytest.raises(UpstreamError, match="certificate") as caught:
            Upstream(named(registry), ca=authority(tmp_path).certificate).tags("team/app")
        assert caught.value.cause is Cause.UNUSABLE

    def test_regsync_trusts_who_is_named(self, registry: Rig, trusted: Authority, tmp_path: Path) -> None:
        with running(tmp_path) as target:
            assert copied(registry, target, trusted.certificate) == ""
            here = Upstream(target.client.url.removeprefix("http://"))
            assert here.manifest("team/app", "v1").content == IMAGE.manifest

    def test_regsync_trusts_nobody_else(self, registry: Rig, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        with running(tmp_path) as target:
            assert "unknown authority" in copied(registry, target, authority(tmp_path / "other").certificate)


def copied(source: Rig, target: Rig, certificate: str) -> str:
    """Have the real regsync copy the image; return what it complains of."""
    name = target.client.url.removeprefix("http://")
    one = entry(source=f"{named(source)}/team/app", target="team/app")
    text = configuration(
        [Job(one, seen("v1", IMAGE.digest), None)],
        target=name,
        parallel=1,
        tls=has_tls(named(source), certificate),
        ca=certificate,
    )
    document = json.loads(text)
    del document["creds"][0]["user"], document["creds"][0]["pass"]  # the target lets everybody push
    file = target.folder / "regsync.json"
    file.write_text(json.dumps(document))
    done = run([go_binary("regsync"), "once", "--config", file, "--logopt", "json"], timeout=60, check=False)
    return "" if done.returncode == 0 else done.stderr or "it failed"


def test_a_registry_that_somebody_vouches_for_has_tls_wherever_it_is() -> None:
    assert [has_tls("localhost:5000"), has_tls("localhost:5000", "PEM"), has_tls("quay.io")] == [False, True, True]
