"""The commands behind the Makefile.

    python -m tools.bootstrap up         create, change or repair the local stack
    python -m tools.bootstrap preview    show what `up` would do
    python -m tools.bootstrap outputs    the stack's outputs as JSON, secrets shown
    python -m tools.bootstrap open       open the registry's pages in a browser
    python -m tools.bootstrap down       remove the stack; the images stay in its folder
    python -m tools.bootstrap rotate events_token        replace a secret by a new one, and end the old one
    python -m tools.bootstrap prune      remove old backups, with the key that the host does not have
    python -m tools.bootstrap pulumi -- stack export     any command of the Pulumi CLI

PLUGINS=official|standin and IMAGES=official|offline override what is detected otherwise.
"""

from __future__ import annotations

import argparse
import errno
import json
import sys
from collections.abc import Sequence

from infra.cache import CacheBusyError
from infra.paths import PROJECT_FOLDER
from infra.settings import SettingsError
from ops.core.process import CommandError, replace_process
from tools.bootstrap.configuration import plain_values
from tools.bootstrap.errors import NoSpaceError, SetupError
from tools.bootstrap.prune import prune_here, prune_there, server_outputs
from tools.bootstrap.rotate import LocalRotation, ServerRotation, rotate
from tools.bootstrap.screen import opened, welcome
from tools.bootstrap.session import Purpose, Session, open_session

_STATE = PROJECT_FOLDER / ".state"
_PURPOSES: dict[str, Purpose] = {
    "up": "create",
    "preview": "create",
    "outputs": "read",
    "open": "read",
    "down": "use",
    "pulumi": "use",
    "prune": "read",
    "rotate": "use",
}


def _run(command: str, session: Session, rest: Sequence[str]) -> None:
    match command:
        case "up":
            sys.stderr.write(f"Pulumi engine with {session.stack.engine.kind} plugins\n")
            outputs = session.up()
            sys.stdout.write(welcome(outputs, plugins=session.stack.engine.kind))
        case "preview":
            session.preview()
        case "outputs":
            sys.stdout.write(json.dumps(session.outputs(), indent=2, sort_keys=True) + "\n")
        case "open":
            sys.stdout.write(opened(session.outputs()))
        case "down":
            session.destroy()
            kept = session.root / "data"
            if kept.is_dir():
                sys.stdout.write(f"The images are still in {kept}; the next `make up` finds them there.\n")
        case "rotate":
            rotate(LocalRotation(session), rest)
        case "prune":
            prune_here(session, rest)
        case "pulumi":
            session.stack.prepare()
            replace_process(*session.stack.command([word for word in rest if word != "--"]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bootstrap", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stack", default="local", help="the stack; its settings are in Pulumi.<stack>.yaml")
    parser.add_argument("command", choices=list(_PURPOSES))
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="for `pulumi`, `prune`: arguments; for `rotate`: what")
    given = parser.parse_args(arguments)
    try:
        config = PROJECT_FOLDER / f"Pulumi.{given.stack}.yaml"
        at_hetzner = plain_values(config).get("place") == "hetzner"
        if given.command == "rotate" and at_hetzner:
            rotate(ServerRotation(given.stack, config), given.rest)
        elif given.command == "prune" and at_hetzner:
            prune_there(server_outputs(given.stack), given.rest)
        else:
            session = open_session(given.stack, config, _STATE, purpose=_PURPOSES[given.command])
            _run(given.command, session, given.rest)
    except (SettingsError, SetupError) as error:
        return _fail(error, error.exit_code)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        return _fail(error, NoSpaceError.exit_code if full else 1)
    except CacheBusyError as error:
        return _fail(error, 75)
    except CommandError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return _fail("interrupted. Run the same command again; it continues where it stopped.", 130)
    return 0


def _fail(message: object, code: int) -> int:
    # The step that failed, where several ran at once.
    step = next(iter(getattr(message, "__notes__", ())), "")
    sys.stderr.write(f"error: {step}: {message}\n" if step else f"error: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
