package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"

	"github.com/certuse/cloudflare-mtls/api"
)

// The reasons why a certificate was not looked up.
var (
	errTimeout     = errors.New("not looked up: the --timeout is over")
	errInterrupted = errors.New("not looked up: interrupted")
)

// reasons has the texts for errors. The first that applies is used, so an attempt that
// Ctrl-C has ended is reported as interrupted, and a rate-limited response that is not
// JSON as rate limited.
var reasons = []struct {
	words  string
	err    error
	advice string // what to do about it
}{
	{"not looked up, --timeout", errTimeout, ""},
	{"interrupted", errInterrupted, ""},
	{"not looked up", api.ErrNotAsked, ""},
	{"interrupted", context.Canceled, ""},
	{"invalid argument", api.ErrInvalidArgument, ""},
	{"not the API", errNotTheAPI, "the response is not the API's: check CLOUDFLARE_BASE_URL, whose path must end in /client/v4, and proxies"},
	{"firewall", errFirewall, "a firewall (WAF) in front of the API refused the request: ask its owner, with the Ray ID"},
	{"unauthorized", api.ErrUnauthorized, "the API refuses the credentials: check CLOUDFLARE_API_TOKEN, the email and key, or the variables of the profile; a token may have expired, been rolled, or be limited to other client IP addresses"},
	{"no permission", api.ErrForbidden, "check the account id and the permissions of the token"},
	{"not found", api.ErrNotFound, "the API does not know the certificate or the account, which does not mean unused: check the ids; 'certuse list -o id' prints those of certificates in full"},
	{"rate limited", api.ErrRateLimited, "try again after that time, or in five minutes if none is given, or lower --rate-limit"},
	{"server error", api.ErrServer, "try again later"},
	{"redirect", api.ErrRedirect, "check CLOUDFLARE_BASE_URL"},
	{"rejected", api.ErrRejected, ""},
	{"no result", api.ErrNoResult, ""},
	{"truncated", api.ErrTruncated, ""},
	{"response too large", api.ErrResponseTooLarge, ""},
	{"unexpected response", api.ErrUnexpectedResponse, ""},
	{"timeout", context.DeadlineExceeded, ""},
	{"too many files", syscall.EMFILE, "raise the limit of open files of the process (ulimit -n)"},
	{"unreachable", api.ErrUnreachable, "check the network, the proxy and CLOUDFLARE_BASE_URL"},
}

// Senders of a response that is not the API's, for [isFrom].
var (
	errNotTheAPI = errors.New("not the API")
	errFirewall  = errors.New("a firewall")
)

// noEnvelope are parts of the errors about a successful response that is not the
// API's.
var noEnvelope = []string{") is not JSON but ", "the body is not a JSON object", `the body has no "success"`}

// isFrom reports whether origin, errNotTheAPI or errFirewall, sent the failed response.
// A response of the API has its JSON envelope or, in the legacy form, is a single JSON
// error with a code.
func isFrom(err error, origin error) bool {
	failed, ok := errors.AsType[*api.Error](err)
	if ok && failed.StatusCode/100 == 2 && failed.Is(api.ErrUnexpectedResponse) {
		return origin == errNotTheAPI && slices.ContainsFunc(noEnvelope, func(text string) bool { return strings.Contains(failed.Error(), text) })
	}
	if !ok || !failed.Is(api.ErrUnexpectedResponse) || failed.StatusCode < 400 || failed.StatusCode >= 500 || failed.StatusCode == http.StatusTooManyRequests {
		return false
	}
	// The vendor's edge sends HTML, or the text "error code: N", which the library
	// returns as a detail.
	edge := len(failed.Details) == 1 && strings.HasPrefix(failed.Details[0].Message, "error code: ")
	if len(failed.Details) > 0 && !edge {
		return false
	}
	firewall := failed.StatusCode == http.StatusForbidden && failed.RayID != ""
	return firewall == (origin == errFirewall)
}

// reasonOf returns the text and the advice for an error.
func reasonOf(err error) (text, advice string) {
	for _, known := range reasons {
		if errors.Is(err, known.err) || (known.err == errNotTheAPI || known.err == errFirewall) && isFrom(err, known.err) {
			return known.words, known.advice
		}
	}
	if failed, ok := errors.AsType[*api.Error](err); ok && failed.StatusCode > 0 {
		return fmt.Sprintf("HTTP %d", failed.StatusCode), ""
	}
	return "failed", ""
}

// explain says what failed and what to do about it.
func explain(err error) string {
	text := inCLITerms(err)
	if _, advice := reasonOf(err); advice != "" {
		text += "; " + advice
	}
	return text
}

// explainAccount is explain for the error of a call that names an account and no
// certificate.
func explainAccount(err error) string {
	if words, _ := reasonOf(err); words == "not found" {
		return inCLITerms(err) + "; the API does not know the account: check its id"
	}
	return explain(err)
}

// sourceText describes the result of a source that names no user of the certificate.
func sourceText(r *api.SourceResult) string {
	switch {
	case r.State == api.SourceComplete:
		return "none"
	case r.Permission != "":
		return "no permission"
	case r.Err != nil:
		words, _ := reasonOf(r.Err)
		return words
	default:
		return "no response"
	}
}
