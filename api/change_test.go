package api_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// noConnection reports, as net/http's transport does, that there was no connection.
func noConnection(req *http.Request) {
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.GetConn != nil {
		trace.GetConn("")
	}
}

// noise injects up to three kinds of faults into a random share of the requests to a
// store. By seed, it begins with the first request to change something. A fault before
// a request leaves the store unchanged, one after it does not.
func noise(s *store, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	late, share := r.IntN(2) == 0, []int{1, 2, 5, 20}[r.IntN(4)]
	kinds, which := make([]int, 1+r.IntN(3)), make([]int, 100)
	for i := range kinds {
		kinds[i] = 1 + r.IntN(12)
	}
	for i := range which {
		which[i] = r.IntN(share * len(kinds))
	}
	damage(s, late, kinds, which)
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
		case 7: // a timeout
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

// noises is the number of seeds of a test; the fuzz targets use others.
const noises = 200

func TestDeletionSaysWhatHappened(t *testing.T) {
	t.Parallel()
	states := map[api.DeletionState]int{}
	for seed := range uint64(noises) {
		states[deletionSaysWhatHappened(t, seed)]++
	}
	for _, state := range []api.DeletionState{api.DeletionDone, api.DeletionKept, api.DeletionUnknown} {
		if states[state] == 0 {
			t.Errorf("no deletion has the state %s", state)
		}
	}
}

func FuzzDeletionSaysWhatHappened(f *testing.F) {
	f.Fuzz(func(t *testing.T, seed uint64) { deletionSaysWhatHappened(t, seed) })
}

// deletionSaysWhatHappened deletes a certificate of a store with the faults of seed.
// The state is empty if there is no record.
func deletionSaysWhatHappened(t *testing.T, seed uint64) (state api.DeletionState) {
	n := []int{5, 7, 8}[seed%3]
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		noise(s, seed)
		d, err := newClient(t, s).DeleteUnused(t.Context(), ref(n), api.WithDeleteTimeout(20*time.Second))
		there, problem := s.has(ids(n)) == 1, ""
		switch {
		case (err == nil) != (d != nil && d.State == api.DeletionDone):
			problem = "the state and the error differ"
		case n == 5 && s.count("delete") > 0:
			problem = "DELETE for a certificate in use"
		case d == nil && !there:
			problem = "deleted without a record"
		case d == nil:
		case d.State == api.DeletionDone && there:
			problem = "deleted, and it is there"
		case d.State == api.DeletionKept && !there:
			problem = "kept, and it is gone"
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

func TestUploadSaysWhatHappened(t *testing.T) {
	t.Parallel()
	stored, unknown := 0, 0
	for seed := range uint64(noises) {
		switch err := uploadSaysWhatHappened(t, seed); {
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

func FuzzUploadSaysWhatHappened(f *testing.F) {
	f.Fuzz(func(t *testing.T, seed uint64) { _ = uploadSaysWhatHappened(t, seed) })
}

// uploadSaysWhatHappened uploads a certificate to a store with the faults of seed, and
// once more without faults. The error is that of the first upload.
func uploadSaysWhatHappened(t *testing.T, seed uint64) (err error) {
	up := api.CertificateUpload{Name: "x", PEM: leafPEM, Key: api.PrivateKeyPEM(leafKey)}
	synctest.Test(t, func(t *testing.T) {
		s := &store{copies: true}
		noise(s, seed)
		client := newClient(t, s)
		var got *api.UploadedCertificate
		got, err = client.Upload(t.Context(), account, up)
		problem := ""
		switch there := len(s.certificates); {
		case there > 1:
			problem = "uploaded more than once"
		case (got == nil) == (err == nil):
			problem = "neither or both"
		case err == nil && (there != 1 || s.has(got.Ref.ID) != 1):
			problem = "uploaded, and it is not there"
		case err == nil && got.Existed != nil && *got.Existed:
			problem = "uploaded, and reported as existing before"
		case err != nil && !errors.Is(err, api.ErrOutcomeUnknown) && there > 0:
			problem = "not uploaded, and it is there"
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
			t.Errorf("seed %d: the same call again does not find it: %v", seed, err)
		}
	})
	return err
}

// An upload without a connection is sent again; on sockets, where net/http reports it.
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

func TestUploadThatMayHaveArrivedIsSearchedInTheList(t *testing.T) {
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
			if uploads.Load() != 1 || show != (err == nil) || show == errors.Is(err, api.ErrOutcomeUnknown) || show && (got.Ref.ID != "x" || got.Existed != nil) {
				t.Errorf("HTTP/2 %t: %d uploads, %+v, %v", http2, uploads.Load(), got, err)
			}
			transport.CloseIdleConnections()
			server.Close()
		}
	}
}
