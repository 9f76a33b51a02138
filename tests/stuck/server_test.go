package stuck

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"time"
)

// Types of frames, RFC 9113, section 6.
const (
	headers      = 0x1
	settings     = 0x4
	windowUpdate = 0x8
)

// newServer starts a server on loopback that responds to each request with a
// WINDOW_UPDATE that overflows the window of the request's stream. In Go before
// 1.26.11, and in Go 1.27 before 1.27.4, this locks the connection for ever, and with it
// all requests of the transport. Each request is reported on the channel requests, if
// it has room. The caller must close the client connections, then the server.
func newServer(requests chan<- struct{}) *httptest.Server {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		"h2": func(_ *http.Server, conn *tls.Conn, _ http.Handler) { serve(conn, requests) },
	}
	server.StartTLS()
	return server
}

// serve handles a connection until it is closed. A locked client may open a connection
// while the server closes, and does not close it; the deadline ends that connection.
func serve(conn net.Conn, requests chan<- struct{}) {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return
	}
	if _, err := io.CopyN(io.Discard, conn, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	if _, err := conn.Write(frame(settings, 0, nil)); err != nil {
		return
	}
	for {
		var header [9]byte
		if _, err := io.ReadFull(conn, header[:]); err != nil {
			return
		}
		length := int64(header[0])<<16 | int64(binary.BigEndian.Uint16(header[1:]))
		if _, err := io.CopyN(io.Discard, conn, length); err != nil {
			return
		}
		if header[3] != headers {
			continue
		}
		if _, err := conn.Write(frame(windowUpdate, binary.BigEndian.Uint32(header[5:]), []byte{0x7f, 0xff, 0xff, 0xff})); err != nil {
			return
		}
		select {
		case requests <- struct{}{}:
		default:
		}
	}
}

func frame(kind byte, stream uint32, payload []byte) []byte {
	out := []byte{0, 0, byte(len(payload) & 0xff), kind, 0}
	return append(binary.BigEndian.AppendUint32(out, stream), payload...)
}
