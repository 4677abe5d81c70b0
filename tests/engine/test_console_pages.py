"""What a person learns from the console of an emulated server: in Chromium, through its edge, by clicks, without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser import TELEPHONE, browsing
from tests.engine.servers import Server
from tests.ops.console.test_in_a_browser import problems
from tools.emulation.client import Client
from tools.emulation.stack import EmulatedStack

REPOSITORY, TAG = "team/shop", "1.0"
MENU = ("Home", "Repositories", "Changes", "Mirror", "Backups", "Tasks", "Clients")


@dataclass(frozen=True)
class Shown:
    """A console with something to show.

    Attributes:
        url: Where it is.
        login: The operator's name and password.
        old: The digest that the tag had at first.
        new: The digest that it has now.
    """

    url: str
    login: tuple[str, str]
    old: str
    new: str


@pytest.fixture(scope="module")
def shown(rented: EmulatedStack, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    outputs = rented.stack.outputs()
    client, server = Client.of_operator(outputs, tmp_path_factory.mktemp("client")), Server(rented)
    old = client.push(f"{REPOSITORY}:{TAG}")
    server.run("regops backup && regops drill")
    new = client.push(f"{REPOSITORY}:{TAG}")
    server.run("regops changes collect")
    return Shown(outputs["registry_url"], (outputs["registry_user"], outputs["registry_pass"]), old, new)


@pytest.fixture
def seen(shown: Shown) -> Iterator[Page]:
    """The operator at home."""
    with browsing(shown.login, scripts=False) as seen:
        seen.goto(shown.url)
        yield seen


def click(seen: Page, *names: str) -> str:
    """Follow links by their names; return the text of the last page."""
    for name in names:
        seen.get_by_role("link", name=name, exact=True).first.click()
    return seen.locator("main").inner_text()


def test_is_it_healthy(seen: Page) -> None:
    heading = seen.get_by_role("heading", level=1).inner_text()
    assert heading
    assert seen.title().startswith(heading)


def test_a_tag_is_found_in_three_clicks(seen: Page, shown: Shown) -> None:
    text = click(seen, "Repositories", REPOSITORY, TAG)
    assert f"docker pull {urlsplit(shown.url).netloc}/{REPOSITORY}:{TAG}" in text
    assert shown.new in text


def test_what_changed_since_yesterday(seen: Page) -> None:
    assert f"{REPOSITORY}:{TAG}" in click(seen, "Changes")


def test_who_pushed_it(seen: Page, shown: Shown) -> None:
    click(seen, "Repositories", REPOSITORY, TAG)
    first = seen.get_by_role("row").filter(has_text=shown.new[7:19]).first
    assert shown.login[0] in first.inner_text()


def test_can_the_image_before_come_back(seen: Page, shown: Shown) -> None:
    text = click(seen, "Repositories", REPOSITORY, TAG)
    assert shown.old[7:19] in text
    assert f"restore {REPOSITORY}:{TAG}" in text


def test_when_was_recovery_last_proven(seen: Page) -> None:
    proven = seen.locator("dl.figures div").filter(has_text="Recovery last proven").inner_text()
    assert "(RTO)" in proven
    assert "(RPO)" in proven


def test_nobody_else_sees_anything(shown: Shown) -> None:
    with browsing(None) as stranger:
        for path in ("/", "/images", f"/images/{REPOSITORY}:{TAG}", "/changes", "/backups", "/tasks"):
            answer = stranger.goto(shown.url + path)
            assert answer
            assert answer.status == 401
            assert "Sign on" in stranger.content()
            assert REPOSITORY not in stranger.content()


def test_other_accounts_see_nothing(rented: EmulatedStack, shown: Shown) -> None:
    password = Server(rented).run("cat /srv/private-registry/secrets/regsync/password").strip()
    assert httpx.get(shown.url, auth=("regsync", password), verify=False).status_code == 401  # noqa: S501  # another account


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_it_on_a_telephone(shown: Shown, dark: bool) -> None:
    with browsing(shown.login, width=TELEPHONE, dark=dark) as telephone:
        telephone.goto(shown.url)
        for name in MENU:
            click(telephone, name)
            assert problems(telephone) == []
