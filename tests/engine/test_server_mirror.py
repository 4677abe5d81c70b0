"""A mirror on an emulated server: the timer's unit copies as it may, and ends what hangs, with no right that it does not need."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infra.paths import cache_folder
from tests.engine.client import client
from tests.engine.servers import Server, production
from tools.emulation.stack import EmulatedStack
from tools.offline.tools import ensure_cosign

ADDRESS = "127.0.0.70"
PORT, RELEASES_PORT = 5099, 5098
MIRROR = "/srv/private-registry/data/mirror"
SETTINGS: dict[str, Any] = {
    "monitoring": {"enabled": False},
    "protection": {"enabled": False},
    "ui": {"enabled": False},
    "hetzner": {"ssh_from": ["0.0.0.0/0"], "storage_box": False, "protect": False},
}
_CATALOGUE = f"""\
version: 1
sync:
  - source: 127.0.0.1:{PORT}/app
    target: {ADDRESS}/up/app
    type: repository
"""
_UPSTREAM = f"""\
version: 0.1
storage: {{filesystem: {{rootdirectory: /srv/up/data}}}}
http: {{addr: '127.0.0.1:{PORT}', relativeurls: true}}
"""
# Pushes the smallest image.
_PUSH = f"""
import hashlib, json, urllib.request
def ask(method, path, content=None, kind="application/octet-stream"):
    request = urllib.request.Request("http://127.0.0.1:{PORT}" + path, content, {{"Content-Type": kind}}, method=method)
    return urllib.request.urlopen(request).headers.get("Location", "")
digest = "sha256:" + hashlib.sha256(b"{{}}").hexdigest()
place = ask("POST", "/v2/app/blobs/uploads/", b"")
ask("PUT", place + ("&" if "?" in place else "?") + "digest=" + digest, b"{{}}")
kind = "application/vnd.oci.image.manifest.v1+json"
blob = {{"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest, "size": 2}}
manifest = {{"schemaVersion": 2, "mediaType": kind, "config": blob, "layers": [blob]}}
ask("PUT", "/v2/app/manifests/1.0", json.dumps(manifest).encode(), kind)
"""


@pytest.fixture(scope="module")
def cosign() -> Path:
    return ensure_cosign(cache_folder("offline"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, cosign: Path) -> Iterator[EmulatedStack]:
    folder = tmp_path_factory.mktemp("production")
    (folder / "catalogue.yml").write_text(_CATALOGUE)
    program = {"url": f"http://127.0.0.1:{RELEASES_PORT}/cosign", "sha256": hashlib.sha256(cosign.read_bytes()).hexdigest()}
    sync = {"into": ["up/**"], "catalogue": str(folder / "catalogue.yml"), "reserve_gb": 0, "cosign": program}
    with production(folder, ADDRESS, sync=sync, **SETTINGS) as stack:
        stack.stack.up()
        yield stack


@pytest.fixture(scope="module")
def server(stack: EmulatedStack) -> Server:
    """The server, with an upstream registry on its loopback, and on that of the container from which copies are made."""
    server, name = Server(stack), stack.name
    server.run(f"mkdir -p /srv/up && cat > /srv/up/config.yml <<'END'\n{_UPSTREAM}\nEND")
    server.run(
        f"image=$(docker inspect --format '{{{{.Image}}}}' {name}-registry)\n"
        f"for network in host container:{name}-regsync; do\n"
        "  docker run --detach --network $network --user 0 --volume /srv/up:/srv/up --env OTEL_TRACES_EXPORTER=none"
        " $image serve /srv/up/config.yml\n"
        "done"
    )
    server.run(f"for _ in $(seq 50); do curl -s -o /dev/null http://127.0.0.1:{PORT}/ && break; sleep 0.1; done")
    server.run(f"python3 - <<'END'\n{_PUSH}\nEND")
    return server


def test_the_timers_unit_mirrors_what_up_has_shipped(server: Server) -> None:
    assert "regops-sync.timer" in server.run("systemctl list-timers --no-pager --no-legend")
    server.run("systemctl start regops-sync.service || { journalctl --unit regops-sync --no-pager; exit 1; }")
    shown = json.loads(server.run("regops sync status --json"))["mirror"]
    assert [one["record"]["state"] for one in shown["entries"]] == ["changed"], shown
    assert server.run(
        "ls /srv/private-registry/data/registry/docker/registry/v2/repositories/up/app/_manifests/tags"
    ).split() == ["1.0"]
    assert server.run("find /srv/private-registry/data/mirror ! -user 10001") == ""


def test_the_unit_ends_what_somebody_has_left(server: Server, stack: EmulatedStack) -> None:
    """It runs as the services' user, without capabilities, and sees the processes of that user alone."""
    step = {"source": "192.0.2.1/a:1", "target": "192.0.2.1/b:1", "type": "image"}  # where nobody answers: RFC 5737
    left = json.dumps({"version": 1, "sync": [step]})
    runs = "/srv/private-registry/data/mirror/runs"
    server.run(f"echo '{left}' > {runs}/left.json && chmod 644 {runs}/left.json")
    server.run(f"docker exec --detach {stack.name}-regsync regsync once --config /etc/regsync/runs/left.json")
    assert " once " in server.run(f"docker top {stack.name}-regsync")
    server.run("regops sync retry app && systemctl start regops-sync.service")
    assert "ended 1 runs of regsync" in server.run("journalctl --unit regops-sync --no-pager")
    assert " once " not in server.run(f"docker top {stack.name}-regsync")


def test_the_unit_verifies_by_the_cosign_that_it_has_fetched(server: Server, cosign: Path) -> None:
    """It says that there are no signatures: it runs with no right that the unit does not have."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    key = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    entry = {"source": f"127.0.0.1:{PORT}/app", "target": f"{ADDRESS}/up/verified", "type": "repository"}
    wanted = json.dumps({**entry, "x-regops": {"verify": {"key": key}}})
    server.run(f"cat >> {MIRROR}/catalogue.yml <<'END'\n  - {wanted}\nEND")
    server.run("systemctl start regops-sync.service || true")
    assert "cannot be fetched" in status_of(server)["up/verified"]["why"]
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.add(cosign, "cosign")
    client().containers.get(server.name).put_archive("/srv/up", content.getvalue())
    server.run(f"systemd-run --unit releases python3 -m http.server --directory /srv/up --bind 127.0.0.1 {RELEASES_PORT}")
    server.run(f"for _ in $(seq 50); do curl -sI http://127.0.0.1:{RELEASES_PORT}/cosign && break; sleep 0.1; done")
    server.run("regops sync retry up/verified && { systemctl start regops-sync.service || true; }")
    assert "no signatures found" in status_of(server)["up/verified"]["why"]
    (fetched,) = server.run(f"stat --format '%U %a %s' {MIRROR}/bin/*").splitlines()
    assert fetched.split()[1:] == ["755", str(cosign.stat().st_size)]


def status_of(server: Server) -> dict[str, Any]:
    """Return how each entry fared, by its repository."""
    shown = json.loads(server.run("regops sync status --json"))["mirror"]
    return {one["repository"]: one["record"] for one in shown["entries"]}
