package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// maxRayID limits the CF-Ray header; real ones have about 20 characters.
const maxRayID = 64

// attempt uses the permit to send one request, and reads the whole response. Exactly
// one of the results is nil. Error.Attempts is not set.
func (k *call) attempt(ctx context.Context, permit quota.Permit, send send, edit editor, result result) (r *reply, fail *Error) {
	c := k.client
	var outcome quota.Outcome
	// Deferred, because the caller's transport may panic.
	defer func() { k.responses = c.limiter.Release(permit, outcome) }()
	attemptCtx, cancel := context.WithTimeout(ctx, c.attemptTimeout)
	defer cancel()
	trace := connectionTrace{cancel: cancel}
	resp, err := send(trace.watch(attemptCtx, k.operation.changes(), c.verifiesPeers), edit) //nolint:bodyclose // sender.Do has read and closed it
	if err != nil {
		if trace.exceeded() {
			err = errManyConnections
		}
		refusal, refused := errors.AsType[*refusedError](err)
		_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
		fail = &Error{
			unsent:    attemptCtx.Err() == nil && trace.unconnected(),
			operation: k.operation.text,
			kinds:     []error{ErrUnreachable},
			causes:    c.causes(ctx, attemptCtx, err),
			transient: (!refused || !refusal.final) && !unverified && !trace.refused.Load(),
			local:     isFileLimit(err),
			dial:      isDialError(err),
		}
		outcome.Local, outcome.Unanswered = fail.local, fail.transient && ctx.Err() == nil
		return nil, fail
	}
	outcome.Answered, outcome.Policies = true, quota.ParsePolicies(resp.Header["Ratelimit"])
	r, fail = k.read(ctx, attemptCtx, resp, result)
	if fail != nil {
		fail.RetryAfter = waitAfter(resp.Header, fail, outcome.Policies)
		outcome.Limited, outcome.Wait = delaysAllCallers(fail), fail.RetryAfter
		outcome.Unanswered = fail.transient && ctx.Err() == nil
	}
	return r, fail
}

func isRedirect(status int) bool { return 300 <= status && status <= 399 }

// waitAfter returns the wait after a failure, by Retry-After. A rate limit error without
// a positive Retry-After uses the Ratelimit header or, if neither header is valid, the
// vendor's documented wait. The limiter increases the wait if such errors continue.
func waitAfter(h http.Header, fail *Error, policies []quota.Policy) time.Duration {
	wait, readable := parseRetryAfter(h, time.Now())
	if !fail.Is(ErrRateLimited) || readable && wait > 0 {
		return wait
	}
	reset, known := quota.BlockedFor(policies)
	if !known && !readable {
		reset = quota.DefaultBlock
	}
	return max(wait, reset)
}

// read returns the result of an attempt that got a response.
func (k *call) read(ctx, attemptCtx context.Context, resp *http.Response, result result) (*reply, *Error) {
	got, _ := resp.Body.(*receivedBody)
	body := got.data
	switch status := resp.StatusCode; {
	case isRedirect(status):
		return nil, k.fail(resp, "the server sent a redirect, which is never followed")
	case status < 200:
		return nil, k.fail(resp, "the server switched protocols or sent no final response", ErrUnexpectedResponse)
	case got.err != nil:
		return nil, k.brokenBody(ctx, attemptCtx, resp, got)
	case status == http.StatusPartialContent:
		return nil, k.fail(resp, "the response is partial, but the request had no range", ErrUnexpectedResponse)
	case status > 299:
		return nil, k.failWithDetails(resp, body)
	}
	if problem := k.client.notJSON(resp, body); problem != "" {
		return nil, k.fail(resp, problem, ErrUnexpectedResponse)
	}
	r, err := k.client.decode(body, result)
	if err == nil {
		r.status, r.rayID, r.receivedAt = resp.StatusCode, k.client.rayID(resp.Header), time.Now()
		r.more = r.more || hasNextLink(resp.Header) || len(resp.Header["Content-Range"]) > 0
		r.stale = isStale(resp.Header)
		return r, nil
	}
	result.reset() // part of an invalid response must not be used
	switch {
	case decodeFailure(body, k.client.redact.text).refused:
		return nil, k.failWithDetails(resp, body)
	case errors.Is(err, strictjson.ErrTooMany):
		return nil, k.fail(resp, fmt.Sprintf("the body has %d bytes, and too many items for that size", len(body)), ErrResponseTooLarge)
	case errors.Is(err, ErrNoResult):
		return nil, k.fail(resp, "", ErrNoResult)
	default:
		return nil, k.fail(resp, err.Error(), ErrUnexpectedResponse)
	}
}

// decode decodes a body and redacts credentials of the client in it.
func (c *Client) decode(body []byte, result result) (*reply, error) {
	clean, found := c.redact.body(body)
	if !found && !c.redact.hasDetector && !mayHideCredential(body) {
		return decode(body, result, nil)
	}
	r, err := decode(body, result, c.redact.text)
	if err == nil {
		r.body = c.redact.escapedBody(clean)
	}
	return r, err
}

// notJSON returns why the body is not JSON according to the headers, or "".
func (c *Client) notJSON(resp *http.Response, body []byte) string {
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return fmt.Sprintf("the body has the content encoding %q", truncate(c.redact.text(encoding), 20))
	}
	if contentType := resp.Header.Get("Content-Type"); !isJSON(contentType) {
		return fmt.Sprintf("the body (%d bytes) is not JSON but %q", len(body), truncate(c.redact.text(contentType), 60))
	}
	return ""
}

// fail returns the error of a response. The note may hold text of the response.
func (k *call) fail(resp *http.Response, note string, kinds ...error) *Error {
	return &Error{
		operation: k.operation.text, StatusCode: resp.StatusCode, RayID: k.client.rayID(resp.Header),
		permission: k.operation.Permission, note: k.client.redact.text(note), kinds: kinds,
	}
}

// failWithDetails returns the error of a response with the details in its body.
func (k *call) failWithDetails(resp *http.Response, body []byte) *Error {
	f := decodeFailure(body, k.client.redact.text)
	e := k.fail(resp, "")
	e.Details, e.Messages = f.details, f.messages
	switch {
	case !f.isEnvelope:
		e.kinds = []error{ErrUnexpectedResponse}
	case isStale(resp.Header):
		e.kinds, e.note = []error{ErrUnexpectedResponse}, "the response may be stale"
	}
	return e
}

// brokenBody returns the error of a response whose body was not received in full.
func (k *call) brokenBody(ctx, attemptCtx context.Context, resp *http.Response, body *receivedBody) *Error {
	e := k.failWithDetails(resp, body.data)
	if errors.Is(body.err, errTooLarge) {
		e.kinds = []error{ErrResponseTooLarge}
		if resp.StatusCode > 299 { // the sender may be another server than the API
			e.kinds = append(e.kinds, ErrUnexpectedResponse)
		}
		e.note = fmt.Sprintf("the body exceeds %d bytes", k.client.maxBytes)
		return e
	}
	e.kinds = []error{ErrUnexpectedResponse}
	e.note, e.transient = "the body ended early", true
	e.causes = k.client.causes(ctx, attemptCtx, body.err)
	return e
}

// rayID returns the CF-Ray header, or "" if it does not have the form of an id.
func (c *Client) rayID(h http.Header) string {
	id := h.Get("Cf-Ray")
	if len(id) > maxRayID || c.redact.text(id) != id || strings.ContainsFunc(id, isNotInID) {
		return ""
	}
	return id
}
