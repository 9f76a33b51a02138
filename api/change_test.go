package api_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/api"
)

// noConnection is the report of net/http's transport that it got no connection.
func noConnection(req *http.Request) {
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.GetConn != nil {
		trace.GetConn("")
	}
}

// noise damages one in share requests to a store, in up to three ways, as drawn also
// only from the first request to change something. A fault before a request leaves
// the store as it is, one after it does not. rapid must draw outside of the bubble.
func noise(rt *rapid.T) func(*store) {
	late := rapid.Bool().Draw(rt, "late")
	share := rapid.SampledFrom([]int{1, 2, 5, 20}).Draw(rt, "share")
	kinds := rapid.SliceOfN(rapid.IntRange(1, 12), 1, 3).Draw(rt, "kinds")
	which := rapid.SliceOfN(rapid.IntRange(0, share*len(kinds)-1), 100, 100).Draw(rt, "which")
	return func(s *store) { damage(s, late, kinds, which) }
}

func damage(s *store, late bool, kinds, which []int) {
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
			return answer(500, `{"success":false,"errors":[{"code":1,"message":"x"}]}`), nil
		case 4:
			return answer(429, envelopeWith("1"), "Retry-After", "1"), nil
		case 5:
			return answer(404, "<html>", "Content-Type", "text/html"), nil
		case 6:
			return answer(408, `{"success":false,"errors":[{"code":1,"message":"x"}]}`), nil
		case 7: // time runs out
			<-req.Context().Done()
			return nil, req.Context().Err()
		}
		return nil, nil
	}
	s.after = func(_ string, resp *http.Response) (*http.Response, error) {
		switch next() {
		case 8:
			return nil, errReset
		case 9:
			return answer(502, "<html>", "Content-Type", "text/html"), nil
		case 10:
			resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 20), errReader{errReset}))
			resp.ContentLength = -1
		case 11:
			return answer(200, `{"success":true,"result":null}`), nil
		case 12:
			return answer(503, envelopeWith("1"), "Retry-After", "3"), nil
		}
		return resp, nil
	}
}

// drawn runs a property in a bubble; the result is what is wrong.
func drawn(t *testing.T, rt *rapid.T, property func(t *testing.T) string) {
	problem := ""
	synctest.Test(t, func(t *testing.T) { problem = property(t) })
	if problem != "" {
		rt.Fatal(problem)
	}
}

func TestDeletionSaysWhatHappened(t *testing.T) {
	t.Parallel()
	states := map[api.DeletionState]*atomic.Int32{api.DeletionDone: {}, api.DeletionKept: {}, api.DeletionUnknown: {}}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.SampledFrom([]int{5, 7, 8}).Draw(rt, "certificate")
		damage := noise(rt)
		drawn(t, rt, func(t *testing.T) string {
			s := everySource()
			damage(s)
			d, err := newClient(t, s).DeleteUnused(t.Context(), ref(n), api.WithDeleteTimeout(20*time.Second))
			there := s.has(ids(n)) == 1
			switch {
			case (err == nil) != (d != nil && d.State == api.DeletionDone):
				return "the state and the error differ"
			case n == 5 && s.count("delete") > 0:
				return "DELETE for a certificate in use"
			case d == nil && !there:
				return "deleted without a record"
			case d == nil:
				return ""
			case d.State == api.DeletionDone && there:
				return "deleted, and it is there"
			case d.State == api.DeletionKept && !there:
				return "kept, and it is gone: " + err.Error()
			case (d.State == api.DeletionUnknown) != errors.Is(err, api.ErrOutcomeUnknown):
				return "the state and the sentinel differ"
			}
			states[d.State].Add(1)
			return ""
		})
	})
	for state, n := range states {
		if n.Load() == 0 {
			t.Errorf("no deletion came out as %s", state)
		}
	}
}

func TestUploadSaysWhatHappened(t *testing.T) {
	t.Parallel()
	var stored, unknown atomic.Int32
	up := api.CertificateUpload{Name: "x", PEM: leafPEM, Key: api.PrivateKeyPEM(leafKey)}
	rapid.Check(t, func(rt *rapid.T) {
		damage := noise(rt)
		drawn(t, rt, func(t *testing.T) string {
			s := &store{copies: true}
			damage(s)
			client := newClient(t, s)
			got, err := client.Upload(t.Context(), account, up)
			switch there := len(s.certificates); {
			case there > 1:
				return "uploaded more than once"
			case (got == nil) == (err == nil):
				return "neither or both"
			case err == nil && (there != 1 || s.has(got.Ref.ID) != 1):
				return "uploaded, and it is not there"
			case err == nil:
				stored.Add(1)
				return ""
			case !errors.Is(err, api.ErrOutcomeUnknown) && there > 0:
				return "not uploaded, and it is there: " + err.Error()
			case errors.Is(err, api.ErrOutcomeUnknown):
				unknown.Add(1)
			}
			s.before, s.after, s.copies = nil, nil, false
			time.Sleep(time.Hour)
			if got, err = client.Upload(t.Context(), account, up); err != nil || len(s.certificates) != 1 || s.has(got.Ref.ID) != 1 {
				return "the same call again does not find it"
			}
			return ""
		})
	})
	if stored.Load() == 0 || unknown.Load() == 0 {
		t.Errorf("%d stored, %d unknown", stored.Load(), unknown.Load())
	}
}

// What cannot have arrived is sent again; on sockets, where net/http says so.
func TestUploadThatCannotHaveArrived(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	hangsUp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hangsUp.Close() }()
	go func() {
		for conn, err := hangsUp.Accept(); err == nil; conn, err = hangsUp.Accept() {
			_ = conn.Close()
		}
	}()
	for name, tt := range map[string]struct {
		base     string
		attempts int
	}{
		"connection refused": {closed.URL, 2},
		"unknown host":       {"https://host.invalid", 2},
		"no TLS":             {"https" + strings.TrimPrefix(plain.URL, "http"), 2},
		"TLS cut off":        {"https://" + hangsUp.Addr().String(), 2},
		"untrusted":          {untrusted.URL, 1},
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

func TestUploadThatMayHaveArrivedIsLookedUp(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		for _, show := range []bool{false, true} {
			var uploads atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					uploads.Add(1)
					panic(http.ErrAbortHandler)
				}
				w.Header().Set("Content-Type", "application/json")
				body := emptyBody
				if show {
					body = `{"success":true,"result":[{"id":"x","certificates":` + jsonString(leafPEM) + `}]}`
				}
				_, _ = io.WriteString(w, body)
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			roots := x509.NewCertPool()
			roots.AddCert(server.Certificate())
			transport := &http.Transport{ForceAttemptHTTP2: http2, TLSClientConfig: &tls.Config{RootCAs: roots}}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			got, err := newClient(t, transport, api.WithBaseURL(server.URL)).Upload(ctx, account, api.CertificateUpload{PEM: leafPEM})
			cancel()
			if uploads.Load() != 1 || show != (err == nil) || show == errors.Is(err, api.ErrOutcomeUnknown) || show && got.Ref.ID != "x" {
				t.Errorf("HTTP/2 %t: %d uploads, %+v, %v", http2, uploads.Load(), got, err)
			}
			transport.CloseIdleConnections()
			server.Close()
		}
	}
}
