package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestAssociationsRequestsTheDocumentedPath(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"/base/v4", "/base/v4/"} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.RequestURI != "/base/v4/accounts/"+cert.AccountID+"/mtls_certificates/"+cert.ID+"/associations" {
				t.Errorf("got %s %s", r.Method, r.RequestURI)
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("CF-Ray", "8f2a-AMS")
			_, _ = io.WriteString(w, inUseBody)
		}))
		defer srv.Close()
		client, err := api.New(api.APIToken(token), api.WithBaseURL(srv.URL+base))
		if err != nil {
			t.Fatal(err)
		}
		defer client.CloseIdleConnections()
		list, err := client.Associations(t.Context(), cert)
		if err != nil {
			t.Fatal(err)
		}
		if list.Usage() != api.InUse || list.RayID != "8f2a-AMS" || list.Associations[0] != (api.Association{Service: "gateway", Status: "active"}) {
			t.Errorf("got %+v", list)
		}
		if list.ReceivedAt.IsZero() || string(list.Body) != inUseBody || list.Info != nil {
			t.Errorf("got %+v", list)
		}
	}
}

func TestRequestsHaveTheDocumentedHeaders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		creds api.Credentials
		want  map[string]string
	}{
		"token": {api.APIToken(token), map[string]string{"Authorization": "Bearer " + token, "X-Auth-Key": "", "X-Auth-Email": ""}},
		"key":   {api.APIKey(email, key), map[string]string{"Authorization": "", "X-Auth-Key": key, "X-Auth-Email": email}},
	} {
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			for header, want := range c.want {
				if got := r.Header.Get(header); got != want {
					t.Errorf("%s: %s is %q", name, header, got)
				}
			}
			if got := r.Header.Get("Accept"); got != "application/json" {
				t.Errorf("Accept is %q", got)
			}
			if got := r.Header.Get("Cache-Control"); got != "no-cache" {
				t.Errorf("Cache-Control is %q", got)
			}
			if got := r.Header.Get("User-Agent"); !strings.HasPrefix(got, "inventory/1.4 cloudflare-mtls/") {
				t.Errorf("User-Agent is %q", got)
			}
			if r.URL.Host != "api.cloudflare.com" || r.URL.Scheme != "https" {
				t.Errorf("requested %s", r.URL)
			}
			return response(200, emptyBody), nil
		})
		client, err := api.New(c.creds, api.WithHTTPClient(&http.Client{Transport: rt}), api.WithUserAgent("inventory/1.4"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Associations(t.Context(), cert); err != nil {
			t.Error(err)
		}
	}
}

func TestUnusableCallsSendNothing(t *testing.T) {
	t.Parallel()
	rt := scripted(reply(200, emptyBody))
	good := newClient(t, rt)
	for name, call := range map[string]func() (*api.AssociationList, error){
		"nil client":        func() (*api.AssociationList, error) { return (*api.Client)(nil).Associations(t.Context(), cert) },
		"zero client":       func() (*api.AssociationList, error) { return new(api.Client).Associations(t.Context(), cert) },
		"nil context":       func() (*api.AssociationList, error) { return good.Associations(noContext, cert) },
		"empty certificate": func() (*api.AssociationList, error) { return good.Associations(t.Context(), api.CertificateRef{}) },
	} {
		list, err := call()
		if list != nil {
			t.Errorf("%s: got a list with the error", name)
		}
		wantSentinels(t, err, api.ErrInvalidArgument)
		if e := asError(t, err); e.Attempts != 0 || e.StatusCode != 0 {
			t.Errorf("%s: got %+v", name, e)
		}
	}
	if rt.count() != 0 {
		t.Errorf("%d requests were made, want none", rt.count())
	}
}

func TestCancelledContextSendsNothing(t *testing.T) {
	t.Parallel()
	rt := scripted(reply(200, emptyBody))
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("shutting down")
	cancel(cause)
	_, err := newClient(t, rt).Associations(ctx, cert)
	wantSentinels(t, err, api.ErrNotAsked)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, cause) || rt.count() != 0 || asError(t, err).Attempts != 0 {
		t.Errorf("%d requests, want none; error %v", rt.count(), err)
	}
}

func TestHTTPClientOfTheCallerIsNotChanged(t *testing.T) {
	t.Parallel()
	jar := failingJar{t}
	redirect := func(*http.Request, []*http.Request) error { return errors.New("never called") }
	transport := scripted(reply(200, emptyBody, "Set-Cookie", "a=b"))
	hc := &http.Client{Transport: transport, Jar: jar, CheckRedirect: redirect, Timeout: 7 * time.Second}
	client, err := api.New(api.APIToken(token), api.WithHTTPClient(hc), api.WithMaxAttempts(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Associations(t.Context(), cert); err != nil {
		t.Error(err)
	}
	if hc.Transport != http.RoundTripper(transport) || hc.Jar != http.CookieJar(jar) || hc.CheckRedirect == nil || hc.Timeout != 7*time.Second {
		t.Errorf("the client was changed to %+v", hc)
	}
}

// failingJar is a cookie jar that fails the test when it is used.
type failingJar struct{ t *testing.T }

func (j failingJar) SetCookies(*url.URL, []*http.Cookie) { j.t.Error("a cookie was kept") }

func (j failingJar) Cookies(*url.URL) []*http.Cookie {
	j.t.Error("cookies were read")
	return nil
}
