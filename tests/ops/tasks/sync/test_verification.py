"""What an entry wants signed is verified by the real cosign before it is copied, and what cannot be verified is not."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.paths import cache_folder
from ops.catalogue.entry import Verification
from ops.core.process import run
from ops.registry.client import Login
from ops.stack.mirror import SIGSTORE_FOLDER
from ops.tasks.sync.mirror import mirror_of
from ops.tasks.sync.model import EntryResult
from ops.tasks.sync.run import sync
from ops.upstream.cosign import Cosign, UnverifiedError, options
from ops.upstream.cosign_program import CosignProgram
from tests.ops.tasks.sync.mirror_rig import MirrorRig
from tests.private_sigstore import Sigstore
from tests.signing_services import sign_as
from tests.upstreams import Front
from tools.offline.tools import ensure_cosign

_LIMIT_S = 120.0
system = pytest.mark.system


@pytest.fixture(scope="module")
def cosign() -> Path:
    return ensure_cosign(cache_folder("offline"))


class Signer:
    """Somebody who signs, without any log."""

    def __init__(self, cosign: Path, folder: Path) -> None:
        self._cosign, self._folder = cosign, folder
        folder.mkdir()
        self._run("generate-key-pair")
        self.key = (folder / "cosign.pub").read_text()

    def sign(self, image: str, *, as_referrer: bool = False) -> None:
        """Sign an image: with a tag beside it, as cosign 2 does, or as cosign 3 does where there are no lists of referrers."""
        words = ["--tlog-upload=false", "--use-signing-config=false", f"--new-bundle-format={str(as_referrer).lower()}"]
        self._run("sign", "--key", "cosign.key", *words, "--yes", image)

    def _run(self, *words: str) -> None:
        environment = {"PATH": os.defpath, "HOME": str(self._folder), "COSIGN_PASSWORD": ""}
        run([self._cosign, *words], timeout=_LIMIT_S, cwd=self._folder, env=environment)


@pytest.fixture
def signer(cosign: Path, tmp_path: Path) -> Signer:
    return Signer(cosign, tmp_path / "signer")


@pytest.fixture
def on_path(cosign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{cosign.parent}{os.pathsep}{os.environ['PATH']}")


def source_of(mirror: MirrorRig) -> str:
    """What images are called in the registry behind the fronts, where they are signed."""
    return mirror.source.url.removeprefix("http://").rstrip("/")


def wanting(mirror: MirrorRig, repository: str, verify: Mapping[str, Any]) -> dict[str, Any]:
    return mirror.entry("one", repository, r"\d\.\d", policies={"verify": dict(verify)}, digestTags=True)


@system
@pytest.mark.usefixtures("on_path")
def test_what_is_not_signed_by_the_key_stays_as_it_was(mirror: MirrorRig, signer: Signer, cosign: Path, tmp_path: Path) -> None:
    name = "verified/app"
    images = {tag: mirror.push(name, tag, platforms=2) for tag in ("1.0", "1.1", "1.2")}
    stranger = Signer(cosign, tmp_path / "stranger")
    signer.sign(f"{source_of(mirror)}/{name}@{images['1.0']}")
    stranger.sign(f"{source_of(mirror)}/{name}@{images['1.1']}")
    mirror.catalogue(wanting(mirror, name, {"key": signer.key}))
    done = synced(mirror)
    signature = f"{images['1.0'].replace(':', '-', 1)}.sig"
    assert (done.state, done.copied) == ("failed", ("1.0", signature)), str(done)
    other, none = done.failures["1.1"], done.failures["1.2"]
    assert other.why.startswith("is not signed as x-regops.verify wants it: ")
    assert ("no signatures found" in none.why, none.passes, other.passes) == (True, True, False)
    assert mirror.tags(f"one/{name}") == ["1.0", signature]
    # It moves: what is here stays until the new one is signed, too.
    moved = mirror.push(name, "1.0", "moved", platforms=2)
    mirror.catalogue(mirror.entry("one", name, "1.0", policies={"verify": {"key": signer.key}}))
    assert synced(mirror).state == "failed"
    assert mirror.digest(f"one/{name}", "1.0") == images["1.0"]
    signer.sign(f"{source_of(mirror)}/{name}@{moved}")
    assert synced(mirror).copied == ("1.0",)
    assert mirror.digest(f"one/{name}", "1.0") == moved


@system
@pytest.mark.usefixtures("on_path")
def test_a_signature_that_refers_to_its_image_counts_as_well(
    mirror: MirrorRig, signer: Signer, cosign: Path, tmp_path: Path
) -> None:
    name = "referred/app"
    images = {tag: mirror.push(name, tag, platforms=2) for tag in ("1.0", "1.1", "1.2")}
    signer.sign(f"{source_of(mirror)}/{name}@{images['1.0']}", as_referrer=True)
    Signer(cosign, tmp_path / "stranger").sign(f"{source_of(mirror)}/{name}@{images['1.1']}", as_referrer=True)
    mirror.catalogue(wanting(mirror, name, {"key": signer.key}))
    done = synced(mirror)
    assert done.copied == ("1.0", images["1.0"].replace(":", "-", 1)), str(done)
    assert {tag: failure.passes for tag, failure in done.failures.items()} == {"1.1": False, "1.2": True}


@system
def test_without_cosign_nothing_is_copied_and_the_plan_says_so(mirror: MirrorRig, signer: Signer) -> None:
    mirror.push("unverifiable/app", "1.0")
    mirror.push("unverifiable/other", "1.0")
    mirror.catalogue(wanting(mirror, "unverifiable/app", {"key": signer.key}), mirror.entry("one", "unverifiable/other"))
    one = mirror.plan()["one/unverifiable/app"]
    assert (one["copy"], "there is no cosign on this host" in one["failure"]) == ([], True), one
    done = mirror.sync("--force")
    assert "there is no cosign on this host" in done["one/unverifiable/app"]["failures"][""]
    assert done["one/unverifiable/other"]["state"] == "changed"
    assert mirror.tags("one/unverifiable/app") == []


@pytest.fixture
def private(mirror: MirrorRig) -> Iterator[Front]:
    """A front of the same registry that wants an account."""
    with Front(mirror.source.url, token=True, login=("robot", "secret")).running() as front:
        yield front


@system
def test_an_account_is_used_and_left_nowhere(
    mirror: MirrorRig, private: Front, signer: Signer, *, cosign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = mirror.push("private/app", "1.0")
    signer.sign(f"{source_of(mirror)}/private/app@{digest}")
    wanted, folder, temporary = Verification(key=signer.key), tmp_path / "roots", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    program = CosignProgram(cosign)
    Cosign(program, folder, private.address, Login("robot", "secret")).verify("private/app", digest, wanted)
    assert set(private.logins) == {"robot"}
    assert list(temporary.iterdir()) == []
    with pytest.raises(UnverifiedError) as error:
        Cosign(program, folder, private.address).verify("private/app", digest, wanted)
    assert "is not signed" in str(error.value)


ISSUER, IDENTITY = "https://token.example.com", "https://github.com/org/app/.github/workflows/release.yml@refs/tags/v1"


@system
@pytest.mark.usefixtures("on_path")
def test_an_identity_is_verified_as_a_sigstore_has_vouched_for_it(mirror: MirrorRig, cosign: Path, tmp_path: Path) -> None:
    name, folder = "keyless/app", mirror.stack.root / SIGSTORE_FOLDER
    signed = {
        "1.0": (IDENTITY, ISSUER),
        "1.1": ("https://github.com/other/app/x", ISSUER),
        "1.2": (f"https://evil.example/{IDENTITY}", ISSUER),
        "1.3": (IDENTITY, "https://token.example.com.evil.example"),
    }
    images = {tag: mirror.push(name, tag) for tag in (*signed, "1.4", "1.5", "1.6")}

    def image(tag: str) -> str:
        return f"{source_of(mirror)}/{name}@{images[tag]}"

    stranger = Sigstore(cosign, tmp_path / "stranger")
    with Sigstore(cosign, tmp_path / "sigstore").running() as sigstore:
        sigstore.trust(folder)
        for tag, (identity, issuer) in signed.items():
            sigstore.sign(image(tag), identity, issuer)
        sigstore.sign(image("1.4"), IDENTITY, ISSUER, logged=False)
        stranger.sign(image("1.5"), IDENTITY, ISSUER)
        mirror.catalogue(wanting(mirror, name, {"identity": "https://github.com/org/app/.*", "issuer": ISSUER}))
        done = synced(mirror)
    shutil.rmtree(folder)
    signature = f"{images['1.0'].replace(':', '-', 1)}.sig"
    assert done.copied == ("1.0", signature), str(done)
    assert list(done.failures) == ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6"]
    assert {tag: failure.passes for tag, failure in done.failures.items()} == {**dict.fromkeys(done.failures, False), "1.6": True}
    for tag in ("1.1", "1.2", "1.3"):
        assert "none of the expected identities matched" in done.failures[tag].why


@system
@pytest.mark.usefixtures("on_path")
def test_an_identity_is_verified_by_the_bundles_of_cosign_3(mirror: MirrorRig, cosign: Path, tmp_path: Path) -> None:
    """They refer to their image, and hold what vouches for it."""
    name, folder = "bundled/app", mirror.stack.root / SIGSTORE_FOLDER
    images = {tag: mirror.push(name, tag, platforms=2) for tag in ("1.0", "1.1", "1.2", "1.3", "1.4")}
    sigstore, stranger = (Sigstore(cosign, tmp_path / whose) for whose in ("sigstore", "stranger"))
    signed = {
        "1.0": (sigstore, IDENTITY, ISSUER),
        "1.1": (sigstore, f"https://evil.example/{IDENTITY}", ISSUER),
        "1.2": (sigstore, IDENTITY, "https://token.example.com.evil.example"),
        "1.3": (stranger, IDENTITY, ISSUER),
    }
    for tag, (of, identity, issuer) in signed.items():
        sign_as(of, f"{source_of(mirror)}/{name}@{images[tag]}", identity, issuer)
    with sigstore.running():
        sigstore.trust(folder)
        mirror.catalogue(wanting(mirror, name, {"identity": "https://github.com/org/app/.*", "issuer": ISSUER}))
        done = synced(mirror)
    shutil.rmtree(folder)
    assert done.copied == ("1.0", images["1.0"].replace(":", "-", 1)), str(done)
    assert {tag: failure.passes for tag, failure in done.failures.items()} == {
        "1.1": False,
        "1.2": False,
        "1.3": False,
        "1.4": True,
    }
    for tag in ("1.1", "1.2"):
        assert "no matching CertificateIdentity found" in done.failures[tag].why
    assert "not enough verified log entries" in done.failures["1.3"].why


def test_an_identity_must_match_as_a_whole_and_a_log_is_asked_only_if_it_is_wanted(tmp_path: Path) -> None:
    identity = Verification(identity="https://github.com/org/.*|other", issuer="https://token.example.com")
    assert options(identity, tmp_path) == [
        *("--certificate-identity-regexp", "^(?:https://github.com/org/.*|other)$"),
        *("--certificate-oidc-issuer", "https://token.example.com"),
    ]
    key = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"
    assert options(Verification(key=key), tmp_path)[2:] == ["--insecure-ignore-tlog=true"]
    assert options(Verification(key=key, transparency_log=True), tmp_path)[2:] == []


def synced(mirror: MirrorRig) -> EntryResult:
    """Mirror its only entry, and wait for nothing that may pass."""
    with mirror_of(mirror.stack) as opened:
        (result,) = sync(replace(opened, pauses_s=()), opened.entries, force=True).results
    return result
