"""Files of certificate authorities: what is taken from them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.authorities import read_authorities
from infra.plan import make_plan
from infra.settings import Settings, SettingsError, parse
from tests.plans import plan_of
from tests.private_authority import authority

REGISTRY = "registry.corp:5000"
KEY = f'sync.upstream_ca["{REGISTRY}"]'


def naming(file: Path) -> Settings:
    return parse({"sync": {"upstream_ca": {REGISTRY: str(file)}}}, stack="test")


def test_certificates_alone_are_taken(tmp_path: Path) -> None:
    made = authority(tmp_path)
    file = tmp_path / "ca.pem"
    file.write_text(f"{{{{file}} a comment\n{made.certificate}{made.server.read_text()}")
    taken = read_authorities(naming(file)).by_registry[REGISTRY]
    assert taken.startswith(made.certificate)
    assert taken.count("BEGIN CERTIFICATE") == 2
    assert "PRIVATE KEY" not in taken
    assert "comment" not in taken


@pytest.mark.parametrize(
    "content",
    ["", "no PEM", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"],
    ids=["empty", "text", "broken"],
)
def test_a_file_without_a_certificate_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(content)
    remedy = "give a PEM file that begins with -----BEGIN CERTIFICATE-----"
    assert read_authorities(naming(file)).refused == (f"{KEY}: {file} holds no certificate; {remedy}",)


def test_a_file_that_is_not_there_is_refused_with_all_else_that_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    settings = parse({"sync": {"upstream_ca": {REGISTRY: str(file)}}, "hub_user": "somebody"}, stack="test")
    with pytest.raises(SettingsError) as refused:
        make_plan(settings, plan_of().images, None, read_authorities(settings))
    remedy = "give a path from the project's folder"
    assert refused.value.problems == [
        f"{KEY}: {file} cannot be read (No such file or directory); {remedy}",
        "hub_token: is required with hub_user",
    ]
