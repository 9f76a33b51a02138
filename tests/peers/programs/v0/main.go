// Command v0 makes one call with the client of the same name.
package main

import (
	"github.com/certuse/cloudflare-mtls/tests/peers/clients/v0"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/program"
)

func main() { program.Main(v0.New) }
