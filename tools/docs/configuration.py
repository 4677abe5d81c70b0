"""The page about settings: every key with its type, its default and what it means, from the model and from Pulumi.yaml."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from infra.paths import PROJECT_FOLDER
from infra.settings import Settings
from ops.config import Strict
from tools.docs.text import attributes, prose, table

_LIMITS = {"minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "to {}", "exclusiveMaximum": "below {}"}
_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`", "object": "object"}
_WIDEST_DEFAULT = 50

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Key:
    """One row of the page.

    Attributes:
        path: The key, from the block on.
        kind: What it may be, in words.
        default: Its default as JSON; empty where there is none to show.
        said: What the docstrings say of it.
        required: Whether it must be set where what it is a part of is.
    """

    path: str
    kind: str
    default: str
    said: str
    required: bool

    def joined(self, before: Key) -> Key:
        """Return one row for this key and one of the same path."""
        kind, default, said = (
            between.join(dict.fromkeys(part for part in two if part))
            for between, two in (
                (", ", (before.kind, self.kind)),
                (" or ", (before.default, self.default)),
                (" / ", (before.said, self.said)),
            )
        )
        return Key(self.path, kind, default, said, before.required and self.required)


def sections() -> str:
    """Return a section for each key, in the order of Pulumi.yaml."""
    described = yaml.safe_load((PROJECT_FOLDER / "Pulumi.yaml").read_text())["config"]
    return "\n\n".join(["", *(_section(key, entry["description"]) for key, entry in described.items())]) + "\n"


def keys(name: str) -> list[Key]:
    """Return a key of the settings, and what is below it. Where several models have a part of one name, they are one."""
    found: dict[str, Key] = {}
    for key in _keys(name, _SCHEMA["properties"][name]):
        found[key.path] = key.joined(found[key.path]) if key.path in found else key
    return list(found.values())


def _section(name: str, description: str) -> str:
    own, *below = keys(name)
    said = _without_parts(description) if below else description
    parts = [f"## `{name}`", prose(said if said.endswith(".") else f"{said}.")]
    if not below:
        return "\n\n".join([*parts, f"Type: {own.kind}."])
    rows = [(f"`{key.path}`", key.kind + ", required" * key.required, *_default_and_meaning(key)) for key in below]
    return "\n\n".join([*parts, table(["key", "type", "default", "meaning"], rows)])


def _default_and_meaning(key: Key) -> tuple[str, str]:
    """Return two cells. A default that is long, such as a list of patterns, would make its column wider than all others."""
    default = key.default and f"`{key.default}`"
    return (default, prose(key.said)) if len(default) <= _WIDEST_DEFAULT else ("a list", f"{prose(key.said)} Default: {default}.")


def _without_parts(description: str) -> str:
    """Return a description without the list of the parts of an object, which the table has."""
    head, brace, rest = description.partition("{")
    depth = 1
    for place, character in enumerate(rest):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if not depth:
            return head.rpartition(":")[0] + rest[place + 1 :]
    return head + brace + rest


def _keys(path: str, schema: Schema, *, required: bool = False, said: str = "") -> Iterator[Key]:
    default = "" if "default" not in schema or isinstance(schema["default"], dict) else json.dumps(schema["default"])
    yield Key(path, _kind(schema), "" if default == "null" else default, said, required)
    for model in _models(schema):
        below, told = _DEFINITIONS[model], attributes(_doc(model))
        for name, part in below["properties"].items():
            is_required = name in below.get("required", ())
            yield from _keys(f"{path}{_step(schema)}.{name}", part, required=is_required, said=told.get(name, ""))


def _step(schema: Schema) -> str:
    """Return how a key is written that leads to the models within a schema."""
    if "items" in schema:
        return "[]" + _step(schema["items"])
    for values in _mapped(schema):
        return ".<name>" + _step(values)
    return ""


def _models(schema: Schema) -> Iterator[str]:
    """Yield the names of the models that a value may be of, or consist of."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if "properties" in _DEFINITIONS[name]:
            yield name
    for part in [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *_mapped(schema)]:
        yield from _models(part)
    if "items" in schema:
        yield from _models(schema["items"])


def _mapped(schema: Schema) -> list[Schema]:
    values = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
    return [value for value in values if isinstance(value, dict)]


def _kind(schema: Schema) -> str:
    """Return what a value may be, in words."""
    if "$ref" in schema:
        return _kind(_DEFINITIONS[schema["$ref"].rpartition("/")[2]])
    if several := [*schema.get("anyOf", ()), *schema.get("oneOf", ())]:
        return " or ".join(dict.fromkeys(_kind(one) for one in several if one.get("type") != "null"))
    if choices := schema.get("enum") or ([schema["const"]] if "const" in schema else None):
        return ", ".join(f"`{json.dumps(choice) if isinstance(choice, bool) else choice}`" for choice in choices)
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}".replace("object", "objects")
    word = "secret" if schema.get("writeOnly") else "mapping" if _mapped(schema) else _WORDS.get(schema.get("type", ""), "value")
    return " ".join([word, *(words.format(schema[name]) for name, words in _LIMITS.items() if name in schema)])


def _doc(model: str) -> str:
    """Return the docstring of a model, followed by what those that it inherits from say of their attributes."""
    ours = [cls for cls in _CLASSES[model].__mro__ if issubclass(cls, Strict) and cls is not Strict and cls.__doc__]
    first, *others = [inspect.cleandoc(cls.__doc__ or "") for cls in ours]
    inherited = [f"    {name}: {said}" for doc in others for name, said in attributes(doc).items()]
    if not inherited:
        return first
    return "\n".join([first if "Attributes:" in first else f"{first}\n\nAttributes:", *inherited])


def _classes(base: type[Strict]) -> Iterator[tuple[str, type[Strict]]]:
    for cls in base.__subclasses__():
        yield cls.__name__, cls
        yield f"{cls.__module__}.{cls.__name__}".replace(".", "__"), cls  # how pydantic tells two of one name apart
        yield from _classes(cls)


_SCHEMA = Settings.model_json_schema()
_DEFINITIONS: Mapping[str, Schema] = _SCHEMA["$defs"]
_CLASSES = dict(_classes(Strict))
