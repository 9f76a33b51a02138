package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
	"github.com/certuse/cloudflare-mtls/generated"
)

// asCommand is the environment variable that makes the test binary run main, with its
// exit codes, signals and environment.
const asCommand = "CERTUSE_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	// A command inherits which signals are ignored, for example by nohup(1), but no
	// handlers. With a handler here, a command starts with the default action.
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	os.Exit(m.Run())
}

const (
	testAccount = "023e105f4ecef8ad9ca31a8372d0c353"
	testToken   = "canary-token-3b1f"
)

func ref(id string) api.CertificateRef {
	return api.CertificateRef{AccountID: testAccount, ID: id}
}

var (
	inUse   = apitest.Associations(api.Association{Service: "gateway", Status: "active"})
	unused  = apitest.NoAssociations()
	refused = apitest.Forbidden()
)

// newFake starts a service with testAccount. The keys of responses are its leaf
// certificates, and the values are the responses about their associations.
func newFake(t *testing.T, responses map[string]apitest.Response) *apitest.Server {
	t.Helper()
	server, err := apitest.NewServer(apitest.WithAPIToken(testToken))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	problems := []error{server.AddAccount(testAccount)}
	for _, id := range slices.Sorted(maps.Keys(responses)) {
		problems = append(problems,
			server.AddCertificate(ref(id), apitest.Certificate{Name: "name of " + id, ExpiresOn: time.Now().Add(365 * day)}),
			server.Script(apitest.AssociationsOf(ref(id)), responses[id].Always()))
	}
	requireNoError(t, problems...)
	return server
}

// decodedReport is the json format as scripts read it.
type decodedReport struct {
	Certificates []decoded `json:"certificates"`
	Summary      struct {
		Total              int      `json:"total"`
		InUse              int      `json:"in_use"`
		Unused             int      `json:"unused"`
		Unknown            int      `json:"unknown"`
		LeftOut            []string `json:"left_out"`
		MissingPermissions []string `json:"missing_permissions"`
		Incomplete         bool     `json:"incomplete"`
		Interrupted        bool     `json:"interrupted"`
	} `json:"summary"`
}

type decoded struct {
	AccountID     string    `json:"account_id"`
	CertificateID string    `json:"certificate_id"`
	Name          string    `json:"name"`
	Usage         string    `json:"usage"`
	ExpiresOn     string    `json:"expires_on"`
	State         string    `json:"state"`
	Reason        string    `json:"reason"`
	RayID         string    `json:"ray_id"`
	DeletedAt     time.Time `json:"deleted_at"`
	Uses          []api.Use `json:"uses"`
	Sources       []struct {
		Source     string `json:"source"`
		State      string `json:"state"`
		Scope      string `json:"scope"`
		Permission string `json:"missing_permission"`
		Error      string `json:"error"`
	} `json:"sources"`
}

func (o outcome) decode(t *testing.T) (got decodedReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
		t.Fatalf("%v:\n%s\n%s", err, o.stdout, o.stderr)
	}
	return got
}

// requireNoError ends the test if one of the errors is not nil.
func requireNoError(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// fileWith returns the name of a new file with this text.
func fileWith[T ~string | ~[]byte](t *testing.T, text T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	requireNoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// command returns certuse as a process. Its environment has env and what the tests
// need. It inherits no variables.
func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append([]string{
		asCommand + "=1", "TMPDIR=" + t.TempDir(), "GOCOVERDIR=" + t.TempDir(),
		"GORACE=atexit_sleep_ms=0", // otherwise each command built with -race ends a second late
	}, env...)
	return cmd
}

// environment returns the environment variables for the fake service.
func environment(server *apitest.Server) []string {
	return []string{
		"CLOUDFLARE_API_TOKEN=" + testToken,
		"CLOUDFLARE_ACCOUNT_ID=" + testAccount,
		"CLOUDFLARE_BASE_URL=" + server.URL(),
	}
}

type outcome struct {
	code           int
	stdout, stderr string
}

func execute(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if cmd.Stderr == nil {
		cmd.Stderr = &stderr
	}
	if cmd.Stdout == nil {
		cmd.Stdout = &stdout
	}
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return checkOutput(t, outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()})
}

// checkOutput fails the test if the output shows the token.
func checkOutput(t *testing.T, got outcome) outcome {
	t.Helper()
	if strings.Contains(got.stdout+got.stderr, testToken) {
		t.Errorf("the token is shown:\n%s\n%s", got.stdout, got.stderr)
	}
	return got
}

