// Package program is the body of the smallest useful program with each client: one
// call, one line of output.
package program

import (
	"context"
	"fmt"
	"os"

	"github.com/certuse/cloudflare-mtls/tests/peers/face"
	"github.com/certuse/cloudflare-mtls/tests/peers/internal/process"
)

// Main makes the call that the arguments name (base URL, token, account,
// certificate) and prints the number of associations and the peak RSS in bytes.
func Main(newClient face.New) {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: program BASE-URL TOKEN ACCOUNT CERTIFICATE")
		os.Exit(2)
	}
	if err := run(newClient, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(newClient face.New, args []string) error {
	call, err := newClient(args[0], args[1], nil)
	if err != nil {
		return err
	}
	rows, err := call(context.Background(), args[2], args[3])
	if err != nil {
		return err
	}
	peak, err := process.PeakRSS()
	if err != nil {
		return err
	}
	fmt.Println(rows, peak)
	return nil
}
