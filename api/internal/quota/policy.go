package quota

import (
	"slices"
	"time"

	"github.com/dunglas/httpsfv"
)

// Policy is one entry of the Ratelimit header, a list in the syntax of RFC 9651. In
// "default";r=50;t=30, r requests remain until the reset in t seconds.
type Policy struct {
	Name      string
	Remaining int64
	Reset     time.Duration
}

const (
	// maxReset is the longest valid reset. The vendor's window has 5 minutes.
	maxReset = MaxAuditWait
	// maxPolicies limits the policies that are parsed and stored.
	maxPolicies = 8
)

// ParsePolicies returns the valid entries among the first maxPolicies of the Ratelimit
// header. It returns none if the header is not a list of RFC 9651, such as the older
// form limit=10, remaining=50.
func ParsePolicies(values []string) []Policy {
	if len(values) == 0 {
		return nil
	}
	list, err := httpsfv.UnmarshalList(values)
	if err != nil {
		return nil
	}
	var out []Policy
	for _, member := range list[:min(len(list), maxPolicies)] {
		item, ok := member.(httpsfv.Item)
		if !ok {
			continue
		}
		var p Policy
		switch name := item.Value.(type) {
		case string:
			p.Name = name
		case httpsfv.Token:
			p.Name = string(name)
		default:
			continue
		}
		remaining, _ := item.Params.Get("r")
		reset, _ := item.Params.Get("t")
		r, okR := remaining.(int64)
		t, okT := reset.(int64)
		if okR && okT && r >= 0 && 0 <= t && t <= int64(maxReset/time.Second) {
			p.Remaining, p.Reset = r, time.Duration(t)*time.Second
			out = append(out, p)
		}
	}
	return out
}

// BlockedFor returns the longest reset of the policies without remaining requests, or
// of all policies if each has some. It returns false if there are no policies.
func BlockedFor(policies []Policy) (time.Duration, bool) {
	var longest, exhausted time.Duration
	blocked := false
	for _, p := range policies {
		longest = max(longest, p.Reset)
		if p.Remaining <= 0 {
			blocked, exhausted = true, max(exhausted, p.Reset)
		}
	}
	if blocked {
		longest = exhausted
	}
	return longest, len(policies) > 0
}

const (
	// resetMargin is added to resets, which are in whole seconds.
	resetMargin = time.Second
	// resetTolerance is the largest difference between the resets of one window.
	resetTolerance = 2 * time.Second
)

// policyStates holds the remaining quota by policy: the lowest that the server has
// reported in the current window.
type policyStates []policyState

type policyState struct {
	name      string
	remaining int64
	until     time.Duration
	serial    uint64
}

// observe records the policies of the response to the request with that serial. Within
// one window, remaining only falls, so the lowest value is right even if responses
// arrive out of order.
func (ps *policyStates) observe(now time.Duration, serial uint64, policies []Policy) {
	*ps = slices.DeleteFunc(*ps, func(s policyState) bool { return s.until <= now })
	for _, p := range policies {
		reported := policyState{p.Name, p.Remaining, now + p.Reset + resetMargin, serial}
		i := slices.IndexFunc(*ps, func(s policyState) bool { return s.name == p.Name })
		if i < 0 {
			if len(*ps) < maxPolicies {
				*ps = append(*ps, reported)
			}
			continue
		}
		s := &(*ps)[i]
		switch later := reported.until - s.until; {
		case later > resetTolerance, later < -resetTolerance && serial > s.serial: // another window
			*s = reported
		case later >= -resetTolerance: // the same window
			s.remaining, s.serial = min(s.remaining, p.Remaining), max(s.serial, serial)
		}
	}
}

// opens returns when the server's quota has room for a caller with that many others
// before it: earliest if the server has counted all requests in flight, latest if it
// has counted none.
func (ps policyStates) opens(before, inFlight int, now time.Duration) opening {
	o := opening{now, now}
	for _, s := range ps {
		if now < s.until && s.remaining <= int64(before) {
			o.earliest = max(o.earliest, s.until)
		}
		if now < s.until && s.remaining <= int64(before+inFlight) {
			o.latest = max(o.latest, s.until)
		}
	}
	return o
}
