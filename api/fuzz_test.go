package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/certuse/cloudflare-mtls/api"
)

// lenientEnvelope decodes a response with encoding/json, for comparison.
type lenientEnvelope struct {
	success        *bool
	result, errors []json.RawMessage
}

// UnmarshalJSON reads a map, because encoding/json ignores case in the names of fields.
func (e *lenientEnvelope) UnmarshalJSON(text []byte) error {
	var members map[string]json.RawMessage
	err := json.Unmarshal(text, &members)
	for name, to := range map[string]any{"success": &e.success, "result": &e.result, "errors": &e.errors} {
		if member, ok := members[name]; ok {
			err = errors.Join(err, json.Unmarshal(member, to))
		}
	}
	return err
}

// FuzzResponse looks for a usage that the rows and errors of the body do not prove. It
// ignores the other reasons for UsageUnknown.
func FuzzResponse(f *testing.F) {
	for _, body := range []string{
		emptyBody, inUseBody, "", "null", "[]", `{"success":true}`, `{"success":true,"result":null}`,
		`{"success":true,"result":[],"result_info":{"count":1.0,"page":1,"per_page":20,"total_count":2000}}`,
		`{"success":true,"result":[],"result_info":{"cursor":"x"}}`, `{"success":true,"result":[null]}`,
		`{"success":true,"result":[],"messages":[{"code":1000.0,"message":"m"}],"errors":[{"code":7,"message":"m"}]}`,
		`{"success":true,"result":[],"result":[{"service":"a"}]}`, envelopeWith("1"), `{"Success":true,"Result":[]}`,
		`{"success":true,"result":[],"Result":[{"service":"a"}]}`,
		`{"success":true,"result":[],"errors":[` + strings.Repeat(`{},`, 100) + `{}]}`,
	} {
		f.Add(200, []byte(body), "application/json")
		f.Add(400, []byte(body), "text/html")
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, contentType string) {
		rt := roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Header: http.Header{"Content-Type": {contentType}},
				ContentLength: -1, Body: io.NopCloser(bytes.NewReader(body)),
			}, nil
		})
		list, err := newClient(t, rt, api.WithMaxAttempts(1), api.WithMaxResponseBytes(1<<20)).Associations(t.Context(), cert)
		if (list == nil) == (err == nil) {
			t.Fatalf("list %v, error %v", list, err)
		}
		if err != nil {
			checkErrorText(t, err)
			return
		}
		var decoded lenientEnvelope
		if status < 200 || status > 299 || !utf8.Valid(body) || !strings.Contains(strings.ToLower(contentType), "json") {
			t.Fatalf("status %d, type %q returned a list", status, contentType)
		}
		if err := json.Unmarshal(body, &decoded); err != nil || decoded.success == nil || !*decoded.success || decoded.result == nil {
			t.Fatalf("a list from %q: %v", body, err)
		}
		if len(decoded.result) != len(list.Associations) || min(len(decoded.errors), 100) != len(list.Errors) || !bytes.Equal(list.Body, body) {
			t.Fatalf("got %+v from %q", list, body)
		}
		usage, rows := list.Usage(), len(decoded.result)
		if (usage == api.InUse) != (rows > 0) || usage == api.Unused && len(decoded.errors) > 0 {
			t.Fatalf("%v from %q", usage, body)
		}
	})
}

func checkErrorText(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	if len(text) > 300 || !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\x00\x1b") {
		t.Errorf("text is %q", text)
	}
	if _, jsonErr := json.Marshal(err); jsonErr != nil {
		t.Error(jsonErr)
	}
}

