"""Whose engine and plugins are used, where downloads work and where they do not; the programs here are stand-ins."""

from __future__ import annotations

import os
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from tools.bootstrap import engine as subject
from tools.bootstrap import official
from tools.bootstrap.engine import Engine, ensure_engine
from tools.bootstrap.errors import SetupError
from tools.bootstrap.official import LANGUAGE_HOST, PACKAGES, VERSION, plugin_name

PULUMI = """\
#!/bin/sh
# A stand-in for the Pulumi CLI: it "downloads" plugins unless the network is off.
echo "$*" >> {calls}
case "$1" in
version) echo v{version} ;;
plugin)
    if [ -e {off} ]; then
        echo "warning: Error downloading plugin: dial tcp: no such host" >&2
        echo "error: failed all 5 attempts" >&2
        exit 1
    fi
    mkdir -p "$PULUMI_HOME/plugins/$3-$4-v$5" && echo program > "$PULUMI_HOME/plugins/$3-$4-v$5/pulumi-$3-$4" ;;
esac
"""
# A stand-in for Pulumi's installer, which is called with --no-edit-path --install-root FOLDER --version VERSION.
INSTALLER = """\
#!/bin/sh
mkdir -p "$3/bin" && cp {pulumi} "$3/bin/pulumi"
"""


@dataclass(frozen=True)
class Machine:
    """A machine without Pulumi, without its plugins, and with a network that can be switched off."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def plugins(self) -> Path:
        return self.folder / "home" / ".pulumi" / "plugins"

    @property
    def built(self) -> Path:
        return self.folder / "cache" / "private-registry" / "offline" / f"pulumi-cli-{VERSION}-test"

    def ensure(self, wanted: str = "") -> Engine:
        return ensure_engine(self.state, wanted=wanted)

    def network(self, *, on: bool) -> None:
        if on:
            (self.folder / "off").unlink(missing_ok=True)
            (self.folder / "install.sh").write_text(INSTALLER.format(pulumi=self.folder / "pulumi"))
        else:
            (self.folder / "off").touch()
            (self.folder / "install.sh").unlink(missing_ok=True)

    def put_on_path(self) -> None:
        (self.folder / "bin" / "pulumi").symlink_to(self.folder / "pulumi")

    def build(self, _: Path) -> Path:
        """Stands in for the build of the CLI from packages."""
        self.built.mkdir(parents=True, exist_ok=True)
        (self.built / "pulumi").unlink(missing_ok=True)
        (self.built / "pulumi").symlink_to(self.folder / "pulumi")
        return self.built

    def tries(self) -> int:
        """How often plugins were asked for."""
        calls = self.folder / "calls"
        return (
            len([line for line in calls.read_text().splitlines() if line.startswith("plugin install")]) if calls.exists() else 0
        )

    def give_plugins(self, *, host: bool = False) -> None:
        """Put official plugins where this user's are."""
        names = [(plugin_name(package), f"pulumi-resource-{package}") for package in PACKAGES]
        for name, program in [*names, *([(LANGUAGE_HOST, "pulumi-language-python")] if host else [])]:
            (self.plugins / name).mkdir(parents=True)
            (self.plugins / name / program).write_text("program")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    (tmp_path / "bin").mkdir()
    words = {"calls": tmp_path / "calls", "off": tmp_path / "off"}
    quoted = {name: shlex.quote(str(path)) for name, path in words.items()}
    (tmp_path / "pulumi").write_text(PULUMI.format(version=VERSION, **quoted))
    (tmp_path / "pulumi").chmod(0o755)
    machine.network(on=True)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("OFFICIAL_PLUGINS", raising=False)
    monkeypatch.setattr(official, "_INSTALLER", (tmp_path / "install.sh").as_uri())
    monkeypatch.setattr(subject, "ensure_cli", machine.build)
    monkeypatch.setattr(subject, "check_space", lambda *_, **__: None)
    return machine


