package faultserver

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

// InUseBody is the body of [OK]: one association.
const InUseBody = `{"success":true,"errors":[],"messages":[],"result":[{"service":"gateway","status":"active"}]}`

// Echo in a header or body is replaced by the credentials of the request, because a
// server may send back anything that it received.
const Echo = "{{credentials}}"

// OK sends a success.
func OK() Handler { return JSON(http.StatusOK, InUseBody) }

// JSON sends a complete response with the content type of the API.
func JSON(status int, body string, headers ...string) Handler {
	return Complete(status, body, append([]string{"Content-Type: application/json"}, headers...)...)
}

// HTML sends a complete response like the pages of the vendor's edge.
func HTML(status int, headers ...string) Handler {
	body := fmt.Sprintf("<!DOCTYPE html><html><title>%d</title><body>%s</body></html>\n", status, Echo)
	return Complete(status, body, append([]string{"Content-Type: text/html; charset=UTF-8"}, headers...)...)
}

// Failure sends the API's failure envelope with an echo of the credentials.
func Failure(status int, code int, headers ...string) Handler {
	return JSON(status, fmt.Sprintf(
		`{"success":false,"errors":[{"code":%d,"message":"refused for %s"}],"messages":[],"result":null}`, code, Echo), headers...)
}

// Rotate uses the handlers in turn.
func Rotate(handlers ...Handler) Handler {
	next := make(chan int, 1)
	next <- 0
	return func(x *Exchange) bool {
		i := <-next
		next <- i + 1
		return handlers[i%len(handlers)](x)
	}
}

// Complete sends a full response and keeps the connection. Each header is a line without
// CRLF.
func Complete(status int, body string, headers ...string) Handler {
	plain, echoes := []byte(body), strings.Contains(body, Echo)
	return func(x *Exchange) bool {
		text := plain // shared, so that the server adds little to what a test measures
		if echoes {
			text = []byte(x.expand(body))
		}
		if status == http.StatusNoContent || status == http.StatusNotModified {
			return x.write(x.head(status, headers))
		}
		headers := append([]string{fmt.Sprintf("Content-Length: %d", len(text))}, headers...)
		buffers := net.Buffers{[]byte(x.head(status, headers)), text}
		_, err := buffers.WriteTo(x.conn)
		return err == nil
	}
}

// head returns the status line and the header, in full.
func (x *Exchange) head(status int, headers []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	for _, line := range headers {
		b.WriteString(x.expand(line))
		b.WriteString("\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

// credentialHeaders are the headers that can carry credentials. The list does not come
// from the library, because tests check the library with it.
var credentialHeaders = []string{"Authorization", "X-Auth-Key", "X-Auth-Email", "Proxy-Authorization"}

func (x *Exchange) expand(text string) string {
	if !strings.Contains(text, Echo) {
		return text
	}
	var all []string
	for _, name := range credentialHeaders {
		all = append(all, x.Request.Header[name]...)
	}
	return strings.ReplaceAll(text, Echo, strings.Join(all, " "))
}

func (x *Exchange) write(text string) bool {
	_, err := x.conn.Write([]byte(text))
	return err == nil
}
