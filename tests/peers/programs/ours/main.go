// Command ours makes one call with the client of the same name.
package main

import (
	"github.com/certuse/cloudflare-mtls/tests/peers/clients/ours"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/program"
)

func main() { program.Main(ours.New) }
