"""`regops who-is-banned` and `regops unban`, on a real CrowdSec with its own command line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.config import ACTION_REQUESTS, REQUEST_FILE, request_folder
from ops.core.files import write_atomic
from ops.runs.history import history_of
from ops.stack.ban_list import noted_bans
from tests.ops.command_line import regops
from tests.ops.runs.test_output import found
from tests.ops.stack.bans_rig import LISTED, NETWORK, SCANNER, SIXTH, WITHIN, Protected, protected_stack, write_config
from tests.stack_components.protection.container import CrowdSec, wait_until
from tools.bootstrap.docker_engine import ensure_docker

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    """A stack in which three are banned here, and one by a list."""
    with protected_stack(tmp_path_factory.mktemp("stack")) as running:
        ban_them(running)
        yield running


@pytest.fixture
def changing(protected: Protected) -> Iterator[Protected]:
    """The same, for tests that lift bans."""
    yield protected
    CrowdSec(protected.container).tell("decisions", "delete", "--all")
    ban_them(protected)


def ban_them(protected: Protected) -> None:
    protected.ban(SCANNER, "crowdsecurity/http-probing")
    protected.ban(NETWORK, "by hand")
    protected.ban(SIXTH, "by hand")
    protected.list(LISTED)


def banned(protected: Protected, *words: str) -> list[str]:
    told = protected.regops("who-is-banned", "--json", *words)
    assert told.returncode == 0, told.stderr
    document = json.loads(told.stdout)
    assert document["schema"] == 1
    return sorted(ban["value"] for ban in document["bans"])


def test_who_is_banned_here_is_shown_and_lists_of_others_are_counted(protected: Protected) -> None:
    wait_until(lambda: "; 1 banned" in protected.regops("who-is-banned").stdout, lambda: "its database stays locked")
    told = protected.regops("who-is-banned")
    assert (told.returncode, told.stderr) == (0, "")
    *_, scanner, summary = told.stdout.splitlines()
    assert scanner.split()[:2] == [SCANNER, "crowdsecurity/http-probing"]
    assert summary == "3 banned here; 1 banned by the community's lists"
    assert LISTED not in told.stdout
    assert banned(protected) == sorted([SCANNER, NETWORK, SIXTH])
    assert banned(protected, "--community") == sorted([SCANNER, NETWORK, SIXTH, LISTED])


def test_the_list_is_written_down_for_the_console_and_again_when_somebody_is_let_in(changing: Protected) -> None:
    assert changing.regops("who-is-banned", "--note").returncode == 0
    assert noted(changing) == sorted([SCANNER, NETWORK, SIXTH])
    assert changing.regops("unban", SCANNER).returncode == 0
    assert noted(changing) == sorted([NETWORK, SIXTH])


def noted(protected: Protected) -> list[str]:
    known = noted_bans(protected.stack)
    assert known
    assert time.time() - known.at < 60
    return sorted(ban.value for ban in known.bans)


@pytest.mark.parametrize(
    ("asked", "values"), [(SCANNER, [SCANNER]), (WITHIN, [NETWORK]), ("2001:db8::/32", [SIXTH]), (LISTED, [LISTED])]
)
def test_one_can_be_asked_for(protected: Protected, asked: str, values: list[str]) -> None:
    assert banned(protected, asked) == values


def test_who_is_not_banned_is_said_not_to_be(protected: Protected) -> None:
    told = protected.regops("who-is-banned", "203.0.113.8")
    assert (told.returncode, told.stdout) == (0, "203.0.113.8 is not banned\n")
    told = protected.regops("unban", "203.0.113.8")
    assert (told.returncode, told.stderr) == (1, "regops: 203.0.113.8 is not banned\n")
    assert len(banned(protected)) == 3


def test_a_ban_is_lifted_with_all_others_of_its_address_and_no_others(changing: Protected) -> None:
    changing.ban(SCANNER, "banned twice")
    would = changing.regops("unban", SCANNER, "--dry-run")
    assert (would.returncode, would.stdout.splitlines()[-1]) == (0, "1 would be lifted")
    assert SCANNER in banned(changing)
    done = changing.regops("unban", SCANNER)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("1 lifted: the edge lets them in within 15 s")
    assert banned(changing) == sorted([NETWORK, SIXTH])


def test_what_was_asked_for_in_the_console_is_lifted_with_who_asked(changing: Protected) -> None:
    root, stack = changing.stack.root, changing.stack
    for number, dry_run in enumerate([True, False]):
        asked = {
            "run": f"20261129T224500-000{number}",
            "by": "ann",
            "dry_run": dry_run,
            "what": {"action": "unban", "network": SIXTH},
        }
        write_atomic(root / request_folder(ACTION_REQUESTS) / REQUEST_FILE, json.dumps(asked))
        assert changing.regops("requests", "run").returncode == 0
        assert (SIXTH in banned(changing)) is dry_run
    plan, done = (found(stack, f"20261129T224500-000{number}") for number in range(2))
    assert plan.lines[-1] == "1 would be lifted"
    assert (done.lines[-1].startswith("1 lifted"), done.exit_code) == (True, 0)
    assert [(run.task, run.by, run.summary) for run in history_of(stack).runs() if run.by] == [
        ("unban", "ann", f"lifted 1 ban of {SIXTH}")
    ]


def test_the_ban_of_a_network_or_of_a_list_is_lifted_by_an_address_in_it(changing: Protected) -> None:
    assert NETWORK in changing.regops("unban", WITHIN).stdout
    document = json.loads(changing.regops("unban", LISTED, "--json").stdout)
    assert [ban["value"] for ban in document["lifted"]] == [LISTED]
    assert banned(changing, "--community") == sorted([SCANNER, SIXTH])


def test_all_that_was_decided_here_is_lifted_at_once(changing: Protected) -> None:
    assert changing.regops("unban", "--all").stdout.splitlines()[-1].startswith("3 lifted")
    assert banned(changing, "--community") == [LISTED]
    again = changing.regops("unban", "--all")
    assert (again.returncode, again.stdout) == (0, "nobody is banned here\n")


@pytest.mark.parametrize(
    "words", [["unban"], ["unban", SCANNER, "--all"], ["unban", "203.0.113"], ["who-is-banned", "203.0.113.7/24"]]
)
def test_wrong_use_ends_with_2(tmp_path: Path, words: list[str]) -> None:
    assert regops(tmp_path, *words).returncode == 2


@pytest.mark.parametrize(("services", "said"), [((), "protection is off"), (("crowdsec",), "is missing")])
def test_without_protection_or_its_container_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, services: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", ensure_docker())
    write_config(tmp_path, "test-none", *services)
    for words in (["who-is-banned"], ["unban", "--all"]):
        told = regops(tmp_path, *words)
        assert told.returncode == 1
        assert said in told.stderr
    told = regops(tmp_path, "who-is-banned", "--note")
    assert told.returncode == 75, "the timer's run did not do its work, and nobody has to hear of it yet"
    assert said in told.stderr
