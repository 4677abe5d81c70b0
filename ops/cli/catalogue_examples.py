"""Examples of the verbs of `regops catalogue`, as their help shows them."""

from __future__ import annotations

EXAMPLES = (
    "Examples: `regops catalogue` · `regops catalogue list --search postgres` · `regops catalogue --file mirror.yml --json`"
)
ADD_EXAMPLES = """\
Examples: `regops catalogue add alpine --tags '3\\.\\d+' --tags latest` ·
`regops catalogue add quay.io/prometheus/prometheus --semver '>=3.0 <4' --keep 6 --dry-run` ·
`regops catalogue add --from starter postgres --keep 3` · `regops catalogue add --template quay prometheus/prometheus` ·
`regops catalogue add coredns/coredns:1.12 --target base/coredns:stable --registry registry.example.com`
"""
EDIT_EXAMPLES = """\
Examples: `regops catalogue edit postgres --tags '1[67]\\.\\d+' --keep 6` · `regops catalogue edit :14 --deny '.*-rc\\d+'` ·
`regops catalogue edit postgres --tags '' --keep 0 --dry-run`
"""
IMPORT_EXAMPLES = """\
Examples: `regops catalogue import regsync.yml --dry-run` ·
`regops catalogue import regsync.yml --registry registry.example.com --into 'mirror/**'`
"""
UNDO_EXAMPLES = "Examples: `regops catalogue undo --dry-run` · `regops catalogue undo` · `regops catalogue undo --redo`"
REMOVE_EXAMPLES = """\
Examples: `regops catalogue remove postgres --dry-run` · `regops catalogue remove :14` ·
`regops catalogue remove postgres --images`
"""
