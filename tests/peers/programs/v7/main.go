// Command v7 makes one call with the client of the same name.
package main

import (
	"github.com/certuse/cloudflare-mtls/tests/peers/clients/v7"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/program"
)

func main() { program.Main(v7.New) }
