package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

// keyPair is a self-signed certificate with its key, as texts and as files.
type keyPair struct{ cert, key, certFile, keyFile string }

func newKeyPair(t *testing.T, ca bool) keyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"}, IsCA: ca, BasicConstraintsValid: ca,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * day),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p := keyPair{
		cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		key:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})),
	}
	p.certFile, p.keyFile = fileWith(t, p.cert), fileWith(t, p.key)
	return p
}

// expectNoKey fails the test if the output shows a line of the key.
func (p keyPair) expectNoKey(t *testing.T, got outcome) {
	t.Helper()
	for line := range strings.Lines(p.key) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") && strings.Contains(got.stdout+got.stderr, line) {
			t.Errorf("the private key is shown:\n%s\n%s", got.stdout, got.stderr)
		}
	}
}

// newRecorder starts a proxy in front of the service. It returns the environment
// variables for the proxy, and the bodies of the requests through it.
func newRecorder(t *testing.T, server *apitest.Server) (env []string, bodies *safeBuffer) {
	t.Helper()
	target, err := url.Parse(server.URL())
	requireNoError(t, err)
	bodies = &safeBuffer{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = io.NopCloser(io.TeeReader(r.Body, bodies))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return append(environment(server), "CLOUDFLARE_BASE_URL="+front.URL+target.Path), bodies
}

func TestUploadReadsFilesOrStandardInput(t *testing.T) {
	t.Parallel()
	ca, leaf := newKeyPair(t, true), newKeyPair(t, false)
	tests := map[string]struct {
		args  []string
		stdin string
		cert  keyPair
	}{
		"leaf and key":          {[]string{"--cert", leaf.certFile, "--key", leaf.keyFile, "--name", "new"}, "", leaf},
		"key on standard input": {[]string{"--cert", leaf.certFile, "--key", "-", "--name", "new"}, leaf.key, leaf},
		"certificate on stdin":  {[]string{"--cert", "-", "--key", leaf.keyFile, "--name", "new"}, leaf.cert, leaf},
		"CA":                    {[]string{"--cert", ca.certFile, "--ca", "--name", "new", "--debug"}, "", ca},
		"CA and key":            {[]string{"--cert", ca.certFile, "--key", ca.keyFile, "--ca", "--name", "new", "--debug"}, "", ca},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t, nil)
			env, bodies := newRecorder(t, server)
			cmd := command(t, env, append([]string{"upload", "-o", "json"}, test.args...)...)
			cmd.Stdin = strings.NewReader(test.stdin)
			got := execute(t, cmd)
			got.expect(t, exitOK, "certuse: the certificate is in the account: ")
			test.cert.expectNoKey(t, got)
			certs := got.decode(t).Certificates
			if len(certs) != 1 || certs[0].Name != "new" || certs[0].AccountID != testAccount {
				t.Fatalf("%s", got.stdout)
			}
			withKey := slices.Contains(test.args, "--key")
			if key := strings.Split(test.cert.key, "\n")[1]; strings.Contains(bodies.String(), key) != withKey {
				t.Errorf("want the private key in the request: %t", withKey)
			}
			listed := execute(t, command(t, environment(server), "list", "-o", "id"))
			if listed.stdout != certs[0].CertificateID+"\n" {
				t.Errorf("the account has %q, want %s", listed.stdout, certs[0].CertificateID)
			}
		})
	}
}

func TestUploadOfAStoredCertificatePrintsIt(t *testing.T) {
	t.Parallel()
	server, leaf := newFake(t, nil), newKeyPair(t, false)
	first := execute(t, command(t, environment(server), "upload", "--cert", leaf.certFile, "--name", "old", "-o", "id"))
	first.expect(t, exitOK)
	second := execute(t, command(t, environment(server), "upload", "--cert", leaf.certFile, "--name", "new", "-o", "id"))
	second.expect(t, exitOK, `its name is "old", not "new"`)
	if first.stdout != second.stdout || first.stdout == "" {
		t.Errorf("%q, then %q", first.stdout, second.stdout)
	}
	execute(t, command(t, environment(server), "upload", "--cert", leaf.certFile, "--name", secretToken)).expect(t, exitOK, `its name is "old", not "[redacted]"`)
	metrics := execute(t, command(t, environment(server), "upload", "--cert", leaf.certFile, "--name", "old", "-o", "prometheus"))
	metrics.expect(t, exitOK)
	if !strings.Contains(metrics.stdout, "certificate_info{") || strings.Contains(metrics.stdout, "last_success") { // no account was read
		t.Errorf("metrics:\n%s", metrics.stdout)
	}
	quiet := execute(t, command(t, environment(server), "upload", "-q", "--cert", leaf.certFile, "--name", "new", "-o", "id"))
	if quiet.expect(t, exitOK); quiet.stderr != "" {
		t.Errorf("standard error in spite of -q: %q", quiet.stderr)
	}
}

