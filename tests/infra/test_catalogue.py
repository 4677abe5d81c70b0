"""The catalogue at a preview: what of it is refused, by line and with a remedy, and what is only told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.catalogue import judge, read_catalogue
from infra.settings import SettingsError, parse
from tests.plans import BARE, CATALOGUE, MIRROR, plan_with


def refused(content: bytes | None, **settings: Any) -> list[str]:
    with pytest.raises(SettingsError) as error:
        plan_with(content, **BARE | {"sync": MIRROR} | settings)
    return error.value.problems


def test_a_catalogue_that_can_be_mirrored_is_taken() -> None:
    plan = plan_with(CATALOGUE, **BARE | {"sync": MIRROR})
    assert (plan.catalogue, plan.notes) == (CATALOGUE, [])
    assert plan.runs("regsync")
    assert plan.has_catalogue


def test_without_one_the_remedy_is_a_command() -> None:
    (told,) = refused(None)
    assert "there is no catalogue.yml" in told
    assert "`bin/regops catalogue add IMAGE`" in told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"localhost:8080/library/alpine", b"localhost:8080/private/alpine", "catalogue.yml:5: target private/alpine is outside"),
        (
            b"localhost:8080/library/alpine",
            b"registry.example.com/library/alpine",
            "catalogue.yml:5: target registry.example.com",
        ),
        (
            b":stable\n    type: image",
            b"\n    type: registry",
            "catalogue.yml:9: target mirror/tools/any is outside of where the",
        ),
        (b"allow: [", b"allow: ['(', ", "catalogue.yml:7: tags.allow.0: "),
        (b"sync:", b"sync", "catalogue.yml:"),
        (b"version: 1", b"\xff", "catalogue.yml:1: is not UTF-8 text"),
    ],
)
def test_what_cannot_be_mirrored_is_refused_with_its_line(old: bytes, new: bytes, told: str) -> None:
    problems = refused(CATALOGUE.replace(old, new))
    assert [one for one in problems if one.startswith(told)], problems


def test_no_target_is_written_by_others_too() -> None:
    account = {"name": "ci", "access": [{"repositories": "library/**", "actions": ["pull", "push"]}]}
    reader = {"name": "reader", "access": [{"repositories": "**", "actions": ["pull"]}]}
    (told,) = refused(CATALOGUE, accounts=[account, reader])
    assert told.startswith("catalogue.yml:5: the account ci may push to library/alpine too; ")
    rule = {"repository": "mirror/tools", "tags": "v.*", "keep": 3}
    (told,) = refused(CATALOGUE, sync={**MIRROR, "retention": [rule]})
    assert told.startswith("catalogue.yml:9: a rule of sync.retention deletes tags from mirror/tools, ")


@pytest.mark.parametrize(
    ("repositories", "told"),
    [
        ("mirror/**", True),
        ("**", True),
        ("mirror/all/team/**", True),
        ("mirror/all/app", True),
        ("mirror/other/**", False),
        ("mirror", False),
    ],
)
def test_nobody_else_pushes_below_where_a_whole_registry_goes(repositories: str, told: bool) -> None:
    whole = b"version: 1\nsync:\n- {source: quay.io, target: 'localhost:8080/mirror/all', type: registry}\n"
    sync = {"into": ["mirror/**"]}
    accounts = [{"name": "ci", "access": [{"repositories": repositories, "actions": ["push"]}]}]
    if told:
        (problem,) = refused(whole, sync=sync, accounts=accounts)
        assert problem.startswith("catalogue.yml:3: the account ci may push to mirror/all/** too; ")
    else:
        assert plan_with(whole, **BARE | {"sync": sync, "accounts": accounts}).catalogue == whole
    rule = {"repository": "mirror/all/app", "tags": "v.*", "keep": 3}
    (problem,) = refused(whole, sync=sync | {"retention": [rule]})
    assert problem.startswith("catalogue.yml:3: a rule of sync.retention deletes tags from mirror/all/app, ")


def test_what_is_switched_off_is_written_by_nobody() -> None:
    off = CATALOGUE.replace(b"    type: image", b"    type: image\n    x-regops: {enabled: false}")
    rule = {"repository": "mirror/tools", "tags": "v.*", "keep": 3}
    assert plan_with(off, **BARE | {"sync": {**MIRROR, "retention": [rule]}}).catalogue == off


def test_a_template_wants_a_variable_of_the_settings() -> None:
    templated = CATALOGUE.replace(b"source: docker.io/", b'source: \'{{ env "HUB" }}/').replace(
        b"library/alpine\n", b"library/alpine'\n", 1
    )
    (told,) = refused(templated)
    assert told.startswith(
        "catalogue.yml:4: $HUB is set nowhere on the host, and a template wants it; set sync.variables: {HUB: "
    )
    plan = plan_with(templated, **BARE | {"sync": {**MIRROR, "variables": {"HUB": "docker.io"}}})
    assert plan.settings.sync.mirror(()).variables == {"HUB": "docker.io"}
    off = templated.replace(b"    type: repository", b"    type: repository\n    x-regops: {enabled: false}")
    (note,) = plan_with(off, **BARE | {"sync": MIRROR}).notes
    assert "$HUB is set nowhere on the host" in note


def test_what_is_doubtful_is_told() -> None:
    plan = plan_with(CATALOGUE + b"    platforms: [linux/amd64]\n", **BARE | {"sync": MIRROR})
    (note,) = plan.notes
    assert note.startswith("catalogue.yml:11: platforms leaves gaps in each image")


def test_entries_of_the_settings_go_on_with_a_note_that_names_the_way_out() -> None:
    plan = plan_with(CATALOGUE, **BARE | {"sync": {"entries": [{"source": "alpine"}]}})
    assert plan.runs("regsync")
    assert (plan.has_catalogue, plan.catalogue) == (False, None)
    (note,) = plan.notes
    assert "`bin/regops catalogue import`" in note


@pytest.mark.parametrize("sync", [{}, {**MIRROR, "enabled": False}, {"enabled": False, "entries": [{"source": "alpine"}]}])
def test_where_nothing_is_mirrored_nobody_looks_at_it(sync: dict[str, Any]) -> None:
    judged = judge(parse({"sync": sync}, stack="test"), b"\xff")
    assert [*judged.refused, *judged.notes] == []


def test_a_stack_may_have_a_file_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.local.yml"
    settings = parse({"sync": {**MIRROR, "catalogue": str(file)}}, stack="test")
    assert read_catalogue(settings) is None
    assert "there is no " + str(file) in judge(settings, None).refused[0]
    file.write_bytes(CATALOGUE)
    assert read_catalogue(settings) == CATALOGUE
    wrong = CATALOGUE.replace(b"localhost:8080/library", b"localhost:8080/private")
    assert judge(settings, wrong).refused[0].startswith("catalogue.local.yml:5: ")
    assert read_catalogue(parse({"sync": {"entries": []}}, stack="test")) is None
