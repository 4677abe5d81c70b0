"""A private registry as an upstream: with a login of its own, and a certificate that only the company trusts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infra.paths import cache_folder
from ops.catalogue.entry import Verification
from ops.stack.mirror import cosign_of, upstream_of
from ops.tasks.sync.model import EntryState
from ops.upstream.cosign import UnverifiedError
from tests.ops.tasks.gc.gc_rig import Image, Rig, running
from tests.ops.tasks.sync.mirror_rig import HERE, running_mirror
from tests.private_authority import Authority, authority
from tools.offline.tools import ensure_cosign

pytestmark = pytest.mark.system

IMAGE = Image("of the company")


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, trusted: Authority) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("company")
    (folder / "users").write_bytes(b"robot:" + bcrypt.hashpw(b"hunter2", bcrypt.gensalt(4)) + b"\n")
    settings = {"auth": {"htpasswd": {"realm": "company", "path": str(folder / "users")}}}
    with running(folder, settings=settings, certificate=trusted.server) as rig:
        rig.client.http.auth = ("robot", "hunter2")
        assert rig.client.push("team/app", "v1", IMAGE).status_code == 201
        yield rig


def test_it_is_mirrored_from(company: Rig, trusted: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = company.client.url.removeprefix("https://")
    logins, authorities = {name: ("robot", "hunter2")}, {name: trusted.certificate}
    with running_mirror(tmp_path, [], logins=logins, authorities=authorities) as mirror:
        mirror.catalogue({"source": f"{name}/team/app", "target": f"{HERE}/company/app", "type": "repository"})
        done = mirror.sync()["company/app"]
        assert done["state"] == EntryState.CHANGED, str(done)
        assert mirror.tags("company/app") == ["v1"]
        # What a scrub would repair from there.
        upstream_of(mirror.stack, name).fetch("team/app", IMAGE.digest, tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == IMAGE.manifest
        # cosign is let in, too: it says that there are no signatures, and not that it may not look for some.
        public = ec.generate_private_key(ec.SECP256R1()).public_key()
        wanted = Verification(key=public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
        monkeypatch.setenv("PATH", str(ensure_cosign(cache_folder("offline")).parent))
        cosign = cosign_of(mirror.stack, name)
        assert cosign is not None
        with pytest.raises(UnverifiedError, match="no signatures found"):
            cosign.verify("team/app", IMAGE.digest, wanted)
        written = [file for file in tmp_path.rglob("*") if file.is_file() and b"hunter2" in file.read_bytes()]
        assert {file.parent for file in written} == {tmp_path / "secrets"}
