// Package quotaserver is an in-memory model of the API and its rate limit: an
// http.RoundTripper for tests under testing/synctest. Latencies and faults depend on the
// seed, the certificate and the attempt, not on the order of requests.
package quotaserver

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Rules configure the server.
type Rules struct {
	// Limit is the number of requests that are allowed per Window; 0 means no limit. A
	// request above it begins a block: all requests are refused for the time of Block.
	Limit  int
	Window time.Duration
	Block  time.Duration
	// MaxRetryAfter, if not 0, is the longest Retry-After that the server sends, even if the
	// block lasts longer.
	MaxRetryAfter time.Duration
	// Fixed means that each window begins with its first request; otherwise windows
	// slide. The vendor does not document which it uses.
	Fixed bool
	// Headers adds the Ratelimit header to the responses, except 429s and those of
	// Respond.
	Headers bool
	// MaxLatency is the longest time that a request or a response takes.
	MaxLatency time.Duration
	// FaultRate is the probability that a request fails. Only the first MaxFaults
	// requests for a certificate can fail; refused ones do not count.
	FaultRate float64
	MaxFaults int
	Seed      uint64
	// Respond, if not nil, handles the requests that are counted and do not fail. By
	// default, the response has an association that names the certificate.
	Respond func(r *http.Request) (*http.Response, error)
}

// Server is made by [New]. It is safe for concurrent use.
type Server struct {
	rules Rules

	mu       sync.Mutex
	attempts map[string]int
	// counted are the arrival times of the requests that were not refused.
	counted      []time.Time
	windowStart  time.Time
	inWindow     int
	blockedUntil time.Time
	refused      []int // per block
	blockAt      map[int]time.Duration
	inFlight     int
	peak         int
}

// New returns a server.
func New(rules Rules) *Server {
	return &Server{rules: rules, attempts: make(map[string]int), blockAt: make(map[int]time.Duration)}
}

// BlockAt begins a block with the first request after n counted ones, as if another
// tool of the same user had used up the quota.
func (s *Server) BlockAt(n int, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blockAt[n] = d
}

// RoundTrip handles one request.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	id := certificateOf(r)
	n := s.begin(id)
	defer s.end()
	random := s.random(id, n)
	if err := delay(r.Context(), random, s.rules.MaxLatency); err != nil {
		return nil, err
	}
	response, err := s.respond(r, id, n, random)
	if late := delay(r.Context(), random, s.rules.MaxLatency); late != nil {
		return nil, late
	}
	return response, err
}

func certificateOf(r *http.Request) string {
	parts := strings.Split(r.URL.Path, "/")
	return parts[len(parts)-2]
}

// random returns a generator that depends on the seed, the certificate and the number of
// the attempt.
func (s *Server) random(id string, n int) *rand.Rand {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %d", id, n)
	return rand.New(rand.NewPCG(s.rules.Seed, h.Sum64()))
}

func delay(ctx context.Context, random *rand.Rand, most time.Duration) error {
	if most == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(time.Duration(random.Int64N(int64(most))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) begin(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight++
	s.peak = max(s.peak, s.inFlight)
	s.attempts[id]++
	return s.attempts[id]
}

func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
}

func (s *Server) respond(r *http.Request, id string, n int, random *rand.Rand) (*http.Response, error) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait := s.admit(now); wait > 0 {
		if s.rules.MaxRetryAfter > 0 {
			wait = min(wait, s.rules.MaxRetryAfter)
		}
		// A refused request does not count towards MaxFaults.
		s.attempts[id]--
		header := http.Header{"Retry-After": {fmt.Sprint(int64((wait + time.Second - 1) / time.Second))}}
		return reply(r, 429, header, failure(971)), nil
	}
	header := make(http.Header)
	if s.rules.Headers && s.rules.Limit > 0 {
		header.Set("Ratelimit", fmt.Sprintf(`"default";r=%d;t=%d`, max(0, s.rules.Limit-s.inWindow),
			int64(s.windowStart.Add(s.rules.Window).Sub(now)/time.Second)))
	}
	if n <= s.rules.MaxFaults && random.Float64() < s.rules.FaultRate {
		return fault(r, header, id, random.IntN(5))
	}
	if s.rules.Respond != nil {
		return s.rules.Respond(r)
	}
	return reply(r, 200, header, success(id)), nil
}

