"""Beside the recorded answers: large input and output, early ends, bad output and cancellation."""

from __future__ import annotations

import threading
import time

import pytest

from tools.offline.plugins.command.shell import Call, Output, run_command
from tools.offline.plugins.resource import PluginError

_BOTH = frozenset({"stdout", "stderr"})


def _run(
    command: str, *, stdin: str = "", shown: frozenset[str] = frozenset(), cancelled: threading.Event | None = None
) -> Output:
    call = Call(("/bin/sh", "-c"), command, None, {}, stdin)
    return run_command(call, shown=shown, log=LINES.append, cancelled=cancelled or threading.Event())


LINES: list[str] = []


@pytest.fixture(autouse=True)
def _no_lines() -> None:
    LINES.clear()


def test_megabytes_go_in_and_out() -> None:
    text = "0123456789abcde\n" * 200_000
    assert _run("cat; cat /dev/null >&2", stdin=text).stdout == text.removesuffix("\n")


def test_a_command_need_not_read_its_input() -> None:
    assert _run("exec 0<&-; sleep 0.1; echo done", stdin="x" * 1_000_000).stdout == "done"


def test_without_input_it_reads_an_empty_one() -> None:
    assert _run("cat; echo end").stdout == "end"


@pytest.mark.parametrize(("shown", "lines"), [(_BOTH, ["a", "b"]), (frozenset({"stderr"}), ["b"]), (frozenset(), [])])
def test_lines_are_shown_as_asked(shown: frozenset[str], lines: list[str]) -> None:
    assert _run("echo a; sleep 0.1; echo b >&2", shown=shown) == Output("a", "b")
    assert lines == LINES


def test_lines_are_shown_while_it_runs() -> None:
    seen = threading.Event()
    call = Call(("/bin/sh", "-c"), "echo first; sleep 0.5; echo second", None, {}, "")

    def log(line: str) -> None:
        if line == "first":
            seen.set()

    runner = threading.Thread(
        target=run_command, args=(call,), kwargs={"shown": _BOTH, "log": log, "cancelled": threading.Event()}
    )
    runner.start()
    assert seen.wait(10)
    assert runner.is_alive()
    runner.join()


def test_only_one_line_break_is_taken_off_the_end() -> None:
    assert _run("printf 'a\\n\\n'").stdout == "a\n"


def test_output_that_is_no_text_is_refused() -> None:
    with pytest.raises(PluginError, match="output contains invalid UTF-8: running"):
        _run("printf '\\377'")


def test_cancelling_kills_it() -> None:
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    started = time.monotonic()
    with pytest.raises(PluginError, match=r"^signal: killed: running"):
        _run("echo begun; exec sleep 30", cancelled=cancelled)
    assert time.monotonic() - started < 10
