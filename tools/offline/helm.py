"""`helm`'s own registry client: what `helm registry login`, `helm push` and `helm pull` run, without the rest of helm.

The rest speaks to Kubernetes, whose types take minutes to compile.
"""

from __future__ import annotations

from functools import partial

from tools.offline.golang import GoMain, ensure_program

_VERSION = "4.3.2"
# With the options that helm gives it: https://github.com/helm/helm/blob/v4.3.2/pkg/cmd/root.go#L419
_MAIN = """\
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"helm.sh/helm/v4/pkg/registry"
)

var version string

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(verb string, words []string) error {
	client, err := registry.NewClient(
		registry.ClientOptEnableCache(true),
		registry.ClientOptWriter(os.Stderr),
		registry.ClientOptCredentialsFile(os.Getenv("HELM_REGISTRY_CONFIG")),
		registry.ClientOptPlainHTTP(),
	)
	if err != nil {
		return err
	}
	switch verb {
	case "version":
		fmt.Println(version)
		return nil
	case "login": // host, user; the password on standard input
		password, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		account := registry.LoginOptBasicAuth(words[1], string(password))
		return client.Login(words[0], account, registry.LoginOptPlainText(true))
	case "push": // archive, reference
		chart, err := os.ReadFile(words[0])
		if err != nil {
			return err
		}
		_, err = client.Push(chart, words[1], registry.PushOptCreationTime(time.Now().Format(time.RFC3339)))
		return err
	case "pull": // reference, archive
		pulled, err := client.Pull(words[0])
		if err != nil {
			return err
		}
		return os.WriteFile(words[1], pulled.Chart.Data, 0o600)
	}
	return fmt.Errorf("there is no %q", verb)
}
"""
# All of these two packages that the client uses; what they have besides knows Kubernetes.
_COMMON = """\
package common

import "time"

type File struct {
	Name    string    `json:"name"`
	Data    []byte    `json:"data"`
	ModTime time.Time `json:"modtime,omitzero"`
}
"""
_VERSION_PACKAGE = """\
package version

import "strings"

var version string

func GetUserAgent() string { return "Helm/" + strings.TrimPrefix(version, "v") }
"""
_HELM = GoMain(
    module="helm.sh/helm/v4",
    package="cmd/helm",
    version=_VERSION,
    variables={"main.version": _VERSION, "helm.sh/helm/v4/internal/version.version": f"v{_VERSION}"},
    source=_MAIN,
    replaced={"pkg/chart/common": _COMMON, "internal/version": _VERSION_PACKAGE},
)
# Returns the path of the client in the cache that it is given; see `ensure_program`.
ensure_helm_client = partial(ensure_program, _HELM)
