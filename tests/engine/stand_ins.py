"""A STAND-IN image for services whose own image is not available here: it answers the health path and says what it is."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import yaml

from infra.images import load_lock
from infra.paths import cache_folder
from infra.project import LOCK
from tests.engine.client import client
from tools.offline.images import ensure_images
from tools.offline.recipes import RECIPES

TAG = "private-registry-test/stand-in:latest"
# Where the real ones listen: UI and cAdvisor, Grafana, oauth2-proxy, Portainer, socket proxies, CrowdSec's metrics.
PORTS = (8080, 3000, 4180, 9000, 2375, 6060)
_SERVER = f"""
import json, socket, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        told = ("x-auth", "authorization", "cookie")
        seen = {{name: value for name, value in self.headers.items() if name.lower().startswith(told)}}
        text = f"# STAND-IN for {{socket.gethostname()}} {{self.path}} {{json.dumps(seen)}}\\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass

for port in {PORTS}:
    threading.Thread(target=ThreadingHTTPServer(("0.0.0.0", port), Answer).serve_forever).start()
"""
# Programs of the real images that health checks run: each does nothing and succeeds.
_PROGRAMS = ("/healthcheck", "/portainer", "/usr/local/bin/cscli")


def lock_with_stand_ins(folder: Path) -> Path:
    """Write an images lock with the stand-in for every image that cannot be made from packages; return its path."""
    lock = load_lock(LOCK)
    made = ensure_images([name for name in lock if name in RECIPES], client(), cache_folder("offline"))
    entries = {name: {"image": ref.reference, "version": ref.version} for name, ref in made.items()}
    stand_in = _image(made["python"].reference)
    entries |= {name: {"image": stand_in, "version": "999"} for name in lock.keys() - made.keys()}
    path = folder / "images.lock"
    path.write_text(yaml.safe_dump(entries))
    return path


def _image(python: str) -> str:
    """Make the image in the engine, and return its id."""
    links = " && ".join(f"ln -s /bin/true {program}" for program in _PROGRAMS)
    dockerfile = f"FROM {python}\nCOPY server.py /server.py\nRUN {links}\nENTRYPOINT {json.dumps(['python3', '/server.py'])}\n"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in {"Dockerfile": dockerfile, "server.py": _SERVER}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    buffer.seek(0)
    image, _ = client().images.build(fileobj=buffer, custom_context=True, tag=TAG, rm=True, network_mode="none")
    return str(image.id)
