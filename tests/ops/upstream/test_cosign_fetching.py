"""The cosign that the settings name is fetched once, and nothing is run but what they name."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.app import app
from ops.config import CosignSource
from ops.core import exit_codes
from ops.upstream import cosign_fetching
from ops.upstream.cosign_fetching import CosignError
from ops.upstream.cosign_program import CosignProgram, can_verify, cosign_program
from tests.loopback_server import Answer, serving
from tests.ops.tasks.sync.mirror_samples import catalogue, edit, stack_with_mirror

CONTENT = b"#!/bin/sh\nexit 0\n" * 100_000
_SUM = hashlib.sha256(CONTENT).hexdigest()


class Releases:
    """Where releases are: each is asked for at `/cosign`, and is elsewhere."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Answer = (200, {}, CONTENT)

    def __call__(self, _: str, path: str, __: Mapping[str, str]) -> Answer:
        self.asked.append(path)
        return (302, {"Location": "/storage"}, b"") if path == "/cosign" else self.answer


@pytest.fixture
def releases() -> Releases:
    return Releases()


@pytest.fixture
def program(releases: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., CosignProgram]]:
    """Return the cosign with a checksum that the settings name."""
    monkeypatch.setattr(cosign_fetching, "_compared", set[Path]())
    with serving(releases) as port:

        def named(sha256: str = _SUM) -> CosignProgram:
            found = cosign_program(CosignSource(url=f"http://127.0.0.1:{port}/cosign", sha256=sha256), tmp_path / "data/bin")
            assert found is not None
            return found

        yield named


def test_it_is_fetched_once_and_replaces_the_one_before(releases: Releases, program: Callable[..., CosignProgram]) -> None:
    one = program()
    (one.path.parent).mkdir(parents=True)
    (one.path.parent / "cosign-of-before").touch()
    assert one.ready() == one.ready() == one.path
    assert releases.asked == ["/cosign", "/storage"]
    assert (one.path.read_bytes(), stat.S_IMODE(one.path.stat().st_mode)) == (CONTENT, 0o755)
    assert list(one.path.parent.iterdir()) == [one.path]


def test_what_somebody_has_changed_is_not_run(releases: Releases, program: Callable[..., CosignProgram]) -> None:
    one = program()
    one.ready()
    one.path.write_bytes(b"#!/bin/sh\nexit 0\n")
    cosign_fetching._compared.clear()  # the next process
    assert one.ready().read_bytes() == CONTENT
    assert len(releases.asked) == 4


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((200, {}, b"another one"), "and not that of sync.cosign"),
        ((404, {}, b""), "answered 404"),
        ((200, {"Content-Length": "100"}, b"too short"), "cannot be fetched"),
    ],
)
def test_what_is_not_what_the_settings_name_is_told_and_not_kept(
    releases: Releases, program: Callable[..., CosignProgram], answer: Answer, told: str
) -> None:
    one, releases.answer = program(), answer
    with pytest.raises(CosignError, match=told):
        one.ready()
    assert list(one.path.parent.iterdir()) == []
    releases.answer = (200, {}, CONTENT)
    assert one.ready().exists(), "the next try may be luckier"


def test_one_that_is_installed_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.upstream.cosign_program._FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (cosign_program(None, tmp_path), can_verify(None)) == (None, False)
    (tmp_path / "cosign").touch(mode=0o755)
    found = cosign_program(None, tmp_path)
    assert found == CosignProgram(tmp_path / "cosign")
    assert found.ready() == tmp_path / "cosign"


def test_the_check_of_a_hosts_catalogue_says_that_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.upstream.cosign_program._FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    stack = stack_with_mirror(tmp_path, 1)
    wanted = b"  x-regops: {verify: {identity: someone, issuer: 'https://example.com'}}\n"
    edit(stack, catalogue(1) + wanted)
    told = CliRunner().invoke(app, ["--root", str(stack.root), "catalogue", "check"])
    assert told.exit_code == exit_codes.WARNINGS, told.output
    assert "catalogue.yml:6: doubtful: wants signatures verified (x-regops.verify), and there is no cosign" in told.stdout
    (tmp_path / "cosign").touch(mode=0o755)
    assert CliRunner().invoke(app, ["--root", str(stack.root), "catalogue", "check"]).exit_code == 0
