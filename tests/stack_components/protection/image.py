"""A stand-in for CrowdSec's image: its own start script and engine on Debian, laid out as its Dockerfile does it.

https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/build/docker/Dockerfile .

Not as in the official one: the base, the hub of 2022 (Debian's
copy), a parser for today's Caddy, and that the files which scenarios read are there already.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import docker

from infra.cache import cached, digest
from infra.paths import cache_folder
from ops.host.image_build import build
from tests.stack_components.protection.engine import CADDY_PARSER, MODULE, VERSION, cscli_binary, engine_binary, hub, place_data
from tools.offline.debian import make_root_filesystem
from tools.offline.golang import GoProgram, copy_from_module, ensure_program, find_go
from tools.offline.recipes import BASE

_YQ = GoProgram("github.com/mikefarah/yq/v4", "", "4.50.1")
_DOCKERFILE = """\
FROM scratch
ADD root.tar /
COPY bin/ /usr/local/bin/
COPY docker_start.sh /
COPY staging/ /staging/
ENTRYPOINT ["/bin/bash", "/docker_start.sh"]
"""
_DATABASE = "/var/lib/crowdsec/data/crowdsec.db"
# The SQLite that is written in Go understands nothing of what CrowdSec asks of the official image's: to wait for a database that
# is locked, and to let others read meanwhile. Without, it ends when somebody else has it at the wrong moment.
_PATIENT = f"{_DATABASE}?_pragma=busy_timeout(100000)&_pragma=journal_mode(WAL)&more="
_CREDENTIALS = "url: http://0.0.0.0:8080\n"
_ACQUISITION = '{"source": "file", "filename": "/does/not/exist", "labels": {"type": "syslog"}}\n'


def crowdsec_image(engine: docker.DockerClient) -> str:
    """Return the id of the image, made first when the engine lacks it."""
    with tempfile.TemporaryDirectory() as scratch:
        # The folder's name is the image's tag, which stands for what it is made of.
        made_of = [
            _DOCKERFILE,
            _PATIENT,
            VERSION,
            CADDY_PARSER,
            str(engine_binary()),
            str(cscli_binary()),
            str(_yq()),
            str(hub()),
            str(_root()),
        ]
        folder = Path(scratch) / f"test-crowdsec-{digest(made_of)}"
        _write_context(folder)
        return build(folder, engine)


def _write_context(folder: Path) -> None:
    programs = {"crowdsec": engine_binary(), "cscli": cscli_binary(), "yq": _yq()}
    (folder / "bin").mkdir(parents=True)
    for name, path in programs.items():
        shutil.copy(path, folder / "bin" / name)
    shutil.copy(_root() / "root.tar", folder)
    go = find_go(cache_folder("offline"))
    copy_from_module(go, MODULE, VERSION, "build/docker/docker_start.sh", folder)
    etc, data = folder / "staging/etc/crowdsec", folder / "staging/var/lib/crowdsec/data"
    shutil.copytree(hub() / "usr/share/crowdsec/hub", etc / "hub")
    shutil.copytree(hub() / "etc/crowdsec/patterns", etc / "patterns")
    data.mkdir(parents=True)
    place_data(etc / "hub/scenarios", data)
    for name in ("profiles.yaml", "simulation.yaml", "console.yaml"):
        copy_from_module(go, MODULE, VERSION, f"config/{name}", etc)
    config = copy_from_module(go, MODULE, VERSION, "build/docker/config.yaml", etc)
    # Else every look at the hub would ask for the newest release first.
    text = config.read_text().replace("cscli:\n", "cscli:\n  hub_branch: none\n")
    config.write_text(text.replace(f"db_path: {_DATABASE}\n", f"db_path: {_PATIENT}\n"))
    (etc / "local_api_credentials.yaml").write_text(_CREDENTIALS)
    (etc / "acquis.yaml").write_text(_ACQUISITION)
    (etc / "parsers/s01-parse").mkdir(parents=True)
    (etc / "parsers/s01-parse/caddy.yaml").write_text(CADDY_PARSER)
    for path in (folder / "staging").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o600)
    (folder / "Dockerfile").write_text(_DOCKERFILE)


def _yq() -> Path:
    return ensure_program(_YQ, cache_folder("offline"))


def _root() -> Path:
    contents = replace(BASE, packages=(*BASE.packages, "rsync"))
    name = f"test-crowdsec-root-{digest([contents.packages, contents.suite])}"
    return cached(
        cache_folder("offline"),
        name,
        lambda folder: make_root_filesystem(contents, folder / "root.tar"),
        what="Debian with rsync",
    )
