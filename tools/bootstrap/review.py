"""Judges a plan, as printed by `pulumi preview --json`, for a code review: prints a comment, and fails if data would be lost.

    python -m tools.bootstrap.review plan.json                  the comment, in Markdown
    python -m tools.bootstrap.review --allow URN plan.json      this resource may be replaced or deleted
    pulumi preview --json | python -m tools.bootstrap.review    the plan from standard input

Exit codes: 0 no data would be lost; 1 some would; 2 this is not a plan, or the preview failed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tools.bootstrap.comment import comment
from tools.bootstrap.guard import type_and_name
from tools.bootstrap.judge import Review, judge


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bootstrap.review", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("plan", nargs="?", type=Path, help="the plan (default: standard input)")
    parser.add_argument("--allow", action="append", default=[], metavar="URN", help="may be replaced or deleted; may be repeated")
    parser.add_argument("--json", action="store_true", help="print the review as JSON")
    given = parser.parse_args(arguments)
    try:
        text = given.plan.read_text() if given.plan else sys.stdin.read()
    except (OSError, UnicodeDecodeError) as error:
        found = Review(errors=(f"cannot read the plan: {error}",))
    else:
        found = judge(text, given.allow)
    sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n" if given.json else comment(found))
    for change in found.refused:
        sys.stderr.write(f"error: {change.operation} {type_and_name(change.urn)[1]}: {change.lost} ({change.urn})\n")
    for error_line in found.errors:
        sys.stderr.write(f"error: {error_line}\n")
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
