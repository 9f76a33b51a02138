package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestUploadStoresTheCertificate(t *testing.T) {
	t.Parallel()
	for name, up := range map[string]api.CertificateUpload{
		"leaf with chain":   {Name: "edge", PEM: leafPEM + caPEM, Key: api.PrivateKeyPEM(leafKey)},
		"CA":                {CA: true, PEM: caPEM},
		"CA with key":       {CA: true, PEM: caPEM, Key: api.PrivateKeyPEM(caKey)},
		"white space":       {PEM: "\r\n" + crlf(leafPEM) + "\r\n\r\n", Key: api.PrivateKeyPEM(" " + leafKey + "\n")},
		"leaf without key":  {PEM: leafPEM},
		"key as PKCS #1":    {PEM: rsaPEM, Key: api.PrivateKeyPEM(rsaKey)},
		"key in SEC 1 form": {PEM: leafPEM, Key: api.PrivateKeyPEM(leafKeySEC1)},
	} {
		s := &store{}
		got, err := newClient(t, s).Upload(t.Context(), account, up)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if must(got.SHA256()) != must((&api.Certificate{PEM: up.PEM}).SHA256()) {
			t.Errorf("%s: got another certificate: %s", name, got.PEM)
		}
		if *got.CA != up.CA || got.Name != up.Name && up.Name != "" || got.Ref.AccountID != account {
			t.Errorf("%s: got %+v", name, got)
		}
		if s.has(got.Ref.ID) != 1 || s.count("upload") != 1 || (s.keys[0] == "") != reflect.ValueOf(up.Key).IsZero() {
			t.Errorf("%s: requests %v", name, s.requests)
		}
	}
}

func TestUploadChecksBeforeItSends(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		up   api.CertificateUpload
		want string
	}{
		"nothing":                {api.CertificateUpload{}, "PEM is empty"},
		"not PEM":                {api.CertificateUpload{PEM: "MIIB"}, "PEM: the text does not begin with a PEM block"},
		"text in front":          {api.CertificateUpload{PEM: "subject=CN\n" + leafPEM}, "PEM: the text does not begin"},
		"text between":           {api.CertificateUpload{PEM: leafPEM + "issuer:\n" + caPEM}, "text after block 1 that is not PEM"},
		"text behind":            {api.CertificateUpload{PEM: leafPEM + caPEM + "x"}, "text after block 2 that is not PEM"},
		"malformed":              {api.CertificateUpload{PEM: leafPEM + caPEM[:100] + "\n" + leafPEM}, "PEM: block 2 is malformed"},
		"cut off":                {api.CertificateUpload{PEM: leafPEM[:300]}, "PEM: block 1 is malformed"},
		"key in PEM":             {api.CertificateUpload{PEM: leafPEM + leafKey}, "PEM: block 2 is a private key; it belongs in Key"},
		"signing request":        {api.CertificateUpload{PEM: block("CERTIFICATE REQUEST", []byte("x"))}, "block 1 is a certificate signing request"},
		"new signing request":    {api.CertificateUpload{PEM: block("NEW CERTIFICATE REQUEST", []byte("x"))}, "block 1 is a certificate signing request"},
		"another block":          {api.CertificateUpload{PEM: block("PKCS7", []byte("x"))}, "block 1 is not a certificate"},
		"not a certificate":      {api.CertificateUpload{PEM: leafPEM + block("CERTIFICATE", []byte("x"))}, "block 2 is not a valid certificate"},
		"wrong order":            {api.CertificateUpload{PEM: caPEM + leafPEM}, "block 1 is not issued by block 2"},
		"another issuer":         {api.CertificateUpload{PEM: leafPEM + otherCAPEM}, "block 1 is not issued by block 2"},
		"CA as leaf":             {api.CertificateUpload{PEM: caPEM}, "block 1 is a CA certificate by its basic constraints, but CA is false"},
		"leaf as CA":             {api.CertificateUpload{CA: true, PEM: leafPEM}, "block 1 is not a CA certificate"},
		"Ed25519 CA":             {api.CertificateUpload{CA: true, PEM: edPEM}, "block 1 is signed with Ed25519, which the API refuses"},
		"expired":                {api.CertificateUpload{PEM: expiredPEM}, "block 1 expired on 2000-01-01 00:00:00"},
		"not yet valid":          {api.CertificateUpload{PEM: futurePEM}, "block 1 is not valid before 2100-01-01 00:00:00"},
		"empty key":              {api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(" ")}, "Key is empty"},
		"another key":            {api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(caKey)}, "Key: the private key does not match the certificate in block 1"},
		"key of another kind":    {api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(rsaKey)}, "Key: the private key does not match"},
		"key is no PEM":          {api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(base64Of(leafKey))}, "Key: the text does not begin with a PEM block"},
		"certificate as key":     {api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(leafPEM)}, "Key: block 1 is a certificate"},
		"two keys":               {api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(leafKey + caKey)}, "Key: 2 blocks instead of 1"},
		"public key":             {api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(block("PUBLIC KEY", []byte("x")))}, "Key: block 1 is not a private key"},
		"encrypted key":          {api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(block("ENCRYPTED PRIVATE KEY", []byte("x")))}, "Key: block 1 is encrypted"},
		"key encrypted in PEM":   {api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\neA==\n-----END EC PRIVATE KEY-----\n")}, "Key: block 1 is encrypted"},
		"malformed key":          {api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(block("PRIVATE KEY", []byte("x")))}, "Key: block 1 is not a valid private key"},
		"key that cannot sign":   {api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(ecdhKey)}, "Key: block 1 is not a valid private key"},
		"key as name":            {api.CertificateUpload{Name: leafKey, PEM: leafPEM}, "Name holds a PEM block"},
		"leaf behind a CA":       {api.CertificateUpload{PEM: leafPEM + caPEM + caPEM + leafPEM}, "block 3 is not issued by block 4"},
		"Ed25519 CA behind leaf": {api.CertificateUpload{PEM: edLeafPEM + edPEM}, "block 2 is signed with Ed25519"},
	} {
		s := &store{}
		_, err := newClient(t, s).Upload(t.Context(), account, tt.up)
		wantSentinels(t, err, api.ErrInvalidArgument)
		if !strings.Contains(err.Error(), tt.want) || len(s.requests) != 0 {
			t.Errorf("%s: %v, want %q; requests %v", name, err, tt.want, s.requests)
		}
		if same := tt.up.Validate(); same == nil || same.Error() != err.Error() {
			t.Errorf("%s: Validate returned %v", name, same)
		}
		wantNoKey(t, name, err)
	}
	good := api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(leafKey)}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	s := &store{}
	if _, err := newClient(t, s).Upload(t.Context(), "a/b", good); !errors.Is(err, api.ErrInvalidArgument) || len(s.requests) != 0 {
		t.Errorf("%v, requests %v", err, s.requests)
	}
}

func TestUploadOfAStoredCertificateReturnsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := everySource()
		s.certificates[0].pem = caPEM // another certificate, earlier in the list
		client := newClient(t, s)
		first, err := client.Upload(t.Context(), account, api.CertificateUpload{Name: "first", PEM: leafPEM + caPEM})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		again, err := client.Upload(t.Context(), account, api.CertificateUpload{Name: "second", PEM: leafPEM, Key: api.PrivateKeyPEM(leafKey)})
		wantTook(t, "the search", start, 0, 0)
		if err != nil || again.Ref != first.Ref || again.Name != "first" || s.has(first.Ref.ID) != 1 {
			t.Errorf("%+v, %v", again, err)
		}
		// The list may not have the certificate at first.
		s.hidden = true
		start = time.Now()
		_, err = client.Upload(t.Context(), account, api.CertificateUpload{PEM: leafPEM})
		wantSentinels(t, err, api.ErrRejected)
		wantTook(t, "the upload", start, 25*time.Second, 30*time.Second)
		if asError(t, err).Details[0].Code != 1471 {
			t.Errorf("got %v, want the code 1471", err)
		}
		time.AfterFunc(10*time.Second, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.hidden = false
		})
		if again, err = client.Upload(t.Context(), account, api.CertificateUpload{PEM: leafPEM}); err != nil || again.Ref != first.Ref {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

func TestUploadThatIsRefusedIsNotRepeated(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{400: api.ErrRejected, 403: api.ErrForbidden, 401: api.ErrUnauthorized, 200: api.ErrRejected} {
		s := &store{faults: faults("/mtls_certificates", refuse(status, 1489))}
		_, err := newClient(t, s).Upload(t.Context(), account, api.CertificateUpload{PEM: leafPEM})
		wantSentinels(t, err, want)
		if s.count("upload") != 1 || s.count("certificates") != 0 {
			t.Errorf("%d: requests %v", status, s.requests)
		}
	}
}

// An upload is retried after a response only if the response is a rate limit error of
// the API itself and not a 5xx.
func TestUploadIsRepeatedOnlyAfterARateLimitError(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault   func() *http.Response
		uploads int
	}{
		"429 of the API":      {func() *http.Response { return response(429, envelopeWith("1"), "Retry-After", "1") }, 2},
		"code 971":            {func() *http.Response { return response(400, envelopeWith("971"), "Retry-After", "1") }, 2},
		"code 971, 502":       {func() *http.Response { return response(502, envelopeWith("971"), "Retry-After", "1") }, 1},
		"429 of the edge":     {func() *http.Response { return response(429, "error code: 1015", "Content-Type", "text/plain") }, 1},
		"500":                 {refuse(500, 1), 1},
		"503":                 {refuse(503, 1), 1},
		"408":                 {refuse(408, 1), 1},
		"an HTML page":        {func() *http.Response { return response(403, "<html>", "Content-Type", "text/html") }, 1},
		"no result":           {func() *http.Response { return response(200, `{"success":true}`) }, 1},
		"no id":               {success(`{"name":"x"}`), 1},
		"another certificate": {success(`{"id":"x","certificates":` + jsonString(caPEM) + `}`), 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &store{}
			s.before = func(kind string, _ *http.Request) (*http.Response, error) {
				if kind == "upload" && s.count(kind) == 1 {
					return tt.fault(), nil
				}
				return nil, nil
			}
			got, err := newClient(t, s).Upload(t.Context(), account, api.CertificateUpload{PEM: leafPEM})
			if n := s.count("upload"); n != tt.uploads || (err == nil) != (n == 2) || (got == nil) != (err != nil) || errors.Is(err, api.ErrOutcomeUnknown) != (n == 1) {
				t.Errorf("%s: %d uploads, %v", name, n, err)
			}
		})
	}
}

