"""The states that inputs lead to, and the inputs that a state that was read describes."""

from __future__ import annotations

import json
from typing import Any

from tools.offline.plugins.check import DEFAULTS
from tools.offline.plugins.diff import keeps, same
from tools.offline.plugins.schema import Property, Schema, is_empty, zero
from tools.offline.plugins.values import UNKNOWN, Properties


def plain(value: Any) -> Any:
    """Return a checked input without the notes about defaults, at any depth."""
    match value:
        case dict():
            return {key: plain(item) for key, item in value.items() if not key.startswith("__")}
        case list():
            return [plain(item) for item in value]
    return value


def normal(known: Property, value: Any) -> Any:
    """Return a value as a state has it: sets in one order, objects with all fields, so that equal meaning looks equal."""
    match value:
        case list() if known.item:
            items = [normal(known.item, item) for item in value]
            return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=str)) if known.kind == "set" else items
        case dict() if known.fields:
            fields = {key: field for key, field in known.fields.items() if field.covered}
            return {key: normal(field, zero(field) if value.get(key) is None else value[key]) for key, field in fields.items()}
    return value


def preview_state(schema: Schema, inputs: Properties) -> Properties:
    """Return the state of a resource that does not exist yet."""
    return {
        name: UNKNOWN if inputs.get(name) is None and (known.output or known.computed) else normal(known, plain(inputs.get(name)))
        for name, known in schema.items()
    }


def planned(schema: Schema, state: Properties, inputs: Properties) -> Properties:
    """Return the state that an update in place leads to: inputs as given, computed values as they were."""
    result = {}
    for name, known in schema.items():
        old, new = state.get(name), inputs.get(name)
        stays = known.output or keeps(known, old, new) or (new is None and is_empty(old))
        result[name] = old if stays else normal(known, plain(new))
    return result


def inputs_after_read(schema: Schema, inputs: Properties, state: Properties) -> Properties:
    """Return the inputs that describe a resource as it was read.

    Args:
        schema: Of the resource.
        inputs: The last ones; kept as they are where they still hold. Empty at an import: then all that is set counts.
        state: As it was read.
    """
    if not inputs:
        given = {
            name: _input(known, state.get(name))
            for name, known in schema.items()
            if not known.output and not is_empty(state.get(name))
        }
        return {**given, DEFAULTS: []}
    drifted = {
        name: _input(known, state.get(name))
        for name, known in schema.items()
        if name in inputs and not same(known, state.get(name), inputs[name])
    }
    kept = [name for name in inputs.get(DEFAULTS, []) if name not in drifted]
    return {**inputs, **drifted, DEFAULTS: kept}


def _input(known: Property, value: Any) -> Any:
    """Return a value of the state as a program would write it: without what is empty."""
    match value:
        case dict() if known.fields:
            return {name: _input(known.fields[name], item) for name, item in value.items() if not is_empty(item)}
        case list() if known.item:
            return [_input(known.item, item) for item in value]
    return value
