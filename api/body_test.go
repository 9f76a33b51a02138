package api_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/certuse/cloudflare-mtls/api"
)

func unsizedReply(body string) step {
	return func(*http.Request) (*http.Response, error) { return unsized(response(200, body)), nil }
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	exact := int64(len(inUseBody))
	for name, c := range map[string]struct {
		first step
		limit int64
		want  []error
	}{
		"at the limit":                     {reply(200, inUseBody), exact, nil},
		"at the limit, unsized":            {unsizedReply(inUseBody), exact, nil},
		"announced too large":              {reply(200, inUseBody), exact - 1, []error{api.ErrResponseTooLarge}},
		"one over the limit":               {unsizedReply(inUseBody), exact - 1, []error{api.ErrResponseTooLarge}},
		"shorter than a huge announcement": {func(*http.Request) (*http.Response, error) { return sized(response(403, inUseBody), 1<<40), nil }, 1 << 41, []error{api.ErrForbidden, api.ErrUnexpectedResponse}},
		"announced too little":             {func(*http.Request) (*http.Response, error) { return sized(response(200, inUseBody), 5), nil }, exact - 1, []error{api.ErrResponseTooLarge}},
		"failure over the limit":           {reply(403, inUseBody), 5, []error{api.ErrForbidden, api.ErrResponseTooLarge, api.ErrUnexpectedResponse}},
	} {
		rt := scripted(c.first)
		_, err := newClient(t, rt, api.WithMaxResponseBytes(c.limit), api.WithMaxRetryWait(0)).Associations(t.Context(), cert)
		if c.want == nil {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		wantSentinels(t, err, c.want...)
		if e := asError(t, err); e.RayID == "" || errors.Is(err, api.ErrResponseTooLarge) && rt.count() != 1 {
			t.Errorf("%s: %d requests, %v", name, rt.count(), err)
		}
	}
}

func TestABodyOfTheAnnouncedLengthCanFail(t *testing.T) {
	t.Parallel()
	whole := strings.NewReader(inUseBody)
	for name, body := range map[string]io.Reader{
		"error after the body":      io.MultiReader(whole, iotest.ErrReader(io.ErrUnexpectedEOF)),
		"error with the last bytes": &readerWithError{inUseBody, io.ErrUnexpectedEOF},
	} {
		resp := response(200, inUseBody)
		resp.Body = &trackedBody{Reader: body}
		if list, err := associationsOf(t, resp); !errors.Is(err, api.ErrUnexpectedResponse) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %v, %v", name, list.Usage(), err)
		}
	}
	resp := response(200, inUseBody)
	resp.Body = &trackedBody{Reader: &readerWithError{inUseBody, io.EOF}}
	if list, err := associationsOf(t, resp); list.Usage() != api.InUse {
		t.Errorf("a complete body: got %v", err)
	}
}

// readerWithError returns err together with the end of text.
type readerWithError struct {
	text string
	err  error
}

func (r *readerWithError) Read(p []byte) (int, error) {
	n := copy(p, r.text)
	if r.text = r.text[n:]; r.text == "" {
		return n, r.err
	}
	return n, nil
}

// The first buffer has one byte more than an announced length of at most 16 MiB. A
// larger length may be wrong, so the first buffer does not depend on it.
func TestASmallAnnouncedLengthSetsTheSizeOfTheFirstBuffer(t *testing.T) {
	t.Parallel()
	exact := int64(len(inUseBody))
	for announced, want := range map[int64]int64{exact: exact + 1, 5: 6, 1 << 40: 0} { // 0: at most 64 KiB
		body := &bufferSizes{Reader: strings.NewReader(inUseBody)}
		resp := sized(response(200, ""), announced)
		resp.Body = &trackedBody{Reader: body}
		_, _ = newClient(t, scripted(func(*http.Request) (*http.Response, error) { return resp, nil }), api.WithMaxResponseBytes(1<<41), api.WithMaxRetryWait(0)).Associations(t.Context(), cert)
		if len(body.sizes) == 0 || body.sizes[0] > 64<<10 || want > 0 && int64(body.sizes[0]) != want {
			t.Errorf("%d bytes announced: buffers of %d bytes", announced, body.sizes)
		}
	}
}

// bufferSizes records the sizes of the buffers that are read into.
type bufferSizes struct {
	io.Reader
	sizes []int
}

func (b *bufferSizes) Read(p []byte) (int, error) {
	b.sizes = append(b.sizes, len(p))
	return b.Reader.Read(p)
}

func TestEndlessBodyEndsAtTheLimit(t *testing.T) {
	t.Parallel()
	read := new(atomic.Int64)
	rt := scripted(func(*http.Request) (*http.Response, error) {
		resp := response(200, "")
		resp.ContentLength, resp.Body = -1, &trackedBody{Reader: endlessReader{read}}
		return resp, nil
	})
	_, err := newClient(t, rt, api.WithMaxResponseBytes(100_000)).Associations(t.Context(), cert)
	if !errors.Is(err, api.ErrResponseTooLarge) || read.Load() > 200_000 {
		t.Errorf("read %d bytes, %v", read.Load(), err)
	}
}

type endlessReader struct{ read *atomic.Int64 }

func (e endlessReader) Read(p []byte) (int, error) {
	e.read.Add(int64(len(p)))
	return copy(p, bytes.Repeat([]byte(" "), len(p))), nil
}

