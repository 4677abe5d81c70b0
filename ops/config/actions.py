"""Actions that the console can ask the host for: a closed list, each with typed arguments, and the words of `regops` for it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from ops.config.base import Strict
from ops.config.requests import MAX_NAME
from ops.config.retention import Repository

# The folder of the requests for actions, beside those of the tasks.
ACTION_REQUESTS = "action"
# An action's request is one line of JSON; none that the console writes is longer.
MAX_REQUEST_BYTES = 4096
# As long as the longest of them may take. What has not ended by then is killed.
ACTION_LIMIT_S = 2 * 3600
# What an action says when a tag is expected not to be there.
NOTHING = "nothing"
_LONGEST_NAME = 255
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
TAG_NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST = r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]{32,128}"
_SNAPSHOT = r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[a-z][a-z-]{0,31}"

RunId = Annotated[str, Field(pattern=r"^[0-9]{8}T[0-9]{6}-[0-9a-f]{4,16}$")]
_Repository = Annotated[Repository, Field(max_length=_LONGEST_NAME)]
_Tag = Annotated[str, Field(pattern=rf"^{TAG_NAME}$")]
_Digest = Annotated[str, Field(pattern=rf"^{_DIGEST}$")]
_Expected = Annotated[str, Field(pattern=rf"^(?:{_DIGEST}|{NOTHING})$")]
# Not the number that an address is, too.
_Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(str)]
_Snapshot = Annotated[str, Field(pattern=rf"^{_SNAPSHOT}$")]


class DeleteTag(Strict):
    """Delete a tag.

    Attributes:
        expect: What it pointed to when that was decided. If it points to something else by now, it stays.
    """

    action: Literal["delete"] = "delete"
    repository: _Repository
    tag: _Tag
    expect: _Digest

    def words(self) -> Sequence[str]:
        """Return the verb, and its arguments."""
        return ["delete", f"{self.repository}:{self.tag}", "--expect", self.expect]


class RestoreTag(Strict):
    """Give back what a tag was, from a snapshot on the host or from a backup.

    Attributes:
        snapshot: The snapshot; None for a backup.
        before: The last backup from before this time.
        expect: What the tag pointed to when that was decided, or `nothing`.
    """

    action: Literal["restore"] = "restore"
    repository: _Repository
    tag: _Tag
    snapshot: _Snapshot | None = None
    before: AwareDatetime | None = None
    expect: _Expected

    @model_validator(mode="after")
    def _from_one_source(self) -> RestoreTag:
        if (self.snapshot is None) is (self.before is None):
            raise ValueError("should name a snapshot, or until when a backup was made")
        return self

    def words(self) -> Sequence[str]:
        """Return the verb, and its arguments."""
        what = f"{self.repository}:{self.tag}"
        backup = ["restore", what, "--at", self.before.isoformat()] if self.before else []
        verb = backup or ["snapshot", "restore", str(self.snapshot), what]
        return [*verb, "--overwrite", "--expect", self.expect]


class Undo(Strict):
    """Restore what the garbage collection, or the deletion, that a snapshot was made for has deleted."""

    action: Literal["undo"] = "undo"
    snapshot: _Snapshot

    def words(self) -> Sequence[str]:
        """Return the verb, and its arguments."""
        return ["snapshot", "restore", self.snapshot]


class Unban(Strict):
    """Lift the bans of an address or a network."""

    action: Literal["unban"] = "unban"
    network: _Network

    def words(self) -> Sequence[str]:
        """Return the verb, and its arguments."""
        one = self.network.num_addresses == 1
        return ["unban", str(self.network.network_address if one else self.network)]


class PlanTask(Strict):
    """Show what a task would delete; the task itself is asked for as any other."""

    action: Literal["plan"] = "plan"
    task: Literal["gc", "retention", "prune"]

    def words(self) -> Sequence[str]:
        """Return the verb, and its arguments."""
        return ["backups", "prune"] if self.task == "prune" else [self.task]


Action = Annotated[DeleteTag | RestoreTag | Undo | Unban | PlanTask, Field(discriminator="action")]


class ActionRequest(Strict):
    """What the console asks the host for.

    Attributes:
        run: The id that the run gets in the history.
        by: Who asks.
        dry_run: Whether to show only what would be done. A task's plan is never more than that.
        what: The action.
    """

    run: RunId
    by: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    dry_run: bool = True
    what: Action

    @property
    def only_shows(self) -> bool:
        """Whether nothing is changed."""
        return self.dry_run or isinstance(self.what, PlanTask)

    def words(self) -> Sequence[str]:
        """Return what `regops` is called with."""
        return [*self.what.words(), *(["--dry-run"] if self.only_shows else [])]
