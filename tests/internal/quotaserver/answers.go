package quotaserver

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

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

// Report is what the server has counted.
type Report struct {
	// Counted are the requests that were not refused; Refused are the 429s of
	// each block.
	Counted int
	Refused []int
	// Busiest is the largest number of counted requests in any window.
	Busiest int
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
		r.Busiest = max(r.Busiest, i-first+1)
	}
	return r
}

// Total is the number of 429s.
func (r Report) Total() int {
	n := 0
	for _, refused := range r.Refused {
		n += refused
	}
	return n
}

// Span is the shortest time in which n requests fit under a limit.
func Span(n, limit int, window time.Duration) time.Duration {
	return time.Duration((n-1)/limit) * window
}
