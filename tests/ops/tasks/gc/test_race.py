"""Pushes, mounts, moved tags and deletes while garbage is collected behind a real edge: nothing that was accepted is lost."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from ops.stack.access_log import NewlyAsked
from tests.ops.tasks.gc.gc_rig import Client, Image, Rig, running
from tests.ops.tasks.gc.pushed_kinds import PUSHED_KINDS, PushedKind
from tests.ops.tasks.gc.traffic import Traffic
from tests.real_programs import RedisServer
from tests.stack_components.edge.whole import Edge, running_before

pytestmark = pytest.mark.system

IMAGES = 15
SEEDS = 5
ROUNDS = 3


@contextlib.contextmanager
def behind_an_edge(folder: Path, cache: str = "") -> Iterator[tuple[Rig, Edge]]:
    """Run a registry, and an edge that holds writes in read-only mode; give the edge too."""
    with running(folder, cache=cache) as rig, running_before(folder, rig.client.url) as edge:
        yield rig, edge


class Disturbance:
    """What the clients do to the images that are being collected: push, mount, move a tag, delete.

    No two do it to one image at once: the registry itself loses a manifest that is pushed while it is deleted.
    """

    def __init__(self, images: Sequence[Image]) -> None:
        self._images = [(image, threading.Lock()) for image in images]
        self._numbers = itertools.count()
        self.accepted: set[tuple[str, str]] = set()

    def once(self, client: Client) -> httpx.Response:
        """Do one of it."""
        number = next(self._numbers)
        image, lock = random.choice(self._images)  # noqa: S311
        repository, tag = f"team/{number % 3}", f"n{number}"
        with lock:
            match number % 4:
                case 0:
                    answer = client.mount(repository, f"team/{(number + 1) % 3}", tag, image)
                case 1:
                    answer = client.push(repository, tag, image)
                case 2:
                    answer = client.push(repository, f"moving-{number % 2}", image)
                case _:
                    answer = client.delete(repository, image.digest)
        # The registry itself may fail where a tag is moved while it goes with a manifest that is deleted. A layer that a client
        # was told of just before its removal is not removed.
        assert answer.status_code in {201, 202, 404} | ({500} if number % 4 > 1 else set()), (
            answer.request,
            answer.text,
        )
        if number % 4 < 2 and answer.status_code == 201:
            self.accepted.add((repository, tag))
        return answer


def test_nothing_is_lost_whatever_clients_do_meanwhile(tmp_path: Path) -> None:
    images = [Image(f"gone {number}", layers=1) for number in range(IMAGES)]
    again, for_good = Image("again"), Image("for good")
    disturbance = Disturbance(images)

    with behind_an_edge(tmp_path) as (rig, edge), contextlib.closing(NewlyAsked(edge.caddy.access_log_file)) as newly:
        asked = set[str]()

        def asked_for() -> set[str]:
            asked.update(newly.digests())
            return asked

        for number, image in enumerate([*images, again, for_good]):
            assert rig.client.push(f"team/{number % 3}", f"g{number}", image).status_code == 201
            assert rig.client.delete(f"team/{number % 3}", image.digest).status_code == 202
        assert rig.client.push("team/kept", "v1", Image("kept")).status_code == 201

        def pull(client: Client) -> None:
            assert client.pull("team/kept", "v1") == []

        def meanwhile(step: str) -> None:
            time.sleep(0.2 if step in {"listed", "marked"} else 0)
            if step == "marked":
                assert rig.client.push("team/again", "v1", again).status_code == 201

        writers, readers = Traffic(edge.url), Traffic(edge.url)
        try:
            readers.start(pull)
            for _ in range(3):
                writers.start(disturbance.once)
            reports = [rig.collection(step=meanwhile, asked_for=asked_for).run() for _ in range(ROUNDS)]
        finally:
            writers.stop()
            readers.stop()
        assert (writers.errors, readers.errors) == ([], [])
        assert readers.done > 10
        assert writers.refused == 0, "those that came in read-only mode were held"
        assert writers.longest > 0.2, "some did"
        assert reports[0].removed_blobs >= 5
        assert reports[0].kept_again >= 5
        assert [problem for report in reports for problem in report.problems] == []
        assert rig.broken() == []
        there = [(repository, tag) for repository, tag in disturbance.accepted if rig.tree.tagged(repository, tag)]
        assert there, "some were not deleted afterwards"
        assert [problem for repository, tag in there for problem in rig.client.pull(repository, tag)] == []
        rig.collection().run()
        assert rig.collection().plan().blobs == 0
        assert rig.broken() == []


def test_content_of_every_kind_is_pushed_again_while_it_is_garbage(tmp_path: Path, redis: RedisServer) -> None:
    """With a cache: without one, the registry takes no index that lists blobs."""
    accepted = list[tuple[PushedKind, str, str]]()

    def pusher(kind: PushedKind) -> Callable[[Client], httpx.Response]:
        numbers = itertools.count()

        def push(client: Client) -> httpx.Response:
            number = next(numbers)
            tag, seed = f"n{number}", str(number % SEEDS)
            answer = kind.push(client, tag, seed)
            assert answer.status_code == 201, (kind.name, answer.request, answer.text)
            accepted.append((kind, tag, seed))
            return answer

        return push

    with (
        behind_an_edge(tmp_path, redis.address) as (rig, edge),
        contextlib.closing(NewlyAsked(edge.caddy.access_log_file)) as newly,
    ):
        asked = set[str]()

        def asked_for() -> set[str]:
            asked.update(newly.digests())
            return asked

        for kind in PUSHED_KINDS:
            for seed in (*map(str, range(SEEDS)), "for good"):
                answer = kind.push(rig.client, "garbage", seed)
                assert answer.status_code == 201, (kind.name, answer.text)
                assert rig.client.delete(kind.repository, "garbage").status_code == 202
            assert kind.push(rig.client, "kept", "kept").status_code == 201
        # A referrer of what was never here stays.
        assert rig.collection().plan().blobs == (len(PUSHED_KINDS) - 1) * (SEEDS + 1) * 4
        writers = Traffic(edge.url)
        try:
            for kind in PUSHED_KINDS:
                writers.start(pusher(kind))
            reports = [rig.collection(step=_slowly, asked_for=asked_for, cache=redis.cache).run() for _ in range(ROUNDS)]
        finally:
            writers.stop()
        assert (writers.errors, writers.refused) == ([], 0)
        assert [problem for report in reports for problem in (*report.problems, *report.plan.unclear)] == []
        assert sum(report.removed_blobs for report in reports) >= (len(PUSHED_KINDS) - 1) * 4
        assert sum(report.kept_again for report in reports) > 0
        assert {kind.name for kind, _, _ in accepted} == {kind.name for kind in PUSHED_KINDS}
        rig.collection(cache=redis.cache).run()
        assert rig.collection().plan().blobs == 0
        accepted += [(kind, "kept", "kept") for kind in PUSHED_KINDS]
        assert [problem for kind, tag, seed in accepted for problem in kind.problems(rig.client, tag, seed)] == []


def _slowly(step: str) -> None:
    time.sleep(0.2 if step in {"listed", "marked"} else 0)


@pytest.mark.parametrize("step", ["listed", "marked", "noted", "drained"])
def test_what_is_pushed_again_between_two_steps_stays(tmp_path: Path, step: str) -> None:
    """These include a write that arrives during read-only mode, because its request was already in flight."""
    image = Image("again")
    with running(tmp_path) as rig:
        client = rig.client
        assert client.push("app", "v1", image).status_code == 201
        assert client.push("other", "v1", Image("other")).status_code == 201
        assert client.push("app", "v2", Image("replaced")).status_code == 201
        assert client.push("app", "v2", Image("current")).status_code == 201
        assert client.delete("app", image.digest).status_code == 202

        def again(now: str) -> None:
            if now == step:
                assert client.push("app", "v3", image).status_code == 201
                assert client.mount("new/place", "app", "v1", image).status_code == 201
                # By its digest alone: there is no new name, only a link written again.
                assert client.push_manifest("app", Image("replaced").digest, Image("replaced").manifest).status_code == 201
                assert client.delete("other", "v1").status_code == 202

        report = rig.collection(step=again).run()
        assert (report.plan.blobs, report.removed_blobs) == (10, 0)
        assert client.pull("app", "v3") == client.pull("new/place", "v1") == client.pull("app", Image("replaced").digest) == []
        assert rig.broken() == []


def test_a_push_under_way_is_waited_for_and_another_one_within_its_time_is_spared(tmp_path: Path) -> None:
    """Layers whose manifest is still to come are no garbage as long as they are young."""
    with running(tmp_path) as rig:
        image = Image("slow")
        for blob in image.blobs:
            assert rig.client.push_blob("app", blob).status_code == 201
        collection = dataclasses.replace(rig.collection(), rules=dataclasses.replace(rig.collection().rules, min_age_s=60))
        assert collection.run().removed_blobs == 0
        assert rig.client.push_manifest("app", "v1", image.manifest).status_code == 201
        assert rig.client.pull("app", "v1") == []
