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
// nothing but data; everything else goes to standard error. The exit code reports the
// outcome: see `certuse help exit-codes`.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// sameSignal is the time within which two signals count as one.
const sameSignal = 500 * time.Millisecond

func main() {
	// net/http prints unsolicited data of a server to the standard logger, and a
	// server can send the credentials back. Nothing else here writes to that logger.
	log.SetOutput(io.Discard)
	// nohup(1) makes a command ignore SIGHUP, and a script makes a background command
	// ignore SIGINT. Both stay ignored. The list is not empty, which would mean all
	// signals: package signal never reports SIGTERM as ignored.
	ends := slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
	ctx, restore := signal.NotifyContext(context.Background(), ends...)
	// The first signal requests an orderly end. After sameSignal, the handler is
	// removed, so that another signal kills the process. timeout(1) and some terminals
	// deliver one signal twice.
	context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, restore) })
	// When the reader of a pipe closes it, as head does, the write fails. SIGPIPE would
	// kill the process and leave the progress bar on the terminal.
	signal.Ignore(syscall.SIGPIPE)

	os.Exit(run(ctx, os.Args[1:], system{
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: os.Stderr,
		getenv: os.Getenv,
	}))
}