func TestUploadSaysThatTheKeyOfAnOlderCertificateWasNotStored(t *testing.T) {
	t.Parallel()
	server, leaf := newFake(t, nil), newKeyPair(t, false)
	upload := []string{"upload", "--cert", leaf.certFile, "--key", leaf.keyFile}
	if first := execute(t, command(t, environment(server), upload...)); strings.Contains(first.stderr, "uploaded on") {
		t.Errorf("of a new certificate: %s", first.stderr)
	}
	server = newFake(t, nil)
	requireNoError(t, server.AddCertificate(ref("older"), apitest.Certificate{PEM: leaf.cert, UploadedOn: time.Now().Add(-time.Minute)}))
	execute(t, command(t, environment(server), upload...)).expect(t, exitOK,
		"unless a clock is wrong, the account had it before, and did not store this key\n")
	if keyless := execute(t, command(t, environment(server), upload[:3]...)); strings.Contains(keyless.stderr, "uploaded on") {
		t.Errorf("without a key: %s", keyless.stderr)
	}
}

func TestUploadIsReportedIfItsRecordCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--quiet", "--debug"} {
		pair, server := newKeyPair(t, false), newDeletionServer(t)
		before := storedIDs(t, server)
		cmd := command(t, environment(server), "upload", flag, "--cert", pair.certFile, "--key", pair.keyFile)
		cmd.Stdout = fullDevice(t)
		got := execute(t, cmd)
		got.expect(t, exitFailure, "cannot write to standard output")
		added := slices.DeleteFunc(storedIDs(t, server), func(id string) bool { return slices.Contains(before, id) })
		if len(added) != 1 || strings.Count(got.stderr, "certuse: the certificate is in the account: "+added[0]+"\n") != 1 {
			t.Errorf("%s: added %v, printed:\n%s", flag, added, got.stderr)
		}
	}
}

func TestUploadChecksBeforeItSends(t *testing.T) {
	t.Parallel()
	server := newFake(t, nil)
	ca, leaf := newKeyPair(t, true), newKeyPair(t, false)
	long := fileWith(t, make([]byte, maxPEMBytes+1))
	tests := map[string]struct {
		args []string
		says string
	}{
		"nothing":                {nil, "no certificate is named: give --cert FILE"},
		"an argument":            {[]string{leaf.certFile}, "upload takes no arguments"},
		"both on standard input": {[]string{"--cert", "-", "--key", "-"}, "cannot both be standard input"},
		"empty name of a file":   {[]string{"--cert="}, "--cert is empty"},
		"empty name of a key":    {[]string{"--cert", leaf.certFile, "--key="}, "--key is empty"},
		"no such file":           {[]string{"--cert", leaf.certFile + "x"}, "cannot read the certificate: "},
		"no such key":            {[]string{"--cert", leaf.certFile, "--key", leaf.keyFile + "x"}, "cannot read the private key: "},
		"a directory":            {[]string{"--cert", filepath.Dir(long)}, "is a directory"},
		"a long file":            {[]string{"--cert", long}, "is longer than 1048576 bytes: is this the certificate?"},
		"a key as certificate":   {[]string{"--cert", leaf.keyFile}, "--cert: block 1 is a private key; it belongs in --key"},
		"a certificate as key":   {[]string{"--cert", leaf.certFile, "--key", leaf.certFile}, "--key: block 1 is a certificate; it belongs in --cert"},
		"another key":            {[]string{"--cert", leaf.certFile, "--key", ca.keyFile}, "--key: the private key does not match the certificate in block 1 of --cert"},
		"a CA without --ca":      {[]string{"--cert", ca.certFile}, "--cert: block 1 is a CA certificate by its basic constraints, but --ca is not given"},
		"a leaf with --ca":       {[]string{"--cert", leaf.certFile, "--ca"}, "--cert: block 1 is not a CA certificate"},
		"an empty file":          {[]string{"--cert", os.DevNull}, "--cert is empty"},
		"an empty key":           {[]string{"--cert", leaf.certFile, "--key", os.DevNull}, "--key is empty"},
		"a key as a value":       {[]string{"--cert", leaf.certFile, "--key", leaf.key}, "--key takes the name of a file, or - for standard input"},
		"a key as a name":        {[]string{"--cert", leaf.certFile, "--name", leaf.key}, "--name holds a PEM block"},
		"a key as an argument":   {[]string{"--cert", leaf.certFile, leaf.key}, "an argument is a PEM text"},
		"a key after the flags":  {[]string{"--cert", leaf.certFile, "--", leaf.key}, "upload takes no arguments"},
		"two accounts":           {[]string{"--cert", leaf.certFile, "--account", "a,b"}, "upload needs one account, not 2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := execute(t, command(t, environment(server), append([]string{"upload"}, test.args...)...))
			got.expect(t, exitUsage, test.says)
			ca.expectNoKey(t, got)
			leaf.expectNoKey(t, got)
		})
	}
	t.Cleanup(func() { expectNoRequests(t, server) })
}

