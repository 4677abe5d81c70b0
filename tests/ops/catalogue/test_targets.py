"""Which repositories a catalogue writes here, and where each comes from."""

from __future__ import annotations

from ops.catalogue.document import Document
from ops.catalogue.targets import target_repositories, upstreams_of

TEXT = """\
version: 1
sync:
  - {source: alpine, target: r.example.com/library/alpine, type: repository}
  - {source: 'quay.io/org/app:1.2', target: 'r.example.com/base/app:1.2', type: image}
  - {source: ghcr.io/org/app, target: r.example.com/base/app, type: repository, x-regops: {enabled: false}}
  - {source: quay.io, target: r.example.com/quay.io, type: registry}
  - {source: '{{env "SOURCE"}}/tool', target: r.example.com/tool, type: repository}
  - {source: no source, target: r.example.com/none, type: repository}
"""


def test_repositories_here_are_told_with_the_entries_that_write_them() -> None:
    found = [(item.line, repository) for item, repository in target_repositories(Document(TEXT), {})]
    assert found == [(3, "library/alpine"), (4, "base/app")]


def test_a_repository_comes_from_all_that_were_ever_copied_to_it() -> None:
    expected = {
        "base/app": ("ghcr.io/org/app", "quay.io/org/app"),
        "library/alpine": ("docker.io/library/alpine",),
    }
    assert upstreams_of(Document(TEXT), {}) == expected
    assert upstreams_of(Document(TEXT), {"SOURCE": "codeberg.org"}) == {**expected, "tool": ("codeberg.org/tool",)}


WHOLE = """\
sync:
  - {source: quay.io, target: r.example.com/mirror, type: registry, repos: {allow: ['org/.*'], deny: [org/b]}}
  - {source: a.example, target: r.example.com, type: registry, x-regops: {enabled: false}}
  - {source: ghcr.io/org/own, target: r.example.com/mirror/org/own, type: repository}
  - {source: '{{env "SOURCE"}}', target: r.example.com/mirror, type: registry}
"""


def test_repositories_of_whole_registries_are_known_by_what_is_here() -> None:
    here = ["mirror/org/a", "mirror/org/b", "mirror/org/own", "ci/app"]
    found = upstreams_of(Document(WHOLE), {}, here)
    assert found == {
        "ci/app": ("a.example/ci/app",),
        "mirror/org/a": ("a.example/mirror/org/a", "quay.io/org/a"),
        "mirror/org/b": ("a.example/mirror/org/b",),
        "mirror/org/own": ("ghcr.io/org/own",),
    }
    assert upstreams_of(Document(WHOLE), {}) == {"mirror/org/own": ("ghcr.io/org/own",)}
