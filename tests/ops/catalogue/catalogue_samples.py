"""Catalogues in the shapes that people have: what public repositories use, written anew."""

from __future__ import annotations

# Long literal lists of tags, a template as the target's registry, limits of requests.
CHARTS = """\
version: 1
creds:
  - registry: '{{ env "REGISTRY_ENDPOINT" }}'
    user: '{{ env "REGISTRY_USERNAME" }}'
    pass: '{{ env "REGISTRY_PASSWORD" }}'
    reqConcurrent: 10
    reqPerSec: 50
defaults:
  mediaTypes:
    - application/vnd.docker.distribution.manifest.v2+json
    - application/vnd.oci.image.index.v1+json
sync:
  - source: docker.io/kiwigrid/k8s-sidecar
    target: '{{ env "REGISTRY_ENDPOINT" }}/mirrored-kiwigrid-k8s-sidecar'
    type: repository
    tags:
      allow:
        - 0.1.151
        - 1.12.2
        - 1.24.6
        - 1.26.1
  - source: quay.io/thanos/thanos
    target: '{{ env "REGISTRY_ENDPOINT" }}/mirrored-thanos-thanos'
    type: repository
    tags:
      allow:
        - v0.15.0
        - v0.30.2
  - source: registry.k8s.io/ingress-nginx/controller
    target: '{{ env "REGISTRY_ENDPOINT" }}/nginx-ingress-controller'
    type: repository
    tags:
      allow:
        - nginx-1.10.1
"""
# Versions from the environment in source and target, single quotes, sections.
VERSIONED = """\
---
version: 1

defaults:
  ratelimit:
    min: 60
    retry: 15m
  parallel: 2
  interval: 60m

sync:
  # ---- databases ----

  - source: 'docker.io/library/postgres:{{ env "POSTGRES_VERSION" }}'
    target: 'registry.example.com/library/postgres:{{ env "POSTGRES_VERSION" }}'
    type: 'image'

  # the old one, for the archive
  - source: 'docker.io/library/mariadb:{{ env "MARIADB_VERSION" }}'
    target: 'registry.example.com/library/mariadb:{{ env "MARIADB_VERSION" }}'
    type: 'image'

  # ---- search ----

  - source: 'docker.elastic.co/elasticsearch/elasticsearch:{{ env "ELASTIC_VERSION" }}'
    target: 'registry.example.com/elasticsearch/elasticsearch:{{ env "ELASTIC_VERSION" }}'
    type: 'image'
    # no arm here
  - source: 'registry.gitlab.com/gitlab-org/gitlab-runner/gitlab-runner-helper'
    target: 'registry.example.com/gitlab-runner-helper'
    type: 'repository'
    tags: # the ones in use
      allow:
        - 'x86_64-v1[67]\\.\\d+\\.\\d+' # runner 16 and 17
        - 'x86_64-latest'
      deny:
        - '.*-pwsh'

# the end
"""
# All of it indented, patterns without quotes.
INDENTED = """\
  version: 1

  defaults:
    ratelimit:
      min: 50
      retry: 1m

  sync:
    - source: ghcr.io/sync/daemon
      target: registry.example.com/sync/daemon
      type: repository
      tags:
        allow:
        - ^latest$
        - ^[12]\\.[0-9]+\\.[0-9]+$
        - 1.2
      interval: 12h

    - source: ghcr.io/sync/relay
      target: registry.example.com/sync/relay
      type: repository
      tags:
        allow:
        - latest
        - edge

    # third
    - source: ghcr.io/sync/discovery
      target: registry.example.com/sync/discovery
      type: repository
"""
# Comments beyond ASCII, lists as deep as their key, comments at the ends of lines.
ACCENTS = """\
# Spiegel für das Büro, gepflegt von Zoë 🐙
version: 1
defaults: {parallel: 8, interval: 6h}
sync:
# 공식 이미지
- source: public.ecr.aws/docker/library/nginx  # ← spart Kontingent
  target: registry.example.com/library/nginx   # wörtlich
  type: repository
  tags:
    semverRange:
    - '>=1.25 <2'   # größer
    allow: ['1\\.2[5-9](?:\\.\\d+)?', "stable"]
- source: public.ecr.aws/docker/library/redis:7   # 缓存
  target: registry.example.com/library/redis:7
  type: image
  x-regops: {hold: true, protect: ['7']}
  x-owner: Zoë
-   source: quay.io/org/widé
    target: registry.example.com/org/wide
    type: repository
    # ein Rest
"""
# Anchors, aliases, merge keys, an entry that is only named.
ANCHORS = """\
version: 1
x-common: &common
  type: repository
  digestTags: true
  tags: &releases
    allow: ['v\\d+\\.\\d+\\.\\d+']
    deny: ['.*-rc\\d+']
sync: &all
  - <<: *common
    source: quay.io/prometheus/prometheus
    target: registry.example.com/prometheus/prometheus
  - &exporter
    source: quay.io/prometheus/node-exporter
    target: registry.example.com/prometheus/node-exporter
    type: repository
    tags: *releases
  - source: quay.io/prometheus/alertmanager
    <<: *common
    target: registry.example.com/prometheus/alertmanager
    referrers: true
  - <<: *exporter
    target: registry.example.com/copy/node-exporter
  - source: quay.io/prometheus/pushgateway
    target: registry.example.com/prometheus/pushgateway
    type: repository
    tags: *releases
"""
# Entries in brackets.
FLOW = """\
version: 1
sync: [
  {source: docker.io/library/alpine, target: registry.example.com/library/alpine, type: repository, tags: {allow: ['3\\.\\d+']}},
  {source: 'quay.io/org/app:1.2', target: "registry.example.com/org/app:1.2", type: image},  # one
  { source: ghcr.io/org/tool, target: registry.example.com/org/tool,
    type: repository, x-regops: { keep_last: 3 } }
]
defaults: {parallel: 1}
"""
# Hooks, sets, text over several lines.
EVERYTHING = """\
version: 1
sync:
  - source: docker.io/library/debian
    target: registry.example.com/library/debian
    type: repository
    tagSets:
      - allow: [bookworm, trixie]
      - semverRange: ['>=12']
        deny: ['.*-slim']
    referrers: true
    referrerFilters:
      - artifactType: application/example.sbom
        annotations: {org.example: "yes"}
    fastCheck: true
    forceRecursive: false
    includeExternal: false
    schedule: '0 3 * * *'
    backup: 'backup-{{ .Ref.Tag }}'
    ratelimit: {min: 20, retry: 10m}
    mediaTypes:
      - application/vnd.oci.image.manifest.v1+json
    hooks:
      pre:
        type: exec
        params: [echo, copies]
    x-note: |
      The base of all.

      Ask Zoë.

  - source: docker.io/library/busybox
    target: >-
      registry.example.com/library/busybox
    type: repository
    platforms: [linux/amd64, linux/arm64]
"""

SHAPES = {
    "charts": CHARTS,
    "versioned": VERSIONED,
    "indented": INDENTED,
    "accents": ACCENTS,
    "anchors": ANCHORS,
    "flow": FLOW,
    "everything": EVERYTHING,
    "windows": VERSIONED.replace("\n", "\r\n"),
    "no end": INDENTED.rstrip("\n"),
    "windows without end": ACCENTS.rstrip("\n").replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + CHARTS,
    "empty list": "version: 1\nsync: []  # nothing yet\ndefaults: {}\n",
    "empty key": "version: 1\nsync:\n",
    "no list": "# to be filled\nversion: 1\n",
    "nothing": "",
}
LARGE = 7241


def generated(entries: int = LARGE) -> str:
    """Return what a program writes for many images: some twenty of each repository."""
    lines = ["version: 1", "defaults:", "  userAgent: mirror", "sync:"]
    for number in range(entries):
        repository = f"image-{number % 193}"
        lines += [
            f"- source: docker.io/upstream/{repository}:v1.{number}",
            f"  target: '{{{{ env \"REGISTRY\" }}}}/upstream/mirrored-{repository}:v1.{number}'",
            "  type: image",
        ]
    return "\n".join([*lines, ""])
