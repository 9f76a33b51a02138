package apitest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// send writes the response with its faults. The request's context ends when the client
// or the server closes the connection.
func (r Response) send(w http.ResponseWriter, req *http.Request) {
	ctx := req.Context()
	err := pause(ctx, r.delay)
	switch {
	case err != nil:
	case r.noResponse && !r.reset:
		<-ctx.Done()
		err = ctx.Err()
	case r.noResponse:
		err = errBodyCut
	default:
		err = r.write(ctx, w)
	}
	switch {
	case err == nil:
	case r.reset && errors.Is(err, errBodyCut):
		resetConnection(w)
	default:
		panic(http.ErrAbortHandler) // ends the response early
	}
}

// errBodyCut ends a response before its end.
var errBodyCut = errors.New("the body is cut")

func (r Response) write(ctx context.Context, w http.ResponseWriter) error {
	header := w.Header()
	header["Content-Type"] = nil // net/http would set one
	maps.Copy(header, r.header)
	if header.Get("CF-Ray") == "" {
		header.Set("CF-Ray", fmt.Sprintf("%016x-TST", rand.Uint64())) // in the vendor's form
	}
	stream := r.stream
	if stream == nil {
		stream = func(w io.Writer) error { _, err := io.WriteString(w, r.body); return err }
	}
	if r.gzip {
		plain := stream
		stream = func(w io.Writer) error {
			zip := gzip.NewWriter(w)
			return errors.Join(plain(zip), zip.Close())
		}
	}
	if !r.chunked { // with Content-Length
		var body bytes.Buffer
		if err := stream(&body); err != nil {
			return err
		}
		if body.Len() > 0 {
			header.Set("Content-Length", strconv.Itoa(body.Len()))
		}
		stream = func(w io.Writer) error { _, err := body.WriteTo(w); return err }
	}
	w.WriteHeader(r.status)
	flusher := http.NewResponseController(w)
	if r.chunked {
		_ = flusher.Flush() // without Content-Length
	}
	out := &faultyWriter{ctx: ctx, w: w, flush: flusher.Flush, left: r.cut, drip: r.drip}
	if err := stream(out); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		return err
	}
	if r.cut >= 0 { // the body was not longer than the cut
		_ = flusher.Flush()
		return errBodyCut
	}
	return nil
}

// faultyWriter delays and cuts the written bytes.
type faultyWriter struct {
	ctx   context.Context // ends when the connection is closed
	w     io.Writer
	flush func() error
	left  int           // bytes until the cut; -1: no cut
	drip  time.Duration // the pause after each byte; 0: no dripping
}

func (f *faultyWriter) Write(p []byte) (n int, err error) {
	for err = f.ctx.Err(); err == nil && n < len(p); {
		if f.left == 0 {
			_ = f.flush()
			return n, errBodyCut
		}
		end := len(p)
		if f.left > 0 {
			end = min(end, n+f.left)
		}
		if f.drip > 0 {
			end = n + 1
		}
		var written int
		written, err = f.w.Write(p[n:end])
		n += written
		if f.left > 0 {
			f.left -= written
		}
		if err == nil && f.drip > 0 {
			err = errors.Join(f.flush(), pause(f.ctx, f.drip))
		}
	}
	return n, err
}

// resetConnection closes the connection with a TCP reset.
func resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func pause(ctx context.Context, d time.Duration) error {
	if d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}
