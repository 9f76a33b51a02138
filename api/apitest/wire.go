package apitest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"
)

// send delivers the answer with its faults. The request's context ends when the
// client or the server goes away.
func (r Response) send(w http.ResponseWriter, req *http.Request) {
	ctx := req.Context()
	err := pause(ctx, r.delay)
	switch {
	case err != nil:
	case r.silent && !r.reset:
		<-ctx.Done()
		err = ctx.Err()
	case r.silent:
		err = errCut
	default:
		err = r.write(ctx, w)
	}
	switch {
	case err == nil:
	case r.reset && errors.Is(err, errCut):
		resetConnection(w)
	default:
		panic(http.ErrAbortHandler) // the server's way to end an answer early
	}
}

// errCut ends a body where it is to be cut.
var errCut = errors.New("cut here")

func (r Response) write(ctx context.Context, w http.ResponseWriter) error {
	header := w.Header()
	header["Content-Type"] = nil // not to be guessed
	maps.Copy(header, r.header)
	if header.Get("CF-Ray") == "" {
		header.Set("CF-Ray", rayID())
	}
	stream := r.stream
	if stream == nil {
		body := []byte(r.body)
		if r.gzip {
			body = compress(body)
		}
		if !r.chunked && len(body) > 0 {
			header.Set("Content-Length", strconv.Itoa(len(body)))
		}
		stream = func(w io.Writer) error { _, err := w.Write(body); return err }
	} else if r.gzip {
		plain := stream
		stream = func(w io.Writer) error {
			zip := gzip.NewWriter(w)
			return errors.Join(plain(zip), zip.Close())
		}
	}
	w.WriteHeader(r.status)
	flusher := http.NewResponseController(w)
	if r.chunked {
		_ = flusher.Flush() // a header flushed early leaves the length open
	}
	out := &faultyWriter{w: w, flush: flusher.Flush, ended: ctx.Err, left: r.cut}
	if r.drip > 0 {
		out.rest = func() error { return pause(ctx, r.drip) }
	}
	if err := stream(out); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		return err
	}
	if r.cut >= 0 { // the body was shorter than the cut
		_ = flusher.Flush()
		return errCut
	}
	return nil
}

// faultyWriter drips and cuts what goes through it.
type faultyWriter struct {
	w     io.Writer
	flush func() error
	ended func() error // not nil once the reader is gone
	rest  func() error // after each byte; nil: no dripping
	left  int          // bytes until the cut; -1: no cut
}

func (f *faultyWriter) Write(p []byte) (int, error) {
	if err := f.ended(); err != nil {
		return 0, err
	}
	cut := f.left >= 0 && f.left < len(p)
	if cut {
		p = p[:f.left]
	}
	n, err := f.deliver(p)
	if f.left >= 0 {
		f.left -= n
	}
	if err == nil && cut {
		_ = f.flush()
		err = errCut
	}
	return n, err
}

func (f *faultyWriter) deliver(p []byte) (int, error) {
	if f.rest == nil {
		return f.w.Write(p)
	}
	for i := range p {
		if _, err := f.w.Write(p[i : i+1]); err != nil {
			return i, err
		}
		if err := f.flush(); err != nil {
			return i, err
		}
		if err := f.rest(); err != nil {
			return i + 1, err
		}
	}
	return len(p), nil
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
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	_, _ = zip.Write(body) // a buffer takes all
	_ = zip.Close()
	return b.Bytes()
}

// rayID makes an id of the form that the vendor gives to each answer.
func rayID() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:]) + "-TST"
}
