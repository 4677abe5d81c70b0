"""`regops catalogue push` and `pull`: on this machine, and to a server through a real sshd."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from ops.catalogue.shipped import is_ahead, standing_of, take_in, working_copy
from ops.config import REGOPS_FILE, MirrorSettings, RegopsConfig, render
from ops.core import exit_codes
from ops.core.process import Completed
from tests.ops.command_line import regops
from tests.tools.offline.plugins.command.sshd import Sshd, sshd

SHIPPED = "version: 1\nsync:\n  - {source: docker.io/library/alpine, target: r.example.com/library/alpine, type: repository}\n"
# Kept as they are: a comment that is not ASCII, and the ends of its lines.
NEWER = SHIPPED.replace("version: 1\n", "# neuer: für später\r\nversion: 1\n")
EDITED = f"{SHIPPED}  - {{source: docker.io/library/redis, target: r.example.com/library/redis, type: repository}}\n"


@dataclass(frozen=True)
class Pair:
    """A checkout and a host.

    Attributes:
        checkout: Its folder.
        root: The folder of the host's stack.
        words: Which host, as options.
    """

    checkout: Path
    root: Path
    words: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, verb: str, *words: str) -> Completed:
        """Run a verb in the checkout."""
        environment = {**os.environ, **self.environment, "REGOPS_CHECKOUT": str(self.checkout)}
        return regops(None if self.words else self.root, "catalogue", verb, *self.words, *words, environment=environment)

    @property
    def here(self) -> Path:
        """The checkout's catalogue."""
        return self.checkout / "catalogue.yml"

    @property
    def there(self) -> Path:
        """The host's."""
        return working_copy(self.root)

    def edit_there(self, text: str) -> None:
        """Edit the host's, as an editor does."""
        self.there.write_bytes(text.encode())

    def edit_here(self, text: str) -> None:
        """Edit the checkout's."""
        self.here.write_bytes(text.encode())


def stack_in(root: Path) -> None:
    """Make a stack that mirrors, and has taken in a release with a catalogue."""
    mirror = MirrorSettings(into=("library/**",), registries=("r.example.com",))
    config = RegopsConfig(stack="tested", url="https://r.example.com", data="data/regops", sync=mirror)
    for name, text in ((REGOPS_FILE, render(config)), ("catalogue/catalogue.yml", SHIPPED)):
        (root / "current" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "current" / name).write_text(text)
    take_in(root)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("server") / "sshd") as running:
        yield running


def way_to(server: Sshd, root: Path) -> tuple[str, ...]:
    """Return the options that lead to a stack on a server, on which `regops` is where sshd looks for programs."""
    programs = server.folder / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / "regops"
    called = shlex.join([sys.executable, "-m", "ops.cli", "--root", str(root)])
    program.write_text(f'#!/bin/sh\ncd {shlex.quote(str(PROJECT_FOLDER))} && exec {called} "$@"\n')
    program.chmod(0o755)
    config = server.folder / "config"
    if "SetEnv" not in config.read_text():
        server.stop()
        config.write_text(f"{config.read_text()}SetEnv PATH={programs}:/usr/bin:/bin\n")
        server.start()
    known = server.folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
    user = server.connection()["user"]
    return (
        *("--host", f"ssh://{user}@127.0.0.1:{server.port}"),
        *("--identity", str(server.folder / "user"), "--known-hosts", str(known)),
    )


