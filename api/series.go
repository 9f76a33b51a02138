package api

import (
	"context"
	"fmt"
	"sync"

	"github.com/certuse/cloudflare-mtls/api/internal/quota"
)

// series is what the calls of one audit or inventory share. These calls are
// patient: they wait for the limiter, for the end of blocks and for the end of
// outages without a bound of their own.
type series struct {
	ctx context.Context // of the requests
	// admission is the context of the waits. It ends earlier, when further requests
	// are pointless.
	admission context.Context
	stop      context.CancelCauseFunc
	cancel    context.CancelFunc
	patience  quota.Patience
	// asking and waiting are called before the first request of a call and before a
	// wait for the limiter.
	asking, waiting func()

	mu sync.Mutex
	// refusals counts the 403s of the associations of an account since its last
	// success.
	refusals map[string]int
}

func newSeries(ctx context.Context, asking, waiting func()) *series {
	s := &series{asking: asking, waiting: waiting, refusals: map[string]int{}}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.admission, s.stop = context.WithCancelCause(s.ctx)
	return s
}

func (s *series) policy() callPolicy { return callPolicy{admission: s.admission, series: s} }

const (
	// maxRefusals is how many 403s of the API itself, without a success between
	// them, end the requests for the associations of an account.
	maxRefusals = 3
	// maxRefusedAccounts bounds the memory for accounts with refusals.
	maxRefusedAccounts = 4096
)

// associations asks for the associations of a certificate, unless the API has
// refused that for its account.
func (s *series) associations(c *Client, cert CertificateRef) (*AssociationList, *Error) {
	s.mu.Lock()
	refusals := s.refusals[cert.AccountID]
	s.mu.Unlock()
	if refusals >= maxRefusals {
		return nil, &Error{operation: listAssociations.text, kinds: []error{ErrNotAsked, ErrForbidden},
			note: fmt.Sprintf("not asked: the API refused the account %d times: it lacks %q", maxRefusals, listAssociations.Permission)}
	}
	list, fail := c.associations(s.ctx, cert, s.policy())
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case fail == nil:
		delete(s.refusals, cert.AccountID)
	case missingPermission(listAssociations, fail) != "":
		if len(s.refusals) == maxRefusedAccounts {
			for account := range s.refusals { // any of them: it costs a few requests more
				delete(s.refusals, account)
				break
			}
		}
		s.refusals[cert.AccountID]++
	}
	return list, fail
}
