// The edge's program: Caddy with its own modules and the handler of the CrowdSec bouncer.
//
// go.sum has the hash of every module but the bouncer, which the checksum database vouches for when the image is built.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	_ "github.com/hslatman/caddy-crowdsec-bouncer/http"
)

func main() {
	caddycmd.Main()
}
