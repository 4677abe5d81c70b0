"""The program `regops`: help, errors and their codes, the history, as somebody types it."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.paths import PROJECT_FOLDER
from ops.cli.app import Verbs, app
from ops.core.process import run
from ops.runs.history import ENDED, Run, history_of
from ops.stack.stack import Stack
from tests.ops import command_line
from tests.ops.runs.test_task import stack_in

RUN = Run("20261125T080000-1a2b", "gc", "2026-11-25T08:00:00+00:00", ENDED, "1:1", 1.25, 0, "freed 3 MB")


regops = partial(command_line.regops, limit_s=30)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    stack = stack_in(tmp_path)
    for run_ in (
        RUN,
        replace(RUN, run_id="2", task="sync", exit_code=13, summary="no route"),
        replace(RUN, run_id="3", exit_code=75),
    ):
        history_of(stack).add(run_)
    return stack


VERBS = [
    "backup",
    "backups",
    "budget",
    "catalogue",
    "changes",
    "delete",
    "doctor",
    "drill",
    "export",
    "gc",
    "history",
    "kit",
    "mirror",
    "mirror-report",
    "notify",
    "recover",
    "rehearse",
    "requests",
    "restore",
    "retention",
    "scrub",
    "snapshot",
    "status",
]
VERBS += ["sync", "unban", "undo", "verify", "version", "who-is-banned"]
SNAPSHOT_VERBS = [
    "catalogue list",
    "catalogue search",
    "catalogue show",
    "catalogue check",
    "catalogue import",
    "backups show",
    "drill show",
    "drill verify",
    "backups diff",
    "backups prune",
    "snapshot list",
    "snapshot create",
    "snapshot restore",
    "snapshot delete",
    "sync run",
    "sync plan",
    "sync status",
]


def completed(typed: str) -> list[str]:
    """What the shell offers after what was typed, as its completion asks for it."""
    asked = {"_REGOPS_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
    told = run([sys.executable, "-m", "ops.cli"], timeout=30, cwd=PROJECT_FOLDER, env={**asked, "PATH": "/usr/bin:/bin"})
    return told.stdout.split()


def test_help_lists_every_verb_and_every_exit_code() -> None:
    told = regops(None, "--help")
    assert told.returncode == 0
    for word in (*VERBS, "--root", "12 verification mismatch", "75 busy"):
        assert word in told.stdout


@pytest.mark.parametrize("verb", [*VERBS, *SNAPSHOT_VERBS])
def test_every_verb_has_help_with_examples_and_json(tmp_path: Path, verb: str) -> None:
    told = CliRunner().invoke(app, ["--root", str(tmp_path), *verb.split(), "--help"]).stdout
    assert "Examples:" in told
    assert "--json" in told


def test_the_verb_with_a_screen_has_help_with_examples() -> None:
    told = CliRunner().invoke(app, ["catalogue", "ui", "--help"]).stdout
    assert "Examples: `regops catalogue ui`" in told


def test_the_help_of_the_program_says_of_each_verb_what_its_own_help_begins_with() -> None:
    assert sorted(Verbs.verbs) == VERBS
    lines = regops(None, "--help").stdout.splitlines()
    for name, verb in Verbs.verbs.items():
        assert f"  {name:14} {verb.help}" in lines  # not cut short
        assert verb.load(name).help.partition("\n")[0] == verb.help


def test_the_page_about_it_names_every_verb() -> None:
    page = (PROJECT_FOLDER / "docs" / "regops.md").read_text()
    assert [verb for verb in VERBS if not re.search(rf"`(?:bin/)?regops {verb}[` ]", page)] == []


def test_help_imports_no_verb() -> None:
    code = "import sys; from ops.cli.app import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    modules = run([sys.executable, "-c", code], timeout=30, cwd=PROJECT_FOLDER).stderr.split()
    assert "ops.cli.app" in modules
    assert {name for name in modules if name.startswith("ops.")} <= {
        *("ops.cli", "ops.cli.app", "ops.cli.lazy", "ops.cli.say"),
        *("ops.core", "ops.core.exit_codes", "ops.core.logs"),
    }
    assert not {"docker", "pydantic", "rich"} & set(modules)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("regops s", ["status", "sync", "snapshot", "scrub"]),
        ("regops snapshot ", ["list", "create", "restore", "delete"]),
        ("regops undo --dr", ["--dry-run"]),
    ],
)
def test_the_shell_completes_verbs_and_options(typed: str, offered: list[str]) -> None:
    assert completed(typed) == offered


@pytest.mark.parametrize("words", [["histoty"], ["history", "--last", "none"], ["history", "--last", "0"], []])
def test_wrong_use_ends_with_2(tmp_path: Path, words: list[str]) -> None:
    assert regops(tmp_path, *words).returncode == 2


def test_a_folder_without_a_stack_is_named_with_the_remedy(tmp_path: Path) -> None:
    told = regops(tmp_path, "history")
    assert told.returncode == 10
    assert f"{tmp_path}/current/regops/regops.json: is missing; run `up`" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_damaged_configuration_is_named_with_its_key(stack: Stack) -> None:
    path = stack.root / "current/regops/regops.json"
    path.write_text(path.read_text().replace('"url"', '"ulr"'))
    told = regops(stack.root, "history")
    assert told.returncode == 10
    assert f"{path}: url: is required" in told.stderr
    assert f"{path}: ulr: unknown key" in told.stderr


def test_errors_are_lines_of_json_when_logs_are(tmp_path: Path) -> None:
    told = run(
        [sys.executable, "-m", "ops.cli", "--root", tmp_path, "--log-format", "json", "history"],
        timeout=30,
        cwd=PROJECT_FOLDER,
        check=False,
    )
    (line,) = map(json.loads, told.stderr.splitlines())
    assert (told.returncode, line["level"], line["logger"]) == (10, "error", "regops")
    assert "regops.json: is missing" in line["message"]


def test_history_shows_runs_the_newest_last(stack: Stack) -> None:
    lines = regops(stack.root, "history").stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("2026")] == ["gc", "sync", "gc"]
    assert lines[0].split() == ["started", "task", "state", "exit", "seconds", "summary"]
    assert "freed 3 MB" in lines[1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["20261125T080000-1a2b", "2", "3"]),
        (["--task", "gc"], ["20261125T080000-1a2b", "3"]),
        (["--failed"], ["2"]),
        (["--last", "1"], ["3"]),
    ],
)
def test_history_can_be_narrowed(stack: Stack, options: list[str], expected: list[str]) -> None:
    document = json.loads(regops(stack.root, "history", "--json", *options).stdout)
    assert document["schema"] == 1
    assert [run_["run_id"] for run_ in document["runs"]] == expected


def test_the_command_of_the_checkout_needs_a_stack(tmp_path: Path) -> None:
    program = PROJECT_FOLDER / "bin" / "regops"
    told = run(
        [program, "history"], timeout=30, check=False, cwd=tmp_path, env={"REGOPS_ROOT": str(tmp_path), "PATH": "/usr/bin:/bin"}
    )
    assert (told.returncode, "is missing; run `up`" in told.stderr) == (10, True)
