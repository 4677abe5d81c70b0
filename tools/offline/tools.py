"""Programs that tests and benchmarks use besides the docker command: registry clients, restic, a specification's own tests."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from infra.cache import cached, digest
from infra.progress import say
from tools.offline.debian import PackageError, RootFilesystem, apt_install, unpack_packages, unpack_program
from tools.offline.golang import GoMain, GoProgram, ensure_program
from tools.offline.recipes import regclient

_CRANE = GoProgram("github.com/google/go-containerregistry", "cmd/crane", "0.22.1")
_ORAS = GoProgram("oras.land/oras", "cmd/oras", "1.3.6")
_OLAREG = GoProgram("github.com/olareg/olareg", "cmd/olareg", "0.1.2")
# Its module has no versions but commits.
_CONFORMANCE = GoProgram("github.com/opencontainers/distribution-spec/conformance", "", "0.0.0-20260831232431-97274622c111")
# The clients that come as Debian packages, of a newer release than most machines have.
_CLIENTS = ("docker.io", "docker-cli", "docker-buildx", "containerd", "buildah")
# What they bring to run containers, and to be tested themselves.
_NO_CLIENTS = (
    *("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/lib/cni", "usr/libexec/buildah"),
    *("usr/libexec/podman", "usr/bin/containerd-s*", "usr/sbin/docker-proxy", "usr/bin/tini-static"),
)


# The program without key services of clouds, keys in Kubernetes and policies in Rego, which are more code than all the rest.
_COSIGN_MAIN = """\
package main

import (
	"errors"
	"log"
	"os"

	"github.com/sigstore/cosign/v3/cmd/cosign/cli"
	cosignError "github.com/sigstore/cosign/v3/cmd/cosign/errors"
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
_NO_KUBERNETES = """\
package kubernetes

import (
	"context"
	"errors"

	"github.com/sigstore/cosign/v3/pkg/cosign"
)

const KeyReference = "k8s://"

type Secret struct{ Data map[string][]byte }

var errLeftOut = errors.New("keys in Kubernetes are left out of this build")

func GetKeyPairSecret(context.Context, string) (*Secret, error) { return nil, errLeftOut }

func KeyPairSecret(context.Context, string, cosign.PassFunc) error { return errLeftOut }
"""
_NO_REGO = """\
package rego

import "errors"

func ValidateJSON([]byte, []string) []error { return []error{errors.New("policies in Rego are left out of this build")} }
"""
_COSIGN = GoMain(
    "github.com/sigstore/cosign/v3",
    "cmd/cosign",
    "3.1.3",
    source=_COSIGN_MAIN,
    replaced={"pkg/cosign/kubernetes": _NO_KUBERNETES, "pkg/cosign/rego": _NO_REGO},
)


# Each takes the cache, and returns the path of a program, built first if the cache lacks it. It raises CommandError if Go or a
# module is not available, or the build failed. olareg is another registry, which only benchmarks use; the conformance tests are
# those of the OCI distribution specification.
ensure_cosign = partial(ensure_program, _COSIGN)
ensure_crane = partial(ensure_program, _CRANE)
ensure_regctl = partial(ensure_program, regclient("regctl"))
ensure_oras = partial(ensure_program, _ORAS)
ensure_olareg = partial(ensure_program, _OLAREG)
ensure_conformance = partial(ensure_program, _CONFORMANCE)


def ensure_debian_clients(cache: Path) -> Path:
    """Return a folder with the clients that Debian has, and the libraries that they need, unpacked first if the cache lacks it.

    Raises:
        PackageError: mmdebstrap is missing, or the user is not root.
        CommandError: A package is not available.
    """

    def unpack(folder: Path) -> None:
        unpack_packages(_CLIENTS, folder, left_out=_NO_CLIENTS)

    name = f"clients-{RootFilesystem.suite}-{digest([_CLIENTS, _NO_CLIENTS])}"
    return cached(cache, name, unpack, what="registry clients")


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
