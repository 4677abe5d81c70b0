"""Subprocesses, with real ones: limits are kept, whole groups end, secrets do not show."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.core.process import CommandError, Conversation, redact, replace_process, run, start_daemon

PYTHON = sys.executable
# What a shell starts in the background ignores interrupts, and so do all below it.
INTERRUPTIBLE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


def state_of(pid: int) -> str:
    """The kernel's letter for the state of a process."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return state_of(pid) != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second when it goes between opening and reading
        return False


def until(condition: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def pid_in(path: Path) -> int:
    """Return the process id that a command wrote, once it has."""
    until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def test_output_and_exit_code_come_back() -> None:
    completed = run(["sh", "-c", "cat; echo to stderr >&2; exit 3"], timeout=10, stdin="from stdin", check=False)
    assert (completed.returncode, completed.stdout, completed.stderr) == (3, "from stdin", "to stderr\n")
    assert completed.argv[:2] == ("sh", "-c")


def test_no_shell_interprets_the_words(tmp_path: Path) -> None:
    odd = ["$(id)", "a b", "*", ";", "ä", ""]
    code = "import sys; print(ascii(sys.argv[1:]))"
    assert run([PYTHON, "-c", code, *odd, tmp_path], timeout=10).stdout == f"{[*odd, str(tmp_path)]!a}\n"


def test_without_stdin_a_command_reads_nothing() -> None:
    assert run(["cat"], timeout=10).stdout == ""


def test_environment_and_folder_are_those_given(tmp_path: Path) -> None:
    completed = run(["/bin/sh", "-c", 'echo "$ONLY"; echo "$HOME"; pwd'], timeout=10, env={"ONLY": "this"}, cwd=tmp_path)
    assert completed.stdout == f"this\n\n{tmp_path}\n"


def test_output_that_is_not_text_is_read_anyway() -> None:
    assert run(["printf", r"a\377b"], timeout=10).stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_a_failure_names_the_command_and_ends_with_the_last_lines() -> None:
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "seq 1 100 >&2; exit 7"], timeout=10)
    lines = str(caught.value).splitlines()
    assert lines[0] == "`sh -c 'seq 1 100 >&2; exit 7'` failed with exit code 7:"
    assert lines[1:] == [str(number) for number in range(81, 101)]
    assert caught.value.completed is not None
    assert caught.value.completed.returncode == 7


def test_without_anything_on_stderr_a_failure_shows_stdout() -> None:
    with pytest.raises(CommandError, match=r"exit code 1:\nwhy$"):
        run(["sh", "-c", "echo why; exit 1"], timeout=10)


def test_a_program_that_is_not_there_is_named() -> None:
    for start in (lambda: run(["/no/such program"], timeout=10), lambda: replace_process(["/no/such program"], {})):
        with pytest.raises(CommandError, match="cannot start `'/no/such program'`: No such file or directory"):
            start()


def test_secrets_do_not_show_in_errors() -> None:
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "echo it is hunter2 >&2; exit 1", "hunter2"], timeout=10, secrets=["hunter2", ""])
    assert "hunter2" not in str(caught.value)
    assert "it is [secret]" in str(caught.value)
    with pytest.raises(CommandError) as caught:
        run(["/none/hunter2"], timeout=10, secrets=["hunter2"])
    assert "hunter2" not in str(caught.value)
    assert redact("a b a", ["a", ""]) == "[secret] b [secret]"


def test_over_its_limit_a_command_ends_with_all_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    started = time.monotonic()
    with pytest.raises(CommandError, match=r"was killed after its limit of 0\.5 s"):
        run(["sh", "-c", f'sleep 60 & echo $! > "{pid_file}"; wait'], timeout=0.5)
    assert time.monotonic() - started < 4
    until(lambda: not is_alive(pid_in(pid_file)))


def test_a_command_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.core.process._KILL_GRACE_S", 0.3)
    started = time.monotonic()
    with pytest.raises(CommandError, match="was killed"):
        run(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], timeout=0.5)
    assert time.monotonic() - started < 4


