"""The theme of the registry UI: what is refused, and that the page is told."""

from __future__ import annotations

import pytest

from infra.settings import SettingsError, parse
from stack_components.ui.component import environment


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_page_is_told_its_theme(theme: str) -> None:
    assert environment(parse({"ui": {"theme": theme}}, stack="test"))["THEME"] == theme


def test_another_theme_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"ui\.theme: "):
        parse({"ui": {"theme": "pink"}}, stack="test")
