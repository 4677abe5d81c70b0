"""The workflow that previews pull requests: least rights, pinned actions, no foreign text in a shell, no way past the guard."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.paths import PROJECT_FOLDER
from ops.core.process import run
from tests.tools.bootstrap.test_review import SEED, SERVER, plan, step

FOLDER = PROJECT_FOLDER / ".github" / "workflows"
FILES = sorted(FOLDER.iterdir())
PINNED = re.compile(r"^\s*(?:- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def load(path: Path) -> dict[str, Any]:
    """A workflow. YAML 1.1 reads the key `on` as true."""
    content: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in content.items()}


PREVIEW = load(FOLDER / "preview.yml")
(JOB,) = PREVIEW["jobs"].values()
STEPS: list[dict[str, Any]] = JOB["steps"]


def named(identifier: str) -> dict[str, Any]:
    (found,) = [one for one in STEPS if identifier in (one.get("id"), one.get("name"))]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it(path: Path) -> None:
    uses = [line for line in path.read_text().splitlines() if "uses:" in line]
    assert uses
    assert [line for line in uses if not PINNED.match(line)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_rights_are_given_by_the_job_that_needs_them(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())
    assert "write-all" not in path.read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_shell_is_given_what_others_write(path: Path) -> None:
    scripts = [one["run"] for job in load(path)["jobs"].values() for one in job["steps"] if "run" in one]
    assert [script for script in scripts if "${{" in script] == []


def test_the_rule_about_pins_can_fail() -> None:
    assert not PINNED.match("      - uses: actions/checkout@v6 # v6.0.2")
    assert not PINNED.match(f"      - uses: actions/checkout@{'0' * 40}")


def test_the_preview_may_read_the_code_and_write_a_comment() -> None:
    assert JOB["permissions"] == {"contents": "read", "pull-requests": "write"}
    (checkout,) = [one for one in STEPS if one.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"] == {"persist-credentials": False}


def test_forks_get_no_secrets() -> None:
    # With pull_request_target the code of a fork would run with them.
    assert PREVIEW["on"] == "pull_request"
    assert JOB["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert "env" not in PREVIEW
    assert "env" not in JOB
    holders = [one.get("id") for one in STEPS if "secrets." in json.dumps(one)]
    assert holders == ["preview"]
    assert set(named("preview")["env"]) == {"PULUMI_ACCESS_TOKEN", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"}


def test_the_plan_of_production_is_judged_and_told_in_one_comment() -> None:
    assert "preview --stack prod --non-interactive --json >" in named("preview")["run"]
    assert 'gh pr comment "$NUMBER" --edit-last --create-if-none --body-file' in named("Comment")["run"]
    assert [one.get("id", one.get("name")) for one in STEPS][-4:-1] == ["preview", "review", "Comment"]


def test_what_failed_before_the_comment_fails_the_job_after_it() -> None:
    postponed = [one["id"] for one in STEPS if one.get("continue-on-error")]
    assert postponed == ["preview", "review"]
    assert STEPS[-1]["run"] == "exit 1"
    assert STEPS[-1]["if"] == " || ".join(f"steps.{identifier}.outcome != 'success'" for identifier in postponed)


@pytest.mark.parametrize(
    ("allowed", "code"),
    [("", 1), (SEED, 1), (f"{SEED}\n{SERVER}\n", 0), (f"{SEED} {SERVER}", 0), ("*", 1), ("$(exit 0) ; exit 0", 1)],
)
def test_its_script_judges_as_the_command_does(tmp_path: Path, allowed: str, code: int) -> None:
    (tmp_path / "plan.json").write_text(plan(step("delete", SEED), step("replace", SERVER)))
    script = named("review")["run"].replace(".venv/bin/python", sys.executable)
    environment = {**os.environ, "RUNNER_TEMP": str(tmp_path), "ALLOWED": allowed}
    done = run(["bash", "-e", "-c", script], timeout=60, env=environment, cwd=PROJECT_FOLDER, check=False)
    assert done.returncode == code
    assert (tmp_path / "comment.md").read_text().startswith("### Preview of `prod`")


def test_it_installs_what_the_makefile_installs() -> None:
    (install,) = [one["run"] for one in STEPS if "pip install" in one.get("run", "")]
    assert "--requirement requirements.txt" in install
    assert "from tools.bootstrap.official import download_cli" in install
