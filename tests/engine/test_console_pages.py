"""What a person learns from the console of an emulated server: in Chromium, through its edge, by clicks, without scripts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Locator, Page

from ops.console.base import NAVIGATION
from tests.browser import TELEPHONE, browsing, go
from tests.engine.servers import Server
from tests.ops.console.test_in_a_browser import problems
from tools.emulation.client import Client
from tools.emulation.stack import EmulatedStack

REPOSITORY, TAG = "team/shop", "1.0"
ASKED_LIMIT_S = 60
MENU = tuple(NAVIGATION.values())


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
def client(rented: EmulatedStack, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client.of_operator(rented.stack.outputs(), tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def shown(rented: EmulatedStack, client: Client) -> Shown:
    outputs, server = rented.stack.outputs(), Server(rented)
    old = client.push(f"{REPOSITORY}:{TAG}")
    server.run("regops changes; regops snapshot create; regops backup; regops drill")
    new = client.push(f"{REPOSITORY}:{TAG}")
    server.run("regops changes")
    return Shown(f"https://{outputs['registry']}", (outputs["registry_user"], outputs["registry_pass"]), old, new)


@pytest.fixture
def seen(shown: Shown) -> Iterator[Page]:
    """The operator at home."""
    with browsing(shown.login, scripts=False) as seen:
        go(seen, shown.url)
        yield seen


def settled(seen: Page, sign: Locator) -> None:
    """Wait for a sign on a page that loads itself again; one that does not load is asked for again, as a person would."""
    give_up = time.monotonic() + ASKED_LIMIT_S
    place = seen.url
    while not sign.is_visible():
        assert time.monotonic() < give_up, f"{seen.url}: {seen.content()}"
        if (now := seen.url).startswith("chrome-error:"):
            go(seen, place)
        else:
            place = now
        seen.wait_for_timeout(200)


def click(seen: Page, *names: str) -> str:
    """Follow links by their names; return the text of the last page."""
    for name in names:
        link = seen.get_by_role("link", name=name, exact=True).first
        go(seen, urljoin(seen.url, str(link.get_attribute("href"))))
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


def test_can_the_image_before_come_back(seen: Page, shown: Shown, client: Client) -> None:
    click(seen, "Repositories", REPOSITORY, TAG)
    assert "Give back" in seen.locator("main").inner_text(), seen.locator("main").inner_text()
    former = seen.get_by_role("row").filter(has_text=shown.old[7:19]).first
    former.get_by_role("button", name="Give back").click()
    done = seen.get_by_role("button", name="Give it back")
    settled(seen, done)
    assert client.digest(f"{REPOSITORY}:{TAG}") == shown.new, "it is a plan"
    done.click()
    settled(seen, seen.get_by_text("It began"))
    assert client.digest(f"{REPOSITORY}:{TAG}") == shown.old


def test_when_was_recovery_last_proven(seen: Page) -> None:
    proven = seen.locator("dl.figures div").filter(has_text="Recovery last proven").inner_text()
    assert "(RTO)" in proven
    assert "(RPO)" in proven


def test_nobody_else_sees_anything(shown: Shown) -> None:
    with browsing(None) as stranger:
        for path in ("/", "/images", f"/images/{REPOSITORY}:{TAG}", "/changes", "/backups", "/tasks"):
            assert go(stranger, shown.url + path).status == 401
            assert "Sign on" in stranger.content()
            assert REPOSITORY not in stranger.content()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_it_on_a_telephone(shown: Shown, dark: bool) -> None:
    with browsing(shown.login, width=TELEPHONE, dark=dark) as telephone:
        go(telephone, shown.url)
        for name in MENU:
            click(telephone, name)
            assert problems(telephone) == []
