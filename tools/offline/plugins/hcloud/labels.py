"""Labels, which nearly every resource has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tools.offline.plugins.resource import Failure
from tools.offline.plugins.values import Properties


def label_failures(name: str, inputs: Properties) -> Iterator[Failure]:
    """Return what is wrong with the labels among a resource's inputs.

    Args:
        name: The resource's name in the program.
        inputs: Checked otherwise.
    """
    labels: Any = inputs.get("labels")
    known = {key: value for key, value in labels.items() if isinstance(value, str)} if isinstance(labels, dict) else {}
    known.pop("__defaults", None)
    if not known:
        return
    from hcloud.helpers.labels import LabelValidator  # noqa: PLC0415  # slow to import

    for key, value in known.items():
        fine, reason = LabelValidator.validate_verbose({key: value})
        if not fine:
            yield Failure(f"Invalid label. {reason}. Examine values at '{name}.labels'.")
