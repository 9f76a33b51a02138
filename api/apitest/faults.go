package apitest

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/api"
)

// ServerError is a status 5XX with the usual envelope, which the contract does
// not document.
func ServerError(status int) Response {
	r := documented(status, envelope{Errors: []info{{Code: codeAuthFailed + 1, Message: http.StatusText(status)}}, Result: null})
	if status < 500 {
		r.err = fmt.Errorf("apitest: status %d is no server error", status)
	}
	return r.Unchecked()
}

// EdgePage is an HTML page of the vendor's edge in place of an answer, as for
// 403, 429, 502 and 520 to 530.
func EdgePage(status int) Response {
	return Raw(status, "text/html; charset=UTF-8", fmt.Sprintf(
		"<!DOCTYPE html>\n<html><head><title>%d | api.cloudflare.com</title></head><body><h1>Error %d</h1></body></html>\n", status, status,
	)).WithHeader("Server", "cloudflare")
}

// Empty is a status without a body.
func Empty(status int) Response { return Raw(status, "", "") }

// LegacyError is a failure in the older form, with the code at the top level and
// no envelope.
func LegacyError(status int, detail api.ErrorDetail) Response {
	body, err := json.Marshal(infos([]api.ErrorDetail{detail})[0])
	r := Raw(status, "application/json", string(body))
	if err != nil {
		r.err = fmt.Errorf("apitest: %w", err)
	}
	return r
}

// Unsuccessful is status 200 with success: false.
func Unsuccessful(details ...api.ErrorDetail) Response {
	return documented(http.StatusOK, envelope{Errors: infos(details), Result: null}).Unchecked()
}

// NullResult is a success whose result is null.
func NullResult() Response {
	return documented(http.StatusOK, envelope{Success: true, Result: null}).Unchecked()
}

// Redirect sends the client elsewhere with a status 3XX.
func Redirect(status int, location string) Response {
	r := Empty(status).WithHeader("Location", location)
	if status < 300 || status > 399 {
		r.err = fmt.Errorf("apitest: status %d is no redirect", status)
	}
	return r
}

// Reset breaks the connection before the answer begins.
func Reset() Response { return Response{silent: true, reset: true, cut: -1} }

// Hang never answers: until the client gives up or the server is closed.
func Hang() Response { return Response{silent: true, cut: -1} }

// Huge is a success with associations, of at least n bytes, sent without announcing its length.
func Huge(n int64) Response {
	r := Raw(http.StatusOK, "application/json", "")
	r.chunked = true
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
