"""Links of the repository as links of the site."""

from __future__ import annotations

import pytest

from tools.docs import links


@pytest.mark.parametrize(
    ("file", "written", "shown"),
    [
        ("README.md", "[a](docs/recovery.md#the-kit)", "[a](recovery.md#the-kit)"),
        ("README.md", "[a](SECURITY.md), [b](docs/runbooks/README.md)", "[a](security.md), [b](runbooks/README.md)"),
        ("docs/recovery.md", "[a](backups.md) [b](#the-kit)", "[a](backups.md) [b](#the-kit)"),
        ("docs/runbooks/cache.md", "[a](../regops.md)", "[a](../regops.md)"),
        ("docs/console.md", "[a](../README.md) ![b](console-home.png)", "[a](index.md) ![b](console-home.png)"),
        ("docs/adr/0009-x.md", "[a](../../infra/services.py)", "[a](../source/infra/services.py.md)"),
        (
            "docs/recovery.md",
            "[a](https://age-encryption.org) [b](nothing.md)",
            "[a](https://age-encryption.org) [b](nothing.md)",
        ),
        ("docs/recovery.md", "[a](../../elsewhere.md)", "[a](../../elsewhere.md)"),
        ("docs/regops.md", "[a](../mkdocs.yml)", "[a](source/mkdocs.yml.md)"),
    ],
)
def test_a_link_leads_to_a_page(file: str, written: str, shown: str) -> None:
    assert links.for_site(written, file) == shown


def test_the_files_that_a_page_links_to_are_known() -> None:
    text = "[a](../infra/services.py) [b](backups.md#drills) [c](https://example.com) [d](nothing.md) [e](runbooks/)"
    assert list(links.linked(text, "docs/regops.md")) == ["infra/services.py", "docs/backups.md", "docs/runbooks/README.md"]


def test_a_file_is_shown_as_it_is() -> None:
    page = links.shown("infra/paths.py")
    assert page.startswith("---\nsearch: {exclude: true}\n---\n# `infra/paths.py`\n")
    assert '````python\n"""' in page