def test_a_command_may_clean_up_when_it_is_ended(tmp_path: Path) -> None:
    cleaned = tmp_path / "cleaned"
    with pytest.raises(CommandError):
        run(["sh", "-c", f"trap 'touch {cleaned}; exit' TERM; sleep 60 & wait"], timeout=0.5)
    assert cleaned.exists()


def test_the_limit_holds_when_something_left_the_group_and_keeps_the_output_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.core.process._KILL_GRACE_S", 0.3)
    pid_file = tmp_path / "pid"
    code = f"import os, time; os.setsid(); open({str(pid_file)!r}, 'w').write(f'{{os.getpid()}}\\n'); time.sleep(12)"
    started = time.monotonic()
    try:
        with pytest.raises(CommandError, match="was killed"):
            run(["sh", "-c", f'{PYTHON} -c "{code}" & sleep 60'], timeout=1)
        assert time.monotonic() - started < 6
    finally:
        os.kill(pid_in(pid_file), signal.SIGKILL)


def is_full(line: str) -> bool:
    return "full" in line


def test_a_command_ends_at_a_line_that_says_all() -> None:
    began = time.monotonic()
    with pytest.raises(CommandError) as failed:
        run(["sh", "-c", "echo out; echo working >&2; echo full >&2; sleep 60"], timeout=50, ends_at=is_full)
    assert time.monotonic() - began < 5
    assert failed.value.completed
    assert (failed.value.completed.stdout, failed.value.completed.stderr) == ("out\n", "working\nfull\n")


def test_one_that_is_to_end_at_a_line_is_killed_if_it_ignores_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.core.process._KILL_GRACE_S", 0.3)
    began = time.monotonic()
    with pytest.raises(CommandError):
        run(["sh", "-c", "trap '' TERM; echo full >&2; while :; do sleep 0.1; echo full >&2; done"], timeout=50, ends_at=is_full)
    assert time.monotonic() - began < 5


def test_one_that_says_nothing_of_the_kind_runs_to_its_end() -> None:
    done = run(["sh", "-c", "echo working >&2; echo out"], timeout=50, ends_at=is_full)
    assert (done.stdout, done.stderr) == ("out\n", "working\n")
    with pytest.raises(CommandError, match="cannot start"):
        run(["/no/such/program"], timeout=50, ends_at=is_full)
    with pytest.raises(CommandError, match="killed after its limit"):
        run(["sleep", "60"], timeout=0.2, ends_at=is_full)


