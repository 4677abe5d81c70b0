"""Containerd 2 with what pulls and pushes images: without what runs containers, which is more code than all the rest."""

from __future__ import annotations

from pathlib import Path

from tools.offline.golang import GoMain, ensure_program

_MODULE, _VERSION = "github.com/containerd/containerd/v2", "2.2.9"
_PLUGINS = (
    *("content/local/plugin", "diff/walking/plugin", "events", "gc", "imageverifier", "leases", "metadata"),
    *("services/content", "services/diff", "services/images", "services/introspection", "services/leases"),
    *("services/namespaces", "services/snapshots", "services/streaming", "services/transfer", "services/version"),
    *("snapshots/native/plugin", "streaming", "transfer"),
)
# Its own main package, with fewer of its plugins: https://github.com/containerd/containerd/blob/v2.2.9/cmd/containerd/main.go
_MAIN = """\
package main

import (
	"fmt"
	"os"

	"{module}/cmd/containerd/command"

{plugins}
)

func main() {{
	if err := command.App().Run(os.Args); err != nil {{
		fmt.Fprintln(os.Stderr, "containerd:", err)
		os.Exit(1)
	}}
}}
"""
_DAEMON = GoMain(
    _MODULE,
    "cmd/containerd",
    _VERSION,
    source=_MAIN.format(module=_MODULE, plugins="\n".join(f'\t_ "{_MODULE}/plugins/{name}"' for name in _PLUGINS)),
)
# ctr with its commands for images alone: https://github.com/containerd/containerd/blob/v2.2.9/cmd/ctr/app/main.go
_CTR_MAIN = f"""\
package main

import (
	"fmt"
	"os"

	"{_MODULE}/cmd/ctr/commands/images"
	"{_MODULE}/version"
	"github.com/urfave/cli/v2"
)

func main() {{
	app := &cli.App{{
		Name:                      "ctr",
		Version:                   version.Version,
		DisableSliceFlagSeparator: true,
		Flags: []cli.Flag{{
			&cli.StringFlag{{Name: "address"}},
			&cli.DurationFlag{{Name: "timeout"}},
			&cli.DurationFlag{{Name: "connect-timeout"}},
			&cli.StringFlag{{Name: "namespace"}},
		}},
		Commands: []*cli.Command{{images.Command}},
	}}
	if err := app.Run(os.Args); err != nil {{
		fmt.Fprintln(os.Stderr, "ctr:", err)
		os.Exit(1)
	}}
}}
"""
_CTR = GoMain(_MODULE, "cmd/ctr", _VERSION, variables={f"{_MODULE}/version.Version": _VERSION}, source=_CTR_MAIN)


def ensure_containerd(cache: Path) -> tuple[Path, Path]:
    """Return the paths of the daemon and of ctr, built first if the cache lacks them.

    Raises:
        CommandError: Go or a module is not available, or the build failed.
    """
    return ensure_program(_DAEMON, cache), ensure_program(_CTR, cache)
