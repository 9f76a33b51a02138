package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"
)

func TestCertificateWithoutAnApplicableSourceIsExplained(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"usage --demo --sources workers", "audit --demo --sources workers", "audit --demo --sources workers -o wide"} {
		got := execute(t, command(t, nil, strings.Fields(args+" --columns name,used_by")...))
		got.expect(t, exitUnknown, "8 unknown")
		if n := strings.Count(got.stdout, "no source that was read can name it"); n != 5 || strings.Contains(got.stdout, "()") {
			t.Errorf("%s: %d certificates:\n%s", args, n, got.stdout)
		}
	}
}

// The API may change the case of an id.
func TestIDInAnotherCaseHasOneRecord(t *testing.T) {
	t.Parallel()
	answered := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch path.Base(r.URL.Path) {
		case "CERT":
			io.WriteString(w, `{"success":true,"errors":[],"messages":[],"result":{"id":"cert"}}`)
		case "associations":
			io.WriteString(w, `{"success":true,"errors":[],"messages":[],"result":[]}`)
			close(answered)
		default: // ends the inventory, a while after the first certificate is complete
			<-answered
			time.Sleep(200 * time.Millisecond)
			w.WriteHeader(401)
			io.WriteString(w, `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[],"result":null}`)
		}
	}))
	t.Cleanup(server.Close)
	env := []string{"CLOUDFLARE_API_TOKEN=" + testToken, "CLOUDFLARE_ACCOUNT_ID=" + testAccount, "CLOUDFLARE_BASE_URL=" + server.URL}
	got := execute(t, command(t, env, "audit", "--sources", "associations", "-o", "id", "--sort", "name", "CERT", "other"))
	if got.expect(t, exitUnknown, "1 unused, 1 unknown"); got.stdout != "cert\nother\n" {
		t.Errorf("%q", got.stdout)
	}
}
