"""The title of the registry's web pages."""

from __future__ import annotations

import pytest

from infra.settings import SettingsError, parse


@pytest.mark.parametrize("title", ["Private registry", "Images (of ours): v2, test-1.0", "Ablage für Bilder"])
def test_a_title_is_plain_text(title: str) -> None:
    assert parse({"ui": {"title": title}}, stack="test").ui.title == title


@pytest.mark.parametrize("title", ["a~b", "a & b", "a\\b", 'a"b', "a/b", "<b>", "${HOME}", "$(id)", "a\nb", "a\n", "", "x" * 61])
def test_a_title_that_sed_or_a_page_would_not_take_as_text_is_refused(title: str) -> None:
    with pytest.raises(SettingsError, match=r"ui\.title: "):
        parse({"ui": {"title": title}}, stack="test")
