package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// maxRayID bounds the CF-Ray header; real ones have about 20 characters.
const maxRayID = 64

// attempt uses the permit for one request and reads the whole response. Exactly
// one of the results is nil. It does not set Error.Attempts.
func (k *call) attempt(ctx context.Context, permit quota.Permit, send func(context.Context) (*http.Response, error), result result) (r *reply, fail *Error) {
	c := k.client
	var outcome quota.Outcome
	// Deferred, because a transport of the caller's may panic.
	defer func() { k.answers = c.limiter.Release(permit, outcome) }()
	attemptCtx, cancel := context.WithTimeout(ctx, c.attemptTimeout)
	defer cancel()
	sendCtx, sent := attemptCtx, (*departure)(nil)
	if k.operation.changes() {
		sent = new(departure)
		sendCtx = sent.watch(attemptCtx)
	}
	resp, err := send(sendCtx) //nolint:bodyclose // the exchange has read and closed it
	if err != nil {
		refusal, refused := errors.AsType[*refusedError](err)
		fail = &Error{
			unsent:    attemptCtx.Err() == nil && sent.prevented(),
			operation: k.operation.text,
			kinds:     []error{ErrUnreachable},
			causes:    c.causes(ctx, attemptCtx, err),
			transient: (!refused || !refusal.final) && !isCertificateError(err),
			local:     lacksFiles(err),
		}
		outcome.Local, outcome.Unanswered = fail.local, fail.transient && ctx.Err() == nil
		return nil, fail
	}
	outcome.Answered, outcome.Policies = true, quota.ParsePolicies(resp.Header["Ratelimit"])
	x, _ := resp.Body.(*exchange)
	r, fail = k.read(ctx, attemptCtx, resp, x.data, x.err, result)
	if fail != nil {
		fail.RetryAfter = waitAfter(resp.Header, fail, outcome.Policies)
		outcome.Limited, outcome.Wait = holdsAll(fail), fail.RetryAfter
		outcome.Unanswered = fail.transient && ctx.Err() == nil
	}
	return r, fail
}

func isRedirect(status int) bool { return 300 <= status && status <= 399 }

// waitAfter is how long the server wants to be left alone. A refusal for the
// rate that does not say lasts as long as the vendor documents. One that says
// "at once" contradicts itself: then the Ratelimit header counts, and block
// sees to it that it does not go on for ever.
func waitAfter(h http.Header, fail *Error, policies []quota.Policy) time.Duration {
	asked := parseRetryAfter(h, time.Now())
	if !fail.Is(ErrRateLimited) || asked.readable && asked.wait > 0 {
		return asked.wait
	}
	reset, known := quota.BlockedFor(policies)
	if !known && !asked.readable {
		reset = quota.AssumedBlock
	}
	return max(asked.wait, reset)
}

// read turns a response, its body and the error of reading that into the result
// of the attempt.
func (k *call) read(ctx, attemptCtx context.Context, resp *http.Response, body []byte, err error, result result) (*reply, *Error) {
	switch status := resp.StatusCode; {
	case isRedirect(status):
		return nil, k.fail(resp, "the server answered with a redirect, which is never followed")
	case status < 200:
		return nil, k.fail(resp, "the server switched protocols or sent no final response", ErrUnexpectedResponse)
	case err != nil:
		return nil, k.brokenBody(ctx, attemptCtx, resp, body, err)
	case status == http.StatusPartialContent:
		return nil, k.fail(resp, "the response is a part, and none was asked for", ErrUnexpectedResponse)
	case status > 299:
		return nil, k.failed(resp, body)
	}
	if problem := k.client.notJSON(resp, body); problem != "" {
		return nil, k.fail(resp, problem, ErrUnexpectedResponse)
	}
	r, err := k.client.decode(body, result)
	if err == nil {
		r.status, r.rayID, r.receivedAt = resp.StatusCode, k.client.rayID(resp.Header), time.Now()
		r.more = r.more || hasNextLink(resp.Header) || isPart(resp.Header)
		r.stale = isStale(resp.Header)
		return r, nil
	}
	result.reset() // a part of a response that is refused proves nothing
	switch {
	case decodeFailure(body, k.client.redact.text).refused:
		return nil, k.failed(resp, body)
	case errors.Is(err, strictjson.ErrTooMany):
		return nil, k.fail(resp, fmt.Sprintf("the body has %d bytes, and too many items for that size", len(body)), ErrResponseTooLarge)
	case errors.Is(err, ErrNoResult):
		return nil, k.fail(resp, "", ErrNoResult)
	default:
		return nil, k.fail(resp, err.Error(), ErrUnexpectedResponse)
	}
}

// decode reads a body without the client's credentials, should they be in it.
func (c *Client) decode(body []byte, result result) (*reply, error) {
	clean, found := c.redact.body(body)
	if !found && !c.redact.everywhere && !hidesText(body) {
		return decode(body, result, nil)
	}
	r, err := decode(body, result, c.redact.text)
	if err == nil {
		r.body = c.redact.escapedBody(clean)
	}
	return r, err
}

// notJSON says why the body cannot be the contract's JSON, by its headers.
func (c *Client) notJSON(resp *http.Response, body []byte) string {
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return fmt.Sprintf("the body has the content encoding %q", cut(c.redact.text(encoding), 20))
	}
	if contentType := resp.Header.Get("Content-Type"); !isJSON(contentType) {
		return fmt.Sprintf("the body (%d bytes) is not JSON but %q", len(body), cut(c.redact.text(contentType), 60))
	}
	return ""
}

// fail returns the error of a response. The note may have text of the response.
func (k *call) fail(resp *http.Response, note string, kinds ...error) *Error {
	return &Error{
		operation: k.operation.text, StatusCode: resp.StatusCode, RayID: k.client.rayID(resp.Header),
		note: k.client.redact.text(note), kinds: kinds,
	}
}

// failed reads a response that says no.
func (k *call) failed(resp *http.Response, body []byte) *Error {
	f := decodeFailure(body, k.client.redact.text)
	e := k.fail(resp, "")
	e.Details, e.Messages = f.details, f.messages
	switch {
	case !f.isEnvelope:
		e.kinds = []error{ErrUnexpectedResponse}
	case isStale(resp.Header):
		e.kinds, e.note = []error{ErrUnexpectedResponse}, "the response may be an old one"
	}
	return e
}

// brokenBody is the error of a response whose body did not arrive, or not in full.
func (k *call) brokenBody(ctx, attemptCtx context.Context, resp *http.Response, body []byte, err error) *Error {
	e := k.failed(resp, body)
	if errors.Is(err, errTooLarge) {
		e.kinds = []error{ErrResponseTooLarge}
		e.note = fmt.Sprintf("the body exceeds %d bytes", k.client.maxBytes)
		return e
	}
	e.kinds = []error{ErrUnexpectedResponse}
	e.note, e.transient = "the body broke off", true
	e.causes = k.client.causes(ctx, attemptCtx, err)
	return e
}

// rayID gives the header if it has the form of an id.
func (c *Client) rayID(h http.Header) string {
	id := h.Get("Cf-Ray")
	if len(id) > maxRayID || c.redact.text(id) != id || strings.Trim(id, idBytes) != "" {
		return ""
	}
	return id
}