func TestUploadWithAnEndedContextIsNotSent(t *testing.T) {
	t.Parallel()
	s := &store{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newClient(t, s).Upload(ctx, account, api.CertificateUpload{PEM: leafPEM})
	wantSentinels(t, err, api.ErrNotAsked)
	if !errors.Is(err, context.Canceled) || len(s.requests) != 0 {
		t.Errorf("%v, requests %v", err, s.requests)
	}
}

func TestUploadReportsACertificateThatTheListDoesNotShow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		upload, list func() *http.Response
		want         error
		text         string
		took         time.Duration
		cancelled    bool
	}{
		"the list is forbidden":            {refuse(500, 1), refuse(403, 10000), api.ErrOutcomeUnknown, "list mTLS certificates: HTTP 403", 0, false},
		"the token is refused":             {refuse(500, 1), refuse(401, 10000), api.ErrOutcomeUnknown, "list mTLS certificates: HTTP 401", 0, false},
		"the list is forbidden after 1471": {refuse(400, 1471), refuse(403, 10000), api.ErrRejected, "list mTLS certificates: HTTP 403", 0, false},
		"the list fails":                   {refuse(500, 1), refuse(500, 1), api.ErrOutcomeUnknown, "", 25 * time.Second, false},
		"the list is empty":                {refuse(500, 1), success(`[]`), api.ErrOutcomeUnknown, "", 25 * time.Second, false},
		"cancelled during the search":      {refuse(500, 1), success(`[]`), api.ErrOutcomeUnknown, "", 3 * time.Second, true},
		"cancelled after 1471":             {refuse(400, 1471), success(`[]`), api.ErrRejected, "", 3 * time.Second, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.cancelled {
				defer time.AfterFunc(3*time.Second, cancel).Stop()
			}
			s := &store{before: func(kind string, _ *http.Request) (*http.Response, error) {
				if kind == "upload" {
					return tt.upload(), nil
				}
				return tt.list(), nil
			}}
			start := time.Now()
			_, err := newClient(t, s, api.WithMaxAttempts(1)).Upload(ctx, account, api.CertificateUpload{PEM: leafPEM})
			wantTook(t, name, start, tt.took, tt.took+5*time.Second)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) || errors.Is(err, context.Canceled) != tt.cancelled {
				t.Errorf("%s: got %v, want %v with %q, cancelled %t", name, err, tt.want, tt.text, tt.cancelled)
			}
		})
	}
}

