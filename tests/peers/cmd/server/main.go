// Command server serves the calls of the comparison in a process of its own, so that
// its resource use is not counted for a client. It prints the base URL, and a URL that
// returns the number of accepted connections. It ends at the end of its standard input.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/certuse/cloudflare-mtls/tests/peers/internal/payload"
)

func main() {
	api, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	var accepted atomic.Int64
	server := &http.Server{Handler: payload.Handler(), ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			accepted.Add(1)
		}
	}}
	go func() { log.Fatal(server.Serve(api)) }()
	count := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, accepted.Load()) })
	go func() { log.Fatal(http.Serve(admin, count)) }()
	fmt.Printf("http://%s/client/v4 http://%s/\n", api.Addr(), admin.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent, whatever the error
}
