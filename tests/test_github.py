"""What a stranger meets first: forms, the workflow that runs the tests, who looks for newer packages; versions and promises."""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.paths import PROJECT_FOLDER
from ops import __version__
from ops.core.process import Completed, run
from tests.test_remedies import TARGETS
from tests.tools.bootstrap.test_workflow import load

FOLDER = PROJECT_FOLDER / ".github"
FORMS = FOLDER / "ISSUE_TEMPLATE"
SCHEMAS = {
    "github-workflows": sorted((FOLDER / "workflows").iterdir()),
    "dependabot": [FOLDER / "dependabot.yml"],
    "github-issue-forms": sorted(path for path in FORMS.iterdir() if path.name != "config.yml"),
    "github-issue-config": [FORMS / "config.yml"],
}
TESTS = load(FOLDER / "workflows" / "tests.yml")


def checked(schema: str, *files: Path) -> Completed:
    """Hold files against a schema that GitHub's own tools go by, as check-jsonschema has it."""
    command: list[str | Path] = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *files]
    return run(command, timeout=60, check=False)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_github_reads_is_valid(schema: str) -> None:
    done = checked(schema, *SCHEMAS[schema])
    assert done.returncode == 0, done.stdout


def test_what_is_not_valid_is_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "dependabot.yml"
    wrong.write_text((FOLDER / "dependabot.yml").read_text().replace("weekly", "sometimes"))
    assert checked("dependabot", wrong).returncode == 1


def steps(job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = TESTS["jobs"][job]["steps"]
    return found


def test_every_change_is_tested_as_everybody_tests_it() -> None:
    assert TESTS["on"] == {"pull_request": None, "push": {"branches": ["main"]}}
    assert [one["run"] for one in steps("tests") if "run" in one] == [".ci/run"]
    (checkout,) = [one for one in steps("tests") if one.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"] == {"persist-credentials": False, "fetch-depth": 0}


def test_the_workflow_of_the_tests_may_only_read_and_knows_no_secret() -> None:
    assert [one["permissions"] for one in TESTS["jobs"].values()] == [{"contents": "read"}] * 2
    assert "secrets." not in (FOLDER / "workflows" / "tests.yml").read_text()


def test_what_no_test_reaches_is_shown() -> None:
    measured, shown = [one["run"] for one in steps("coverage") if "run" in one]
    assert measured.split()[:2] == ["make", "coverage"]
    assert shown.endswith('coverage report --format=markdown >> "$GITHUB_STEP_SUMMARY"')


def test_newer_versions_are_looked_for_wherever_some_are_named() -> None:
    updates = yaml.safe_load((FOLDER / "dependabot.yml").read_text())["updates"]
    looked = {one["package-ecosystem"]: one.get("directories", [one.get("directory")]) for one in updates}
    named = {path.parent for path in PROJECT_FOLDER.glob("*/requirements*.in")} | {PROJECT_FOLDER}
    assert {PROJECT_FOLDER / folder.strip("/") for folder in looked["pip"]} == named
    assert looked["github-actions"] == ["/"]


def test_hooks_run_what_there_is() -> None:
    (repository,) = yaml.safe_load((PROJECT_FOLDER / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repository["hooks"]:
        words = hook["entry"].split()
        if words[0] == "make":
            assert set(words[1:]) <= TARGETS
        else:
            assert words[:3] == [".venv/bin/python", "-m", "pytest"]
            assert all((PROJECT_FOLDER / word).is_file() for word in words if "/" in word and word != words[0])


def test_the_changelog_has_this_version_on_top_and_room_for_the_next() -> None:
    page = (PROJECT_FOLDER / "CHANGELOG.md").read_text()
    first, *releases = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert first == "Unreleased"
    assert page.partition("## Unreleased\n")[2].startswith("\n### Added\n")  # where recipes add their lines
    found = [release.split(" \N{EN DASH} ") for release in releases]
    assert found[0][0] == __version__
    assert sorted(found, key=lambda one: date.fromisoformat(one[1]), reverse=True) == found


def test_fixes_are_promised_for_this_version() -> None:
    page = (PROJECT_FOLDER / "SECURITY.md").read_text()
    promised = re.findall(r"^\| ([0-9.]+) \| yes", page, re.MULTILINE)
    assert promised == [".".join(__version__.split(".")[:2])]


def test_the_version_has_no_second_place() -> None:
    assert not re.search(r"^version", (PROJECT_FOLDER / "pyproject.toml").read_text(), re.MULTILINE)
    assert f"git checkout --quiet v{__version__}\n" in (PROJECT_FOLDER / "docs" / "upgrading.md").read_text()
