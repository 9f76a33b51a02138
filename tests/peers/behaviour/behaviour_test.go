// Package behaviour compares how each client handles unusual responses and input. The
// table in the README must equal the results.
package behaviour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/tests/peers/clients/ours"
	"github.com/certuse/cloudflare-mtls/tests/peers/clients/v0"
	"github.com/certuse/cloudflare-mtls/tests/peers/clients/v7sub"
	"github.com/certuse/cloudflare-mtls/tests/peers/face"
)

const (
	account     = "023e105f4ecef8ad9ca31a8372d0c353"
	certificate = "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"
	good        = `{"success":true,"errors":[],"messages":[],"result":[]}`
)

var clients = []struct {
	name string
	make face.New
}{
	{"this client", ours.New},
	{"cloudflare-go v7", v7sub.New},
	{"cloudflare-go v0", v0.New},
}

// situations are the rows of the table: name describes a response or input, and run
// returns the outcome of a client as text.
var situations = []struct {
	name string
	run  func(t *testing.T, client face.New) string
}{
	{"`200` with `\"success\": false`", body(`{"success":false,"errors":[{"code":1000,"message":"no"}],"messages":[],"result":null}`)},
	{"`200` with `\"result\": null`", body(`{"success":true,"errors":[],"messages":[],"result":null}`)},
	{"`200` with the body `null`", body(`null`)},
	{"`200` with the same key twice", body(`{"success":true,"errors":[],"messages":[],"result":[{"service":"gateway"}],"result":[]}`)},
	{"`200` with the body cut off, then a good one", cutOff},
	{"`429` with `Retry-After: 86400`, deadline in 1 s", rateLimited},
	{"redirect to another port of the host", redirected},
	{"`..` as the certificate's id", dotDot},
}

// body returns a run function whose server responds to every request with text.
func body(text string) func(t *testing.T, client face.New) string {
	return func(t *testing.T, client face.New) string {
		return ask(t, client, certificate, func(w http.ResponseWriter, _ *http.Request) { reply(w, text) })
	}
}

func reply(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprint(w, text)
}

// ask makes one call and describes its result in a few words.
func ask(t *testing.T, client face.New, id string, handle http.HandlerFunc) (outcome string) {
	t.Helper()
	server := httptest.NewServer(handle)
	defer server.Close()
	call, err := client(server.URL+"/client/v4", "token", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			outcome = "panics"
		}
	}()
	n, err := call(ctx, account, id)
	if err != nil {
		return "error"
	}
	if n == 1 {
		return "no error, 1 row"
	}
	return "no error, " + strconv.Itoa(n) + " rows"
}

func cutOff(t *testing.T, client face.New) string {
	var requests atomic.Int64
	outcome := ask(t, client, certificate, func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 1 {
			w.Header().Set("Content-Length", strconv.Itoa(len(good)))
			reply(w, good[:20])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		reply(w, good)
	})
	if requests.Load() > 1 && outcome == "no error, 0 rows" {
		return "retried: the good response"
	}
	return outcome
}

func rateLimited(t *testing.T, client face.New) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "86400")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = fmt.Fprint(w, `{"success":false,"errors":[{"code":971,"message":"slow down"}],"messages":[],"result":null}`)
	}))
	defer server.Close()
	call, err := client(server.URL+"/client/v4", "token", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	started := time.Now()
	_, err = call(ctx, account, certificate)
	switch waited := time.Since(started) > 700*time.Millisecond; {
	case err == nil:
		return "no error"
	case waited:
		return "waits for the whole second"
	case !strings.Contains(err.Error(), "429"):
		return "another error at once"
	default:
		return "the 429 at once"
	}
}

func redirected(t *testing.T, client face.New) string {
	var leaked atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked.Store(r.Header.Get("Authorization") != "")
		reply(w, good)
	}))
	defer elsewhere.Close()
	outcome := ask(t, client, certificate, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
	})
	if leaked.Load() {
		return "followed, token sent along"
	}
	return outcome
}

func dotDot(t *testing.T, client face.New) string {
	var path atomic.Pointer[string]
	outcome := ask(t, client, "..", func(w http.ResponseWriter, r *http.Request) {
		path.Store(&r.URL.Path)
		reply(w, good)
	})
	switch p := path.Load(); {
	case p == nil:
		return outcome + ", nothing sent"
	case strings.Contains(*p, ".."):
		return "sent as it is"
	default:
		return "request to another endpoint (" + outcome + ")"
	}
}

func table(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| response or input |")
	for _, c := range clients {
		b.WriteString(" " + c.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(clients)) + "\n")
	for _, s := range situations {
		b.WriteString("| " + s.name + " |")
		for _, c := range clients {
			b.WriteString(" " + s.run(t, c.make) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestReadmeShowsTheMeasuredBehaviour(t *testing.T) {
	measured := table(t)
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), measured) {
		t.Errorf("the README's comparison is not this one:\n%s", measured)
	}
}

// A cell names an error only if the client returned that error.
func TestOutcomesAreThoseOfTheClient(t *testing.T) {
	unsent := func(rows int, err error) face.New {
		return func(string, string, http.RoundTripper) (face.Call, error) {
			return func(context.Context, string, string) (int, error) { return rows, err }, nil
		}
	}
	if got := rateLimited(t, unsent(0, errors.New("no route"))); got != "another error at once" {
		t.Errorf("an error that is not the 429: %s", got)
	}
	if got := dotDot(t, unsent(0, nil)); got != "no error, 0 rows, nothing sent" {
		t.Errorf("a result without a request: %s", got)
	}
}
