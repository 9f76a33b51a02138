package hostile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// hostileIDs are invalid ids. Sent unescaped, some would change the path, start a query
// or add a header.
var hostileIDs = []string{
	"", ".", "..", "/", "//", "a/b", "../x", "x/..", "..%2f", "%2e%2e", "%2F", "%00", "a%", "%zz",
	"?", "a?x=1", "a&b", "#", "a#b", ";", "a;b", "a=b", "@", "user@host", ":", "http://127.0.0.1/", `\`, `..\x`,
	" ", "a b", " a", "a\t", "a\r\nX-Evil: 1", "a\nb", "a\x00b", "\x7f", "ä", "\u202e", "\uff0e\uff0e", "\xff",
	strings.Repeat("a", 65), strings.Repeat("a", 1<<20), "*", "{id}", "$(id)", "a.b", "a,b", "a+b", "~", "<script>",
}

func TestHostileIDsNeverReachTheWire(t *testing.T) {
	t.Parallel()
	if n := len(hostileIDs); n < 40 || len(slices.Compact(slices.Sorted(slices.Values(hostileIDs)))) != n {
		t.Fatalf("%d ids, want at least 40 and none twice", n)
	}
	server := fs.Start(t, fs.Always(fs.OK()), nil)
	client := newClient(t, server)
	var all []api.CertificateRef
	for _, id := range hostileIDs {
		all = append(all, api.CertificateRef{AccountID: id, ID: cert.ID}, api.CertificateRef{AccountID: cert.AccountID, ID: id})
	}
	for _, ref := range all {
		for _, op := range operations {
			if op.takesCertificate || ref.AccountID != cert.AccountID {
				_, err := op.call(t.Context(), client, ref.AccountID, ref.ID)
				checkRefused(t, ref, err)
			}
		}
		if err := ref.Validate(); !errors.Is(err, api.ErrInvalidArgument) {
			t.Errorf("Validate(%.40q): %v", ref, err)
		}
	}
	results := 0
	for r := range client.Audit(t.Context(), slices.Values(all)) {
		checkRefused(t, r.Certificate, r.Err)
		results++
	}
	if results != len(all) {
		t.Errorf("the audit yields %d results for %d certificates", results, len(all))
	}
	if connections, _, _ := server.Connections(); connections != 0 || server.Requests() != 0 {
		t.Errorf("%d connections and %d requests, want none", connections, server.Requests())
	}
	if _, err := client.Associations(t.Context(), cert); err != nil || server.Requests() != 1 {
		t.Errorf("a valid id: %d requests, %v, want one to this server", server.Requests(), err)
	}
}

func checkRefused(t *testing.T, ref api.CertificateRef, err error) {
	t.Helper()
	var failure *api.Error
	if !errors.As(err, &failure) || !errors.Is(err, api.ErrInvalidArgument) || failure.Attempts != 0 {
		t.Errorf("%.40q: got %v, want ErrInvalidArgument without an attempt", fmt.Sprint(ref), err)
		return
	}
	// A value passed by mistake may be a secret, and may be long.
	for _, id := range []string{ref.AccountID, ref.ID} {
		if len(id) > 8 && strings.Contains(err.Error(), id) {
			t.Errorf("the error repeats the id: %.200s", err)
		}
	}
	if len(err.Error()) > 300 {
		t.Errorf("the error has %d bytes, want at most 300", len(err.Error()))
	}
}
