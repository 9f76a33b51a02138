package api_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestUnmarshalReplacesTheWholeResult(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text    string
		list    bool
		failure string
	}{
		"failure": {`{"account_id":"o","certificate_id":"other","usage":"unknown","error":"HTTP 403"}`, false, "HTTP 403"},
		"list":    {`{"account_id":"o","certificate_id":"other","usage":"unused","list":{"result":[]}}`, true, ""},
		"neither": {`{"account_id":"o","certificate_id":"other","usage":"of a later version"}`, false, ""},
	} {
		list, err := associationsOf(t, response(200, emptyBody))
		if err != nil {
			t.Fatal(err)
		}
		r := api.AuditResult{Certificate: cert, List: list}
		if err := json.Unmarshal([]byte(c.text), &r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Certificate.ID != "other" || r.Usage() != api.UsageUnknown || (r.List != nil) != c.list || (r.Err != nil) != (c.failure != "") {
			t.Errorf("%s: got %+v", name, r)
		}
		if c.failure != "" && r.Err.Error() != c.failure {
			t.Errorf("%s: the error is %v", name, r.Err)
		}
		again, err := json.Marshal(r)
		if err != nil || !strings.Contains(string(again), `"usage":"unknown"`) || !strings.Contains(string(again), c.failure) {
			t.Errorf("%s: again %s, %v", name, again, err)
		}
		if err := json.Unmarshal([]byte(`{"certificate_id":7}`), &r); err == nil || r.List != nil || r.Err != nil || r.Certificate.ID != "" {
			t.Errorf("%s: after an error %+v, %v", name, r, err)
		}
	}
}

func TestErrorsComeBackFromJSON(t *testing.T) {
	t.Parallel()
	_, err := associationsOf(t, response(404, envelopeWith("7003"), "Retry-After", "3", "CF-Ray", "8f-AMS"))
	want := asError(t, err)
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got := &api.Error{Attempts: 9, RetryAfter: time.Hour}
	if err := json.Unmarshal(text, got); err != nil {
		t.Fatal(err)
	}
	if got.Error() != want.Error() || !errors.Is(got, api.ErrNotFound) || errors.Is(got, api.ErrServer) {
		t.Errorf("got %v, want %v", got, want)
	}
	if again, err := json.Marshal(got); err != nil || string(again) != string(text) {
		t.Errorf("%s came back as %s, %v", text, again, err)
	}
	for text, wait := range map[string]time.Duration{
		`{"retry_after_seconds":0.25}`: 250 * time.Millisecond, `{"retry_after_seconds":1e300}`: math.MaxInt64, `{"retry_after_seconds":-5}`: 0,
	} {
		if err := json.Unmarshal([]byte(text), got); err != nil || got.RetryAfter != wait || got.StatusCode != 0 || got.Details != nil {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"attempts":"many"}`), got); err == nil || got.Attempts != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// The JSON of an error does not hold its sentinels. The error that is read from it may
// match only sentinels that the original matches.
func TestErrorsFromJSONMatchNoFurtherSentinel(t *testing.T) {
	t.Parallel()
	for body, rejected := range map[string]bool{
		`{"success":true,"result":null}`: false,
		`{"success":true,"result":[5]}`:  false,
		`not JSON`:                       false,
		`{"success":false,"errors":[{"code":1,"message":"m"}]}`:     true,
		`{"success":true,"result":[{"service":"a","service":"b"}]}`: false,
	} {
		_, err := associationsOf(t, response(200, body))
		text, marshalErr := json.Marshal(asError(t, err))
		var got api.Error
		if err := errors.Join(marshalErr, json.Unmarshal(text, &got)); err != nil {
			t.Fatal(err)
		}
		if errors.Is(err, api.ErrRejected) != rejected || errors.Is(&got, api.ErrRejected) != rejected {
			t.Errorf("%s: %v matches ErrRejected %t, from JSON %t; want %t", body, err, errors.Is(err, api.ErrRejected), errors.Is(&got, api.ErrRejected), rejected)
		}
		for name, sentinel := range sentinels {
			if errors.Is(&got, sentinel) && !errors.Is(err, sentinel) {
				t.Errorf("%s: %v matches %s only after it was read from JSON", body, err, name)
			}
		}
	}
}

func TestAuditResultIsEncodedAsJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result api.AuditResult
		want   string
	}{
		"error": {
			api.AuditResult{Certificate: api.CertificateRef{AccountID: "a", ID: "b"}, Err: errors.New("why")},
			`{"account_id":"a","certificate_id":"b","usage":"unknown","error":"why"}`,
		},
		"list": {
			api.AuditResult{List: &api.AssociationList{Associations: []api.Association{{Service: "s", Status: "t"}}, Body: []byte("x")}},
			`{"account_id":"","certificate_id":"","usage":"unknown","list":{"result":[{"service":"s","status":"t"}],"truncated":false,"stale":false,"received_at":"0001-01-01T00:00:00Z"}}`,
		},
	} {
		got, err := json.Marshal(c.result)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v", name, got, err)
		}
	}
}

func TestJSONThatIsNoObjectGivesOneErrorOfOneLine(t *testing.T) {
	t.Parallel()
	item := api.InventoryItem{Certificate: api.Certificate{Ref: cert}}
	for name, into := range map[string]json.Unmarshaler{
		"InventoryItem": &item, "Deletion": &api.Deletion{State: api.DeletionDone}, "Certificate": &api.Certificate{}, "Evidence": &api.Evidence{},
		"SourceResult": &api.SourceResult{}, "AuditResult": &api.AuditResult{}, "AssociationList": &api.AssociationList{}, "Error": &api.Error{},
	} {
		for _, text := range []string{`[]`, `7`, `"text"`, `true`} {
			err := json.Unmarshal([]byte(text), into)
			if err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s from %s: %v", name, text, err)
			}
		}
	}
	if item.Certificate.Ref != (api.CertificateRef{}) {
		t.Errorf("after an error: %+v", item)
	}
}
