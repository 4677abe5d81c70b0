"""`regops catalogue`, as somebody types it: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.app import app
from tests.ops.catalogue.catalogue_samples import VERSIONED
from tests.ops.cli.catalogue_runs import TEXT, Run
from tests.ops.command_line import regops


def test_entries_are_listed_with_their_lines(run: Run) -> None:
    told = run("list")
    assert [line.split()[:3] for line in told.out.splitlines()] == [
        ["line", "source", "target"],
        ["4", "docker.io/library/postgres", "r.example.com/library/postgres"],
        ["10", "quay.io/org/app:1.2", "r.example.com/org/app:1.2"],
    ]
    assert r"1[67]\.\d+" in told.out
    assert "keep_last 6" in told.out
    assert told.err == "2 entries\n"
    assert run().out == told.out
    assert run("list", "--search", "quay").err == "1 of 2 entries\n"


def test_lists_are_json_with_the_keys_of_regsync(run: Run) -> None:
    document = json.loads(run("--json", "--search", "postgres").out)
    assert document["schema"] == 1
    assert document["entries"] == [
        {
            "line": 4,
            "source": "docker.io/library/postgres",
            "target": "r.example.com/library/postgres",
            "type": "repository",
            "tags": {"allow": [r"1[67]\.\d+"]},
            "x-regops": {"keep_last": 6},
        }
    ]
    assert len(json.loads(run("list", "--json").out)["entries"]) == 2


def test_an_entry_is_shown_as_it_is_written(run: Run, file: Path) -> None:
    told = run("show", "postgres")
    assert told.out == "# catalogue.yml:4\n" + "".join(TEXT.splitlines(keepends=True)[3:9])
    file.write_text(TEXT.replace("type: image", "type: image\n    platform: linux/amd64"))
    told = run("show", ":10")
    assert "catalogue.yml:13: platform: linux/amd64 copies one platform under another digest; remove it; or write" in told.err
    assert json.loads(run("show", "app", "--json").out)["problems"][0]["line"] == 13


def test_what_an_entry_copies_and_with_which_signatures_is_edited(run: Run, file: Path) -> None:
    told = run("edit", "postgres", "--source", "public.ecr.aws/docker/library/postgres", "--digest-tags", "true")
    assert told.code == 0, told.err
    written = TEXT.replace("source: docker.io/", "source: public.ecr.aws/docker/")
    assert file.read_text() == written.replace("keep_last: 6}\n", "keep_last: 6}\n    digestTags: true\n")
    assert run("edit", "postgres", "--source", "public.ecr.aws/docker/library/postgres").err.endswith("says that already\n")
    assert run("edit", "postgres", "--referrers", "maybe").code != 0
    wrong = run("edit", "postgres", "--source", "postgres:17")
    assert "type is image, for which regsync ignores tags" in wrong.err
    assert run("edit", "postgres", "--digest-tags", "").code == 0
    assert file.read_text() == written


def test_an_entry_is_added_and_its_line_told(run: Run, file: Path) -> None:
    told = run("add", "alpine", "--tags", r"3\.\d+", "--tags", "latest", "--deny", "3.9", "--semver", ">=3", "--keep", "3")
    assert told.code == 0
    assert told.err == (
        "added to catalogue.yml:13: docker.io/library/alpine -> r.example.com/library/alpine;"
        " `regops catalogue undo` takes it out again\n"
    )
    assert file.read_text() == TEXT + (
        "  - source: docker.io/library/alpine\n    target: r.example.com/library/alpine\n    type: repository\n"
        "    tags:\n      allow:\n        - '3\\.\\d+'\n        - latest\n      deny:\n        - '3.9'\n"
        "      semverRange:\n        - '>=3'\n    x-regops:\n      keep_last: 3\n"
    )


def test_the_first_entry_makes_the_file(run: Run, file: Path) -> None:
    file.unlink()
    told = run("list")
    assert (told.code, told.out) == (10, "")
    assert told.err.endswith(
        "is missing; name another with --file, or make it: `regops catalogue add`, `regops catalogue import FILE`"
    )
    assert "Give --registry registry.example.com" in run("add", "alpine").err
    assert not file.exists()
    assert run("add", "alpine", "--registry", "r.example.com").code == 0
    assert file.read_text().startswith("version: 1\nsync:\n  - source: docker.io/library/alpine\n")
    assert run("undo").code == 0
    assert not file.exists()


def test_what_would_not_work_is_not_added(run: Run, file: Path) -> None:
    told = run("add", "ghcr.io/org/app", "--target", "library/postgres")
    assert told.code == 10
    assert "nothing was written" in told.err
    assert "writes r.example.com/library/postgres, as catalogue.yml:4 does; give each its own target" in told.err
    assert "look-ahead" in run("add", "ghcr.io/org/app", "--tags", "(?!a)").err
    assert file.read_text() == TEXT


def test_an_entry_is_edited_where_it_stands(run: Run, file: Path) -> None:
    told = run("edit", "postgres", "--tags", r"17\.\d+", "--keep", "0", "--deny", "a")
    assert told.err.startswith("edited catalogue.yml:4: docker.io/library/postgres -> r.example.com/library/postgres; `regops")
    assert file.read_text() == TEXT.replace(
        "['1[67]\\.\\d+'] # both\n    x-regops: {keep_last: 6}\n", "['17\\.\\d+'] # both\n      deny:\n        - a\n"
    )
    assert run("edit", "postgres", "--deny", "a").err == "catalogue.yml:4 says that already\n"
    assert run("edit", "postgres").code == 2
    assert run("edit", "app", "--tags", "a").code == 10
    assert run("edit", "app", "--target", "other/app").code == 0
    assert "target: r.example.com/other/app:1.2\n" in file.read_text()


def test_an_entry_is_removed_and_comes_back(run: Run, file: Path) -> None:
    told = run("remove", "postgres")
    assert told.err.startswith("removed docker.io/library/postgres -> r.example.com/library/postgres; its images stay;")
    assert "postgres" not in file.read_text()
    assert run("undo").err == f"{file} is as it was before; `regops catalogue undo --redo` reverts that\n"
    assert file.read_text() == TEXT
    assert run("undo", "--redo").err == f"{file} is as it was before; `regops catalogue undo` reverts that\n"
    assert "postgres" not in file.read_text()


def test_a_file_that_was_edited_by_hand_is_not_undone_unawares(run: Run, file: Path) -> None:
    run("remove", "app")
    file.write_text(file.read_text() + "# mine\n")
    told = run("undo")
    assert (told.code, "was edited by hand since" in told.err) == (10, True)
    assert "-# mine" in run("undo", "--dry-run").out
    assert run("undo", "--force").code == 0
    assert file.read_text() == TEXT


def test_entries_of_the_starter_are_listed_and_taken(run: Run, file: Path) -> None:
    listed = run("list", "--from", "starter", "--search", "ghcr.io/fluxcd")
    assert len(listed.out.splitlines()) == 5, "four, and the head"
    assert file.read_text() == TEXT
    told = run("add", "--from", "starter", "redis", "--keep", "2")
    assert told.code == 0, told.err
    assert file.read_text() == TEXT + (
        "  - source: docker.io/library/redis\n"
        "    target: r.example.com/library/redis\n"
        "    type: repository\n"
        "    tags:\n"
        "      allow:\n"
        "        - '\\d+\\.\\d+(?:-alpine)?'\n"
        "    x-regops:\n"
        "      keep_last: 2\n"
    )
    assert "no entry of starter.yml matches 'nothing-like-it'" in run("add", "--from", "starter", "nothing-like-it").err


@pytest.mark.parametrize(
    "words", [("add", "alpine"), ("edit", "postgres", "--keep", "2"), ("remove", "app"), ("import", "{old}"), ("undo",)]
)
def test_a_dry_run_shows_the_diff_and_writes_nothing(run: Run, file: Path, words: tuple[str, ...]) -> None:
    run("add", "busybox")
    before, old = file.read_bytes(), file.parent / "regsync.yml"
    old.write_text(VERSIONED)
    told = run(*(word.format(old=old) for word in words), "--dry-run")
    assert told.out.startswith("--- a/catalogue.yml\n+++ b/catalogue.yml\n@@ ")
    assert told.out.count("\n@@ ") == 1
    assert file.read_bytes() == before
    run("undo")
    assert file.read_text() == TEXT, "no edit was kept"


def test_an_entry_that_is_not_clear_is_named_with_the_others(run: Run) -> None:
    told = run("remove", "example.com")
    assert told.code == 10
    assert told.err.splitlines()[:2] == [
        "example.com matches 2 entries; write more of its name, or its line (:4):",
        "  :4     docker.io/library/postgres -> r.example.com/library/postgres",
    ]
    assert "no entry of catalogue.yml matches 'mysql'; `regops catalogue list` shows all" in run("show", "mysql").err


def test_problems_are_told_with_line_and_remedy(run: Run, file: Path) -> None:
    assert (run("check").code, run("check").err) == (0, "2 entries, 0 problems, 0 doubts\n")
    file.write_text(
        TEXT + "  - source: a\n    target: other.example.com/a\n    type: repository\n    zz: 1\n    tags: {deny: [a|b]}\n"
    )
    told = run("check")
    assert (told.code, told.err) == (3, "3 entries, 0 problems, 2 doubts\n")
    told = run("check", "--registry", "r.example.com", "--into", "library/**")
    assert (told.code, told.err) == (10, "3 entries, 2 problems, 2 doubts\n")
    assert told.out.splitlines()[:4] == [
        "catalogue.yml:11: target org/app is outside of where the mirror may write",
        "  remedy: choose one within library/**",
        "catalogue.yml:14: target other.example.com/a is not this registry",
        "  remedy: let it begin with r.example.com/",
    ]
    document = json.loads(run("check", "--json").out)
    assert [(one["line"], one["severe"]) for one in document["problems"]] == [(16, False), (17, False)]
    assert run("check", "--into", "library/*").code == 2


def test_a_file_is_imported(run: Run, file: Path) -> None:
    old = file.parent / "regsync.yml"
    old.write_text(
        "creds: [{registry: ghcr.io, user: me, pass: hunter2}]\n"
        "sync:\n- {source: alpine, target: r.example.com/library/alpine, type: repository}\n"
        "- {source: postgres, target: r.example.com/library/postgres, type: repository}\n"
        "- {source: redis, target: o.example.com/redis, type: repository}\n"
    )
    words = ("import", str(old), "--registry", "r.example.com")
    document = json.loads(run(*words, "--json", "--dry-run").out)
    assert document["taken"] == [3]
    assert document["there"] == [4]
    assert [one["line"] for one in document["refused"]] == [5]
    told = run(*words)
    assert told.code == 3
    assert told.err.splitlines() == [
        f"3 entries: 1 taken into {file}",
        "  alpine is docker.io/library/alpine",
        "  1 are there already",
        "  1 not taken:",
        "    :5  target o.example.com/redis is not this registry; let it begin with r.example.com/",
        "  the login at ghcr.io is not taken; passwords are secrets of the stack:"
        ' `make pulumi ARGS="config set --secret ghcr_user"` and `make pulumi ARGS="config set --secret ghcr_token"`',
        "`regops catalogue undo` reverts this",
    ]
    assert file.read_text().startswith(TEXT)
    assert "hunter2" not in file.read_text()
    assert "is missing; give the path of a regsync.yml" in run("import", str(file.parent / "none.yml")).err


def test_errors_of_the_file_are_plain(file: Path) -> None:
    file.write_text("sync: [\n")
    told = regops(None, "catalogue", "list", "--file", file)
    assert (told.returncode, told.stdout) == (10, "")
    assert told.stderr.startswith("regops: catalogue.yml:1: is not YAML: ")
    assert "Traceback" not in told.stderr


def test_it_needs_no_stack_and_looks_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.chdir(file.parent)
    result = CliRunner().invoke(app, ["catalogue"])
    assert "docker.io/library/postgres" in result.stdout
    assert not (tmp_path / ".catalogue.backups").exists(), "reading leaves nothing behind"


@pytest.mark.parametrize("words", [["list"], ["show", "postgres"], ["check"], ["remove", "postgres", "--dry-run"]])
def test_the_file_may_be_named_before_the_verb(file: Path, words: list[str]) -> None:
    result = CliRunner().invoke(app, ["catalogue", "--file", str(file), *words])
    assert result.exit_code == 0
