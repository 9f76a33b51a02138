package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestAllAssociationsYieldsTheRowsAndThenTheError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		response step
		want     string // services in order
		err      []error
	}{
		"all":            {reply(200, `{"success":true,"result":`+twoRows+`}`), "ab", nil},
		"none":           {reply(200, emptyBody), "", nil},
		"truncated":      {reply(200, `{"success":true,"result":`+twoRows+`,"result_info":{"total_count":3}}`), "ab", []error{api.ErrTruncated}},
		"empty of many":  {reply(200, `{"success":true,"result":[],"result_info":{"total_count":3}}`), "", []error{api.ErrTruncated}},
		"with errors":    {reply(200, `{"success":true,"result":[],"errors":[{"code":1,"message":"partly"}]}`), "", []error{api.ErrUnexpectedResponse}},
		"failure":        {reply(403, envelopeWith("1")), "", []error{api.ErrForbidden}},
		"without result": {reply(200, `{"success":true}`), "", []error{api.ErrNoResult}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := scripted(c.response)
			all := newClient(t, rt).AllAssociations(t.Context(), cert)
			if rt.count() != 0 {
				t.Error("a request was made before the loop")
			}
			for range 2 {
				var services strings.Builder
				errs := 0
				for a, err := range all {
					services.WriteString(a.Service)
					if err != nil {
						errs++
						wantSentinels(t, err, c.err...)
						if e := asError(t, err); e.RayID == "" || e.Attempts != 1 || a != (api.Association{}) {
							t.Errorf("got %+v with %+v", e, a)
						}
					}
				}
				if services.String() != c.want || errs != min(1, len(c.err)) {
					t.Errorf("got %q and %d errors, want %q and %d", services.String(), errs, c.want, min(1, len(c.err)))
				}
			}
			if rt.count() != 2 {
				t.Errorf("%d requests, want one for each loop", rt.count())
			}
			for range all {
				break
			}
		})
	}
}

func TestTheErrorAfterAllAssociationsCountsTheAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := scripted(reply(503, ""), reply(503, ""), reply(200, `{"success":true,"result":[],"result_info":{"total_count":3}}`))
		err := lastError(newClient(t, rt).AllAssociations(t.Context(), cert))
		wantSentinels(t, err, api.ErrTruncated)
		if e := asError(t, err); e.Attempts != 3 {
			t.Errorf("%d attempts, want 3", e.Attempts)
		}
	})
}

func TestAllAssociationsRefusesAnInvalidReference(t *testing.T) {
	t.Parallel()
	n := 0
	for _, err := range newClient(t, scripted(reply(200, emptyBody))).AllAssociations(t.Context(), api.CertificateRef{AccountID: "a", ID: "../x"}) {
		n++
		wantSentinels(t, err, api.ErrInvalidArgument)
	}
	if n != 1 {
		t.Errorf("%d iterations, want 1", n)
	}
}

func TestValidateNamesTheInvalidID(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ref  api.CertificateRef
		want string // part of the error, "" for none
	}{
		"real ids":         {api.CertificateRef{AccountID: "023e105f4ecef8ad9ca31a8372d0c353", ID: "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}, ""},
		"no account":       {api.CertificateRef{AccountID: "", ID: "abc"}, "AccountID is empty"},
		"no certificate":   {api.CertificateRef{AccountID: "abc", ID: ""}, "CertificateRef.ID is empty"},
		"dot segments":     {api.CertificateRef{AccountID: "..", ID: ".."}, "AccountID"},
		"no ids":           {api.CertificateRef{}, "AccountID is empty; CertificateRef.ID is empty"},
		"slash":            {api.CertificateRef{AccountID: "abc", ID: "a/b"}, "CertificateRef.ID"},
		"account too long": {api.CertificateRef{AccountID: strings.Repeat("a", 33), ID: "abc"}, "33 bytes"},
		"id too long":      {api.CertificateRef{AccountID: "abc", ID: strings.Repeat("a", 65)}, "65 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.ref.Validate()
			if test.want == "" {
				if err != nil {
					t.Errorf("Validate() = %v", err)
				}
				return
			}
			if !errors.Is(err, api.ErrInvalidArgument) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Validate() = %v, want an invalid argument with %q", err, test.want)
			}
		})
	}
}

// Each of these ids is refused for the account and for the certificate.
func TestHostileIDsSendNothing(t *testing.T) {
	t.Parallel()
	rt := scripted(reply(200, emptyBody))
	client := newClient(t, rt)
	for _, id := range []string{
		"", ".", "..", "...", "/", "//", "a/b", "/a", "a/", "../x", "a/../b", "%2e%2e", "%2f", "%", "a%00", "a?b", "?", "a#b", "#",
		"a b", " ", " a", "a ", "a\n", "a\r\nX: y", "a\t", "a\x00", "a;b", "a:b", "a@b", "a\\b", "a&b", "a=b", "a+b", "a,b", "a.b",
		"é", "\u2024\u2024", "\xff", "a\u200b", "ａ", "{id}", "$ID", "`id`", "'", "\"", "<x>", "a|b", "~", "*", "(a)",
		strings.Repeat("a", 65), strings.Repeat("a", 1<<20),
	} {
		for _, ref := range []api.CertificateRef{{AccountID: id, ID: cert.ID}, {AccountID: cert.AccountID, ID: id}} {
			_, err := client.Associations(t.Context(), ref)
			wantSentinels(t, err, api.ErrInvalidArgument)
			if text := err.Error(); len(text) > 300 || strings.ContainsAny(text, "\r\n\x00") {
				t.Errorf("the error text is %.400q", text)
			}
		}
	}
	if rt.count() != 0 {
		t.Errorf("%d requests, want none", rt.count())
	}
	for _, ref := range []api.CertificateRef{
		{AccountID: strings.Repeat("a", 32), ID: strings.Repeat("Z", 64)}, {AccountID: "0", ID: "-_"},
	} {
		if _, err := client.Associations(t.Context(), ref); err != nil {
			t.Error(err)
		}
	}
}

func TestOneClientServesAThousandGoroutines(t *testing.T) {
	t.Parallel()
	client := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(certificateIDOf(r), "7") {
			return response(500, ""), nil
		}
		return response(200, `{"success":true,"result":[{"service":"`+certificateIDOf(r)+`"}]}`), nil
	}), api.WithRateLimit(0, 0), api.WithMaxAttempts(2))
	failures := make(chan string, 1000)
	done := make(chan struct{})
	for i := range 1000 {
		go func() {
			defer func() { done <- struct{}{} }()
			id := fmt.Sprint(i)
			list, err := client.Associations(t.Context(), api.CertificateRef{AccountID: "a", ID: id})
			wantFailure := strings.HasSuffix(id, "7")
			if (err != nil) != wantFailure || !wantFailure && list.Associations[0].Service != id {
				failures <- fmt.Sprintf("%s: %+v, %v", id, list, err)
			}
		}()
	}
	for range 1000 {
		<-done
	}
	close(failures)
	for f := range failures {
		t.Error(f)
	}
}
