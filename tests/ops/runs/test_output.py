"""What a run printed is kept while it prints, line by line, as much as there is room for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import typer

from ops.config import REQUEST_FILE, request_folder
from ops.core.locks import LockedError
from ops.runs import output
from ops.runs.history import history_of
from ops.runs.output import Printed, begun_since, kept, output_file, outputs, printed
from ops.runs.requests import on_behalf_of
from ops.runs.task import Outcome, run_task
from ops.stack.stack import Stack
from tests.ops.runs.test_task import stack_in

RUN = "20261129T224500-0123456789abcdef"


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return stack_in(tmp_path)


def found(stack: Stack, run: str = RUN) -> Printed:
    """What was kept of a run."""
    one = printed(stack, run)
    assert one is not None
    return one


def test_lines_are_there_while_it_prints_and_are_printed_too(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    with kept(stack, RUN, {"by": "ann"}) as ending:
        typer.echo("first")
        typer.echo("second", err=True)
        sys.stderr.write("third, in colour: \x1b[31mred\x1b[0m\n")
        seen = found(stack)
        assert (seen.lines, seen.exit_code, seen.about) == (["first", "second", "third, in colour: red"], None, {"by": "ann"})
        ending.exit_code = 3
    assert found(stack).exit_code == 3
    told = capsys.readouterr()
    assert (told.out, told.err) == ("first\n", "second\nthird, in colour: \x1b[31mred\x1b[0m\n")
    assert [run for run, _ in outputs(stack)] == [RUN]


def test_what_goes_wrong_is_its_last_line(stack: Stack) -> None:
    with pytest.raises(LockedError), kept(stack, RUN):
        raise LockedError("gc has been running")
    assert (found(stack).lines, found(stack).exit_code) == (["gc has been running"], 75)


def test_there_is_room_for_so_much_and_for_how_it_ended(stack: Stack) -> None:
    with kept(stack, RUN) as ending:
        for number in range(200):
            typer.echo(f"{number} " + "x" * 10_000)
        ending.exit_code = 1
    assert output_file(stack, RUN).stat().st_size < output.MAX_BYTES + 1000
    assert found(stack).lines[-1].startswith("… more than this")
    assert max(map(len, found(stack).lines)) <= 4000
    assert found(stack).exit_code == 1


def test_only_the_last_are_kept(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "KEPT", 3)
    for number in range(6):
        with kept(stack, f"20261129T22450{number}-0000"):
            typer.echo(number)
    assert [run for run, _ in outputs(stack)] == [f"20261129T22450{number}-0000" for number in (3, 4, 5)]
    assert begun_since(stack, 0) == 3


def test_a_run_is_kept_once_and_another_one_of_its_name_spoils_nothing(stack: Stack) -> None:
    for word in ("first", "again"):
        with kept(stack, RUN):
            typer.echo(word)
    assert found(stack).lines == ["first"]


def test_where_nothing_can_be_kept_it_is_only_printed(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.data.mkdir(exist_ok=True)
    (stack.data / output.FOLDER).write_text("in the way")
    with kept(stack, RUN):
        typer.echo("all the same")
    assert capsys.readouterr().out == "all the same\n"
    assert (printed(stack, RUN), outputs(stack)) == (None, [])


@pytest.mark.parametrize("name", ["", "..", "../history", "20261129T224500-zzzz", f"{RUN}/x", RUN])
def test_there_is_nothing_by_another_name(stack: Stack, name: str) -> None:
    assert printed(stack, name) is None


def test_what_is_cut_short_is_left_out(stack: Stack) -> None:
    with kept(stack, RUN):
        typer.echo("whole")
    file = output_file(stack, RUN)
    file.write_text(file.read_text() + '7\n"text"\n{"line": "cu')
    assert found(stack).lines == ["whole"]


def test_a_task_that_was_asked_for_is_kept_and_others_are_not(stack: Stack) -> None:
    def work() -> Outcome:
        typer.echo("at work")
        return Outcome(3, "with warnings")

    run_task(stack, "gc", work)
    assert outputs(stack) == []
    request = stack.root / request_folder("gc") / REQUEST_FILE
    request.parent.mkdir(parents=True)
    request.write_text("ann\n")
    run_task(stack, "gc", work)
    ((run, one),) = outputs(stack)
    assert (one.lines, one.exit_code, one.about) == (["at work"], 3, {"task": "gc", "by": "ann"})
    assert history_of(stack).runs()[-1].run_id == run


def test_what_runs_for_somebody_is_in_the_history_with_their_name_and_its_plan_is_not(stack: Stack) -> None:
    with on_behalf_of("ann\x1b\n", RUN):
        run_task(stack, "delete-plan", lambda: Outcome(0, "would"), routine=True)
        run_task(stack, "delete", lambda: Outcome(0, "done"))
    run_task(stack, "delete", lambda: Outcome(0, "by hand"))
    first, second = history_of(stack).runs()
    assert (first.run_id, first.by, first.summary) == (RUN, "ann", "done")
    assert (second.by, second.run_id != RUN) == ("", True)
    assert json.loads((stack.data / "history.jsonl").read_text().splitlines()[0])["run_id"] == RUN
