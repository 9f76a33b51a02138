package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
)

// causes returns the causes of a failed attempt. If the caller's context has ended, its
// error comes first.
func (c *Client) causes(ctx, attemptCtx context.Context, err error) []error {
	out := c.contextErrors(ctx)
	if out == nil || !errors.Is(err, ctx.Err()) {
		out = append(out, c.cause(attemptCtx, err))
	}
	return out
}

// cause returns the redacted error of an attempt. It matches no context error.
func (c *Client) cause(attemptCtx context.Context, err error) error {
	timedOut := errors.Is(err, context.DeadlineExceeded)
	switch {
	case timedOut && errors.Is(attemptCtx.Err(), context.DeadlineExceeded):
		return &interruptedError{fmt.Sprintf("no complete response within %v", c.attemptTimeout), true}
	case timedOut || errors.Is(err, context.Canceled):
		return &interruptedError{c.redactError(err).Error(), timedOut}
	default:
		return c.redactError(err)
	}
}

// contextErrors returns the error of a context that has ended, and its cause if that
// differs.
func (c *Client) contextErrors(ctx context.Context) []error {
	if ctx.Err() == nil {
		return nil
	}
	out := []error{ctx.Err()}
	if cause := context.Cause(ctx); !errors.Is(ctx.Err(), cause) {
		out = append(out, c.redactError(cause))
	}
	return out
}

// withContextErrors returns e with the errors of ctx, if ctx has ended. If the deadline
// of ctx has canceled another context, the error of the deadline replaces
// [context.Canceled].
func (c *Client) withContextErrors(ctx context.Context, e *Error) *Error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.causes = slices.DeleteFunc(e.causes, func(cause error) bool { return cause == context.Canceled })
	}
	if !errors.Is(e, ctx.Err()) {
		e.causes = append(e.causes, c.contextErrors(ctx)...)
	}
	return e
}

// interruptedError reports that the attempt timed out, or that the transport ended it.
// Unlike the errors of net and net/http, it matches no context error: the context
// errors in an [Error] are from the caller's context only.
type interruptedError struct {
	text    string
	timeout bool
}

func (e *interruptedError) Error() string   { return e.text }
func (e *interruptedError) Timeout() bool   { return e.timeout }
func (e *interruptedError) Temporary() bool { return true }

// redactError returns err, or an error with the redacted text if the text holds a
// credential. If the text holds credentials of a proxy, nothing of it is kept, because
// the proxy may have shortened or changed the credentials.
func (c *Client) redactError(err error) error {
	text := err.Error()
	switch clean := c.redact.text(text); {
	case hasUserInfo(text) || hasBasicCredentials(text) || c.hasProxySecrets(text):
		return errors.New("the transport failed; its message is withheld because it may hold credentials of a proxy")
	case clean != text:
		return errors.New(clean)
	default:
		return err
	}
}

// isFileLimit reports whether a connection failed because of the limit on open files.
// The resolver returns that error as text only.
func isFileLimit(err error) bool {
	return errors.Is(err, syscall.EMFILE) || strings.Contains(err.Error(), syscall.EMFILE.Error())
}

// isDialError reports whether no connection to the server or the proxy could be made,
// for another reason than the limit on open files.
func isDialError(err error) bool {
	failed, ok := errors.AsType[*net.OpError](err)
	return ok && (failed.Op == "dial" || failed.Op == "proxyconnect") && !isFileLimit(err)
}
