package api_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// noConnection reports a request that got no connection, as the transport of net/http
// does.
func noConnection(req *http.Request) {
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.GetConn != nil {
		trace.GetConn("")
	}
}

// injectFaults injects up to three kinds of faults into a random share of the requests
// to a store. With half of the seeds, there is no fault before the first request that
// changes the store. A fault in s.before prevents the effect of the request; a fault in
// s.after only replaces its response.
func injectFaults(s *store, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	late, share := r.IntN(2) == 0, []int{1, 2, 5, 20}[r.IntN(4)]
	kinds, which := make([]int, 1+r.IntN(3)), make([]int, 100)
	for i := range kinds {
		kinds[i] = 1 + r.IntN(14)
	}
	for i := range which {
		which[i] = r.IntN(share * len(kinds))
	}
	injectFaultKinds(s, late, kinds, which)
}

func injectFaultKinds(s *store, late bool, kinds, which []int) {
	var requests atomic.Int32
	next := func() int {
		if late && s.count("delete")+s.count("upload") == 0 {
			return 0
		}
		if at := which[int(requests.Load())%len(which)]; at < len(kinds) {
			return kinds[at]
		}
		return 0
	}
	s.before = func(_ string, req *http.Request) (*http.Response, error) {
		requests.Add(1)
		switch next() {
		case 1:
			noConnection(req)
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		case 2:
			return nil, errReset
		case 3:
			return response(500, `{"success":false,"errors":[{"code":1,"message":"x"}]}`), nil
		case 4:
			return response(429, envelopeWith("1"), "Retry-After", "1"), nil
		case 5:
			return response(404, "<html>", "Content-Type", "text/html"), nil
		case 6:
			return response(408, `{"success":false,"errors":[{"code":1,"message":"x"}]}`), nil
		case 7: // a timeout
			<-req.Context().Done()
			return nil, req.Context().Err()
		case 13: // about the account or the path
			return refuse(404, 7003)(), nil
		case 14: // of another operation
			return success(`{"id":"023e105f4ecef8ad9ca31a8372d0c353","name":"db"}`)(), nil
		}
		return nil, nil
	}
	s.after = func(_ string, resp *http.Response) (*http.Response, error) {
		switch next() {
		case 8:
			return nil, errReset
		case 9:
			return response(502, "<html>", "Content-Type", "text/html"), nil
		case 10:
			resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 20), iotest.ErrReader(errReset)))
			resp.ContentLength = -1
		case 11:
			return response(200, `{"success":true,"result":null}`), nil
		case 12:
			return response(503, envelopeWith("1"), "Retry-After", "3"), nil
		}
		return resp, nil
	}
}

// faultSeeds is the number of seeds of a test; the fuzz targets use others.
const faultSeeds = 200

func TestDeletionReportsItsOutcome(t *testing.T) {
	t.Parallel()
	states := map[api.DeletionState]int{}
	for seed := range uint64(faultSeeds) {
		states[checkDeletion(t, seed)]++
	}
	for _, state := range []api.DeletionState{api.DeletionDone, api.DeletionKept, api.DeletionUnknown} {
		if states[state] == 0 {
			t.Errorf("no deletion has the state %s", state)
		}
	}
}

func FuzzDeletionReportsItsOutcome(f *testing.F) {
	f.Fuzz(func(t *testing.T, seed uint64) { checkDeletion(t, seed) })
}

// checkDeletion deletes a certificate of a store with the faults of seed. The state is
// empty if there is no record, or if the outcome is wrong.
func checkDeletion(t *testing.T, seed uint64) (state api.DeletionState) {
	n := []int{5, 7, 8}[seed%3]
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		injectFaults(s, seed)
		d, err := newClient(t, s).DeleteUnused(t.Context(), ref(n), api.WithDeleteTimeout(20*time.Second))
		stored, problem := s.has(certificateID(n)) == 1, ""
		switch {
		case (err == nil) != (d != nil && d.State == api.DeletionDone):
			problem = "the state and the error differ"
		case n == 5 && s.count("delete") > 0:
			problem = "DELETE for a certificate in use"
		case d == nil && !stored:
			problem = "deleted without a record"
		case d == nil:
		case d.State == api.DeletionDone && stored:
			problem = "deleted, but still stored"
		case d.State == api.DeletionKept && !stored:
			problem = "kept, but no longer stored"
		case (d.State == api.DeletionUnknown) != errors.Is(err, api.ErrOutcomeUnknown):
			problem = "the state and the sentinel differ"
		default:
			state = d.State
		}
		if problem != "" {
			t.Errorf("seed %d, certificate %d: %s: %v", seed, n, problem, err)
		}
	})
	return state
}

