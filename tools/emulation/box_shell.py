"""What accounts of an emulated Storage Box can run: the few commands of the real one, within the account's folder.

It is the accounts' login shell, so that a key with `command="…"` in `authorized_keys` runs that and nothing else. Copied into the
box, where an account sees nothing but programs and its own folder; it knows nothing of the project. What the real box allows was
read in reports of its users: https://docs.hetzner.com/storage/storage-box/access/access-ssh-rsync-borg/
"""

import fcntl
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NoReturn, TextIO

READING = {"ls", "ll", "tree", "pwd", "du", "df", "cat", "md5", "sha1", "sha256", "sha256sum", "sha512", "help"}
WRITING = {"mkdir", "rmdir", "dd", "touch", "cp", "rm", "unlink", "mv", "chmod", "install-ssh-key"}
PROGRAMS = {"ll": ["ls", "-l"], "md5": ["md5sum"], "sha1": ["sha1sum"], "sha256": ["sha256sum"], "sha512": ["sha512sum"]}
CONNECTIONS = 10
SLOTS = Path("/run/box-slots")
UNKNOWN = 8
NOT_FOUND = "Command not found. Use 'help' to get a list of available commands."
HOME = "/home"
SFTP = "/usr/lib/openssh/sftp-server"
# Of rclone, only what restic talks to: https://rclone.org/commands/rclone_serve_restic/
RCLONE = ["serve", "restic", "--stdio"]


def refuse(message: str, code: int = 1) -> NoReturn:
    """Exit with an error."""
    sys.stderr.write(f"{message}\n")
    sys.exit(code)


def take_slot() -> TextIO:
    """Take one of a box's connection slots; sessions of one connection share it, and it is free once they have all ended."""
    own = os.environ["SSH_CONNECTION"]
    with (SLOTS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        slots = [(SLOTS / str(number)).open("a+") for number in range(CONNECTIONS)]
        for slot in sorted(slots, key=lambda slot: not holds(slot, own)):
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if not holds(slot, own):
                    continue
            slot.truncate(0)
            slot.write(own)
            slot.flush()
            fcntl.flock(slot, fcntl.LOCK_SH)
            return slot
    refuse("Too many connections")


def holds(slot: TextIO, connection: str) -> bool:
    """Return whether a slot belongs, or last belonged, to a connection."""
    slot.seek(0)
    return slot.read() == connection


def confined(word: str) -> str:
    """Return a path relative to the account's folder, which is both its root and its /home."""
    relative = word.removeprefix(HOME) if f"{word}/".startswith(f"{HOME}/") else word
    path = os.path.normpath(f"{HOME}/{relative.lstrip('/')}")
    if path != HOME and not path.startswith(f"{HOME}/"):
        refuse(f"{word}: No such file or directory")
    return os.path.relpath(path, HOME) + ("/" if word.endswith("/") else "")


def argument(word: str) -> str:
    """Return an argument with its path confined; dd has paths in `if=` and `of=`."""
    if word.startswith("-"):
        return word
    key, equals, path = word.partition("=")
    if equals:
        return f"{key}={confined(path)}" if key in {"if", "of"} else word
    return confined(word)


def install_key() -> None:
    """Add the keys from standard input to those of the account."""
    keys = Path(HOME, ".ssh", "authorized_keys")
    keys.parent.mkdir(mode=0o700, exist_ok=True)
    known = keys.read_text().splitlines() if keys.exists() else []
    new = [line.strip() for line in sys.stdin if line.strip()]
    keys.write_text("".join(f"{line}\n" for line in dict.fromkeys([*known, *new])))
    keys.chmod(0o600)


def rsync(words: list[str], *, readonly: bool) -> list[str]:
    """Return rsync's server command with its paths confined; they come after the single dot."""
    if words[1:2] != ["--server"] or "." not in words or (readonly and "--sender" not in words):
        refuse(NOT_FOUND, UNKNOWN)
    dot = words.index(".")
    return [*words[: dot + 1], *(confined(word) for word in words[dot + 1 :])]


def rclone(words: list[str]) -> list[str]:
    """Return rclone's server of restic, with its path confined."""
    *options, path = words[1:] or [""]
    if options[:3] != RCLONE or options[3:] not in ([], ["--append-only"]):
        refuse(NOT_FOUND, UNKNOWN)
    return ["rclone", "--config", "", *options, confined(path)]


def words_of(command: str) -> list[str]:
    """Return the words of a command; no shell ever sees them."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        refuse(NOT_FOUND, UNKNOWN)
    return words


def main() -> None:
    """Run the command that the client asks for."""
    slot = take_slot()
    os.chdir(HOME)
    readonly = bool(os.statvfs(HOME).f_flag & os.ST_RDONLY)
    given = sys.argv[2] if sys.argv[1:2] == ["-c"] else "help"
    if given == SFTP:
        words = [SFTP, "-d", HOME, *(["-R"] if readonly else [])]
    else:
        words = words_of(given)
        name, arguments = words[0], words[1:]
        if name == "rsync":
            words = rsync(words, readonly=readonly)
        elif name == "rclone":
            words = rclone(words)
        elif name not in READING and (readonly or name not in WRITING):
            refuse(NOT_FOUND, UNKNOWN)
        elif name == "install-ssh-key":
            install_key()
            return
        elif name == "help":
            words = ["echo", *sorted(READING if readonly else READING | WRITING)]
        elif name == "pwd":
            words = ["echo", HOME]
        else:
            words = [*PROGRAMS.get(name, [name]), *(argument(word) for word in arguments)]
    code = subprocess.run(words, check=False).returncode
    del slot
    sys.exit(code)


if __name__ == "__main__":
    main()
