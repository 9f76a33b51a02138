package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// The timeout of an attempt or of the transport is not the caller's deadline, even if
// the caller cancels at the same time.
func TestATimeoutDuringACancelIsNoDeadline(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(context.Context, context.CancelFunc) error{
		"limit of the transport": func(_ context.Context, cancel context.CancelFunc) error {
			cancel()
			return fmt.Errorf("dialing: %w", context.DeadlineExceeded)
		},
		"end of the attempt": func(attempt context.Context, cancel context.CancelFunc) error {
			<-attempt.Done()
			time.Sleep(gracePeriod / 2)
			cancel()
			return attempt.Err()
		},
		"transport that does not return": func(attempt context.Context, cancel context.CancelFunc) error {
			<-attempt.Done()
			time.Sleep(gracePeriod / 2)
			cancel()
			time.Sleep(time.Second)
			return attempt.Err()
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			rt := roundTrip(func(r *http.Request) (*http.Response, error) { return nil, send(r.Context(), cancel) })
			_, err := newClient(t, rt, api.WithAttemptTimeout(time.Second)).Associations(ctx, cert)
			if errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want a cancel and no deadline", name, err)
			}
			time.Sleep(2 * time.Second) // until the transport has returned
		})
	}
}

type nilHandler struct{ slog.Handler }

type nilContext struct{ context.Context }