func (o outcome) expect(t *testing.T, code int, stderr ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d; standard error:\n%s", o.code, code, o.stderr)
	}
	for _, want := range stderr {
		if !strings.Contains(o.stderr, want) {
			t.Errorf("standard error does not say %q:\n%s", want, o.stderr)
		}
	}
}

// expectPrintable fails the test if the output has characters that a terminal may
// interpret.
func (o outcome) expectPrintable(t *testing.T) {
	t.Helper()
	for line := range strings.Lines(o.stdout + o.stderr) {
		if text := strings.TrimSuffix(line, "\n"); !isPrintable(text) {
			t.Errorf("not printable: %q", shorten(text, 300))
		}
	}
}

// safeBuffer is written by one goroutine while another reads it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// requests counts the requests for an operation.
func requests(server *apitest.Server, operation string) (n int) {
	for _, r := range server.Requests() {
		if r.Operation == operation {
			n++
		}
	}
	return n
}

// process is a running command.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr safeBuffer
}

func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.stderr
	}
	requireNoError(t, cmd.Start())
	return p
}

func (p *process) end(t *testing.T) outcome {
	t.Helper()
	_ = p.cmd.Wait() // only the exit code counts
	return checkOutput(t, outcome{p.cmd.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String()})
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Error(err)
	}
}

// eventually waits for an effect of another process.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// newTwoAccounts starts a service with testAccount and the account of the demo. No
// permission is missing.
func newTwoAccounts(t *testing.T) *apitest.Server {
	t.Helper()
	server := newFake(t, map[string]apitest.Response{"used": inUse, "free": unused})
	requireNoError(t, fillDemo(server, time.Now()), server.SetForbidden())
	return server
}

var deleteCertificate = generated.DeleteMTLSCertificateOperation.ID

// newDeletionServer starts a service with leaf certificates: "free-1" to "free-3" are
// unused, "used" is in use, the usage of "secret" is unknown, and the vendor manages
// "managed".
func newDeletionServer(t *testing.T) *apitest.Server {
	t.Helper()
	server := newFake(t, map[string]apitest.Response{"used": inUse, "free-1": unused, "free-2": unused, "free-3": unused, "secret": refused})
	requireNoError(t,
		server.SetAssociations(ref("used"), api.Association{Service: "gateway", Status: "active"}),
		server.AddCertificate(ref("managed"), apitest.Certificate{Name: "name of managed", Type: "gateway_managed"}))
	return server
}

// storedIDs returns the ids of the certificates in the account.
func storedIDs(t *testing.T, server *apitest.Server) []string {
	t.Helper()
	client, err := server.Client()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for cert, err := range client.Certificates(t.Context(), testAccount) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, cert.Ref.ID)
	}
	slices.Sort(ids)
	return ids
}

var allStored = []string{"free-1", "free-2", "free-3", "managed", "secret", "used"}

// decodeLines parses JSON Lines in which each certificate has one line.
func decodeLines(t *testing.T, text string) map[string]decoded {
	t.Helper()
	out := map[string]decoded{}
	for line := range strings.Lines(text) {
		var r decoded
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if _, twice := out[r.CertificateID]; twice {
			t.Errorf("%s has two lines", r.CertificateID)
		}
		out[r.CertificateID] = r
	}
	return out
}

// Operations that tests count and script.
var (
	listCertificates  = generated.ListMTLSCertificatesOperation.ID
	uploadCertificate = generated.UploadMTLSCertificateOperation.ID
)

// script sets the responses of an operation.
func script(t *testing.T, server *apitest.Server, operation string, responses ...apitest.Response) {
	t.Helper()
	requireNoError(t, server.Script(apitest.Target{Operation: operation}, responses...))
}

// scriptDeletion sets the response to the deletion of a certificate.
func scriptDeletion(t *testing.T, server *apitest.Server, id string, response apitest.Response) {
	t.Helper()
	target := apitest.Target{Operation: deleteCertificate, Parameters: map[string]string{"mtls_certificate_id": id}}
	requireNoError(t, server.Script(target, response))
}

// expectNoRequests fails the test if the server has received a request.
func expectNoRequests(t *testing.T, server *apitest.Server) {
	t.Helper()
	if n := len(server.Requests()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// textOf returns the content of a file.
func textOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// closedPipe returns the end for writing of a pipe that is closed for reading.
func closedPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	requireNoError(t, err, r.Close())
	t.Cleanup(func() { _ = w.Close() })
	return w
}