// admit counts a request, or refuses it and returns the remaining time of the block.
func (s *Server) admit(now time.Time) (wait time.Duration) {
	if now.Before(s.blockedUntil) {
		s.refused[len(s.refused)-1]++
		return s.blockedUntil.Sub(now)
	}
	if now.Sub(s.windowStart) >= s.rules.Window {
		s.windowStart, s.inWindow = now, 0
	}
	if d := s.blockAt[len(s.counted)]; d > 0 {
		delete(s.blockAt, len(s.counted))
		return s.block(now, d)
	}
	counted := s.inWindow
	if !s.rules.Fixed {
		counted = countAfter(s.counted, now.Add(-s.rules.Window))
	}
	if s.rules.Limit > 0 && counted >= s.rules.Limit {
		return s.block(now, s.rules.Block)
	}
	s.inWindow++
	s.counted = append(s.counted, now)
	return 0
}

func (s *Server) block(now time.Time, d time.Duration) time.Duration {
	s.blockedUntil = now.Add(d)
	s.refused = append(s.refused, 1)
	return d
}

// countAfter returns how many times are later than start. The times are in order.
func countAfter(times []time.Time, start time.Time) int {
	n := 0
	for n < len(times) && times[len(times)-1-n].After(start) {
		n++
	}
	return n
}

var errReset = errors.New("connection reset by peer")

func fault(r *http.Request, header http.Header, id string, kind int) (*http.Response, error) {
	switch kind {
	case 0:
		return nil, errReset
	case 1:
		response := reply(r, 200, header, success(id))
		response.Body = io.NopCloser(io.MultiReader(strings.NewReader(success(id)[:30]), brokenReader{}))
		return response, nil
	case 2:
		return reply(r, 500, header, failure(10001)), nil
	case 3:
		response := reply(r, 502, header, "<html>Bad gateway</html>")
		response.Header.Set("Content-Type", "text/html")
		return response, nil
	default:
		return reply(r, 503, header, ""), nil
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func success(id string) string {
	return `{"success":true,"errors":[],"messages":[],"result":[{"service":"` + id + `","status":"active"}]}`
}

func failure(code int) string {
	return fmt.Sprintf(`{"success":false,"errors":[{"code":%d,"message":"no"}],"messages":[],"result":null}`, code)
}

func reply(r *http.Request, status int, header http.Header, body string) *http.Response {
	header.Set("Content-Type", "application/json")
	return &http.Response{
		StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)), ProtoMajor: 1, ProtoMinor: 1, Request: r,
	}
}

// Report holds the counts of the server.
type Report struct {
	// Counted is the number of requests that were not refused. Refused has the number of
	// 429s for each block.
	Counted int
	Refused []int
	// MaxInWindow is the largest number of counted requests in any window.
	MaxInWindow int
	// Peak is the largest number of requests at a time.
	Peak int
}

// Report returns the counts so far.
func (s *Server) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Report{Counted: len(s.counted), Refused: append([]int{}, s.refused...), Peak: s.peak}
	first := 0
	for i, at := range s.counted {
		for at.Sub(s.counted[first]) >= s.rules.Window && first < i {
			first++
		}
		r.MaxInWindow = max(r.MaxInWindow, i-first+1)
	}
	return r
}

// Refusals returns the number of 429s.
func (r Report) Refusals() int {
	n := 0
	for _, refused := range r.Refused {
		n += refused
	}
	return n
}

// MinDuration returns the shortest time in which n requests fit under a limit.
func MinDuration(n, limit int, window time.Duration) time.Duration {
	return time.Duration((n-1)/limit) * window
}
