package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
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

// cause returns the error of an attempt. It matches no error of a context.
func (c *Client) cause(attemptCtx context.Context, err error) error {
	late := errors.Is(err, context.DeadlineExceeded)
	switch {
	case late && errors.Is(attemptCtx.Err(), context.DeadlineExceeded):
		return &limitError{fmt.Sprintf("no complete response within %v", c.attemptTimeout), true}
	case late || errors.Is(err, context.Canceled):
		return &limitError{c.redactError(err).Error(), late}
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

// limitError reports that the time of an attempt is over, or that a limit of the
// transport was reached. Unlike the errors of net and net/http, it matches no context
// error, because the caller's context has not ended.
type limitError struct {
	text    string
	timeout bool
}

func (e *limitError) Error() string   { return e.text }
func (e *limitError) Timeout() bool   { return e.timeout }
func (e *limitError) Temporary() bool { return true }

// redactError returns err, or an error with the redacted text if the text holds a
// credential. It drops a text with credentials of a proxy, because a proxy can cut or
// change them in any way.
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

// isFileLimit reports whether a connection failed at the limit of open files. The
// resolver returns only the text of that error.
func isFileLimit(err error) bool {
	return errors.Is(err, syscall.EMFILE) || strings.Contains(err.Error(), syscall.EMFILE.Error())
}

// isCertificateError reports whether the certificate of the server did not verify.
func isCertificateError(err error) bool {
	_, failed := errors.AsType[*tls.CertificateVerificationError](err)
	return failed
}
