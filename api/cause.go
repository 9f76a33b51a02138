package api

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// causes gives what lies behind a failed exchange. The error of the caller's
// context comes first when that ended; the time limit of an attempt is not
// allowed to look like it.
func (c *Client) causes(ctx, attemptCtx context.Context, err error) []error {
	if ctxErr := ctx.Err(); ctxErr != nil {
		out := []error{ctxErr}
		if cause := context.Cause(ctx); cause != nil && !errors.Is(ctxErr, cause) {
			out = append(out, c.safe(cause))
		}
		if !errors.Is(err, ctxErr) {
			out = append(out, c.safe(err))
		}
		return out
	}
	if attemptCtx.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
		return []error{&timeoutError{c.attemptTimeout}}
	}
	return []error{c.safe(err)}
}

// timeoutError is an attempt that took longer than it may. It matches no
// context error: the caller's context is still good.
type timeoutError struct{ limit time.Duration }

func (e *timeoutError) Error() string   { return fmt.Sprintf("no complete answer within %v", e.limit) }
func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return true }

// urlWithUser finds addresses that can hold a password, such as that of a proxy
// from the environment, and the error of net/http about one it cannot read.
var urlWithUser = regexp.MustCompile(`://[^/\s]*@|(?i)proxy address`)

// safe keeps err as a cause unless its text holds a credential; then only a
// redacted text is kept.
func (c *Client) safe(err error) error {
	text := err.Error()
	switch clean := c.redact.text(text); {
	case urlWithUser.MatchString(text):
		return errors.New("the transport failed; its message is withheld because it names a URL with credentials")
	case clean != text:
		return errors.New(clean)
	default:
		return err
	}
}
