package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// causes gives what lies behind a failed exchange. The error of the caller's
// context comes first when that ended; the time limit of an attempt is not
// allowed to look like it.
func (c *Client) causes(ctx, attemptCtx context.Context, err error) []error {
	out := c.contextErrors(ctx)
	if out == nil || !errors.Is(err, ctx.Err()) {
		out = append(out, c.cause(attemptCtx, err))
	}
	return out
}

// cause gives the error of an exchange, which matches no error of a context.
func (c *Client) cause(attemptCtx context.Context, err error) error {
	late := errors.Is(err, context.DeadlineExceeded)
	switch {
	case late && errors.Is(attemptCtx.Err(), context.DeadlineExceeded):
		return &limitError{fmt.Sprintf("no complete answer within %v", c.attemptTimeout), true}
	case late || errors.Is(err, context.Canceled):
		return &limitError{c.safe(err).Error(), late}
	default:
		return c.safe(err)
	}
}

// contextErrors gives the error of an ended context, and the cause that its
// owner gave. There are none while the context is good.
func (c *Client) contextErrors(ctx context.Context) []error {
	if ctx.Err() == nil {
		return nil
	}
	out := []error{ctx.Err()}
	if cause := context.Cause(ctx); !errors.Is(ctx.Err(), cause) {
		out = append(out, c.safe(cause))
	}
	return out
}

// limitError is the end of something that is not the caller's: of the time for
// an attempt, or of a limit within the transport. It matches no context error,
// as those of net and net/http do: the caller's context is still good.
type limitError struct {
	text    string
	timeout bool
}

func (e *limitError) Error() string   { return e.text }
func (e *limitError) Timeout() bool   { return e.timeout }
func (e *limitError) Temporary() bool { return true }

// safe keeps err as a cause unless its text holds a credential; then only a
// redacted text is kept. Nothing is kept of a text with credentials of a proxy:
// what a proxy sends back can be cut or changed in any way.
func (c *Client) safe(err error) error {
	text := err.Error()
	switch clean := c.redact.text(text); {
	case namesUser(text) || namesBasicCredentials(text) || c.holdsProxySecrets(text):
		return errors.New("the transport failed; its message is withheld because it may hold credentials of a proxy")
	case clean != text:
		return errors.New(clean)
	default:
		return err
	}
}

// lacksFiles reports whether a connection failed for the limit of open files. The
// error of a resolver has only the text.
func lacksFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || strings.Contains(err.Error(), syscall.EMFILE.Error())
}

// isCertificateError reports whether the server could not prove who it is, which
// asking again will not change.
func isCertificateError(err error) bool {
	_, failed := errors.AsType[*tls.CertificateVerificationError](err)
	return failed
}