func TestFailedUploadExplainsTheError(t *testing.T) {
	t.Parallel()
	leaf := newKeyPair(t, false)
	tests := map[string]struct {
		response apitest.Response
		code     int
		says     string
	}{
		"refused":         {apitest.Forbidden(), exitFailure, `needs the permission "Account: SSL and Certificates Write"`},
		"unknown account": {apitest.NotFound(), exitFailure, "; the API does not know the account: check its id\n"},
		"key echoed":      {apitest.Failure(400, api.ErrorDetail{Code: 1, Message: "bad " + leaf.key}), exitFailure, "[redacted]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t, nil)
			script(t, server, uploadCertificate, test.response.Always())
			got := execute(t, command(t, environment(server), "upload", "--cert", leaf.certFile, "--key", leaf.keyFile, "--debug"))
			got.expect(t, test.code, test.says)
			leaf.expectNoKey(t, got)
			if n := requests(server, uploadCertificate); n != 1 || got.stdout != "" {
				t.Errorf("%d requests; standard output: %s", n, got.stdout)
			}
		})
	}
}

// The upload fails with 502, and the list does not show the certificate.
func TestUploadOfUnknownOutcomeExitsWith3(t *testing.T) {
	t.Parallel()
	server, leaf := newFake(t, nil), newKeyPair(t, false)
	script(t, server, uploadCertificate, apitest.ServerError(502).Always())
	file := filepath.Join(t.TempDir(), "record.json")
	got := execute(t, command(t, environment(server), "upload", "--cert", leaf.certFile, "--timeout", "2s", "--output-file", file))
	got.expect(t, exitUnknown, "the outcome is unknown")
	if _, err := os.Stat(file); err == nil {
		t.Error("the file was written")
	}
}

// The account has the certificate, but the list that would show it hangs.
func TestUploadEndedByTheTimeoutExitsWith3(t *testing.T) {
	t.Parallel()
	server, leaf := newFake(t, nil), newKeyPair(t, false)
	upload := []string{"upload", "--cert", leaf.certFile, "--timeout", "2s"}
	execute(t, command(t, environment(server), upload...)).expect(t, exitOK)
	script(t, server, listCertificates, apitest.Hang().Always())
	execute(t, command(t, environment(server), upload...)).expect(t, exitUnknown, "This certificate already exists", "context deadline exceeded")
}

func TestUploadWorksInTheDemo(t *testing.T) {
	t.Parallel()
	leaf := newKeyPair(t, false)
	got := execute(t, command(t, nil, "upload", "--demo", "--cert", leaf.certFile, "--name", "new", "-o", "jsonl"))
	got.expect(t, exitOK)
	var cert decoded
	if err := json.Unmarshal([]byte(got.stdout), &cert); err != nil || cert.Name != "new" || cert.AccountID != demoAccount {
		t.Errorf("%v: %s", err, got.stdout)
	}
}

// readerFunc is a function that reads.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// The race detector fails this test if the command uses a text that is still being read.
func TestInterruptEndsTheReadingOfACertificate(t *testing.T) {
	t.Parallel()
	pair := newKeyPair(t, false)
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		stdin := readerFunc(func(p []byte) (int, error) {
			cancel()
			return copy(p, pair.cert), io.EOF
		})
		var out safeBuffer
		code := run(ctx, []string{"upload", "--cert", "-", "--account", testAccount}, system{stdin, &out, &out, func(name string) string {
			return map[string]string{"CLOUDFLARE_API_TOKEN": testToken, "CLOUDFLARE_BASE_URL": "http://127.0.0.1:1"}[name]
		}})
		if code != exitUnknown {
			t.Errorf("exit code %d: %s", code, out.String())
		}
	}
}