func gzipped(t *testing.T, body string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// serve starts a server and a client with its own connections.
func serve(t *testing.T, h http.HandlerFunc, opts ...api.Option) *api.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	client, err := api.New(api.APIToken(token), append([]api.Option{api.WithBaseURL(srv.URL)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func TestCompressedResponsesAreReadAndBounded(t *testing.T) {
	t.Parallel()
	good := gzipped(t, inUseBody)
	corrupt := bytes.Clone(good)
	corrupt[len(corrupt)-6] ^= 0xff
	for name, c := range map[string]struct {
		body []byte
		want error
	}{
		"good":           {good, nil},
		"wrong checksum": {corrupt, api.ErrUnexpectedResponse},
		"cut off":        {good[:len(good)-12], api.ErrUnexpectedResponse},
		"not gzip":       {[]byte(inUseBody), api.ErrUnexpectedResponse},
		"gzip bomb":      {gzipped(t, strings.Repeat(" ", 10<<20)), api.ErrResponseTooLarge},
		"white space":    {gzipped(t, strings.Repeat(" ", 1000)), api.ErrUnexpectedResponse},
		"empty":          {gzipped(t, ""), api.ErrUnexpectedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Accept-Encoding") != "gzip" {
					t.Errorf("Accept-Encoding is %q", r.Header.Get("Accept-Encoding"))
				}
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(c.body)
			}, api.WithMaxAttempts(1))
			list, err := client.Associations(t.Context(), cert)
			if c.want == nil {
				if err != nil || string(list.Body) != inUseBody {
					t.Errorf("got %+v, %v", list, err)
				}
				return
			}
			wantSentinels(t, err, c.want)
		})
	}
}

func TestConnectionsAreReusedAfterEveryKindOfResponse(t *testing.T) {
	t.Parallel()
	responses := []func(http.ResponseWriter){
		func(w http.ResponseWriter) { w.WriteHeader(503) },
		func(w http.ResponseWriter) { w.WriteHeader(502); _, _ = io.WriteString(w, strings.Repeat("x", 20_000)) },
		func(w http.ResponseWriter) { w.WriteHeader(403); _, _ = io.WriteString(w, envelopeWith("1")) },
		func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") },
		func(w http.ResponseWriter) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(302)
			_, _ = io.WriteString(w, strings.Repeat("x", 20_000))
		},
		func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, inUseBody)
		},
	}
	var remotes map[string]bool
	n := 0
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		remotes[r.RemoteAddr] = true
		responses[n%len(responses)](w)
		n++
	}, api.WithMaxAttempts(1))
	// Three rounds, because net/http may drop a connection on a loaded machine: it waits
	// only 50 ms for the end of writing the request. A response that prevents reuse does
	// so in every round.
	for range 3 {
		remotes, n = map[string]bool{}, 0
		for range 2 * len(responses) {
			_, _ = client.Associations(t.Context(), cert)
		}
		if n == 2*len(responses) && len(remotes) == 1 {
			return
		}
	}
	t.Errorf("%d requests over %d connections", n, len(remotes))
}

func TestRedirectsAreRefused(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{elsewhere.URL, "/same", "", "http://[::1/%zz"} {
			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/same" {
					reached.Add(1)
				}
				w.Header()["Location"] = []string{location}
				w.WriteHeader(status)
			})
			_, err := client.Associations(t.Context(), cert)
			wantSentinels(t, err, api.ErrRedirect)
			if e := asError(t, err); e.StatusCode != status || e.Attempts != 1 {
				t.Errorf("got %+v, want status %d after 1 attempt", e, status)
			}
		}
	}
	if reached.Load() != 0 {
		t.Errorf("%d redirects were followed", reached.Load())
	}
}

func TestRefusedConnectionNamesItsCause(t *testing.T) {
	t.Parallel()
	// Port 1, because another test could take a free port.
	client, err := api.New(api.APIToken(token), api.WithBaseURL("http://127.0.0.1:1"), api.WithMaxAttempts(2))
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Associations(t.Context(), cert)
	wantSentinels(t, err, api.ErrUnreachable)
	var op *net.OpError
	if e := asError(t, err); !errors.As(err, &op) || op.Op != "dial" || e.Attempts != 2 || e.StatusCode != 0 {
		t.Errorf("got %+v, want a failed dial after 2 attempts", e)
	}
}

func TestCertificatesThatDoNotVerifyAreNotRetried(t *testing.T) {
	t.Parallel()
	srv := newTLSServer(t)
	client, err := api.New(api.APIToken(token), api.WithBaseURL(srv.URL))
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Associations(t.Context(), cert)
	wantSentinels(t, err, api.ErrUnreachable)
	var unverified *tls.CertificateVerificationError
	if e := asError(t, err); e.Attempts != 1 || !errors.As(err, &unverified) {
		t.Errorf("got %v after %d attempts", err, e.Attempts)
	}
	trusting, err := api.New(api.APIToken(token), api.WithBaseURL(srv.URL), api.WithHTTPClient(srv.Client()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = trusting.Associations(t.Context(), cert)
	if !errors.Is(err, api.ErrNotFound) {
		t.Error(fmt.Errorf("with the right roots: %w", err))
	}
}
