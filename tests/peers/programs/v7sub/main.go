// Command v7sub makes one call with the client of the same name.
package main

import (
	"github.com/certuse/cloudflare-mtls/tests/peers/clients/v7sub"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/program"
)

func main() { program.Main(v7sub.New) }
