package api

import (
	"net/http"
	"slices"
)

// codesUnauthorized are codes that tell, at HTTP 400, that the credentials are
// missing or malformed. The vendor publishes no list; these are consistent over
// several public reports and not confirmed by the vendor: 6003 with 6102, 6103
// and 6111 behind it are about header formats, 9103 is an unknown key or email,
// 9106 and 9107 are missing headers.
var codesUnauthorized = []int{6003, 6102, 6103, 6111, 9103, 9106, 9107}

// codeRateLimited comes with "Please wait and consider throttling your request
// speed"; known from public reports, not documented.
const codeRateLimited = 971

// classify names the sentinel that status and codes stand for; nil when the
// error is described by its kinds alone.
func classify(e *Error) error {
	status := e.StatusCode
	switch {
	case status == 0:
		return nil
	case status == http.StatusTooManyRequests, hasCode(e.Details, codeRateLimited):
		return ErrRateLimited
	case status == http.StatusUnauthorized,
		status == http.StatusBadRequest && hasCode(e.Details, codesUnauthorized...):
		return ErrUnauthorized
	case status == http.StatusForbidden:
		return ErrForbidden
	case status == http.StatusNotFound:
		return ErrNotFound
	case 500 <= status && status <= 599:
		return ErrServer
	case 300 <= status && status <= 399:
		return ErrRedirect
	case 400 <= status && status <= 499:
		return ErrRejected
	case 200 <= status && status <= 299 && len(e.kinds) == 0:
		return ErrRejected
	case 200 <= status && status <= 299:
		return nil
	default:
		return ErrUnexpectedResponse
	}
}

func hasCode(details []ErrorDetail, codes ...int) bool {
	return slices.ContainsFunc(details, func(d ErrorDetail) bool {
		return slices.Contains(codes, d.Code) || hasCode(d.Chain, codes...)
	})
}
