"""Requests that the edge answers with an error, so that clients' mistakes reach neither the registry nor its error count.

Errors have the registry's format and codes, so that clients show them:
https://github.com/distribution/distribution/blob/v3.1.2/registry/api/errcode/register.go
"""

from __future__ import annotations

_GB = 10**9
# With all its parts: https://github.com/distribution/reference/blob/v0.6.0/reference.go#L42
_LONGEST_NAME = 255
# A manifest, and what is certainly none: {"schemaVersion":2} is the shortest that the registry takes.
MANIFEST_PATH = "^/v2/.+/manifests/[^/]+$"
_SHORTER_THAN_ANY = "^([0-9]|1[0-8])$"
# Those that the registry knows: https://github.com/opencontainers/go-digest/blob/v1.0.0/algorithm.go#L66
_DIGEST = "(sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})"
# https://github.com/distribution/reference/blob/v0.6.0/regexp.go#L68
_TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
# Clients wait this long before they retry.
_RETRY_AFTER_S = 5
# What Caddy says when all requests of a share are under way, and Go's server about a body that is not whole or not well-formed.
_BROKEN_OFF = "^(readfrom .*: )?unexpected EOF$|chunk|http: invalid trailer"
_FULL = "no upstreams available"
_STALLED = "^(readfrom .*: )?(read tcp .*: )?i/o timeout$"


def refusals(*, max_upload_gb: int) -> str:
    """Return the snippets of what is refused by a request's head, `refused` and `bodies_refused`, and of other errors.

    The registry answers most of what `refused` is about with 500.
    """
    return f"""\
(answer) {{
	header Content-Type application/json
	respond `{{"errors":[{{"code":"{{args[1]}}","message":"{{args[2]}}"}}]}}` {{args[0]}}
}}
(bodies_refused) {{
	# Nobody would read these. A body that is not announced is cut off at its second byte.
	@with_body expression <<CEL
		method('GET', 'HEAD', 'DELETE')
		&& (header({{'Transfer-Encoding': '*'}}) || header_regexp('Content-Length', '[1-9]'))
		CEL
	handle @with_body {{
		header Connection close
		import no_body
	}}
	@without_body method GET HEAD DELETE
	request_body @without_body {{
		max_size 1B
	}}
}}
(refused) {{
	import bodies_refused
	@too_large expression <<CEL
		header_regexp('Content-Length', '^[0-9]{{10,}}$') && int({{http.request.header.Content-Length}}) > {max_upload_gb * _GB}
		CEL
	handle @too_large {{
		header Connection close
		import too_large
	}}
	@long_name path_regexp ^/v2/.{{{_LONGEST_NAME + 1},}}/(manifests|blobs|tags|referrers)/
	handle @long_name {{
		import answer 400 NAME_INVALID "the name of a repository has at most {_LONGEST_NAME} characters"
	}}
	@bad_last expression <<CEL
		path_regexp('^/v2/(_catalog|.+/tags/list)$')
		&& !{{http.request.uri.query.last}}.matches('^[A-Za-z0-9._/-]{{0,{_LONGEST_NAME}}}$')
		CEL
	handle @bad_last {{
		import answer 400 NAME_INVALID "last must be the name of a repository or a tag"
	}}
	# Without a length, the registry does not look at the range.
	@bad_range expression <<CEL
		method('PATCH', 'PUT') && header({{'Content-Length': '*'}}) && header({{'Content-Range': '*'}})
		&& !header_regexp('Content-Range', '^[0-9]{{1,18}}-[0-9]{{1,18}}$')
		CEL
	handle @bad_range {{
		header Connection close
		import answer 416 RANGE_INVALID "Content-Range must be the first and the last byte, such as 0-1023"
	}}
	@too_short expression <<CEL
		method('PUT') && path_regexp('{MANIFEST_PATH}') && header_regexp('Content-Length', '{_SHORTER_THAN_ANY}')
		CEL
	handle @too_short {{
		header Connection close
		import no_manifest
	}}
	@bad_type expression <<CEL
		method('PATCH') && header({{'Content-Type': '*'}}) && !header_regexp('Content-Type', '^(application/octet-stream)?$')
		CEL
	handle @bad_type {{
		header Connection close
		import answer 400 BLOB_UPLOAD_INVALID "the Content-Type of an upload must be application/octet-stream"
	}}
	# Of several digests the registry takes the first one.
	@bad_digest expression <<CEL
		path_regexp('^/v2/.+/(blobs/[^/]+|manifests/[^/]*:[^/]*)$')
		&& !path_regexp('^/v2/.+/(blobs/uploads|(blobs|manifests)/{_DIGEST})$')
		|| method('PUT') && path_regexp('^/v2/.+/blobs/uploads/[^/]+$')
		&& !{{http.request.uri.query.digest}}.matches('^{_DIGEST}(,|$)')
		CEL
	handle @bad_digest {{
		header Connection close
		import answer 400 DIGEST_INVALID "a digest is sha256: and 64 digits from 0-9 and a-f, or one of sha384 or sha512"
	}}
	@bad_tag expression <<CEL
		method('PUT') && path_regexp('^/v2/.+/manifests/[^/:]+$') && !path_regexp('^/v2/.+/manifests/{_TAG}$')
		CEL
	handle @bad_tag {{
		header Connection close
		import answer 400 TAG_INVALID "a tag has at most 128 letters, digits and any of _.-, and begins with none of .-"
	}}
}}
(no_body) {{
	import answer 400 UNSUPPORTED "a request like this has no body"
}}
(no_manifest) {{
	import answer 400 MANIFEST_INVALID "this is not a manifest of schemaVersion 2 as its Content-Type announces"
}}
(too_large) {{
	import answer 413 SIZE_INVALID "a request may carry {max_upload_gb} GB at most; the operator can raise registry.max_upload_gb"
}}
(failures) {{
	# What was wrong with a body shows only while it is sent on.
	@broken_off expression {{http.error.message}}.matches('{_BROKEN_OFF}')
	handle @broken_off {{
		import answer 400 BLOB_UPLOAD_INVALID "the body of the request was not whole"
	}}
	@stalled expression {{http.error.message}}.matches('{_STALLED}')
	handle @stalled {{
		import answer 408 BLOB_UPLOAD_INVALID "nothing more of the body came in time"
	}}
	header Retry-After {_RETRY_AFTER_S}
	@full expression {{http.error.message}} == '{_FULL}'
	handle @full {{
		import answer 503 TOOMANYREQUESTS "too many requests at once, in all or from addresses like yours; try again shortly"
	}}
	handle {{
		import answer 503 UNAVAILABLE "{UNAVAILABLE}"
	}}
}}
"""


UNAVAILABLE = "the registry is busy or in maintenance, or a part of it is restarting; try again shortly"