def test_an_interrupted_caller_leaves_nothing_running(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = f"from ops.core.process import run; run(['sh', '-c', 'echo $$ > {pid_file}; sleep 60'], timeout=60)"
    caller = start_daemon([PYTHON, "-c", INTERRUPTIBLE + code], log=tmp_path / "log")
    pid = pid_in(pid_file)
    until(lambda: state_of(caller) == "S")  # it waits for the command, and is not starting it any more
    os.kill(caller, signal.SIGINT)
    until(lambda: not is_alive(pid))
    os.waitpid(caller, 0)


def test_what_ignores_sigterm_and_has_closed_its_output_is_killed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.core.process._KILL_GRACE_S", 0.3)
    pid_file = tmp_path / "pid"
    stubborn = f"trap '' TERM; echo $$ > {pid_file}; while :; do sleep 0.1; done"
    with pytest.raises(CommandError, match="was killed"):
        run(["sh", "-c", f'sh -c "{stubborn.replace("$$", chr(92) + "$$")}" >/dev/null 2>&1 & sleep 60'], timeout=1)
    until(lambda: not is_alive(pid_in(pid_file)))


@pytest.mark.parametrize(("interrupts", "told"), [(1, "finished\n"), (2, "terminated\n")])
def test_a_streamed_command_ends_in_its_own_way_until_it_is_interrupted_again(tmp_path: Path, interrupts: int, told: str) -> None:
    pid_file, log = tmp_path / "pid", tmp_path / "log"
    command = f"trap 'echo terminated; exit' TERM; trap : INT; echo $$ > {pid_file}; "
    command += "for i in 1 2 3 4; do sleep 0.5; done; echo finished"
    code = f"from ops.core.process import run; run(['sh', '-c', {command!r}], timeout=60, stream=True)"
    caller = start_daemon([PYTHON, "-c", INTERRUPTIBLE + code], log=log)
    pid_in(pid_file)
    until(lambda: state_of(caller) == "S")  # it waits for the command, and is not starting it any more
    for _ in range(interrupts):
        os.killpg(caller, signal.SIGINT)  # as a terminal does: to all of the group
        time.sleep(0.7)
    os.waitpid(caller, 0)
    assert log.read_text().startswith(told)


def test_streamed_output_reaches_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    completed = run(["sh", "-c", "echo out; echo err >&2"], timeout=10, stream=True)
    assert (completed.stdout, completed.stderr) == ("", "")
    assert tuple(capfd.readouterr()) == ("out\n", "err\n")


def test_a_streamed_command_keeps_its_limit() -> None:
    with pytest.raises(CommandError, match="was killed"):
        run(["sleep", "60"], timeout=0.2, stream=True)


def test_a_daemon_outlives_its_starter_and_writes_to_its_log(tmp_path: Path) -> None:
    log = tmp_path / "new" / "log"
    code = f"""
from pathlib import Path
from ops.core.process import start_daemon
env = {{"ONLY": "x", "PATH": "/bin"}}
print(start_daemon(["sh", "-c", "echo $ONLY; echo err >&2; exec sleep 60"], log=Path({str(log)!r}), env=env))
"""
    pid = int(run([PYTHON, "-W", "error", "-c", code], timeout=20).stdout)
    try:
        until(lambda: log.exists() and log.read_text() == "x\nerr\n")
        assert is_alive(pid)
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_daemon_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot start `/no/such`"):
        start_daemon(["/no/such"], log=tmp_path / "log")


def test_a_process_becomes_another_program() -> None:
    code = "import os; from ops.core.process import replace_process; print(os.getpid(), flush=True); "
    code += "replace_process(['sh', '-c', 'echo $$ $ONLY; exit 5'], {'ONLY': 'x', 'PATH': os.environ['PATH']})"
    completed = run([PYTHON, "-c", code], timeout=20, check=False)
    assert completed.returncode == 5
    before, after = completed.stdout.splitlines()
    assert after == f"{before} x"


ECHO = ["sh", "-c", 'while read -r line; do echo "got $line"; echo "started $$"; done']


def ends(line: str) -> bool:
    return line.startswith("started")


def test_a_conversation_starts_its_command_once_and_ends_it() -> None:
    with Conversation(ECHO, timeout=10) as asked:
        first, second = asked.ask("a\n", ends).splitlines(), asked.ask("b\n", ends).splitlines()
        assert (first[0], second[0]) == ("got a", "got b")
        assert first[1] == second[1]
        pid = int(first[1].split()[1])
        assert is_alive(pid)
    assert not is_alive(pid)


def test_a_conversation_that_was_never_needed_starts_nothing() -> None:
    with Conversation(["no-such-program"], timeout=10):
        pass
    with Conversation(["no-such-program"], timeout=10) as asked, pytest.raises(CommandError, match="cannot start"):
        asked.ask("", ends)


def test_a_command_that_ends_before_it_has_answered_says_its_last_words_and_is_started_anew() -> None:
    with Conversation(["sh", "-c", "read -r line; echo no $line hunter2 >&2"], timeout=10, secrets=["hunter2"]) as asked:
        for _ in range(2):
            with pytest.raises(CommandError, match=r"ended before it had answered:\nno x \[secret\]"):
                asked.ask("x\n", ends)


def test_a_command_that_does_not_answer_in_time_is_killed() -> None:
    with Conversation(["sh", "-c", "echo $$; sleep 60"], timeout=0.3) as asked:
        with pytest.raises(CommandError, match=r"killed after its limit of 0\.3 s") as raised:
            asked.ask("x" * 1_000_000, ends)
        assert not is_alive(int(str(raised.value).splitlines()[-1]))
