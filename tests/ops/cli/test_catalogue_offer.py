"""What `regops catalogue add` and `edit` show before they save, with a real registry behind a front."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ops.catalogue.shipped import working_copy
from ops.config import REGOPS_FILE, MirrorSettings, RegopsConfig, render
from ops.core.files import write_atomic
from ops.core.process import Completed
from ops.upstream.budget import Budget
from tests.ops.command_line import regops
from tests.ops.tasks.gc.gc_rig import Image
from tests.upstreams import Front

pytestmark = pytest.mark.system


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.yml"


Add = Callable[..., Completed]


@pytest.fixture
def add(front: Front, file: Path) -> Add:
    def call(image: str, *words: str) -> Completed:
        source = f"{front.address}/{image}"
        return regops(None, "catalogue", "--file", file, "add", source, "--registry", "r.example.com", *words)

    return call


def test_tags_that_match_and_are_kept_are_shown_before_the_entry_is_saved(add: Add, front: Front, file: Path) -> None:
    front.budget = Budget(100, 54, 21600)
    told = add("library/postgres", "--tags", r"1[67]\.\d+(-alpine)?", "--keep", "3")
    assert told.returncode == 0, told.stderr
    lines = told.stderr.splitlines()
    assert lines[0] == f"{front.address}/library/postgres has 17 tags; 11 match: 17.4 17.3 17.2 17.1-alpine 17.1 17.0 … 16.0"
    assert lines[1].split() == ["of", "which", "the", "3", "highest", "are", "kept:", "17.4", "17.3", "17.2"]
    assert lines[2] == "goes to library/postgres: 3 tags to copy"
    size = f"{3 * 4 * 200 / 1024:.1f} KiB"
    assert (
        lines[3]
        == f"costs about {size} and about 3 pulls of {front.address}; how long that takes is unknown yet: past copies tell"
    )
    assert lines[4] == f"{front.address} grants 53 more pulls now, of 100 per 6 h; 1 were used to know this"
    assert lines[5].startswith("added to ")
    assert front.pulls == 1
    edited = regops(None, "catalogue", "--file", file, "edit", "postgres", "--tags", "latest", "--keep", "0")
    assert "1 matches: latest" in edited.stderr
    moved = regops(None, "catalogue", "--file", file, "edit", "postgres", "--target", "db/postgres")
    assert "match" not in moved.stderr, "its tags have not changed"


def test_where_pulls_are_counted_two_tell_what_all_images_cost(add: Add, front: Front) -> None:
    front.budget = Budget(100, 54, 21600)
    told = add("library/multi").stderr
    blobs = 2 * 2 * 4 * 200  # of two images, each for two platforms that count
    assert f"costs about {blobs / 1024:.1f} KiB and about 10 pulls of {front.address}; how long that takes is unknown yet" in told
    assert f"{front.address} grants 52 more pulls now, of 100 per 6 h; 2 were used to know this" in told
    assert front.pulls == 2
    front.budget = Budget(100, 21, 21600)
    told = add("library/multi", "--target", "other/multi").stderr
    assert "costs" not in told, "one pull is left beside those for people, which does not tell enough"
    assert front.budget.remaining >= 20


def test_where_none_are_counted_all_is_read(add: Add, front: Front) -> None:
    told = add("library/multi").stderr
    manifests = 8 * len(Image("platform 0 of 1").manifest)
    assert front.pulls == 10
    (costs,) = (line for line in told.splitlines() if line.startswith("costs "))
    assert "about" not in costs.partition(";")[0]
    assert float(costs.split()[1]) * 1024 > 8 * 4 * 200 + manifests


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("library/postgress",), "no such repository: library/postgress"),
        (("library/postgres:18",), "no such image: library/postgres:18"),
        (("library/postgres", "--tags", r"9\.\d+"), "none of the 17 tags of"),
    ],
)
def test_what_is_not_there_is_refused_unless_nobody_asks(
    add: Add, front: Front, file: Path, words: tuple[str, ...], why: str
) -> None:
    told = add(*words)
    assert told.returncode == 10, told.stderr
    assert why in told.stderr
    assert "--offline" in told.stderr
    assert not file.exists()
    asked = len(front.requests)
    assert add(*words, "--offline").returncode == 0
    assert len(front.requests) == asked
    assert file.exists()


def test_an_upstream_that_cannot_be_asked_is_only_noted(add: Add, front: Front, file: Path) -> None:
    front.failing = 100
    told = add("library/postgres")
    assert told.returncode == 0, told.stderr
    assert "what it matches cannot be shown" in told.stderr
    assert file.exists()


def test_a_host_asks_with_its_account_and_a_checkout_without(add: Add, front: Front, file: Path, tmp_path: Path) -> None:
    front.token, front.login = True, ("robot", "secret")
    told = add("library/postgres", "--keep", "1")
    assert told.returncode == 0, told.stderr
    assert "needs a login" in told.stderr, "the host may have one"
    assert file.exists()
    root = tmp_path / "host"
    config = RegopsConfig(
        stack="tested",
        url="https://r.example.com",
        data="data/regops",
        sync=MirrorSettings(into=("library/**",), registries=("r.example.com",)),
        upstream_logins={front.address: ("there_user", "there_token")},
    )
    write_atomic(root / "current" / REGOPS_FILE, render(config))
    for name, text in (("there_user", "robot\n"), ("there_token", "secret\n")):
        write_atomic(root / "secrets" / name, text)
    copy = working_copy(root)
    asked = regops(root, "catalogue", "--file", copy, "add", f"{front.address}/library/postgres", "--keep", "2")
    assert asked.returncode == 0, asked.stderr
    assert "of which the 2 highest are kept: 17.4 17.3" in asked.stderr
    assert set(front.logins) == {"robot"}
    write_atomic(root / "secrets/there_token", "wrong\n")
    refused = regops(root, "catalogue", "--file", copy, "add", f"{front.address}/library/other")
    assert refused.returncode == 10
    assert "refuses the account robot" in refused.stderr
