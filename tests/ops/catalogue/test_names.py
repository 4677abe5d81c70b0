"""Names as regsync and Docker read them, and templates."""

from __future__ import annotations

import pytest

from ops.catalogue.names import filled_in, is_folder, is_registry, name_of, variables

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("alpine", "docker.io/library/alpine"),
        ("alpine:3.22", "docker.io/library/alpine:3.22"),
        ("index.docker.io/alpine", "docker.io/library/alpine"),
        ("registry-1.docker.io/a/b", "docker.io/a/b"),
        ("bitnami/redis", "docker.io/bitnami/redis"),
        ("localhost/a", "localhost/a"),
        ("localhost:5000/a", "localhost:5000/a"),
        ("host:5000/a:1", "host:5000/a:1"),
        ("quay.io/a/b_c/d--e", "quay.io/a/b_c/d--e"),
        ("Host/a", "Host/a"),
        ("[::1]:5000/a", "[::1]:5000/a"),
        (f"quay.io/a/b:1@{DIGEST}", f"quay.io/a/b:1@{DIGEST}"),
        (f"alpine@{DIGEST}", f"docker.io/library/alpine@{DIGEST}"),
    ],
)
def test_short_names_are_of_docker_hub(text: str, full: str) -> None:
    name = name_of(text)
    assert str(name) == full
    assert name.is_image == (":" in full.rpartition("/")[2])


@pytest.mark.parametrize(
    "text", ["", "a//b", "quay.io/", "a:b:c", "a b", "http://a/b", "quay.io/a/", "a@sha256:12", "-a", "quay.io/a/-b"]
)
def test_what_is_no_name_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no repository or image, such as"):
        name_of(text)


def test_capitals_in_a_repository_are_told_apart() -> None:
    with pytest.raises(ValueError, match="names of repositories are in lower case"):
        name_of("quay.io/Org/app")


def test_registries_and_folders() -> None:
    assert all(map(is_registry, ["quay.io", "localhost", "host:5000", "127.0.0.1:80"]))
    assert not any(map(is_registry, ["library", "quay.io/a", ""]))
    assert is_folder("ocidir://data/a:1")
    assert not is_folder("quay.io/a")


def test_templates_take_variables_of_the_environment() -> None:
    text = 'r.example.com/{{env "A"}}:{{- env `B` -}}'
    assert variables(text) == ["A", "B"]
    assert filled_in(text, {"A": "x", "B": "1"}) == "r.example.com/x:1"
    assert filled_in(text, {"A": "x", "B": ""}) is None
    assert filled_in("{{ .Sync.Source }}", {}) is None
    assert filled_in("plain", {}) == "plain"
