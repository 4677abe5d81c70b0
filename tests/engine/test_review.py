"""The review of the real engine's plans: for a living stack, and for resources that hold data or are protected."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from ops.core.process import CommandError
from tests.engine.stacks import TestStack
from tests.tools.offline.plugins.sample_programs import Program
from tools.bootstrap.comment import comment
from tools.bootstrap.judge import Review, judge
from tools.bootstrap.session import open_session

SECRET = f"secret-{token_hex(8)}"


def names(found: Review) -> dict[str, str]:
    """What is refused, by name."""
    return {change.urn.rpartition("::")[2]: change.operation for change in found.refused}


def planned(living: TestStack, **extra: Any) -> Review:
    """Review a preview of the living stack with other settings. It changes nothing."""
    stack = open_session(living.name, living.config, living.folder / "state", extra=extra).stack
    with stack.locked():
        stack.prepare()
        return judge(stack.preview("--json").stdout)


def test_a_living_stack_that_stays_as_it_is_passes(living: TestStack) -> None:
    found = planned(living)
    assert (found.exit_code, found.changes, found.stack) == (0, (), living.name)
    assert found.counts.keys() == {"same"}


def test_new_limits_are_taken_in_place_and_pass(living: TestStack) -> None:
    found = planned(living, limits={"gateway": {"cpus": 0.5, "memory_mib": 192}})
    assert found.exit_code == 0
    (change,) = [change for change in found.changes if change.urn.endswith("::gateway-container")]
    assert (change.operation, set(change.properties)) == ("update", {"memory", "memorySwap"})
    assert "rollout" in {change.urn.rpartition("::")[2] for change in found.changes}


def test_another_configuration_replaces_a_container_and_passes(living: TestStack) -> None:
    found = planned(living, registry={**living.settings["registry"], "log_level": "error"})
    assert found.exit_code == 0
    (change,) = [change for change in found.changes if change.urn.endswith("::registry-container")]
    assert change.operation == "replace"
    assert any(path.startswith("mounts") for path in change.replacing)


def test_changed_rights_replace_no_container_and_pass(living: TestStack) -> None:
    found = planned(living, anonymous=[])
    assert found.exit_code == 0
    changed = {change.urn.rpartition("::")[2] for change in found.changes}
    assert {"secrets", "reload-gateway"} <= changed
    assert not {name for name in changed if name.endswith("-container")}


def test_generated_secrets_of_a_living_stack_are_not_deleted(living: TestStack) -> None:
    found = planned(living, accounts=[], registry_pass=SECRET)
    assert names(found) == {"password-ci": "delete", "registry_pass": "delete"}
    assert found.exit_code == 1
    assert SECRET not in comment(found)


class _Plans(Program):
    """A project of a test's own."""

    def review(self, *wanted: Mapping[str, Any]) -> Review:
        """Review a preview of the current program."""
        (self._folder / "wanted.json").write_text(json.dumps(wanted))
        try:
            return judge(self.call("preview", "--json").stdout)
        except CommandError as error:
            return judge(error.completed.stdout if error.completed else "")


@pytest.fixture
def plans(tmp_path: Path) -> Iterator[_Plans]:
    program = _Plans(tmp_path)
    yield program
    program.call("state", "unprotect", "--all", "--yes")
    program.destroy()


def command(name: str, **args: Any) -> dict[str, Any]:
    return {"type": "command.Command", "name": name, "args": {"create": "true", **args}}


def test_what_holds_data_is_told_from_what_does_not(plans: _Plans) -> None:
    volume = {"type": "docker.Volume", "name": "data", "args": {"name": f"review-{token_hex(6)}"}}
    plans.up(command("folders"), command("release"), volume)
    assert names(plans.review(command("folders", triggers=["a"]), command("release", triggers=["a"]), volume)) == {
        "folders": "replace"
    }
    other = {**volume, "args": {"name": f"{volume['args']['name']}-other"}}  # type: ignore[index]
    assert names(plans.review(command("folders"), other)) == {"data": "replace"}
    everything_gone = plans.review()
    assert names(everything_gone) == {"folders": "delete", "data": "delete"}
    assert everything_gone.exit_code == 1
    changed = plans.review(command("folders", create="echo"), command("release"), volume)
    assert (changed.exit_code, [change.operation for change in changed.changes]) == (0, ["update"])


def test_what_is_protected_is_refused_and_so_is_the_failed_preview(plans: _Plans) -> None:
    kept = command("kept") | {"options": {"protect": True}}
    plans.up(kept)
    gone = plans.review()
    assert names(gone) == {"kept": "delete"}
    assert "cannot be deleted" in gone.errors[0]
    assert gone.exit_code == 1
    replaced = plans.review(command("kept", triggers=["a"]) | {"options": {"protect": True}})
    assert (names(replaced), replaced.exit_code) == ({"kept": "replace"}, 1)
    unprotected = plans.review(command("kept"))
    assert [urn.rpartition("::")[2] for urn in unprotected.unprotected] == ["kept"]
    assert unprotected.exit_code == 0
    both = plans.review(command("kept", triggers=["a"]))
    assert names(both) == {"kept": "replace"}


def test_a_secret_that_changes_is_not_shown(plans: _Plans) -> None:
    plans.up(command("receives", stdin="old") | {"secret": ["stdin"]})
    found = plans.review(command("receives", stdin=SECRET) | {"secret": ["stdin"]})
    (change,) = found.changes
    assert (change.operation, change.properties) == ("update", ("stdin",))
    assert SECRET not in comment(found)


def test_a_preview_that_fails_is_no_plan(plans: _Plans) -> None:
    found = plans.review({"type": "command.Command", "name": "bad", "args": {"nonsense": "1"}})
    assert found.exit_code == 2
    assert "nonsense" in "".join(found.errors)
