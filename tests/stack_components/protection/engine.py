"""A real CrowdSec for tests: the engine from its Go module, parsers and scenarios from Debian's package; none of it is ours."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import yaml

from infra.cache import cached, digest
from infra.paths import cache_folder
from ops.core.process import run
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import wait_until_up
from tools.offline.debian import RootFilesystem, make_root_filesystem
from tools.offline.golang import GoProgram, ensure_program

VERSION = "1.7.8"
MODULE = "github.com/crowdsecurity/crowdsec"
_LIMIT_S = 120.0
_PARSERS = ("syslog-logs", "dateparse-enrich", "whitelists")  # the official image has them
_FILES = ("./unpacked/usr/share/crowdsec/", "./unpacked/etc/crowdsec/patterns/")
# In the place of the package's parser, which is for the Caddy of 2022. This one reads the fields of 2.11, and sets what the hub's
# parser of 2026 sets.
CADDY_PARSER = r"""
name: tests/caddy-logs
filter: evt.Parsed.program == 'caddy' && UnmarshalJSON(evt.Parsed.message, evt.Unmarshaled, 'caddy') in ['', nil]
onsuccess: next_stage
statics:
  - {meta: log_type, value: http_access-log}
  - {meta: service, value: http}
  - {target: evt.StrTime, expression: string(int(evt.Unmarshaled.caddy.ts))}
  - {parsed: remote_ip, expression: evt.Unmarshaled.caddy.request.client_ip}
  - {meta: source_ip, expression: evt.Unmarshaled.caddy.request.client_ip}
  - {meta: http_status, expression: string(int(evt.Unmarshaled.caddy.status))}
  - {meta: http_path, expression: evt.Unmarshaled.caddy.request.uri}
  - {parsed: request, expression: evt.Unmarshaled.caddy.request.uri}
  - {parsed: verb, expression: evt.Unmarshaled.caddy.request.method}
  - {meta: http_verb, expression: evt.Unmarshaled.caddy.request.method}
  - {meta: target_fqdn, expression: evt.Unmarshaled.caddy.request.host}
  - meta: sub_type
    expression: >-
      evt.Meta.http_status == '401' && any(get(evt.Unmarshaled.caddy.resp_headers, 'Www-Authenticate') ?? [],
      {# startsWith 'Basic'}) ? 'auth_fail' : ''
"""
_PROFILE = """
name: ban
filters: [Alert.Remediation == true && Alert.GetScope() == "Ip"]
decisions: [{type: ban, duration: 4h}]
on_success: break
"""


@cache
def engine_binary() -> Path:
    """Return the path of the engine, built first when the cache lacks it."""
    return _program("cmd/crowdsec")


@cache
def cscli_binary() -> Path:
    """Return the path of the engine's command line."""
    return _program("cmd/crowdsec-cli")


def _program(package: str) -> Path:
    # Without cgo, SQLite is the one written in Go. The other tags are those of the project's own Makefile.
    tags = ("netgo", "osusergo", "expr_debug", "nomsgpack", "sqlite_modernc")
    variables = {"github.com/crowdsecurity/go-cs-lib/version.Version": f"v{VERSION}"}
    program = GoProgram(MODULE, package, VERSION, tags=tags, variables=variables, as_its_author=True)
    return ensure_program(program, cache_folder("offline"))


@cache
def hub() -> Path:
    """Return a folder with what Debian's package `crowdsec` holds: the hub in /usr/share/crowdsec, patterns in /etc/crowdsec."""
    # Unpacked, not installed: its installation would register this machine at CrowdSec's.
    contents = RootFilesystem(
        packages=("busybox",),
        clean_up=(
            'chroot "$1" sh -c "cd /tmp && apt-get download crowdsec"',
            'mkdir "$1"/unpacked && dpkg-deb -x "$1"/tmp/crowdsec_*.deb "$1"/unpacked',
        ),
    )

    def build(folder: Path) -> None:
        tarball = folder / "root.tar"
        make_root_filesystem(contents, tarball)
        with tarfile.open(tarball) as archive:
            for member in archive:
                if member.isfile() and member.name.startswith(_FILES):
                    content = archive.extractfile(member)
                    path = folder / PurePosixPath(member.name).relative_to("unpacked")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content.read() if content else b"")
        tarball.unlink()

    name = f"crowdsec-hub-{contents.suite}-{digest(asdict(contents))}"
    return cached(cache_folder("offline"), name, build, what="CrowdSec's scenarios (Debian's package)")


@dataclass(frozen=True)
class Ban:
    """A decision: who is banned, and the scenario that says so."""

    address: str
    scenario: str


@dataclass(frozen=True)
class Engine:
    """A CrowdSec with a folder of its own.

    Attributes:
        etc: Its configuration.
        data: Its database and the scenarios' files.
        port: Of its API, on 127.0.0.1.
    """

    etc: Path
    data: Path
    port: int

    @property
    def config(self) -> Path:
        """The file that programs are given."""
        return self.etc / "config.yaml"

    def replay(self, log: Path) -> set[Ban]:
        """Read a log as if its requests came now, and return who is banned."""
        with self._api():
            self.run(engine_binary(), "-dsn", f"file://{log}", "-type", "caddy", "-no-api")
        with contextlib.closing(sqlite3.connect(self.data / "crowdsec.db")) as database:
            return {Ban(*row) for row in database.execute("SELECT value, scenario FROM decisions")}

    @contextlib.contextmanager
    def _api(self) -> Iterator[None]:
        """Run the API that decisions are sent to: an engine with both never ends by itself."""
        with self._started("-no-cs"):
            yield

    @contextlib.contextmanager
    def _started(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        argv = [str(engine_binary()), "-c", str(self.config), *options]
        with (
            (self.data / "engine.log").open("wb") as log,
            subprocess.Popen(argv, env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
        ):
            try:
                wait_until_up(f"http://127.0.0.1:{self.port}/health", process)
                yield process
            finally:
                process.kill()

    @contextlib.contextmanager
    def working(self, log: Path) -> Iterator[str]:
        """Run it as its container does, on a log that grows; yield the URL of its metrics."""
        port = free_port()
        served = {"enabled": True, "level": "full", "listen_addr": "127.0.0.1", "listen_port": port}
        self.config.write_text(yaml.safe_dump(_config(self) | {"prometheus": served}))
        (self.etc / "acquis.yaml").write_text(yaml.safe_dump({"filenames": [str(log)], "labels": {"type": "caddy"}}))
        with self._started() as process:
            url = f"http://127.0.0.1:{port}/metrics"
            wait_until_up(url, process)
            yield url

    def run(self, program: Path, *arguments: str) -> str:
        """Run one of the programs with this configuration; return what it prints.

        Raises:
            CommandError: It failed.
        """
        done = run([program, "-c", self.config, *arguments], timeout=_LIMIT_S, env={"PATH": os.environ["PATH"]})
        return done.stdout + done.stderr


def make_engine(folder: Path, files: Mapping[str, str]) -> Engine:
    """Make an engine with the collection of the product, which knows nothing of the Internet.

    Args:
        folder: Where it lives.
        files: Further files of its configuration, by their path below /etc/crowdsec.
    """
    engine = Engine(folder / "etc", folder / "data", free_port())
    source = hub() / "usr/share/crowdsec"
    shutil.copytree(source / "hub", engine.etc / "hub")
    shutil.copytree(hub() / "etc/crowdsec/patterns", engine.etc / "patterns")
    engine.data.mkdir()
    written = {
        "config.yaml": yaml.safe_dump(_config(engine)),
        "profiles.yaml": _PROFILE,
        "simulation.yaml": "simulation: off\n",
        "acquis.yaml": "",
        "credentials.yaml": f"url: http://127.0.0.1:{engine.port}\n",
        "parsers/s01-parse/caddy.yaml": CADDY_PARSER,
        **files,
    }
    for name, content in written.items():
        path = engine.etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    engine.run(cscli_binary(), "machines", "add", "tests", "--auto", "--force")
    engine.run(cscli_binary(), "parsers", "install", *(f"crowdsecurity/{name}" for name in _PARSERS))
    engine.run(cscli_binary(), "collections", "install", "crowdsecurity/caddy")
    (engine.etc / "parsers/s01-parse/caddy-logs.yaml").unlink()
    place_data(engine.etc / "scenarios", engine.data)
    return engine


def place_data(scenarios: Path, folder: Path) -> None:
    """Put the files that scenarios read where they look for them; elsewhere they are fetched from the Internet."""
    for scenario in scenarios.rglob("*.yaml"):
        for needed in [one for part in yaml.safe_load_all(scenario.read_text()) for one in part.get("data", ())]:
            packed = hub() / "usr/share/crowdsec/data" / PurePosixPath(needed["source_url"]).name
            (folder / needed["dest_file"]).write_bytes(packed.read_bytes())


def _config(engine: Engine) -> dict[str, object]:
    return {
        "common": {"log_media": "stdout", "log_level": "info"},
        "config_paths": {
            "config_dir": str(engine.etc),
            "data_dir": str(engine.data),
            "simulation_path": str(engine.etc / "simulation.yaml"),
            "hub_dir": str(engine.etc / "hub"),
            "index_path": str(engine.etc / "hub/.index.json"),
        },
        "crowdsec_service": {"acquisition_path": str(engine.etc / "acquis.yaml"), "parser_routines": 1},
        "cscli": {"output": "human", "hub_branch": "none"},
        "db_config": {"type": "sqlite", "db_path": str(engine.data / "crowdsec.db"), "use_wal": True},
        "api": {
            "client": {"credentials_path": str(engine.etc / "credentials.yaml")},
            "server": {"listen_uri": f"127.0.0.1:{engine.port}", "profiles_path": str(engine.etc / "profiles.yaml")},
        },
        "prometheus": {"enabled": False},
    }
