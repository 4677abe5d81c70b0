"""The runbooks: a section for each alert and for nothing else, with all that one needs at night; windows that hold enough."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.paths import PROJECT_FOLDER
from infra.services import SERVICES
from stack_components.monitoring.prometheus import SCRAPE_INTERVAL_S
from stack_components.monitoring.rules import Alert
from tests.stack_components.monitoring.promql import windows_s
from tests.stack_components.monitoring.runbooks import INDEX, pages, sections, told_by
from tests.stack_components.monitoring.test_alerts import ALERTS, GROUPS

# A rate over fewer samples has no value when a scrape or two fail.
LEAST_SAMPLES = 4
PARTS = ("Users notice", "First", "Fix", "Silence")
LINK = re.compile(r"\]\(([^)#:]*)(?:#([a-z0-9-]+))?\)")


def anchors(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them of its headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("rule", ALERTS.values(), ids=lambda rule: rule.alert)
def test_every_alert_names_a_section_that_exists(rule: Alert) -> None:
    assert rule.annotations.runbook
    page, _, anchor = rule.annotations.runbook.partition("#")
    assert rule.alert in sections(PROJECT_FOLDER / page)
    assert anchor in anchors(PROJECT_FOLDER / page)


def test_no_section_is_about_an_alert_that_does_not_exist() -> None:
    written = [heading for page in pages() for heading in sections(page)]
    assert sorted(written) == sorted(ALERTS)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_every_section_says_what_it_means_who_notices_what_to_type_and_how_to_silence(page: Path) -> None:
    for alert, text in sections(page).items():
        meaning, *told = re.split(r"^- \*\*(.+?):\*\* ", text, flags=re.MULTILINE)
        assert len(meaning.split()) > 5, f"{alert} does not say what it means"
        assert tuple(told[::2]) == PARTS, alert
        first = told[1 + 2 * PARTS.index("First")]
        assert first.startswith("`"), f"{alert} names no command"


@pytest.mark.parametrize("page", [INDEX, *pages()], ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


def test_the_index_names_every_page_and_every_service() -> None:
    assert {path for path, _ in LINK.findall(INDEX.read_text())} == {page.name for page in pages()}
    assert list(told_by()) == list(SERVICES)
    assert set(told_by().values()) - {""} <= set(ALERTS)


def test_every_window_holds_enough_samples() -> None:
    rules = [rule for group in {group.name: group for group in GROUPS.values()}.values() for rule in group.rules]
    windows = [(rule, seconds) for rule in rules for seconds in windows_s(rule.expr)]
    assert len(windows) > 40
    assert not [rule for rule, seconds in windows if seconds < LEAST_SAMPLES * SCRAPE_INTERVAL_S]