func TestUploadReportsItsOutcome(t *testing.T) {
	t.Parallel()
	stored, unknown := 0, 0
	for seed := range uint64(faultSeeds) {
		switch err := checkUpload(t, seed); {
		case err == nil:
			stored++
		case errors.Is(err, api.ErrOutcomeUnknown):
			unknown++
		}
	}
	if stored == 0 || unknown == 0 {
		t.Errorf("%d stored, %d unknown", stored, unknown)
	}
}

func FuzzUploadReportsItsOutcome(f *testing.F) {
	f.Fuzz(func(t *testing.T, seed uint64) { _ = checkUpload(t, seed) })
}

// checkUpload uploads a certificate to a store with the faults of seed. If that fails,
// it uploads the certificate once more, without faults. The error is that of the first
// upload.
func checkUpload(t *testing.T, seed uint64) (err error) {
	up := api.CertificateUpload{Name: "x", PEM: leafPEM, Key: api.PrivateKeyPEM(leafKey)}
	synctest.Test(t, func(t *testing.T) {
		s := &store{copies: true}
		injectFaults(s, seed)
		client := newClient(t, s)
		var got *api.Certificate
		got, err = client.Upload(t.Context(), account, up)
		problem := ""
		switch stored := len(s.certificates); {
		case stored > 1:
			problem = "uploaded more than once"
		case (got == nil) == (err == nil):
			problem = "the certificate and the error are both nil, or both set"
		case err == nil && (stored != 1 || s.has(got.Ref.ID) != 1):
			problem = "uploaded, but not stored"
		case err != nil && !errors.Is(err, api.ErrOutcomeUnknown) && stored > 0:
			problem = "not uploaded, but stored"
		}
		if problem != "" {
			t.Errorf("seed %d: %s: %v", seed, problem, err)
		}
		if err == nil {
			return
		}
		s.before, s.after, s.copies = nil, nil, false
		time.Sleep(time.Hour)
		if got, err := client.Upload(t.Context(), account, up); err != nil || len(s.certificates) != 1 || s.has(got.Ref.ID) != 1 {
			t.Errorf("seed %d: a second upload did not return the only certificate: %v", seed, err)
		}
	})
	return err
}

// In each case, the transport of net/http reports that it made no connection. After a
// certificate that does not verify, the upload is still not sent again.
func TestUploadWithoutAConnectionIsSentAgain(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for name, tt := range map[string]struct {
		base     string
		attempts int
	}{
		"connection refused": {"http://127.0.0.1:1", 2}, // another test could take a free port
		"unknown host":       {"https://host.invalid", 2},
		"no TLS":             {"https" + strings.TrimPrefix(plain.URL, "http"), 2},
		"TLS cut off":        {"https://" + serveConnections(t, func(net.Conn) {}), 2},
		"untrusted":          {newTLSServer(t).URL, 1},
	} {
		transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "host.invalid") {
				return nil, &net.DNSError{Err: "no such host", Name: "host.invalid", IsNotFound: true}
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}}
		for _, rt := range []http.RoundTripper{transport, roundTrip(transport.RoundTrip)} { // and one that wraps it
			client := newClient(t, rt, api.WithBaseURL(tt.base), api.WithMaxAttempts(2))
			_, err := client.Upload(t.Context(), account, api.CertificateUpload{PEM: leafPEM})
			wantSentinels(t, err, api.ErrUnreachable)
			if asError(t, err).Attempts != tt.attempts {
				t.Errorf("%s, %T: %v", name, rt, err)
			}
		}
	}
}

func TestUploadWithoutAResponseIsSearchedInTheList(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		for _, listed := range []bool{false, true} {
			var uploads atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					uploads.Add(1)
					panic(http.ErrAbortHandler)
				}
				w.Header().Set("Content-Type", "application/json")
				body := emptyBody
				if listed {
					body = `{"success":true,"result":[{"id":"x","certificates":` + jsonString(leafPEM) + `}]}`
				}
				_, _ = io.WriteString(w, body)
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			client := newClient(t, server.Client().Transport, api.WithBaseURL(server.URL))
			got, err := client.Upload(ctx, account, api.CertificateUpload{PEM: leafPEM})
			cancel()
			found := err == nil && got.Ref.ID == "x"
			if uploads.Load() != 1 || found != listed || errors.Is(err, api.ErrOutcomeUnknown) == listed {
				t.Errorf("HTTP/2 %t, listed %t: %d uploads, %+v, %v", http2, listed, uploads.Load(), got, err)
			}
			server.Close()
		}
	}
}

