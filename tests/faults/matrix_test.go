package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
)

// slack is the time that a loaded machine may add to a cell.
const slack = 10 * time.Second

// rounds is how often a test repeats what a loaded machine can prevent, such as the
// reuse of a connection. A defect of the client shows in every round.
const rounds = 3

// report holds the result of each cell. String returns those of the first operation as
// a table.
type report struct {
	mu    sync.Mutex
	cells map[string]string
}

func key(op operation, f fault, s situation) string {
	return op.name + "/" + f.name + "/" + s.name
}

func (r *report) put(op operation, f fault, s situation, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cells[key(op, f, s)] = text
}

func (r *report) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\nfault")
	for _, s := range situations {
		fmt.Fprintf(w, "\t%s", s.name)
	}
	for _, f := range table {
		fmt.Fprintf(w, "\n%s", f.name)
		for _, s := range situations {
			fmt.Fprintf(w, "\t%s", r.cells[key(operations[0], f, s)])
		}
	}
	_ = w.Flush()
	return b.String()
}

func TestEveryFaultInEverySituation(t *testing.T) {
	t.Parallel()
	seen := &report{cells: make(map[string]string)}
	t.Cleanup(func() {
		if want := 112 * len(operations); len(seen.cells) != want {
			t.Errorf("the table has %d cells instead of %d", len(seen.cells), want)
		}
		t.Log(seen)
	})
	for _, op := range operations {
		for _, f := range table {
			for _, s := range situations {
				seen.put(op, f, s, "not run")
				t.Run(key(op, f, s), func(t *testing.T) {
					t.Parallel()
					runCell(t, op, f, s, seen)
				})
			}
		}
	}
}

func runCell(t *testing.T, op operation, f fault, s situation, seen *report) {
	t.Helper()
	reuse := ""
	for range rounds {
		c := newCell(t, f, op, s.attempt(f))
		began := time.Now()
		s.set(c) // starts the deadline
		r := c.call(t)
		r.elapsed = time.Since(began)
		seen.put(op, f, s, describe(r))
		want := s.expect(f)
		c.check(t, want, r)
		if reuse = c.checkAfterwards(t, r, want.ended != nil); reuse == "" {
			return
		}
	}
	t.Error(reuse)
}

func describe(r outcome) string {
	outcome := "ok"
	if r.err != nil {
		outcome = strings.Join(sentinels(r.err), "+")
	}
	return fmt.Sprintf("%d in %.2fs: %s", r.attempts, r.elapsed.Seconds(), outcome)
}

// check compares the result of the call with the expectation.
func (c *cell) check(t *testing.T, want expectation, r outcome) {
	t.Helper()
	if r.attempts != want.attempts {
		t.Errorf("%d attempts on the wire, want %d", r.attempts, want.attempts)
	}
	if r.elapsed < want.atLeast || r.elapsed > want.atMost+slack {
		t.Errorf("took %v, want from %v to %v", r.elapsed, want.atLeast, want.atMost+slack)
	}
	if want.ok {
		if r.err != nil || !r.good {
			t.Errorf("got %+v, error %v, want a response", r.got, r.err)
		}
		return
	}
	if r.err == nil {
		t.Fatalf("no error but %+v", r.got)
	}
	if r.err.Attempts != want.attempts {
		t.Errorf("Attempts is %d, want %d", r.err.Attempts, want.attempts)
	}
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(r.err, end) != (end == want.ended) {
			t.Errorf("matches %v: %v; want %v; the error is %v", end, errors.Is(r.err, end), want.ended, r.err)
		}
	}
	if want.fault {
		c.checkFault(t, r.err)
	}
}

func (c *cell) checkFault(t *testing.T, err *api.Error) {
	t.Helper()
	for _, sentinel := range c.fault.sentinels {
		if !errors.Is(err, sentinel) {
			t.Errorf("does not match %q: %v", sentinel, err)
		}
	}
	if got := sentinels(err); len(got) > len(c.fault.sentinels)+2 {
		t.Errorf("matches too much: %v", got)
	}
	if c.fault.cause != nil && !c.fault.cause(err) {
		t.Errorf("the cause is not the expected one: %v", err)
	}
	if status := err.StatusCode; c.fault.status != 0 && status != c.fault.status {
		t.Errorf("status %d, want %d", status, c.fault.status)
	}
	switch c.fault.reaction {
	case waited:
		checkAbout(t, err.RetryAfter, retryAfter)
	case blocked:
		checkAbout(t, err.RetryAfter, 5*time.Minute)
	}
}

func checkAbout(t *testing.T, got, want time.Duration) {
	t.Helper()
	if got < want-time.Second || got > want+slack {
		t.Errorf("RetryAfter is %v, want about %v", got, want)
	}
}

// checkAfterwards makes another call without faults. The client must refuse it while a
// 429 without Retry-After blocks the client. Otherwise the call must succeed and reuse
// the connection if possible. In the end the client must close every connection.
// checkAfterwards returns why a connection was not reused as expected, or "".
func (c *cell) checkAfterwards(t *testing.T, r outcome, ended bool) (reuse string) {
	t.Helper()
	connections, _, _ := c.server.Connections()
	c.fail(never, nothing, c.operation.ok)
	c.ctx = t.Context()
	next := c.call(t)
	if c.fault.reaction == blocked && !ended {
		if !errors.Is(next.err, api.ErrRateLimited) || next.err.Attempts != 0 || next.attempts != 0 {
			t.Errorf("the next call was not refused: %+v", next)
		}
	} else {
		if next.err != nil || !next.good || next.attempts > 1 {
			t.Errorf("the next call: %+v", next)
		}
		reuse = c.checkReuse(r, ended, connections)
	}
	c.client.CloseIdleConnections()
	if !c.server.Drained(slack) {
		t.Error("a connection is still open: some body was not closed")
	}
	c.checkSecrets(t)
	return reuse
}

// checkReuse describes a connection that was not reused as it must be, or returns "".
// before is the number of connections before the last call.
func (c *cell) checkReuse(r outcome, ended bool, before int) string {
	all, _, _ := c.server.Connections()
	stays := r.err == nil // the last attempt succeeded, so its connection stays open
	// one: all requests must have used the same connection.
	one := c.fault.keepsConnection && (stays || !ended || c.fault.reaction == retried && r.attempts == 1 || c.fault.reaction == waited)
	switch {
	case one && all != 1:
		return fmt.Sprintf("%d connections, want 1", all)
	case stays && all != before:
		return "the next call needed a new connection"
	case !stays && !one && c.fault.response != nil && all != before+1:
		return fmt.Sprintf("%d connections after %d: a broken one was used again", all, before)
	}
	return ""
}

// checkSecrets checks that the credentials were sent and are not in the log.
func (c *cell) checkSecrets(t *testing.T) {
	t.Helper()
	for _, credential := range c.server.Credentials() {
		if credential != "Bearer "+canary.Token {
			t.Errorf("the server got the credentials %q", credential)
		}
	}
	if len(c.server.Credentials()) != c.server.Requests() {
		t.Errorf("%d of %d requests had credentials", len(c.server.Credentials()), c.server.Requests())
	}
	text := c.log.String()
	if found := canary.Secrets(text); found != nil || text == "" {
		t.Errorf("the log shows %v: %s", found, text)
	}
}
