"""`make docs`: builds the site, whose links within must lead somewhere; with `--external` also asks where the others lead."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from infra.paths import PROJECT_FOLDER
from infra.progress import say
from ops.core.process import run
from tools.docs.external import check, external_links

_LIMIT_S = 600.0


def main(words: list[str] | None = None) -> int:
    """Build and check; return the exit code."""
    parser = argparse.ArgumentParser(prog="make docs ARGS=...", description=__doc__)
    parser.add_argument("--external", action="store_true", help="ask each address of other sites, which needs the Internet")
    parser.add_argument("--site", type=Path, default=PROJECT_FOLDER / ".state" / "docs", help="where to build")
    given = parser.parse_args(words)
    build = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(given.site)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = run(build, timeout=_LIMIT_S, cwd=PROJECT_FOLDER, env=environment, check=False)
    sys.stderr.write(done.stdout + done.stderr)
    if done.returncode:
        return done.returncode
    count = len(external_links(given.site))
    say(f"to read it: {sys.executable} -m http.server --bind 127.0.0.1 --directory {given.site} 8000")
    if not given.external:
        say(f"{count} links to other sites were not followed; where there is Internet, `make docs ARGS=--external` does")
        return 0
    problems = check(given.site)
    for problem in problems:
        say(f"error: {problem}")
    hint = "; is there Internet here?" if len(problems) == count else ""
    say(f"{count} links to other sites were followed, {len(problems)} lead nowhere{hint}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
