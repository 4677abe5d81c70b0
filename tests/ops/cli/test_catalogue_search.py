"""`regops catalogue search`: entries, and what the starter has besides."""

from __future__ import annotations

import json
from pathlib import Path

from tests.ops.cli.catalogue_runs import Run


def test_a_search_finds_what_is_there_and_what_the_starter_has_besides(run: Run, file: Path) -> None:
    told = run("search", "library/postgres")
    assert [line.split()[:2] for line in told.out.splitlines()] == [["where", "source"], [":4", "docker.io/library/postgres"]]
    told = run("search", "LSCR.io")
    assert {line.split()[0] for line in told.out.splitlines()[1:]} == {"starter"}
    assert "0 of 2 entries, and 13 more in the starter" in told.err
    document = json.loads(run("search", "postgres", "--json").out)
    assert [one["line"] for one in document["entries"]] == [4]
    assert "docker.io/library/postgres" not in {one["source"] for one in document["starter"]}
    file.unlink()
    assert run("search", "library/postgres").out.splitlines()[1].split()[0] == "starter"