def test_an_unknown_wish_is_refused(machine: Machine) -> None:
    with pytest.raises(SetupError, match="PLUGINS=offical is unknown; use PLUGINS=official or PLUGINS=standin"):
        machine.ensure("offical")


def test_the_engine_runs_with_its_own_home_and_path(machine: Machine) -> None:
    machine.put_on_path()
    engine = machine.ensure()
    environment = engine.environment({"DOCKER_HOST": "unix:///docker.sock"})
    assert environment["PULUMI_HOME"] == str(machine.state / "pulumi" / "official")
    assert environment["PATH"].split(os.pathsep)[0] == str(machine.folder / "bin")
    assert environment["DOCKER_HOST"] == "unix:///docker.sock"


def test_official_plugins_are_downloaded_once(machine: Machine) -> None:
    machine.put_on_path()
    assert [machine.ensure().kind, machine.ensure().kind] == ["official", "official"]
    assert machine.tries() == len(PACKAGES)
    assert machine.ensure("standin").kind == "stand-in"


def test_a_cli_that_is_missing_is_downloaded(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    engine = machine.ensure()
    assert engine.folder == machine.folder / "cache" / "private-registry" / "pulumi" / VERSION / "bin"
    assert engine.kind == "official"
    assert f"downloading the Pulumi CLI {VERSION}" in capsys.readouterr().err
    assert not machine.built.exists()


def test_a_cli_of_another_version_is_not_used(machine: Machine) -> None:
    old = machine.folder / "bin" / "pulumi"
    old.write_text("#!/bin/sh\necho v1.2.3\n")
    old.chmod(0o755)
    assert machine.ensure().folder != old.parent


def test_a_failed_download_of_plugins_is_told_and_remembered_for_a_day(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.put_on_path()
    machine.network(on=False)
    assert machine.ensure().kind == "stand-in"
    told = capsys.readouterr().err
    assert "downloading the Pulumi plugins docker, command, hcloud" in told
    assert "cannot be downloaded here (Error downloading plugin: dial tcp: no such host)" in told
    assert "`PLUGINS=official make up` tries again" in told
    machine.network(on=True)
    assert machine.ensure().kind == "stand-in"
    assert machine.tries() == 1
    yesterday = time.time() - 25 * 3600
    os.utime(machine.state / "pulumi" / "download-failed", (yesterday, yesterday))
    assert machine.ensure().kind == "official"


def test_official_plugins_that_are_wanted_are_tried_every_time(machine: Machine) -> None:
    machine.put_on_path()
    machine.network(on=False)
    for tries in (1, 2):
        with pytest.raises(SetupError, match=r"PLUGINS=official: .* no such host.* put them there as .* PLUGINS=standin"):
            machine.ensure("official")
        assert machine.tries() == tries
    machine.network(on=True)
    assert machine.ensure("official").kind == "official"
    assert not (machine.state / "pulumi" / "download-failed").exists()


def test_where_downloads_fail_the_cli_is_built_and_the_way_back_is_told(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.network(on=False)
    engine = machine.ensure()
    assert (engine.folder, engine.kind) == (machine.built, "stand-in")
    told = capsys.readouterr().err
    assert "Pulumi cannot be downloaded here ([Errno 2] No such file or directory" in told
    assert "`PLUGINS=official make up` tries again" in told
    machine.network(on=True)
    assert machine.ensure().folder == machine.built
    assert machine.tries() == 0
    engine = machine.ensure("official")
    assert (engine.folder.name, engine.kind) == ("bin", "official")
    assert machine.ensure().kind == "official"


def test_an_installer_that_fails_is_told_with_its_last_words(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    (machine.folder / "install.sh").write_text("echo 'error: no such release' >&2; exit 1")
    machine.ensure()
    assert "Pulumi cannot be downloaded here (no such release)" in capsys.readouterr().err
    (machine.folder / "install.sh").write_text("exit 0")
    machine.built.rename(machine.built.with_name("other"))
    machine.ensure()
    assert f"Pulumi's installer left no Pulumi {VERSION}" in capsys.readouterr().err


def test_nothing_is_built_when_only_official_plugins_will_do(machine: Machine) -> None:
    machine.network(on=False)
    with pytest.raises(SetupError, match=r"PLUGINS=official: .*No such file or directory"):
        machine.ensure("official")
    assert not machine.built.exists()


def test_plugins_are_tried_with_the_built_cli_when_the_official_one_cannot_be_had(machine: Machine) -> None:
    machine.build(machine.folder)
    machine.network(on=True)
    (machine.folder / "install.sh").unlink()
    engine = machine.ensure("official")
    assert (engine.folder, engine.kind) == (machine.built, "official")


def test_plugins_of_this_user_are_adopted(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.network(on=False)
    machine.give_plugins(host=True)
    engine = machine.ensure()
    assert (engine.folder, engine.kind) == (machine.built, "official")
    for name in (*map(plugin_name, PACKAGES), LANGUAGE_HOST):
        assert not (engine.home / "plugins" / name).is_symlink()
        assert all(path.is_symlink() for path in (engine.home / "plugins" / name).iterdir())
    machine.plugins.rename(machine.folder / "elsewhere")
    assert machine.ensure().kind == "stand-in"
    monkeypatch.chdir(machine.folder)
    monkeypatch.setenv("OFFICIAL_PLUGINS", "elsewhere")
    assert machine.ensure("official").kind == "official"
    assert machine.tries() == 0


def test_plugins_from_an_interrupted_download_do_not_count(machine: Machine) -> None:
    machine.put_on_path()
    machine.network(on=False)
    machine.give_plugins()
    marker = machine.plugins / f"{plugin_name('docker')}.partial"
    marker.touch()
    assert machine.ensure().kind == "stand-in"
    marker.unlink()
    assert machine.ensure().kind == "official"
    marker.touch()  # the user's own Pulumi downloads it anew
    assert machine.ensure().kind == "stand-in"


def test_what_an_interrupted_download_of_ours_left_is_replaced(machine: Machine) -> None:
    machine.put_on_path()
    machine.network(on=False)
    ours = machine.state / "pulumi" / "official" / "plugins"
    for package in PACKAGES:
        (ours / plugin_name(package)).mkdir(parents=True)
        (ours / plugin_name(package) / f"pulumi-resource-{package}").write_text("half a prog")
        (ours / f"{plugin_name(package)}.partial").touch()
    assert machine.ensure().kind == "stand-in"
    machine.give_plugins()
    assert machine.ensure().kind == "official"
    assert (ours / plugin_name("docker") / "pulumi-resource-docker").read_text() == "program"
    assert not list(ours.glob("*.partial"))


def test_our_language_host_follows_the_checkout(machine: Machine) -> None:
    machine.put_on_path()
    home = machine.ensure().home
    host = home / "plugins" / LANGUAGE_HOST / "pulumi-language-python"
    assert str(PROJECT_FOLDER) in host.read_text()
    host.write_text(host.read_text().replace(str(PROJECT_FOLDER), "/where/the/checkout/was"))
    machine.ensure()
    assert f" {sys.executable} " in host.read_text()
    assert str(PROJECT_FOLDER) in host.read_text()


def test_an_official_language_host_is_left_alone(machine: Machine) -> None:
    machine.put_on_path()
    machine.give_plugins(host=True)
    host = machine.ensure().home / "plugins" / LANGUAGE_HOST / "pulumi-language-python"
    assert host.read_text() == "program"
    machine.ensure()
    assert host.is_symlink()


def test_none_is_filed_when_the_cli_brings_its_own(machine: Machine) -> None:
    machine.put_on_path()
    (machine.folder / "bin" / "pulumi-language-python").write_text("program")
    assert not (machine.ensure().home / "plugins" / LANGUAGE_HOST).exists()