func TestNilInAnInterfaceIsRefused(t *testing.T) {
	t.Parallel()
	for want, option := range map[string]api.Option{
		"WithHTTPClient: the transport is a nil *http.Transport":    api.WithHTTPClient(&http.Client{Transport: (*http.Transport)(nil)}),
		"WithHTTPClient: the transport is a nil api_test.roundTrip": api.WithHTTPClient(&http.Client{Transport: roundTrip(nil)}),
		"WithLogger: the logger has no handler":                     api.WithLogger(new(slog.Logger)),
		"WithLogger: the logger has no handler, or a nil one":       api.WithLogger(slog.New((*nilHandler)(nil))),
	} {
		if _, err := api.New(api.APIToken(token), option); !errors.Is(err, api.ErrInvalidArgument) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := newClient(t, scripted(reply(200, emptyBody))).Associations((*nilContext)(nil), cert); !errors.Is(err, api.ErrInvalidArgument) {
		t.Errorf("a nil context: %v", err)
	}
}

func TestAnErrorReadFromJSONIsOneLine(t *testing.T) {
	t.Parallel()
	const hostile = "a\nb\r\x1b[2J\u2028c"
	text, err := json.Marshal(map[string]any{
		"status_code": 500, "ray_id": hostile,
		"errors":   []any{map[string]any{"code": 1, "message": hostile, "pointer": hostile}},
		"messages": []any{map[string]any{"code": 1, "message": hostile}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{"", `,"error":` + jsonString(hostile)} {
		var e api.Error
		if err := json.Unmarshal([]byte(strings.TrimSuffix(string(text), "}")+member+"}"), &e); err != nil {
			t.Fatal(err)
		}
		if got := e.Error(); strings.ContainsAny(got, "\n\r\x1b\u2028") {
			t.Errorf("the error has a line break or a control character: %q", got)
		}
	}
}

func TestErrorHasTheWaitThatAResponseRequires(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]api.Error{
		"cloudflare-mtls: HTTP 429 Too Many Requests (retry after 1m0s, ray x)": {StatusCode: 429, RetryAfter: time.Minute, RayID: "x"},
		"cloudflare-mtls: HTTP 503 Service Unavailable":                         {StatusCode: 503, RetryAfter: 50 * time.Millisecond}, // the delay of a retry
		"cloudflare-mtls": {RetryAfter: time.Minute}, // of the client's own limiter: the note has the wait
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAFailureWithInvalidMembersKeepsItsCodes(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		`{"success":false,"errors":[{"code":1000,"message":"no"}],"result":"odd"}`:                   1000,
		`{"success":false,"errors":[{"code":1000,"message":"no"}],"result":[7]}`:                     1000,
		`{"success":false,"errors":[{"code":"1000","message":"no"}],"result":null}`:                  1000,
		`{"success":false,"errors":[{"code":1000}],"messages":["odd"],"result":{}}`:                  1000,
		`{"success":false,"errors":[{"code":1000}],"messages":"odd","result_info":7}`:                1000,
		`{"success":false,"errors":{"code":"1000.0","message":"no"},"messages":[7],"result":[null]}`: 1000,
		`{"result":7,"errors":["no"],"success":false}`:                                               0,
	} {
		for _, status := range []int{200, 400} {
			_, err := newClient(t, scripted(reply(status, body))).Associations(t.Context(), cert)
			wantSentinels(t, err, api.ErrRejected)
			if e := asError(t, err); len(e.Details) != 1 || e.Details[0].Code != want {
				t.Errorf("HTTP %d, %s: %+v", status, body, e.Details)
			}
		}
	}
}

func TestResultsHaveAShortText(t *testing.T) {
	t.Parallel()
	client := newClient(t, scripted(reply(200, inUseBody)))
	list, err := client.Associations(t.Context(), cert)
	if err != nil {
		t.Fatal(err)
	}
	const inUse = "in_use: 1 association"
	long := strings.Repeat("x", 2000)
	for want, value := range map[string]any{
		inUse:                                   *list,
		cert.ID + ": " + inUse:                  api.AuditResult{Certificate: cert, List: list},
		cert.ID + ": unknown: cloudflare":       api.AuditResult{Certificate: cert, Err: &api.Error{StatusCode: 404}},
		"unknown: 0 uses":                       api.Evidence{},
		"unknown: workers: cloudflare":          api.Evidence{Sources: []api.SourceResult{{Source: api.SourceWorkers, State: api.SourceFailed, Err: &api.Error{StatusCode: 403}}}},
		cert.ID + ": unknown: 0 uses":           api.InventoryItem{Certificate: api.Certificate{Ref: cert}},
		cert.ID + `: "edge\n", type "custom"`:   api.Certificate{Ref: cert, Name: "edge\n", Type: "custom", PEM: long},
		cert.ID + `: "xxxxxxxxxxxxxxx`:          api.Certificate{Ref: cert, Name: long, PEM: long},
		cert.ID + ": deleted (unknown: 0 uses)": api.Deletion{Certificate: api.Certificate{Ref: cert, PEM: long}, Evidence: &api.Evidence{}, State: api.DeletionDone},
		cert.ID + ": kept (<nil>)":              api.Deletion{Certificate: api.Certificate{Ref: cert, PEM: long}, State: api.DeletionKept},
	} {
		for _, verb := range []string{"%v", "%+v", "%s"} {
			if got := fmt.Sprintf(verb, value); !strings.HasPrefix(got, want) || len(got) > 150 {
				t.Errorf("%s of a %T: %q, want %q", verb, value, got, want)
			}
		}
	}
	if got := fmt.Sprint(list, (*api.AssociationList)(nil)); got != inUse+" <nil>" {
		t.Errorf("got %q", got)
	}
}

// The text names the place of the fault, and holds nothing of the body.
func TestErrorOfAnInvalidSuccessNamesThePlace(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		" ":                                   "the body is empty",
		`[]`:                                  "the body is not a JSON object",
		`{"success":true,}`:                   "the body is not valid JSON, at byte 15",
		`{"success":true,"success":true}`:     "a JSON object of the body has the same name twice, at byte 16",
		`{"result":[]}`:                       `the body has no "success"`,
		`{"success":null,"result":[]}`:        `the body has no "success"`,
		`{"success":"yes","result":[]}`:       `a JSON string at "/success" does not fit the contract`,
		`{"success":true,"result":{}}`:        `a JSON object at "/result" does not fit the contract`,
		`{"success":true,"result":[[]]}`:      `a JSON array at "/result/0" does not fit the contract`,
		`{"success":true,"result":[{},null]}`: "/result holds null instead of an object",
		`{"success":true,"result":[],"result_info":{"count":0.5}}`:   "/result_info/count is not an integer",
		`{"success":true,"result":[],"result_info":{"page":1e19}}`:   "/result_info/page is beyond 2^53",
		`{"success":true,"result":[],"result_info":{"count":"one"}}`: `a JSON string at "/result_info/count" does not fit the contract`,
	} {
		_, err := associationsOf(t, response(200, body))
		if !strings.Contains(err.Error(), ": "+want+" (") {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

func TestASuccessKeeps100ErrorsAndMessages(t *testing.T) {
	t.Parallel()
	notices := `[` + strings.Repeat(`{"code":1},`, 100) + `{"code":1}]`
	list, err := associationsOf(t, response(200, `{"success":true,"result":[],"result_info":null,"errors":`+notices+`,"messages":`+notices+`}`))
	if err != nil || len(list.Errors) != 100 || len(list.Messages) != 100 || list.Info != nil {
		t.Errorf("%d errors, %d messages, numbers %v; %v", len(list.Errors), len(list.Messages), list.Info, err)
	}
}

func TestTheCertificatesOfAPageKeep100PointersToMalformedMembers(t *testing.T) {
	t.Parallel()
	kept := 0
	rows := itemRange(1, 80, func(n int) string { return fmt.Sprintf(`{"id":%q,"name":7,"issuer":7}`, certificateID(n)) })
	for cert, err := range newClient(t, respondOnce(listResponse(rows, info(1, 80, 80, 1)))).Certificates(t.Context(), account) {
		if err != nil {
			t.Fatal(err)
		}
		kept += len(cert.Malformed)
	}
	if kept != 100 {
		t.Errorf("%d pointers", kept)
	}
}

// The API may send short rows that take much memory.
func TestAListThatNeedsTooMuchMemoryIsTooLarge(t *testing.T) {
	t.Parallel()
	list, err := associationsOf(t, response(200, `{"success":true,"result":[`+strings.Repeat(`{},`, 400_000)+`{}]}`))
	if wantSentinels(t, err, api.ErrResponseTooLarge); list != nil {
		t.Errorf("%d rows", len(list.Associations))
	}
}
