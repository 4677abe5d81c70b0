"""A push storm on a whole stack, with garbage below it that is collected meanwhile, and what its clients met."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from infra.paths import PROJECT_FOLDER
from infra.progress import say
from ops.config import ACCESS_LOG_FILE, ACCESS_LOG_FOLDER
from ops.core.process import CommandError, run
from ops.registry.manifests import image_problems
from ops.registry.tree import RegistryTree
from ops.stack.log_files import every_file, lines_of
from tests.engine.clients import ALL_CLIENTS, Client
from tests.engine.stacks import TestStack
from tests.ops.tasks.gc.trees import lay_out_images
from tools.emulation.client import Client as Repeating
from tools.offline.debian import PackageError

# A stack whose garbage collection also takes what has just been written, and what has just been pulled.
SETTINGS = {"operations": {"gc": {"min_age_hours": 0, "keep_pulled_days": 0}}}
_SEEDS = 10
_LIMIT_S = 1800
# Else on few cores clients leave nothing to what they push to.
_PAUSE_S = 0.5
_BEGIN_LIMIT_S = 120.0
_WRITES = {"POST", "PATCH", "PUT", "DELETE"}
# 401 is how a client learns where to sign in, 404 how it learns that a layer is missing.
_EXPECTED = {401, 404}


@dataclass(frozen=True)
class Weathered:
    """What a storm met.

    Attributes:
        report: Of the collection, as `regops gc --json` prints it.
        failed: What clients could not do.
        refused: Answers of the edge that no client expects.
        pushes: How often each client pushed.
        longest_s: Seconds that the longest write took.
        tags: How many tags were pushed.
        broken: What is wrong with them afterwards.
    """

    report: dict[str, Any]
    failed: list[object]
    refused: list[dict[str, Any]]
    pushes: dict[str, int]
    longest_s: float
    tags: int
    broken: list[str]


def weather(stack: TestStack, folder: Path, blobs: int) -> Weathered:
    """Collect the garbage of a stack while clients push.

    Args:
        stack: Is up, with `SETTINGS`.
        folder: Where the clients keep their things.
        blobs: How many blobs there are at first; a third of them is garbage.
    """
    storm = Storm(stack, folder)
    tree = RegistryTree(stack.root / "data/registry")
    lay_out_images(tree, blobs)
    run(["chown", "--recursive", f"--reference={tree.root}", tree.root], timeout=_LIMIT_S)
    began = time.time()
    with storm.blowing():
        words = [sys.executable, "-m", "ops.cli", "--root", str(stack.root), "gc", "--json"]
        collected = run(words, timeout=_LIMIT_S, cwd=PROJECT_FOLDER)
    seen = _answers(stack, began)
    tags = [(name, tag) for name in tree.repository_names() if name.startswith("storm/") for tag in tree.tag_names(name)]
    return Weathered(
        report=json.loads(collected.stdout)["report"],
        failed=storm.failed,
        refused=[one for one in seen if one["status"] >= 400 and one["status"] not in _EXPECTED],
        pushes=dict(storm.counts),
        longest_s=max(one["duration"] for one in seen if one["request"]["method"] in _WRITES),
        tags=len(tags),
        broken=[problem for name, tag in tags for problem in image_problems(tree, name, tag)],
    )


class Storm:
    """Clients that push until they are told to stop: new images, and what is garbage just now, whose layers are not sent."""

    def __init__(self, stack: TestStack, folder: Path) -> None:
        registry, user, password = (stack.outputs[name] for name in ("registry", "registry_user", "registry_pass"))
        self.clients: dict[str, Client] = {}
        for name, kind in ALL_CLIENTS.items():
            (folder / name).mkdir()
            try:
                self.clients[name] = kind(registry, folder / name)
            except PackageError as error:
                say(f"the storm blows without {name}: {error}")
                continue
            assert self.clients[name].login(user, password).returncode == 0
        (folder / "again").mkdir()
        self._again = Repeating(registry, folder / "again")
        self._again.login(user, password)
        for seed in range(_SEEDS):
            self._again.push(f"storm/again:{seed}", size=1000, seed=seed)
            self._again.delete(f"storm/again:{seed}")
        self.counts = Counter(dict.fromkeys([*self.clients, "again"], 0))
        self.failed: list[object] = []
        self._over = threading.Event()

    @contextlib.contextmanager
    def blowing(self) -> Iterator[None]:
        """Push meanwhile; begins when each has pushed once, so that all of them are at it."""
        works = [partial(self._push_new, name) for name in self.clients] + [self._push_again]
        threads = [threading.Thread(target=work) for work in works]
        for thread in threads:
            thread.start()
        try:
            give_up = time.monotonic() + _BEGIN_LIMIT_S
            while not all(self.counts.values()):
                assert time.monotonic() < give_up, f"not all clients push: {self.counts}, {self.failed}"
                time.sleep(_PAUSE_S)
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _push_new(self, name: str) -> None:
        while not self._over.wait(_PAUSE_S):
            done = self.clients[name].push(f"storm/{name}:v{self.counts[name]}")
            self.counts[name] += 1
            if done.returncode:
                self.failed.append(done)

    def _push_again(self) -> None:
        while not self._over.wait(_PAUSE_S):
            seed = self.counts["again"] % _SEEDS
            try:
                self._again.push(f"storm/again:{seed}", size=1000, seed=seed)
            except CommandError as error:
                self.failed.append(error)
            self.counts["again"] += 1


def _answers(stack: TestStack, since: float) -> list[dict[str, Any]]:
    """What the edge has answered below /v2/ since a time in seconds since 1970."""
    log = stack.root / ACCESS_LOG_FOLDER / ACCESS_LOG_FILE
    answers = (json.loads(line) for file in every_file(log) for line in lines_of(file))
    return [one for one in answers if one["ts"] >= since and one["request"]["uri"].startswith("/v2/")]
