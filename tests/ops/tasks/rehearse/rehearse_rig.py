"""The world of a rehearsal: a real registry that can be killed and started again, a real restic, and what is around them."""

from __future__ import annotations

import contextlib
import getpass
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.paths import cache_folder
from ops.config import BACKUP_PASSWORD, BACKUP_SECOND_PASSWORD, BACKUP_SSH_KEY, BackupSettings, NotifySettings
from ops.config.notify import AlertRules, NtfyChannel, Severity
from ops.core.process import Completed, run
from ops.tasks.rehearse.client import Client
from ops.tasks.rehearse.mirroring import mirror_settings
from ops.tasks.rehearse.relay import Relay
from ops.tasks.rehearse.scratch import scratch_regsync
from ops.tasks.rehearse.world import CacheServer, Receiver, Upstream, World, make_stack
from tests.checkouts import BEFORE, has_commit, part_at
from tests.ops.backups.backup_rig import PASSWORDS
from tests.ops.backups.quick_keys import make_repository
from tests.ops.notify.ntfy_server import TOPIC, ntfy_server
from tests.ops.tasks.drill.drill_rig import docker_engine
from tests.ops.tasks.gc.gc_rig import configure, started
from tests.real_programs import open_redis_server
from tests.tools.offline.plugins.command.sshd import sshd
from tools.offline.debian import apt_install
from tools.offline.images import ensure_images
from tools.offline.tools import ensure_restic

_LIMIT_S = 300.0
_AS_BEFORE = Path(__file__).with_name("as_before.py")
# As a stack's registry has it: a cache that is away is not tried again and again.
_CACHE = {"redis": {"maxretries": 1}}
# ntfy limits who publishes more than people read.
_UNLIMITED = {"NTFY_VISITOR_REQUEST_LIMIT_BURST": "100000", "NTFY_VISITOR_MESSAGE_DAILY_LIMIT": "100000"}


@contextlib.contextmanager
def world_in(folder: Path, *, disk: Path | None = None, around: Path | None = None) -> Iterator[World]:
    """Run a registry in a folder, with backups beside it.

    Args:
        folder: The folder, which is empty.
        disk: The small file system that it is on; None if it is on none.
        around: Where the files are of what is around it: a cache, an upstream registry, a server for backups, one for messages,
            the version before, and lines to them; None if there is nothing around it.
    """
    with ExitStack() as ends, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(ensure_restic(cache_folder("offline")).parent), prepend=":")
        apt_install("faketime", "faketime", purpose="clocks that are wrong")
        (folder / "secrets/backup").mkdir(parents=True)
        settings, beside = _around(folder, around, ends) if around else ({}, {})
        cache = beside.get("cache")
        url, kill, start = _registry(folder, ends, cache.address if cache else "")
        if around:
            beside["line"].to = urlsplit(url).netloc
        else:
            make_repository(folder / "target", *PASSWORDS)
        for name, password in zip((BACKUP_PASSWORD, BACKUP_SECOND_PASSWORD), PASSWORDS, strict=True):
            (folder / "secrets" / name).write_text(f"{password}\n")
        stack = make_stack(folder, f"http://{beside['line'].address}" if around else url, **settings)
        world = World(stack, url, kill, start, disk=disk, **beside)
        if world.upstream:
            image = ensure_images(["regsync"], ends.enter_context(docker_engine()), cache_folder("offline"))["regsync"].reference
            ends.enter_context(scratch_regsync(stack, image, world.upstream.line, root=folder))
        ends.callback(world.close)
        world.await_start()
        yield world


def _registry(folder: Path, ends: ExitStack, cache: str = "") -> tuple[str, Callable[[], None], Callable[[], str]]:
    """Run a registry in a folder; return where it is, what kills it, and what starts it again."""
    port, _ = configure(folder, cache=cache, settings=_CACHE if cache else None)
    url, running = f"http://127.0.0.1:{port}", list[subprocess.Popen[bytes]]()

    def start() -> str:
        running.append(started(folder))
        return url

    def kill() -> None:
        with running.pop() as process:
            process.kill()

    start()
    ends.callback(kill)
    return url, kill, start


def _around(folder: Path, around: Path, ends: ExitStack) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run what is around a registry; return the settings of its stack, and what its world has beside it."""
    for name in ("redis", "upstream"):
        (around / name).mkdir()
    line = ends.enter_context(Relay("").running())
    redis = ends.enter_context(open_redis_server(around / "redis"))
    source, _, _ = _registry(around / "upstream", ends)
    upstream = Upstream(Client(source), ends.enter_context(Relay(urlsplit(source).netloc).running()))
    backup, box = _box(folder, around, ends)
    notify, receiver = _receiver(folder, ends)
    cache = CacheServer(redis.address, redis.kill, redis.start)
    beside = {"line": line, "cache": cache, "upstream": upstream, "box": box, "receiver": receiver}
    if has_commit(BEFORE["commit"]):
        part_at(around / "before", BEFORE["commit"], "ops")
        beside["before"] = lambda task: _as_before(around / "before", folder, redis.address, task)
    return {"sync": mirror_settings(line), "backup": backup, "notify": notify}, beside


def _box(folder: Path, around: Path, ends: ExitStack) -> tuple[BackupSettings, Relay]:
    server = ends.enter_context(sshd(around / "sshd"))
    line = ends.enter_context(Relay(f"127.0.0.1:{server.port}").running())
    make_repository(around / "box", *PASSWORDS)
    key = folder / "secrets" / BACKUP_SSH_KEY
    key.write_text(server.private_key)
    key.chmod(0o600)
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{line.port}/{around / 'box'}"
    return BackupSettings(target=url, host_key=" ".join(server.host_key.split()[:2])), line


def _receiver(folder: Path, ends: ExitStack) -> tuple[NotifySettings, Receiver]:
    server = ends.enter_context(ntfy_server(_UNLIMITED))
    line = ends.enter_context(Relay(urlsplit(server.url).netloc).running())
    (folder / "secrets/ntfy_token").write_text(f"{server.token}\n")
    channel = NtfyChannel(kind="ntfy", server=f"http://{line.address}", topic=TOPIC, minimum=Severity.INFO)
    settings = NotifySettings(channels={"phone": channel}, rules=AlertRules(digest_hour=None))
    return settings, Receiver(line, lambda: [one["title"] for one in server.messages() if one["event"] == "message"])


def _as_before(before: Path, root: Path, cache: str, task: str) -> Completed:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(before), *filter(None, sys.path)])}
    # Run by its path, it finds no `ops` beside it.
    program = [sys.executable, "-P", str(_AS_BEFORE), str(root), cache, task]
    return run(program, timeout=_LIMIT_S, env=environment, cwd=before, check=False)
