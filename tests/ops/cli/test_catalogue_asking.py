"""What `regops catalogue add` asks, and the templates that it proposes tags by."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ops.cli.catalogue_runs import TEXT, Run


def test_a_terminal_is_asked_and_others_are_told_what_is_missing(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = run("add")
    assert told.code == 2
    assert "say what to mirror, such as docker.io/library/alpine" in told.err
    monkeypatch.setattr("ops.cli.catalogue_asking.at_terminal", lambda: True)
    assert run("add", stdin="redis\n8\\..*|latest\n4\n").code == 0
    assert "- '(?:8\\..*|latest)'\n    x-regops:\n      keep_last: 4\n" in file.read_text()
    file.unlink()
    assert run("add", stdin="busybox:1\nr.example.com\n").code == 0, "an image has no tags to ask for"
    assert "target: r.example.com/library/busybox:1\n" in file.read_text()


def test_a_terminal_is_asked_with_what_makes_sense_at_the_registry(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.cli.catalogue_asking.at_terminal", lambda: True)
    told = run("add", stdin="lscr.io/linuxserver/sonarr\n\n\n")
    assert told.code == 0, told.err
    assert file.read_text().endswith("        - '\\d+\\.\\d+\\.\\d+'\n    x-regops:\n      keep_last: 2\n")
    assert run("add", "--template", "gcr", stdin="distroless/static-debian13\n.*\n\n").code == 0
    assert file.read_text().endswith("target: r.example.com/distroless/static-debian13\n    type: repository\n")


def test_an_entry_begins_with_a_template(run: Run, file: Path) -> None:
    assert run("add", "--template", "quay", "prometheus/prometheus", "--keep", "2").code == 0
    assert file.read_text() == TEXT + (
        "  - source: quay.io/prometheus/prometheus\n    target: r.example.com/prometheus/prometheus\n    type: repository\n"
        "    tags:\n      allow:\n        - 'v?\\d+\\.\\d+\\.\\d+'\n    x-regops:\n      keep_last: 2\n"
    )
    told = run("add", "--template", "hub", "ghcr.io/org/app")
    assert (told.code, "is not of docker.io" in told.err) == (10, True)
    assert run("add", "--template", "none", "a").code == 10