// The evidence context ends while evidence is gathered, when the request to delete is
// sent, while that request waits for the limiter, or before the API refuses it.
func TestEvidenceContextEndsADeletionOnlyBeforeItIsSent(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]api.DeletionState{"associations": api.DeletionKept, "delete": api.DeletionDone} {
		synctest.Test(t, func(t *testing.T) {
			until, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := everySource()
			s.before = func(k string, _ *http.Request) (*http.Response, error) {
				if k == kind {
					cancel()
				}
				return nil, nil
			}
			d, err := newClient(t, s).DeleteUnused(t.Context(), ref(7), api.WithEvidenceContext(until))
			state := api.DeletionKept
			if d != nil {
				state = d.State
			}
			kept := want == api.DeletionKept
			if state != want || kept != errors.Is(err, context.Canceled) {
				t.Errorf("ended at %s: %v, %v", kind, d, err)
			}
			if stored := s.has(certificateID(7)) == 1; kept != stored || kept != (s.count("delete") == 0) {
				t.Errorf("ended at %s: stored %t, %d requests to delete", kind, stored, s.count("delete"))
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		if _, err := newClient(t, s).Evidence(t.Context(), ref(7)); err != nil {
			t.Fatal(err)
		}
		// The limiter admits only the requests for the evidence before the context ends.
		client := newClient(t, s, api.WithRateLimit(s.total(), 5*time.Second))
		until, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		d, err := client.DeleteUnused(t.Context(), ref(7), api.WithEvidenceContext(until))
		if d == nil || d.State != api.DeletionKept || !errors.Is(err, api.ErrNotAsked) {
			t.Errorf("ended in the limiter: %v, %v", d, err)
		}
		if s.count("delete") != 0 || until.Err() == nil {
			t.Errorf("%d requests to delete, evidence context: %v", s.count("delete"), until.Err())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		until, cancel := context.WithCancel(t.Context())
		s := everySource()
		s.before = func(kind string, _ *http.Request) (*http.Response, error) {
			if kind == "delete" {
				cancel()
				return refuse(400, 1407)(), nil
			}
			return nil, nil
		}
		d, err := newClient(t, s).DeleteUnused(t.Context(), ref(7), api.WithEvidenceContext(until))
		if wantSentinels(t, err, api.ErrRejected); d.State != api.DeletionKept || s.count("workers") != 1 || errors.Is(err, context.Canceled) {
			t.Errorf("ended before a refusal: %v, %v, requests %v", d, err, s.requests)
		}
	})
	var none context.Context
	_, err := newClient(t, everySource()).DeleteUnused(t.Context(), ref(7), api.WithEvidenceContext(none))
	wantSentinels(t, err, api.ErrInvalidArgument)
}

// The evidence becomes old while the request to delete, or its retry, waits.
func TestNoDeleteIsSentWithOldEvidence(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status     int // of the first DELETE; 0: another caller of the client causes a block before it
		retryAfter string
		maxWait    time.Duration
		deletes    int
		want       []error
	}{
		"retry after a rate limit":   {429, "1200", time.Hour, 1, []error{api.ErrRateLimited}},
		"retry after a server error": {503, "1200", time.Hour, 1, []error{api.ErrServer, api.ErrOutcomeUnknown}},
		"first request":              {0, "1200", time.Hour, 0, []error{api.ErrNotAsked, api.ErrUsageUnknown}},
		"first request, short wait":  {0, "1200", time.Minute, 0, []error{api.ErrNotAsked, api.ErrRateLimited}},
		"retry in time":              {429, "400", time.Hour, 2, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := everySource()
			var client *api.Client
			s.before = func(kind string, _ *http.Request) (*http.Response, error) {
				wait := func(status int) *http.Response {
					return response(status, `{"success":false,"errors":[]}`, "Retry-After", tt.retryAfter)
				}
				switch {
				case kind == "delete" && tt.status > 0 && s.count(kind) == 1:
					return wait(tt.status), nil
				case kind == "associations" && tt.status == 0 && s.count(kind) == 1:
					go func() { _, _ = client.Associations(t.Context(), ref(3)) }()
					time.Sleep(time.Second)
				case kind == "associations" && tt.status == 0:
					return wait(429), nil
				}
				return nil, nil
			}
			client = newClient(t, s, api.WithMaxRetryWait(tt.maxWait))
			d, err := client.DeleteUnused(t.Context(), ref(8))
			if wantSentinels(t, err, tt.want...); s.count("delete") != tt.deletes || (d.State == api.DeletionDone) != (tt.want == nil) {
				t.Errorf("%s: %v, state %s, requests %v", name, err, d.State, s.requests)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v, but no context of the caller has ended", name, err)
			}
		})
	}
}
