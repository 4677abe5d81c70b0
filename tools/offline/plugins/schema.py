"""What a resource's properties are: types, defaults and what a change of them means.

The words mean what they mean in Terraform's plugin SDK, on which the official Docker plugin is built: a *set* has no order,
a *computed* property keeps its old value when the program gives none, a *replacing* one cannot be changed in place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Schema = Mapping[str, "Property"]
Rule = Callable[[Any], str]
"""Returns what is wrong with a value, or an empty string."""


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property.

    Attributes:
        kind: Its type; `set` and `list` hold `item`, `object` has `fields`, `map` holds strings.
        item: What a list or set holds.
        fields: What an object has.
        required: The program must give it.
        computed: Docker fills it in when the program does not.
        output: The program cannot give it.
        replaces: A change replaces the resource.
        item_changes_replace: Whether that holds for a change within an item too, not only for another number of items.
        default: Taken when the program gives none.
        empty_keeps: An empty string counts as no value.
        named: It is the physical name, made from the resource's name when the program gives none.
        covered: Whether the stand-in knows what to do with it.
        rule: Further validation.
    """

    kind: Literal["string", "int", "bool", "list", "set", "map", "object"] = "string"
    item: Property | None = None
    fields: Schema | None = None
    required: bool = False
    computed: bool = False
    output: bool = False
    replaces: bool = False
    item_changes_replace: bool = True
    default: Any = None
    empty_keeps: bool = False
    named: bool = False
    covered: bool = True
    rule: Rule | None = None


STRING = Property()
STRINGS = Property(kind="set", item=STRING)


def one_of(pattern: str) -> Rule:
    """Return a rule: the whole value matches a pattern."""
    compiled = re.compile(pattern)
    return lambda value: "" if compiled.search(value) else f"'{value}' doesn't match the pattern '{pattern}'"


def at_least(threshold: int) -> Rule:
    """Return a rule: the number is not lower than `threshold`."""
    return lambda value: "" if value >= threshold else f"'{value}' cannot be lower than {threshold}"


def must_be(wanted: Any) -> Rule:
    """Return a rule for what the stand-in covers only in part."""
    return lambda value: "" if value == wanted else f"{value!r} is not covered by the stand-in plugin, only {wanted!r} is"


def absolute_path(value: str) -> str:
    """Rule: a path of the Docker host."""
    return "" if value.startswith("/") else f"'{value}' must be an absolute path"


def is_empty(value: Any) -> bool:
    """Return whether a value is what Terraform calls a zero value: it cannot be told from one that is not given."""
    return value is None or value is False or value in ("", 0, [], {})


def zero(known: Property) -> Any:
    """Return the value that stands for none in a state."""
    return {"string": "", "int": 0, "bool": False, "list": [], "set": [], "map": {}, "object": None}[known.kind]