// wantNoKey prints v in every way and looks for parts of the private keys.
func wantNoKey(t *testing.T, what string, v any) {
	t.Helper()
	wantNoneShown(t, what, v, keyParts)
}

func TestPrivateKeysAreNotPrinted(t *testing.T) {
	t.Parallel()
	key := api.PrivateKeyPEM(leafKey)
	up := api.CertificateUpload{PEM: leafPEM, Key: key}
	type holder struct {
		hidden api.PrivateKey
		upload *api.CertificateUpload
	}
	for what, v := range map[string]any{
		"value": key, "pointer": &key, "slice": []api.PrivateKey{key}, "map": map[string]any{"k": key},
		"upload": up, "upload pointer": &up, "holder": holder{key, &up}, "holder pointer": &holder{key, &up},
	} {
		wantNoKey(t, what, v)
	}
	if got := fmt.Sprintf("%v %d %#v, %s", key, key, key, api.PrivateKey{}); got != "private key [redacted] private key [redacted] private key [redacted], no private key" {
		t.Error(got)
	}
	if got := key.LogValue().String(); got != "private key [redacted]" {
		t.Errorf("logged as %q", got)
	}
	if text, err := json.Marshal(up); err != nil || !strings.Contains(string(text), `"Key":"private key [redacted]"`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestEchoedPrivateKeysAreShownNowhere(t *testing.T) {
	t.Parallel()
	lines := linesOf(leafKey)
	for form, echo := range map[string]string{
		"line": lines[0], "text": strings.ReplaceAll(leafKey, "\n", `\n`), "one line": base64Of(leafKey),
		"other lines": wrapLines(base64Of(leafKey)[40:], " "), "escaped breaks": wrapLines(base64Of(leafKey)[8:], `\u000a`), "part": lines[0][10:40],
	} {
		for name, step := range echoPlaces(echo) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				client := newClient(t, scripted(step, reply(200, emptyBody)), api.WithMaxAttempts(1),
					api.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
				got, err := client.Upload(t.Context(), account, api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(leafKey)})
				if err == nil {
					t.Errorf("%s, %s: no error", form, name)
				}
				wantNoKey(t, form+", "+name, err)
				wantNoKey(t, form+", "+name+": fields", *asError(t, err))
				for _, cause := range asError(t, err).Unwrap() {
					wantNoKey(t, form+", "+name+": cause", cause)
				}
				wantNoKey(t, form+", "+name+": log", log.String())
				wantNoKey(t, form+", "+name+": certificate", got)
			})
		}
		s := &store{after: func(string, *http.Response) (*http.Response, error) {
			return response(200, `{"success":true,"result":{"id":"x","name":"`+echo+`","issuer":"`+echo+`","certificates":`+jsonString(leafPEM)+`}}`), nil
		}}
		got, err := newClient(t, s).Upload(t.Context(), account, api.CertificateUpload{PEM: leafPEM, Key: api.PrivateKeyPEM(leafKey)})
		if err != nil || !strings.Contains(got.Issuer, "[redacted]") {
			t.Errorf("%s: %+v, %v", form, got, err)
		}
		wantNoKey(t, form+": certificate", got)
	}
}

// wrapLines breaks a text into lines of 48 characters.
func wrapLines(text, lineBreak string) string {
	lines := slices.Collect(slices.Chunk([]byte(text), 48))
	return string(bytes.Join(lines, []byte(lineBreak)))
}

// A private key in the form PKCS #1 or SEC 1 holds the public key of its certificate.
func TestPartsOfTheCertificateAreNotRedactedForTheKey(t *testing.T) {
	t.Parallel()
	for text, up := range map[string]api.CertificateUpload{
		linesOf(rsaPEM)[6]:  {PEM: rsaPEM, Key: api.PrivateKeyPEM(rsaKey)},
		linesOf(leafPEM)[2]: {PEM: leafPEM, Key: api.PrivateKeyPEM(leafKeySEC1)},
		"use -----BEGIN EC PRIVATE KEY-----, not PKCS #8": {PEM: leafPEM, Key: api.PrivateKeyPEM(leafKeySEC1)},
	} {
		s := &store{faults: faults("/mtls_certificates", func() *http.Response {
			return response(400, `{"success":false,"errors":[{"code":1,"message":`+jsonString(text)+`}]}`)
		})}
		_, err := newClient(t, s).Upload(t.Context(), account, up)
		if got := asError(t, err).Details[0].Message; got != text {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
}
