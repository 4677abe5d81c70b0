"""Reads a plan, as `pulumi preview --json` prints it, and judges it: what would change, and what would be lost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from tools.bootstrap.guard import is_loss, what_is_lost


class _State(BaseModel):
    protect: bool = False


class _Step(BaseModel):
    op: str
    urn: str
    old: _State | None = Field(default=None, alias="oldState")
    new: _State | None = Field(default=None, alias="newState")
    differences: dict[str, dict[str, Any]] | None = Field(default=None, alias="detailedDiff")
    reasons: list[str] | None = Field(default=None, alias="diffReasons")
    replacing: list[str] | None = Field(default=None, alias="replaceReasons")


class _Diagnostic(BaseModel):
    message: str = ""
    severity: str = ""


class _Preview(BaseModel):
    """The parts of a PreviewDigest that matter here: https://github.com/pulumi/pulumi/blob/v3.259.0/pkg/display/json.go."""

    steps: list[_Step] = []
    summary: dict[str, int] = Field(default={}, alias="changeSummary")
    diagnostics: list[_Diagnostic] = []
    corrupt: bool = Field(default=False, alias="maybeCorrupt")


@dataclass(frozen=True)
class Change:
    """One resource that an update would change. Values are not here: they may be secret.

    Attributes:
        operation: The engine's name for it, such as `replace`.
        urn: The resource.
        properties: Paths of the properties that differ.
        replacing: Those of them that make it a replacement.
        lost: What would be lost with it; empty if nothing.
        allowed: Whether that is wanted.
    """

    operation: str
    urn: str
    properties: tuple[str, ...] = ()
    replacing: tuple[str, ...] = ()
    lost: str = ""
    allowed: bool = False


@dataclass(frozen=True)
class Review:
    """The verdict on a plan.

    Attributes:
        stack: The stack's name.
        counts: How many resources there are by operation, unchanged ones too.
        changes: What would change.
        unprotected: Resources that would lose their protection, so that a later update could delete them.
        unused: Allowances that this plan does not need.
        errors: Why the plan failed.
    """

    stack: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    unprotected: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[Change, ...]:
        """Changes that would lose something, and are not allowed."""
        return tuple(change for change in self.changes if change.lost and not change.allowed)

    @property
    def exit_code(self) -> int:
        """0 if nothing would be lost, 1 if something would, 2 if the plan failed."""
        return 1 if self.refused else 2 if self.errors else 0


def judge(text: str, allowed: Collection[str] = ()) -> Review:
    """Judge a plan. Input that is not a complete plan is an error, never harmless.

    Args:
        text: The output of `pulumi preview --json`.
        allowed: URNs of resources that may be replaced or deleted.
    """
    try:
        preview = _Preview.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        why = "it is empty" if not text.strip() else ": ".join([*map(str, fault["loc"]), fault["msg"]])
        return Review(errors=(f"this is not the output of `pulumi preview --json`: {why}",))
    errors = [
        diagnostic.message.strip().removeprefix("error: ") for diagnostic in preview.diagnostics if diagnostic.severity == "error"
    ]
    if not errors and (not preview.summary or not preview.steps or preview.corrupt):
        errors.append("the preview is incomplete")
    changes = tuple(_change(step, allowed) for step in preview.steps if step.op != "same")
    return Review(
        stack=preview.steps[0].urn.split("::")[0].removeprefix("urn:pulumi:") if preview.steps else "",
        counts=preview.summary,
        changes=changes,
        unprotected=tuple(step.urn for step in preview.steps if step.old and step.new and step.old.protect > step.new.protect),
        unused=tuple(sorted(set(allowed) - {change.urn for change in changes if change.lost})),
        errors=tuple(errors),
    )


def _change(step: _Step, allowed: Collection[str]) -> Change:
    properties = step.differences.keys() if step.differences else step.reasons or ()
    replacing = [
        path for path, difference in (step.differences or {}).items() if str(difference.get("kind")).endswith("-replace")
    ]
    lost = what_is_lost(step.urn, step.old.protect if step.old else None) if is_loss(step.op) else ""
    return Change(step.op, step.urn, tuple(properties), tuple(replacing or step.replacing or ()), lost, step.urn in allowed)
