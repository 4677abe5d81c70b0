"""What accounts of an emulated Storage Box can run: the real one's few commands, in the account's folder.

Copied into the box; it knows nothing of the project. What the real box allows was read in reports of its users:
https://docs.hetzner.com/storage/storage-box/access/access-ssh-rsync-borg/
"""

import fcntl
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NoReturn, TextIO

READING = {"ls", "ll", "tree", "pwd", "du", "df", "cat", "md5", "sha1", "sha256", "sha512", "help"}
WRITING = {"mkdir", "rmdir", "dd", "touch", "cp", "rm", "unlink", "mv", "chmod", "install-ssh-key"}
PROGRAMS = {"ll": ["ls", "-l"], "md5": ["md5sum"], "sha1": ["sha1sum"], "sha256": ["sha256sum"], "sha512": ["sha512sum"]}
CONNECTIONS = 10
SLOTS = Path("/run/box-slots")
UNKNOWN = 8


def refuse(message: str, code: int = 1) -> NoReturn:
    """End with an error."""
    sys.stderr.write(f"{message}\n")
    sys.exit(code)


def take_slot() -> TextIO:
    """Return one of the connections that a box has; it is free again when this process ends."""
    for number in range(CONNECTIONS):
        slot = (SLOTS / str(number)).open("w")
        try:
            fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            slot.close()
        else:
            return slot
    refuse("Too many connections")


def confined(word: str, home: Path) -> str:
    """Return a path as this machine has it; the account's folder is its root, and its /home."""
    relative = word.removeprefix("/home").lstrip("/") if word.startswith("/") else word
    path = (home / relative).resolve()
    if not path.is_relative_to(home):
        refuse(f"{word}: No such file or directory")
    return os.path.relpath(path, home) + ("/" if word.endswith("/") else "")


def argument(word: str, home: Path) -> str:
    """Return an argument with its path confined; dd has paths in `if=` and `of=`."""
    if word.startswith("-"):
        return word
    key, equals, path = word.partition("=")
    if equals:
        return f"{key}={confined(path, home)}" if key in {"if", "of"} else word
    return confined(word, home)


def install_key(home: Path) -> None:
    """Add the keys on standard input to those of the account."""
    keys = home / ".ssh" / "authorized_keys"
    keys.parent.mkdir(mode=0o700, exist_ok=True)
    known = keys.read_text().splitlines() if keys.exists() else []
    new = [line.strip() for line in sys.stdin if line.strip()]
    keys.write_text("".join(f"{line}\n" for line in dict.fromkeys([*known, *new])))
    keys.chmod(0o600)


def rsync(words: list[str], home: Path, *, readonly: bool) -> list[str]:
    """Return rsync's own call, its paths confined: those come after the lone dot."""
    if words[1:2] != ["--server"] or (readonly and "--sender" not in words):
        refuse("Command not found. Use 'help' to get a list of available commands.", UNKNOWN)
    dot = words.index(".")
    return [*words[: dot + 1], *(confined(word, home) or "." for word in words[dot + 1 :])]


def main() -> None:
    """Run the command that the client asks for."""
    home = Path(os.environ["HOME"]).resolve()
    readonly = sys.argv[1:] == ["readonly"]
    slot = take_slot()
    os.chdir(home)
    given = os.environ.get("SSH_ORIGINAL_COMMAND", "help")
    if given.endswith("sftp-server"):
        words = [given, "-d", str(home), *(["-R"] if readonly else [])]
    else:
        words = shlex.split(given)
        name, arguments = words[0], words[1:]
        if name == "rsync":
            words = rsync(words, home, readonly=readonly)
        elif name not in READING and (readonly or name not in WRITING):
            refuse("Command not found. Use 'help' to get a list of available commands.", UNKNOWN)
        elif name == "install-ssh-key":
            install_key(home)
            return
        elif name == "help":
            words = ["echo", *sorted(READING if readonly else READING | WRITING)]
        elif name == "pwd":
            words = ["echo", "/home"]
        else:
            words = [*PROGRAMS.get(name, [name]), *(argument(word, home) for word in arguments)]
    code = subprocess.run(words, check=False).returncode
    del slot
    sys.exit(code)


if __name__ == "__main__":
    main()
