"""The real Caddy with the configuration of a stack: other addresses, and folders of the test instead of the container's."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from ops.config import READ_ONLY_FOLDER, READ_ONLY_MOUNT
from stack_components.edge.caddyfile import EdgeConfig, Site, caddyfile
from stack_components.edge.clients import HOST_ADDRESS
from stack_components.edge.component import config
from stack_components.edge.registry_routes import Upstreams
from tests.free_ports import free_port
from tests.ops.gateway.gateway_rig import wait_until_up
from tests.plans import plan_of
from tests.real_programs import caddy_binary

_CERTIFICATE_LIMIT_S = 20.0
# Each has a certificate of its own.
_NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Ports:
    """Free ports of 127.0.0.1."""

    plain: int = dataclasses.field(default_factory=free_port)
    tls: int = dataclasses.field(default_factory=free_port)
    monitoring: int = dataclasses.field(default_factory=free_port)
    events: int = dataclasses.field(default_factory=free_port)


@dataclass(frozen=True)
class RunningCaddy:
    """A Caddy that runs below a folder."""

    ports: Ports
    folder: Path

    @property
    def url(self) -> str:
        """Its address without TLS."""
        return f"http://127.0.0.1:{self.ports.plain}"

    @property
    def tls_url(self) -> str:
        """Its address with TLS."""
        return f"https://127.0.0.1:{self.ports.tls}"

    @property
    def events_url(self) -> str:
        """Where it takes the registry's events."""
        return f"http://127.0.0.1:{self.ports.events}/events"

    @property
    def access_log_file(self) -> Path:
        """Its access log."""
        return self.folder / "log" / "access.log"

    @property
    def access_log(self) -> str:
        """What its access log has so far."""
        path = self.access_log_file
        return path.read_text() if path.exists() else ""

    @property
    def log(self) -> str:
        """What it has written to its output so far."""
        return (self.folder / "caddy.log").read_text()

    def trust(self) -> ssl.SSLContext:
        """Return a context that trusts its authority."""
        return ssl.create_default_context(cafile=str(self.folder / "pki" / "authorities" / "local" / "root.crt"))


def write_caddyfile(configuration: EdgeConfig, folder: Path) -> Path:
    """Write all files of a configuration below a folder, its places replaced by ones there; return the Caddyfile's path."""
    places = {
        "file /var/log/caddy": f"file {folder}/log",
        "file_system /data": f"file_system {folder}",
        READ_ONLY_MOUNT: f"{folder}/{READ_ONLY_FOLDER}",
        "/run/secrets": f"{folder}/secrets",
    }
    for name, text in caddyfile(configuration).items():
        for written, place in places.items():
            text = text.replace(written, place)  # noqa: PLW2901
        path = folder / "caddy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "caddy" / "Caddyfile"


@contextlib.contextmanager
def running_caddy(configuration: EdgeConfig, folder: Path, ports: Ports, program: Path | None = None) -> Iterator[RunningCaddy]:
    """Run Caddy below a folder, and kill it at the end. What the configuration reads of /run/secrets is in `secrets` there.

    Args:
        configuration: That of a stack.
        folder: Where its files are.
        ports: Where it listens.
        program: Another Caddy than the stock one.
    """
    sites = [
        Site([f"http://:{ports.plain}"], tls=None),
        Site([f"https://{name}:{ports.tls}" for name in _NAMES], tls="internal"),
    ]
    clients = dataclasses.replace(
        configuration.clients, plain_listener=f":{ports.plain}" if configuration.clients.plain_listener else ""
    )
    events = dataclasses.replace(configuration.events, url=f"http://127.0.0.1:{ports.events}/events")
    here = dataclasses.replace(configuration, sites=sites, monitoring_port=ports.monitoring, clients=clients, events=events)
    path = write_caddyfile(here, folder)
    with (
        (folder / "caddy.log").open("wb") as log,
        subprocess.Popen(
            [str(program or caddy_binary()), "run", "--config", str(path), "--adapter", "caddyfile"],
            # As Docker's gateway in a stack, which is where requests of the host itself come from.
            env={"PATH": os.environ["PATH"], "HOME": str(folder), HOST_ADDRESS: "127.0.0.1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            wait_until_up(f"http://127.0.0.1:{ports.monitoring}/healthz", process)
            running = RunningCaddy(ports, folder)
            for name in _NAMES:
                _wait_for_certificate(running, name)
            yield running
        finally:
            process.kill()


@contextlib.contextmanager
def running_caddy_before(service: type[BaseHTTPRequestHandler], folder: Path) -> Iterator[RunningCaddy]:
    """Run Caddy as the edge of a stack whose registry and gateway are one service of the test.

    Args:
        service: What answers.
        folder: Where its files are.
    """
    (folder / READ_ONLY_FOLDER).mkdir()
    with serving(service) as server:
        address = f"127.0.0.1:{server.server_address[1]}"
        of_stack = config(plan_of(protection={"enabled": False}))
        configuration = dataclasses.replace(of_stack, upstreams=Upstreams(address, address), pages=[])
        with running_caddy(configuration, folder, Ports()) as caddy:
            yield caddy


def _wait_for_certificate(caddy: RunningCaddy, name: str) -> None:
    """Wait until Caddy has made the certificate of a name, which it does after it has begun to serve."""
    give_up = time.monotonic() + _CERTIFICATE_LIMIT_S
    while True:
        try:
            httpx.get(f"https://{name}:{caddy.ports.tls}/healthz", verify=caddy.trust())
            return
        except (OSError, httpx.TransportError):
            assert time.monotonic() < give_up, caddy.log
            time.sleep(0.05)


class _Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Answer with path and headers, as JSON."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"path": self.path, "headers": headers}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815  # names of the standard library

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


class _Server(ThreadingHTTPServer):
    """A server that does not mind when a request is cut off."""

    def handle_error(self, _request: object, _client_address: object) -> None:
        """Stay quiet."""


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    """Run an HTTP server on a free port of 127.0.0.1."""
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def echo() -> Iterator[str]:
    """Run a STAND-IN for a service, which answers with the path and the headers that it was asked with; give its host:port."""
    with serving(_Echo) as server:
        yield f"127.0.0.1:{server.server_address[1]}"
