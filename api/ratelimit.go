package api

import (
	"net/http"
	"time"

	"github.com/dunglas/httpsfv"
)

// quota is one entry of the Ratelimit header, for example "default";r=50;t=30:
// r requests are left, and t seconds remain until there are more. The vendor
// documents it as a structured field (RFC 9651); every part is optional for us.
type quota struct {
	name      string
	remaining int64
	reset     time.Duration
}

const (
	// maxReset is the longest reset that is believed; the vendor's window has
	// 5 minutes.
	maxReset = maxBlock
	// maxQuotas bounds what a server can make the client remember.
	maxQuotas = 8
)

// parseRatelimit reads the entries that make sense and ignores everything
// else, such as the older form limit=10, remaining=50.
func parseRatelimit(h http.Header) []quota {
	values := h["Ratelimit"]
	if len(values) == 0 {
		return nil
	}
	list, err := httpsfv.UnmarshalList(values)
	if err != nil {
		return nil
	}
	var out []quota
	for _, member := range list[:min(len(list), maxQuotas)] {
		item, ok := member.(httpsfv.Item)
		if !ok {
			continue
		}
		var q quota
		switch name := item.Value.(type) {
		case string:
			q.name = name
		case httpsfv.Token:
			q.name = string(name)
		default:
			continue
		}
		remaining, okR := intParam(item, "r")
		reset, okT := intParam(item, "t")
		if okR && okT && reset <= int64(maxReset/time.Second) {
			q.remaining, q.reset = remaining, time.Duration(reset)*time.Second
			out = append(out, q)
		}
	}
	return out
}

func intParam(item httpsfv.Item, name string) (int64, bool) {
	v, ok := item.Params.Get(name)
	if !ok {
		return 0, false
	}
	n, ok := v.(int64)
	return n, ok && n >= 0
}

// blockedFor is the longest reset among the quotas that are used up, or among
// all when none is.
func blockedFor(qs []quota) (time.Duration, bool) {
	var used, longest time.Duration
	anyUsed := false
	for _, q := range qs {
		longest = max(longest, q.reset)
		if q.remaining == 0 {
			used, anyUsed = max(used, q.reset), true
		}
	}
	if anyUsed {
		return used, true
	}
	return longest, len(qs) > 0
}

const (
	// resetMargin makes up for t being whole seconds.
	resetMargin = time.Second
	// sameReset is by how much two answers about one window may differ.
	sameReset = 2 * time.Second
)

// quotas is what the server last said about its own count, by policy name.
type quotas struct{ entries []quotaState }

type quotaState struct {
	name      string
	remaining int64
	until     time.Duration
	serial    uint64
}

// observe takes in the header of the answer to the request with that serial.
// Within one window the count only falls, so the lowest is right even when
// answers overtake each other.
func (qs *quotas) observe(now time.Duration, serial uint64, seen []quota) {
	for _, q := range seen {
		fresh := quotaState{q.name, q.remaining, now + q.reset + resetMargin, serial}
		s := qs.find(q.name, now)
		switch {
		case s == nil:
		case s.until <= now, fresh.until > s.until+sameReset, fresh.until < s.until-sameReset && serial > s.serial:
			*s = fresh
		case fresh.until >= s.until-sameReset:
			s.remaining, s.serial = min(s.remaining, q.remaining), max(s.serial, serial)
		}
	}
}

// find gives the place for a policy, a new one when there is room.
func (qs *quotas) find(name string, now time.Duration) *quotaState {
	for i := range qs.entries {
		if qs.entries[i].name == name {
			return &qs.entries[i]
		}
	}
	for i := range qs.entries {
		if qs.entries[i].until <= now {
			qs.entries[i].name = name
			return &qs.entries[i]
		}
	}
	if len(qs.entries) == maxQuotas {
		return nil
	}
	qs.entries = append(qs.entries, quotaState{name: name})
	return &qs.entries[len(qs.entries)-1]
}

// opens is when the vendor's count has room for the caller with the given number
// of others before it: at the latest when the requests in flight are all counted.
func (qs *quotas) opens(before, inFlight int, now time.Duration) opening {
	o := opening{now, now}
	for _, s := range qs.entries {
		if now < s.until && s.remaining <= int64(before) {
			o.earliest = max(o.earliest, s.until)
		}
		if now < s.until && s.remaining <= int64(before+inFlight) {
			o.latest = max(o.latest, s.until)
		}
	}
	return o
}
