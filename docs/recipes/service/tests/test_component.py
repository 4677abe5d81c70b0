"""The greeter as it is declared: what it runs, and that it is there only with the UI."""

from __future__ import annotations

import json

from tests.declared import declare


def test_it_has_no_right_beyond_the_rule() -> None:
    container = declare({}).named("greeter-container").inputs
    assert container["command"][:2] == ["caddy", "respond"]
    assert (container["readOnly"], container["memory"]) == (True, 64)


def test_without_the_ui_it_is_not_there() -> None:
    declared = declare({"ui": json.dumps({"enabled": False})})
    assert [one.name for one in declared.values() if "greeter" in one.name] == []
