"""How Grafana looks: what is refused, and that it is told."""

from __future__ import annotations

import pytest

from infra.settings import SettingsError
from stack_components.monitoring.grafana import environment
from tests.plans import plan_of


@pytest.mark.parametrize("theme", ["dark", "light", "system"])
def test_grafana_is_told(theme: str) -> None:
    told = environment(plan_of(monitoring={"theme": theme}), password_file="/p", secret_key_file="/k")
    assert told["GF_USERS_DEFAULT_THEME"] == theme


def test_another_one_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"monitoring\.theme: "):
        plan_of(monitoring={"theme": "pink"})
