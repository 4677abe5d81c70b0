"""What images have for themselves, when they were last pulled, and who pulls: on the pages, and while it is being found out."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from ops.config import USER_HEADER
from ops.console.app import Console
from ops.console.behind import Behind, Courtesy, Pace
from tests.ops.console.console_rig import HOSTILE, Browser, Furnished, console, console_config, furnished
from tests.ops.console.test_app import seen
from tests.ops.stack.test_access_log import line

DOCKER = {"User-Agent": ["docker/28.1 go/go1.23 kernel/6.1 os/linux arch/amd64 UpstreamClient(Docker-Client/28.1)"]}


def pull(
    repository: str, reference: str, *, age: float = 60, size: int = 1000, address: str = "192.0.2.1", agent: str = ""
) -> bytes:
    request = {"client_ip": address, "headers": {"User-Agent": [agent]} if agent else DOCKER}
    return line("GET", f"/v2/{repository}/manifests/{reference}", age=age, size=size, request_more=request)


@pytest.fixture
def stack(tmp_path: Path) -> Furnished:
    made = furnished(tmp_path)
    digest = made.layout.tree.tagged("team/app", "v1")
    made.requested(pull("library/alpine", "3.22", age=7200), pull("team/app", f"{digest}", age=120))
    return made


@pytest.fixture
def browser(stack: Furnished) -> Browser:
    return console(stack.root)


def cells(html: str, name: str) -> list[str]:
    """What the cells of a column say."""
    return [seen(one.partition("</td>")[0]) for one in html.split(f'<td data-label="{name}"')[1:]]


def text_of(cell: str) -> str:
    return cell.rpartition(">")[2].strip()


def test_repositories_say_what_they_have_for_themselves_and_when_they_were_pulled(browser: Browser) -> None:
    page = browser.text("/images")
    assert [text_of(one) for one in cells(page, "Last pull")] == ["", "2 hours ago", "2 minutes ago"]
    own = [text_of(one) for one in cells(page, "Own")]
    assert own[2].endswith("KiB")  # "app" four thousand times
    assert all(own)
    assert "Pulls are known since the access log begins, 2 hours ago" in seen(page)


def test_tags_say_so_too_however_they_were_pulled(browser: Browser) -> None:
    assert [text_of(one) for one in cells(browser.text("/images/library/alpine?q=3.2"), "Last pull")].count("2 hours ago") == 1
    page = browser.text("/images/team/app?q=v1")
    assert [text_of(one) for one in cells(page, "Last pull")] == ["2 minutes ago"]
    assert [text_of(one) for one in cells(page, "Shared")] == ["4 Bytes"]  # "base", which others have too
    image = seen(browser.text("/images/team/app:v1"))
    assert "Last pull 2 minutes ago" in image
    assert "4 Bytes are shared" in image
    assert "Last pull none since the access log begins, 2 hours ago" in seen(browser.text("/images/charts/web:1.0.0"))


def test_without_a_log_nothing_is_claimed(tmp_path: Path) -> None:
    page = seen(console(furnished(tmp_path).root).text("/images"))
    assert "Pulls are not known" in page
    assert "Nobody has pulled anything." in seen(console(tmp_path).text("/clients"))


def test_who_pulls_what_is_shown_the_last_first(stack: Furnished, browser: Browser) -> None:
    stack.requested(pull("team/app", "v1", age=3, address="2001:db8::7", agent="containers/5.29 (github.com/containers/image)"))
    page = browser.text("/clients")
    assert [text_of(one) for one in cells(page, "Who")] == ["2001:db8::7", "192.0.2.1"]
    assert [text_of(one) for one in cells(page, "Program")] == ["Podman, Buildah, Skopeo", "Docker"]
    assert [text_of(one) for one in cells(page, "Images")] == ["1", "2"]
    assert "library/alpine (1), team/app (1)" in seen(page)
    assert len(cells(browser.text("/clients?q=PODMAN"), "Who")) == 1
    assert len(cells(browser.text("/clients?q=library/alpine"), "Who")) == 1
    assert "No client matches" in seen(browser.text("/clients?q=nobody"))
    assert "Kubernetes" in seen(page)


def test_who_has_signed_in_is_named(stack: Furnished, browser: Browser) -> None:
    stack.requested(
        line("GET", "/auth/token?service=x", age=2, resp_headers={USER_HEADER: ["alice"]}, request_more={"headers": DOCKER}),
        pull("team/app", "v1", age=1),
    )
    page = seen(browser.text("/clients"))
    assert "alice from 192.0.2.1" in page


def test_hostile_programs_are_text(stack: Furnished, browser: Browser) -> None:
    stack.requested(pull("team/app", "v1", agent=HOSTILE), pull("team/app", "v1", agent="\x00\x1b[31m" * 9000))
    page = browser.text("/clients")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;" in page


def test_a_page_does_not_wait_for_what_takes_long() -> None:
    goes_on = threading.Event()

    def find_out(_: Pace) -> int:
        goes_on.wait(10)
        return 1

    behind = Behind(find_out, Courtesy(), good_for_s=60)
    assert behind.get() is None
    goes_on.set()
    assert behind.wait() == 1
    assert behind.get() == 1


def test_work_rests_while_a_page_is_made_and_goes_on_when_the_page_waits_for_it() -> None:
    courtesy, worked = Courtesy(), []

    def find_out(pause: Pace) -> int:
        for number in range(2 * 10**5):
            pause()
            worked.append(number)
        return 1

    courtesy.count(1)
    behind = Behind(find_out, courtesy, good_for_s=60)
    assert behind.get() is None, "it works for a moment, while the page waits"
    time.sleep(0.1)
    before = len(worked)
    assert before > 0
    time.sleep(0.3)
    assert len(worked) == before
    courtesy.count(-1)
    assert behind.wait() == 1


def test_what_is_old_is_shown_until_there_is_something_newer() -> None:
    goes_on = threading.Event()
    goes_on.set()
    found: list[int] = []

    def find_out(_: Pace) -> int:
        goes_on.wait(10)
        found.append(1)
        return len(found)

    behind = Behind(find_out, Courtesy(), good_for_s=0)
    assert behind.wait() == 1
    goes_on.clear()
    assert behind.get() == 1
    assert behind.get() == 1
    goes_on.set()
    assert behind.wait() == 2


def test_what_cannot_be_read_leaves_what_is_known() -> None:
    def find_out(_: Pace) -> int:
        raise PermissionError(13, "Permission denied", "/srv/stack/logs")

    assert Behind(find_out, Courtesy(), good_for_s=60).wait() is None


def test_it_begins_before_anybody_asks(stack: Furnished, tmp_path: Path) -> None:
    made = Console(console_config(stack.root))
    made.begin()
    assert made.figures.shares.wait()
    Console(console_config(tmp_path / "nothing")).begin()
