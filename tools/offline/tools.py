"""Programs that tests and benchmarks use besides the docker command: registry clients, and restic where the host has none."""

from __future__ import annotations

from pathlib import Path

from infra.cache import cached
from infra.progress import say
from tools.offline.debian import PackageError, RootFilesystem, apt_install, unpack_program
from tools.offline.golang import GoMain, GoProgram, ensure_program

_CRANE = GoProgram("github.com/google/go-containerregistry", "cmd/crane", "0.22.1")


# The program without key services of clouds, whose SDKs are more code than all the rest.
_COSIGN_MAIN = """\
package main

import (
	"errors"
	"log"
	"os"

	"github.com/sigstore/cosign/v2/cmd/cosign/cli"
	cosignError "github.com/sigstore/cosign/v2/cmd/cosign/errors"
)

func main() {
	if err := cli.New().Execute(); err != nil {
		var known *cosignError.CosignError
		if errors.As(err, &known) {
			log.Printf("error during command execution: %v", err)
			os.Exit(known.ExitCode())
		}
		log.Fatalf("error during command execution: %v", err)
	}
}
"""
_COSIGN = GoMain("github.com/sigstore/cosign/v2", "cmd/cosign", "2.6.5", source=_COSIGN_MAIN)


def ensure_cosign(cache: Path) -> Path:
    """Return the path of cosign, built first if the cache lacks it.

    Raises:
        CommandError: Go or a module is not available, or the build failed.
    """
    return ensure_program(_COSIGN, cache)


def ensure_crane(cache: Path) -> Path:
    """Return the path of crane, built first if the cache lacks it.

    Raises:
        CommandError: Go or a module is not available, or the build failed.
    """
    return ensure_program(_CRANE, cache)


def ensure_skopeo() -> Path | None:
    """Return the path of skopeo, installed first if possible; else None, with the reason on standard error."""
    try:
        return apt_install("skopeo", "skopeo", purpose="testing with a second registry client")
    except PackageError as error:
        say(str(error))
        return None


def ensure_restic(cache: Path) -> Path:
    """Return the path of the restic that servers have, taken out of its package first if the cache lacks it.

    Raises:
        CommandError: The package is not available.
    """

    def unpack(folder: Path) -> None:
        unpack_program("restic", "usr/bin/restic", folder / "restic")

    return cached(cache, f"restic-{RootFilesystem.suite}", unpack, what="restic") / "restic"
