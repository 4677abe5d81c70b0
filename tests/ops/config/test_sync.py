"""Settings of the mirror as the host is told of them: which windows of time there are, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ops.config import MIRROR_TARGET, MirrorSettings, RegopsConfig, describe, render


def problem(**given: Any) -> str:
    try:
        MirrorSettings.model_validate({"into": ["library/**"], **given})
    except ValidationError as error:
        return "; ".join(describe(error))
    return ""


@pytest.mark.parametrize("window", [None, "22:00-06:00", "01:30-05:00", "00:00-23:59"])
def test_a_window_may_go_past_midnight(window: str | None) -> None:
    assert problem(window=window) == ""


@pytest.mark.parametrize(
    "window", ["", "22-6", "22:00", "24:00-06:00", "22:00-06:60", "22:00 - 06:00", "22:00-06:00Z", "22:00-22:00"]
)
def test_a_window_is_two_different_times(window: str) -> None:
    assert problem(window=window).startswith("window: should ")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"into": []}, "into: "),
        ({"into": ["library/*"]}, "into.0: should be a repository name, a prefix ending in /**, "),
        ({"reserve_gb": -1}, "reserve_gb: "),
        ({"hub_reserve": -1}, "hub_reserve: "),
        ({"parallel": 0}, "parallel: "),
        ({"parallel": 17}, "parallel: "),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], told: str) -> None:
    assert told in problem(**given)


def test_the_host_reads_what_the_program_writes() -> None:
    given = MirrorSettings(into=("library/**",), registries=("registry.example.com",))
    config = RegopsConfig(stack="test", url="https://registry.example.com", data="data/regops", sync=given)
    assert RegopsConfig.model_validate_json(render(config)).sync == given
    assert (given.reserve_gb, given.hub_reserve, given.window, given.parallel, given.target) == (20, 20, None, 2, MIRROR_TARGET)
