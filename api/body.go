package api

import (
	"errors"
	"io"
	"math"
	"net/http"
)

// drainLimit is how much of a body that nobody needs is read so that the
// connection can be used again; a longer one costs the connection.
const drainLimit = 256 << 10

var errTooLarge = errors.New("body exceeds the limit")

// maxSized is the largest announced length for which a buffer is made at once.
const maxSized = 16 << 20

// readBody reads the whole body, closes it, and returns what it got together
// with what went wrong: errTooLarge, or the error of the connection.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	defer func() { _ = resp.Body.Close() }()
	size := resp.ContentLength
	if size > limit {
		return nil, errTooLarge
	}
	if 0 < size && size <= maxSized {
		return readSized(resp.Body, size, limit)
	}
	body, err := readUnsized(nil, resp.Body, limit)
	if err == nil && int64(len(body)) < size {
		err = io.ErrUnexpectedEOF
	}
	return body, err
}

// readSized trusts the announced length for the size of the buffer only. It
// asks for one byte more: that lets the transport see the end, so that the
// connection can be reused, and finds the rest where too little was announced.
func readSized(r io.Reader, size, limit int64) ([]byte, error) {
	body := make([]byte, size+1)
	n, err := 0, error(nil)
	// Not io.ReadFull: its io.ErrUnexpectedEOF could also be the reader's own.
	for n < len(body) && err == nil {
		var more int
		more, err = r.Read(body[n:])
		n += more
	}
	switch ended := errors.Is(err, io.EOF); {
	case err == nil, ended && int64(n) > size:
		return readUnsized(body, r, limit)
	case ended && int64(n) < size:
		return body[:n], io.ErrUnexpectedEOF
	case ended:
		return body[:size:size], nil
	default:
		return body[:n], err
	}
}

func readUnsized(start []byte, r io.Reader, limit int64) ([]byte, error) {
	left := limit - int64(len(start))
	if left < math.MaxInt64 {
		left++ // one more shows that there is more
	}
	rest, err := io.ReadAll(io.LimitReader(r, left))
	body := start
	if len(rest) > 0 {
		body = append(start, rest...)
	}
	if int64(len(body)) > limit {
		return nil, errTooLarge
	}
	return body, err
}

func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
	_ = resp.Body.Close()
}
