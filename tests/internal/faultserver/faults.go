package faultserver

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// resetDelay is the pause before a reset, in which the client can read what was sent. A
// reset discards unread data.
const resetDelay = 30 * time.Millisecond

var (
	partialHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Echo: " + Echo
	sizedHead   = fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(InUseBody))
	chunkedHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
	half        = InUseBody[:len(InUseBody)/2]
)

// resetAfter sends the text and then resets the connection.
func resetAfter(text string) Handler {
	return func(x *Exchange) bool {
		x.write(x.expand(text))
		time.Sleep(resetDelay)
		x.reset()
		return false
	}
}

// ResetBeforeHeader resets before the first byte of a response.
func ResetBeforeHeader() Handler { return resetAfter("") }

// ResetMidHeader resets within a header line.
func ResetMidHeader() Handler { return resetAfter(partialHead) }

// ResetMidBody resets after half of the body.
func ResetMidBody() Handler { return resetAfter(sizedHead + half) }

// Cut sends the text and closes the connection normally.
func Cut(text string) Handler {
	return func(x *Exchange) bool {
		x.write(x.expand(text))
		return false
	}
}

// TruncatedLength ends after half of the announced length.
func TruncatedLength() Handler { return Cut(sizedHead + half) }

// TruncatedChunked ends after one chunk, without the chunk that ends a body.
func TruncatedChunked() Handler {
	return Cut(fmt.Sprintf("%s%x\r\n%s\r\n", chunkedHead, len(half), half))
}

// Drip sends the first text at once and then one byte of the second after each pause,
// without end.
func Drip(first, rest string, pause time.Duration) Handler {
	return func(x *Exchange) bool {
		x.write(x.expand(first))
		for i := 0; ; i++ {
			if pause > 0 {
				time.Sleep(pause)
			}
			if !x.write(rest[i%len(rest) : i%len(rest)+1]) {
				return false
			}
		}
	}
}

// DripHeader never finishes its header.
func DripHeader() Handler { return Drip(partialHead, "x", 20*time.Millisecond) }

// DripBody never finishes its body.
func DripBody() Handler { return Drip(chunkedHead, "1\r\n \r\n", 10*time.Millisecond) }

// OversizedHeaders sends a header of half a mebibyte, twice the client's limit.
func OversizedHeaders() Handler {
	return Complete(http.StatusOK, InUseBody, "Content-Type: application/json", "X-Fill: "+Echo+strings.Repeat("x", 512<<10))
}

// GzipBomb sends a valid response that fills 256 MiB when decompressed.
func GzipBomb() Handler {
	return Complete(http.StatusOK, gzipBomb(), "Content-Type: application/json", "Content-Encoding: gzip")
}

// gzipBomb is a series of gzip members that decompress to one body.
var gzipBomb = sync.OnceValue(func() string {
	return gzipped(InUseBody) + strings.Repeat(gzipped(strings.Repeat(" ", 1<<20)), 256)
})

func gzipped(text string) string {
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	_, _ = zip.Write([]byte(text)) // a bytes.Buffer returns no error
	_ = zip.Close()
	return b.String()
}

// CorruptGzip sends a compressed response with a wrong checksum.
func CorruptGzip() Handler {
	raw := []byte(gzipped(InUseBody))
	raw[len(raw)-8] ^= 0xff
	return Complete(http.StatusOK, string(raw), "Content-Type: application/json", "Content-Encoding: gzip")
}

// NoResponse sends nothing. It calls begun, which may be nil, and waits for the client
// to disconnect.
func NoResponse(begun func()) Handler {
	return func(x *Exchange) bool {
		if begun != nil {
			begun()
		}
		_, _ = x.reader.ReadByte()
		return false
	}
}

// During calls begun before the handler.
func During(begun func(), a Handler) Handler {
	return func(x *Exchange) bool {
		begun()
		return a(x)
	}
}

func (x *Exchange) reset() {
	conn := x.conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