// FuzzErrorNeverShowsTheCredentials puts the token into bodies and headers of
// responses.
func FuzzErrorNeverShowsTheCredentials(f *testing.F) {
	f.Add(403, `{"success":false,"errors":[{"code":1,"message":"@"}]}`, "application/json", "@")
	f.Add(400, `{"code":6003,"error":"@","error_chain":[{"message":"x@"}]}`, "text/@", "7")
	f.Add(200, `{"success":true,"result":[{"@":1,"service":{}}]}`, "application/json", "")
	f.Add(200, `{"success":true,"result":[{"service":"@"}]}`, "application/json", "")
	f.Add(302, "@", "", "@")
	f.Fuzz(func(t *testing.T, status int, body, contentType, ray string) {
		in := func(s string) string { return strings.ReplaceAll(s, "@", token) }
		rt := roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Header: http.Header{"Content-Type": {in(contentType)}, "Cf-Ray": {in(ray)}},
				ContentLength: -1, Body: io.NopCloser(strings.NewReader(in(body))),
			}, nil
		})
		list, err := newClient(t, rt, api.WithMaxAttempts(1)).Associations(t.Context(), cert)
		if err == nil {
			text, jsonErr := json.Marshal(list)
			if jsonErr != nil || strings.Contains(string(text), token) || bytes.Contains(list.Body, []byte(token)) {
				t.Errorf("%v in %s", jsonErr, text)
			}
			return
		}
		checkErrorText(t, err)
		text, _ := json.Marshal(err)
		if strings.Contains(err.Error(), token) || strings.Contains(string(text), token) {
			t.Errorf("%v: %s", err, text)
		}
	})
}

func FuzzIDs(f *testing.F) {
	for _, id := range []string{"", "..", "a/b", cert.ID, "%2e", "a\x00"} {
		f.Add(cert.AccountID, id)
		f.Add(id, cert.ID)
	}
	f.Fuzz(func(t *testing.T, account, id string) {
		sent := ""
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			sent = r.URL.RequestURI()
			return response(200, emptyBody), nil
		})
		_, err := newClient(t, rt).Associations(t.Context(), api.CertificateRef{AccountID: account, ID: id})
		if err != nil {
			if !errors.Is(err, api.ErrInvalidArgument) || sent != "" {
				t.Errorf("%v after %q was sent", err, sent)
			}
			checkErrorText(t, err)
			return
		}
		if want := "/client/v4/accounts/" + account + "/mtls_certificates/" + id + "/associations"; sent != want {
			t.Errorf("sent %q, want %q", sent, want)
		}
	})
}

func FuzzBaseURL(f *testing.F) {
	for _, raw := range []string{"https://example.com/a", "http://localhost:1/", "http://[::1%25lo]", "http://example.com:80", "http://10.0.0.1", "https://a@b", "https://example.com/%2e"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var sent *http.Request
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			sent = r
			return response(200, emptyBody), nil
		})
		client, err := api.New(api.APIToken(token), api.WithBaseURL(raw), api.WithHTTPClient(&http.Client{Transport: rt}))
		if err != nil {
			checkErrorText(t, err)
			return
		}
		if _, err := client.Associations(t.Context(), cert); err != nil {
			t.Fatal(err)
		}
		if u := sent.URL; u.User != nil || u.RawQuery != "" || u.Host == "" || !strings.HasSuffix(u.Path, "/accounts/"+cert.AccountID+"/mtls_certificates/"+cert.ID+"/associations") {
			t.Errorf("%q requests %q", raw, u)
		}
		if host, _, _ := strings.Cut(sent.URL.Hostname(), "%"); sent.URL.Scheme != "https" && !strings.EqualFold(host, "localhost") && !net.ParseIP(host).IsLoopback() {
			t.Errorf("%q sends credentials over %q", raw, sent.URL)
		}
	})
}

// FuzzEscapedEchoIsRedacted puts the token, escaped, between other texts.
func FuzzEscapedEchoIsRedacted(f *testing.F) {
	for _, text := range []string{"", `\`, "%", "%25", `\u00`, `"`, "malformed HTTP response"} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		for name, escape := range escapes {
			echo := escape(token)
			_, err := newClient(t, scripted(fail(errors.New(before+" "+echo+" "+after))), api.WithMaxAttempts(1)).Associations(t.Context(), cert)
			checkErrorText(t, err)
			if text := fmt.Sprint(asError(t, err).Unwrap(), err); strings.Contains(text, echo) {
				t.Errorf("%s: %q", name, text)
			}
		}
	})
}
