package faults

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/tests/internal/canary"
	"github.com/certuse/cloudflare-mtls/tests/internal/certs"
	fs "github.com/certuse/cloudflare-mtls/tests/internal/faultserver"
)

// Each fault hits the first attempt of an upload. Every later request gets a list with
// the certificate, so a second upload would show as one more request.
func TestUploadsAreSentTwiceOnlyIfTheFirstHadNoEffect(t *testing.T) {
	t.Parallel()
	chain := string(certs.NewAuthority(t).PEM())
	text, err := json.Marshal(chain)
	if err != nil {
		t.Fatal(err)
	}
	list := fs.JSON(200, `{"success":true,"errors":[],"messages":[],"result":[{"id":"stored","certificates":`+string(text)+`}]}`)
	for _, f := range table {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			requests, found := 2, true // the upload and the list
			switch {
			case f.name == abortedName: // only the list
				requests = 1
			case f.connection != nil && f.reaction == final:
				requests, found = 0, false
			case f.reaction == waited: // the refused upload, another one, the list
				requests = 3
			case f.reaction == blocked, f.name == "success false with 200":
				requests, found = 1, false
			}
			c := newCell(t, f, operations[0], situation{}.attempt(f))
			c.fail(func(n int) bool { return n == 1 || f.reaction == final && f.connection != nil }, nothing, list)
			got, err := c.client.Upload(c.ctx, cert.AccountID, api.CertificateUpload{CA: true, PEM: chain})
			if n := c.server.Requests(); n != requests || (err == nil) != found || found && got.Ref.ID != "stored" {
				t.Errorf("%d requests, want %d: %+v, %v", n, requests, got, err)
			}
			if errors.Is(err, api.ErrOutcomeUnknown) {
				t.Errorf("the outcome is known, but the error is ErrOutcomeUnknown: %v", err)
			}
			canary.Check(t, "error", err)
		})
	}
}
