package api_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

var cert = api.CertificateRef{AccountID: "023e105f4ecef8ad9ca31a8372d0c353", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}

func TestAssociationsAsksTheDocumentedPath(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/base/v4/accounts/"+cert.AccountID+"/mtls_certificates/"+cert.ID+"/associations" {
			t.Errorf("got %s %s", r.Method, r.URL)
		}
		if got := r.Header.Get("Authorization"); got != "Bearer "+token {
			t.Errorf("Authorization is %q", got)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("CF-Ray", "8f2a-AMS")
		_, _ = io.WriteString(w, `{"success":true,"errors":[],"messages":[],"result":[{"service":"gateway","status":"active"}]}`)
	}))
	defer srv.Close()
	client, err := api.New(api.APIToken(token), api.WithBaseURL(srv.URL+"/base/v4"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.Associations(t.Context(), cert)
	if err != nil {
		t.Fatal(err)
	}
	if list.Usage() != api.InUse || list.RayID != "8f2a-AMS" || len(list.Associations) != 1 {
		t.Errorf("got %+v", list)
	}
}

const token = "canary-token-0123456789-abcdefghijklmnop"

func TestNewNamesEveryWrongArgument(t *testing.T) {
	t.Parallel()
	_, err := api.New(api.Credentials{}, api.WithMaxAttempts(0), nil)
	if !errors.Is(err, api.ErrInvalidArgument) {
		t.Fatal(err)
	}
	for _, part := range []string{"credentials are missing", "WithMaxAttempts: 0", "an option is nil"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, err)
		}
	}
}
