//go:build !race

package load

const (
	audited     = 1_000_000
	accounts    = 10_000
	memoryBound = 200 // MiB, with the server in the same process
	reduced     = ""
)
