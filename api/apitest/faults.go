package apitest

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/api"
)

// ServerError returns a status 5XX, which the contract does not document, with the usual
// envelope.
func ServerError(status int) Response {
	r := documented(status, envelope{Errors: []info{{Code: codeServerError, Message: http.StatusText(status)}}, Result: null})
	return r.Unchecked().failIf(status < 500, "status %d is not a server error", status)
}

// EdgePage returns an HTML page like those of the vendor's edge for 403, 429, 502 and 520
// to 530.
func EdgePage(status int) Response {
	return Raw(status, "text/html; charset=UTF-8", fmt.Sprintf(
		"<!DOCTYPE html>\n<html><head><title>%d | api.cloudflare.com</title></head><body><h1>Error %d</h1></body></html>\n", status, status,
	)).WithHeader("Server", "cloudflare")
}

// Empty returns a status without a body.
func Empty(status int) Response { return Raw(status, "", "") }

// LegacyError returns a failure in the older form, with the code at the top level and
// no envelope.
func LegacyError(status int, detail api.ErrorDetail) Response {
	body, err := json.Marshal(infos([]api.ErrorDetail{detail})[0])
	return Raw(status, "application/json", string(body)).failIf(err != nil, "%w", err)
}

// Unsuccessful returns status 200 with "success": false.
func Unsuccessful(details ...api.ErrorDetail) Response {
	return documented(http.StatusOK, envelope{Errors: infos(details), Result: null}).Unchecked()
}

// NullResult returns a success whose result is null.
func NullResult() Response {
	return documented(http.StatusOK, envelope{Success: true, Result: null}).Unchecked()
}

// Redirect returns a status 3XX with a location.
func Redirect(status int, location string) Response {
	r := Empty(status).WithHeader("Location", location)
	return r.failIf(status < 300 || status > 399, "status %d is not a redirect", status)
}

// Reset resets the connection before a response.
func Reset() Response { return Response{noResponse: true, reset: true, cut: -1} }

// Hang sends nothing until the client closes the connection or the server is closed.
func Hang() Response { return Response{noResponse: true, cut: -1} }

// Huge returns a success with associations, of at least n bytes, without
// Content-Length.
func Huge(n int64) Response {
	r := Raw(http.StatusOK, "application/json", "").Chunked()
	r.stream = func(w io.Writer) error {
		const row = `{"service":"gateway","status":"active"},`
		block := strings.Repeat(row, 1000)
		_, err := io.WriteString(w, `{"errors":[],"messages":[],"success":true,"result":[`)
		for sent := int64(0); err == nil && sent < n; sent += int64(len(block)) {
			_, err = io.WriteString(w, block)
		}
		if err == nil {
			_, err = io.WriteString(w, strings.TrimSuffix(row, ",")+`]}`)
		}
		return err
	}
	return r
}
