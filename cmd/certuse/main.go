// Command certuse reports which mTLS certificates of a Cloudflare account are in
// use, so that a person, or a script, can decide whether one may be deleted. It also
// uploads certificates and deletes those that are unused.
//
//	certuse list --expires-within 30d
//	certuse usage --account ACCOUNT CERT…
//	certuse audit --account ACCOUNT --from FILE --require-unused
//	certuse delete --account ACCOUNT CERT…
//
// Credentials are read from the environment only. Standard output carries
// nothing but data; everything else goes to standard error. The exit code says
// how the answer ended: see `certuse help exit-codes`.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// sameSignal is how close two signals are that were meant as one.
const sameSignal = 500 * time.Millisecond

func main() {
	// net/http prints what a server sends unasked to the standard logger, and a
	// server can send the credentials back. Nothing else here writes to it.
	log.SetOutput(io.Discard)
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup(1) has it
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, restore := signal.NotifyContext(context.Background(), ends...)
	// The first signal asks for an orderly end. The handler is then taken away,
	// so that another one kills the process, whatever it is doing; but not at
	// once, since timeout(1) and some terminals deliver one signal twice.
	context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, restore) })
	// A reader that goes away, as head does, is then an error of the write and
	// not a sudden death that leaves half a progress bar on the terminal.
	signal.Ignore(syscall.SIGPIPE)

	os.Exit(run(ctx, os.Args[1:], system{
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: os.Stderr,
		getenv: os.Getenv,
	}))
}
