package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The errors of net and net/http about their own time limits match
// context.DeadlineExceeded. The errors of the client do not, because a caller would
// mistake them for the end of its own context.
func TestTimeLimitsOfTheTransportAreNotTheCallers(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"deadline":     context.DeadlineExceeded,
		"canceled":     context.Canceled,
		"dial timeout": &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("of the dialer: %w", context.DeadlineExceeded)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := api.New(api.APIToken("token"), api.WithMaxAttempts(1),
				api.WithHTTPClient(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, cause })}))
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Associations(t.Context(), cert)
			if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
				t.Errorf("%v: looks like the end of the caller's context", err)
			}
			if !errors.Is(err, api.ErrUnreachable) || timeout(err) != errors.Is(cause, context.DeadlineExceeded) {
				t.Errorf("%v: not ErrUnreachable, or Timeout is %v", err, timeout(err))
			}
		})
	}
}