@pytest.fixture(params=["here", "ssh"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    root, checkout = tmp_path / "root", tmp_path / "checkout"
    stack_in(root)
    checkout.mkdir()
    made = Pair(checkout, root, way_to(request.getfixturevalue("server"), root) if request.param == "ssh" else ())
    made.edit_here(SHIPPED)
    return made


pytestmark = pytest.mark.system


def test_a_push_brings_the_bytes_and_the_next_up_has_nothing_to_do(pair: Pair) -> None:
    pair.edit_here(NEWER)
    began = time.monotonic()
    told = pair.run("push")
    assert told.returncode == 0, told.stderr
    assert time.monotonic() - began < 10
    assert pair.there.read_bytes() == NEWER.encode()
    assert not is_ahead(pair.root)
    (pair.root / "current/catalogue/catalogue.yml").write_bytes(NEWER.encode())
    before = standing_of(pair.root)
    take_in(pair.root)
    assert standing_of(pair.root) == before
    again = pair.run("push", "--json")
    assert (again.returncode, json.loads(again.stdout)["state"]) == (0, "same")


def test_a_dry_run_shows_the_difference_and_ships_nothing(pair: Pair) -> None:
    pair.edit_here(EDITED)
    told = pair.run("push", "--dry-run")
    assert told.returncode == 0
    assert "+  - {source: docker.io/library/redis" in told.stdout
    assert "would be shipped" in told.stderr
    assert pair.there.read_text() == SHIPPED


def test_a_push_leaves_edits_of_the_host_alone_and_names_the_way_out(pair: Pair) -> None:
    pair.edit_there(EDITED)
    pair.edit_here(NEWER)
    told = pair.run("push")
    assert told.returncode == exit_codes.INVALID
    assert "`regops catalogue pull`" in told.stderr
    assert pair.there.read_text() == EDITED
    assert json.loads(pair.run("push", "--json").stdout)["state"] == "ahead"
    assert pair.run("push", "--force").returncode == 0
    assert pair.there.read_bytes() == NEWER.encode()
    assert regops(pair.root, "catalogue", "undo").returncode == 0
    assert pair.there.read_text() == EDITED


def test_what_the_host_cannot_mirror_is_not_shipped(pair: Pair) -> None:
    pair.edit_here(SHIPPED.replace("r.example.com/library", "r.example.com/private"))
    told = pair.run("push", "--force")
    assert told.returncode == exit_codes.INVALID
    assert "catalogue.yml:3: target private/alpine is outside of where the mirror may write" in told.stderr
    assert pair.there.read_text() == SHIPPED


def test_edits_of_the_host_are_fetched_and_then_give_way(pair: Pair) -> None:
    pair.edit_there(EDITED)
    assert pair.run("pull", "--dry-run").stdout.count("\n+  - {source: docker.io/library/redis") == 1
    assert pair.here.read_text() == SHIPPED
    assert pair.run("pull").returncode == 0
    assert pair.here.read_text() == EDITED
    assert is_ahead(pair.root), "the repository does not have it yet"
    pair.edit_here(f"{EDITED}# and more\n")
    assert pair.run("push").returncode == 0
    assert (pair.there.read_text(), is_ahead(pair.root)) == (f"{EDITED}# and more\n", False)


def test_what_was_edited_on_both_sides_is_not_lost_by_a_pull(pair: Pair) -> None:
    pair.edit_there(EDITED)
    pair.edit_here(NEWER)
    told = pair.run("pull")
    assert told.returncode == exit_codes.INVALID
    assert "--force" in told.stderr
    assert "-# neuer" in told.stdout
    assert pair.here.read_bytes() == NEWER.encode()
    pair.edit_here(NEWER)
    assert pair.run("push").returncode == exit_codes.INVALID, "what was refused was not taken over"
    assert pair.run("pull", "--force").returncode == 0
    assert pair.here.read_text() == EDITED
    assert regops(None, "catalogue", "undo", "--file", pair.here).returncode == 0
    assert pair.here.read_bytes() == NEWER.encode()


def test_a_checkout_that_has_none_gets_the_hosts(pair: Pair) -> None:
    pair.here.unlink()
    assert pair.run("pull").returncode == 0
    assert pair.here.read_text() == SHIPPED
    assert json.loads(pair.run("pull", "--json").stdout)["state"] == "same"


def test_a_server_that_is_away_is_one_line_and_a_code_of_its_own(tmp_path: Path) -> None:
    pair = Pair(tmp_path, tmp_path, ("--host", "ssh://me@127.0.0.1:9"))
    pair.edit_here(SHIPPED)
    for verb in ("push", "pull"):
        told = pair.run(verb)
        assert told.returncode == exit_codes.UNREACHABLE
        assert told.stderr.startswith("regops: ssh://me@127.0.0.1:9 cannot be reached: ssh: connect to ")


def test_a_server_whose_key_is_another_one_gets_nothing(server: Sshd, tmp_path: Path) -> None:
    words = way_to(server, tmp_path)
    known = Path(words[-1])
    known.write_text(f"[127.0.0.1]:{server.port} {(server.folder / 'user.pub').read_text()}")
    pair = Pair(tmp_path, tmp_path, words)
    pair.edit_here(SHIPPED)
    told = pair.run("push")
    assert told.returncode == exit_codes.UNREACHABLE
    assert "`ssh-keygen -R`" in told.stderr


def test_a_release_that_knows_nothing_of_this_is_told_so(server: Sshd, tmp_path: Path) -> None:
    pair = Pair(tmp_path, tmp_path, way_to(server, tmp_path))
    pair.edit_here(SHIPPED)
    told = pair.run("push")
    assert told.returncode == exit_codes.INVALID
    assert "has no sync.into in its settings" in told.stderr


class TestWhichCatalogue:
    """A verb without --file works on the checkout's catalogue there, and on the host's own on a host."""

    def test_on_a_host_it_is_the_hosts_and_edits_are_told(self, tmp_path: Path) -> None:
        stack_in(tmp_path)
        environment = {name: value for name, value in os.environ.items() if name != "REGOPS_CHECKOUT"}
        added = regops(tmp_path, "catalogue", "add", "redis", "--offline", environment=environment)
        assert added.returncode == 0, added.stderr
        assert "ahead of the repository" in added.stderr
        assert "r.example.com/library/redis" in working_copy(tmp_path).read_text()
        listed = regops(tmp_path, "catalogue", environment=environment)
        assert "docker.io/library/redis" in listed.stdout
        refused = regops(tmp_path, "catalogue", "add", "quay.io/org/app", "--offline", environment=environment)
        assert "target org/app is outside of where the mirror may write" in refused.stderr
        pushed = regops(tmp_path, "catalogue", "push", environment=environment)
        assert pushed.returncode == exit_codes.INVALID
        assert "run this in a checkout" in pushed.stderr

    def test_in_a_checkout_it_is_the_checkouts(self, tmp_path: Path) -> None:
        stack_in(tmp_path / "root")
        pair = Pair(tmp_path, tmp_path / "root")
        pair.edit_here(NEWER)
        assert json.loads(pair.run("list", "--json").stdout)["file"] == str(pair.here)
        assert "ahead" not in pair.run("list").stderr

    def test_bin_regops_says_where_its_checkout_is(self) -> None:
        assert 'REGOPS_CHECKOUT="$here"' in (PROJECT_FOLDER / "bin/regops").read_text()
