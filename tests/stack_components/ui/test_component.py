"""What the registry UI is told, and what it may do."""

from __future__ import annotations

import json

from infra.settings import parse
from stack_components.edge.pages import PAGES
from stack_components.ui.component import NAME, PORT, environment
from tests.declared import declare


def test_the_page_is_told_where_and_what_it_is() -> None:
    settings = parse({"registry_host": "registry.example.com", "ui": {"title": "Our images"}}, stack="test")
    assert environment(settings) == {
        "SINGLE_REGISTRY": "true",
        "DOCKER_REGISTRY_UI_TITLE": "Our images",
        "REGISTRY_TITLE": "registry.example.com",
        "PULL_URL": "registry.example.com",
        "CATALOG_ELEMENTS_LIMIT": "1000",
        "SHOW_CONTENT_DIGEST": "true",
        "DELETE_IMAGES": "true",
        "THEME": "dark",
        "ENABLE_VERSION_NOTIFICATION": "false",
    }


def test_nginx_writes_its_own_files_and_has_no_right_beyond() -> None:
    container = declare({"ui": json.dumps({"title": "Our images"})}).named("ui-container").inputs
    assert (container["user"], container["readOnly"], container.get("mounts")) == ("101:101", False, [])
    assert container["capabilities"] == {"adds": [], "drops": ["ALL"]}
    assert "DOCKER_REGISTRY_UI_TITLE=Our images" in container["envs"]
    assert not container["command"]  # that of the image
    assert container["healthcheck"]["tests"][-1] == f"http://127.0.0.1:{PORT}/"


def test_the_edge_sends_browsers_there() -> None:
    assert PAGES[NAME].upstream == f"{NAME}:{PORT}"


def test_without_it_there_is_nothing_of_it() -> None:
    declared = declare({"ui": json.dumps({"enabled": False})})
    assert [resource.name for resource in declared.values() if resource.name.startswith(("ui", "network-ui"))] == []
