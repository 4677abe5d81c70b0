"""How fast the mirror plans, runs with nothing to do, and copies, against plain regsync."""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import yaml

from infra.paths import PROJECT_FOLDER
from ops.catalogue.shipped import working_copy
from ops.core.process import Completed, run
from tests.ops.tasks.gc.gc_rig import Image, digest_of
from tests.ops.tasks.sync.mirror_rig import HERE, MirrorRig, running_mirror
from tests.real_programs import go_binary
from tools.bench.report import Row

TITLE = "The mirror, upstreams 20 ms away, client and all registries on the same cores"
_LATENCY_S = 0.02
_UPSTREAMS, _ENTRIES, _TAGS = 6, 130, 3
_MANY = 7241
_LARGE, _LARGE_MIB = 7, 30
_RUNS = 3
_LIMIT_S = 600.0
# Runs regops, and says what memory it has had at most, in KiB.
_PEAK = """\
import runpy, sys
from tools.bench.memory import peak_kib
sys.argv = ["regops", *sys.argv[1:]]
try:
    runpy.run_module("ops.cli", run_name="__main__")
finally:
    print(peak_kib(), file=sys.stderr)
"""


def measure(folder: Path) -> list[Row]:
    """Mirror a catalogue as people have one.

    Args:
        folder: Where everything is put.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with mirror_in(folder) as mirror:
        return [*_plans(mirror), *_copies(mirror), *_many(mirror)]


def mirror_in(folder: Path) -> AbstractContextManager[MirrorRig]:
    """Run a mirror with its upstreams."""
    return running_mirror(folder, [f"up{number}" for number in range(_UPSTREAMS)])


def fill(mirror: MirrorRig, name: str, entries: int, tags: int) -> None:
    """Mirror repositories whose tags are all the same image, from upstreams that answer late from then on.

    Args:
        mirror: The mirror.
        name: The beginning of the repositories' names.
        entries: How many repositories there are.
        tags: How many tags each has.
    """
    image = Image("the same for all")
    repositories = [f"{name}{number}" for number in range(entries)]
    for front in mirror.fronts.values():
        front.latency_s = 0.0
    for repository in repositories:
        _pushed(mirror.source.push(repository, "1.0", image))
        for tag in (f"1.{number}" for number in range(1, tags)):
            _pushed(mirror.source.push_manifest(repository, tag, image.manifest))
    choose(mirror, name, entries)
    succeeded(mirror.regops("sync", "--force"))
    for front in mirror.fronts.values():
        front.latency_s = _LATENCY_S
        front.requests.clear()


def choose(mirror: MirrorRig, name: str, entries: int) -> None:
    """Let the mirror have repositories that it was filled with, and no others."""
    mirror.catalogue(*(mirror.entry(f"up{number % len(mirror.fronts)}", f"{name}{number}") for number in range(entries)))


def _plans(mirror: MirrorRig) -> list[Row]:
    fill(mirror, "bench/app", _ENTRIES, _TAGS)
    plan = _seconds(partial(regops, mirror, "sync", "plan"))
    unchanged = _seconds(partial(regops, mirror, "sync", "--force"))
    pulls = sum(front.pulls for front in mirror.fronts.values())
    check = _seconds(partial(regsync, mirror, "check"), 1)
    once = _seconds(partial(regsync, mirror, "once"))
    what = f"{_ENTRIES} entries, {_ENTRIES * _TAGS} tags of {_UPSTREAMS} registries"
    return [
        Row(f"{what}: `regops sync plan`", "", "", plan, "s"),
        Row(f"{what}: `regsync check`", "one after the other", "", check, "s"),
        Row(f"{what}: `regsync once`, unchanged", "", "", once, "s"),
        Row(f"{what}: `regops sync`, unchanged", "", "", unchanged, "s"),
        Row("`regsync check` against the plan", "", "≥ 8", check / plan, ""),
        Row("`regsync once` against the plan", "", "≥ 1.5", once / plan, ""),
        Row("pulls of plans and unchanged runs", "", "0", pulls, ""),
    ]


def _copies(mirror: MirrorRig) -> list[Row]:
    """Copy large images by either, each into a repository of its own, with nothing else to be done."""
    front = mirror.fronts["up0"]
    front.latency_s = 0.0
    ours, whole, theirs = list[float](), list[float](), list[float]()
    for turn in range(_RUNS):
        for number in range(_LARGE):
            _push_large(mirror, f"large/ours{turn}", str(number))
            _push_large(mirror, f"large/theirs{turn}", str(number))
        mirror.catalogue(mirror.entry("up0", f"large/ours{turn}"))
        began = time.monotonic()
        ours.append(mirror.sync("--force")[f"up0/large/ours{turn}"]["seconds"])
        whole.append(time.monotonic() - began)
        mirror.catalogue(mirror.entry("up0", f"large/theirs{turn}"))
        theirs.append(_seconds(partial(regsync, mirror, "once"), 1))
    amount, what = _LARGE * _LARGE_MIB * 1.048576, f"{_LARGE} images of {_LARGE_MIB} MiB"
    copy, run_, plain = (statistics.median(found) for found in (ours, whole, theirs))
    return [
        Row(f"{what}: copied by `regops sync`", f"{run_:.1f} s with all that is around it", "", amount / copy, "MB/s"),
        Row(f"{what}: `regsync once`", "", "", amount / plain, "MB/s"),
        Row("copied by `regops sync` against `regsync once`", "", "≥ 0.9", plain / copy, ""),
    ]


def _many(mirror: MirrorRig) -> list[Row]:
    """Plan a catalogue as large as the largest public one, whose entries are single images."""
    entries = [
        {
            "source": f"{mirror.fronts[f'up{number % _UPSTREAMS}'].address}/bench/app{number % _ENTRIES}:1.{number % _TAGS}",
            "target": f"{HERE}/many/app{number}:1",
            "type": "image",
        }
        for number in range(_MANY)
    ]
    mirror.catalogue(*entries)
    began = time.monotonic()
    command = [sys.executable, "-c", _PEAK, "--root", str(mirror.stack.root), "sync", "plan", "--json"]
    done = run(command, timeout=_LIMIT_S, cwd=PROJECT_FOLDER)
    took, peak = time.monotonic() - began, int(done.stderr.split()[-1]) / 1024
    if len(json.loads(done.stdout)["plan"]["entries"]) != _MANY:
        raise RuntimeError("the plan does not have all entries")
    return [
        Row(f"{_MANY} entries, single images: `regops sync plan`", "fronts, in Python, included", "", took, "s"),
        Row("its memory", "", "≤ 300 MB", peak, "MB"),
    ]


def _push_large(mirror: MirrorRig, repository: str, tag: str) -> None:
    content = random.Random(f"{repository}:{tag}").randbytes(_LARGE_MIB << 20)  # noqa: S311
    _pushed(mirror.source.push_blob(repository, content))
    image = Image(f"{repository}:{tag}", layers=1)
    document = json.loads(image.manifest)
    document["layers"] = [{"mediaType": "application/x", "digest": digest_of(content), "size": len(content)}]
    for blob in image.blobs:
        _pushed(mirror.source.push_blob(repository, blob))
    _pushed(mirror.source.push_manifest(repository, tag, json.dumps(document).encode()))


def regops(mirror: MirrorRig, *words: str) -> Completed:
    """Run `regops` from its start, imports included: tests spare themselves those."""
    command = [sys.executable, "-m", "ops.cli", "--root", str(mirror.stack.root), *words]
    return run(command, timeout=_LIMIT_S, cwd=PROJECT_FOLDER, check=False)


def regsync(mirror: MirrorRig, verb: str) -> Completed:
    """Run plain regsync with the host's catalogue, and what it needs to log in here."""
    document: dict[str, Any] = yaml.safe_load(working_copy(mirror.stack.root).read_text().replace(HERE, mirror.rig.inner))
    here = {"registry": mirror.rig.inner, "tls": "disabled", "user": "regsync", "pass": "password-of-regsync", "repoAuth": True}
    fronts = [{"registry": front.address, "tls": "disabled"} for front in mirror.fronts.values()]
    document |= {"creds": [here, *fronts], "defaults": {"parallel": 2, "skipDockerConfig": True}}
    file = mirror.stack.root / "plain.yml"
    file.write_text(yaml.safe_dump(document))
    environment = {"PATH": os.environ["PATH"], "HOME": str(mirror.stack.root)}
    return run([go_binary("regsync"), verb, "--config", file], timeout=_LIMIT_S, env=environment, check=False)


def _seconds(work: Callable[[], Completed], runs: int = _RUNS) -> float:
    times = []
    for _ in range(runs):
        began = time.monotonic()
        succeeded(work())
        times.append(time.monotonic() - began)
    return statistics.median(times)


def succeeded(done: Completed) -> None:
    """Fail unless a command has not."""
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])


def _pushed(answer: httpx.Response) -> None:
    answer.raise_for_status()
