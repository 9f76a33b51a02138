//go:build race

package load

// The race detector makes an audit ten times slower and takes several times the
// memory of the program: 204 to 210 MiB were seen instead of 26.
const (
	audited     = 100_000
	accounts    = 500
	memoryBound = 400 // MiB, with the server in the same process
	reduced     = "with the race detector; a million without, by make load"
)
