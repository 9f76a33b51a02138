package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
)

// maxRayID bounds the CF-Ray header; real ones have about 20 characters.
const maxRayID = 64

// attempt uses the permit for one request and reads the whole answer. Exactly
// one of the results is nil. It does not set Error.Attempts.
func (c *Client) attempt(ctx context.Context, cert CertificateRef, permit quota.Permit) (list *AssociationList, fail *Error) {
	var outcome quota.Outcome
	// Deferred, because a transport of the caller's may panic.
	defer func() { c.limiter.Release(permit, outcome) }()
	attemptCtx, cancel := context.WithTimeout(ctx, c.attemptTimeout)
	defer cancel()
	resp, body, err := c.exchange(attemptCtx, func(ctx context.Context) (*http.Response, error) {
		return c.generated.ListMTLSCertificateAssociations(ctx, cert.AccountID, cert.ID)
	})
	if resp == nil {
		return nil, c.noAnswer(ctx, attemptCtx, err)
	}
	outcome.Answered, outcome.Policies = true, quota.ParsePolicies(resp.Header["Ratelimit"])
	list, fail = c.read(ctx, attemptCtx, resp, body, err)
	if fail != nil {
		fail.RetryAfter = waitAfter(resp.Header, fail, outcome.Policies)
		outcome.Limited, outcome.Wait = fail.Is(ErrRateLimited), fail.RetryAfter
	}
	return list, fail
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
func (c *Client) read(ctx, attemptCtx context.Context, resp *http.Response, body []byte, err error) (*AssociationList, *Error) {
	status, rayID := resp.StatusCode, c.rayID(resp.Header)
	if isRedirect(status) {
		return nil, &Error{
			operation: operationList, StatusCode: status, RayID: rayID,
			note: "the server answered with a redirect, which is never followed",
		}
	}
	if status < 200 {
		return nil, c.unexpected(resp, "the server switched protocols or sent no final response")
	}
	if err != nil {
		return nil, c.brokenBody(ctx, attemptCtx, resp, body, err)
	}
	if 200 <= status && status <= 299 {
		list, fail := c.success(resp, body)
		if list != nil {
			list.RayID, list.ReceivedAt = rayID, time.Now()
			list.Truncated = list.Truncated || linksOn(resp.Header)
			list.verdict, list.statusCode = verdictOf(list), status
		}
		return list, fail
	}
	return nil, c.failed(resp, body)
}

func (c *Client) success(resp *http.Response, body []byte) (*AssociationList, *Error) {
	if resp.StatusCode == http.StatusPartialContent {
		return nil, c.unexpected(resp, "the answer is a part, and none was asked for")
	}
	if problem := c.notJSON(resp, body); problem != "" {
		return nil, c.unexpected(resp, problem)
	}
	list, err := decodeSuccess(body)
	switch {
	case err == nil:
		c.scrub(list)
		return list, nil
	case errors.Is(err, errSuccessFalse):
		return nil, c.failed(resp, body)
	case errors.Is(err, ErrNoResult):
		return nil, &Error{
			operation: operationList, StatusCode: resp.StatusCode, RayID: c.rayID(resp.Header),
			kinds: []error{ErrNoResult},
		}
	default:
		return nil, c.unexpected(resp, err.Error())
	}
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

// scrub removes echoes of the credentials from an answer. The rows, of which
// there can be many, are searched only when the body gives a reason: the
// secret itself, or an escape that could hide it.
func (c *Client) scrub(list *AssociationList) {
	clean, found := c.redact.body(list.Body)
	escapes := bytes.IndexByte(clean, '\\') >= 0
	if escapes {
		clean = c.redact.escapedBody(clean)
	}
	if found || escapes {
		for i := range list.Associations {
			a := &list.Associations[i]
			a.Service, a.Status = c.redact.text(a.Service), c.redact.text(a.Status)
		}
	}
	list.Body = clean
	for i := range list.Messages {
		m := &list.Messages[i]
		m.Message, m.DocumentationURL, m.Pointer =
			c.redact.text(m.Message), c.redact.text(m.DocumentationURL), c.redact.text(m.Pointer)
	}
	for i := range list.Errors {
		e := &list.Errors[i]
		e.Message, e.DocumentationURL, e.Pointer =
			c.redact.text(e.Message), c.redact.text(e.DocumentationURL), c.redact.text(e.Pointer)
	}
}

func (c *Client) unexpected(resp *http.Response, problem string) *Error {
	return &Error{
		operation: operationList, StatusCode: resp.StatusCode, RayID: c.rayID(resp.Header),
		note:  c.redact.text(problem),
		kinds: []error{ErrUnexpectedResponse},
	}
}

// failed reads an answer that says no.
func (c *Client) failed(resp *http.Response, body []byte) *Error {
	f := decodeFailure(body, c.redact.text)
	e := &Error{
		operation: operationList, StatusCode: resp.StatusCode, RayID: c.rayID(resp.Header),
		Details: f.details, Messages: f.messages,
	}
	if !f.isEnvelope {
		e.kinds = []error{ErrUnexpectedResponse}
	}
	return e
}

// brokenBody is an answer whose body did not arrive, or not in full.
func (c *Client) brokenBody(ctx, attemptCtx context.Context, resp *http.Response, body []byte, err error) *Error {
	e := c.failed(resp, body)
	if errors.Is(err, errTooLarge) {
		e.kinds = []error{ErrResponseTooLarge}
		e.note = fmt.Sprintf("the body exceeds %d bytes", c.maxBytes)
		return e
	}
	e.kinds = []error{ErrUnexpectedResponse}
	e.note, e.transient = "the body broke off", true
	e.causes = c.causes(ctx, attemptCtx, err)
	return e
}

func (c *Client) noAnswer(ctx, attemptCtx context.Context, err error) *Error {
	_, refused := errors.AsType[*peerError](err)
	return &Error{
		operation: operationList,
		kinds:     []error{ErrUnreachable},
		causes:    c.causes(ctx, attemptCtx, err),
		transient: !refused && !isCertificateError(err),
	}
}

// rayID gives the header if it has the form of an id.
func (c *Client) rayID(h http.Header) string {
	id := h.Get("Cf-Ray")
	if len(id) > maxRayID || c.redact.text(id) != id {
		return ""
	}
	for i := range len(id) {
		if !isIDByte(id[i]) {
			return ""
		}
	}
	return id
}
